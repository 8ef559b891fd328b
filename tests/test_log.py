"""The log: what is said at the start, of each request, and never twice."""

from __future__ import annotations

import logging
import random
import re
import sys
from collections import Counter

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import SettingError, TrustProxy, TrustProxyMiddleware
from flask_trustproxy import log as diagnostics
from flask_trustproxy.probe.door import PARAMETER, TOKEN, make_token
from flask_trustproxy.report import phrases
from helpers import said_by_the_package

LOGGER = "flask_trustproxy"


@pytest.fixture(autouse=True)
def log(caplog):
    """What our logger said: (level, message)."""
    caplog.set_level(logging.DEBUG, LOGGER)

    class Log:
        def at(self, *levels):
            return [
                record.getMessage()
                for record in caplog.records
                if record.name == LOGGER and record.levelname in levels
            ]

        @property
        def warnings(self):
            return self.at("WARNING", "ERROR", "CRITICAL")

        clear = staticmethod(caplog.clear)

    return Log()


def application(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]


def ask(middleware, peer="127.0.0.1", **keys):
    environ = {**create_environ("/", "http://app.example.com"), **keys}
    if peer is not None:
        environ["REMOTE_ADDR"] = peer
    run_wsgi_app(middleware, environ)


def make_app(**config):
    app = Flask(__name__)
    app.config.update(config)
    TrustProxy(app)
    return app


class TestAtTheStart:
    def test_the_settings_in_force_with_their_origins(self, log, monkeypatch):
        monkeypatch.setenv("TRUST_PROXY", "loopback, 192.0.2.0/24")
        make_app(TRUST_PROXY_MAX_HOPS=3)
        [line] = log.at("INFO")
        assert line.startswith(
            "TRUST_PROXY='loopback, 192.0.2.0/24' (from the environment), "
            "TRUST_PROXY_HEADERS='X-Forwarded-For, X-Forwarded-Proto' (the default), "
            "TRUST_PROXY_MAX_HOPS=3 (from app.config), "
            "TRUST_PROXY_CLEAN_HEADERS=True (the default), "
            "TRUST_PROXY_SECURE_COOKIES='session' (the default), "
            "TRUST_PROXY_REQUIRED=False (the default)"
        )
        assert log.warnings == []
        assert log.at("DEBUG") == []

    def test_of_the_plain_middleware_too(self, log):
        TrustProxyMiddleware(application, trust=["192.0.2.1"], required="/healthz")
        [line] = log.at("INFO")
        assert line.startswith(
            "TRUST_PROXY=['192.0.2.1'] (from the argument trust), TRUST_PROXY_HEADERS="
        )
        assert "TRUST_PROXY_REQUIRED='/healthz' (from the argument required)" in line

    def test_a_long_list_is_cut(self, log):
        make_app(TRUST_PROXY=[f"192.0.2.{number}" for number in range(256)])
        [line] = log.at("INFO")
        shown, _, rest = line.partition("... (from app.config), TRUST_PROXY_HEADERS=")
        assert shown == "TRUST_PROXY=" + repr([f"192.0.2.{i}" for i in range(256)])[:200]
        assert rest.startswith("'X-Forwarded-For, X-Forwarded-Proto' (the default), ")

    def test_a_request_says_nothing_of_them(self, log):
        app = make_app()
        log.clear()
        ask(app)
        assert log.at("INFO") == []

    def test_again_where_they_were_changed(self, log):
        app = make_app()
        log.clear()
        app.config["TRUST_PROXY"] = "192.0.2.1"
        for _ in range(3):
            ask(app)
        [line] = log.at("INFO")
        assert line.startswith("TRUST_PROXY='192.0.2.1' (from app.config), ")

    def test_nothing_where_there_is_a_mistake(self, log):
        with pytest.raises(SettingError):
            make_app(TRUST_PROXY="loopbck")
        assert log.at("DEBUG", "INFO", "WARNING") == []

    @pytest.mark.parametrize(
        ("trust", "lines"),
        [
            pytest.param("10.1.2.3/8", ["10.1.2.3/8 read as 10.0.0.0/8"], id="IPv4"),
            pytest.param(
                "192.0.2.9/255.255.255.0",
                ["192.0.2.9/255.255.255.0 read as 192.0.2.0/24"],
                id="a mask",
            ),
            pytest.param("2001:db8::1/32", ["2001:db8::1/32 read as 2001:db8::/32"], id="IPv6"),
            pytest.param(
                "loopback, 10.0.0.1/8, 192.0.2.1/24",
                ["10.0.0.1/8 read as 10.0.0.0/8", "192.0.2.1/24 read as 192.0.2.0/24"],
                id="each of them",
            ),
            pytest.param("10.0.0.0/8, 192.0.2.1", [], id="no host bits"),
            pytest.param("loopback", [], id="a name"),
        ],
    )
    def test_host_bits(self, log, trust, lines):
        make_app(TRUST_PROXY=trust, TRUST_PROXY_MAX_HOPS=1)
        assert log.at("INFO")[1:] == [f"TRUST_PROXY: {line}" for line in lines]
        assert log.warnings == []


def strangers(shown, origin="from app.config"):
    return (
        f"TRUST_PROXY={shown} ({origin}) trusts strangers: anyone can forge the client's "
        "address. Name the addresses or networks of your proxies"
    )


NO_TRUSTED_HOSTS = (
    "TRUST_PROXY_HEADERS lets a header say the host, and no list of trusted hosts is set: "
    "if a proxy passes that header on, a client chooses the host of every URL. Set "
    "TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts"
)


def cdn(name):
    if name != "CF-Connecting-IP":
        return passed_on(name)
    return (
        f"TRUST_PROXY_HEADERS names {name}, which only the CDN overwrites, and TRUST_PROXY "
        "trusts local addresses: a client that reaches your own proxy directly can forge it. "
        "Let your own proxy overwrite it on connections that are not the CDN's, or read "
        "X-Forwarded-For and trust the CDN's networks"
    )


