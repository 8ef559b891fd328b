"""The table of forwarding headers, and the parser of ``TRUST_PROXY_HEADERS``.

Here lives what a header says, what it is called in the environ, and how its
values are read and written. What a value may be is in
:mod:`~flask_trustproxy.core.values`. Nothing here knows whom to believe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple, Optional, cast

from .addresses import keep_port, parse_node, parse_node_with_port
from .spelling import nearest, separated, surrounded
from .values import (
    parse_any_scheme,
    parse_host,
    parse_port,
    parse_prefix,
    parse_scheme,
    parse_scheme_or_ssl,
    parse_switch,
    parse_visitor,
    write_any_scheme,
    write_switch,
    write_visitor,
)

Says = Literal["client list", "forwarded", "client", "scheme", "host", "port", "prefix"]

#: Reads a value; ``None`` or an empty text if it is not understood.
Read = Callable[[str], Optional[str]]
#: Writes what was read; the second argument is the value that it was read from.
Write = Callable[[str, str], str]


def _as_it_is(meant: str, _: str) -> str:
    return meant


@dataclass(frozen=True)
class Header:
    """One forwarding header.

    :param name: as the field's standards write it.
    :param key: its key in a WSGI environ.
    :param says: what it says.
    :param kind: the word for it behind ``=``, empty for a list.
    :param parse: makes one of its values canonical; ``None`` or an empty text for
        a bad one.
    :param writes: writes a canonical value as this header has it.
    :param n: which value counts, from the right; for scheme, host, port and
        prefix.
    """

    name: str
    key: str
    says: Says
    kind: str
    parse: Read
    writes: Write = _as_it_is
    n: int = 1

    def write(self, meant: str, written: str = "") -> str:
        """Write a canonical value as this header has it.

        :param meant: the canonical value.
        :param written: the value that it was read from, if there was one.
        """
        return self.writes(meant, written)

    @cached_property
    def is_list(self) -> bool:
        """Whether it is ``X-Forwarded-For``, a plain list of the hops."""
        return self.says == "client list"

    @cached_property
    def is_forwarded(self) -> bool:
        """Whether it is ``Forwarded``, a list of the hops with more about each."""
        return self.says == "forwarded"

    @cached_property
    def is_single(self) -> bool:
        """Whether it holds the client's address alone."""
        return self.says == "client"

    @cached_property
    def names_client(self) -> bool:
        """Whether it says who the client is."""
        return self.is_list or self.is_forwarded or self.is_single

    @property
    def item(self) -> str:
        """The header as ``TRUST_PROXY_HEADERS`` names it."""
        known = self.name.lower() in KNOWN
        item = self.name if known else f"{self.name}={self.kind}"
        return item if self.n == 1 else f"{item}:{self.n}"


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


class _Kind(NamedTuple):
    """How the headers of one kind are read and written."""

    says: Says
    parse: Read
    write: Write = _as_it_is


#: What may be behind ``Name=``.
_KINDS = {
    "address": _Kind("client", parse_node),
    "address:port": _Kind("client", parse_node_with_port, keep_port),
    "scheme": _Kind("scheme", parse_any_scheme, write_any_scheme),
    "host": _Kind("host", parse_host),
    "port": _Kind("port", parse_port),
    "prefix": _Kind("prefix", parse_prefix),
}


_PLAIN_SCHEME = _Kind("scheme", parse_scheme)
_SCHEME_OR_SSL = _Kind("scheme", parse_scheme_or_ssl)
_SWITCH = _Kind("scheme", parse_switch, write_switch)
_VISITOR = _Kind("scheme", parse_visitor, write_visitor)


def _header(name: str, kind: str, how: Optional[_Kind] = None) -> Header:
    says, parse, write = how or _KINDS[kind]
    return Header(name, environ_key(name), says, kind, parse, write)


