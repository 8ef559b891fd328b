"""The live probe's command: what it sends, and what it concludes of what comes back."""

from __future__ import annotations

import io
import json
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import format_datetime
from http.client import BadStatusLine, HTTPException
from itertools import count

import flask
import flask.cli
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import settings as hsettings
from hypothesis import strategies as st
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import TrustProxy, TrustProxyMiddleware
from flask_trustproxy.commands import app as cli
from flask_trustproxy.core.headers import KNOWN, NAMES, environ_key, parse_headers
from flask_trustproxy.probe import client as prober
from flask_trustproxy.probe.answers import Exchange, Url, read_content
from flask_trustproxy.probe.client import Response, Unanswered, curl, parse_target, probe
from flask_trustproxy.probe.door import HEADER, PARAMETER, TOKEN, WINDOW, make_token
from flask_trustproxy.probe.forgeries import CANARIES, Forgery, forgeries
from flask_trustproxy.probe.observations import Observations
from flask_trustproxy.probe.verdict import conclude
from flask_trustproxy.settings import MAKE_KEY

KEY = "a key of these tests, of 32 characters and more"
# Documentation addresses are no public ones.
PROBER, EDGE, INNER, DEEP = "7.7.7.7", "8.8.8.10", "10.0.0.5", "10.0.0.6"


TURNS = Counter()
NONCES = count()


@dataclass(frozen=True, eq=False)
class Proxy:
    """A proxy: what it does with each header that it touches.

    ``set`` writes its own value, ``append`` puts it behind the client's, ``absent`` writes
    it where the client wrote none, and ``drop`` removes the client's.
    """

    address: str
    does: dict = field(default_factory=dict)
    # The name by which it calls the next one, where it does not pass on the client's.
    host: str = ""
    # A load balancer has two.
    also: str = ""

    def forward(self, lines, remote, host, scheme):
        own = {
            "X-Forwarded-For": remote,
            "X-Real-IP": remote,
            "X-Acme-Client": remote,
            "Forwarded": f"for={remote};proto={scheme};host={host}",
            "X-Forwarded-Proto": scheme,
            "X-Forwarded-Ssl": "on" if scheme == "https" else "off",
            "X-Forwarded-Host": host,
            "X-Forwarded-Prefix": "/app",
        }
        for name, action in self.does.items():
            came = [value for key, value in lines if key == name]
            lines = [line for line in lines if line[0] != name]
            if action == "append":
                lines.append((name, ", ".join([*came, own[name]])))
            elif action == "set" or (action == "absent" and not came):
                lines.append((name, own[name]))
            elif action == "absent":
                lines += [(name, value) for value in came]
        return lines, self.turn(), self.host or host, "http"

    def turn(self):
        """The address of this request: every third comes from the other one."""
        if not self.also:
            return self.address
        TURNS[self] += 1
        return self.address if TURNS[self] % 3 else self.also


APPENDS = {"X-Forwarded-For": "append", "X-Forwarded-Proto": "set"}
SETS = {"X-Forwarded-For": "set", "X-Forwarded-Proto": "set"}
JOINS = {"X-Forwarded-For": "append"}


@dataclass(frozen=True)
class World:
    """A way from the prober to an app, its requests answered by the app's real door."""

    proxies: tuple
    settings: dict = field(default_factory=dict)
    url: Url = Url("http", "www.example.com", "")
    prober: str = PROBER
    here: tuple = ("192.168.1.7", 50000)
    there: str = EDGE
    refuses: tuple = ()
    folds: bool = False
    # A header by which the server itself tells the scheme.
    obeys: str = ""
    # Whether what Connection names is removed from what the last proxy wrote.
    strips: bool = False
    # A server, or what is around TrustProxy, that changes the environ by itself.
    decides: Callable = None
    # The path that the app is asked for.
    path: str = "/"

    def ask(self, forgery=None):
        lines = list(forgery.lines) if forgery else []
        if any(name in self.refuses for name, _ in lines):
            return Exchange(forgery, None)
        host = self.url.host + (f":{self.url.port}" if self.url.port else "")
        remote, scheme = self.prober, self.url.scheme
        if forgery and forgery.hostless:
            host = "localhost"
        for proxy in self.proxies:
            lines, remote, host, scheme = proxy.forward(lines, remote, host, scheme)
        if self.strips:
            named = [
                name
                for key, value in lines
                if key == "Connection"
                for name in value.split(", ")
            ]
            lines = [line for line in lines if line[0] not in named]
        scheme = dict(lines).get(self.obeys, scheme)
        environ = create_environ(f"/?{PARAMETER}=1", f"{scheme}://{host}/")
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = remote, "50000"
        environ["PATH_INFO"] = self.path
        environ[TOKEN] = make_token(KEY.encode(), str(next(NONCES)), "GET", "1")
        for name, value in sorted(lines, key=lambda line: "_" in line[0]):
            if "_" not in name or self.folds:
                key = environ_key(name)
                environ[key] = f"{environ[key]}, {value}" if key in environ else value

        def never(environ, start_response):
            pytest.fail("the app was asked")

        if self.decides:
            self.decides(environ)
        middleware = TrustProxyMiddleware(never, probe_key=KEY, **self.settings)
        body, _, _ = run_wsgi_app(middleware, environ)
        return Exchange(forgery, read_content(json.loads(b"".join(body))))

    def exchanges(self):
        TURNS.clear()
        exchanges = [self.ask(), self.ask()]
        honest = exchanges[0].answer
        tries = forgeries(honest.plan, honest.believed["scheme"], honest.headers)
        return [*exchanges, *map(self.ask, tries), self.ask()]

    def probe(self):
        return conclude(Observations(self.url, self.here, self.there, self.exchanges()))

    def with_(self, recommend):
        """The same way to the app, with what was recommended in it."""
        settings = {
            "trust": recommend.trust,
            "headers": recommend.headers,
            "max_hops": recommend.max_hops,
        }
        settings = {name: value for name, value in settings.items() if value is not None}
        return replace(self, settings=settings)


