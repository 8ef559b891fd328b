"""The policy: what is decided once, before any request comes."""

from __future__ import annotations

import pytest

from flask_trustproxy.core.addresses import parse_node
from helpers import CLIENT, PEER, settings_of

SECRET = "X-Origin-Verify: 0123456789abcdef"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        pytest.param("X-Forwarded-Proto", {"http", "https"}, id="a scheme"),
        pytest.param("X-Acme=scheme", {"http", "https"}, id="a scheme of another name"),
        pytest.param("X-Forwarded-For, X-Forwarded-Proto:2", set(), id="not of two values"),
        pytest.param("X-Forwarded-Ssl", set(), id="a switch is read"),
        pytest.param("X-Forwarded-Host", {"http", "https"}, id="also a host"),
        pytest.param("X-Forwarded-Port", set(), id="no port"),
    ],
)
def test_the_texts_that_mean_themselves(headers: str, words: set[str]):
    ((_, found),) = settings_of(headers=headers).policy.values
    assert found == words


@pytest.mark.parametrize(
    ("headers", "says_where", "reads_elements"),
    [
        pytest.param("X-Forwarded-For, X-Forwarded-Proto", False, False, id="the default"),
        pytest.param("Forwarded", True, True, id="Forwarded has a host"),
        pytest.param("X-Real-IP, X-Forwarded-Port", True, False, id="a port"),
        pytest.param("none", False, False, id="none"),
    ],
)
def test_what_the_headers_can_say(headers: str, says_where: bool, reads_elements: bool):
    policy = settings_of(headers=headers).policy
    assert (policy.says_where, policy.reads_elements) == (says_where, reads_elements)


@pytest.mark.parametrize(
    ("more", "hides"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"edge_secret": SECRET}, True, id="a secret"),
        pytest.param({"identity_headers": "Remote-User"}, True, id="a user's name"),
    ],
)
def test_what_is_kept_from_the_app(more: dict[str, object], hides: bool):
    assert settings_of(**more).policy.hides is hides


@pytest.mark.parametrize(
    ("more", "walked"),
    [
        pytest.param({}, ([], 0, "no_secret"), id="nothing is believed"),
        pytest.param({"edge": PEER}, ([], 0, "untrusted"), id="the edge is not trusted"),
        pytest.param(
            {"edge": "10.0.0.3"},
            (["10.0.0.3"], 1, "untrusted"),
            id="the walk ends at the edge",
        ),
    ],
)
def test_the_walk_without_the_secret(more: dict[str, object], walked: object):
    policy = settings_of("10.0.0.0/8", edge_secret=SECRET, **more).policy
    assert policy.walk_without_secret(PEER, f"{CLIENT}, 10.0.0.3", parse_node) == walked


def test_a_header_with_one_address_makes_only_the_peer_a_proxy():
    assert settings_of(True, "X-Real-IP").policy.trusts("10.0.0.2", 1) is False
    assert settings_of(True, "Forwarded").policy.trusts("10.0.0.2", 1) is True
