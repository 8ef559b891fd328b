"""The rewrite: what the environ says afterwards, and what nobody finds in it."""

from __future__ import annotations

import pytest

from flask_trustproxy.core.environ import ORIGINAL, RESOLUTION, resolution_of, rewrite
from flask_trustproxy.core.headers import KNOWN, environ_key
from helpers import CLIENT, PEER, cleaned, environ_of, keyed, settings_of

XFF, PROTO, HOST = "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"
PORT, PREFIX = "X-Forwarded-Port", "X-Forwarded-Prefix"
SINGLE = [header.name for header in KNOWN.values() if header.kind == "address"]
FORWARDING = [header.name for header in KNOWN.values()] + (
    "X-Forwarded-By X-Forwarded-Server Client-IP Forwarded-For X-Forwarded CF-Connecting-IPv6 "
    "X-Host X-ProxyUser-Ip WL-Proxy-Client-IP Proxy-Client-IP X-Original-Forwarded-For "
    "X-Original-For X-Original-Proto X-Forwarded-Path X-Forwarded-Context"
).split()


def rows(*rows: tuple[object, ...]):
    return [pytest.param(*row, id=sentence) for sentence, *row in rows]


@pytest.mark.parametrize(
    ("trust", "peer", "value", "address"),
    rows(
        ("the client's", "10.0.0.0/8", PEER, CLIENT, CLIENT),
        ("in canonical form", "10.0.0.0/8", PEER, "[2001:DB8:0::1]:80", "2001:db8::1"),
        ("unmapped", "10.0.0.0/8", PEER, "::ffff:203.0.113.9", CLIENT),
        ("an untrusted peer's own", "10.0.0.0/8", "2001:DB8:0:0::1", "x", "2001:db8::1"),
        ("a mapped peer's", "192.0.2.1", "::FFFF:10.0.0.2", "6.6.6.6", PEER),
        ("a peer's with a zone", "10.0.0.0/8", "fe80::1%eth0", "6.6.6.6", "fe80::1"),
        ("nobody's", False, "::ffff:a00:2", "6.6.6.6", PEER),
        ("an untrusted socket has none", "10.0.0.0/8", "unix:", CLIENT, ""),
        ("a trusted socket's client", "unix", "", CLIENT, CLIENT),
        ("a socket behind a socket has none", "unix", "localhost", "unix:", ""),
        ("a peer with a port has none", "10.0.0.0/8", "10.0.0.2:80", CLIENT, ""),
        ("a peer in brackets has none", "10.0.0.0/8", "[2001:db8::1]", CLIENT, ""),
        ("a peer of text has none", "10.0.0.0/8", "<script>", CLIENT, ""),
        ("a client behind text that is trusted", True, "<script>", CLIENT, CLIENT),
        ("a peer that is no text has none", "10.0.0.0/8", 7, CLIENT, ""),
        ("a missing one has none", "10.0.0.0/8, loopback", None, CLIENT, ""),
        ("a missing one that is a socket by name", "unix", None, CLIENT, CLIENT),
    ),
)
def test_remote_addr(trust, peer, value, address):
    environ = environ_of({XFF: value}, peer)
    if peer is None:
        del environ["REMOTE_ADDR"]
    rewrite(environ, settings_of(trust).policy)
    assert environ["REMOTE_ADDR"] == address
    assert environ[ORIGINAL].get("REMOTE_ADDR", address) == peer
    assert ("REMOTE_ADDR" in environ[ORIGINAL]) is (peer != address)


@pytest.mark.parametrize(
    ("peer", "value", "gone"),
    rows(
        ("a replaced peer's go", PEER, CLIENT, True),
        ("an untrusted peer's stay", CLIENT, "6.6.6.6", False),
        ("the peer's stay where it is the client", PEER, "unknown", False),
    ),
)
def test_remote_port_and_remote_host(peer, value, gone):
    about_the_peer = {"REMOTE_PORT": "4711", "REMOTE_HOST": "proxy.example.com"}
    environ = environ_of({XFF: value}, peer, **about_the_peer)
    rewrite(environ, settings_of().policy)
    assert about_the_peer.items().isdisjoint(environ.items()) is gone
    assert ("REMOTE_PORT" in environ) is ("REMOTE_HOST" in environ) is not gone
    assert (about_the_peer.items() <= environ[ORIGINAL].items()) is gone


