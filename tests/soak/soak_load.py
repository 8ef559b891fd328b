"""What soak.py asks, and what of it arrives behind nginx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from soak_app import OUTER, PROXY

from integration.client import HOST, Tcp

#: How many addresses were made.
numbers = count()


def address() -> str:
    """Make an address that was never seen before, 300 million times; every other one IPv6."""
    number = next(numbers)
    if number % 2:
        return f"2001:db8:{256 + (number >> 16):x}::{number & 0xFFFF:x}"
    return f"{203 + (number >> 24)}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _addresses(size: int) -> Iterator[str]:
    while size > 0:
        text = address()
        size -= len(text) + 2
        yield text


def _garbage(random: Random) -> str:
    # No control characters, which nginx or gunicorn would refuse.
    printable = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA1, 0x100))]
    return f"!{''.join(random.choices(printable, k=random.randrange(200)))}!"


def _forwarded(random: Random) -> str:
    elements = [
        f"for={address().join(('[', ']'))};proto=https;host=evil.example.com",
        f'for="[{address()}]:4711";proto=https;host=evil.example.com',
        'for=unknown;by="unclosed',
        "for=_hidden;for=192.0.2.1",
        _garbage(random),
    ]
    return ", ".join(random.choices(elements, k=random.randrange(1, 6)))


#: By kind, what a client sends of itself.
KINDS: dict[str, Callable[[Random], dict[str, str]]] = {
    "honest": lambda random: {},
    "forged list": lambda random: {"X-Forwarded-For": ", ".join(_addresses(100))},
    "forged list of 64 KB": lambda random: {"X-Forwarded-For": ", ".join(_addresses(65_000))},
    "trusted addresses forged": lambda random: {
        "X-Forwarded-For": ", ".join(random.choices((PROXY, OUTER, address()), k=30))
    },
    "garbage": lambda random: {
        name: _garbage(random)
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP")
    },
    "Forwarded": lambda random: {"Forwarded": _forwarded(random)},
    "scheme and host forged": lambda random: {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Host": "evil.example.com, evil.example.com:8443",
        "X-Forwarded-Port": "8443",
        "X-Forwarded-Prefix": "/evil",
        "X-Real-IP": address(),
    },
    "a proxy that wrote no address": lambda random: {},
}
_WEIGHTS = (30, 12, 6, 10, 10, 10, 15, 7)

#: By path, how often it is asked for, and with which status it is answered.
PATHS = {"/": 200, "/slow": 200, "/raise": 500}
_OFTEN = (18, 1, 1)


@dataclass(frozen=True)
class Way:
    """A connection: where it goes, from which address, and whether past nginx."""

    at: Tcp
    source: str
    past: bool = False


@dataclass(frozen=True)
class Asked:
    """A request: what is sent, and who really asks by which scheme."""

    kind: str
    path: str
    headers: dict[str, str]
    client: str
    scheme: str


def make_request(random: Random, way: Way) -> Asked:
    """Make the next request of a connection."""
    (kind,) = random.choices(tuple(KINDS), _WEIGHTS)
    (path,) = random.choices(tuple(PATHS), _OFTEN)
    headers = KINDS[kind](random)
    if way.source != OUTER:
        return Asked(kind, path, headers, way.source, "http")
    # The proxy in front appends its client, and overwrites the scheme.
    client, scheme = address(), random.choice(("http", "https"))
    wrote = client if kind != "a proxy that wrote no address" else "unknown"
    sent = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{sent}, {wrote}" if sent else wrote
    headers["X-Forwarded-Proto"] = scheme
    return Asked(kind, path, headers, client if wrote == client else OUTER, scheme)


def arrived(asked: Asked, way: Way, app: Tcp) -> dict[str, Any]:
    """The environ that gunicorn makes of it, behind what nginx writes."""
    headers, peer = dict(asked.headers), way.source
    if not way.past:
        sent = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{sent}, {peer}" if sent else peer
        if way.source != OUTER:
            headers["X-Forwarded-Proto"] = "http"
        peer = PROXY
    keys = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()}
    return {
        **keys,
        "HTTP_HOST": HOST,
        "PATH_INFO": asked.path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": peer,
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "SERVER_NAME": app.host,
        "SERVER_PORT": str(app.port),
        "wsgi.url_scheme": "http",
    }