def passed_on(name):
    return (
        f"TRUST_PROXY_HEADERS names {name}, and the CDN may pass on the value that a client "
        "wrote, unless you tell it to overwrite that header. Read X-Forwarded-For, and trust "
        "the CDN's networks"
    )


def shared(shown):
    return (
        f"TRUST_PROXY={shown} (from app.config) trusts a public range, and "
        "TRUST_PROXY_MAX_HOPS is not set: other customers of a CDN send from that range too, "
        "are treated as proxies, and can forge an address. Set TRUST_PROXY_MAX_HOPS to the "
        "number of your proxies"
    )


STARTS = [
    pytest.param({}, [], id="the defaults are harmless"),
    pytest.param({"TRUST_PROXY": False}, [], id="nobody"),
    pytest.param({"TRUST_PROXY": 2}, [], id="a count"),
    pytest.param({"TRUST_PROXY": lambda address, hop: True}, [], id="a callable is its own"),
    pytest.param({"TRUST_PROXY": True}, [strangers("'True'")], id="everybody"),
    pytest.param({"TRUST_PROXY": "true"}, [strangers("'true'")], id="everybody, in words"),
    pytest.param(
        {"TRUST_PROXY": "0.0.0.0/0"}, [strangers("'0.0.0.0/0'")], id="the whole of IPv4"
    ),
    pytest.param({"TRUST_PROXY": "::/0"}, [strangers("'::/0'")], id="the whole of IPv6"),
    pytest.param(
        {"TRUST_PROXY": "203.0.0.0/8"}, [shared("'203.0.0.0/8'")], id="1/256 of IPv4 exactly"
    ),
    pytest.param(
        {"TRUST_PROXY": "203.0.0.0/8, 198.51.100.7"},
        [strangers("'203.0.0.0/8, 198.51.100.7'")],
        id="one address above 1/256 of IPv4",
    ),
    pytest.param(
        {"TRUST_PROXY": "202.0.0.0/7"}, [strangers("'202.0.0.0/7'")], id="1/128 of IPv4"
    ),
    pytest.param(
        {"TRUST_PROXY": "203.0.0.0/8, 203.0.113.0/24, 203.0.113.9"},
        [shared("'203.0.0.0/8, 203.0.113.0/24, 203.0.113.9'")],
        id="what overlaps counts once",
    ),
    pytest.param({"TRUST_PROXY": "2001::/16"}, [shared("'2001::/16'")], id="an IPv6 /16"),
    pytest.param({"TRUST_PROXY": "2000::/15"}, [strangers("'2000::/15'")], id="an IPv6 /15"),
    pytest.param(
        {"TRUST_PROXY": "loopback, linklocal, uniquelocal, unix, 203.0.0.0/8"},
        [shared("'loopback, linklocal, uniquelocal, unix, 203.0.0.0/8'")],
        id="the presets are no strangers",
    ),
    pytest.param(
        {"TRUST_PROXY": "10.0.0.0/8, 172.16.0.0/12, fd00::/8"},
        [],
        id="networks inside of the presets",
    ),
    pytest.param(
        {"TRUST_PROXY": "fc00::/6"}, [strangers("'fc00::/6'")], id="wider than a preset"
    ),
    pytest.param(
        {"TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Host"},
        [NO_TRUSTED_HOSTS],
        id="X-Forwarded-Host",
    ),
    pytest.param(
        {"TRUST_PROXY_HEADERS": "X-Original-Host"}, [NO_TRUSTED_HOSTS], id="X-Original-Host"
    ),
    pytest.param({"TRUST_PROXY_HEADERS": "Forwarded"}, [NO_TRUSTED_HOSTS], id="Forwarded"),
    pytest.param(
        {"TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Port, X-Forwarded-Prefix"},
        [],
        id="port and prefix say no host",
    ),
    *(
        pytest.param(
            {"TRUST_PROXY_HEADERS": name, "TRUST_PROXY": trust},
            [strangers("'True'")] * (trust is True) + [cdn(name)],
            id=f"{name}, while trusting {trust}",
        )
        for name, trust in (
            ("CF-Connecting-IP", "loopback"),
            ("True-Client-IP", "unix"),
            ("Fastly-Client-IP", "10.1.0.0/16"),
            ("X-Azure-ClientIP", "192.0.2.0/24, fd00::1"),
            ("CF-Connecting-IP", "169.254.0.1"),
            ("CF-Connecting-IP", 1),
            ("CF-Connecting-IP", True),
        )
    ),
    pytest.param(
        {"TRUST_PROXY_HEADERS": "CF-Connecting-IP", "TRUST_PROXY": "173.245.48.0/20"},
        [],
        id="the CDN's own networks alone",
    ),
    *(
        pytest.param(
            {"TRUST_PROXY_HEADERS": name, "TRUST_PROXY": "198.51.100.0/24"},
            [passed_on(name)],
            id=f"{name}, which a CDN may pass on, from its own networks alone",
        )
        for name in ("Fastly-Client-IP", "True-Client-IP", "X-Azure-ClientIP")
    ),
    pytest.param(
        {"TRUST_PROXY": "198.51.100.0/24", "TRUST_PROXY_MAX_HOPS": 16},
        [],
        id="a public range, and the number of proxies is set",
    ),
    pytest.param(
        {"TRUST_PROXY": "198.51.100.7, 2001:db8::9"}, [], id="public addresses are no range"
    ),
    pytest.param({"TRUST_PROXY": "100.64.0.0/10"}, [], id="carrier NAT is no public range"),
    pytest.param(
        {"TRUST_PROXY": "198.51.100.0/24", "TRUST_PROXY_HEADERS": "X-Real-IP"},
        [],
        id="a public range, and only the peer is asked about",
    ),
    pytest.param(
        {"TRUST_PROXY_HEADERS": "X-Real-IP"}, [], id="a single address that is no CDN's"
    ),
    pytest.param(
        {"TRUST_PROXY": True, "TRUST_PROXY_HEADERS": "Forwarded"},
        [strangers("'True'"), NO_TRUSTED_HOSTS],
        id="each danger has its line",
    ),
]


