"""On every WSGI server the peer and the scheme are right, and nothing that is forged counts."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPResponse
from typing import Any, Optional

import pytest

from .client import CLIENT, HOST, Endpoint, Tcp, ask
from .process import Process
from .stack import Stack
from .wsgi_servers import (
    BJOERN,
    DUAL,
    EXAMPLES,
    FLASK_RUN,
    GRANIAN,
    GUNICORN,
    HYPERCORN,
    SERVERS,
    UVICORN,
    WsgiServer,
    over_tls,
    with_options,
)

ROOT = EXAMPLES.parents[1]
PROXY = "127.0.0.2"
PLACES = {
    "127.0.0.1": "over IPv4",
    "::1": "over IPv6",
    DUAL: "over a dual-stack socket",
    "unix": "over a unix socket",
}
HONEST = "203.0.113.9"
EVIL = "198.51.100.66"


@dataclass(frozen=True)
class Speaker:
    """Who speaks to a server: `peer` is its address, None for a socket's; `named` is what
    the server calls it, None where the server says nothing."""

    at: Endpoint
    source: str
    peer: Optional[str]
    named: Optional[str]
    process: Process


def speaker(stack: Stack, server: WsgiServer, at: str, *, trusted: bool) -> Speaker:
    """A proxy that the application trusts, or somebody whom it does not trust."""
    trust = PROXY
    # Nobody has two addresses there: an application of its own knows one as the other.
    if at == "::1" and trusted:
        trust = "::1"
    elif at == "unix" and trusted:
        trust = "loopback" if server.unix is not None else "unix"
    elif at == "unix" and server.unix is None:
        trust = "loopback"
    app = stack.app({"TRUST_PROXY": trust}, at=at, server=server)
    if at == "unix":
        return Speaker(app.endpoint, "", None, server.unix, app.process)
    if at == "::1":
        return Speaker(app.endpoint, "", "::1", "::1", app.process)
    assert isinstance(app.endpoint, Tcp)
    source = PROXY if trusted else CLIENT
    named = source if at != DUAL else server.mapped.replace(PROXY, source)
    return Speaker(Tcp("127.0.0.1", app.endpoint.port), source, source, named, app.process)


def truth(
    client: Optional[str], ips: Sequence[str] = (), scheme: str = "http", **headers: str
) -> dict[str, Any]:
    """What the application says of a request."""
    return {
        "client_ip": client,
        "client_ips": list(ips),
        "remote_addr": client or "",
        "access_route": list(ips) or [client or ""],
        "scheme": scheme,
        "is_secure": scheme == "https",
        "host": HOST,
        "url": f"{scheme}://{HOST}/",
        "external": f"{scheme}://{HOST}/d/",
        "headers": {"HTTP_HOST": HOST, **headers},
    }


def sentence(value: object) -> Optional[str]:
    """What a parameter is called in the id of a test."""
    return value.name if isinstance(value, WsgiServer) else PLACES.get(str(value))


everywhere = pytest.mark.parametrize(
    ("server", "at"),
    [(server, at) for server in SERVERS for at in server.places],
    ids=sentence,
)
every_server = pytest.mark.parametrize("server", SERVERS, ids=sentence)


# What a trusted proxy says, and what is believed of it: the client, None for the proxy
# itself, and the scheme.
BELIEVED = [
    pytest.param([], None, None, id="the proxy says nothing"),
    pytest.param([f"X-Forwarded-For: {HONEST}"], HONEST, None, id="it names the client"),
    pytest.param(["X-Forwarded-Proto: https"], None, "https", id="it names the scheme"),
    pytest.param(["X-Forwarded-Proto: http"], None, "http", id="the scheme is http"),
    pytest.param(
        [f"X-Forwarded-For: {HONEST}", "X-Forwarded-Proto: HTTPS"],
        HONEST,
        "https",
        id="it names both",
    ),
    pytest.param(
        ["X-Forwarded-For: [2001:DB8:0::7]:443", "X-Forwarded-Proto: wss"],
        "2001:db8::7",
        "https",
        id="an IPv6 client with a port, over WebSocket",
    ),
    pytest.param(
        [f"X-Forwarded-For: {EVIL}, {HONEST}", "X-Forwarded-Proto: http, https"],
        HONEST,
        "https",
        id="it appends to what the client forged",
    ),
    pytest.param(
        ["X-Forwarded-Proto: https, http"], None, "http", id="the client forged the scheme"
    ),
    pytest.param(["X-Forwarded-Proto: gopher"], None, None, id="no scheme of HTTP"),
    pytest.param(["X-Forwarded-Proto:"], None, None, id="an empty scheme"),
    pytest.param(["X-Forwarded-Protocol: ssl"], None, None, id="X-Forwarded-Protocol passes"),
    pytest.param(["X-Forwarded-Ssl: on"], None, None, id="X-Forwarded-Ssl passes"),
    pytest.param(["Front-End-Https: on"], None, None, id="Front-End-Https passes"),
    pytest.param(["X-Forwarded-Scheme: https"], None, None, id="X-Forwarded-Scheme passes"),
    pytest.param(["HTTPS: on", "Url-Scheme: https"], None, None, id="headers like variables"),
]


@pytest.mark.parametrize(("lines", "client", "scheme"), BELIEVED)
@everywhere
def test_a_trusted_proxy_is_believed(
    stack: Stack,
    server: WsgiServer,
    at: str,
    lines: list[str],
    client: Optional[str],
    scheme: Optional[str],
) -> None:
    proxy = speaker(stack, server, at, trusted=True)
    believed = ask(proxy.at, *lines, source=proxy.source).believed
    original = believed.pop("original")
    for key in ("HTTP_HTTPS", "HTTP_URL_SCHEME"):
        believed["headers"].pop(key, None)
    headers = {}
    if client is not None:
        headers["HTTP_X_FORWARDED_FOR"] = client
    if scheme is not None:
        headers["HTTP_X_FORWARDED_PROTO"] = scheme
    ips = [client] if client is not None else []
    assert believed == truth(client or proxy.peer, ips, scheme or "http", **headers)
    # Where REMOTE_ADDR was not changed, it was right already.
    assert original.get("REMOTE_ADDR", believed["remote_addr"]) == proxy.named


FORGED = [
    pytest.param([f"X-Forwarded-For: {EVIL}"], id="a client"),
    pytest.param([f"X-Forwarded-For: {EVIL}", f"X-Forwarded-For: {PROXY}"], id="two clients"),
    pytest.param(["X-Forwarded-For: unix:"], id="a unix socket"),
    pytest.param([f"X-Real-IP: {EVIL}", f"CF-Connecting-IP: {EVIL}"], id="other headers"),
    pytest.param([f"Forwarded: for={EVIL};proto=https;host=evil.example"], id="Forwarded"),
    pytest.param(["X-Forwarded-Proto: https"], id="https"),
    pytest.param(["X-Forwarded-Proto: HTTPS"], id="HTTPS"),
    pytest.param(["X-Forwarded-Proto: https, https"], id="https twice"),
    pytest.param(["X-Forwarded-Proto: gopher"], id="gopher"),
    pytest.param(["X-Forwarded-Proto: wss"], id="wss"),
    pytest.param(["X-Forwarded-Protocol: ssl"], id="X-Forwarded-Protocol: ssl"),
    pytest.param(["X-Forwarded-Ssl: on"], id="X-Forwarded-Ssl: on"),
    pytest.param(
        ["Front-End-Https: on", "X-Scheme: https", "X-Url-Scheme: https"],
        id="other names for the scheme",
    ),
    pytest.param(
        [
            "X-Forwarded-Host: evil.example",
            "X-Forwarded-Port: 666",
            "X-Forwarded-Prefix: /evil",
        ],
        id="host, port and prefix",
    ),
]


@pytest.mark.parametrize("lines", FORGED)
@everywhere
def test_what_a_stranger_forges_has_no_effect(
    stack: Stack, server: WsgiServer, at: str, lines: list[str]
) -> None:
    stranger = speaker(stack, server, at, trusted=False)
    believed = ask(stranger.at, *lines, source=stranger.source).believed
    original = believed.pop("original")
    assert believed == truth(stranger.peer)
    assert original.get("REMOTE_ADDR", believed["remote_addr"]) == stranger.named


@everywhere
def test_the_second_of_two_lines_is_the_proxys(
    stack: Stack, server: WsgiServer, at: str
) -> None:
    """As HAProxy writes them: its own line behind the client's."""
    proxy = speaker(stack, server, at, trusted=True)
    lines = [f"X-Forwarded-For: {EVIL}", f"X-Forwarded-For: {HONEST}"]
    believed = ask(proxy.at, *lines, source=proxy.source).believed
    joined = HONEST if server.joint is None else f"{EVIL}{server.joint}{HONEST}"
    original = believed["original"].get("HTTP_X_FORWARDED_FOR", HONEST)
    assert original == joined
    # bjoern makes no list of them, but one piece of text.
    assert believed["client_ip"] == (HONEST if server is not BJOERN else PROXY)


