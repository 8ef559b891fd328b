"""What a client may send, and what the application behind a documented file believes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

from .client import CLIENT, HOST, Answer, Endpoint, Tcp, ask


@dataclass(frozen=True)
class Case:
    """One request, told in a sentence. In its lines, OTHER is the scheme that is not true."""

    sentence: str
    lines: tuple[str, ...] = ()
    host: Optional[str] = HOST
    version: str = "1.1"


EVIL = "6.6.6.6"
CASES = [
    Case("the client says nothing"),
    Case("a forged address", (f"X-Forwarded-For: {EVIL}",)),
    Case("a forged list that ends in the proxy", (f"X-Forwarded-For: {EVIL}, 127.0.0.1",)),
    Case("two forged lines", (f"X-Forwarded-For: {EVIL}", "X-Forwarded-For: 10.0.0.1")),
    Case("an empty list", ("X-Forwarded-For:",)),
    Case("a list of commas", ("X-Forwarded-For: , ,",)),
    Case("a trailing comma", (f"X-Forwarded-For: {EVIL},",)),
    Case("a list that ends in text", (f"X-Forwarded-For: {EVIL}, unknown",)),
    Case("a list that ends in a unix socket", (f"X-Forwarded-For: {EVIL}, unix:",)),
    Case("names in odd case", (f"x-fOrWaRdEd-fOr: {EVIL}", "x-fOrWaRdEd-pRoTo: OTHER")),
    Case("a forged scheme", ("X-Forwarded-Proto: OTHER",)),
    Case("two forged schemes", ("X-Forwarded-Proto: OTHER", "X-Forwarded-Proto: OTHER")),
    Case("a scheme of WebSocket", ("X-Forwarded-Proto: wss, ws",)),
    Case("an empty scheme", ("X-Forwarded-Proto:",)),
    Case(
        "other names for the scheme",
        ("X-Forwarded-Scheme: OTHER", "X-Scheme: OTHER", "Front-End-Https: on"),
    ),
    Case("a forged host", ("X-Forwarded-Host: evil.example", "X-Original-Host: evil.example")),
    Case("a forged port", ("X-Forwarded-Port: 666",)),
    Case("a forged prefix", ("X-Forwarded-Prefix: /evil",)),
    Case("the other standard", (f"Forwarded: for={EVIL};proto=OTHER;host=evil.example",)),
    Case("a quote left open", ('Forwarded: for="6.6.6.6',)),
    Case("headers of one address", (f"X-Real-IP: {EVIL}", f"CF-Connecting-IP: {EVIL}")),
    # The true names first: a proxy that writes in their place leaves the twins last.
    *(
        Case(
            f"twins as in {twin}",
            (
                "X-Forwarded-For: 10.0.0.1",
                "X-Forwarded-Proto: OTHER",
                f"{twin}For: {EVIL}",
                f"{twin}Proto: OTHER",
            ),
        )
        for twin in ("X_Forwarded_", "X-Forwarded_", "X_Forwarded-")
    ),
    Case(
        "a Connection header that names them",
        (
            "Connection: close, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host",
            f"X-Forwarded-For: {EVIL}",
            "X-Forwarded-Proto: OTHER",
        ),
    ),
    Case(
        "a Connection header that names them in odd case",
        ("Connection: x-FORWARDED-for,x-FORWARDED-proto,close",),
    ),
    Case("a Connection header that names Host", ("Connection: close, Host",)),
    Case(
        "a WebSocket upgrade",
        (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            f"X-Forwarded-For: {EVIL}",
            "X-Forwarded-Proto: OTHER",
        ),
    ),
    Case("HTTP/1.0", (f"X-Forwarded-For: {EVIL}",), version="1.0"),
    Case("no Host", ("X-Forwarded-Host: evil.example",), host=None, version="1.0"),
]


def asked(case: Case, at: Endpoint) -> Answer:
    """Send the case, with the scheme in it that is not the true one."""
    lines = [line.replace("OTHER", "http" if is_tls(at) else "https") for line in case.lines]
    return ask(at, *lines, host=case.host, version=case.version)


def truth(at: Endpoint, hops: Sequence[str] = (), host: str = HOST) -> dict[str, Any]:
    """What is true of every request that our client sends there, whatever it says.

    `hops` are the proxies between the client and the one that speaks to the application.
    """
    client = "::1" if isinstance(at, Tcp) and at.host == "::1" else CLIENT
    scheme = "https" if is_tls(at) else "http"
    return {
        "client_ip": client,
        "client_ips": [client, *hops],
        "remote_addr": client,
        "access_route": [client, *hops],
        "scheme": scheme,
        "is_secure": scheme == "https",
        "host": host,
        "url": f"{scheme}://{host}/",
        "external": f"{scheme}://{host}/d/",
    }


def is_tls(at: Endpoint) -> bool:
    return isinstance(at, Tcp) and at.tls