@pytest.mark.parametrize(
    ("world", "verdict", "client", "chain"),
    [
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="one proxy that appends, and is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, SETS),), {"trust": EDGE}),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="one proxy that replaces",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": f"{EDGE}, {INNER}"}),
            "safe",
            PROBER,
            [PROBER, EDGE, INNER],
            id="two proxies, both trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": INNER}),
            "misconfigured",
            EDGE,
            [PROBER, EDGE, INNER],
            id="two proxies, one trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": 3}),
            "forgeable",
            INNER,
            [PROBER, EDGE, INNER],
            id="two proxies and a count of three",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": True}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="everybody is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": "0.0.0.0/0"}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="every address is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE),), {"trust": EDGE}),
            "forgeable",
            EDGE,
            [EDGE],
            id="a proxy that passes everything on",
        ),
        pytest.param(
            World((Proxy(INNER),), {"trust": False}),
            "misconfigured",
            INNER,
            [INNER],
            id="a proxy that passes everything on, and is not trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, {"X-Forwarded-For": "absent"}),), {"trust": EDGE}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="a proxy that writes where nothing stands",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": f"{EDGE}, {PROBER}"}),
            "inconclusive",
            PROBER,
            [PROBER, EDGE],
            id="the prober is trusted",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),),
                {"trust": lambda address, hop: address in (EDGE, PROBER)},
            ),
            "inconclusive",
            PROBER,
            [PROBER, EDGE],
            id="the prober is trusted by a callable",
        ),
        pytest.param(
            World((Proxy(EDGE, JOINS),), {"trust": f"{EDGE}, {PROBER}"}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="the prober is trusted, and anybody can forge the scheme",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, refuses=("X-Forwarded-For",)),
            "inconclusive",
            PROBER,
            [PROBER, EDGE],
            id="a canary in a believed header was refused",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),), {"trust": EDGE}, refuses=("Forwarded", "Connection")
            ),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="canaries in other headers were refused",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, SETS)), {"trust": f"{EDGE}, {INNER}"}),
            "misconfigured",
            EDGE,
            [EDGE, INNER],
            id="the inner proxy loses the client",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),),
                {"trust": EDGE},
                url=Url("https", "www.example.com", ""),
            ),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="https at the proxy",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, JOINS),), {"trust": EDGE}, url=Url("https", "www.example.com", "")
            ),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="https that the client may say, and the proxy does not",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS, "internal"),), {"trust": EDGE}),
            "misconfigured",
            PROBER,
            [PROBER, EDGE],
            id="an internal host",
        ),
        pytest.param(World((), {"trust": "loopback"}), "safe", PROBER, [PROBER], id="no proxy"),
        pytest.param(
            World((), {"trust": True}),
            "forgeable",
            PROBER,
            [PROBER],
            id="no proxy, all trusted",
        ),
        pytest.param(
            World((), {}, prober="127.0.0.1", here=("127.0.0.1", 50000), there="127.0.0.1"),
            "inconclusive",
            "127.0.0.1",
            ["127.0.0.1"],
            id="no proxy, on the app's own machine",
        ),
        pytest.param(
            World((Proxy("unix:", APPENDS),), {"trust": "unix"}),
            "safe",
            PROBER,
            [PROBER, "unix:"],
            id="a proxy on a unix-domain socket",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, folds=True),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="a server that takes underscores for hyphens",
        ),
        pytest.param(
            World(
                (Proxy("172.18.0.2", APPENDS),),
                {"trust": "172.18.0.2"},
                prober="172.18.0.1",
                here=("127.0.0.1", 50000),
                there="127.0.0.1",
            ),
            "safe",
            "172.18.0.1",
            ["172.18.0.1", "172.18.0.2"],
            id="an address that was translated on the way into a container",
        ),
    ],
)
def test_verdicts(world, verdict, client, chain):
    report = world.probe()
    assert (report.verdict, report.client_ip, report.chain) == (verdict, client, chain)
    assert report.requests <= 65
    assert (report.forged != []) == (verdict == "forgeable")


def to_client(environ):
    """As uvicorn and Tornado do: the last entry of the list becomes the peer."""
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", environ["REMOTE_ADDR"])
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = forwarded.split(", ")[-1], "0"


def to_client_and_remove(environ):
    """As Apache's mod_remoteip does: the list is gone too."""
    to_client(environ)
    environ.pop("HTTP_X_FORWARDED_FOR", None)


def to_leftmost(environ):
    environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR", "").split(", ")[0]


#: Those of the forwarding headers that say a prefix.
PREFIXES = {"X-Forwarded-Prefix", "X-Script-Name", "X-Ingress-Path", "X-Forwarded-Path"}


# Another port: the connection to the app is not the prober's.
LOCAL = {"prober": "127.0.0.1", "here": ("127.0.0.1", 50001), "there": "127.0.0.1"}
REFUSES = "TRUST_PROXY_REQUIRED answers 403 to an honest request that came this way."
TRUSTS_NONE = "The app trusts no hop, though a proxy is there: it treats its peer, "
DECIDED = f"The app's peer is {PROBER}, which is the client. The WSGI server has replaced"


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        pytest.param(
            World((Proxy("127.0.0.1", APPENDS),), {"trust": False}, **LOCAL),
            f"{TRUSTS_NONE}127.0.0.1, as the client",
            id="the proxy is not trusted, and shares a machine with the prober",
        ),
        pytest.param(
            World(
                (Proxy("::1", APPENDS),),
                {"trust": "10.0.0.1"},
                prober="::1",
                here=("::1", 50001),
                there="::1",
            ),
            f"{TRUSTS_NONE}::1, as the client",
            id="the same over IPv6",
        ),
        pytest.param(
            World((Proxy("unix:", APPENDS),), {"trust": "10.0.0.1"}),
            f"{TRUSTS_NONE}a unix-domain socket, as the client",
            id="the proxy's socket is not trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": "10.0.0.1", "required": True}),
            REFUSES,
            id="REQUIRED refuses the honest request",
        ),
        pytest.param(
            World((), {"trust": "10.0.0.1", "required": True}),
            REFUSES,
            id="REQUIRED refuses a prober that no proxy is in front of",
        ),
        pytest.param(
            World((Proxy(INNER, APPENDS),), {"trust": "loopback"}, decides=to_client),
            DECIDED,
            id="the server made the client the peer",
        ),
        pytest.param(
            World((Proxy(INNER, APPENDS),), {"trust": 1}, decides=to_client),
            DECIDED,
            id="the server made the client the peer, and the app counts",
        ),
        pytest.param(
            World(
                (Proxy(INNER, APPENDS),), {"trust": "loopback"}, decides=to_client_and_remove
            ),
            DECIDED,
            id="the server made the client the peer, and removed the header",
        ),
    ],
)
def test_never_safe_but_misconfigured_with_the_reason(world, reason):
    report = world.probe()
    assert (report.verdict, report.forged) == ("misconfigured", [])
    assert [told.startswith(reason) for told in report.reasons].count(True) == 1
    if reason == DECIDED:
        assert report.recommend.settings() == {}


def test_a_server_that_makes_what_was_forged_the_peer_is_forgeable():
    world = World((Proxy(INNER, APPENDS),), {"trust": "loopback"}, decides=to_leftmost)
    report = world.probe()
    assert (report.verdict, report.forged[0].output) == ("forgeable", "client_ip")
    assert any(reason.startswith(DECIDED) for reason in report.reasons)


def test_an_open_path_of_required_is_not_refused():
    settings = {"trust": EDGE, "required": "/"}
    assert World((Proxy(EDGE, APPENDS),), settings).probe().verdict == "safe"


@pytest.mark.parametrize("name", sorted(PREFIXES.intersection(NAMES.values())))
def test_a_prefix_that_is_believed_around_trustproxy_is_found(name):
    def reverse_proxied(environ):
        """Flask's old snippet, around TrustProxy."""
        environ["SCRIPT_NAME"] = environ.get(environ_key(name), "")

    world = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, decides=reverse_proxied)
    report = world.probe()
    assert [each[:4] for each in report.forged] == [("prefix", name, "/canary", "/canary")]
    assert report.fixes[0].startswith(
        f"{name} is believed though TRUST_PROXY_HEADERS does not name it"
    )


SHOP = Url("http", "www.example.com", "", "/shop/x")


