"""The warnings that a request can cause: the exact line, once, and when there is none."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import TrustProxyMiddleware
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.report.suspicions import is_usual, suspicions
from helpers import settings_of

PEER = "10.0.0.2"
FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"
HONEST = {FOR: "203.0.113.9", PROTO: "https"}
CDN = "198.51.100.0/24"


def application(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]


def key_of(name):
    return name if "." in name else f"HTTP_{name.upper().replace('-', '_')}"


@pytest.fixture
def warned(caplog):
    """The warnings of three equal requests."""

    def ask(arguments, headers, peer=PEER):
        middleware = TrustProxyMiddleware(application, **{"trust": PEER, **arguments})
        caplog.clear()
        for _ in range(3):
            environ = create_environ("/", "http://www.example.com")
            environ["REMOTE_ADDR"] = peer
            environ.update((key_of(name), value) for name, value in headers.items())
            run_wsgi_app(middleware, environ)
        return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]

    return ask


def not_read(names, item, header=FOR, peer=PEER):
    return (
        f"{peer}, which is trusted, sent {names}, which is not read, and no {header}: the "
        f"proxy itself was treated as the client. If your proxy writes {item} on every "
        f"request, name it in TRUST_PROXY_HEADERS in place of {header}. If not, let it write "
        f"{header}"
    )


UNREAD_CLIENTS = [
    *(
        pytest.param({}, {name: value}, [not_read(name, name)], id=f"only {name} arrives")
        for name, value in [
            ("Forwarded", "for=203.0.113.9;proto=https"),
            ("X-Real-IP", "203.0.113.9"),
            ("CF-Connecting-IP", "2001:db8::9"),
            ("DO-Connecting-IP", "203.0.113.9"),
            ("Fly-Client-IP", "203.0.113.9"),
        ]
    ),
    pytest.param(
        {},
        {"Client-IP": "203.0.113.9"},
        [not_read("Client-IP", "Client-IP=address")],
        id="a name that needs its kind",
    ),
    pytest.param(
        {"headers": "X-Real-IP, X-Forwarded-Proto"},
        HONEST,
        [not_read(FOR, FOR, "X-Real-IP")],
        id="X-Forwarded-For, while another is read",
    ),
    pytest.param(
        {},
        {PROTO: "https", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"},
        [not_read("Forwarded and X-Real-IP", "Forwarded")],
        id="two of them",
    ),
    pytest.param(
        {},
        {"Fastly-Client-IP": "203.0.113.9", "X-Real-IP": "203.0.113.9"},
        [not_read("X-Real-IP", "X-Real-IP")],
        id="one of them should not be named",
    ),
    pytest.param(
        {"trust": 1},
        {"X-Real-IP": "203.0.113.9"},
        [not_read("X-Real-IP", "X-Real-IP")],
        id="a count",
    ),
    pytest.param(
        {"clean_headers": False},
        {"X-Real-IP": "203.0.113.9"},
        [not_read("X-Real-IP", "X-Real-IP")],
        id="nothing is removed",
    ),
    *(
        pytest.param(
            {},
            {name: "203.0.113.9"},
            [
                f"{PEER}, which is trusted, sent {name}, which a client can write, and no "
                "X-Forwarded-For: the proxy itself was treated as the client. Let your proxies "
                "and the CDN write X-Forwarded-For"
            ],
            id=f"{name} is never to be named",
        )
        for name in ("Fastly-Client-IP", "True-Client-IP", "X-Azure-ClientIP")
    ),
    pytest.param({}, {}, [], id="a health check has no header"),
    pytest.param({}, {"X-Real-IP": " "}, [], id="a blank header says nothing"),
    pytest.param({"headers": "none"}, {"X-Real-IP": "203.0.113.9"}, [], id="none is read"),
    pytest.param(
        {}, {**HONEST, "X-Real-IP": "203.0.113.9"}, [], id="beside the one that is read"
    ),
    pytest.param({"trust": "192.0.2.1"}, {"X-Real-IP": "203.0.113.9"}, [], id="not trusted"),
]


@pytest.mark.parametrize(("arguments", "headers", "lines"), UNREAD_CLIENTS)
def test_the_client_comes_in_a_header_that_is_not_read(warned, arguments, headers, lines):
    assert warned(arguments, headers) == lines


def no_scheme(header=PROTO, came="", instead=""):
    return (
        f"{PEER}, which is trusted, sent no {header}{came}: the scheme is http, a redirect to "
        f"https may loop, and a client can write {header} as long as your proxy does not. Let "
        f"your proxy set {header} on every request{instead}. If it serves https alone and "
        "cannot say so, set TRUST_PROXY_SCHEME = 'https'"
    )


def came(*names, header=PROTO):
    return no_scheme(
        header,
        f", but {' and '.join(names)}, which is not read",
        f", or name {names[0]} in its place if your proxy writes that",
    )


NO_SCHEME = (
    f"{PEER}, which is trusted, sent the client's address, and TRUST_PROXY_HEADERS names no "
    "header that says the scheme: the scheme is http, and a redirect to https may loop. Let "
    "your proxy set X-Forwarded-Proto on every request, and name it in TRUST_PROXY_HEADERS. If "
    "it serves https alone and cannot say so, set TRUST_PROXY_SCHEME = 'https'"
)
CLIENT = {FOR: "203.0.113.9"}
SCHEMES = [
    pytest.param({}, CLIENT, [no_scheme()], id="no scheme header at all"),
    pytest.param({}, {**CLIENT, PROTO: " "}, [no_scheme()], id="a blank one"),
    pytest.param(
        {}, {**CLIENT, "X-Forwarded-Ssl": "on"}, [came("X-Forwarded-Ssl")], id="another name"
    ),
    pytest.param(
        {},
        {**CLIENT, "X-Scheme": "https", "X-Forwarded-Ssl": "on"},
        [came("X-Scheme", "X-Forwarded-Ssl")],
        id="two other names",
    ),
    pytest.param(
        {}, {"X-Forwarded-Ssl": "on"}, [came("X-Forwarded-Ssl")], id="the scheme comes alone"
    ),
    pytest.param(
        {"headers": "X-Forwarded-For, X-Scheme"},
        HONEST,
        [came(PROTO, header="X-Scheme")],
        id="X-Forwarded-Proto, while another is read",
    ),
    pytest.param({"headers": FOR}, CLIENT, [NO_SCHEME], id="no scheme header is named"),
    pytest.param(
        {"headers": "Forwarded"},
        {"Forwarded": "for=203.0.113.9"},
        [no_scheme("proto in Forwarded")],
        id="Forwarded without proto",
    ),
    pytest.param({"scheme": "https"}, CLIENT, [], id="TRUST_PROXY_SCHEME is set"),
    pytest.param({}, {**CLIENT, "wsgi.url_scheme": "https"}, [], id="TLS to the app"),
    pytest.param({}, {**CLIENT, PROTO: "http"}, [], id="the proxy says http"),
    pytest.param({"headers": "none"}, CLIENT, [], id="no header is read"),
    pytest.param({}, {}, [], id="a health check"),
    pytest.param({"edge": "192.0.2.1"}, CLIENT, [], id="it did not come through the edge"),
]


@pytest.mark.parametrize(("arguments", "headers", "lines"), SCHEMES)
def test_no_header_says_the_scheme(warned, arguments, headers, lines):
    assert warned(arguments, headers) == lines


def a_proxy(client, rule, writer=PEER):
    return (
        f"The client that was found, {client}, is itself trusted as a proxy ({rule}): {writer} "
        "replaced X-Forwarded-For instead of adding to it, or that proxy sent the request "
        f"itself. Let {writer} add to the list. For nginx: proxy_set_header X-Forwarded-For "
        "$proxy_add_x_forwarded_for;"
    )


def limited(client, rule, number):
    return (
        f"TRUST_PROXY_MAX_HOPS = {number} ended the walk at {client}, which is trusted as a "
        f"proxy ({rule}), and X-Forwarded-For has more entries to its left. If your requests "
        "come through more proxies than that, set TRUST_PROXY_MAX_HOPS to their number"
    )


BOTH = f"{PEER}, {CDN}"
PROXIES = [
    pytest.param(
        {"trust": BOTH, "max_hops": 2},
        "198.51.100.7",
        [a_proxy("198.51.100.7", CDN)],
        id="the list holds a CDN's address alone",
    ),
    pytest.param(
        {"trust": BOTH, "max_hops": 1},
        "198.51.100.7",
        [a_proxy("198.51.100.7", CDN)],
        id="the same, and the number of hops is reached as well",
    ),
    pytest.param(
        {"trust": f"{PEER}, 2001:db8:1::/48", "max_hops": 2},
        "2001:db8:1::7",
        [a_proxy("2001:db8:1::7", "2001:db8:1::/48")],
        id="an IPv6 one",
    ),
    pytest.param(
        {"trust": BOTH, "max_hops": 1},
        "203.0.113.9, 198.51.100.7",
        [limited("198.51.100.7", CDN, 1)],
        id="the number of hops ends the walk at a proxy",
    ),
    pytest.param(
        {"trust": "10.0.0.0/8", "max_hops": 1},
        "203.0.113.9, 10.0.0.3",
        [limited("10.0.0.3", "10.0.0.0/8", 1)],
        id="the same in a private network",
    ),
    pytest.param(
        {"trust": "10.0.0.0/8", "max_hops": 2}, "10.1.2.3", [], id="a client in the network"
    ),
    pytest.param(
        {"trust": "10.0.0.0/8", "max_hops": 1},
        "10.1.2.3",
        [],
        id="a client in the network, at the last hop that may be trusted",
    ),
    pytest.param({"trust": "loopback, 10.0.0.2"}, "127.0.0.1", [], id="a client here"),
    pytest.param({"trust": BOTH, "max_hops": 2}, "203.0.113.9, 198.51.100.7", [], id="honest"),
    pytest.param({"trust": BOTH, "max_hops": 1}, "203.0.113.9", [], id="past the CDN"),
    pytest.param(
        {"trust": True}, "198.51.100.7", [], id="everybody is trusted, and no one named"
    ),
    pytest.param({"trust": lambda address, hop: True}, "198.51.100.7", [], id="a callable"),
]


@pytest.mark.parametrize(("arguments", "value", "lines"), PROXIES)
def test_the_client_is_trusted_as_a_proxy(warned, arguments, value, lines):
    assert warned(arguments, {FOR: value, PROTO: "https"}) == lines


def low(client, count=1):
    return (
        f"TRUST_PROXY = {count} found the client {client}, which is a private address, and "
        "X-Forwarded-For has more entries to its left: the request may have come through one "
        "proxy more than the count. To see which proxies it comes through, run: flask "
        "trust-proxy probe URL"
    )


@pytest.mark.parametrize(
    ("trust", "value", "lines"),
    [
        pytest.param(1, "203.0.113.9:55380, 10.0.128.18", [low("10.0.128.18")], id="one more"),
        pytest.param(1, "203.0.113.9,fd00::1", [low("fd00::1")], id="an IPv6 one"),
        pytest.param(
            2, "203.0.113.9, 10.0.0.1, 10.0.0.3", [low("10.0.0.1", 2)], id="a count of two"
        ),
        pytest.param(1, "10.0.128.18", [], id="a private client, and nothing left of it"),
        pytest.param(1, "6.6.6.6, 203.0.113.9", [], id="a public client, and a forged entry"),
        pytest.param("10.0.0.2", "6.6.6.6, 10.0.128.18", [], id="no count"),
    ],
)
def test_a_count_finds_a_private_address(warned, trust, value, lines):
    assert warned({"trust": trust}, {FOR: value, PROTO: "https"}) == lines


def another(name, value, client="198.51.100.7", peer=PEER):
    return (
        f"{peer}, which is trusted, sent {name}: {value!r}, but the client that was found is "
        f"{client}: either that is a proxy of your CDN, or a client wrote {name}. If you use "
        "that CDN, name a file of its networks in TRUST_PROXY, beside what is trusted now, and "
        "set TRUST_PROXY_MAX_HOPS to the number of your proxies. To make the file, run: flask "
        "trust-proxy fetch"
    )


def of_platform(name, value, client):
    return (
        f"{PEER}, which is trusted, sent {name}: {value!r}, but the client that was found is "
        f"{client}: either that is a proxy of your platform, or a client wrote {name}. If your "
        f"platform writes {name} on every request, name it in TRUST_PROXY_HEADERS in place of "
        "X-Forwarded-For"
    )


@pytest.mark.parametrize(
    ("trust", "value", "headers", "lines"),
    [
        pytest.param(
            PEER,
            "203.0.113.9, 198.51.100.7",
            {"CF-Connecting-IP": "203.0.113.9"},
            [another("CF-Connecting-IP", "203.0.113.9")],
            id="a CDN in front of a proxy, and the proxy alone is trusted",
        ),
        pytest.param(
            PEER,
            "198.51.100.7",
            {"CloudFront-Viewer-Address": "2001:db8::9:443"},
            [another("CloudFront-Viewer-Address", "2001:db8::9")],
            id="the list has only the CDN, and an address with a port",
        ),
        pytest.param(
            1,
            "10.0.128.18",
            {"DO-Connecting-IP": "203.0.113.9"},
            [of_platform("DO-Connecting-IP", "203.0.113.9", "10.0.128.18")],
            id="a platform's own header",
        ),
        pytest.param(
            PEER, "203.0.113.9", {"CF-Connecting-IP": "203.0.113.9"}, [], id="the same client"
        ),
        pytest.param(
            BOTH,
            "203.0.113.9, 198.51.100.7",
            {"CF-Connecting-IP": "198.51.100.7"},
            [],
            id="it names a trusted hop: another CDN is in front of this one",
        ),
        pytest.param(PEER, "203.0.113.9", {"CF-Connecting-IP": "unknown"}, [], id="no address"),
        pytest.param(
            PEER, "203.0.113.9", {"X-Real-IP": "192.0.2.66"}, [], id="anyone's header"
        ),
    ],
)
def test_a_cdn_names_another_client(warned, trust, value, headers, lines):
    assert warned({"trust": trust}, {FOR: value, PROTO: "https", **headers}) == lines


def unclear(header, value, expected):
    return (
        f"{header}: {value!r} came from {PEER}, which is trusted, and was not understood, so "
        f"it was ignored. Expected {expected}. Let your proxy write such a value, in place of "
        "the one that a client sends"
    )


ALL = f"{FOR}, {PROTO}, X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix"
SCHEME = "http or https"
HOST = "a host name or an address, and a port if need be"


@pytest.mark.parametrize(
    ("headers", "sent", "lines"),
    [
        pytest.param(ALL, {PROTO: "tls"}, [unclear(PROTO, "tls", SCHEME)], id="a scheme"),
        pytest.param(
            ALL,
            {"X-Forwarded-Host": "no host!"},
            [unclear("X-Forwarded-Host", "no host!", HOST)],
            id="a host",
        ),
        pytest.param(
            ALL,
            {"X-Forwarded-Port": "99999"},
            [unclear("X-Forwarded-Port", "99999", "a number from 1 to 65535")],
            id="a port",
        ),
        pytest.param(
            ALL,
            {"X-Forwarded-Prefix": "/a%2Fb"},
            [unclear("X-Forwarded-Prefix", "/a%2Fb", "a path such as /shop")],
            id="a prefix",
        ),
        pytest.param(
            f"{FOR}, CF-Visitor",
            {"CF-Visitor": "{}"},
            [unclear("CF-Visitor", "{}", SCHEME)],
            id="a header of its own form",
        ),
        pytest.param(
            "Forwarded",
            {"Forwarded": "for=203.0.113.9;proto=gopher"},
            [unclear("Forwarded proto", "gopher", SCHEME)],
            id="proto in Forwarded",
        ),
        pytest.param(ALL, {"X-Forwarded-Host": " "}, [], id="a blank one says nothing"),
        pytest.param(ALL, {"X-Forwarded-Host": "a.example, "}, [], id="the last is blank"),
        pytest.param(
            ALL, {"X-Forwarded-Host": "bad!, a.example"}, [], id="left of the one read"
        ),
        pytest.param(
            f"{FOR}, {PROTO}:2", {PROTO: "tls"}, [], id="fewer values than its number"
        ),
    ],
)
def test_a_header_is_not_understood(warned, headers, sent, lines):
    said = warned({"headers": headers}, {**HONEST, **sent})
    assert [line for line in said if "not understood" in line] == lines
    assert said == lines or not lines


def several(header, values, taken, more="", n=1):
    return (
        f"{header} has {values.count(',') + 1} values, {values!r}, and {taken!r} was taken, "
        f"which is number {n} from the right: more than one proxy adds to it, or a client "
        f"wrote the others. Let your outermost proxy set it, and the others pass it on{more}"
    )


def if_appended(item):
    number = item[-1]
    return f". If {number} of your proxies append to it, name {item} in TRUST_PROXY_HEADERS"


TWO = "203.0.113.9, 10.0.0.3"
THREE = "203.0.113.9, 10.0.0.3, 10.0.0.3"
PREFIX = f"{FOR}, {PROTO}, X-Forwarded-Prefix"


@pytest.mark.parametrize(
    ("headers", "hops", "sent", "lines"),
    [
        pytest.param(
            PREFIX,
            TWO,
            {"X-Forwarded-Prefix": "/api,/users"},
            [
                several(
                    "X-Forwarded-Prefix",
                    "/api,/users",
                    "/users",
                    if_appended("X-Forwarded-Prefix:2"),
                )
            ],
            id="two proxies wrote a prefix",
        ),
        pytest.param(
            PREFIX,
            "203.0.113.9",
            {"X-Forwarded-Prefix": "/api,/users"},
            [several("X-Forwarded-Prefix", "/api,/users", "/users")],
            id="one proxy is trusted, so no other number is proposed",
        ),
        pytest.param(
            f"{FOR}, {PROTO}",
            TWO,
            {PROTO: "https, http, http"},
            [several(PROTO, "https, http, http", "http", if_appended(f"{PROTO}:2"))],
            id="more values than proxies",
        ),
        pytest.param(
            f"{FOR}, X-Acme=scheme:2",
            THREE,
            {"X-Acme": "on, off, off", PROTO: ""},
            [several("X-Acme", "on, off, off", "http", if_appended("X-Acme=scheme:3"), 2)],
            id="a number that is too low",
        ),
        pytest.param(
            f"{FOR}, {PROTO}:2", TWO, {PROTO: "https, http"}, [], id="as many as named"
        ),
        pytest.param(f"{FOR}, {PROTO}", TWO, {PROTO: "https,HTTPS"}, [], id="all are the same"),
        pytest.param(f"{FOR}, {PROTO}", TWO, {PROTO: "https"}, [], id="one value"),
    ],
)
def test_one_of_several_values_is_taken(warned, headers, hops, sent, lines):
    arguments = {"trust": "10.0.0.2, 10.0.0.3", "headers": headers}
    assert warned(arguments, {FOR: hops, PROTO: "https", **sent}) == lines


SERVER = (
    "REMOTE_ADDR is {0}, and {1} names the same address as the client: the WSGI server has "
    "already replaced the proxy's address, so TrustProxy cannot check who sent the headers. "
    "They were ignored. Switch off the proxy headers of the server, such as "
    "--no-proxy-headers of uvicorn or xheaders of Tornado. The page 'WSGI servers' has the "
    "switch of each"
)


@pytest.mark.parametrize(
    ("headers", "peer", "sent"),
    [
        pytest.param(FOR, "192.168.7.6", {FOR: "192.168.7.6"}, id="one entry"),
        pytest.param(
            FOR, "192.168.7.6", {FOR: "203.0.113.9, 192.168.7.6"}, id="the last entry"
        ),
        pytest.param(FOR, "192.168.7.6", {FOR: "192.168.7.6, 10.0.0.3"}, id="the first entry"),
        pytest.param(FOR, "fd00::7", {FOR: "[FD00::7]:4711"}, id="another spelling"),
        pytest.param("Forwarded", "fd00::7", {"Forwarded": 'for="[fd00::7]"'}, id="Forwarded"),
        pytest.param("X-Real-IP", "10.1.1.1", {"X-Real-IP": "10.1.1.1"}, id="one address"),
    ],
)
def test_the_server_has_decided_already(warned, headers, peer, sent):
    (line,) = warned({"headers": headers}, sent, peer)
    assert line == SERVER.format(peer, headers)
    assert "TRUST_PROXY" not in line


def test_a_proxy_that_names_another_client_is_proposed(warned):
    (line,) = warned({}, HONEST, "192.168.7.6")
    assert line == (
        "192.168.7.6 sent forwarding headers but is not trusted, so they were ignored. If this "
        "is your proxy, set TRUST_PROXY = '10.0.0.2, 192.168.7.6'"
    )


KNOWN = [
    pytest.param({"X-Forwarded-Host": "www.example.com"}, id="the host"),
    pytest.param(
        {"X-Forwarded-Host": "WWW.example.com:443"}, id="the host and the scheme's port"
    ),
    pytest.param({"X-Forwarded-Host": "www.example.com, www.example.com"}, id="twice the host"),
    pytest.param({"X-Forwarded-Port": "443"}, id="the scheme's port"),
    pytest.param(
        {"Host": "www.example.com:8443", "X-Forwarded-Port": "8443"}, id="the host's port"
    ),
    pytest.param(
        {"Host": "www.example.com:8443", "X-Forwarded-Host": "www.example.com:8443"},
        id="the host and its port",
    ),
    pytest.param({"X-Forwarded-Prefix": "/"}, id="no prefix"),
    pytest.param({"X-Forwarded-Host": ""}, id="an empty host"),
]


@pytest.mark.parametrize("sent", KNOWN)
def test_a_removed_header_that_says_nothing_new(warned, sent):
    assert warned({}, {**HONEST, **sent}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-Host", "shop.example.com"),
        ("X-Forwarded-Host", "www.example.com:8443"),
        ("X-Forwarded-Host", "www.example.com, shop.example.com"),
        ("X-Forwarded-Port", "80"),
        ("X-Forwarded-Port", "8443"),
        ("X-Forwarded-Prefix", "/shop"),
    ],
)
def test_a_removed_header_that_says_something_new(warned, name, value):
    (line,) = warned({}, {**HONEST, name: value})
    assert line == (
        f"{name}: {value!r} was removed, though {PEER}, which is trusted, sent it. Your proxy "
        "may have written it, or a client. If your proxy sets it on every request, and your "
        "URLs are wrong without it, add it to TRUST_PROXY_HEADERS. If a client can write it, "
        "leave it out"
    )


NAMES = (
    "X-Forwarded-For Forwarded X-Real-IP CF-Connecting-IP Fastly-Client-IP True-Client-IP "
    "X-Azure-ClientIP X-Forwarded-Proto X-Forwarded-Ssl X-Forwarded-Host X-Forwarded-Port "
    "X-Forwarded-Prefix Client-IP Host"
).split()
any_value = st.text(max_size=40) | st.sampled_from(
    [
        "203.0.113.9",
        "10.0.0.2, 203.0.113.9",
        "https, http",
        "on",
        ",",
        '"',
        "a:1:2",
        "[::1]:443",
    ]
)


@given(
    sent=st.dictionaries(st.sampled_from(NAMES), any_value),
    trust=st.sampled_from([PEER, BOTH, 1, True, False]),
    headers=st.sampled_from([f"{FOR}, {PROTO}", ALL, "Forwarded", "X-Real-IP", "none"]),
    clean=st.booleans(),
)
def test_nothing_is_suspicious_of_a_usual_request(sent, trust, headers, clean):
    """The quick look agrees with the long one."""
    sent = {**HONEST, **sent}
    environ = create_environ("/", "http://www.example.com")
    environ.update((key_of(name), value) for name, value in sent.items())
    environ["REMOTE_ADDR"] = PEER
    resolution = rewrite(environ, settings_of(trust, headers, clean_headers=clean).policy)
    if is_usual(resolution, environ):
        assert list(suspicions(resolution, environ)) == []


@pytest.mark.parametrize("sent", [HONEST, {}, {**HONEST, "X-Real-IP": "203.0.113.9"}])
def test_an_honest_request_is_usual(sent):
    environ = create_environ("/", "http://www.example.com")
    environ.update((key_of(name), value) for name, value in sent.items())
    environ["REMOTE_ADDR"] = PEER if sent else "203.0.113.9"
    resolution = rewrite(environ, settings_of(PEER).policy)
    assert is_usual(resolution, environ)


@given(
    sent=st.dictionaries(st.sampled_from(NAMES), any_value),
    trust=st.sampled_from([PEER, BOTH, 1, True]),
    headers=st.sampled_from([f"{FOR}, {PROTO}", ALL, "Forwarded", "X-Real-IP", "none"]),
    clean=st.booleans(),
)
def test_no_request_leads_to_an_error_or_to_a_forgeable_header(sent, trust, headers, clean):
    """Nothing advises to name a header that a client can write through a CDN."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    middleware = TrustProxyMiddleware(
        application, trust=trust, headers=headers, clean_headers=clean
    )
    logger, handler = logging.getLogger("flask_trustproxy"), Handler()
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        environ = create_environ("/", "http://www.example.com")
        environ["REMOTE_ADDR"] = PEER
        environ.update((key_of(name), value) for name, value in sent.items())
        run_wsgi_app(middleware, environ)
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
    for name in ("Fastly-Client-IP", "True-Client-IP", "X-Azure-ClientIP"):
        assert not any(f"{name} in TRUST_PROXY_HEADERS" in line for line in lines)
        assert not any(name in line and "name it in" in line for line in lines)


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        pytest.param(
            {PROTO: "http, https"}, several(PROTO, "http, https", "https"), id="several values"
        ),
        pytest.param(
            {"CF-Connecting-IP": "192.0.2.66"},
            another("CF-Connecting-IP", "192.0.2.66", "203.0.113.9"),
            id="another client",
        ),
    ],
)
def test_headers_that_are_left_as_they_are_are_looked_at_as_well(warned, sent, line):
    assert warned({"clean_headers": False}, {**HONEST, **sent}) == [line]