def _table(kind: str, names: str, how: Optional[_Kind] = None) -> list[Header]:
    return [_header(name, kind, how) for name in names.split()]


#: Every header that may be named, by its name in lower case.
KNOWN = {
    header.name.lower(): header
    for header in (
        Header("X-Forwarded-For", "HTTP_X_FORWARDED_FOR", "client list", "", parse_node),
        Header("Forwarded", "HTTP_FORWARDED", "forwarded", "", parse_node),
        *_table(
            "address",
            "X-Real-IP CF-Connecting-IP True-Client-IP Fly-Client-IP Fastly-Client-IP "
            "X-Client-IP X-Cluster-Client-IP X-Azure-ClientIP X-Envoy-External-Address "
            "X-Appengine-User-IP DO-Connecting-IP",
        ),
        # https://answers.netlify.com/t/52665, in which Netlify says which headers it sends
        *_table("address", "X-NF-Client-Connection-IP"),
        # "198.51.100.10:46532": https://docs.aws.amazon.com/AmazonCloudFront/latest/
        # DeveloperGuide/adding-cloudfront-headers.html
        *_table("address:port", "CloudFront-Viewer-Address"),
        *_table(
            "scheme",
            "X-Forwarded-Proto X-Forwarded-Scheme X-Scheme X-Url-Scheme "
            "CloudFront-Forwarded-Proto",
            _PLAIN_SCHEME,
        ),
        # "ssl": secure_scheme_headers in gunicorn 27, gunicorn/config.py
        *_table("scheme", "X-Forwarded-Protocol", _SCHEME_OR_SSL),
        *_table("scheme", "X-Forwarded-Ssl Front-End-Https", _SWITCH),
        # https://cloud.google.com/appengine/docs/standard/reference/request-headers
        *_table("scheme", "X-Appengine-Https", _SWITCH),
        # https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-visitor
        *_table("scheme", "CF-Visitor", _VISITOR),
        *_table("host", "X-Forwarded-Host X-Original-Host"),
        *_table("port", "X-Forwarded-Port"),
        *_table("prefix", "X-Forwarded-Prefix"),
        # https://www.pgadmin.org/docs/pgadmin4/latest/container_deployment.html
        *_table("prefix", "X-Script-Name"),
        # https://developers.home-assistant.io/docs/add-ons/presentation/#ingress
        *_table("prefix", "X-Ingress-Path"),
    )
}

#: Nobody reads these here, but others believe them: they are always removed. What
#: names the target or the method of a request stays: X-Original-URL, X-Original-URI,
#: X-Forwarded-Uri and X-Forwarded-Method are read by servers that authenticate.
_NEVER_READ = (
    "X-Forwarded-By X-Forwarded-Server Client-IP Forwarded-For X-Forwarded CF-Connecting-IPv6 "
    "X-Host X-ProxyUser-Ip WL-Proxy-Client-IP Proxy-Client-IP "
    # ingress-nginx: rootfs/etc/nginx/template/nginx.tmpl
    "X-Original-Forwarded-For "
    # what ASP.NET Core's middleware moved out of the way: https://learn.microsoft.com/
    # dotnet/api/microsoft.aspnetcore.httpoverrides.forwardedheadersdefaults
    "X-Original-For X-Original-Proto "
    # other names of a prefix, which some applications read
    "X-Forwarded-Path X-Forwarded-Context"
).split()

#: The name of every forwarding header, by its key in the environ.
NAMES = {
    environ_key(name): name
    for name in (*(header.name for header in KNOWN.values()), *_NEVER_READ)
}

#: A CDN may pass these on as a client wrote them, unless it is told otherwise.
#: https://www.fastly.com/documentation/reference/http/http-headers/Fastly-Client-IP/
#: https://developers.cloudflare.com/fundamentals/reference/http-headers/#true-client-ip-enterprise-plan-only
#: https://learn.microsoft.com/en-us/azure/frontdoor/front-door-http-headers-protocol
PASSED_ON_HEADERS = frozenset(("Fastly-Client-IP", "True-Client-IP", "X-Azure-ClientIP"))

