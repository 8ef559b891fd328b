"""The model of proxies in a row, with an edge, its secret and an identity header.

The outermost proxy is the edge. It sets the secret and overwrites the identity header. A
stranger enters the chain at any place, and writes what he likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.environ import resolution_of, rewrite
from flask_trustproxy.core.headers import environ_key
from flask_trustproxy.settings import Settings, read_settings
from helpers import CLIENT, environ_of
from test_chains import (
    ADDRESSES,
    ALL,
    ATTACKS,
    EVIL,
    HONEST,
    PROXIES,
    XFF,
    Chain,
    Does,
    arrives,
    chains,
    is_safe_by_count,
    is_safe_by_names,
)

VERIFY, SECRET = "X-Origin-Verify", "a-secret-of-20-chars"
USER, ADMIN = "Remote-User", "admin"
LOST, KEEPS, SETS = Does("drops"), Does("passes on"), Does("overwrites")

#: What a stranger writes beside the list of addresses. He does not know the secret.
GUESSES = [None, "", "a-guess-of-20-chars.", f"{SECRET}, ", SECRET.upper()]
FORGERIES = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example.com",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
}

NAMED = {"TRUST_PROXY": PROXIES}
WITH_SECRET = {"TRUST_PROXY_EDGE_SECRET": f"{VERIFY}: {SECRET}"}


@cache
def settings_for(length: int, kind: str) -> Settings:
    """The settings of an app behind so many proxies, by what they know of the edge."""
    edge = {"TRUST_PROXY_EDGE": ADDRESSES[length - 1]}
    config: dict[str, dict[str, object]] = {
        "addresses": {**NAMED, **edge},
        "addresses and a secret": {**NAMED, **edge, **WITH_SECRET},
        "a secret": {**NAMED, **WITH_SECRET},
        "a secret, and a count": {**WITH_SECRET, "TRUST_PROXY": length},
        "a secret, and everybody": {**WITH_SECRET, "TRUST_PROXY": True},
    }
    headers = ", ".join([XFF, *FORGERIES])
    both = {"TRUST_PROXY_HEADERS": headers, "TRUST_PROXY_IDENTITY_HEADERS": USER}
    return read_settings({**config[kind], **both}, {})


SECRETS = ["a secret", "a secret, and a count", "a secret, and everybody"]
KINDS = ["addresses", "addresses and a secret", *SECRETS]


def asked(
    settings: Settings,
    written: dict[str, Optional[str]],
    passed: Sequence[tuple[Does, Does, Does]],
    source: str = CLIENT,
    own_secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """The environ that an app has of what somebody wrote, when ours has rewritten it.

    :param passed: what each proxy that the request passed does to the list, to the
        secret and to the identity header, the one next to the app first.
    :param source: the address of whoever wrote it.
    :param own_secrets: what each of them writes into the secret's header.
    """
    behind = [*ADDRESSES[1 : len(passed)], source] if passed else []
    lists, secrets, users = zip(*passed) if passed else ((), (), ())
    sent = {
        **FORGERIES,
        XFF: arrives(lists, written.get(XFF), behind),
        VERIFY: arrives(secrets, written.get(VERIFY), own_secrets or [SECRET] * len(passed)),
        USER: arrives(users, written.get(USER), [f"user{hop}" for hop in range(len(passed))]),
    }
    headers = {name: value for name, value in sent.items() if value is not None}
    environ = environ_of(headers, ADDRESSES[0] if passed else source)
    rewrite(environ, settings.policy)
    return environ


def attacks() -> Iterator[dict[str, Optional[str]]]:
    for number, written in enumerate([*ATTACKS[XFF], *(f"{EVIL}, {a}" for a in ADDRESSES)]):
        yield {XFF: written, VERIFY: GUESSES[number % len(GUESSES)], USER: ADMIN}


def entries(chain: Chain) -> list[tuple[Chain, str]]:
    """Where somebody enters who does not come through the edge, and from which address.

    The last is another customer of the same CDN, who has the edge's address.
    """
    without = chain[:-1]
    strangers = [(without[:hop], CLIENT) for hop in range(len(chain))]
    return [*strangers, (without, ADDRESSES[len(chain) - 1])]


def assert_not_believed(environ: dict[str, Any]) -> None:
    """Nothing that says scheme, host, port, prefix or user was believed."""
    resolution = resolution_of(environ)
    assert resolution is not None
    assert not resolution.through_edge
    assert resolution.believed == {}
    assert environ["wsgi.url_scheme"] == "http"
    assert (environ["HTTP_HOST"], environ["SCRIPT_NAME"]) == ("own.example.com", "")
    left = {environ_key(USER), *map(environ_key, FORGERIES)}
    if resolution.policy.edge.secret is not None:
        left.add(environ_key(VERIFY))
        assert resolution.missed == "no_secret"
    assert left.isdisjoint(environ)


def passing_on(lists: Iterable[Does]) -> list[tuple[Does, Does, Does]]:
    """Proxies that pass on the secret and the identity header: the worst that they can do."""
    return [(does, KEEPS, KEEPS) for does in lists]


@pytest.mark.parametrize("kind", SECRETS)
def test_without_the_secret_nothing_at_all_is_believed(kind):
    for chain in chains(HONEST):
        settings = settings_for(len(chain), kind)
        for passed, source in entries(chain):
            for written in attacks():
                environ = asked(settings, written, passing_on(passed), source)
                assert_not_believed(environ)
                assert environ["REMOTE_ADDR"] == (ADDRESSES[0] if passed else source)
                assert environ_key(XFF) not in environ


def test_without_the_secret_the_walk_ends_before_the_edge():
    for chain in chains(HONEST):
        settings = settings_for(len(chain), "addresses and a secret")
        for passed, source in entries(chain):
            found = set()
            for written in attacks():
                environ = asked(settings, written, passing_on(passed), source)
                assert_not_believed(environ)
                found.add((environ["REMOTE_ADDR"], environ.get(environ_key(XFF))))
            if is_safe_by_names(passed):
                assert len(found) == 1, (chain, passed, source)
                assert EVIL not in str(found)


def test_a_stranger_is_not_at_an_address_of_the_edge():
    """The proxies that he does pass have to append or overwrite, as names always need."""
    for chain in chains(HONEST):
        settings = settings_for(len(chain), "addresses")
        *strangers, _ = entries(chain)
        for passed, source in strangers:
            if not is_safe_by_names(passed):
                continue
            found = set()
            for written in attacks():
                environ = asked(settings, written, passing_on(passed), source)
                assert_not_believed(environ)
                found.add((environ["REMOTE_ADDR"], environ.get(environ_key(XFF))))
            assert len(found) == 1, (chain, passed, source)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_of_the_edge_forges_no_user(kind):
    """He is seen with what the edge says of him, or with what a nearer proxy says."""
    for chain in chains(HONEST):
        settings = settings_for(len(chain), kind)
        for user in (SETS, LOST):
            for does in (KEEPS, Does("appends")):
                passed = [(each, KEEPS, does) for each in chain[:-1]]
                passed.append((chain[-1], SETS, user))
                for written in attacks():
                    environ = asked(settings, written, passed)
                    assert ADMIN not in environ.get(environ_key(USER), "")
                    assert (environ_key(VERIFY) in environ) is (kind == "addresses")


USERS = [
    Does(does) for does in ("appends", "overwrites", "sets if absent", "passes on", "drops")
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_condition_of_the_identity_header_is_exact(kind):
    """If nobody overwrites or drops it, the client of an edge says who he is."""
    for chain in chains(USERS):
        settings = settings_for(len(chain), kind)
        lists = [Does("appends")] * len(chain)
        secrets = [*[KEEPS] * (len(chain) - 1), SETS]
        environ = asked(settings, {USER: ADMIN}, list(zip(lists, secrets, chain)))
        resolution = resolution_of(environ)
        assert resolution is not None
        assert (resolution.through_edge, resolution.client_ip) == (True, CLIENT)
        is_forged = ADMIN in environ.get(environ_key(USER), "")
        assert is_forged is not any(does.replaces for does in chain), chain


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_of_the_edge_forges_no_address(kind):
    is_safe = is_safe_by_count if "count" in kind else is_safe_by_names
    for chain in chains(HONEST):
        if kind == "a secret, and everybody" or not is_safe(chain):
            continue
        settings = settings_for(len(chain), kind)
        passed = [*passing_on(chain[:-1]), (chain[-1], SETS, SETS)]
        found = set()
        for written in attacks():
            environ = asked(settings, written, passed)
            found.add((environ["REMOTE_ADDR"], environ.get(environ_key(XFF))))
        assert len(found) == 1, chain
        assert EVIL not in str(found)


@pytest.mark.parametrize("does", ["appends", "appends a line"])
@pytest.mark.parametrize("kind", KINDS[1:])
def test_an_edge_that_adds_the_secret_to_the_clients_own_line_is_missed(kind, does):
    """Every real edge sets it. One that adds to it loses requests, and lets no one in."""
    settings = settings_for(1, kind)
    for guess in ("a-guess-of-20-chars.", SECRET):
        written = {VERIFY: guess, USER: ADMIN}
        assert_not_believed(asked(settings, written, [(Does("appends"), Does(does), SETS)]))


texts = st.sampled_from([EVIL, *ADDRESSES, "unix:", "", "junk"])


@given(
    kind=st.sampled_from(KINDS[1:]),
    chain=st.lists(st.tuples(*[st.sampled_from(ALL)] * 3), min_size=1, max_size=3),
    entry=st.integers(0, 2),
    shared=st.booleans(),
    written=st.lists(texts, max_size=4).map(", ".join),
    guess=st.sampled_from(GUESSES) | st.text(st.characters(codec="ascii"), max_size=24),
    user=st.sampled_from([ADMIN, "", f"{ADMIN},{ADMIN}"]),
)
def test_whatever_the_nearer_proxies_do_nobody_is_believed_who_missed_the_edge(
    kind, chain, entry, shared, written, guess, user
):
    """They may add to the secret's header too, but do not know the secret."""
    passed = chain[:-1][:entry]
    source = ADDRESSES[len(chain) - 1] if shared else CLIENT
    environ = asked(
        settings_for(len(chain), kind),
        {XFF: written, VERIFY: guess, USER: user},
        passed,
        source,
        own_secrets=["another-secret-of-24-char"] * len(passed),
    )
    assert_not_believed(environ)
