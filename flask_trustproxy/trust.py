"""Whom to trust: a setting of any shape becomes one question, cheap to ask.

Here lives what ``loopback``, a network, a count or a callable means. Nothing
here knows of headers or of where a setting came from: a mistake is a
:class:`ValueError` that says what was expected.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, Optional, cast

from .addresses import UNIX, Network, NetworkSet, parse_network, parse_node

#: Asked with a canonical address (``"unix:"`` for a socket) and a hop.
Trusts = Callable[[str, int], bool]

#: The names that stand for networks (Express has the same three).
PRESETS = {
    name: tuple(map(parse_network, texts))
    for name, texts in {
        "loopback": ("127.0.0.0/8", "::1/128"),
        "linklocal": ("169.254.0.0/16", "fe80::/10"),
        "uniquelocal": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    }.items()
}
_LOCAL = tuple(network for networks in PRESETS.values() for network in networks)
_PRIVATE = (*PRESETS["linklocal"], *PRESETS["uniquelocal"], parse_network("100.64.0.0/10"))
_NAMES = (*PRESETS, "unix")
_EXPECTED = "expected an address, a network or a name"
_MOST_KNOWN = 1024

_is_count = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch
_is_host_name = re.compile(r"[a-z_][a-z0-9_.-]*|[a-z0-9_.-]*\.[a-z-]{2,}\.?").fullmatch
_OBJECTS = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)


@dataclass(frozen=True)
class TrustPolicy:
    """One compiled value of ``TRUST_PROXY``.

    :param kind: what sort of value it was.
    :param trusts: says whether ``(address, hop)`` is trusted. It is asked with
        ``""`` about a peer that has no address, which only everybody and
        counts trust.
    :param count: how many hops are trusted, where they are counted.
    :param elements: the names, addresses and networks, as they were given.
    :param networks: the networks of all elements, merged.
    :param unix: whether the addresses include a unix-domain socket.
    :param unix_by_name: whether ``"unix"`` itself is among the elements.
    :param known: canonical addresses that were found trusted: the proxies, which
        come back with every request. Nothing that is not trusted enters, so
        that no stranger fills or empties it.
    """

    kind: Literal["nobody", "everybody", "count", "addresses", "callable"]
    trusts: Trusts = field(repr=False)
    count: Optional[int] = None
    elements: tuple[object, ...] = field(default=(), repr=False)
    networks: NetworkSet = field(default=NetworkSet(()), repr=False)
    unix: bool = False
    unix_by_name: bool = False
    known: Collection[str] = field(default=(), repr=False, compare=False)

    def rule(self, address: str, hop: int) -> Optional[str]:
        """Name what trusts this hop: the very network, name or count.

        A callable is not asked again; the caller knows its answer.
        """
        if self.kind == "everybody":
            return "True"
        if self.kind == "count":
            return f"the count {self.count}" if self.trusts(address, hop) else None
        if self.kind == "callable":
            return "the callable"
        for element in self.elements:
            if _compile_elements((element,)).trusts(address, hop):
                return _element_text(element)
        return None

    def rewritten(self) -> Iterator[tuple[str, str]]:
        """Each network that has host bits set, and what it was read as."""
        for element in self.elements:
            text = _element_text(element)
            address, slash, _ = text.partition("/")
            for network in _networks_of(text) if slash else ():
                if parse_network(address).first != network.first:
                    yield text, str(network)

    def _named_networks(self) -> Iterator[Network]:
        """The networks as they were given, not merged."""
        for element in self.elements:
            yield from _networks_of(_element_text(element))

    def trusts_local(self) -> bool:
        """Say whether something that may be anybody's neighbour is trusted.

        That is a loopback or private address, a socket, a count or everybody.
        """
        return (
            self.kind in ("everybody", "count")
            or self.unix
            or any(
                local.overlaps(network)
                for network in self._named_networks()
                for local in _LOCAL
            )
        )

    def trusts_private_range(self) -> bool:
        """Say whether a private network is trusted, in which clients may be as well.

        Such are the presets but for loopback, and 100.64.0.0/10 (RFC 6598).
        """
        return any(
            network.prefix < network.width and private.overlaps(network)
            for network in self._named_networks()
            for private in _PRIVATE
        )

    def trusts_strangers(self) -> bool:
        """Say whether everybody is trusted, or a large part of the internet.

        That is more than 1/256 of IPv4, or an IPv6 network wider than /16;
        networks inside those of the presets do not count.
        """
        if self.kind == "everybody":
            return True
        public = NetworkSet(
            network
            for network in self._named_networks()
            if not any(local.covers(network) for local in _LOCAL)
        ).ranges()
        ipv4 = sum(last - first + 1 for first, last, width in public if width == 32)
        return ipv4 > 2**24 or any(
            last - first >= 2**112 for first, last, width in public if width == 128
        )


def compile_trust(value: object) -> TrustPolicy:
    """Compile a value of ``TRUST_PROXY``.

    :param value: a bool, a count, a name, an address, a network, a list or a
        comma-separated string of them, or a callable.
    :raises ValueError: what was expected, where it is anything else.
    """
    if isinstance(value, str):
        text = value.strip(" \t").lower()
        if text in ("true", "false"):
            value = text == "true"
        elif _is_count(text):
            value = int(text)
        else:
            return _compile_elements(value.split(","))
    if value is True:
        return TrustPolicy("everybody", lambda address, hop: True)
    if value is False:
        return TrustPolicy("nobody", lambda address, hop: False)
    if isinstance(value, int):
        return _compile_count(value)
    if isinstance(value, _OBJECTS):
        return _compile_elements((value,))
    if isinstance(value, (list, tuple, set, frozenset)):
        elements = tuple(cast("Iterable[object]", value))
        return _compile_elements(elements) if elements else compile_trust(False)
    if callable(value):
        return _compile_callable(value)
    hint = ""
    if isinstance(value, dict):
        hint = ". Did a double underscore stand in an environment variable's name?"
    raise ValueError(
        f"{_EXPECTED}, a list of them, True, False, a count of hops or a callable{hint}"
    )


def _compile_count(count: int) -> TrustPolicy:
    if count < 0:
        raise ValueError("expected a count of hops, 0 or more")
    return TrustPolicy("count", lambda address, hop: hop < count, count)


def _compile_callable(function: Callable[..., object]) -> TrustPolicy:
    expected = "expected a callable (address: str, hop: int) -> bool"
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        type(function).__call__  # an object whose call is a coroutine
    ):
        raise ValueError(f"{expected} that is no coroutine function")
    try:
        inspect.signature(function).bind("", 0)
    except TypeError:
        raise ValueError(f"{expected} that takes two positional arguments") from None
    except ValueError:
        pass  # a builtin that has no signature: its first call will tell

    def trusts(address: str, hop: int) -> bool:
        if not address:
            return False
        answer = function(address, hop)
        if answer is not True and answer is not False:
            raise TypeError(
                f"TRUST_PROXY: {function!r} answered {answer!r} for ({address!r}, {hop}); "
                "expected True or False"
            )
        return answer

    return TrustPolicy("callable", trusts)


def _compile_elements(elements: Iterable[object]) -> TrustPolicy:
    elements = tuple(elements)
    networks: list[Network] = []
    named: set[str] = set()
    for element in elements:
        text = _element_text(element)
        if text in _NAMES:
            named.add(text)
        try:
            networks.extend(_networks_of(text))
        except ValueError as error:
            got = f", got {text!r}" if len(elements) > 1 else ""
            raise ValueError(_explain(text, str(error), got)) from None
    trusted = NetworkSet(networks)
    unix = not named.isdisjoint(("unix", "loopback"))
    known: set[str] = set()
    trusts = _trusts_addresses(trusted, unix, known)
    return TrustPolicy(
        "addresses", trusts, None, elements, trusted, unix, "unix" in named, known
    )


def _trusts_addresses(trusted: NetworkSet, unix: bool, known: set[str]) -> Trusts:
    is_inside = trusted.__contains__  # the operator costs as much again

    def trusts(address: str, hop: int) -> bool:
        if address in known:
            return True
        if address == UNIX:
            return unix
        if not address or not is_inside(address):
            return False
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known.add(address)
        return True

    return trusts


def _element_text(element: object) -> str:
    if isinstance(element, str):
        text = element.strip(" \t")
        return text.lower() if text.isascii() else text  # the Kelvin sign is no k
    if isinstance(element, _OBJECTS):
        return str(element)
    raise ValueError(
        f"{_EXPECTED} as each element, got {element!r} (True, False, counts and callables "
        "stand alone)"
    )


def _networks_of(text: str) -> tuple[Network, ...]:
    if text in _NAMES:
        return PRESETS.get(text, ())
    return (parse_network(text),)


def _explain(text: str, error: str, got: str) -> str:
    """Say what was expected instead of one element, and what was likely meant."""
    near = get_close_matches(text, _NAMES, 1, 0.7)  # "nginx" is not "unix"
    if near:
        return f"{_EXPECTED}{got}. Did you mean {near[0]!r}?"
    if not text:
        return f"{_EXPECTED}{got or ', got nothing'}"
    if text in ("true", "false", "*", "yes", "no", "on", "off", "all", "any", "none"):
        return f"{_EXPECTED}{got}. True alone trusts everybody, False nobody"
    if _is_count(text):
        return f"{_EXPECTED}{got}. A count of hops stands alone"
    if parse_node(text):
        return f"{_EXPECTED}{got}, without port, brackets or zone"
    if _is_host_name(text):
        return f"{_EXPECTED}{got}. Names are not resolved: give the host's address or network"
    return f"{error if '/' in text else _EXPECTED}{got}"
