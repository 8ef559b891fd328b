"""A raw HTTP client: it sends what no honest client would, from where it is told."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import Any, Optional, Union

# All of 127.0.0.0/8 is this machine: a client that is none of the proxies.
CLIENT = "127.0.0.77"
HOST = "www.example.com"
SECONDS = 10.0


@dataclass(frozen=True)
class Tcp:
    """A TCP address; with `tls`, one that is spoken to in TLS."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def connect(self, source: str, name: Optional[str]) -> socket.socket:
        """Connect from `source`; an IPv6 client has but one address, ::1.

        TLS asks for `name`, or, as clients without a Host line do, for none.
        """
        sender = None if ":" in self.host else (source, 0)
        plain = socket.create_connection((self.host, self.port), SECONDS, sender)
        if not self.tls:
            return plain
        # The certificate is made for the test: nobody vouches for it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname=name)


@dataclass(frozen=True)
class Unix:
    """A unix-domain socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"

    def connect(self, source: str, name: Optional[str]) -> socket.socket:
        """Connect; the client has no address."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(SECONDS)
        try:
            sock.connect(str(self.path))
        except OSError:
            sock.close()
            raise
        return sock


Endpoint = Union[Tcp, Unix]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def believed(self) -> dict[str, Any]:
        """What the application of these tests said that it believes."""
        assert self.status == 200, f"{self.status}: {self.body!r}"
        believed: dict[str, Any] = json.loads(self.body)
        return believed


def ask(
    endpoint: Endpoint,
    *lines: str,
    target: str = "/",
    host: Optional[str] = HOST,
    version: str = "1.1",
    source: str = CLIENT,
) -> Answer:
    """Send one GET with these header lines as they stand, in this order.

    Without `host` no Host line is sent. Raises `OSError` where nothing answers.
    """
    head = [f"GET {target} HTTP/{version}"]
    if host is not None:
        head.append(f"Host: {host}")
    if not any(line.lower().startswith("connection:") for line in lines):
        head.append("Connection: close")
    request = "\r\n".join([*head, *lines, "", ""]).encode("latin-1")
    with endpoint.connect(source, host) as sock, HTTPResponse(sock, method="GET") as response:
        # Who refuses a request before all of it was read answers, and resets the
        # connection: while this sends, before the answer is read, or within its body.
        with suppress(ConnectionError):
            sock.sendall(request)
        try:
            response.begin()
            body = b""
            with suppress(ConnectionResetError):
                body = response.read()
        except HTTPException as error:
            raise ConnectionError(f"no HTTP answer: {error!r}") from error
        return Answer(response.status, response.headers, body)