def test_in_place_with_the_originals():
    headers = {XFF: f"6.6.6.6, {CLIENT}", PROTO: "https", "X-Real-IP": "6.6.6.6"}
    environ = environ_of(headers, REMOTE_PORT="4711", HTTP_USER_AGENT="x")
    before = dict(environ)
    resolution = rewrite(environ, settings_of().policy)
    assert environ[RESOLUTION] is resolution
    assert environ[ORIGINAL] == {
        "REMOTE_ADDR": PEER,
        "REMOTE_PORT": "4711",
        "wsgi.url_scheme": "http",
        "SERVER_PORT": "8000",
        "HTTP_X_FORWARDED_FOR": f"6.6.6.6, {CLIENT}",
        "HTTP_X_REAL_IP": "6.6.6.6",
    }
    # Whoever lays the originals over it has the environ back.
    back = {**environ, **environ[ORIGINAL]}
    del back[RESOLUTION], back[ORIGINAL]
    assert {key: value for key, value in back.items() if value is not None} == before


def test_the_original_says_where_nothing_stood():
    environ = environ_of({XFF: CLIENT, PREFIX: "/app"})
    del environ["REMOTE_ADDR"], environ["SCRIPT_NAME"]
    rewrite(environ, settings_of("unix", [XFF, PREFIX]).policy)
    assert environ["SCRIPT_NAME"] == "/app"
    assert environ[ORIGINAL] == {"REMOTE_ADDR": None, "SCRIPT_NAME": None}


def test_the_outermost_decides():
    environ = environ_of({XFF: f"{CLIENT}, 192.0.2.1"})
    outer = rewrite(environ, settings_of().policy)
    after = dict(environ)
    assert rewrite(environ, settings_of(True).policy) is outer
    assert environ == after


def test_a_header_cannot_say_that_it_was_done():
    forged = {RESOLUTION: CLIENT, f"HTTP_{RESOLUTION}": CLIENT, ORIGINAL: "x"}
    environ = environ_of({XFF: CLIENT, "flask_trustproxy.resolution": CLIENT}, **forged)
    assert resolution_of(environ) is None
    assert rewrite(environ, settings_of().policy).client_ip == CLIENT
    assert resolution_of(environ).client_ips == (CLIENT,)
    assert environ[ORIGINAL]["REMOTE_ADDR"] == PEER


def left(headers: dict[str, str], trust: object, names: object, **more: object):
    """The forwarding headers that the rewrite leaves."""
    settings = settings_of(trust, names, **more)
    environ = cleaned(settings, environ_of({**dict.fromkeys(FORWARDING, "6.6.6.6"), **headers}))
    return {name: environ[key] for name in FORWARDING if (key := environ_key(name)) in environ}