@pytest.mark.parametrize(("config", "warnings"), STARTS)
def test_the_warnings_at_the_start(log, config, warnings):
    make_app(**config)
    assert log.warnings == warnings


def test_each_app_of_a_process_is_warned_of_its_own_start(log):
    for _ in range(3):
        make_app(TRUST_PROXY=True)
    assert log.warnings == [strangers("'True'")] * 3


def test_the_middleware_alone_has_no_list_of_trusted_hosts(log):
    TrustProxyMiddleware(make_app(), headers="X-Forwarded-Host")
    assert log.warnings == [NO_TRUSTED_HOSTS]


def test_the_warning_of_strangers_names_the_origin(log, monkeypatch):
    monkeypatch.setenv("TRUST_PROXY", "true")
    make_app()
    TrustProxyMiddleware(application, trust=True)
    assert log.warnings == [
        strangers("'true'", "from the environment"),
        strangers("'True'", "from the argument trust"),
    ]


def test_the_warning_of_strangers_cuts_a_long_value(log):
    make_app(TRUST_PROXY=", ".join(f"{n}.0.0.0/8" for n in range(20, 90)))
    [line] = log.warnings
    shown = line.partition(" (from")[0]
    assert re.fullmatch(r"TRUST_PROXY='.{200}'\.\.\.", shown)


def test_a_change_that_is_dangerous_is_warned_of(log):
    app = make_app()
    app.config["TRUST_PROXY"] = True
    for _ in range(3):
        ask(app)
    assert log.warnings == [strangers("'True'")]


@pytest.mark.parametrize("headers", ["X-Forwarded-Host", "Forwarded"])
@pytest.mark.parametrize("where", ["the request class", "the config"])
def test_a_list_of_trusted_hosts_silences_the_warning(log, headers, where):
    app = Flask(__name__)
    warnings = []
    if where == "the config":
        app.config["TRUSTED_HOSTS"] = ["shop.example.com"]
        if "TRUSTED_HOSTS" not in Flask.default_config:
            warnings = [NO_TRUSTED_HOSTS]  # a Flask that does not read it
    else:
        app.request_class = type(
            "Request", (Flask.request_class,), {"trusted_hosts": ["shop.example.com"]}
        )
    app.config["TRUST_PROXY_HEADERS"] = headers
    TrustProxy(app)
    assert log.warnings == warnings


PROXIES = "loopback, 10.0.0.0/8"
FOR = "HTTP_X_FORWARDED_FOR"
PROTO = "HTTP_X_FORWARDED_PROTO"


@pytest.mark.parametrize(
    ("arguments", "peer", "headers", "line"),
    [
        pytest.param(
            {},
            "127.0.0.1",
            {FOR: "6.6.6.6, 203.0.113.9, 10.0.0.1", PROTO: "https"},
            "client 203.0.113.9: 203.0.113.9 -> 10.0.0.1 (trusted: 10.0.0.0/8) -> 127.0.0.1 "
            "peer (trusted: loopback) -> app; stopped: untrusted; scheme https; scheme 'https'",
            id="the walk from the client to the app",
        ),
        pytest.param(
            {},
            "203.0.113.9",
            {},
            "client 203.0.113.9: 203.0.113.9 peer -> app; stopped: untrusted; scheme http",
            id="no proxy",
        ),
        pytest.param(
            {},
            "203.0.113.9",
            {FOR: "127.0.0.1", PROTO: "https"},
            "client 203.0.113.9: 203.0.113.9 peer -> app; stopped: untrusted; scheme http; "
            "ignored X-Forwarded-For '127.0.0.1': the peer is not trusted; "
            "ignored X-Forwarded-Proto 'https': the peer is not trusted",
            id="headers of a stranger",
        ),
        pytest.param(
            {},
            "127.0.0.1",
            {},
            "client 127.0.0.1: 127.0.0.1 peer (trusted: loopback) -> app; stopped: end; "
            "scheme http",
            id="a health check",
        ),
        pytest.param(
            {},
            "127.0.0.1",
            {FOR: "203.0.113.9, junk\x1b[31m, 10.0.0.1", PROTO: "gopher"},
            "client 10.0.0.1: 10.0.0.1 (trusted: 10.0.0.0/8) -> 127.0.0.1 peer (trusted: "
            "loopback) -> app; stopped: not_an_address; scheme http; ignored X-Forwarded-For "
            r"'junk\x1b[31m': no address, so the walk ends; ignored X-Forwarded-Proto "
            "'gopher': no scheme",
            id="text on the way",
        ),
        pytest.param(
            {"max_hops": 1},
            "127.0.0.1",
            {FOR: "10.0.0.2, 10.0.0.1"},
            "client 10.0.0.1: 10.0.0.1 -> 127.0.0.1 peer (trusted: loopback) -> app; "
            "stopped: max_hops; scheme http",
            id="no more than max_hops",
        ),
        pytest.param(
            {"trust": 2},
            "192.0.2.1",
            {FOR: "203.0.113.9, 10.0.0.1"},
            "client 203.0.113.9: 203.0.113.9 -> 10.0.0.1 (trusted: the count 2) -> 192.0.2.1 "
            "peer (trusted: the count 2) -> app; stopped: untrusted; scheme http",
            id="a count",
        ),
        pytest.param(
            {"trust": 2},
            "192.0.2.1",
            {PROTO: "https"},
            "client 192.0.2.1: 192.0.2.1 peer -> app; stopped: count_not_reached; scheme http; "
            "ignored X-Forwarded-Proto 'https': the list does not reach the count",
            id="a count that is not reached",
        ),
        pytest.param(
            {"trust": "unix"},
            None,
            {FOR: "203.0.113.9"},
            "client 203.0.113.9: 203.0.113.9 -> a unix-domain socket peer (trusted: unix) -> "
            "app; stopped: untrusted; scheme http",
            id="a unix-domain socket",
        ),
        pytest.param(
            {},
            "evil\ntext",
            {},
            "client None: a peer without an address peer -> app; stopped: untrusted; "
            "scheme http",
            id="text for a peer is not repeated",
        ),
        pytest.param(
            {"trust": True},
            "192.0.2.1",
            {FOR: "203.0.113.9"},
            "client 203.0.113.9: 203.0.113.9 (trusted: True) -> 192.0.2.1 peer (trusted: True) "
            "-> app; stopped: end; scheme http",
            id="everybody",
        ),
        pytest.param(
            {"trust": lambda address, hop: hop == 0},
            "192.0.2.1",
            {FOR: "203.0.113.9"},
            "client 203.0.113.9: 203.0.113.9 -> 192.0.2.1 peer (trusted: the callable) -> app; "
            "stopped: untrusted; scheme http",
            id="a callable",
        ),
        pytest.param(
            {"headers": "X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix"},
            "127.0.0.1",
            {
                "HTTP_X_FORWARDED_HOST": "shop.example.com",
                "HTTP_X_FORWARDED_PORT": "8443",
                "HTTP_X_FORWARDED_PREFIX": "/shop/",
            },
            "client 127.0.0.1: 127.0.0.1 peer (trusted: loopback) -> app; stopped: end; scheme "
            "http; host 'shop.example.com'; port '8443'; prefix '/shop'",
            id="host, port and prefix",
        ),
    ],
)
def test_the_line_of_a_request(log, arguments, peer, headers, line):
    middleware = TrustProxyMiddleware(application, **{"trust": PROXIES, **arguments})
    ask(middleware, peer, **headers)
    (said,) = log.at("DEBUG")
    assert said.partition("; to ask again: ")[0] == line