@pytest.mark.parametrize(
    ("url", "path", "wrong"),
    [
        pytest.param(SHOP, "/x", [("prefix", "", "/shop")], id="a prefix that is lost"),
        pytest.param(SHOP, "", [("prefix", "", "/shop/x")], id="all of the path is lost"),
        pytest.param(SHOP, "/shop/x", [], id="no prefix"),
        pytest.param(SHOP, "/elsewhere", [], id="a path that was rewritten"),
        pytest.param(SHOP, "/op/x", [], id="a rewritten path that ends alike"),
        pytest.param(
            SHOP._replace(path="/shop/"), "/", [("prefix", "", "/shop")], id="its root"
        ),
        pytest.param(SHOP._replace(path="/"), "", [], id="an empty path"),
    ],
)
def test_a_lost_prefix_is_misconfigured(url, path, wrong):
    report = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, url, path=path).probe()
    assert [tuple(each) for each in report.misconfigured] == wrong
    assert report.verdict == ("misconfigured" if wrong else "safe")
    assert any("X-Forwarded-Prefix" in fix for fix in report.fixes) == bool(wrong)


def test_a_prefix_that_a_header_says_is_recommended_and_makes_it_safe():
    proxy = Proxy(EDGE, {**APPENDS, "X-Forwarded-Prefix": "set"})
    url = Url("http", "www.example.com", "", "/app/x")
    world = World((proxy,), {"trust": EDGE}, url, path="/x")
    report = world.probe()
    assert [tuple(each) for each in report.misconfigured] == [("prefix", "", "/app")]
    assert report.recommend.headers == (
        "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix"
    )
    assert world.with_(report.recommend).probe().verdict == "safe"


def test_an_unset_scheme_is_wrong_and_told():
    world = World(
        (Proxy(EDGE, {"X-Forwarded-For": "append", "X-Forwarded-Proto": "drop"}),),
        {"trust": EDGE},
        Url("https", "www.example.com", ""),
    )
    report = world.probe()
    assert report.verdict == "misconfigured"
    assert [tuple(wrong) for wrong in report.misconfigured] == [("scheme", "http", "https")]
    assert report.recommend.headers == "X-Forwarded-For"
    assert report.fixes[0] == (
        "No proxy says for certain that this is https. Have the outermost one write "
        "X-Forwarded-Proto, and the others pass it on."
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        pytest.param(Url("http", "www.example.com", "8080"), "", id="a port that arrives"),
        pytest.param(
            Url("https", "www.example.com", ""), "", id="the scheme's own port, not told"
        ),
        pytest.param(Url("https", "www.example.com", ""), "www.example.com:443", id="and told"),
    ],
)
def test_a_port_that_is_right(url, host):
    proxy = Proxy(EDGE, APPENDS, host)
    assert World((proxy,), {"trust": EDGE}, url).probe().misconfigured == []


def test_a_port_that_is_lost():
    proxy = Proxy(EDGE, APPENDS, "www.example.com")
    report = World((proxy,), {"trust": EDGE}, Url("http", "www.example.com", "8080")).probe()
    assert [tuple(wrong) for wrong in report.misconfigured] == [("port", "", "8080")]


@pytest.mark.parametrize(
    ("does", "headers"),
    [
        pytest.param(APPENDS, "X-Forwarded-For, X-Forwarded-Proto", id="the default"),
        pytest.param(JOINS, "X-Forwarded-For", id="no scheme is written"),
        pytest.param(
            {"Forwarded": "append"}, "Forwarded", id="the other standard, which says the scheme"
        ),
        pytest.param({"X-Real-IP": "set"}, "X-Real-IP", id="one address"),
        pytest.param(
            {"X-Forwarded-For": "append", "X-Forwarded-Ssl": "set"},
            "X-Forwarded-For, X-Forwarded-Ssl",
            id="another name for the scheme",
        ),
        pytest.param(
            {**APPENDS, "X-Forwarded-Prefix": "set", "X-Forwarded-Host": "set"},
            "X-Forwarded-For, X-Forwarded-Proto",
            id="a wrong prefix is written, and the host is right without a header",
        ),
        pytest.param(
            {"X-Forwarded-For": "absent", "X-Real-IP": "set"},
            "X-Real-IP",
            id="a list that the client may begin",
        ),
    ],
)
def test_only_headers_that_the_proxies_write_are_recommended(does, headers):
    assert World((Proxy(EDGE, does),), {"trust": EDGE}).probe().recommend.headers == headers


def test_a_host_that_the_proxy_tells_by_a_header():
    proxy = Proxy(EDGE, {**APPENDS, "X-Forwarded-Host": "set"}, "internal")
    report = World((proxy,), {"trust": EDGE}).probe()
    assert report.recommend.headers == "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"
    # But for the request that names no host, which is not the prober's doing.
    assert (
        "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts beside these settings."
        in report.fixes
    )


def test_each_observation_is_computed_once():
    asked = Counter()

    class Counting(dict):
        def get(self, name, default=None):
            asked[name] += 1
            return super().get(name, default)

    world = World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": INNER})
    exchanges = world.exchanges()
    honest = exchanges[0].answer
    exchanges[0] = Exchange(None, honest._replace(headers=Counting(honest.headers)))
    seen = Observations(world.url, world.here, world.there, exchanges)
    conclude(seen)
    before = asked["X-Forwarded-For"]
    conclude(seen)
    assert (before, asked["X-Forwarded-For"]) == (2, 2)


def test_a_header_of_ones_own_stays():
    settings = {"trust": EDGE, "headers": "X-Acme-Client=address"}
    report = World((Proxy(EDGE, {"X-Acme-Client": "set"}),), settings).probe()
    assert (report.verdict, report.headers["X-Acme-Client"]) == ("safe", "set")
    assert report.recommend.headers == "X-Acme-Client=address"


BALANCED = Proxy(INNER, APPENDS, also=DEEP)


@pytest.mark.parametrize(
    ("proxies", "trust", "hops"),
    [
        pytest.param((BALANCED,), f"{INNER}, {DEEP}", 1, id="in front of the app"),
        pytest.param(
            (BALANCED, Proxy("127.0.0.1", APPENDS)),
            f"loopback, {INNER}, {DEEP}",
            2,
            id="in front of another proxy",
        ),
    ],
)
def test_all_addresses_of_a_load_balancer_are_recommended(proxies, trust, hops):
    world = World(proxies, {"trust": f"loopback, {INNER}"})
    first = world.probe()
    # Half of the requests are seen wrongly, and none is believed to be what it forged.
    assert (first.verdict, first.forged) == ("misconfigured", [])
    assert [tuple(wrong) for wrong in first.misconfigured] == [("client_ip", DEEP, PROBER)]
    assert set(first.recommend.trust.split(", ")) == set(trust.split(", "))
    assert first.recommend.max_hops == first.recommend.count == hops
    assert world.with_(first.recommend).probe().verdict == "safe"


@pytest.mark.parametrize(
    ("proxies", "trust", "asked"),
    [
        pytest.param((Proxy("127.0.0.1", APPENDS),), "loopback", None, id="on the app's host"),
        pytest.param((Proxy("unix:", APPENDS),), "unix", None, id="on a unix-domain socket"),
        pytest.param(
            (Proxy("10.0.0.5", APPENDS),), "10.0.0.5", "which subnet is this in?", id="private"
        ),
        pytest.param(
            (Proxy("100.64.0.1", APPENDS),),
            "100.64.0.1",
            "which subnet is this in?",
            id="shared",
        ),
        pytest.param((Proxy("9.9.9.9", APPENDS),), "9.9.9.9", "If it is a CDN's", id="public"),
        pytest.param(
            (Proxy("10.0.0.5", APPENDS), Proxy("127.0.0.1", APPENDS)),
            "loopback, 10.0.0.5",
            "10.0.0.5: which subnet",
            id="two, the nearest first",
        ),
    ],
)
def test_whom_it_recommends_to_trust(proxies, trust, asked):
    report = World(proxies, {"trust": False}).probe()
    assert report.recommend.settings()["TRUST_PROXY"] == trust
    assert report.recommend.max_hops == report.recommend.count == len(proxies)
    questions = [mend for mend in report.fixes if "subnet" in mend or "public address" in mend]
    assert [asked in question for question in questions] == ([True] if asked else [])


