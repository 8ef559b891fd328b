"""A request explained: which boxes its chain has, and what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.report.explained import boxes
from flask_trustproxy.report.picture import Box, picture
from helpers import environ_of, settings_of

SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "picture"


def chain(sent: dict[str, str], peer: str = "10.0.0.2", **given: object) -> list[Box]:
    """The boxes of a request, its settings by name."""
    received = environ_of(sent, peer)
    return boxes(rewrite(dict(received), settings_of(**given)), received)


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
    *_, peer, _ = boxes(rewrite(dict(environ), settings_of()), environ)
    assert peer.notes[-1] == said
