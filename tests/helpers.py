"""Requests that never were on a wire, texts for Hypothesis, and a child process."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterable
from inspect import signature
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Union

import pytest
from flask import Flask
from hypothesis import strategies as st

from flask_trustproxy.core.addresses import parse_address
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.core.headers import environ_key
from flask_trustproxy.core.resolution import Resolution, resolve
from flask_trustproxy.report.messages import MESSAGES
from flask_trustproxy.settings import Settings, read_settings

#: The proxies of the tests, and a client that is none of them.
TRUSTED = "10.0.0.0/8, unix"
PEER = "10.0.0.2"
CLIENT = "203.0.113.9"


#: What each warning looks like when it is filled in.
_WARNINGS = {
    name: re.compile(re.sub(r"\\{\w+\\}", ".*", re.escape(f"{each.message}. {each.fix}")))
    for name, each in MESSAGES.items()
}


def said_by_the_package(lines: Iterable[str]) -> list[str]:
    """The names of the warnings among the lines of a log."""
    return [name for line in lines for name, text in _WARNINGS.items() if text.fullmatch(line)]


def settings_of(trust: object = TRUSTED, headers: object = None, **more: object) -> Settings:
    """Compile settings: ``max_hops=2`` is ``TRUST_PROXY_MAX_HOPS``."""
    config = {f"TRUST_PROXY_{name.upper()}": value for name, value in more.items()}
    return read_settings({**config, "TRUST_PROXY": trust, "TRUST_PROXY_HEADERS": headers}, {})


def keyed(headers: dict[str, str]) -> dict[str, str]:
    """Headers as a WSGI environ has them."""
    return {environ_key(name): value for name, value in headers.items()}


def resolved(
    settings: Settings, headers: dict[str, str], peer: str = PEER, scheme: str = "http"
) -> Resolution:
    """Resolve headers that came from a peer."""
    node = parse_address(peer) or ("unix:" if peer == "unix:" else "")
    return resolve(settings.policy, node, scheme, keyed(headers))


def split_host(host: str) -> tuple[str, str]:
    """The name and the port of a host in canonical form."""
    bracket = host.rfind("]") + 1
    name, _, port = host[bracket:].partition(":")
    return host[:bracket] + name, port


def environ_of(headers: dict[str, str], peer: str = PEER, **more: object) -> dict[str, object]:
    """An environ as a server makes it, with ``more`` laid over it."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "own.example.com",
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        **keyed(headers),
        **more,
    }


def cleaned(settings: Settings, environ: dict[str, object]) -> dict[str, object]:
    """What :func:`rewrite` leaves in an environ, our own keys aside."""
    rewrite(environ, settings.policy)
    return {
        key: value for key, value in environ.items() if not key.startswith("flask_trustproxy.")
    }


class Watched(str):
    """A header that remembers how far to the left it was read.

    :attr:`lowest` is the leftmost index that was looked at, :attr:`looked`
    how many characters were.
    """

    def __init__(self, text: str) -> None:
        self.lowest = len(text)
        self.looked = 0

    def rfind(self, text: str, start: int = 0, end: int | None = None) -> int:
        stop = len(self) if end is None else min(end, len(self))
        found = super().rfind(text, start, stop)
        self._look(start if found < 0 else found, stop)
        return found

    def __getitem__(self, index: int | slice) -> str:
        start, stop, _ = (
            index if isinstance(index, slice) else slice(index, index + 1)
        ).indices(len(self))
        self._look(start, stop)
        return super().__getitem__(index)

    def _look(self, start: int, stop: int) -> None:
        if start < stop:
            self.lowest = min(self.lowest, start)
            self.looked += stop - start


def _forbidden(name: str) -> object:
    def method(self: Watched, *args: object) -> object:
        raise AssertionError(f"str.{name} reads the whole header")

    return method


# Whatever reads a header as a whole reads what a client wrote. strip() is used
# to see that a header is not blank: it stops at the first character that is.
for _name in (
    "__add__ __contains__ __eq__ __iter__ count endswith find index lower partition "
    "replace rindex rpartition rsplit split splitlines startswith upper encode"
).split():
    setattr(Watched, _name, _forbidden(_name))
Watched.__hash__ = lambda self: (
    # So short a header may be looked up as a whole.
    str.__hash__(self) if len(self) < 6 else _forbidden("__hash__")(self)
)


Address = Union[IPv4Address, IPv6Address]

MAPPED = 0xFFFF << 32