def test_one_line_however_many_have_a_part_in_the_request(log):
    app = make_app()
    stack = TrustProxyMiddleware(TrustProxyMiddleware(app))
    for _ in range(3):
        ask(stack)
    assert len(log.at("DEBUG")) == 3


def test_no_line_is_made_where_nobody_reads_it(caplog, monkeypatch):
    monkeypatch.setattr(
        diagnostics, "request_in_words", lambda *request: pytest.fail("was made")
    )
    caplog.set_level(logging.INFO, LOGGER)
    ask(TrustProxyMiddleware(application))


def untrusted(who, mend):
    return (
        f"{who} sent forwarding headers but is not trusted, so they were ignored. If this is "
        f"your proxy, set TRUST_PROXY = {mend!r}"
    )


@pytest.mark.parametrize(
    ("trust", "peer", "who", "mend"),
    [
        pytest.param(
            "loopback", "10.0.0.5", "10.0.0.5", "loopback, 10.0.0.5", id="a private network"
        ),
        pytest.param(
            "loopback", "100.64.0.1", "100.64.0.1", "loopback, 100.64.0.1", id="carrier NAT"
        ),
        pytest.param(
            "loopback", "169.254.1.1", "169.254.1.1", "loopback, 169.254.1.1", id="link-local"
        ),
        pytest.param("loopback", "fe80::1%eth0", "fe80::1", "loopback, fe80::1", id="a zone"),
        pytest.param("loopback", "fd00::A", "fd00::a", "loopback, fd00::a", id="unique local"),
        pytest.param(
            "loopback", "::ffff:10.0.0.5", "10.0.0.5", "loopback, 10.0.0.5", id="dual stack"
        ),
        pytest.param("192.0.2.1", "127.0.0.1", "127.0.0.1", "192.0.2.1, 127.0.0.1", id="lo"),
        pytest.param("192.0.2.1", "::1", "::1", "192.0.2.1, ::1", id="localhost as IPv6"),
        pytest.param(
            "192.0.2.1", "unix:", "a unix-domain socket", "192.0.2.1, unix", id="a socket"
        ),
        pytest.param(
            "loopback", None, "a peer without an address", "loopback, unix", id="no address"
        ),
        pytest.param(
            " Loopback ,192.0.2.0/24",
            "10.0.0.5",
            "10.0.0.5",
            "Loopback, 192.0.2.0/24, 10.0.0.5",
            id="what was set is kept, the spaces are not",
        ),
        pytest.param(
            ["loopback", "192.0.2.1"],
            "10.0.0.5",
            "10.0.0.5",
            "loopback, 192.0.2.1, 10.0.0.5",
            id="a list",
        ),
        pytest.param(False, "10.0.0.5", "10.0.0.5", "10.0.0.5", id="nobody was trusted"),
        pytest.param(0, "10.0.0.5", "10.0.0.5", "10.0.0.5", id="no hop was trusted"),
        pytest.param([], "10.0.0.5", "10.0.0.5", "10.0.0.5", id="an empty list"),
    ],
)
def test_a_neighbour_that_is_not_trusted(log, trust, peer, who, mend):
    middleware = TrustProxyMiddleware(application, trust=trust)
    for number in range(3):
        ask(middleware, peer, **{FOR: f"203.0.113.{number}"})
    assert log.warnings == [untrusted(who, mend)]
    log.clear()
    # The mend is one.
    ask(TrustProxyMiddleware(application, trust=mend), peer, **{FOR: "203.0.113.9"})
    assert log.at("DEBUG")[0].startswith("client 203.0.113.9: ")


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        pytest.param("8.8.8.8", {FOR: "10.0.0.1"}, id="a stranger on the internet"),
        pytest.param("2600::1", {FOR: "10.0.0.1"}, id="one that speaks IPv6"),
        pytest.param("10.0.0.5", {}, id="a neighbour without forwarded headers"),
        pytest.param("127.0.0.1", {FOR: "203.0.113.9", PROTO: "http"}, id="a trusted one"),
    ],
)
def test_who_is_not_warned_of(log, peer, headers):
    ask(TrustProxyMiddleware(application), peer, **headers)
    assert log.warnings == []


