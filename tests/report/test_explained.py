"""A request explained: which boxes its chain has, and what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.report.cautions import Caution
from flask_trustproxy.report.explained import boxes, sections
from flask_trustproxy.report.facts import HIDDEN
from flask_trustproxy.report.picture import Box, Section, picture
from flask_trustproxy.report.words import REFUSED
from flask_trustproxy.settings import SETTINGS
from helpers import environ_of, settings_of

SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "picture"


def chain(sent: dict[str, str], peer: str = "10.0.0.2", **given: object) -> list[Box]:
    """The boxes of a request, its settings by name."""
    received = environ_of(sent, peer)
    return boxes(rewrite(dict(received), settings_of(**given).policy), received)


CHAINS = {
    "honest": chain(
        {"X-Forwarded-For": "203.0.113.9, 10.0.0.3", "X-Forwarded-Proto": "https"},
        trust="10.0.0.0/8",
    ),
    "forged": chain(
        {"X-Forwarded-For": "127.0.0.1, <script>alert(1)</script>, 203.0.113.9"},
        trust="loopback, 10.0.0.2",
    ),
    "count": chain(
        {"X-Forwarded-For": "198.51.100.66, 203.0.113.9, 198.51.100.1"},
        "192.0.2.10",
        trust=2,
    ),
    "unix-socket": chain({"X-Forwarded-For": "2001:db8::9"}, "unix:", trust="unix"),
    "untrusted-peer": chain({"X-Forwarded-For": "198.51.100.66"}, "10.0.0.9", trust="loopback"),
    "malformed": chain(
        {"X-Forwarded-For": "203.0.113.9, unknown, 10.0.0.3"}, trust="10.0.0.0/8"
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_picture_of_a_chain_is_the_snapshot(name: str):
    _, _, drawn = picture(CHAINS[name]).partition("</style>\n")
    assert drawn == (SNAPSHOTS / f"{name}.html").read_text("utf-8")


def test_a_snapshot_is_there_for_each_chain_and_no_other():
    assert sorted(path.stem for path in SNAPSHOTS.iterdir()) == sorted(CHAINS)


APP = Box("app", "app", "client_ip 10.0.0.2", ("through the edge",))
PEER = Box(
    "client",
    "client, the peer",
    "10.0.0.2",
    ("trusted: 10.0.0.0/8", "REMOTE_ADDR: '10.0.0.2'"),
)


@pytest.mark.parametrize(
    ("headers", "given", "expected"),
    [
        pytest.param({}, {}, [PEER, APP], id="without a header, the peer is the client"),
        pytest.param(
            {"X-Forwarded-For": " \t"}, {}, [PEER, APP], id="a blank list has no entries"
        ),
        pytest.param(
            {"X-Forwarded-For": ""},
            {"trust": False},
            [
                Box(
                    "client",
                    "client, the peer",
                    "10.0.0.2",
                    ("not trusted", "REMOTE_ADDR: '10.0.0.2'"),
                ),
                Box(
                    "app",
                    "app",
                    "client_ip 10.0.0.2",
                    ("not through the edge, since the peer is not trusted",),
                ),
            ],
            id="an empty list of an untrusted peer shows nothing that was not believed",
        ),
        pytest.param(
            {"X-Forwarded-For": "203.0.113.9"},
            {"headers": "none"},
            [PEER, APP],
            id="a header that is not named is no entry",
        ),
        pytest.param(
            {"X-Forwarded-Host": "forged.example.com, www.example.com"},
            {"headers": "X-Forwarded-For, X-Forwarded-Host"},
            [PEER, APP],
            id="a value of another header that was never read is no entry",
        ),
        pytest.param(
            {"X-Real-IP": "203.0.113.9, 203.0.113.10"},
            {"headers": "X-Real-IP"},
            [
                Box(
                    "refused",
                    "no address",
                    "'203.0.113.9, 203.0.113.10'",
                    ("X-Real-IP, written by 10.0.0.2", "no address, so the walk ends"),
                ),
                PEER,
                APP,
            ],
            id="two addresses in a header of one are no address",
        ),
        pytest.param(
            {"X-Forwarded-For": "unix:"},
            {},
            [
                Box(
                    "trusted",
                    "trusted proxy",
                    "a unix-domain socket",
                    ("trusted: unix", "written by 10.0.0.2"),
                ),
                PEER,
                APP,
            ],
            id="a socket is no client, and the nearest hop with an address is",
        ),
        pytest.param(
            {"Forwarded": 'for=198.51.100.66, for="[2001:db8::9]";proto=gopher'},
            {"headers": "Forwarded"},
            [
                Box(
                    "unread",
                    "never read",
                    "'for=198.51.100.66'",
                    ("Forwarded", "the client may have written it"),
                ),
                Box("client", "client", "2001:db8::9", ("not trusted", "written by 10.0.0.2")),
                PEER._replace(kind="trusted", role="trusted proxy, the peer"),
                APP._replace(name="client_ip 2001:db8::9"),
            ],
            id="a scheme that was not understood is no entry of the list",
        ),
        pytest.param(
            {"X-Forwarded-For": "203.0.113.9"},
            {"edge_secret": "X-Edge: 0123456789abcdef"},
            [
                Box(
                    "unread",
                    "not believed",
                    "'203.0.113.9'",
                    ("X-Forwarded-For", "since the edge's secret is missing or wrong"),
                ),
                PEER._replace(notes=("not trusted", "REMOTE_ADDR: '10.0.0.2'")),
                APP._replace(
                    notes=(
                        "not through the edge, since the header of TRUST_PROXY_EDGE_SECRET "
                        "is missing or wrong",
                    )
                ),
            ],
            id="without the edge's secret, nothing is believed",
        ),
    ],
)
def test_the_boxes_of_a_request(
    headers: dict[str, str], given: dict[str, object], expected: list[Box]
):
    assert chain(headers, **given) == expected


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({}, "the server gives no REMOTE_ADDR", id="no key"),
        pytest.param({"REMOTE_ADDR": ""}, "REMOTE_ADDR: ''", id="empty"),
        pytest.param(
            {"REMOTE_ADDR": "[2001:db8::2]:80"},
            "REMOTE_ADDR: '[2001:db8::2]:80'",
            id="an address with its port is no address",
        ),
        pytest.param(
            {"REMOTE_ADDR": "::ffff:10.0.0.2"},
            "REMOTE_ADDR: '::ffff:10.0.0.2'",
            id="not canonical",
        ),
    ],
)
def test_a_peer_shows_what_the_server_said_of_it(environ: dict[str, str], said: str):
    *_, peer, _ = boxes(rewrite(dict(environ), settings_of().policy), environ)
    assert peer.notes[-1] == said


def told(sent: dict[str, str], **given: object) -> dict[str, Section]:
    """The sections of a request, by their titles."""
    environ = environ_of(sent)
    settings = settings_of(**given)
    resolution = rewrite(environ, settings.policy)
    caution = Caution("code", "It is dangerous", "Fix it")
    shown = sections(settings, resolution, environ, [caution])
    return {section.title: section for section in shown}


WHY = "Hop 1 is not trusted, so it is the client."


def test_a_page_has_these_sections_in_this_order():
    assert list(told({})) == [
        "Why it ends there",
        "Headers",
        "The app sees",
        "Settings",
        "Ask again",
    ]


def test_the_walk_is_explained_in_the_words_of_explain():
    text = told({"X-Forwarded-For": "203.0.113.9"})["Why it ends there"].text
    assert text == [WHY]


@pytest.mark.parametrize(("refused", "last"), [(True, REFUSED), (False, WHY)])
def test_a_request_that_is_refused_is_told_so(refused: bool, last: str):
    environ = environ_of({"X-Forwarded-For": "203.0.113.9"})
    settings = settings_of()
    resolution = rewrite(environ, settings.policy)
    why = next(sections(settings, resolution, environ, refused=refused))
    assert why.text[0] == WHY
    assert why.text[-1] == last


def test_a_request_without_headers_is_told_so():
    headers = told({})["Headers"]
    assert headers.text == ["No forwarding header arrived."]
    assert headers.rows == []


@pytest.mark.parametrize(
    ("sent", "given", "expected"),
    [
        pytest.param(
            {"X-Forwarded-For": "203.0.113.9"},
            {},
            ("X-Forwarded-For", "'203.0.113.9'", "'203.0.113.9'", "nothing"),
            id="all of it was believed",
        ),
        pytest.param(
            {"X-Forwarded-Proto": "WSS"},
            {},
            ("X-Forwarded-Proto", "'WSS'", "'https'", "nothing, but it is in canonical form"),
            id="it was written in canonical form",
        ),
        pytest.param(
            {"X-Forwarded-For": "\x1b[31m, 203.0.113.9"},
            {},
            (
                "X-Forwarded-For",
                r"'\x1b[31m, 203.0.113.9'",
                "'203.0.113.9'",
                r"'\x1b[31m' was never read",
            ),
            id="a part was never read",
        ),
        pytest.param(
            {"X-Forwarded-Proto": "gopher"},
            {},
            ("X-Forwarded-Proto", "'gopher'", "nothing", "all of it: no scheme"),
            id="nothing of it was believed",
        ),
        pytest.param(
            {"X-Real-IP": "203.0.113.9"},
            {"clean_headers": False},
            (
                "X-Real-IP",
                "'203.0.113.9'",
                "nothing",
                "nothing, but not believed: not in TRUST_PROXY_HEADERS",
            ),
            id="nothing is removed without cleaning",
        ),
        pytest.param(
            {"Remote-User": "alice"},
            {"identity_headers": "Remote-User"},
            ("Remote-User", HIDDEN, HIDDEN, "nothing"),
            id="who the user is has no value here",
        ),
        pytest.param(
            {"X-Forwarded-For": ""},
            {},
            ("X-Forwarded-For", "''", "nothing", "all of it: it is empty"),
            id="an empty header",
        ),
    ],
)
def test_a_header_has_three_columns(
    sent: dict[str, str], given: dict[str, object], expected: tuple[str, ...]
):
    assert told(sent, **given)["Headers"].rows == [expected]


@pytest.mark.parametrize(
    ("sent", "given", "expected"),
    [
        pytest.param(
            {},
            {},
            {
                "client_ip": ("10.0.0.2", "the connection"),
                "client_ips": ("none", ""),
                "through_edge": ("True", ""),
                "scheme": ("http", "the connection"),
                "host": ("not changed", "the Host header"),
                "port": ("not changed", "the Host header"),
                "prefix": ("not changed", "the server"),
            },
            id="all of it from the connection",
        ),
        pytest.param(
            {
                "X-Forwarded-For": "203.0.113.9, 10.0.0.3",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "www.example.com",
                "X-Forwarded-Port": "8443",
                "X-Forwarded-Prefix": "/app",
            },
            {
                "headers": "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, "
                "X-Forwarded-Port, X-Forwarded-Prefix"
            },
            {
                "client_ip": ("203.0.113.9", "X-Forwarded-For"),
                "client_ips": ("203.0.113.9, 10.0.0.3", "X-Forwarded-For"),
                "through_edge": ("True", ""),
                "scheme": ("https", "X-Forwarded-Proto"),
                "host": ("www.example.com", "X-Forwarded-Host"),
                "port": ("8443", "X-Forwarded-Port"),
                "prefix": ("/app", "X-Forwarded-Prefix"),
            },
            id="each from a header of its own",
        ),
        pytest.param(
            {"Forwarded": 'for=203.0.113.9;proto=https;host="www.example.com:8443"'},
            {"headers": "Forwarded"},
            {
                "client_ip": ("203.0.113.9", "Forwarded"),
                "client_ips": ("203.0.113.9", "Forwarded"),
                "through_edge": ("True", ""),
                "scheme": ("https", "Forwarded"),
                "host": ("www.example.com:8443", "Forwarded"),
                "port": ("not changed", "the Host header"),
                "prefix": ("not changed", "the server"),
            },
            id="three from one header",
        ),
        pytest.param(
            {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"},
            {"trust": "10.0.0.0/8, 192.0.2.1", "edge": "192.0.2.1"},
            {
                "client_ip": ("203.0.113.9", "X-Forwarded-For"),
                "client_ips": ("203.0.113.9", "X-Forwarded-For"),
                "through_edge": (
                    "False, since no trusted hop is in TRUST_PROXY_EDGE",
                    "",
                ),
                "scheme": ("http", "the connection"),
                "host": ("not changed", "the Host header"),
                "port": ("not changed", "the Host header"),
                "prefix": ("not changed", "the server"),
            },
            id="the client alone, if the request did not come through the edge",
        ),
        pytest.param(
            {"X-Real-IP": "203.0.113.9"},
            {"headers": "X-Real-IP", "scheme": "https"},
            {
                "client_ip": ("203.0.113.9", "X-Real-IP"),
                "client_ips": ("203.0.113.9", "X-Real-IP"),
                "through_edge": ("True", ""),
                "scheme": ("https", "TRUST_PROXY_SCHEME"),
                "host": ("not changed", "the Host header"),
                "port": ("not changed", "the Host header"),
                "prefix": ("not changed", "the server"),
            },
            id="the scheme from a setting",
        ),
    ],
)
def test_each_output_has_its_origin(
    sent: dict[str, str], given: dict[str, object], expected: dict[str, tuple[str, str]]
):
    rows = told(sent, **given)["The app sees"].rows
    assert {name: (value, origin) for name, value, origin in rows} == expected


def test_the_settings_in_force_have_origins_and_no_secrets():
    settings = told({}, probe_key="k" * 32, max_hops=3)["Settings"]
    assert settings.text == ["Warning: It is dangerous. Fix it."]
    rows = {name: (value, origin) for name, value, origin in settings.rows}
    assert list(rows) == list(SETTINGS)
    assert rows["TRUST_PROXY"] == ("'10.0.0.0/8, unix'", "from app.config")
    assert rows["TRUST_PROXY_MAX_HOPS"] == ("3", "from app.config")
    assert rows["TRUST_PROXY_CLEAN_HEADERS"] == ("True", "the default")
    assert rows["TRUST_PROXY_PROBE_KEY"] == ("<secret>", "from app.config")


def test_settings_that_are_not_known_are_told_so():
    environ = environ_of({})
    resolution = rewrite(environ, settings_of().policy)
    *_, settings, _ = sections(None, resolution, environ)
    assert settings == Section(
        "Settings",
        ["A TrustProxy around this app decided. Its settings cannot be read from here."],
    )


def test_a_long_value_of_a_setting_is_cut():
    rows = told({}, trust=["192.0.2.1"] * 1000)["Settings"].rows
    value = rows[0][1]
    assert value.startswith("['192.0.2.1', '192.0.2.1'")
    assert len(value) == 503
    assert value.endswith("...")


def test_the_command_explains_the_same_request():
    again = told({"X-Forwarded-For": "<b>, 203.0.113.9", "Remote-User": "alice"})["Ask again"]
    assert again.code == (
        "flask trust-proxy explain --peer 10.0.0.2 -H 'Host: own.example.com' "
        "-H 'X-Forwarded-For: <b>, 203.0.113.9'"
    )
    assert again.text == [
        "This command explains the same request. Try other settings with its options."
    ]


def test_the_command_leaves_the_secret_to_the_reader():
    secret = "0123456789abcdef"
    again = told({"X-Edge": secret}, edge_secret=f"X-Edge: {secret}")["Ask again"]
    assert "-H 'X-Edge: SECRET'" in again.code
    assert again.text[1:] == ["If the word SECRET is in it, put the secret in its place."]


def test_a_peer_without_an_address_has_no_command():
    environ = environ_of({}, "[2001:db8::2]:80")
    settings = settings_of()
    titles = [
        each.title for each in sections(settings, rewrite(environ, settings.policy), environ)
    ]
    assert titles == ["Why it ends there", "Headers", "The app sees", "Settings"]
