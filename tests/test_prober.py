"""The live probe's command: what it sends, and what it concludes of what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import TrustProxyMiddleware
from flask_trustproxy.conclusions import conclude
from flask_trustproxy.findings import Exchange, Findings, Url, read_content
from flask_trustproxy.forgeries import Forgery, forgeries
from flask_trustproxy.headers import environ_key, parse_headers
from flask_trustproxy.probe import PARAMETER, TOKEN, make_token

KEY = "a key of these tests, of 32 characters and more"
PROBER, EDGE, INNER, DEEP = "203.0.113.9", "198.51.100.10", "10.0.0.5", "10.0.0.6"


@dataclass(frozen=True)
class Proxy:
    """A proxy: what it does with each header that it touches.

    ``set`` writes its own value, ``append`` puts it behind the client's, ``absent`` writes
    it where the client wrote none, and ``drop`` removes the client's.
    """

    address: str
    does: dict = field(default_factory=dict)
    host: str = ""

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
        return lines, self.address, self.host or host, "http"


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
    there: str = "198.51.100.10"
    refuses: tuple = ()
    folds: bool = False

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
        environ = create_environ(f"/?{PARAMETER}=1", f"{scheme}://{host}/")
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = remote, "50000"
        environ[TOKEN] = make_token(KEY.encode(), "1", "GET", "1")
        for name, value in lines:
            if "_" not in name or self.folds:
                key = environ_key(name)
                environ[key] = f"{environ[key]}, {value}" if key in environ else value

        def never(environ, start_response):
            pytest.fail("the app was asked")

        middleware = TrustProxyMiddleware(never, probe_key=KEY, **self.settings)
        body, _, _ = run_wsgi_app(middleware, environ)
        return Exchange(forgery, read_content(json.loads(b"".join(body))))

    def probe(self):
        exchanges = [self.ask(), self.ask()]
        honest = exchanges[0].answer
        tries = forgeries(honest.plan, honest.believed["scheme"], honest.headers)
        exchanges += map(self.ask, tries)
        return conclude(Findings(self.url, self.here, self.there, exchanges))

    def with_(self, recommend):
        """The same way to the app, with what was recommended in it."""
        settings = {
            "trust": recommend.trust,
            "headers": recommend.headers,
            "max_hops": recommend.max_hops,
        }
        settings = {name: value for name, value in settings.items() if value is not None}
        return World(
            self.proxies,
            settings,
            self.url,
            self.prober,
            self.here,
            self.there,
            self.refuses,
            self.folds,
        )


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
            ["X-Forwarded-For, X-Forwarded-Proto", "Forwarded", "X-Forwarded-For, X-Forwarded-Host"]
        ),
    },
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
    assert len([mend for mend in first.mends if mend.startswith(("No proxy", "Have the"))]) >= len(
        wrong
    )