COUNT = (
    "TRUST_PROXY = 2 expects that number of proxies, but X-Forwarded-For has fewer valid "
    "addresses: either the request did not come through all of them, or the number is too "
    "high. All forwarding headers of this request were ignored. To see which of the two it is, "
    "run: flask trust-proxy probe URL"
)


@pytest.mark.parametrize(
    ("headers", "warnings"),
    [
        pytest.param({FOR: "203.0.113.9"}, [COUNT], id="one entry"),
        pytest.param({FOR: "203.0.113.9, junk"}, [COUNT], id="text on the way"),
        pytest.param({FOR: ","}, [COUNT], id="empty entries are entries"),
        pytest.param({FOR: "junk, 10.0.0.1"}, [COUNT], id="text where the client should be"),
        pytest.param({}, [], id="a health check has none"),
        pytest.param({FOR: ""}, [], id="an empty header has none"),
        pytest.param({FOR: " \t "}, [], id="a blank header has none"),
        pytest.param({PROTO: "https"}, [], id="a scheme is no entry"),
        pytest.param({FOR: "", PROTO: "https"}, [], id="an empty header beside a scheme"),
        pytest.param(
            {FOR: "203.0.113.9, 10.0.0.1", PROTO: "http"}, [], id="the count is reached"
        ),
    ],
)
def test_a_count_that_the_list_does_not_reach(log, headers, warnings):
    middleware = TrustProxyMiddleware(application, trust=2)
    for _ in range(3):
        ask(middleware, "192.0.2.1", **headers)
    assert log.warnings == warnings


@pytest.mark.parametrize(
    ("trust", "keys", "warned"),
    [
        pytest.param(1, {"mod_wsgi.version": (4, 9, 4)}, True, id="a count"),
        pytest.param(0, {"mod_wsgi.version": (4, 9, 4)}, False, id="a count of none"),
        pytest.param("loopback", {"mod_wsgi.version": (4, 9, 4)}, False, id="addresses"),
        pytest.param(True, {"mod_wsgi.version": (4, 9, 4)}, False, id="True is no count"),
        pytest.param(1, {"HTTP_MOD_WSGI_VERSION": "4.9.4"}, False, id="a header is no server"),
    ],
)
def test_a_count_under_mod_wsgi(log, trust, keys, warned):
    middleware = TrustProxyMiddleware(application, trust=trust)
    log.clear()
    for _ in range(3):
        ask(middleware, "192.0.2.1", **{FOR: "203.0.113.9"}, **keys)
    line = (
        "TRUST_PROXY = 1 counts proxies, and under mod_wsgi the web server is none of them: "
        "REMOTE_ADDR is already its client. Count only the proxies in front of the web server, "
        "or name their addresses"
    )
    assert log.warnings.count(line) == warned


@pytest.mark.parametrize(
    ("arguments", "headers", "line"),
    [
        pytest.param(
            {},
            {FOR: "203.0.113.9, junk"},
            "X-Forwarded-For: 127.0.0.1, which is trusted, wrote no address, so the walk ended "
            "there: 'junk'",
            id="of the peer",
        ),
        pytest.param(
            {},
            {FOR: "203.0.113.9, unknown, 10.0.0.1"},
            "X-Forwarded-For: 10.0.0.1, which is trusted, wrote no address, so the walk ended "
            "there: 'unknown'",
            id="of a hop further out",
        ),
        pytest.param(
            {},
            {FOR: "203.0.113.9, junk, unix:"},
            "X-Forwarded-For: a unix-domain socket, which is trusted, wrote no address, so the "
            "walk ended there: 'junk'",
            id="of a socket",
        ),
        pytest.param(
            {},
            {FOR: "203.0.113.9,"},
            "X-Forwarded-For: 127.0.0.1, which is trusted, wrote no address, so the walk ended "
            "there: ''",
            id="an empty entry",
        ),
        pytest.param(
            {},
            {FOR: "a\r\nWARNING forged\x1b[31m\x00\x85\u2028\xa0"},
            "X-Forwarded-For: 127.0.0.1, which is trusted, wrote no address, so the walk ended "
            r"there: 'a\r\nWARNING forged\x1b[31m\x00\x85\u2028\xa0'",
            id="control characters are escaped",
        ),
        pytest.param(
            {},
            {FOR: "x" * 65536},
            "X-Forwarded-For: 127.0.0.1, which is trusted, wrote no address, so the walk ended "
            f"there: '{'x' * 200}'...",
            id="64 KB are cut",
        ),
        pytest.param(
            {"headers": "X-Real-IP, X-Forwarded-Proto"},
            {"HTTP_X_REAL_IP": "203.0.113.9, 203.0.113.8"},
            "X-Real-IP: 127.0.0.1, which is trusted, wrote no address, so the walk ended "
            "there: '203.0.113.9, 203.0.113.8'",
            id="two in a header for one",
        ),
        pytest.param(
            {"headers": "Forwarded"},
            {"HTTP_FORWARDED": 'for="[2001:db8::9]", for=_hidden;proto=https'},
            "Forwarded: 127.0.0.1, which is trusted, wrote no address, so the walk ended "
            "there: 'for=_hidden;proto=https'",
            id="an obfuscated node",
        ),
    ],
)
def test_a_malformed_entry_that_a_trusted_hop_wrote(log, arguments, headers, line):
    middleware = TrustProxyMiddleware(application, **{"trust": PROXIES, **arguments})
    log.clear()
    for _ in range(3):
        ask(middleware, **{PROTO: "http"}, **headers)
    assert log.warnings == [line + ". Let it write the address of its client, and nothing else"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({FOR: "junk, 203.0.113.9"}, id="text left of the client"),
        pytest.param({FOR: ""}, id="an empty header"),
        pytest.param({FOR: " \t"}, id="a blank header"),
    ],
)
def test_what_is_not_malformed(log, headers):
    ask(TrustProxyMiddleware(application), **{PROTO: "http"}, **headers)
    assert log.warnings == []


