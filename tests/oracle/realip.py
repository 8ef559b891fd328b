"""Asks a real nginx, whose realip module walks as we do, whom it takes for the client."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from integration.client import Tcp, Unix
from integration.process import Process, free_port
from integration.proxies import NGINX
from integration.stack import MAIN, found, replace, temporary

#: What nginx calls the far ends that a socket can have on every machine.
PEERS = ("127.0.0.1", "127.0.0.2", "127.255.255.254", "::ffff:127.0.0.1", "::1", "unix:")
MAPPED = "::ffff:"

ALL = """
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    large_client_header_buffers 4 1m;
    keepalive_requests 1000000;
    server_names_hash_max_size 65536;
"""
# The module is asked before a location is chosen, so each trust has a server.
ONE = """
    server {
        server_name @name@;
        listen 127.0.0.1:@port@;
        listen [::1]:@port@;
        listen [::ffff:127.0.0.1]:@mapped@@once@;
        listen unix:@folder@/nginx.sock;
        @sources@
        return 200 "$realip_remote_addr $remote_addr";
    }
"""


class Asked(NamedTuple):
    """A request as nginx sees one: from whom, the header's lines, and whom it trusts."""

    peer: str
    lines: tuple[str, ...]
    sources: tuple[str, ...]


def ask_nginx(asked: Iterable[Asked]) -> list[str]:
    """The address that nginx takes for the client's, for each request."""
    asked = list(asked)
    trusts = list(dict.fromkeys(request.sources for request in asked))
    names = {sources: f"trust{index}" for index, sources in enumerate(trusts)}
    with running_nginx(names) as connections:
        return [
            ask(connections[request.peer], names[request.sources], request) for request in asked
        ]


def ask(connection: HTTPConnection, name: str, request: Asked) -> str:
    connection.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", name)
    for line in request.lines:
        connection.putheader("X-Forwarded-For", line.encode("latin-1"))
    connection.endheaders()
    peer, _, client = connection.getresponse().read().decode().partition(" ")
    assert peer == request.peer
    return client


@contextmanager
def running_nginx(names: dict[tuple[str, ...], str]) -> Iterator[dict[str, HTTPConnection]]:
    """Run an nginx with a server of each name, which trusts these sources.

    Yields a connection from each peer.
    """
    binary = found(NGINX)
    with temporary() as folder:
        port, mapped = free_port(), free_port()
        values = {
            "@binary@": binary,
            "@folder@": str(folder),
            "@port@": str(port),
            "@mapped@": str(mapped),
            "@source@": "",
            "@once@": " ipv6only=off",
        }
        documented = ALL
        for sources, name in names.items():
            lines = "".join(f"set_real_ip_from {source};" for source in sources)
            documented += replace(ONE, {**values, "@name@": name, "@sources@": lines})
            values["@once@"] = ""
        main = (MAIN / NGINX.main).read_text()
        text = replace(main, {**values, "@documented@": documented})
        (folder / NGINX.main).write_text(text)
        connections: dict[str, HTTPConnection] = {}

        def connect() -> None:
            for peer in PEERS[len(connections) :]:
                connection = HTTPConnection("localhost")
                connection.sock = connected(peer, port, mapped, folder)
                connections[peer] = connection

        process = Process([replace(word, values) for word in NGINX.command.split()], folder)
        try:
            process.wait_until(connect)
            yield connections
        finally:
            for connection in connections.values():
                connection.close()
            process.stop()


def connected(peer: str, port: int, mapped: int, folder: Path) -> socket.socket:
    """A connection that nginx takes for one of this peer."""
    if peer == "unix:":
        return Unix(folder / "nginx.sock").connect("", None)
    if peer.startswith(MAPPED):
        return Tcp("127.0.0.1", mapped).connect(peer[len(MAPPED) :], None)
    return Tcp("::1" if peer == "::1" else "127.0.0.1", port).connect(peer, None)