@pytest.mark.parametrize(
    ("world", "mend"),
    [
        pytest.param(
            World((Proxy(EDGE, JOINS),), {"trust": EDGE}),
            "X-Forwarded-Proto: the proxies pass on what a client wrote.",
            id="a header that is passed on",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": True}),
            "X-Forwarded-For: TRUST_PROXY trusts what stands left of all that the proxies",
            id="too many hops are trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, folds=True),
            "X_Forwarded_For: the server takes it for X-Forwarded-For.",
            id="a server that folds names",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, JOINS),),
                {"trust": EDGE, "headers": "X-Forwarded-For"},
                obeys="X-Scheme",
            ),
            "X-Scheme is believed though TRUST_PROXY_HEADERS does not name it:",
            id="a server that believes by itself",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),),
                {"trust": EDGE},
                Url("https", "www.example.com", ""),
                strips=True,
            ),
            "Connection: a client that names a proxy's header there has it removed again",
            id="a proxy that removes what Connection names",
        ),
        pytest.param(
            World((Proxy(INNER),), {"trust": False}),
            "No proxy writes down whom it serves, so all clients look like one.",
            id="a proxy that says nothing",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, SETS)), {"trust": f"{EDGE}, {INNER}"}),
            f"{EDGE} is not this machine: a proxy replaced the list that another one had",
            id="a proxy that loses the client",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS, "internal"),), {"trust": EDGE}),
            "Have the proxies pass on the Host header as the client wrote it, with its port.",
            id="an internal host",
        ),
        pytest.param(
            World((), {"trust": "loopback"}),
            f"The app sees no proxy, and {PROBER} as its client.",
            id="no proxy to be seen",
        ),
    ],
)
def test_what_is_wrong_is_told_with_the_mend(world, mend):
    assert sum(told.startswith(mend) for told in world.probe().fixes) == 1


def test_what_connection_takes_away_is_not_recommended():
    https = Url("https", "www.example.com", "")
    report = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, https, strips=True).probe()
    assert [each[:4] for each in report.forged] == [
        ("client_ip", "Connection", "close, X-Forwarded-For, X-Forwarded-Proto", EDGE),
        ("scheme", "Connection", "close, X-Forwarded-For, X-Forwarded-Proto", "http"),
    ]
    assert report.recommend.settings() == {}


@pytest.mark.parametrize(
    ("does", "refuses", "behaviour"),
    [
        ("set", (), "set"),
        ("append", (), "appended"),
        ("pass", (), "passed"),
        ("absent", (), "passed"),
        ("drop", (), "dropped"),
        ("set", ("X-Forwarded-For", "X-Real-IP"), "refused"),
    ],
)
@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP"])
def test_what_the_proxies_do_with_a_header(name, does, refuses, behaviour):
    proxy = Proxy(EDGE, {name: does} if does != "pass" else {})
    report = World((proxy,), {"trust": EDGE, "headers": name}, refuses=refuses).probe()
    assert report.headers[name] == behaviour
    assert report.headers["X-Client-IP"] == "passed"
    assert report.headers["X-Forwarded-Server"] == "passed"
    assert set(report.headers) == set(NAMES.values())


def test_scheme_and_host_are_not_forged_by_a_prober_that_is_taken_for_a_proxy():
    world = World(
        (Proxy(EDGE, {"Forwarded": "append"}),),
        {"trust": f"{EDGE}, {PROBER}", "headers": "Forwarded"},
    )
    report = world.probe()
    assert (report.verdict, report.forged) == ("inconclusive", [])


def test_nobody_is_recommended_where_text_stands_among_the_hops():
    proxies = (Proxy("localhost", APPENDS), Proxy(INNER, APPENDS))
    report = World(proxies, {"trust": INNER}).probe()
    assert report.chain == [PROBER, "localhost", INNER]
    assert report.recommend.settings() == {}


ACTIONS = ("set", "append", "absent", "drop", "pass")
DOES = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(ACTIONS)
        for name in (
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "X-Forwarded-Ssl",
            "X-Forwarded-Prefix",
            "X-Real-IP",
            "Forwarded",
        )
    },
)
CHAINS = st.lists(
    st.tuples(DOES, st.sampled_from(["", "internal"])), min_size=1, max_size=3
).map(
    lambda chain: tuple(
        Proxy(address, {k: v for k, v in does.items() if v != "pass"}, host)
        for address, (does, host) in zip((EDGE, INNER, DEEP), chain)
    )
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "trust": st.sampled_from([True, False, 1, 2, DEEP, f"{INNER}, {EDGE}", "0.0.0.0/0"]),
        "headers": st.sampled_from(
            [
                "X-Forwarded-For, X-Forwarded-Proto",
                "Forwarded",
                "X-Forwarded-For, X-Forwarded-Host",
            ]
        ),
    },
)


UNSAID = ("No proxy says for certain", "Have the proxies pass on the Host")


@hsettings(max_examples=30)
@example(  # both schemes stand in the header, so neither alone tells who wrote it
    (
        Proxy(EDGE, {"X-Forwarded-For": "set", "X-Forwarded-Proto": "absent"}),
        Proxy(INNER, {"X-Forwarded-For": "append"}),
        Proxy(DEEP, {"X-Forwarded-Proto": "append"}),
    ),
    {},
    "https",
)
@given(CHAINS, SETTINGS, st.sampled_from(["http", "https"]))
def test_what_is_recommended_cannot_be_forged(proxies, settings, scheme):
    world = World(proxies, settings, Url(scheme, "www.example.com", ""))
    first = world.probe()
    if first.recommend.trust is None:
        return
    second = world.with_(first.recommend).probe()
    assert second.forged == []
    assert second.recommend == first.recommend
    wrong = [each.output for each in second.misconfigured]
    assert second.verdict == ("misconfigured" if wrong else "safe")
    assert "client_ip" not in wrong
    # Where no setting can mend it, it was said what can.
    assert len([mend for mend in first.fixes if mend.startswith(UNSAID)]) == len(wrong)


SAYS = "X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix".split(", ")
PLANS = st.one_of(
    st.just(["Forwarded"]),
    st.tuples(
        st.sampled_from(["X-Forwarded-For", "X-Real-IP", "X-Acme-Client=address", ""]),
        *(st.sampled_from([name, ""]) for name in SAYS),
    ),
).map(lambda names: parse_headers(", ".join(filter(None, names)) or "none"))