def removed(name, value, peer="127.0.0.1"):
    return (
        f"{name}: {value!r} was removed, though {peer}, which is trusted, sent it. Your proxy "
        "may have written it, or a client. If your proxy sets it on every request, and your "
        "URLs are wrong without it, add it to TRUST_PROXY_HEADERS. If a client can write it, "
        "leave it out"
    )


SENT = {
    "HTTP_X_FORWARDED_HOST": "shop.example.com",
    "HTTP_X_FORWARDED_PORT": "443",
    "HTTP_X_FORWARDED_PREFIX": "/shop",
}
REMOVED = {
    "Host": removed("X-Forwarded-Host", "shop.example.com"),
    "Port": removed("X-Forwarded-Port", "443"),
    "Prefix": removed("X-Forwarded-Prefix", "/shop"),
}


@pytest.mark.parametrize(
    ("arguments", "peer", "headers", "names"),
    [
        pytest.param({}, "127.0.0.1", SENT, ["Host", "Port", "Prefix"], id="all three"),
        pytest.param({}, "127.0.0.1", {"HTTP_X_FORWARDED_PORT": "443"}, ["Port"], id="one"),
        pytest.param({}, "8.8.8.8", SENT, [], id="a stranger sent them"),
        pytest.param(
            {"clean_headers": False}, "127.0.0.1", SENT, [], id="they were not removed"
        ),
        pytest.param({}, "127.0.0.1", {"HTTP_X_SCRIPT_NAME": "/shop"}, [], id="another header"),
        pytest.param(
            {"headers": "X-Forwarded-Host, X-Forwarded-Port"},
            "127.0.0.1",
            SENT,
            ["Prefix"],
            id="the one that is not named",
        ),
        pytest.param(
            {"headers": "X-Forwarded-Host"},
            "127.0.0.1",
            {"HTTP_X_FORWARDED_HOST": ""},
            [],
            id="one that is named, and holds nothing",
        ),
        pytest.param(
            {"headers": "none"},
            "127.0.0.1",
            SENT,
            ["Host", "Port", "Prefix"],
            id="none is named",
        ),
    ],
)
def test_a_header_that_was_removed_though_a_trusted_peer_sent_it(
    log, arguments, peer, headers, names
):
    middleware = TrustProxyMiddleware(application, **arguments)
    log.clear()
    for _ in range(3):
        ask(middleware, peer, **headers)
    assert sorted(log.warnings) == [REMOVED[name] for name in names]


PROXY_FIX = (
    "ProxyFix runs before TrustProxy and has already replaced the client's address, so "
    "TrustProxy cannot check it. Remove ProxyFix"
)


def test_a_later_proxyfix(log):
    app = make_app()
    app.wsgi_app = ProxyFix(app.wsgi_app)
    for number in range(3):
        ask(app, **{FOR: f"203.0.113.{number}"})
    assert log.warnings.count(PROXY_FIX) == 1


def test_no_header_makes_a_proxyfix(log):
    ask(make_app(), HTTP_WERKZEUG_PROXY_FIX_ORIG="x", **{"HTTP_WERKZEUG.PROXY_FIX.ORIG": "x"})
    assert log.warnings == []


LOST = (
    "TrustProxy's middleware is not in app.wsgi_app any more, so its work was done late. "
    "Create TrustProxy last, after everything that replaces app.wsgi_app"
)


def test_a_lost_middleware(log):
    app = Flask(__name__)
    bare = app.wsgi_app
    TrustProxy(app)
    app.wsgi_app = bare
    for _ in range(3):
        ask(app)
    assert log.warnings == [LOST]


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda inner: inner, id="as it was made"),
        pytest.param(
            lambda inner: lambda environ, start_response: inner(environ, start_response),
            id="behind a function",
        ),
        pytest.param(TrustProxyMiddleware, id="behind a middleware"),
    ],
)
def test_a_middleware_that_is_there_is_not_lost(log, wrap):
    app = make_app()
    app.wsgi_app = wrap(app.wsgi_app)
    ask(app)
    assert log.warnings == []


@pytest.mark.parametrize("arguments", [{}, {"trust": 1}, {"headers": "X-Forwarded-Host"}])
def test_each_cause_is_counted_by_itself(log, arguments):
    """One warning does not hide another one."""
    app = TrustProxyMiddleware(application, **arguments)
    log.clear()
    ask(app, "127.0.0.1", **{FOR: "x"}, **SENT)
    first = log.warnings
    ask(app, "127.0.0.1", **{FOR: "x"}, **SENT)
    assert log.warnings == first
    assert len(first) == len(set(first)) > 0


def memory():
    """How much all that lives in our modules, and is not code, remembers."""
    return {
        (name, key): len(value)
        for name, module in sorted(sys.modules.items())
        if name.split(".")[0] == LOGGER
        for key, value in vars(module).items()
        if isinstance(value, (dict, set, list)) and not key.startswith("__")
    }


