"""Short phrases: a quoted value, a node, and the setting to write."""

from __future__ import annotations

import pytest

from flask_trustproxy.report.phrases import node_name, printable, quote, suggest, trust_given
from helpers import settings_of


def test_an_element_that_is_there_already_is_not_proposed_again():
    policy = settings_of("loopback, unix, 10.0.0.2").policy
    assert suggest(policy, "unix:") == "loopback, unix, 10.0.0.2"
    assert suggest(policy, "10.0.0.2") == "loopback, unix, 10.0.0.2"
    assert suggest(policy, "") is None


@pytest.mark.parametrize(
    ("trust", "peer", "proposed"),
    [
        pytest.param("loopback", "10.0.0.2", "loopback, 10.0.0.2", id="beside addresses"),
        pytest.param(["10.0.0.2"], "unix:", "10.0.0.2, unix", id="beside a list"),
        pytest.param(2, "10.0.0.2", "10.0.0.2", id="in place of a count"),
        pytest.param(False, "2001:db8::1", "2001:db8::1", id="in place of nobody"),
    ],
)
def test_a_peer_is_proposed(trust: object, peer: str, proposed: str):
    assert suggest(settings_of(trust).policy, peer) == proposed


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        pytest.param("a", "'a'", id="text"),
        pytest.param("", "''", id="nothing"),
        pytest.param("a\r\nb\x1b[2J", r"'a\r\nb\x1b[2J'", id="control characters"),
        pytest.param("\u00e9", r"'\xe9'", id="not ASCII"),
        pytest.param("x" * 201, f"'{'x' * 200}'...", id="too long"),
        pytest.param("x" * 200, f"'{'x' * 200}'", id="just short enough"),
    ],
)
def test_text_of_a_stranger_is_one_short_line(text: str, quoted: str):
    assert quote(text) == quoted


def test_a_terminal_is_sent_nothing_that_moves_its_cursor():
    assert printable("caf\u00e9\x1b[2J\n") == "caf\u00e9\\x1b[2J\\n"


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("", "a peer without an address"),
        ("unix:", "a unix-domain socket"),
        ("10.0.0.2", "10.0.0.2"),
    ],
)
def test_a_node_has_a_name(node: str, name: str):
    assert node_name(node) == name


def test_a_setting_is_named_with_its_origin():
    assert trust_given(settings_of("10.0.0.2")) == "TRUST_PROXY='10.0.0.2' (from app.config)"
