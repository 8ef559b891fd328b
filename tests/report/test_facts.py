"""What became of each header, and that no secret is among the facts."""

from __future__ import annotations

import pytest
from hypothesis import given

from flask_trustproxy.core.environ import before_rewrite, missed_edge, rewrite
from flask_trustproxy.report.facts import HIDDEN, HeaderFact, header_facts
from helpers import attacker_text, environ_of, settings_of

SECRET = "0123456789abcdef"


def facts(sent: dict[str, str], peer: str = "10.0.0.2", **given: object) -> list[HeaderFact]:
    environ = environ_of(sent, peer)
    return list(header_facts(rewrite(environ, settings_of(**given).policy), environ))


@pytest.mark.parametrize(
    ("sent", "given", "expected"),
    [
        pytest.param({}, {}, [], id="no header, no fact"),
        pytest.param(
            {"Host": "evil.example", "Accept": "*/*", "X-Original-URL": "/admin"},
            {},
            [],
            id="other headers are no facts",
        ),
        pytest.param(
            {"X-Forwarded-For": "198.51.100.66, 203.0.113.9"},
            {},
            [
                HeaderFact(
                    "X-Forwarded-For",
                    "198.51.100.66, 203.0.113.9",
                    "203.0.113.9",
                    "203.0.113.9",
                    "'198.51.100.66' was never read",
                )
            ],
            id="an entry left of the client was never read",
        ),
        pytest.param(
            {"X-Forwarded-Proto": "HTTPS", "X-Forwarded-For": "[2001:DB8::9]:443"},
            {},
            [
                HeaderFact(
                    "X-Forwarded-For", "[2001:DB8::9]:443", "2001:db8::9", "2001:db8::9", ""
                ),
                HeaderFact("X-Forwarded-Proto", "HTTPS", "https", "https", ""),
            ],
            id="named headers in the order of the setting, in canonical form",
        ),
        pytest.param(
            {"X-Real-IP": "198.51.100.66", "Client-IP": "198.51.100.66"},
            {},
            [
                HeaderFact(
                    "Client-IP", "198.51.100.66", None, None, "not in TRUST_PROXY_HEADERS"
                ),
                HeaderFact(
                    "X-Real-IP", "198.51.100.66", None, None, "not in TRUST_PROXY_HEADERS"
                ),
            ],
            id="headers that are not named are gone",
        ),
        pytest.param(
            {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"},
            {"trust": "loopback", "clean_headers": False},
            [
                HeaderFact(
                    "X-Forwarded-For",
                    "203.0.113.9",
                    None,
                    "203.0.113.9",
                    "the peer is not trusted",
                ),
                HeaderFact(
                    "X-Real-IP",
                    "203.0.113.9",
                    None,
                    "203.0.113.9",
                    "not in TRUST_PROXY_HEADERS",
                ),
            ],
            id="without cleaning, the app sees what was not believed",
        ),
        pytest.param(
            {"X-Forwarded-For": "203.0.113.9, junk, 10.0.0.3"},
            {},
            [
                HeaderFact(
                    "X-Forwarded-For",
                    "203.0.113.9, junk, 10.0.0.3",
                    "10.0.0.3",
                    "10.0.0.3",
                    "'203.0.113.9' was never read; 'junk': no address, so the walk ends",
                )
            ],
            id="an entry that is no address is told apart from those never read",
        ),
        pytest.param(
            {"Forwarded": 'for=198.51.100.66, for="[2001:db8::9]:1";proto=gopher'},
            {"headers": "Forwarded"},
            [
                HeaderFact(
                    "Forwarded",
                    'for=198.51.100.66, for="[2001:db8::9]:1";proto=gopher',
                    'for="[2001:db8::9]"',
                    'for="[2001:db8::9]"',
                    "'for=198.51.100.66' was never read; 'gopher': no scheme",
                )
            ],
            id="a scheme in Forwarded that was not understood",
        ),
        pytest.param(
            {
                "X-Forwarded-For": "203.0.113.9",
                "X-Forwarded-Host": "a.example.com, b.example.com",
            },
            {"headers": "X-Forwarded-For, X-Forwarded-Host"},
            [
                HeaderFact("X-Forwarded-For", "203.0.113.9", "203.0.113.9", "203.0.113.9", ""),
                HeaderFact(
                    "X-Forwarded-Host",
                    "a.example.com, b.example.com",
                    "b.example.com",
                    "b.example.com",
                    "'a.example.com' was never read",
                ),
            ],
            id="the value left of the one that was taken",
        ),
        pytest.param(
            {"X-Acme-Client": "203.0.113.9:1234"},
            {"headers": "X-Acme-Client=address:port"},
            [
                HeaderFact(
                    "X-Acme-Client",
                    "203.0.113.9:1234",
                    "203.0.113.9:1234",
                    "203.0.113.9:1234",
                    "",
                )
            ],
            id="a header of the app's own, with its port",
        ),
        pytest.param(
            {"X-Forwarded-For": ""},
            {},
            [HeaderFact("X-Forwarded-For", "", None, None, "it is empty")],
            id="an empty header holds nothing",
        ),
        pytest.param(
            {"Remote-User": "alice", "X-Edge": SECRET},
            {"identity_headers": "Remote-User", "edge_secret": f"X-Edge: {SECRET}"},
            [HeaderFact("Remote-User", HIDDEN, HIDDEN, HIDDEN, "")],
            id="through the edge, who the user is stays, and is not shown",
        ),
        pytest.param(
            {"Remote-User": "alice", "X-Edge": "w" * 16},
            {"identity_headers": "Remote-User", "edge_secret": f"X-Edge: {SECRET}"},
            [
                HeaderFact(
                    "Remote-User",
                    HIDDEN,
                    None,
                    None,
                    "the request did not come through the edge",
                )
            ],
            id="without the right secret, who the user is goes, and is not shown",
        ),
    ],
)
def test_what_became_of_the_headers(
    sent: dict[str, str], given: dict[str, object], expected: list[HeaderFact]
):
    assert facts(sent, **given) == expected


def test_the_identity_headers_of_an_inner_trustproxy_are_not_shown_either():
    environ = environ_of({"Remote-User": "alice"})
    resolution = rewrite(environ, settings_of().policy)
    inner = settings_of(identity_headers="Remote-User", edge="192.0.2.1", trust="192.0.2.1")
    missed_edge(resolution, inner.policy, environ)
    assert list(header_facts(resolution, environ)) == [
        HeaderFact(
            "Remote-User", HIDDEN, None, None, "the request did not come through the edge"
        )
    ]


@given(attacker_text)
def test_a_header_that_arrived_is_a_fact_whatever_it_holds(text: str):
    sent = {"X-Forwarded-For": f"{text}, 203.0.113.9", "X-Real-IP": text}
    shown = facts(sent)
    assert [(fact.name, fact.arrived) for fact in shown] == list(sent.items())
    assert [fact.left for fact in shown] == ["203.0.113.9", None]


@given(attacker_text)
def test_the_environ_before_the_rewrite_is_the_one_that_came(text: str):
    came = environ_of({"X-Forwarded-For": f"{text}, 203.0.113.9", "X-Real-IP": text})
    environ = dict(came)
    rewrite(environ, settings_of().policy)
    before = before_rewrite(environ)
    assert {key: before.get(key) for key in came} == came
    assert {key for key in before if not key.startswith("flask_trustproxy.")} == set(came)


def test_a_key_that_the_rewrite_made_was_not_there_before():
    environ: dict[str, object] = {"REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_PROTO": "https"}
    came = dict(environ)
    rewrite(environ, settings_of().policy)
    assert environ["SERVER_PORT"] == "443"
    before = before_rewrite(environ)
    assert {key for key in before if not key.startswith("flask_trustproxy.")} == set(came)


def test_the_environ_before_the_rewrite_lacks_the_secret():
    environ = environ_of({"X-Edge": SECRET})
    rewrite(environ, settings_of(edge_secret=f"X-Edge: {SECRET}").policy)
    assert SECRET not in repr(before_rewrite(environ))


def test_an_environ_that_was_not_rewritten_is_as_it_is():
    assert before_rewrite(environ_of({})) == environ_of({})