def hostile_text(chance):
    """What a client may write into a header, of up to 64 KB."""
    pieces = [
        "203.0.113.9",
        "junk",
        "",
        "unix:",
        '"',
        "\r\n",
        "\x1b[2J",
        "\x00",
        "for=x",
        "::1",
    ]
    text = ", ".join(
        chance.choice(pieces) + str(chance.random()) * chance.randrange(2)
        for _ in range(chance.randrange(8))
    )
    return text + "x" * (65536 * (chance.random() < 0.01))


NAMES = (
    "X_FORWARDED_FOR X_FORWARDED_PROTO X_FORWARDED_HOST X_FORWARDED_PORT X_FORWARDED_PREFIX "
    "FORWARDED X_REAL_IP CLIENT_IP HOST COOKIE FLASK_TRUSTPROXY"
).split()


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        pytest.param(
            {"trust": "127.0.0.1, 10.0.0.0/24", "required": ["/open"]},
            # One public peer was refused, and ten networks of others.
            {
                "refused": 11,
                "untrusted_peer": 10,
                "peer_without_address": 1,
                # Loopback, and a network of ours.
                "not_an_address": 2,
                "not_understood": 2,
                "removed": 6,
                "client_header_not_read": 2,
                "scheme_not_read": 2,
            },
            id="addresses",
        ),
        pytest.param(
            {"trust": 1},
            # Everyone is a proxy: one public network, and ten others.
            {
                "count_not_reached": 1,
                "count_too_low": 1,
                "not_understood": 11,
                "removed": 33,
                "client_header_not_read": 11,
                "scheme_not_read": 11,
            },
            id="a count",
        ),
        pytest.param(
            {"trust": "loopback", "headers": "Forwarded, X-Forwarded-Port"},
            {
                "untrusted_peer": 10,
                "peer_without_address": 1,
                # Loopback, and a socket.
                "not_an_address": 2,
                "not_understood": 2,
                "removed": 4,
                "client_header_not_read": 2,
                "scheme_not_read": 2,
            },
            id="Forwarded",
        ),
        pytest.param(
            {"trust": False},
            {"untrusted_peer": 10, "peer_without_address": 1},
            id="nobody",
        ),
    ],
)
def test_strangers_cannot_fill_the_log_or_the_memory(caplog, log, arguments, lines):
    caplog.set_level(logging.INFO, LOGGER)
    middleware = TrustProxyMiddleware(application, **arguments)
    log.clear()
    before, own = memory(), len(vars(middleware))
    chance = random.Random(7239)
    peers = ["127.0.0.1", "10.0.0.1", "unix:", "", "text\n", None, "8.8.8.8", "fe80::1"]
    for number in range(10_000):
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/{number}",
            "wsgi.url_scheme": "http",
        }
        peer = chance.choice([*peers, f"192.168.{number % 256}.{number // 256}"])
        if peer is not None:
            environ["REMOTE_ADDR"] = peer
        for name in chance.sample(NAMES, chance.randrange(len(NAMES))):
            environ[f"HTTP_{name}"] = hostile_text(chance)
        middleware(environ, lambda status, headers, exc_info=None: None)
    assert Counter(said_by_the_package(log.warnings)) == lines
    assert len(caplog.records) == sum(lines.values())
    assert max(map(len, log.warnings)) < 1200
    assert memory() == before
    assert len(vars(middleware)) == own


def test_strangers_cannot_use_up_the_warning_for_a_proxy(log):
    middleware = TrustProxyMiddleware(application, trust="10.9.9.9", required=True)
    for number in range(50):
        ask(middleware, f"203.0.{number}.9")
        ask(middleware, f"2001:db8:{number:x}::9")
    log.clear()
    ask(middleware, "10.0.0.2")
    assert [line for line in log.warnings if "was refused" in line] == [
        "TRUST_PROXY_REQUIRED: a request of 10.0.0.2 was refused, since it is not trusted. If "
        "it came through your proxies, correct TRUST_PROXY or TRUST_PROXY_EDGE. If not, all is "
        "well"
    ]


@pytest.mark.parametrize(
    ("peers", "count"),
    [
        pytest.param(["10.0.0.2", "10.0.0.3"], 1, id="one IPv4 /24"),
        pytest.param(["10.0.0.2", "10.0.1.2"], 2, id="two IPv4 /24"),
        pytest.param(["fd00:1:2:3::9", "fd00:1:2:4::9"], 1, id="one IPv6 /48"),
        pytest.param(["fd00:1:2::9", "fd00:1:3::9"], 2, id="two IPv6 /48"),
        pytest.param(["unix:", "", "10.0.0.2"], 2, id="sockets are one network"),
        pytest.param([f"10.0.{n}.2" for n in range(50)], 10, id="ten of others"),
        pytest.param(
            [f"{n}.2.3.4" for n in (*range(1, 10), *range(11, 30))], 10, id="ten of public ones"
        ),
    ],
)
def test_a_cause_that_is_about_a_peer_counts_for_its_network(log, peers, count):
    middleware = TrustProxyMiddleware(application, trust="192.168.0.1", required=True)
    log.clear()
    for peer in peers * 2:
        ask(middleware, peer)
    assert sum("was refused" in line for line in log.warnings) == count


RAW = re.compile(r"[^\x20-\x7e]")

any_text = st.text(st.characters(codec="latin-1"), max_size=300) | st.text(max_size=20)