#: A CDN overwrites these on its own connections; on any other a client can
#: write them.
CDN_HEADERS = frozenset(
    (
        *PASSED_ON_HEADERS,
        *("CF-Connecting-IP", "CloudFront-Viewer-Address", "X-NF-Client-Connection-IP"),
    )
)

# A name without underscores, which WSGI could not tell from hyphens.
_is_item = re.compile(
    r"(?P<name>[A-Za-z0-9-]+)"
    r"(?:=(?P<kind>[A-Za-z]+(?::[Pp][Oo][Rr][Tt])?))?"
    r"(?::(?P<n>[0-9]{1,9}))?"
).fullmatch
_EXPECTED = "expected the names of forwarding headers"
#: What a header that is not known needs.
_ANY_KIND = f"'Name=kind' with one of the kinds {', '.join(_KINDS)}"
#: What a request is made of, and no proxy says of its client.
_OWN = frozenset(("HTTP_HOST", "HTTP_COOKIE", "HTTP_AUTHORIZATION"))


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
    clients = [header for header in headers if header.names_client]
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
        mark = surrounded(item)
        near = "" if mark else _did_you_mean(item)
        mark = mark or (None if near else separated(item))
        hint = f". {mark}" if mark else near
        raise ValueError(
            f"{_EXPECTED} such as 'X-Forwarded-For' or 'X-Forwarded-Host:2', or {_ANY_KIND}, "
            f"got {item!r}{hint}"
        )
    name, kind, n = match.groups()
    header = _header_of_kind(name, kind.lower()) if kind else KNOWN.get(name.lower())
    if header is None:
        raise ValueError(
            f"{_EXPECTED} that are known, or {_ANY_KIND}, got {item!r}{_did_you_mean(name)}"
        )
    if n is None:
        return header
    if header.names_client:
        raise ValueError(f"expected no ':{n}' behind {header.name}")
    if n.startswith("0"):
        raise ValueError(f"expected a number from 1 behind the colon, got {item!r}")
    return replace(header, n=int(n))


def _header_of_kind(name: str, kind: str) -> Header:
    if environ_key(name) in _OWN:
        raise ValueError(f"expected a header that a proxy writes about the client, got {name}")
    if kind not in _KINDS:
        raise ValueError(f"expected {_ANY_KIND}, got '{name}={kind}'")
    header = KNOWN.get(name.lower())
    if header is not None and header.kind != kind:
        means = f"it is '{header.name}={header.kind}'" if header.kind else "it holds a list"
        raise ValueError(f"expected {header.name} without '={kind}': {means}")
    return header or _header(name, kind)


def _did_you_mean(text: str) -> str:
    """A known header whose spelling is at most two edits away, if it is clear which."""
    name = text.strip().lower().replace("_", "-")
    if name.startswith("http-"):
        name = name[len("http-") :]
    # The name of another header is spelled as it should be.
    if environ_key(name) in NAMES and name not in KNOWN:
        return ""
    found = [KNOWN[near] for near in nearest(name, KNOWN)]
    if len({header.says for header in found}) != 1:
        return ""
    return f". Did you mean {found[0].name!r}?"


def _refuse_two_that_say_the_same(headers: list[Header]) -> None:
    said: dict[str, str] = {}
    for header in headers:
        whats = {"client list": ["client"], "forwarded": ["client", "scheme", "host"]}
        for what in whats.get(header.says, [header.says]):
            if what in said:
                raise ValueError(
                    f"expected one header that says the {what}, got {said[what]} "
                    f"and {header.name}"
                )
            said[what] = header.name
    keys = [header.key for header in headers]
    for header in headers:
        if keys.count(header.key) > 1:
            raise ValueError(f"expected each header once, got {header.name} as two kinds")