@every_server
def test_the_underscore_twin_of_a_header(stack: Stack, server: WsgiServer) -> None:
    """What X_Forwarded_For does that a client sent and its proxy passed on."""
    proxy = speaker(stack, server, "127.0.0.1", trusted=True)
    lines = [f"X-Forwarded-For: {HONEST}", f"X_Forwarded_For: {EVIL}"]
    believed = ask(proxy.at, *lines, source=proxy.source).believed
    seen = believed["original"].get("HTTP_X_FORWARDED_FOR", believed["client_ip"])
    assert (
        seen
        == {
            "is dropped": HONEST,
            "is appended": f"{HONEST}{server.joint}{EVIL}",
            "wins": EVIL,
        }[server.twin]
    )


def of_length(length: int) -> str:
    """A list of this length, the last entry the proxy's."""
    return f"{f'{EVIL},' * length}"[: length - len(HONEST) - 1] + f",{HONEST}"


@every_server
def test_a_value_may_be_as_long_as_the_server_takes(stack: Stack, server: WsgiServer) -> None:
    proxy = speaker(stack, server, "127.0.0.1", trusted=True)
    fits, too_long, status = server.sizes
    line = f"X-Forwarded-For: {of_length(fits)}"
    assert ask(proxy.at, line, source=proxy.source).believed["client_ip"] == HONEST
    if not too_long:
        return
    line = f"X-Forwarded-For: {of_length(too_long)}"
    if status:
        assert ask(proxy.at, line, source=proxy.source).status == status
    else:
        with pytest.raises(ConnectionError):
            ask(proxy.at, line, source=proxy.source)
    assert ask(proxy.at, source=proxy.source).believed["client_ip"] == PROXY


