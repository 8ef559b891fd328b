"""Servers that decide before the application: the wrong answer, and the mending switch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, Union

import apig_wsgi
import pytest
import serverless_wsgi
from flask import Flask

from flask_trustproxy import TrustProxy, request

from .client import CLIENT, Answer, Endpoint, Unix, ask
from .proxies import NGINX_DEBIAN
from .servers import HERE
from .servers import UWSGI as UWSGI_SOCKET
from .stack import DEPLOY, Stack
from .wsgi_servers import (
    BJOERN,
    GUNICORN,
    MOD_WSGI,
    UVICORN,
    UWSGI,
    WAITRESS,
    WsgiServer,
    example,
    mod_wsgi,
    with_options,
)

PROXY, OUTER = "127.0.0.2", "127.0.0.3"
HONEST = "203.0.113.9"
EVIL = "198.51.100.66"

# The client, the list of clients, the scheme; or a status that is not 200.
Outcome = Union[tuple[Any, ...], int]


def outcome(answer: Answer) -> Outcome:
    if answer.status != 200:
        return answer.status
    believed = answer.believed
    return believed["client_ip"], believed["client_ips"], believed["scheme"]


def without(server: WsgiServer, file: str, option: str) -> WsgiServer:
    """The server as its example starts it, but for one option."""
    command = example(file, lambda text: text.replace(f" {option}", ""))
    return replace(server, name=f"{server.name} without {option}", command=command)


UVICORN_ALONE = without(UVICORN, "uvicorn.txt", "--no-proxy-headers")
WAITRESS_ALONE = without(WAITRESS, "waitress.txt", "--no-clear-untrusted-proxy-headers")
WAITRESS_TRUSTING = with_options(
    WAITRESS,
    f"--trusted-proxy={PROXY} --trusted-proxy-count=1"
    " --trusted-proxy-headers='x-forwarded-for x-forwarded-proto'",
)
MOD_WSGI_TRUSTING = mod_wsgi(
    f"WSGITrustedProxies {PROXY}\nWSGITrustedProxyHeaders X-Forwarded-For"
)
MOD_REMOTEIP = mod_wsgi(f"RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy {PROXY}")

HTTPS = "X-Forwarded-Proto: https"
FROM_HONEST = f"X-Forwarded-For: {EVIL}, {HONEST}"


@dataclass(frozen=True)
class Override:
    """What a server makes of a request, and what is believed with the switch that mends it."""

    sentence: str
    server: WsgiServer
    wrong: Outcome
    mended: WsgiServer
    right: Outcome
    lines: tuple[str, ...]
    source: str = PROXY
    trust: str = PROXY
    required: bool = False


OVERRIDES = [
    Override(
        "uvicorn takes a local client's word for its address and scheme",
        UVICORN_ALONE,
        (EVIL, [], "https"),
        UVICORN,
        ("127.0.0.1", [], "http"),
        (f"X-Forwarded-For: {EVIL}", HTTPS),
        source="127.0.0.1",
    ),
    Override(
        "uvicorn hides the proxy from TRUST_PROXY_REQUIRED",
        UVICORN_ALONE,
        403,
        UVICORN,
        (HONEST, [HONEST], "https"),
        (FROM_HONEST, HTTPS),
        source="127.0.0.1",
        trust="127.0.0.1",
        required=True,
    ),
    Override(
        "uvicorn that allows everybody lets a stranger be a unix socket",
        with_options(UVICORN_ALONE, "--forwarded-allow-ips '*'"),
        (None, [], "https"),
        UVICORN,
        403,
        ("X-Forwarded-For: unix:", HTTPS),
        source=CLIENT,
        trust="unix",
        required=True,
    ),
    Override(
        "uvicorn that allows everybody lets a stranger be the proxy",
        with_options(UVICORN_ALONE, "--forwarded-allow-ips '*'"),
        (EVIL, [EVIL], "https"),
        UVICORN,
        403,
        (f"X-Forwarded-For: {PROXY}, {EVIL}", HTTPS),
        source=CLIENT,
        required=True,
    ),
    Override(
        "waitress removes what the proxy wrote",
        WAITRESS_ALONE,
        (PROXY, [], "http"),
        WAITRESS,
        (HONEST, [HONEST], "https"),
        (FROM_HONEST, HTTPS),
    ),
    Override(
        "waitress with a trusted_proxy loses the client behind two proxies",
        WAITRESS_TRUSTING,
        (OUTER, [OUTER], "https"),
        WAITRESS,
        (HONEST, [HONEST, OUTER], "https"),
        (f"{FROM_HONEST}, {OUTER}", HTTPS),
        trust=f"{PROXY}, {OUTER}",
    ),
    Override(
        "waitress with a trusted_proxy hides the proxy from TRUST_PROXY_REQUIRED",
        WAITRESS_TRUSTING,
        403,
        WAITRESS,
        (HONEST, [HONEST], "https"),
        (FROM_HONEST, HTTPS),
        required=True,
    ),
    Override(
        "waitress with a trusted_proxy refuses a scheme that was appended to",
        WAITRESS_TRUSTING,
        400,
        WAITRESS,
        (HONEST, [HONEST], "https"),
        (FROM_HONEST, "X-Forwarded-Proto: http", HTTPS),
    ),
    Override(
        "mod_wsgi with WSGITrustedProxies hides the proxy that says https",
        MOD_WSGI_TRUSTING,
        (HONEST, [], "http"),
        MOD_WSGI,
        (HONEST, [HONEST], "https"),
        (FROM_HONEST, HTTPS),
    ),
    Override(
        "mod_wsgi with WSGITrustedProxies hides the proxy from TRUST_PROXY_REQUIRED",
        MOD_WSGI_TRUSTING,
        403,
        MOD_WSGI,
        (HONEST, [HONEST], "https"),
        (FROM_HONEST, HTTPS),
        required=True,
    ),
    Override(
        "mod_remoteip hides the proxy that says https",
        MOD_REMOTEIP,
        (HONEST, [], "http"),
        MOD_WSGI,
        (HONEST, [HONEST], "https"),
        (FROM_HONEST, HTTPS),
    ),
    Override(
        "mod_remoteip leaves the forged entry for a count",
        MOD_REMOTEIP,
        (EVIL, [EVIL], "http"),
        MOD_WSGI,
        (HONEST, [HONEST], "http"),
        (FROM_HONEST,),
        trust="1",
    ),
    Override(
        "gunicorn refuses two headers that disagree about the scheme",
        GUNICORN,
        400,
        with_options(GUNICORN, "--forwarded-allow-ips ''"),
        ("127.0.0.1", [], "https"),
        (HTTPS, "X-Forwarded-Ssl: off"),
        source="127.0.0.1",
        trust="127.0.0.1",
    ),
]


@pytest.mark.parametrize("case", OVERRIDES, ids=lambda case: case.sentence)
def test_the_switch_mends(stack: Stack, case: Override) -> None:
    settings = {"TRUST_PROXY": case.trust}
    if case.required:
        settings["TRUST_PROXY_REQUIRED"] = "true"
    got = [
        outcome(
            ask(stack.app(settings, server=server).endpoint, *case.lines, source=case.source)
        )
        for server in (case.server, case.mended)
    ]
    assert got == [case.wrong, case.right]


@pytest.mark.parametrize(
    "options", ["--forwarded-allow-ips ''", "--forwarded-allow-ips 192.0.2.1"]
)
def test_over_a_unix_socket_gunicorn_refuses_them_all_the_same(
    stack: Stack, options: str
) -> None:
    app = stack.app({}, at="unix", server=with_options(GUNICORN, options))
    assert ask(app.endpoint, HTTPS, "X-Forwarded-Ssl: off").status == 400


@pytest.mark.parametrize("at", ["127.0.0.1", "unix"])
def test_gunicorn_takes_its_own_header_for_the_prefix(stack: Stack, at: str) -> None:
    """SCRIPT_NAME, from a local proxy that passes names with underscores on."""
    mended = with_options(GUNICORN, "--forwarder-headers ''")
    line, target = "SCRIPT_NAME: /evil", "/evil/"
    wrong, right = (
        ask(
            stack.app({}, at=at, server=server).endpoint,
            line,
            target=target,
            source="127.0.0.1",
        )
        for server in (GUNICORN, mended)
    )
    assert wrong.believed["external"] == "http://www.example.com/evil/d/"
    assert right.status == 404


GUNICORN_PROXY_PROTOCOL = with_options(GUNICORN, "--proxy-protocol auto")
ANNOUNCED = {"TRUST_PROXY": "198.51.100.7, 2001:db8::7"}


@dataclass(frozen=True)
class Announced:
    """An endpoint behind a proxy that speaks the PROXY protocol."""

    at: Endpoint
    line: str

    def connect(self, source: str, name: object) -> Any:
        sock = self.at.connect(source, None)
        sock.sendall(f"{self.line}\r\n".encode())
        return sock


@pytest.mark.parametrize("at", ["127.0.0.1", "unix"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "PROXY TCP4 198.51.100.7 192.0.2.1 4321 80",
            (HONEST, [HONEST], "https"),
            id="a trusted address",
        ),
        pytest.param(
            "PROXY TCP6 2001:DB8:0::7 2001:db8::1 4321 80",
            (HONEST, [HONEST], "https"),
            id="a trusted address in upper case",
        ),
        pytest.param(
            "PROXY TCP6 ::ffff:198.51.100.7 2001:db8::1 4321 80",
            (HONEST, [HONEST], "https"),
            id="a trusted IPv4 address in IPv6",
        ),
        pytest.param(
            "PROXY TCP4 198.51.100.8 192.0.2.1 4321 80",
            ("198.51.100.8", [], "http"),
            id="a client",
        ),
        pytest.param(
            "PROXY TCP6 2001:DB8::8 2001:db8::1 4321 80",
            ("2001:db8::8", [], "http"),
            id="a client in upper case",
        ),
        pytest.param("PROXY UNKNOWN", 400, id="nobody"),
    ],
)
def test_gunicorns_peer_is_whom_the_proxy_protocol_names(
    stack: Stack, at: str, line: str, expected: Outcome
) -> None:
    app = stack.app(ANNOUNCED, at=at, server=GUNICORN_PROXY_PROTOCOL)
    # From 127.0.0.1 and from a socket, gunicorn itself believes these about the scheme.
    lines = (f"X-Forwarded-For: {HONEST}", HTTPS, "X-Forwarded-Ssl: on")
    answer = ask(Announced(app.endpoint, line), *lines, source="127.0.0.1")
    assert outcome(answer) == expected


def test_gunicorn_refuses_the_proxy_protocol_of_strangers(stack: Stack) -> None:
    app = stack.app(ANNOUNCED, server=GUNICORN_PROXY_PROTOCOL)
    line = "PROXY TCP4 198.51.100.7 192.0.2.1 4321 80"
    assert ask(Announced(app.endpoint, line), source=CLIENT).status == 403


@pytest.mark.parametrize(
    ("trust", "front", "expected"),
    [
        pytest.param("1", "http", (EVIL, [EVIL], "https"), id="a count is believed too far"),
        pytest.param("loopback", "http", (EVIL, [EVIL], "https"), id="so is a local client"),
        pytest.param("192.0.2.10", "http", (CLIENT, [], "http"), id="an outer proxy's address"),
        pytest.param("false", "http", (CLIENT, [], "http"), id="nobody"),
        pytest.param("false", "unix", (None, [], "http"), id="nobody, nginx on a unix socket"),
        pytest.param(
            "loopback", "unix", (EVIL, [EVIL], "https"), id="an outer proxy on a unix socket"
        ),
    ],
)
def test_behind_uwsgi_pass_nginx_is_no_hop(
    stack: Stack, trust: str, front: str, expected: Outcome
) -> None:
    documented = (DEPLOY / "nginx" / "uwsgi.conf").read_text()
    documented = documented.replace(
        "listen 80;", "listen 80;\n    listen unix:/run/nginx/www.sock;"
    )
    app = stack.app({"TRUST_PROXY": trust}, at="unix", server=UWSGI_SOCKET)
    proxy = stack.proxy(NGINX_DEBIAN, documented, app.endpoint)
    answer = ask(getattr(proxy, front), f"X-Forwarded-For: {EVIL}", HTTPS)
    assert outcome(answer) == expected


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        pytest.param("1", (EVIL, [EVIL], "https"), id="a count is believed too far"),
        pytest.param("192.0.2.10", (CLIENT, [], "http"), id="an outer proxy's address"),
        pytest.param("false", (CLIENT, [], "http"), id="nobody"),
    ],
)
def test_behind_mod_wsgi_apache_is_no_hop(stack: Stack, trust: str, expected: Outcome) -> None:
    app = stack.app({"TRUST_PROXY": trust}, server=MOD_WSGI)
    assert outcome(ask(app.endpoint, f"X-Forwarded-For: {EVIL}", HTTPS)) == expected


def test_uwsgi_drops_long_requests_by_default(stack: Stack) -> None:
    """Its buffer holds 4 KiB where nobody says more."""
    line = f"X-Forwarded-For: {EVIL}{' ' * 4_000}, {HONEST}"
    small = without(UWSGI, "uwsgi.txt", "--buffer-size 65535")
    with pytest.raises(ConnectionError):
        ask(stack.app({"TRUST_PROXY": PROXY}, server=small).endpoint, line, source=PROXY)
    large = stack.app({"TRUST_PROXY": PROXY}, server=UWSGI)
    assert outcome(ask(large.endpoint, line, source=PROXY)) == (HONEST, [HONEST], "http")


def test_bjoern_glues_two_lines_into_an_address_that_nobody_has(stack: Stack) -> None:
    """Behind a proxy that adds a line of its own, as HAProxy does."""
    app = stack.app({"TRUST_PROXY": PROXY}, server=BJOERN)
    client, proxy = "X-Forwarded-For: 2001:db8:bad:", "X-Forwarded-For: 2001:db8::7"
    glued = "2001:db8:bad:2001:db8::7"
    assert outcome(ask(app.endpoint, client, proxy, source=PROXY)) == (glued, [glued], "http")


def test_bjoern_gives_an_address_to_a_peer_that_has_none(stack: Stack) -> None:
    """Over a unix socket it names memory that nobody wrote: it could be any address."""

    def command(program: str, at: Endpoint) -> list[str]:
        assert isinstance(at, Unix)
        text = f'import bjoern, app; bjoern.run(app.app, "unix:{at.path}")'
        return ["env", f"PYTHONPATH={HERE}", program, "-c", text]

    server = replace(BJOERN, command=command)
    app = stack.app({"TRUST_PROXY": "false"}, at="unix", server=server)
    believed = ask(app.endpoint).believed
    named = believed["original"].get("REMOTE_ADDR", believed["remote_addr"])
    assert IPv4Address(named)


FORWARDED = {
    "Host": "www.example.com",
    # The gateway appended to what the client had sent.
    "X-Forwarded-For": f"{EVIL}, {HONEST}",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
}


def first_format(context: dict[str, Any]) -> dict[str, Any]:
    """An event of a REST API or, with `elb`, of a load balancer."""
    return {
        "httpMethod": "GET",
        "path": "/",
        "queryStringParameters": {},
        "headers": FORWARDED,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": context,
    }


REST_API = first_format({"identity": {"sourceIp": HONEST}})
LOAD_BALANCER = first_format({"elb": {}})
HTTP_API = {
    "version": "2.0",
    "rawPath": "/",
    "rawQueryString": "",
    "headers": {name.lower(): value for name, value in FORWARDED.items()},
    "isBase64Encoded": False,
    "requestContext": {
        "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": HONEST}
    },
}


def by_apig_wsgi(app: Flask, event: dict[str, Any]) -> Any:
    return apig_wsgi.make_lambda_handler(app)(event, None)


def by_serverless_wsgi(app: Flask, event: dict[str, Any]) -> Any:
    return serverless_wsgi.handle_request(app, event, None)


@pytest.mark.parametrize(
    ("adapter", "event", "by_address", "by_count"),
    [
        pytest.param(
            by_apig_wsgi,
            REST_API,
            (EVIL, [], "https"),
            (HONEST, [HONEST], "https"),
            id="apig-wsgi takes the leftmost entry of a REST API",
        ),
        pytest.param(
            by_apig_wsgi,
            LOAD_BALANCER,
            (EVIL, [], "https"),
            (HONEST, [HONEST], "https"),
            id="apig-wsgi takes the leftmost entry of a load balancer",
        ),
        pytest.param(
            by_apig_wsgi,
            HTTP_API,
            (HONEST, [], "https"),
            (HONEST, [HONEST], "https"),
            id="apig-wsgi knows the client of an HTTP API",
        ),
        pytest.param(
            by_serverless_wsgi,
            REST_API,
            (HONEST, [], "https"),
            (HONEST, [HONEST], "https"),
            id="serverless-wsgi knows the client of a REST API",
        ),
        pytest.param(
            by_serverless_wsgi,
            LOAD_BALANCER,
            (HONEST, [HONEST], "https"),
            (HONEST, [HONEST], "https"),
            id="serverless-wsgi has no address for a load balancer",
        ),
        pytest.param(
            by_serverless_wsgi,
            HTTP_API,
            (HONEST, [], "https"),
            (HONEST, [HONEST], "https"),
            id="serverless-wsgi knows the client of an HTTP API",
        ),
    ],
)
def test_an_adapter_for_lambda(
    adapter: Callable[[Flask, dict[str, Any]], Any],
    event: dict[str, Any],
    by_address: Outcome,
    by_count: Outcome,
) -> None:
    """The gateway is the only hop: a count of 1 is right, whatever the adapter says."""
    app = Flask(__name__)
    TrustProxy(app)

    @app.get("/")
    def believed() -> list[Any]:
        return [request.client_ip, request.client_ips, request.scheme]

    got = []
    for trust in ("loopback", 1):
        app.config["TRUST_PROXY"] = trust
        got.append(tuple(json.loads(adapter(app, event)["body"])))
    assert got == [by_address, by_count]
