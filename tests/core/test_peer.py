"""What WSGI servers say of their connections, as each of them was measured to say it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.addresses import UNIX, parse_address
from flask_trustproxy.core.peer import read_peer, read_scheme
from helpers import attacker_text, dress, spelled_addresses

PEERS = [
    pytest.param("203.0.113.9", "203.0.113.9", id="IPv4"),
    pytest.param("127.0.0.1", "127.0.0.1", id="IPv4 loopback"),
    pytest.param("::1", "::1", id="IPv6 loopback"),
    pytest.param("2001:DB8::7", "2001:db8::7", id="upper case, from a PROXY line"),
    pytest.param("::ffff:127.0.0.1", "127.0.0.1", id="IPv4 on a dual-stack socket"),
    pytest.param("::FFFF:7F00:1", "127.0.0.1", id="IPv4-mapped in hexadecimal"),
    pytest.param("::ffff:198.51.100.7", "198.51.100.7", id="IPv4-mapped, from a PROXY line"),
    pytest.param("fe80::1%eth0", "fe80::1", id="a zone, as getpeername has it"),
    pytest.param("fe80::1%2", "fe80::1", id="a zone by number"),
    pytest.param("fe80::1%eth%0", "fe80::1", id="a zone with a percent sign in it"),
    pytest.param("::ffff:127.0.0.1%eth0", "127.0.0.1", id="IPv4-mapped and a zone"),
    pytest.param("", UNIX, id="a socket: gunicorn, cheroot, granian"),
    pytest.param("unix:", UNIX, id="a socket: nginx in front of uWSGI or FastCGI"),
    pytest.param("localhost", UNIX, id="a socket: waitress"),
    pytest.param("<local>", UNIX, id="a socket: Werkzeug"),
    pytest.param("0.0.0.0", UNIX, id="a socket: uWSGI"),
    pytest.param("255.255.255.255", "255.255.255.255", id="an address no peer has"),
    pytest.param("::", "::", id="an IPv6 address no peer has"),
    pytest.param("::ffff", "::ffff", id="what waitress makes of an IPv4-mapped entry"),
]

NO_PEERS = [
    pytest.param("192.0.2.1:8000", id="a port"),
    pytest.param("[2001:db8::1]", id="brackets"),
    pytest.param("[2001:DB8::1]:77", id="brackets and a port"),
    pytest.param("[fe80::1%eth0]", id="brackets and a zone"),
    pytest.param("192.0.2.1%eth0", id="IPv4 and a zone"),
    pytest.param("192.0.2.1%eth0:1", id="IPv4 and a zone with a colon"),
    pytest.param("127.0.0.1%:", id="IPv4, a percent sign and a colon"),
    pytest.param("%eth0:", id="a zone alone"),
    pytest.param("localhost%:", id="a socket's name and a zone"),
    pytest.param("unix:%eth0", id="a socket and a zone"),
    pytest.param("010.0.0.1", id="a leading zero"),
    pytest.param("01.1.1.1", id="a leading zero that uvicorn lets in"),
    pytest.param(" 127.0.0.1", id="a space in front"),
    pytest.param("127.0.0.1\n", id="a line feed behind"),
    pytest.param("127.0.0.1\0", id="a NUL behind"),
    pytest.param("\xa0127.0.0.1", id="a no-break space in front"),
    pytest.param("127.0.0.1, 203.0.113.9", id="a list"),
    pytest.param(" ", id="a space"),
    pytest.param("-", id="a hyphen"),
    pytest.param("None", id="the word None"),
    pytest.param("Unix", id="eventlet's socket in another case"),
    pytest.param("unix ", id="eventlet's socket and a space"),
    pytest.param("UNIX:", id="a socket in upper case"),
    pytest.param("unix:/run/app.sock", id="the path of a socket, with its name"),
    pytest.param("/run/app.sock", id="the path of a socket"),
    pytest.param("@", id="a socket as Go has it"),
    pytest.param("Localhost", id="a name in upper case"),
    pytest.param("localhost.", id="a name with a dot"),
    pytest.param("<local> ", id="a name and a space"),
    pytest.param("proxy.example.com", id="a host name"),
    pytest.param("evil text", id="text"),
    pytest.param("<script>", id="markup"),
    pytest.param("unknown", id="unknown"),
    pytest.param("_hidden", id="an obfuscated node"),
    pytest.param("10.0.0.0/8", id="a network"),
    pytest.param(b"127.0.0.1", id="bytes"),
    pytest.param(b"", id="empty bytes"),
    pytest.param(0, id="zero"),
    pytest.param(2130706433, id="an address as an int"),
    pytest.param(True, id="True"),
    pytest.param(False, id="False"),
    pytest.param(("127.0.0.1", 80), id="a socket's address"),
    pytest.param(IPv4Address("127.0.0.1"), id="an object that is no text"),
]


@pytest.mark.parametrize("missing_is_unix", [True, False])
class TestPeer:
    @pytest.mark.parametrize(("text", "expected"), PEERS)
    def test_a_peer(self, text, expected, missing_is_unix):
        assert read_peer({"REMOTE_ADDR": text}, missing_is_unix) == expected

    @pytest.mark.parametrize("value", NO_PEERS)
    def test_a_peer_without_an_address(self, value, missing_is_unix):
        assert read_peer({"REMOTE_ADDR": value}, missing_is_unix) == ""

    @pytest.mark.parametrize(
        "environ",
        [
            pytest.param({}, id="no key"),
            pytest.param({"REMOTE_ADDR": None}, id="None"),
            pytest.param({"REMOTE_HOST": "127.0.0.1"}, id="no key but a host"),
            pytest.param({"REMOTE_PORT": "0", "SERVER_NAME": "/run/x"}, id="no key but others"),
        ],
    )
    def test_a_missing_peer_is_a_socket_only_where_that_is_asked_for(
        self, environ, missing_is_unix
    ):
        assert read_peer(environ, missing_is_unix) == (UNIX if missing_is_unix else "")

    def test_nothing_else_is_read(self, missing_is_unix):
        environ = {
            "REMOTE_ADDR": "203.0.113.9",
            "REMOTE_HOST": "127.0.0.1",
            "REMOTE_PORT": 4711,
            "HTTP_X_FORWARDED_FOR": "127.0.0.1",
            "HTTP_REMOTE_ADDR": "127.0.0.1",
            "PROXY_ADDR": "127.0.0.1",
        }
        before = dict(environ)
        assert read_peer(environ, missing_is_unix) == "203.0.113.9"
        assert environ == before


@given(spelled_addresses)
def test_every_spelling_of_a_peer_is_its_canonical_text(spelled):
    text, expected = spelled
    if text == "0.0.0.0":
        expected = UNIX
    assert read_peer({"REMOTE_ADDR": text}, False) == expected
    for dressed in dress(text)[1:]:
        zoned = "%" in dressed and "[" not in dressed
        assert read_peer({"REMOTE_ADDR": dressed}, False) == (expected if zoned else "")


@given(st.one_of(attacker_text, st.text(max_size=20)))
def test_no_text_raises_and_no_text_gets_through(text):
    peer = read_peer({"REMOTE_ADDR": text}, False)
    assert peer in ("", UNIX) or parse_address(peer) == peer


class Plain:
    """A socket of any make, as gunicorn puts it into the environ."""


class TLS(Plain):
    def getpeercert(self):
        pytest.fail("the certificate is not asked for")


SCHEMES = [
    pytest.param({"wsgi.url_scheme": "http"}, "http", id="http"),
    pytest.param({"wsgi.url_scheme": "https"}, "https", id="https"),
    *(
        pytest.param({"wsgi.url_scheme": value}, "http", id=f"neither: {value!r}")
        for value in [
            *("", "HTTPS", "Https", "https, https", "https,http", "wss", "ws", "gopher"),
            *("javascript", " https", "https\n", "https:", "on", b"https", 1, True, None),
        ]
    ),
    pytest.param({}, "http", id="no scheme"),
    pytest.param({"wsgi.url_scheme": "http", "HTTPS": "on"}, "http", id="HTTPS elsewhere"),
    pytest.param(
        {"wsgi.url_scheme": "http", "UWSGI_SCHEME": "https"},
        "http",
        id="UWSGI_SCHEME elsewhere",
    ),
    pytest.param(
        {"gunicorn.socket": None, "UWSGI_SCHEME": "https"},
        "http",
        id="UWSGI_SCHEME in gunicorn",
    ),
    pytest.param(
        {"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_PROTO": "https"},
        "http",
        id="a header is not asked",
    ),
    pytest.param(
        {"gunicorn.socket": Plain(), "wsgi.url_scheme": "https"},
        "http",
        id="gunicorn believed a header",
    ),
    pytest.param(
        {"gunicorn.socket": TLS(), "wsgi.url_scheme": "http"}, "https", id="gunicorn with TLS"
    ),
    pytest.param(
        {"gunicorn.socket": TLS(), "wsgi.url_scheme": "https"}, "https", id="gunicorn is right"
    ),
    pytest.param(
        {"gunicorn.socket": Plain(), "HTTPS": "on"}, "http", id="HTTPS under gunicorn"
    ),
    pytest.param(
        {"gunicorn.socket": None, "wsgi.url_scheme": "https"}, "http", id="gunicorn's no socket"
    ),
    *(
        pytest.param(
            {"uwsgi.version": version, "wsgi.url_scheme": "https", **https},
            expected,
            id=f"uWSGI {version!r} with {https or 'no HTTPS'}",
        )
        for version in (b"2.0.31", "2.0.31")
        for https, expected in [
            ({"HTTPS": "on"}, "https"),
            ({"HTTPS": "ON"}, "https"),
            ({"HTTPS": "1"}, "https"),
            ({"HTTPS": "off"}, "http"),
            ({"HTTPS": "0"}, "http"),
            ({"HTTPS": ""}, "http"),
            ({"HTTPS": "https"}, "http"),
            ({"HTTPS": None}, "http"),
            ({}, "http"),
            ({"HTTP_HTTPS": "on"}, "http"),
            ({"HTTP_X_FORWARDED_SSL": "on"}, "http"),
            ({"UWSGI_SCHEME": "https"}, "https"),
            ({"UWSGI_SCHEME": "HTTPS"}, "https"),
            ({"UWSGI_SCHEME": "http"}, "http"),
            ({"UWSGI_SCHEME": "http", "HTTPS": "on"}, "http"),
            ({"UWSGI_SCHEME": "https", "HTTPS": "off"}, "https"),
            ({"UWSGI_SCHEME": "", "HTTPS": "on"}, "https"),
            ({"UWSGI_SCHEME": "gopher", "HTTPS": "on"}, "https"),
            ({"UWSGI_SCHEME": "https, http"}, "http"),
            ({"UWSGI_SCHEME": "on"}, "http"),
            ({"UWSGI_SCHEME": None}, "http"),
            ({"HTTP_UWSGI_SCHEME": "https"}, "http"),
        ]
    ),
    pytest.param(
        {"uwsgi.version": b"2.0.31", "wsgi.url_scheme": "gopher", "HTTPS": "on"},
        "https",
        id="uWSGI with TLS and a forged scheme",
    ),
]


@pytest.mark.parametrize(("environ", "expected"), SCHEMES)
def test_the_scheme_of_the_connection(environ, expected):
    before = dict(environ)
    assert read_scheme(environ) == expected
    assert environ == before


@given(attacker_text)
def test_no_scheme_but_two(text):
    assert read_scheme({"wsgi.url_scheme": text}) == ("https" if text == "https" else "http")
    assert read_scheme({"wsgi.url_scheme": text, "uwsgi.version": b"2"}) == "http"
