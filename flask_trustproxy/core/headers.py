"""The table of forwarding headers, and what each of their values may be.

Here lives what a header says, what it is called in the environ and how one of
its values becomes canonical text. Nothing here knows whom to believe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal, Optional, cast

from .addresses import parse_address

Says = Literal["client list", "forwarded", "client", "scheme", "host", "port", "prefix"]


_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_ON_OFF = {"on": "https", "off": "http"}
_WRITTEN_ON_OFF = {scheme: word for word, scheme in _ON_OFF.items()}


def parse_scheme(text: str) -> Optional[str]:
    """Read ``http`` or ``https``, any case; ``ws`` and ``wss`` are theirs."""
    return _SCHEMES.get(text.lower())


def parse_on_off(text: str) -> Optional[str]:
    """Read ``on`` or ``off`` of TLS, any case, as a scheme."""
    return _ON_OFF.get(text.lower())


#: The port that a URL of each scheme leaves out.
DEFAULT_PORTS = {"http": "80", "https": "443"}

# RFC 3986 section 3.2.2 with RFC 1123 section 2.1 for the labels
_split_host = re.compile(
    r"(?P<name>[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*|\[(?P<ipv6>[0-9a-f:.]{2,45})\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
).fullmatch
_is_port = re.compile(r"[1-9][0-9]{0,4}").fullmatch
_is_prefix = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?").fullmatch


def parse_host(text: str) -> Optional[str]:
    """Read a host that Flask can build a URL from, with an optional port.

    :returns: the host in lower case, an IPv6 address canonical and in brackets;
        ``None`` where the text is anything else.
    """
    # The Kelvin sign, which is not ASCII, is a k in lower case.
    match = _split_host(text.lower()) if text.isascii() else None
    if match is None:
        return None
    name, ipv6, port = match.groups()
    if port and int(port) > 65535:
        return None
    if ipv6:
        address = parse_address(ipv6) if ":" in ipv6 else None
        if address is None:
            return None
        name = f"[{address}]" if ":" in address else address
    elif not _is_name(name):
        return None
    return join_host(name, port)


def _is_name(name: str) -> bool:
    if len(name) > 253 or ("xn--" in name and not all(map(_is_label, name.split(".")))):
        return False
    # A last label of digits makes it an IPv4 address (URL Standard, "ends in a number").
    return not name.rpartition(".")[2].isdigit() or parse_address(name) is not None


def _is_label(label: str) -> bool:
    if label.startswith("xn--"):
        try:
            label.encode("ascii").decode("idna")
        except UnicodeError:
            return False
    return True


def join_host(name: str, port: Optional[str]) -> str:
    """Write a host and its port, if it has one."""
    return f"{name}:{port}" if port else name


def parse_port(text: str) -> Optional[str]:
    """Read a port from 1 to 65535."""
    return text if _is_port(text) and int(text) <= 65535 else None


def parse_prefix(text: str) -> Optional[str]:
    """Read a path prefix of at most 255 characters; ``/`` means none.

    :returns: the prefix without a trailing slash, ``/`` for none.
    """
    if not text or len(text) > 255 or not _is_prefix(text):
        return None
    return text.rstrip("/") or "/"


@dataclass(frozen=True)
class Header:
    """One forwarding header.

    :param name: as the field's standards write it.
    :param key: its key in a WSGI environ.
    :param says: what it says.
    :param parse: makes one of its values canonical, ``None`` for a bad one.
    :param write: writes a canonical value as this header has it.
    :param n: which value counts, from the right; for scheme, host, port and
        prefix.
    """

    name: str
    key: str
    says: Says
    parse: Callable[[str], Optional[str]]
    write: Callable[[str], str] = str
    n: int = 1


@dataclass(frozen=True)
class HeaderPlan:
    """One compiled value of ``TRUST_PROXY_HEADERS``.

    :param client: the header that says who the client is, if any.
    :param values: those that say scheme, host, port and prefix.
    :param unnamed: the environ keys of all other forwarding headers.
    """

    client: Optional[Header]
    values: tuple[Header, ...]
    unnamed: frozenset[str]

    @property
    def named(self) -> tuple[Header, ...]:
        """All headers that are read."""
        return self.values if self.client is None else (self.client, *self.values)

    def says(self, what: Says) -> bool:
        """Say whether one of the headers says this, ``Forwarded`` included."""
        said = {header.says for header in self.named}
        return what in said or (what in ("scheme", "host") and "forwarded" in said)


def environ_key(name: str) -> str:
    """The key of a header in a WSGI environ (PEP 3333)."""
    return "HTTP_" + name.upper().replace("-", "_")


def _table(
    says: Says,
    parse: Callable[[str], Optional[str]],
    names: str,
    write: Callable[[str], str] = str,
) -> list[Header]:
    return [Header(name, environ_key(name), says, parse, write) for name in names.split()]


#: Every header that may be named, by its name in lower case.
KNOWN = {
    header.name.lower(): header
    for header in (
        *_table("client list", parse_address, "X-Forwarded-For"),
        *_table("forwarded", parse_address, "Forwarded"),
        *_table(
            "client",
            parse_address,
            "X-Real-IP CF-Connecting-IP True-Client-IP Fly-Client-IP Fastly-Client-IP "
            "X-Client-IP X-Cluster-Client-IP X-Azure-ClientIP X-Envoy-External-Address "
            "X-Appengine-User-IP DO-Connecting-IP",
        ),
        *_table(
            "scheme",
            parse_scheme,
            "X-Forwarded-Proto X-Forwarded-Scheme X-Forwarded-Protocol X-Scheme X-Url-Scheme "
            "CloudFront-Forwarded-Proto",
        ),
        *_table(
            "scheme",
            parse_on_off,
            "X-Forwarded-Ssl Front-End-Https",
            _WRITTEN_ON_OFF.__getitem__,
        ),
        *_table("host", parse_host, "X-Forwarded-Host X-Original-Host"),
        *_table("port", parse_port, "X-Forwarded-Port"),
        *_table("prefix", parse_prefix, "X-Forwarded-Prefix"),
    )
}

#: Nobody reads these here, but others believe them: they are always removed.
_NEVER_READ = (
    "X-Forwarded-By X-Forwarded-Server Client-IP Forwarded-For X-Forwarded CF-Connecting-IPv6 "
    "CF-Visitor X-Host X-ProxyUser-Ip WL-Proxy-Client-IP Proxy-Client-IP"
).split()

#: The name of every forwarding header, by its key in the environ.
NAMES = {
    environ_key(name): name
    for name in (*(header.name for header in KNOWN.values()), *_NEVER_READ)
}

#: A CDN overwrites these on its own connections; on any other a client can
#: write them.
CDN_HEADERS = frozenset(
    ("CF-Connecting-IP", "True-Client-IP", "Fastly-Client-IP", "X-Azure-ClientIP")
)

# A name without underscores, which WSGI could not tell from hyphens.
_is_item = re.compile(
    r"(?P<name>[A-Za-z0-9-]+)(?:=(?P<kind>[A-Za-z]+)|:(?P<n>[0-9]{1,9}))?"
).fullmatch
_EXPECTED = "expected the names of forwarding headers"


def parse_headers(value: object) -> HeaderPlan:
    """Compile a value of ``TRUST_PROXY_HEADERS``.

    :param value: a list or a comma-separated string of names; an empty list
        or ``"none"`` for no header.
    :raises ValueError: what was expected, where it is anything else.
    """
    if isinstance(value, str):
        items: Iterable[object] = value.split(",")
        if value.strip(" \t").lower() == "none":
            items = ()
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = cast("Iterable[object]", value)
    else:
        raise ValueError(f"{_EXPECTED} as a list or a comma-separated string")
    headers = [_parse_item(item) for item in items]
    _refuse_two_that_say_the_same(headers)
    clients = [h for h in headers if h.says in ("client list", "forwarded", "client")]
    return HeaderPlan(
        clients[0] if clients else None,
        tuple(header for header in headers if header not in clients),
        frozenset(NAMES).difference(header.key for header in headers),
    )


def _parse_item(item: object) -> Header:
    if not isinstance(item, str):
        raise ValueError(f"{_EXPECTED}, got {item!r}")
    match = _is_item(item.strip(" \t"))
    if match is None:
        raise ValueError(
            f"{_EXPECTED} such as 'X-Forwarded-For', 'X-Forwarded-Host:2' or "
            f"'X-Acme-Client=address', got {item!r}{_did_you_mean(item)}"
        )
    name: str = match["name"]
    header = KNOWN.get(name.lower())
    if match["kind"] is not None:
        return _single_address(name, match["kind"], header)
    if header is None:
        hint = (
            _did_you_mean(name)
            or f" (a header that holds the client's address alone: '{name}=address')"
        )
        raise ValueError(f"{_EXPECTED}, got {item!r}{hint}")
    if match["n"] is None:
        return header
    if header.says in ("client list", "forwarded", "client"):
        raise ValueError(f"expected no ':{match['n']}' behind {header.name}")
    if match["n"].startswith("0"):
        raise ValueError(f"expected a number from 1 behind the colon, got {item!r}")
    return replace(header, n=int(match["n"]))


def _did_you_mean(text: str) -> str:
    near = get_close_matches(text.lower(), KNOWN)
    return f". Did you mean {KNOWN[near[0]].name!r}?" if near else ""


def _single_address(name: str, kind: str, header: Optional[Header]) -> Header:
    key = environ_key(name)
    if kind.lower() != "address":
        raise ValueError(f"expected '{name}=address', got '{name}={kind}'")
    if header is not None and header.says != "client":
        raise ValueError(f"expected {header.name} without '=address': it says something else")
    if key in ("HTTP_HOST", "HTTP_COOKIE", "HTTP_AUTHORIZATION"):
        raise ValueError(
            f"expected a header that a proxy writes the client's address to, got {name}"
        )
    return header or Header(name, key, "client", parse_address)


def _refuse_two_that_say_the_same(headers: list[Header]) -> None:
    said: dict[str, str] = {}
    for header in headers:
        if header.says == "client list":
            whats: tuple[str, ...] = ("client",)
        elif header.says == "forwarded":
            whats = ("client", "scheme", "host")
        else:
            whats = (header.says,)
        for what in whats:
            if what in said:
                raise ValueError(
                    f"expected one header that says the {what}, got {said[what]} "
                    f"and {header.name}"
                )
            said[what] = header.name