class TestForgeries:
    @given(
        PLANS,
        st.sampled_from(["http", "https"]),
        st.dictionaries(st.sampled_from([h.name for h in KNOWN.values()]), st.just("https")),
    )
    def test_three_honest_requests_and_these_are_no_more_than_65(self, plan, scheme, arrived):
        assert 3 + len(list(forgeries(plan, scheme, arrived))) <= 65

    def test_each_header_has_one_plain_value(self):
        plan = parse_headers("X-Acme-Client=address")
        plain = [each for each in forgeries(plan, "http", {}) if each.plain]
        names = {*NAMES.values(), "X-Acme-Client"}
        assert {each.header for each in plain} == names
        assert len(plain) == len(names)
        assert all(len(each.lines) == 1 and each.sent for each in plain)

    @pytest.mark.parametrize(
        ("scheme", "arrived", "sent"),
        [
            pytest.param("http", {}, ("https", "on"), id="http, and no header says so"),
            pytest.param("https", {}, ("http", "off"), id="https, and no header says so"),
            pytest.param(
                "http",
                {"X-Forwarded-Proto": "https, http", "X-Forwarded-Ssl": "on"},
                ("HTTPS", "ON"),
                id="a header says so that is not believed",
            ),
        ],
    )
    def test_a_forged_scheme_is_not_what_stands_there(self, scheme, arrived, sent):
        tries = forgeries(parse_headers("X-Forwarded-For"), scheme, arrived)
        by_name = {each.header: each.sent for each in tries if each.plain}
        assert (by_name["X-Forwarded-Proto"], by_name["X-Forwarded-Ssl"]) == sent

    def test_every_twin_of_every_believed_header_follows_its_name(self):
        plan = parse_headers("X-Forwarded-For, X-Forwarded-Proto")
        (twins,) = [each for each in forgeries(plan, "http", {}) if "underscores" in each.title]
        assert [name for name, _ in twins.lines] == [
            "X-Forwarded-For",
            "X-Forwarded_For",
            "X_Forwarded-For",
            "X_Forwarded_For",
            "X-Forwarded-Proto",
            "X-Forwarded_Proto",
            "X_Forwarded-Proto",
            "X_Forwarded_Proto",
        ]

    def test_where_no_name_has_a_hyphen_there_are_no_twins(self):
        tries = forgeries(parse_headers("Forwarded"), "http", {})
        assert not any("underscores" in each.title for each in tries)

    @pytest.mark.parametrize(
        ("arrived", "names"),
        [
            pytest.param({"X-Real-IP": "7.7.7.7"}, "X-Real-IP", id="those that arrive"),
            pytest.param({}, "X-Forwarded-For, X-Forwarded-Proto", id="else those believed"),
        ],
    )
    def test_connection_names_what_the_proxies_write(self, arrived, names):
        plan = parse_headers("X-Forwarded-For, X-Forwarded-Proto")
        (each,) = [
            each for each in forgeries(plan, "http", arrived) if each.header == "Connection"
        ]
        assert each.lines == (("Connection", f"close, {names}"),)

    def test_every_address_and_word_is_a_canary(self):
        tries = forgeries(parse_headers("X-Forwarded-For"), "http", {})
        schemes = {"http", "https", "on", "off", '{"scheme":"https"}'}
        for each in tries:
            if each.plain and each.header != "Forwarded" and each.sent not in schemes:
                assert each.sent in CANARIES


class TestTarget:
    @pytest.mark.parametrize(
        ("text", "connect", "expected"),
        [
            pytest.param(
                "https://www.example.com",
                None,
                (Url("https", "www.example.com", ""), "www.example.com", "/", 443),
                id="no path",
            ),
            pytest.param(
                "http://WWW.example.com:8080/a/b?c=d#e",
                None,
                (
                    Url("http", "www.example.com", "8080", "/a/b"),
                    "www.example.com:8080",
                    "/a/b?c=d",
                    8080,
                ),
                id="a port, a path and a query",
            ),
            pytest.param(
                "https://www.example.com:443/",
                None,
                (Url("https", "www.example.com", ""), "www.example.com", "/", 443),
                id="the scheme's own port",
            ),
            pytest.param(
                "https://[2001:db8::1]:8443/",
                None,
                (Url("https", "[2001:db8::1]", "8443"), "[2001:db8::1]:8443", "/", 8443),
                id="an IPv6 address",
            ),
        ],
    )
    def test_urls(self, text, connect, expected):
        target = parse_target(text, connect)
        assert (target.url, target.netloc, target.path, target.dial[1]) == expected
        assert target.dial[0] == expected[0].host.strip("[]")

    @pytest.mark.parametrize(
        ("connect", "dial"),
        [("192.0.2.1:8000", ("192.0.2.1", 8000)), ("[2001:db8::1]:80", ("2001:db8::1", 80))],
    )
    def test_another_address_to_connect_to(self, connect, dial):
        target = parse_target("https://www.example.com/", connect)
        assert (target.dial, target.netloc) == (dial, "www.example.com")

    @pytest.mark.parametrize(
        "text",
        [
            "www.example.com",
            "ftp://www.example.com/",
            "https:///path",
            "https://user:password@www.example.com/",
            "https://www.example.com:port/",
            "https://www.example.com:99999/",
            "https://www.example.com/ HTTP/1.1",
            "https://www.example.com/\r\nX: y",
            "https://bücher.example.com/",
            "https://[::1/",
            "",
        ],
    )
    def test_what_is_no_url(self, text):
        with pytest.raises(
            ValueError, match="^expected a URL such as https://www.example.com/$"
        ):
            parse_target(text)

    @pytest.mark.parametrize(
        "connect", ["192.0.2.1", ":80", "192.0.2.1:", "192.0.2.1:99999", ""]
    )
    def test_what_cannot_be_connected_to(self, connect):
        with pytest.raises(ValueError, match="^expected HOST:PORT$"):
            parse_target("https://www.example.com/", connect)


@pytest.mark.parametrize(
    ("forgery", "target", "command"),
    [
        pytest.param(
            Forgery("", "X-Forwarded-For", (("X-Forwarded-For", "192.0.2.66"),)),
            parse_target("https://www.example.com/"),
            "curl -H 'X-Forwarded-For: 192.0.2.66' https://www.example.com/",
            id="one header",
        ),
        pytest.param(
            Forgery("", "X-Forwarded-For", (("X-Forwarded-For", ""),)),
            parse_target("https://www.example.com/a?b=c&d"),
            "curl -H 'X-Forwarded-For;' 'https://www.example.com/a?b=c&d'",
            id="an empty header, and a URL that a shell would cut",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),), hostless=True),
            parse_target("https://www.example.com:8443/", "192.0.2.1:80", insecure=True),
            "curl --insecure --connect-to ::192.0.2.1:80 --http1.0 -H Host: -H 'X: y' "
            "https://www.example.com:8443/",
            id="everything",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),)),
            parse_target("http://www.example.com/", "[2001:db8::1]:80", insecure=True),
            "curl --connect-to '::[2001:db8::1]:80' -H 'X: y' http://www.example.com/",
            id="IPv6, and no certificate",
        ),
    ],
)
def test_the_line_that_shows_it(forgery, target, command):
    assert curl(target, forgery) == command


class Quiet(WSGIRequestHandler):
    def log(self, *args):
        pass


@pytest.fixture
def serve():
    """Serves a WSGI application on this machine, and says where."""
    stop = []

    def start(app):
        server = make_server("127.0.0.1", 0, app, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stop.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server, thread in stop:
        server.shutdown()
        thread.join()
        server.server_close()


def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"a page"]


