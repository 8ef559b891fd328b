"""Ways from a prober to an app, all simulated but the app's door.

A world answers each forgery; a script takes the place of the network.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import TrustProxyMiddleware
from flask_trustproxy.core.headers import environ_key, parse_headers
from flask_trustproxy.probe.door import (
    HEADER,
    PARAMETER,
    TOKEN,
    make_token,
    read_content,
)
from flask_trustproxy.probe.forgeries import few, forgeries
from flask_trustproxy.probe.observations import Exchange, Observations, Url
from flask_trustproxy.probe.verdict import conclude
from flask_trustproxy.probe.wire import Response, parse_target

KEY = "a key of these tests, of 32 characters and more"
# Documentation addresses are no public ones.
PROBER, EDGE, INNER, DEEP = "7.7.7.7", "8.8.8.10", "10.0.0.5", "10.0.0.6"


#: What the edge writes, as ``edge_secret`` has it.
ORIGIN = "0123456789abcdef0123456789abcdef"
VERIFIED = f"X-Origin-Verify: {ORIGIN}"

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
            "Remote-User": "alice",
            "X-Auth-Email": "alice@example.com",
            "X-Origin-Verify": ORIGIN,
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
    # After so many requests nothing is answered any more.
    answers: int = 1000
    # The same app over http, if this is https.
    beside: World = None

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
        tried = [*exchanges, *map(self.ask, self.tries(exchanges[0].answer)), self.ask()]
        return [
            each if number <= self.answers else Exchange(each.forgery, None)
            for number, each in enumerate(tried, 1)
        ]

    def tries(self, honest):
        return list(
            forgeries(
                honest.plan,
                honest.believed["scheme"],
                honest.headers,
                honest.identity,
                honest.secret,
            )
        )

    def few_exchanges(self):
        first = self.ask()
        way = Observations(self.url, self.here, self.there, [first])
        tries = few(self.tries(first.answer), way.read)
        return [first, *map(self.ask, tries), self.ask()]

    def probe(self):
        ways = [Observations(self.url, self.here, self.there, self.exchanges())]
        if self.beside is None:
            return conclude(ways)
        exchanges = self.beside.few_exchanges()
        ways.append(Observations(self.beside.url, self.here, self.there, exchanges))
        return conclude(ways, "probed")

    def with_(self, recommend):
        """The same way to the app, with what was recommended in it."""
        settings = {
            "trust": recommend.trust,
            "headers": recommend.headers,
            "max_hops": recommend.max_hops,
        }
        settings = {name: value for name, value in settings.items() if value is not None}
        kept = {"identity_headers", "edge", "edge_secret", "required", "scheme"}
        settings.update({k: v for k, v in self.settings.items() if k in kept})
        return replace(self, settings=settings)

    def after_proxy_change(self):
        """The same way, with proxies that do what they are told to do."""
        outermost, *others = self.proxies
        says = {"X-Forwarded-Proto": "set", "X-Forwarded-Prefix": "drop"}
        passing = [
            replace(
                each,
                does={k: v for k, v in each.does.items() if k not in says},
                host="",
            )
            for each in others
        ]
        first = replace(outermost, does={**outermost.does, **says}, host="")
        return replace(self, proxies=(first, *passing))


class Quiet(WSGIRequestHandler):
    def log(self, *args):
        pass


@contextmanager
def serving(app):
    """Serve a WSGI application on this machine; says where."""
    server = make_server("127.0.0.1", 0, app, request_handler=Quiet, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"a page"]


HERE, THERE = ("127.0.0.1", 50000), ("127.0.0.1", 80)
TARGET = parse_target("http://127.0.0.1/")
#: How many requests a run with the default headers has, three of them honest.
ALL = 3 + len(list(forgeries(parse_headers("X-Forwarded-For, X-Forwarded-Proto"), "http", {})))


class Script:
    """Answers honestly, but for one request: what `send` returns, in a row."""

    def __init__(self, at=None, response=None):
        self.at = range(at, at + 1) if isinstance(at, int) else at
        self.response, self.sent = response, []
        self.proxy, self.wrote = None, HERE[0]
        self.door = TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY)

    def __call__(self, target, request):
        self.sent.append(request)
        if self.at is not None and len(self.sent) in self.at:
            if isinstance(self.response, BaseException):
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


#: How it is told that a server made the client the peer.
DECIDED = f"The app's peer is {PROBER}, which is the client. The WSGI server has replaced"