# Requests on one connection, and what is believed of each.
KEPT = [
    ([f"X-Forwarded-For: {EVIL}, {HONEST}", "X-Forwarded-Proto: https"], (HONEST, "https")),
    ([], (PROXY, "http")),
    (["X-Forwarded-For: 2001:db8::7"], ("2001:db8::7", "http")),
    (["X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"], (PROXY, "https")),
    (["X-Forwarded-Proto: http"], (PROXY, "http")),
]


@pytest.mark.parametrize(
    "server", [server for server in SERVERS if server.keeps_alive], ids=sentence
)
def test_nothing_leaks_between_requests_of_one_connection(
    stack: Stack, server: WsgiServer
) -> None:
    proxy = speaker(stack, server, "127.0.0.1", trusted=True)
    with closing(proxy.at.connect(PROXY, None)) as sock:
        for lines, expected in KEPT:
            head = ["GET / HTTP/1.1", f"Host: {HOST}", *lines, "", ""]
            sock.sendall("\r\n".join(head).encode())
            response = HTTPResponse(sock)
            response.begin()
            believed = json.loads(response.read())
            assert (believed["client_ip"], believed["scheme"]) == expected
            assert believed["host"] == HOST


@pytest.mark.parametrize(
    "server", [server for server in SERVERS if not server.keeps_alive], ids=sentence
)
def test_the_others_end_the_connection(stack: Stack, server: WsgiServer) -> None:
    proxy = speaker(stack, server, "127.0.0.1", trusted=True)
    with closing(proxy.at.connect(PROXY, None)) as sock:
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        response = HTTPResponse(sock)
        response.begin()
        response.read()
        assert sock.recv(1) == b""


def logged(process: Process, target: str) -> list[str]:
    """The lines of the access log about a target: hypercorn may write more than one."""
    end = time.monotonic() + 5
    while f" {target} " not in process.output and time.monotonic() < end:
        time.sleep(0.02)
    return [line for line in process.output.splitlines() if f" {target} " in line]