#: An address on either side of all that the presets and the mapping know.
BORDERS = [
    *map(IPv4Address, ("0.0.0.0", "9.255.255.255", "10.0.0.0", "127.0.0.1", "255.255.255.255")),
    *map(IPv6Address, ("::", "::1", "::2", "::fffe:ffff:ffff", "::ffff:0:0", "::ffff:a00:1")),
    *map(IPv6Address, ("::1:0:0:0", "fe80::1", "2001:db8::", "ffff:" * 7 + "ffff")),
]

#: Addresses as :mod:`ipaddress` has them, IPv4-mapped ones among them.
addresses = st.one_of(
    st.sampled_from(BORDERS),
    st.ip_addresses(v=4),
    st.ip_addresses(v=6),
    st.integers(0, 2**32 - 1).map(lambda number: IPv6Address(MAPPED | number)),
)


def canonical(address: Address) -> str:
    """The one text of an address: unmapped, and as RFC 5952 has it."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


def spell(address: Address) -> list[str]:
    """Plain spellings of an address, each of them valid."""
    if isinstance(address, IPv4Address):
        mapped = IPv6Address(MAPPED | int(address))
        return [str(address), f"::ffff:{address}", f"::FFFF:{address}", *spell(mapped)]
    # Not of address.exploded: Python 3.13 writes a mapped address with dots.
    groups = [f"{int(address) >> shift & 0xFFFF:04x}" for shift in range(112, -1, -16)]
    tail = IPv4Address(int(address) & 0xFFFFFFFF)
    short = [f"{int(group, 16):x}" for group in groups]
    texts = [
        ":".join(groups),
        address.compressed,
        ":".join(short),
        ":".join([*short[:6], str(tail)]),
    ]
    return [*texts, *map(str.upper, texts)]


def dress(text: str) -> list[str]:
    """What a proxy may make of a plain address: brackets, a port, a zone."""
    if ":" not in text:
        ports = ("", ":0", ":80", ":65535", ":00080")
        return [f"{i}{port}" for i in (text, f"[{text}]") for port in ports]
    zoned = f"{text}%eth0"
    inner = [text, zoned]
    return [*inner, *(f"[{i}]{port}" for i in inner for port in ("", ":0", ":80", ":65535"))]


#: ``(text, canonical)`` of a plain address in one of its spellings.
spelled_addresses = addresses.flatmap(
    lambda address: st.tuples(st.sampled_from(spell(address)), st.just(canonical(address)))
)

#: ``(text, canonical)`` of an address with or without brackets, port and zone.
dressed_addresses = spelled_addresses.flatmap(
    lambda spelled: st.tuples(st.sampled_from(dress(spelled[0])), st.just(spelled[1]))
)


@st.composite
def _networks(draw: st.DrawFn) -> Union[IPv4Network, IPv6Network]:
    address = draw(addresses)
    # Narrow ones more often: a wide one swallows all others.
    width = address.max_prefixlen
    prefix = draw(st.one_of(st.integers(0, width), st.integers(width - 8, width)))
    network = IPv4Network if isinstance(address, IPv4Address) else IPv6Network
    return network((int(address), prefix), strict=False)


#: Networks as :mod:`ipaddress` has them, of any prefix.
networks = _networks()

#: What a client may write into a header, and more: every character that some
#: parser somewhere takes for syntax, and text that looks honest.
attacker_text = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *',;="\\[]:%/. \t\r\n\0\x01\x1b\x7f\x85\xa0\xe9',
                "for=",
                "by=",
                "proto=https",
                "host=",
            ]
        ),
        st.sampled_from(
            ["unix:", "unknown", "_hidden", 'for="', '\\"', ", ,", "\r\n ", "%eth0"]
        ),
        dressed_addresses.map(lambda dressed: dressed[0]),
        st.text(st.characters(max_codepoint=255), max_size=8),
    ),
    max_size=8,
).map("".join)


def preprocess(app: Flask, context: object) -> object:
    """Have an app preprocess the request of a context, which newer Flasks are handed."""
    process: Callable[..., object] = app.preprocess_request
    return process(context) if signature(process).parameters else process()


#: For tests that fork, whatever other threads the test has.
forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks"),
    # Python 3.12 warns of a fork beside other threads, which is what such a test is about.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def in_a_child(action: Callable[[], object]) -> str:
    """Fork, and return what an action answers in the child, as text.

    A child that hangs is ended by an alarm of its own, and answers nothing.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        try:
            try:
                answer = str(action())
            except BaseException as error:
                answer = repr(error)
            os.write(write, answer.encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as answers:
        answer = answers.read()
    os.waitpid(pid, 0)
    return answer
