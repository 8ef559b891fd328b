"""Who is measured: a plain app, TrustProxy, and what else finds a client.

Each contender is made for the networks that it is to trust and answers a
request whose environ is a fresh copy. Only TrustProxy, ``forwarded``, uvicorn
and the list of :mod:`ipaddress` objects ask who wrote an entry; ProxyFix and
waitress count, and python-ipware guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from forwarded import client_from_forwarded, client_from_x_forwarded
from python_ipware import IpWare
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from waitress.proxy_headers import proxy_headers_middleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_trustproxy import TrustProxyMiddleware

#: Answers one request, given an environ or, for ASGI, a scope.
App = Callable[[dict[str, Any]], object]


def _start_response(*_: object) -> None:
    """Take a status and headers, and do nothing."""


def _served(app: Any) -> App:
    return lambda environ: app(environ, _start_response)


def plain(environ: dict[str, Any], start_response: object) -> tuple[()]:
    """The WSGI application of all: it does nothing."""
    return ()


async def plain_asgi(scope: object, receive: object, send: object) -> None:
    """The ASGI application: it does nothing."""


def floor(trust: Sequence[str], headers: str, hops: int) -> App:
    """Serve a request without asking anything."""
    return _served(plain)


def trustproxy(trust: Sequence[str], headers: str, hops: int) -> App:
    """Do all that TrustProxy does for a plain WSGI application."""
    return _served(
        TrustProxyMiddleware(plain, trust=list(trust), headers=headers, max_hops=10**6)
    )


def proxy_fix(trust: Sequence[str], headers: str, hops: int) -> App:
    """Count one hop, as most apps have it."""
    return _served(ProxyFix(plain, x_for=1, x_proto=1))


def waitress(trust: Sequence[str], headers: str, hops: int) -> App:
    """Count hops, whoever the peer is."""
    names = [name.strip().lower() for name in headers.split(",")]
    return _served(
        proxy_headers_middleware(
            plain,
            trusted_proxy="*",
            trusted_proxy_count=max(hops, 1),
            trusted_proxy_headers={name for name in names if name},
            clear_untrusted=True,
        )
    )


def forwarded(trust: Sequence[str], headers: str, hops: int) -> App:
    """Ask ``forwarded``, and write down what a middleware would."""
    networks = list(trust)

    def app(environ: dict[str, Any]) -> None:
        if headers == "Forwarded":
            client = client_from_forwarded(
                environ.get("HTTP_FORWARDED"), environ["REMOTE_ADDR"], trusted=networks
            )
        else:
            client = client_from_x_forwarded(
                environ.get("HTTP_X_FORWARDED_FOR"),
                environ["REMOTE_ADDR"],
                proto=environ.get("HTTP_X_FORWARDED_PROTO"),
                trusted=networks,
            )
        if client is not None:
            environ["REMOTE_ADDR"] = str(client.node)
            environ["wsgi.url_scheme"] = client.proto or "http"

    return app


def ipware(trust: Sequence[str], headers: str, hops: int) -> App:
    """Ask python-ipware, which reads every header that it knows."""
    ware = IpWare()

    def app(environ: dict[str, Any]) -> None:
        address, _ = ware.get_client_ip(environ)
        environ["REMOTE_ADDR"] = str(address or "")

    return app


def ipaddress_list(trust: Sequence[str], headers: str, hops: int) -> App:
    """Walk from the right with a list of :mod:`ipaddress` networks."""
    networks = [ip_network(text) for text in trust]

    def trusted(text: str) -> bool:
        address = ip_address(text)
        return any(address in network for network in networks)

    def app(environ: dict[str, Any]) -> None:
        client = environ["REMOTE_ADDR"]
        if not trusted(client):
            return
        for entry in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            try:
                client = str(ip_address(entry.strip()))
                if not trusted(client):
                    break
            except ValueError:
                break
        environ["REMOTE_ADDR"] = client
        environ["wsgi.url_scheme"] = environ.get("HTTP_X_FORWARDED_PROTO", "http")

    return app


def floor_asgi(trust: Sequence[str], headers: str, hops: int) -> App:
    """Serve an ASGI request without asking anything."""
    return _run(plain_asgi)


def uvicorn(trust: Sequence[str], headers: str, hops: int) -> App:
    """Ask uvicorn's middleware, which is ASGI's and has a floor of its own."""
    return _run(ProxyHeadersMiddleware(plain_asgi, trusted_hosts=list(trust)))


def _run(app: Any) -> App:
    def run(scope: dict[str, Any]) -> None:
        coroutine = app(scope, None, None)
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise RuntimeError("it waits, though there is nothing to wait for")

    return run


def scope_of(environ: dict[str, Any]) -> dict[str, Any]:
    """What an ASGI server makes of the request that has this environ."""
    names = [key for key in environ if key.startswith("HTTP_")]
    return {
        "type": "http",
        "scheme": environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"],
        "client": (environ["REMOTE_ADDR"], 4711),
        "headers": [
            (name[5:].lower().replace("_", "-").encode(), environ[name].encode())
            for name in names
        ],
    }


class Contender(NamedTuple):
    """One that is measured.

    :param name: as the table has it.
    :param make: makes its app for networks, headers and a number of hops.
    :param floor: the one whose cost is no cost of its own.
    :param prepare: makes what it is given of an environ.
    :param most_networks: more take minutes.
    :param reads_forwarded: whether it reads RFC 7239's header at all.
    """

    name: str
    make: Callable[[Sequence[str], str, int], App]
    floor: str = "floor"
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict
    most_networks: int = 10**9
    reads_forwarded: bool = True


OURS = "TrustProxy"
FIX = "ProxyFix"

CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("floor", floor),
        Contender("ASGI floor", floor_asgi, prepare=scope_of),
        Contender(OURS, trustproxy),
        Contender(FIX, proxy_fix, reads_forwarded=False),
        Contender("waitress", waitress),
        Contender("ipaddress list", ipaddress_list, most_networks=1000, reads_forwarded=False),
        Contender("forwarded", forwarded, most_networks=100),
        Contender("python-ipware", ipware),
        Contender(
            "uvicorn",
            uvicorn,
            "ASGI floor",
            scope_of,
            most_networks=1000,
            reads_forwarded=False,
        ),
    )
}