@given(
    peer=st.sampled_from(["127.0.0.1", "10.0.0.1", "8.8.8.8", "unix:"]) | any_text,
    values=st.dictionaries(
        st.sampled_from([f"HTTP_{name}" for name in NAMES]),
        any_text | st.sampled_from(["203.0.113.9", "\x1b[31m", "a\nb", "a\rb", "\x00", "\x85"]),
    ),
    headers=st.sampled_from(
        [
            "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port",
            "Forwarded, X-Forwarded-Prefix",
            "X-Real-IP",
        ]
    ),
    trust=st.sampled_from(["loopback", "loopback, unix", 1, 2, True, False]),
)
def test_nothing_reaches_a_log_line_raw(peer, values, headers, trust):
    """Whatever a client writes, a line of the log stays one line of plain ASCII."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    logger, handler = logging.getLogger(LOGGER), Handler()
    logger.addHandler(handler)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        if isinstance(trust, int) and not isinstance(trust, bool) and headers == "X-Real-IP":
            trust = 1
        middleware = TrustProxyMiddleware(application, trust=trust, headers=headers)
        ask(middleware, peer, **values)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
    assert [line for line in lines if RAW.search(line)] == []
    assert max(map(len, lines)) < 8000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "'plain'", id="plain"),
        pytest.param("", "''", id="empty"),
        pytest.param("it's", '"it\'s"', id="a quote"),
        pytest.param("a\nb\r\x1b\x00\x7f", r"'a\nb\r\x1b\x00\x7f'", id="control characters"),
        pytest.param("gr\u00fcn \u202e", r"'gr\xfcn \u202e'", id="not ASCII"),
        pytest.param("x" * 200, f"'{'x' * 200}'", id="as long as may be"),
        pytest.param("x" * 201, f"'{'x' * 200}'...", id="one too long"),
    ],
)
def test_quote(text, expected):
    assert phrases.quote(text) == expected


def asked(caplog, remote_addr, **arguments):
    """The warnings of one request that has forwarded headers."""
    middleware = TrustProxyMiddleware(application, **arguments)
    caplog.clear()
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
    if remote_addr is not None:
        environ["REMOTE_ADDR"] = remote_addr
    environ["HTTP_X_FORWARDED_FOR"] = "203.0.113.9"
    environ["HTTP_FORWARDED"] = 'for="2001:db8::9", for="2001:db8::22", for=10.0.0.3'
    middleware(environ, lambda status, headers, exc_info=None: None)
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(
    ("remote_addr", "trust", "proposed"),
    [
        pytest.param(
            "10.0.0.2", "loopback", "set TRUST_PROXY = 'loopback, 10.0.0.2'", id="one"
        ),
        pytest.param(
            None, "loopback", "set TRUST_PROXY = 'loopback, unix'", id="no REMOTE_ADDR at all"
        ),
        pytest.param("", "10.0.0.9", "set TRUST_PROXY = '10.0.0.9, unix'", id="a socket"),
        pytest.param("unix", "10.0.0.9", "set TRUST_PROXY = '10.0.0.9, unix'", id="eventlet's"),
    ],
)
def test_a_peer_that_can_be_named_is_proposed(caplog, remote_addr, trust, proposed):
    (warning,) = asked(caplog, remote_addr, trust=trust)
    assert warning.endswith(f"If this is your proxy, {proposed}")


@pytest.mark.parametrize("trust", ["loopback", "loopback, unix", "unix"])
@pytest.mark.parametrize("text", ["192.0.2.44:4711", "[2001:db8::1]", "UNIX", "evil text"])
def test_no_element_is_proposed_for_a_peer_of_text(caplog, text, trust):
    (warning,) = asked(caplog, text, trust=trust)
    assert f"The server says REMOTE_ADDR = '{text}', which is no address." in warning
    assert "TRUST_PROXY" not in warning


def test_the_proxy_is_named_that_writes_ipv6_in_forwarded_without_brackets(caplog):
    warning, _ = asked(
        caplog, "10.0.0.2", trust="10.0.0.0/8, 2001:db8::22", headers="Forwarded"
    )
    assert warning.startswith(
        "Forwarded: 10.0.0.3 wrote the IPv6 address 2001:db8::22 without brackets"
    )
    assert asked(caplog, "192.0.2.1", trust="10.0.0.0/8", headers="Forwarded") == []


KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("key", "is_quiet"),
    [pytest.param(KEY, True, id="the probe"), pytest.param(KEY[::-1], False, id="a stranger")],
)
def test_a_request_of_the_probe_is_no_set_up(log, key, is_quiet):
    middleware = TrustProxyMiddleware(application, probe_key=KEY)
    log.clear()
    for number in range(2):
        token = make_token(key.encode(), "nonce", "GET", str(number))
        asked = {TOKEN: token, "QUERY_STRING": f"{PARAMETER}={number}"}
        ask(middleware, **asked, **{FOR: "203.0.113.9", PROTO: "https"}, **SENT)
    assert len(log.at("DEBUG")) == 2
    assert log.warnings == ([] if is_quiet else [REMOVED["Host"], REMOVED["Prefix"]])


def test_a_host_that_the_app_refuses_is_named_once(log):
    app = make_app(
        TRUST_PROXY_HEADERS="X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host",
        TRUSTED_HOSTS=["www.example.com"],
    )
    sent = {FOR: "203.0.113.9", PROTO: "https"}
    for host in ("other.example.com", "www.example.com", "other.example.com"):
        ask(app, HTTP_X_FORWARDED_HOST=host, **sent)
    ask(app, HTTP_HOST="forged.example.com", **sent)
    refused = (
        "X-Forwarded-Host says the host 'other.example.com', which is not in TRUSTED_HOSTS, so "
        "the request was answered 400. If the app serves that host, add it to TRUSTED_HOSTS. "
        "If not, let your proxy write the host that its client asked for"
    )
    if "TRUSTED_HOSTS" in Flask.default_config:
        assert log.warnings == [refused]
    else:  # before Flask 3.1, an app refuses no host
        assert refused not in log.warnings