@pytest.mark.parametrize(
    ("names", "headers", "left_over"),
    rows(
        ("a list", XFF, {XFF: f"6.6.6.6, {CLIENT}"}, {XFF: CLIENT}),
        (
            "a list in canonical form",
            XFF,
            {XFF: "x, [2001:DB8::1]:80,unix:,::ffff:10.0.0.3"},
            {XFF: "2001:db8::1, 10.0.0.3"},
        ),
        ("a list that ends in text", XFF, {XFF: f"{CLIENT}, x, 10.0.0.3"}, {XFF: "10.0.0.3"}),
        ("a list of text alone", XFF, {XFF: f"{CLIENT}, x"}, {}),
        ("a list of sockets alone", XFF, {XFF: "unix:"}, {}),
        (
            "Forwarded",
            "Forwarded",
            {"Forwarded": f"for=6.6.6.6, for={CLIENT};proto=WSS;HOST=A.example;by=_x"},
            {"Forwarded": f"for={CLIENT};proto=https;host=a.example"},
        ),
        (
            "Forwarded of two hops",
            "Forwarded",
            {"Forwarded": 'for="[2001:db8::1]:80";proto=http, for=10.0.0.3;proto=https;by=_x'},
            {"Forwarded": 'for="[2001:db8::1]";proto=http, for=10.0.0.3'},
        ),
        (
            "Forwarded without an address",
            "Forwarded",
            {"Forwarded": 'for=6.6.6.6, for=unknown;host="a.example:80";proto=https'},
            {"Forwarded": 'proto=https;host="a.example:80"'},
        ),
        ("Forwarded that says nothing", "Forwarded", {"Forwarded": "for=1.2.3.4, x"}, {}),
        *(
            (f"{name} alone", name, {name: f"::ffff:{CLIENT}"}, {name: CLIENT})
            for name in SINGLE
        ),
        (
            "an address keeps its port",
            "CloudFront-Viewer-Address",
            {"CloudFront-Viewer-Address": " 2001:DB8:0::9:4711"},
            {"CloudFront-Viewer-Address": "2001:db8::9:4711"},
        ),
        (
            "an address keeps its port and its brackets",
            "CloudFront-Viewer-Address",
            {"CloudFront-Viewer-Address": "[2001:DB8:0::9]:4711"},
            {"CloudFront-Viewer-Address": "[2001:db8::9]:4711"},
        ),
        (
            "an object of JSON",
            "CF-Visitor",
            {"CF-Visitor": '{ "scheme": "https" }'},
            {"CF-Visitor": '{"scheme":"https"}'},
        ),
        (
            "an object of JSON that a client added to",
            "CF-Visitor",
            {"CF-Visitor": '{"scheme":"https","x":1}'},
            {},
        ),
        (
            "a word for on",
            "X-Appengine-Https",
            {"X-Appengine-Https": "1"},
            {"X-Appengine-Https": "on"},
        ),
        (
            "an escaped prefix",
            "X-Script-Name",
            {"X-Script-Name": "/a%20b/"},
            {"X-Script-Name": "/a%20b"},
        ),
        (
            "two addresses where one is right",
            "X-Real-IP",
            {"X-Real-IP": "1.2.3.4, 5.6.7.8"},
            {},
        ),
        (
            "one value each, in canonical form",
            [PROTO, HOST, PORT, PREFIX],
            {PROTO: "http, WSS", HOST: "x, A.example:80", PORT: "1,8443", PREFIX: "/x, /app/"},
            {PROTO: "https", HOST: "a.example:80", PORT: "8443", PREFIX: "/app"},
        ),
        (
            "no value that was not believed",
            [PROTO, HOST, PORT, PREFIX],
            {PROTO: "https, ", HOST: "a.example, b c", PORT: "80,0", PREFIX: "/a, //b"},
            {},
        ),
        ("a prefix that is none", PREFIX, {PREFIX: "/"}, {PREFIX: "/"}),
        ("on", "X-Forwarded-Ssl", {"X-Forwarded-Ssl": "off, ON"}, {"X-Forwarded-Ssl": "on"}),
        ("off", "Front-End-Https", {"Front-End-Https": "Off"}, {"Front-End-Https": "off"}),
        (
            "the second from the right",
            [XFF, f"{HOST}:2"],
            {XFF: f"{CLIENT}, 10.0.0.3", HOST: "evil.example, a.example, b.example"},
            {XFF: f"{CLIENT}, 10.0.0.3", HOST: "a.example"},
        ),
        ("nothing named", "none", {XFF: CLIENT}, {}),
    ),
)
def test_cleaning(names, headers, left_over):
    assert left(headers, "10.0.0.0/8, unix", names) == left_over
    # With k = 0 every one of them is removed.
    assert left(headers, "192.0.2.1", names) == {}
    assert left(headers, False, names) == {}


def test_cleaning_where_a_count_is_not_reached():
    assert left({XFF: CLIENT, PROTO: "https"}, 2, [XFF, PROTO]) == {}


def test_cleaning_removes_every_header_that_is_given_by_its_name():
    environ = environ_of({"X-Acme-Client": CLIENT, XFF: "6.6.6.6"})
    names = ["X-Acme-Client=address"]
    assert cleaned(settings_of(headers=names), dict(environ))["HTTP_X_ACME_CLIENT"] == CLIENT
    assert "HTTP_X_ACME_CLIENT" not in cleaned(settings_of(False, names), dict(environ))


def test_cleaning_leaves_all_other_headers_alone():
    others = {"Host": "a", "X-Request-Id": "1", "Via": "1.1 x", "X-Forwarded-Uri": "/"}
    environ = environ_of(others, CLIENT)
    assert cleaned(settings_of(), dict(environ)) == environ


@pytest.mark.parametrize("trust", ["10.0.0.0/8", "192.0.2.1", 1])
def test_cleaning_can_be_switched_off(trust):
    headers = dict.fromkeys(FORWARDING, f"6.6.6.6, {CLIENT}")
    environ = cleaned(settings_of(trust, clean_headers=False), environ_of(headers))
    assert keyed(headers).items() <= environ.items()
    assert environ["REMOTE_ADDR"] == (PEER if trust == "192.0.2.1" else CLIENT)