class TestRun:
    def test_an_app_without_a_proxy(self, serve):
        url = serve(TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY))
        seen = []
        report = probe(parse_target(url), KEY.encode(), lambda *progress: seen.append(progress))
        assert (report.verdict, report.chain) == ("safe", ["127.0.0.1"])
        assert report.recommend.settings() == {
            "TRUST_PROXY": "false",
            "TRUST_PROXY_HEADERS": "none",
        }
        assert [number for number, _, _ in seen] == list(range(1, report.requests + 1))
        assert seen[:2] == [(1, 0, "an honest request"), (2, 0, "an honest request")]
        assert seen[2] == (3, report.requests, "X-Forwarded-For")

    def test_on_the_apps_own_machine_nobody_can_tell(self, serve):
        url = serve(TrustProxyMiddleware(page, probe_key=KEY))
        report = probe(parse_target(url), KEY.encode(), lambda *progress: None)
        assert (report.verdict, report.forged, report.misconfigured) == ("inconclusive", [], [])

    def test_every_request_is_a_url_of_its_own_and_two_are_honest_first(self, serve):
        requests = []

        def recording(environ, start_response):
            requests.append(dict(environ))
            return door(environ, start_response)

        door = TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY)
        report = probe(parse_target(serve(recording)), KEY.encode(), lambda *progress: None)
        assert len(requests) == report.requests == ALL
        assert len({environ["QUERY_STRING"] for environ in requests}) == ALL
        assert {environ["HTTP_CACHE_CONTROL"] for environ in requests} == {"no-store"}
        forged = [
            [key for key in environ if "FORWARDED" in key or "SCHEME" in key and "HTTP_" in key]
            for environ in requests
        ]
        assert forged[:3] == [[], [], ["HTTP_X_FORWARDED_FOR"]]
        assert all(KEY not in str(environ) for environ in requests)

    def test_no_answer_at_all(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            target = parse_target(f"http://127.0.0.1:{port}/", timeout=0.2)
            with pytest.raises(Unanswered) as caught:
                probe(target, KEY.encode(), lambda *progress: None)
        assert caught.value.why == (
            "Request 1 (an honest request): no answer in time; --timeout gives it longer."
        )
        with pytest.raises(Unanswered, match="Request 1 .*: no answer: .*refused"):
            probe(target, KEY.encode(), lambda *progress: None)

    def test_an_answer_stands_whose_connection_is_reset(self):
        """As where a request is refused, and the rest of it never read."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def refuse():
                connection, _ = listener.accept()
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nno")
                connection.close()

            thread = threading.Thread(target=refuse)
            thread.start()
            target = parse_target(f"http://127.0.0.1:{listener.getsockname()[1]}/")
            with pytest.raises(Unanswered) as caught:
                probe(target, KEY.encode(), lambda *progress: None)
            thread.join()
        assert caught.value.why == f"Request 1 (an honest request): HTTP 400, {UNSIGNED}"

    def test_plain_http_to_another_machine_is_not_spoken(self, monkeypatch):
        class Connection:
            getsockname = staticmethod(lambda: ("192.0.2.7", 50000))
            getpeername = staticmethod(lambda: ("192.0.2.1", 80))
            __enter__ = __exit__ = lambda self, *exception: None

        monkeypatch.setattr(socket, "create_connection", lambda *args: Connection())
        monkeypatch.setattr(Connection, "__enter__", lambda self: self)
        with pytest.raises(Unanswered, match="probe https://, or give --insecure.$"):
            probe(parse_target("http://www.example.com/"), KEY.encode(), lambda *progress: None)


class Context:
    """What would speak TLS: says what it was told, and leaves the connection plain."""

    check_hostname, verify_mode = True, ssl.CERT_REQUIRED

    def __init__(self):
        self.names = []

    def wrap_socket(self, plain, server_hostname):
        self.names.append(server_hostname)
        if self.verify_mode == ssl.CERT_REQUIRED:
            plain.close()
            error = ssl.SSLCertVerificationError("failed")
            error.verify_message = "certificate has expired"
            raise error
        timeout = plain.gettimeout()
        wrapped = socket.socket(fileno=plain.detach())
        wrapped.settimeout(timeout)
        return wrapped


class TestTls:
    @pytest.fixture
    def context(self, monkeypatch):
        context = Context()
        monkeypatch.setattr(ssl, "create_default_context", lambda: context)
        return context

    def target(self, serve, insecure):
        url = serve(TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY))
        where = url.split("/")[2]
        return parse_target("https://www.example.com/", where, insecure=insecure)

    def test_a_certificate_is_verified(self, serve, context):
        with pytest.raises(Unanswered) as caught:
            probe(self.target(serve, False), KEY.encode(), lambda *progress: None)
        assert caught.value.why == (
            "Request 1 (an honest request): the certificate is not valid: certificate has "
            "expired. If it is yours all the same, give --insecure."
        )
        assert context.names == ["www.example.com"]

    def test_but_where_it_need_not_be(self, serve, context):
        report = probe(self.target(serve, True), KEY.encode(), lambda *progress: None)
        assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
        assert set(context.names) == {"www.example.com"}
        assert [tuple(wrong) for wrong in report.misconfigured] == [("scheme", "http", "https")]


HERE, THERE = ("127.0.0.1", 50000), ("127.0.0.1", 80)
TARGET = parse_target("http://127.0.0.1/")
#: How many requests a run with the default headers has, three of them honest.
ALL = 3 + len(list(forgeries(parse_headers("X-Forwarded-For, X-Forwarded-Proto"), "http", {})))


class Script:
    """Answers honestly, but for one request: what `_send` returns, in a row."""

    def __init__(self, at=None, response=None):
        self.at = range(at, at + 1) if isinstance(at, int) else at
        self.response, self.sent = response, []
        self.proxy, self.wrote = None, HERE[0]
        self.door = TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY)

    def __call__(self, target, request):
        self.sent.append(request)
        if self.at is not None and len(self.sent) in self.at:
            if isinstance(self.response, Exception):
                raise self.response
            return self.response() if callable(self.response) else self.response
        head, *lines = request.decode("latin-1").split("\r\n")
        environ = create_environ(head.split(" ")[1])
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = HERE[0], str(HERE[1])
        for line in filter(None, lines):
            name, _, value = line.partition(": ")
            environ[environ_key(name)] = value
        if self.proxy:
            key = "HTTP_X_FORWARDED_FOR"
            environ["REMOTE_ADDR"] = self.proxy
            environ[key] = f"{environ[key]}, {self.wrote}" if key in environ else self.wrote
        body, _, headers = run_wsgi_app(self.door, environ)
        return respond(200, headers.get(HEADER, ""), body=b"".join(body))


class Losing(Script):
    """Answers honestly, but no request with this header of its own."""

    def __init__(self, name, response):
        super().__init__(None, response)
        self.name = name

    def __call__(self, target, request):
        lost = f"\r\n{self.name}: ".encode() in request
        self.at = range(1000) if lost else None
        return super().__call__(target, request)


def respond(status, signature="", location="", date="", body=b""):
    return Response(status, signature, location, date, body, HERE, THERE)


def date(ahead):
    return format_datetime(datetime.fromtimestamp(time.time() + ahead, timezone.utc))


UNSIGNED = (
    "not signed by the app. TRUST_PROXY_PROBE_KEY is unset there or another one, or a proxy "
    "removes X-Trust-Proxy-Probe, or this is another app."
)


class TestUnanswered:
    @pytest.mark.parametrize(
        ("at", "response", "why"),
        [
            pytest.param(
                1,
                respond(200),
                f"Request 1 (an honest request): HTTP 200, {UNSIGNED}",
                id="a page",
            ),
            pytest.param(
                2,
                respond(404),
                f"Request 2 (an honest request): HTTP 404, {UNSIGNED}",
                id="no page",
            ),
            pytest.param(
                1,
                respond(
                    308, location=f"https://www.example.com/?a=b&{PARAMETER}=0123456789abcdef"
                ),
                "Request 1 (an honest request): HTTP 308, a redirect. Probe "
                "'https://www.example.com/?a=b'.",
                id="a redirect",
            ),
            pytest.param(
                1,
                lambda: respond(200, date=date(WINDOW + 40)),
                "Request 1 (an honest request): HTTP 200, not signed by the app. The server's "
                "clock is 100 seconds ahead of this one, and a question is valid for 60: set "
                "the clocks.",
                id="a clock that is ahead",
            ),
            pytest.param(
                1,
                lambda: respond(200, date=date(WINDOW - 10)),
                f"Request 1 (an honest request): HTTP 200, {UNSIGNED}",
                id="a clock that is ahead a little",
            ),
            pytest.param(
                1,
                respond(200, date="yesterday"),
                f"Request 1 (an honest request): HTTP 200, {UNSIGNED}",
                id="a date that is none",
            ),
            pytest.param(
                2,
                respond(502),
                "Request 2 (an honest request): HTTP 502: the proxy does not reach the app.",
                id="a proxy alone",
            ),
            pytest.param(
                2,
                respond(429),
                f"Request 2 (an honest request): HTTP 429, {UNSIGNED}",
                id="a rate limit",
            ),
            pytest.param(
                2,
                ConnectionResetError("reset by\npeer"),
                "Request 2 (an honest request): no answer: reset by peer.",
                id="a connection that was cut",
            ),
            pytest.param(
                1,
                HTTPException(),
                "Request 1 (an honest request): no answer: HTTPException.",
                id="no HTTP",
            ),
        ],
    )
    def test_the_run_ends_there_and_says_why(self, monkeypatch, at, response, why):
        script = Script(at, response)
        monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
        monkeypatch.setattr(prober, "_send", script)
        with pytest.raises(Unanswered) as caught:
            probe(TARGET, KEY.encode(), lambda *progress: None)
        assert (caught.value.why, caught.value.requests) == (why, at)
        assert len(script.sent) == at

    def test_one_dropped_connection_costs_nothing(self, monkeypatch):
        script = Script(3, ConnectionResetError("reset by peer"))
        monkeypatch.setattr(prober, "_send", script)
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert (report.verdict, report.reasons, report.fixes) == ("safe", [], [])
        assert report.requests == len(script.sent) == ALL + 1

    @pytest.mark.parametrize(
        ("response", "why"),
        [
            pytest.param(respond(502), "HTTP 502: the proxy does not reach the app", id="502"),
            pytest.param(respond(500), f"HTTP 500, {UNSIGNED}"[:-1], id="500"),
            pytest.param(OSError("cut"), "no answer: cut", id="a dropped connection"),
        ],
    )
    def test_what_is_lost_costs_that_trick_and_not_the_verdict(
        self, monkeypatch, response, why
    ):
        monkeypatch.setattr(prober, "_send", Losing("X-Real-IP", response))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert (report.verdict, report.headers["X-Real-IP"]) == ("safe", "unanswered")
        assert report.fixes == ["Not tried, since nothing came back: X-Real-IP. Probe again."]

        monkeypatch.setattr(prober, "_send", Losing("X-Forwarded-Proto", response))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "inconclusive"
        (reason,) = report.reasons
        assert reason.startswith("X-Forwarded-Proto was not answered (Request ")
        assert why in reason

    @pytest.mark.parametrize(
        "response",
        [
            pytest.param(respond(403), id="a 403"),
            pytest.param(respond(429), id="a rate limit"),
            pytest.param(respond(200), id="a page that asks for a human"),
            pytest.param(ConnectionResetError("reset"), id="dropped connections"),
        ],
    )
    def test_a_prober_that_is_banned_halfway_is_never_told_safe(self, monkeypatch, response):
        script = Script(range(12, 1000), response)
        monkeypatch.setattr(prober, "_send", script)
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "inconclusive"
        assert report.reasons[0].startswith("Honest requests were answered at first")
        assert len(script.sent) == report.requests < 21  # it stops soon

    def test_what_was_forged_before_a_ban_stays(self, monkeypatch):
        script = Script(range(12, 1000), respond(403))
        script.door = TrustProxyMiddleware(page, trust=True, probe_key=KEY)
        monkeypatch.setattr(prober, "_send", script)
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "forgeable"
        assert ("client_ip", "X-Forwarded-For") in {each[:2] for each in report.forged}
        assert report.reasons[0].startswith("Honest requests were answered at first")

    def test_a_ban_that_only_the_last_request_shows(self, monkeypatch):
        monkeypatch.setattr(prober, "_send", Script(range(ALL, 1000), respond(403)))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "inconclusive"

    def test_an_answer_to_another_question(self, monkeypatch):
        script = Script()
        first = script(TARGET, self.question())
        script = Script(2, first)
        monkeypatch.setattr(prober, "_send", script)
        with pytest.raises(
            Unanswered, match="Request 2 .*: a cache answered what was asked before"
        ):
            probe(TARGET, KEY.encode(), lambda *progress: None)

    def test_an_answer_in_another_form(self, monkeypatch):
        monkeypatch.setattr(prober, "_send", Script())
        monkeypatch.setattr(prober, "FORMAT", 0)
        with pytest.raises(Unanswered, match="the app has another version of Flask-TrustProxy"):
            probe(TARGET, KEY.encode(), lambda *progress: None)

    def question(self):
        token = make_token(KEY.encode(), str(next(NONCES)), "GET", "1")
        return f"GET /?{PARAMETER}=1 HTTP/1.1\r\n{HEADER}: {token}\r\n\r\n".encode()

    @pytest.mark.parametrize("status", [301, 400, 403, 431])
    def test_a_forgery_that_is_refused_does_not_end_it(self, monkeypatch, status):
        monkeypatch.setattr(prober, "_send", Script(3, respond(status)))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.headers["X-Forwarded-For"] == "refused"
        assert report.headers["Forwarded"] == "passed"
        assert (report.verdict, report.requests) == ("inconclusive", ALL)
        assert report.reasons == [
            "X-Forwarded-For was refused on the way, so nobody knows what the app would "
            "believe of it."
        ]
        assert report.fixes == [
            "Let this machine's requests pass while the probe runs, and probe again."
        ]

    def test_a_request_without_host_may_meet_another_page(self, monkeypatch):
        monkeypatch.setattr(prober, "_send", Script(ALL - 1, respond(200)))
        assert probe(TARGET, KEY.encode(), lambda *progress: None).verdict == "safe"


class TestCommand:
    @pytest.fixture(autouse=True)
    def _no_setting_from_outside(self, monkeypatch):
        monkeypatch.delenv("TRUST_PROXY_PROBE_KEY", raising=False)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(prober, "_send", Script())

    def run(self, *arguments, app=None, url="http://127.0.0.1/", **options):
        info = flask.cli.ScriptInfo(create_app=None if app is None else lambda: app)
        options.setdefault("obj", info)
        command = ["probe", url, *arguments]
        return CliRunner().invoke(cli.trust_proxy, command, **options)

    def test_it_prints_and_exits(self):
        result = self.run("--key", KEY)
        assert result.exit_code == 0
        assert result.output.startswith("127.0.0.1 (this machine)  ──▶  app\n\nheader ")
        assert "\nsafe: Nothing that was forged was believed" in result.output
        assert '\n  TRUST_PROXY = "false"\n' in result.output

    def test_one_header_that_is_refused_is_one_other(self, monkeypatch):
        monkeypatch.setattr(prober, "_send", Script(5, respond(403)))
        lines = self.run("--key", KEY).output.splitlines()
        assert [line.split() for line in lines if " other" in line[:12]] == [
            f"{len(NAMES) - 3} others passed no".split(),
            "1 other refused no".split(),
        ]

    def test_json(self):
        result = self.run("--key", KEY, "--json")
        told = json.loads(result.output)
        assert (result.exit_code, told["verdict"], told["requests"]) == (0, "safe", ALL)
        assert (
            list(told)
            == (
                "verdict client_ip chain headers forged misconfigured recommend reasons fixes "
                "requests"
            ).split()
        )

    def test_what_is_seen_wrongly(self):
        result = self.run("--key", KEY, url="https://127.0.0.1/")
        assert result.exit_code == 1
        assert "\nscheme is 'http', and should be 'https'\n\nNo proxy says" in result.output

    def test_what_is_recommended(self, monkeypatch):
        script = Script()
        script.proxy = "10.0.0.5"
        monkeypatch.setattr(prober, "_send", script)
        result = self.run("--key", KEY)
        assert result.exit_code == 1
        assert (
            "The app trusts no hop, though a proxy is there: it treats its peer, 10.0.0.5, as\n"
            "the client of every request.\n\n"
            "client_ip is '10.0.0.5', and should be '127.0.0.1'\n\n"
            "If these are your proxies, apply the settings below, and probe again.\n\n"
            "10.0.0.5: which subnet is this in? Name that instead, since load balancers\n"
            "change their addresses.\n\n"
            "The narrowest settings for this chain, in app.config\n"
            '  TRUST_PROXY = "10.0.0.5"\n'
            '  TRUST_PROXY_HEADERS = "X-Forwarded-For"\n'
            "  TRUST_PROXY_MAX_HOPS = 1\n"
            "or in the environment\n"
            "  TRUST_PROXY=10.0.0.5\n"
            "  TRUST_PROXY_HEADERS=X-Forwarded-For\n"
            "  TRUST_PROXY_MAX_HOPS=1\n"
            "TRUST_PROXY = 1 counts these hops instead, whoever they are: right only where\n"
            "nobody can come past the proxies.\n"
        ) in result.output

    def test_the_key_from_the_environment(self):
        assert self.run(env={"TRUST_PROXY_PROBE_KEY": f"{KEY}\n"}).exit_code == 0

    def test_the_key_of_the_app(self):
        app = flask.Flask(__name__)
        app.config["TRUST_PROXY_PROBE_KEY"] = KEY
        TrustProxy(app)
        assert self.run(app=app).exit_code == 0

    def test_an_app_without_a_key(self):
        app = flask.Flask(__name__)
        TrustProxy(app)
        result = self.run(app=app)
        assert result.exit_code == 2
        assert result.output.splitlines()[-1] == (
            f"Error: expected --key, or TRUST_PROXY_PROBE_KEY. {MAKE_KEY} makes one"
        )

    def test_no_key_and_no_app(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("FLASK_APP", raising=False)
        result = self.run()
        assert result.exit_code == 2
        assert "Error: expected --key, or TRUST_PROXY_PROBE_KEY." in result.output

    def test_a_short_key(self):
        result = self.run("--key", "short")
        assert result.exit_code == 2
        assert "Error: expected a text of at least 32 characters." in result.output
        assert "Traceback" not in result.output

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["probe", "www.example.com"], "expected a URL such as https://www.example.com/"),
            (["probe", "https://www.example.com", "--connect", "x"], "expected HOST:PORT"),
        ],
    )
    def test_what_cannot_be_probed(self, arguments, expected):
        result = CliRunner().invoke(cli.trust_proxy, [*arguments, "--key", KEY])
        assert (result.exit_code, result.output.splitlines()[-1]) == (2, f"Error: {expected}")

    def test_no_answer_is_one_sentence(self, monkeypatch):
        monkeypatch.setattr(prober, "_send", Script(2, respond(502)))
        why = "Request 2 (an honest request): HTTP 502: the proxy does not reach the app."
        result = self.run("--key", KEY)
        assert (result.exit_code, result.output) == (2, f"Error: {why}\n")
        monkeypatch.setattr(prober, "_send", Script(2, respond(502)))
        told = self.run("--key", KEY, "--json")
        assert told.exit_code == 2
        assert json.loads(told.output) == {
            "verdict": "inconclusive",
            "client_ip": None,
            "chain": [],
            "headers": {},
            "forged": [],
            "misconfigured": [],
            "recommend": {
                "TRUST_PROXY": None,
                "TRUST_PROXY_HEADERS": None,
                "TRUST_PROXY_MAX_HOPS": None,
                "count": None,
            },
            "reasons": [why],
            "fixes": [],
            "requests": 2,
        }

    @pytest.mark.parametrize("terminal", [True, False])
    def test_progress_is_shown_on_a_terminal_alone(self, monkeypatch, terminal):
        screen = io.StringIO()
        monkeypatch.setattr(screen, "isatty", lambda: terminal, raising=False)
        monkeypatch.setattr("sys.stderr", screen)
        cli._show_progress(1, 0, "an honest request")
        cli._show_progress(3, 37, "X-Forwarded-For")
        cli._hide_progress()
        shown = "\r\x1b[K1: an honest request\r\x1b[K3 of 37: X-Forwarded-For\r\x1b[K"
        assert screen.getvalue() == (shown if terminal else "")

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("\x1b[2J\x1b[1;32msafe", id="a terminal escape"),
            pytest.param("\x9b2J", id="a C1 control"),
            pytest.param("\u202esafe\u2066", id="text that turns around"),
            pytest.param("\x07\x08\x7f", id="control characters"),
        ],
    )
    def test_text_from_outside_is_escaped_where_it_is_printed(self, monkeypatch, text):
        script = Script()
        # What a proxy, or whoever answers in its place, writes.
        script.proxy, script.wrote = "10.0.0.5", text.encode("utf-8").decode("latin-1")
        monkeypatch.setattr(prober, "_send", script)
        output = self.run("--key", KEY, color=True).output
        shown = re.sub(r"\x1b\[(?:0|3[0-7])m", "", output)
        assert all(each.isprintable() or each == "\n" for each in shown)
        assert "\\x" in shown or "\\u" in shown
        assert "\x1b[2J" not in output

    def test_what_is_no_http_is_escaped_too(self, monkeypatch):
        error = BadStatusLine("\x1b]0;title\x07SSH-2.0")
        monkeypatch.setattr(prober, "_send", Script(1, error))
        result = self.run("--key", KEY)
        assert (result.exit_code, result.output) == (
            2,
            "Error: Request 1 (an honest request): no answer: \\x1b]0;title\\x07SSH-2.0.\n",
        )

    def test_what_was_forged_is_shown(self, monkeypatch):
        door = TrustProxyMiddleware(page, trust=True, headers="X-Forwarded-For", probe_key=KEY)
        script = Script()
        script.door = door
        monkeypatch.setattr(prober, "_send", script)
        result = self.run("--key", KEY)
        assert result.exit_code == 1
        assert "client_ip was '192.0.2.66' after X-Forwarded-For: '192.0.2.66'" in result.output
        assert "  curl -H 'X-Forwarded-For: 192.0.2.66' http://127.0.0.1/\n" in result.output