@pytest.mark.parametrize(
    ("server", "at"),
    [(server, at) for server in SERVERS if server.log for at in server.places],
    ids=sentence,
)
def test_the_access_log_shows(stack: Stack, server: WsgiServer, at: str) -> None:
    proxy = speaker(stack, server, at, trusted=True)
    ask(proxy.at, f"X-Forwarded-For: {HONEST}", target="/seen", source=proxy.source)
    lines = logged(proxy.process, "/seen")
    assert lines
    for line in lines:
        if server.log == "client":
            assert line.startswith(f"{HONEST} ")
        else:
            assert HONEST not in line
            assert proxy.peer is None or proxy.peer in line


@pytest.mark.parametrize(
    "server", [server for server in SERVERS if "unix" in server.places], ids=sentence
)
def test_a_peer_without_an_address_is_survived(stack: Stack, server: WsgiServer) -> None:
    """REMOTE_ADDR is '' then, whoever reads it after the application."""
    nobody = speaker(stack, server, "unix", trusted=False)
    assert ask(nobody.at, target="/nobody").status == 404
    assert not server.log or logged(nobody.process, "/nobody")
    assert ask(nobody.at).believed["remote_addr"] == ""


PAIR = "--certfile {pem} --keyfile {pem}"
TLS = [
    (with_options(GUNICORN, "--worker-class sync"), PAIR),
    (with_options(GUNICORN, "--worker-class gthread"), PAIR),
    (with_options(GUNICORN, "--worker-class gevent"), PAIR),
    (HYPERCORN, PAIR),
    (UVICORN, "--ssl-certfile {pem} --ssl-keyfile {pem}"),
    (GRANIAN, "--ssl-certificate {pem} --ssl-keyfile {pem}"),
    (FLASK_RUN, "--cert {pem} --key {pem}"),
]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="a client says nothing"),
        pytest.param(["X-Forwarded-Proto: http"], id="a client says http"),
        pytest.param(["X-Forwarded-Ssl: off"], id="a client says off"),
        pytest.param(["X-Forwarded-Protocol: gopher"], id="a client says gopher"),
    ],
)
@pytest.mark.parametrize(("server", "options"), TLS, ids=[server.name for server, _ in TLS])
def test_a_server_that_speaks_tls_itself(
    stack: Stack, server: WsgiServer, options: str, lines: list[str]
) -> None:
    server = over_tls(server, options.format(pem=stack.pem))
    app = stack.app({"TRUST_PROXY": PROXY}, server=server)
    believed = ask(replace(app.endpoint, tls=True), *lines).believed
    del believed["original"]
    assert believed == truth(CLIENT, scheme="https")


LINES = {",": "are joined", ", ": "are joined", None: "the last wins", "": "are glued"}
LOGS = {"client": "the client", "peer": "the peer", "": "no log"}


def row(server: WsgiServer) -> list[str]:
    """What the documentation's table says of a server."""
    fits, too_long, status = server.sizes
    return [
        server.name,
        "missing" if server.unix is None else f"``{server.unix!r}``",
        LINES[server.joint],
        server.twin,
        LOGS[server.log],
        f"{fits:,}",
        str(status or "no answer") if too_long else "no limit",
    ]


def test_the_documentation_says_what_is_tested_here() -> None:
    page = (ROOT / "docs" / "servers.rst").read_text()
    _, _, table = page.partition(":header-rows: 1\n\n")
    table, _, _ = table.partition("\n\n")
    _, *rows = (line.strip().split("; ") for line in table.splitlines())
    servers = {server.name: row(server) for server in (GUNICORN, *SERVERS)}
    # They have no unix socket, or none that could be told.
    servers["bjoern"][1], servers["mod_wsgi"][1] = "see there", "none"
    for name in ("sync", "gthread", "gevent"):
        del servers[f"gunicorn --worker-class {name}"]
    assert rows == list(servers.values())


@pytest.mark.parametrize("file", sorted(path.name for path in EXAMPLES.iterdir()))
def test_the_documentation_shows_each_example(file: str) -> None:
    page = (ROOT / "docs" / "servers.rst").read_text()
    assert f".. literalinclude:: ../examples/servers/{file}\n" in page