SCHEME = "wsgi.url_scheme"
LONG = f"{'a.' * 120}{'b' * 13}"


@pytest.mark.parametrize(
    ("own", "headers", "changes"),
    rows(
        ("nothing", {}, {}, {}),
        ("a scheme", {}, {PROTO: "https"}, {SCHEME: "https", "SERVER_PORT": "443"}),
        ("a scheme, as it was", {}, {PROTO: "http"}, {"SERVER_PORT": "80"}),
        ("a bad scheme", {}, {PROTO: "x"}, {}),
        (
            "a scheme, and a port in the client's host",
            {"HTTP_HOST": "own.example.com:8443"},
            {PROTO: "https"},
            {SCHEME: "https"},
        ),
        (
            "a scheme, and no host",
            {"HTTP_HOST": None},
            {PROTO: "https"},
            {SCHEME: "https", "SERVER_PORT": "443"},
        ),
        (
            "a scheme, and a host that is none",
            {"HTTP_HOST": "a b:81"},
            {PROTO: "https"},
            {SCHEME: "https", "SERVER_PORT": "443"},
        ),
        (
            "a host",
            {},
            {HOST: "A.example"},
            {"HTTP_HOST": "a.example", "SERVER_NAME": "a.example"},
        ),
        (
            "a host and a scheme",
            {},
            {HOST: "b", PROTO: "https"},
            {SCHEME: "https", "HTTP_HOST": "b", "SERVER_NAME": "b", "SERVER_PORT": "443"},
        ),
        (
            "a host with a port",
            {},
            {HOST: "b:81", PROTO: "https"},
            {SCHEME: "https", "HTTP_HOST": "b:81", "SERVER_NAME": "b", "SERVER_PORT": "81"},
        ),
        (
            "a host with the default port",
            {},
            {HOST: "b:443", PROTO: "https"},
            {SCHEME: "https", "HTTP_HOST": "b", "SERVER_NAME": "b", "SERVER_PORT": "443"},
        ),
        (
            "a host with the default port of the connection's scheme",
            {SCHEME: "https"},
            {HOST: "b:443"},
            {"HTTP_HOST": "b", "SERVER_NAME": "b", "SERVER_PORT": "443"},
        ),
        (
            "a host with the other scheme's default port",
            {},
            {HOST: "b:443"},
            {"HTTP_HOST": "b:443", "SERVER_NAME": "b", "SERVER_PORT": "443"},
        ),
        (
            "a host of 253 characters",
            {},
            {HOST: LONG},
            {"HTTP_HOST": LONG, "SERVER_NAME": LONG},
        ),
        ("a host of 254 characters", {}, {HOST: f"{LONG}a"}, {}),
        (
            "a host where there was none",
            {"HTTP_HOST": None},
            {HOST: "b:81"},
            {"HTTP_HOST": "b:81", "SERVER_NAME": "b", "SERVER_PORT": "81"},
        ),
        (
            "an IPv6 host",
            {},
            {HOST: "[2001:DB8::1]"},
            {"HTTP_HOST": "[2001:db8::1]", "SERVER_NAME": "[2001:db8::1]"},
        ),
        (
            "the port wins over the believed host's",
            {},
            {HOST: "[::1]:81", PORT: "82"},
            {"HTTP_HOST": "[::1]:82", "SERVER_NAME": "[::1]", "SERVER_PORT": "82"},
        ),
        (
            "a default port wins too",
            {},
            {HOST: "b:81", PORT: "443", PROTO: "https"},
            {SCHEME: "https", "HTTP_HOST": "b", "SERVER_NAME": "b", "SERVER_PORT": "443"},
        ),
        (
            "a port alone",
            {"HTTP_HOST": "Own.example.com:8000"},
            {PORT: "81"},
            {"HTTP_HOST": "Own.example.com:81", "SERVER_PORT": "81"},
        ),
        (
            "a default port alone",
            {"HTTP_HOST": "own.example.com:8000"},
            {PORT: "443", PROTO: "https"},
            {SCHEME: "https", "HTTP_HOST": "own.example.com", "SERVER_PORT": "443"},
        ),
        (
            "a port and an IPv6 host of the client's",
            {"HTTP_HOST": "[2001:db8::1]:8000"},
            {PORT: "81"},
            {"HTTP_HOST": "[2001:db8::1]:81", "SERVER_PORT": "81"},
        ),
        ("a port and no host", {"HTTP_HOST": None}, {PORT: "81"}, {"SERVER_PORT": "81"}),
        ("a port and an empty host", {"HTTP_HOST": ""}, {PORT: "81"}, {"SERVER_PORT": "81"}),
        ("a port and no such host", {"HTTP_HOST": "a/@b"}, {PORT: "81"}, {"SERVER_PORT": "81"}),
        (
            "a bad port, and the host's",
            {},
            {PORT: "99999", HOST: "b:81"},
            {"HTTP_HOST": "b:81", "SERVER_NAME": "b", "SERVER_PORT": "81"},
        ),
        (
            "a server's port that is a number",
            {"SERVER_PORT": 8000},
            {HOST: "b"},
            {"HTTP_HOST": "b", "SERVER_NAME": "b"},
        ),
        ("a prefix", {}, {PREFIX: "/app/V1X/"}, {"SCRIPT_NAME": "/app/V1X"}),
        ("a slash changes nothing", {"SCRIPT_NAME": "/own"}, {PREFIX: "/"}, {}),
        ("a slash and no mount", {"SCRIPT_NAME": ""}, {PREFIX: "/"}, {}),
        (
            "a prefix goes in front of a mount",
            {"SCRIPT_NAME": "/shop"},
            {PREFIX: "/store"},
            {"SCRIPT_NAME": "/store/shop"},
        ),
        ("a prefix is the mount", {"SCRIPT_NAME": "/shop"}, {PREFIX: "/shop"}, {}),
        (
            "a prefix is in front of the mount already",
            {"SCRIPT_NAME": "/store/shop"},
            {PREFIX: "/store/"},
            {},
        ),
        (
            "a mount begins with the same letters",
            {"SCRIPT_NAME": "/stores"},
            {PREFIX: "/store"},
            {"SCRIPT_NAME": "/store/stores"},
        ),
        (
            "an escaped prefix is decoded",
            {},
            {PREFIX: "/our%20team/caf%C3%A9"},
            {"SCRIPT_NAME": "/our team/caf\u00c3\u00a9"},
        ),
        ("a mount that is no text", {"SCRIPT_NAME": 7}, {PREFIX: "/a"}, {"SCRIPT_NAME": "/a"}),
        ("a bad prefix", {"SCRIPT_NAME": "/own"}, {PREFIX: "//evil.example"}, {}),
        (
            "a prefix where SCRIPT_NAME is missing",
            {"SCRIPT_NAME": None},
            {PREFIX: "/app"},
            {"SCRIPT_NAME": "/app"},
        ),
    ),
)
def test_the_url(own, headers, changes):
    environ = {key: value for key, value in environ_of({}, **own).items() if value is not None}
    settings = settings_of(headers=[PROTO, HOST, PORT, PREFIX])
    assert cleaned(settings, {**environ, **keyed(headers)}) == {
        **environ,
        **changes,
        **believed_of(settings, headers),
    }
    untrusted = {**environ, "REMOTE_ADDR": CLIENT}
    assert cleaned(settings, {**untrusted, **keyed(headers)}) == untrusted


def believed_of(settings, headers):
    """What cleaning leaves, which other tests look at."""
    environ = cleaned(settings, environ_of(headers))
    return {key: environ[key] for key in keyed(headers) if key in environ}


def test_the_url_of_forwarded():
    forwarded = f'for={CLIENT};host="a.example";proto=https'
    environ = environ_of({"Forwarded": forwarded, HOST: "evil.example", PORT: "8443"})
    rewrite(environ, settings_of(headers=["Forwarded", PORT]).policy)
    assert (environ[SCHEME], environ["HTTP_HOST"]) == ("https", "a.example:8443")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("a.example", "8443")


@pytest.mark.parametrize(
    ("more", "scheme"),
    rows(
        ("https stays", {SCHEME: "https"}, "https"),
        ("anything else is http", {SCHEME: "gopher"}, "http"),
        ("gunicorn's socket is asked", {SCHEME: "https", "gunicorn.socket": object()}, "http"),
    ),
)
def test_the_scheme_of_the_connection(more, scheme):
    environ = environ_of({PROTO: "https" if scheme == "http" else "http"}, CLIENT, **more)
    rewrite(environ, settings_of().policy)
    assert environ["wsgi.url_scheme"] == scheme
