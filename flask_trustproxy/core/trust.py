"""Whom to trust: a setting of any shape becomes one question, cheap to ask.

Here lives what ``loopback``, a network, a file, a count or a callable means. Nothing
here knows of headers or of where a setting came from: a mistake is a
:class:`ValueError` that says what was expected.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain
from typing import Literal, Optional, Union, cast

from .addresses import UNIX, Network, NetworkSet, Range, parse_network, parse_node
from .spelling import nearest, separated, surrounded
from .trust_file import Signature, read_file

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
# None of the presets' networks touch, so a set of them covers what one of them does.
_LOOPBACK = NetworkSet(PRESETS["loopback"])
_LOCAL = NetworkSet(network for networks in PRESETS.values() for network in networks)
#: The addresses behind a provider's own NAT (RFC 6598).
_SHARED = parse_network("100.64.0.0/10")
_PRIVATE = NetworkSet((*PRESETS["linklocal"], *PRESETS["uniquelocal"], _SHARED))
_NOT_PUBLIC = NetworkSet((*PRESETS["loopback"], *_PRIVATE.ranges()))
_NAMES = (*PRESETS, "unix")
_SOCKETS = ("loopback", "unix")
_FILE = "file:"
_A_FILE = "'file:/etc/proxies.txt'"
_FOUR = f"({', '.join(map(repr, _NAMES))})"
_EXPECTED = f"expected an address, a network or a name {_FOUR}"
#: Words of other products, and what each of them means here.
_SAME_AS = {
    **dict.fromkeys(("localhost", "local"), "loopback"),
    **dict.fromkeys(
        ("private", "private_range", "private_ranges", "lan", "rfc1918"), "uniquelocal"
    ),
    **dict.fromkeys(("ture", "treu", "tru"), "true"),
    **dict.fromkeys(("flase", "fasle", "fales", "fals"), "false"),
}
_MOST_KNOWN = 1024

_is_count = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch
_is_path = re.compile(
    r"(?:(?:files?|path|https?)[:=@ ]+)?[~.]{0,2}/.*|[^/]*\.(?:conf|list|txt)"
).fullmatch
_is_cdn = re.compile(
    r"(cloudflare|cloudfront|fastly)(?:[ _-]?(?:ip|ips|cdn|ranges))?"
).fullmatch
_is_host_name = re.compile(r"[a-z_][a-z0-9_.-]*|[a-z0-9_.-]*\.[a-z-]{2,}\.?").fullmatch
_OBJECTS = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)


#: Asked with an entry of a list as it was written; ``None``: it has to be read.
TrustsAsWritten = Callable[[str], Optional[bool]]


def has_to_be_read(text: str) -> Optional[bool]:
    """Say nothing of any text as it was written, so that each is read."""
    return None


@dataclass(frozen=True)
class TrustFile:
    """A trust file as it was read.

    :param path: where it is.
    :param signature: which state of it was read.
    :param count: how many addresses and networks it holds.
    :param networks: all of them, merged.
    :param public: those that are not inside a preset, merged.
    :param holds_private_range: whether one of them is a private network.
    """

    path: str
    signature: Signature
    count: int
    networks: NetworkSet
    public: NetworkSet
    holds_private_range: bool


@dataclass(frozen=True)
class TrustPolicy:
    """One compiled value of ``TRUST_PROXY``.

    :param kind: what sort of value it was.
    :param trusts: says whether ``(address, hop)`` is trusted. It is asked with
        ``""`` about a peer that has no address, which only everybody and
        counts trust.
    :param count: how many hops are trusted, where they are counted.
    :param elements: the names, addresses, networks and files, as they were
        given.
    :param networks: the networks that the elements name, merged.
    :param files: the files that they name, each with its own networks.
    :param unix: whether the addresses include a unix-domain socket.
    :param unix_by_name: whether ``"unix"`` itself is among the elements.
    :param known: canonical addresses that were found trusted: the proxies, which
        come back with every request. Nothing that is not trusted enters, so
        that no stranger fills or empties it.
    :param trusts_as_written: says of text that nobody has read yet whether it is
        trusted at every hop; ``None``: it has to be read.
    """

    kind: Literal["nobody", "everybody", "count", "addresses", "callable"]
    trusts: Trusts = field(repr=False)
    count: Optional[int] = None
    elements: tuple[object, ...] = field(default=(), repr=False)
    networks: NetworkSet = field(default=NetworkSet(()), repr=False)
    files: tuple[TrustFile, ...] = field(default=(), repr=False)
    unix: bool = False
    unix_by_name: bool = False
    known: Collection[str] = field(default=(), repr=False, compare=False)
    trusts_as_written: TrustsAsWritten = field(
        default=has_to_be_read, repr=False, compare=False
    )

    def rule(self, address: str, hop: int) -> Optional[str]:
        """Name what trusts this hop: the very network, name, file or count.

        A callable is not asked again; the caller knows its answer.
        """
        if self.kind == "everybody":
            return "True"
        if self.kind == "count":
            return f"the count {self.count}" if self.trusts(address, hop) else None
        if self.kind == "callable":
            return "the callable"
        for text, networks in self._rules:
            if (text in _SOCKETS) if address == UNIX else (address and address in networks):
                return text
        return None

    @cached_property
    def _rules(self) -> list[tuple[str, NetworkSet]]:
        """Each element and its networks, made when a rule is first asked for."""
        files = iter(self.files)

        def networks_of(text: str) -> NetworkSet:
            if text.startswith(_FILE):
                return next(files).networks
            return NetworkSet(_networks_of(text))

        return [(text, networks_of(text)) for text in map(_element_text, self.elements)]

    def all_networks(self) -> Iterator[NetworkSet]:
        """The networks that are named, and those of each file."""
        yield self.networks
        for file in self.files:
            yield file.networks

    def rewritten(self) -> Iterator[tuple[str, str]]:
        """Each network that has host bits set, and what it was read as."""
        for text in self._texts():
            address, slash, _ = text.partition("/")
            for network in _networks_of(text) if slash else ():
                if parse_network(address).first != network.first:
                    yield text, str(network)

    def _texts(self) -> Iterator[str]:
        """The elements that are no files."""
        for text in map(_element_text, self.elements):
            if not text.startswith(_FILE):
                yield text

    def _named_networks(self) -> Iterator[Network]:
        """The networks as they were given, not merged; those of files aside."""
        for text in self._texts():
            yield from _networks_of(text)

    def trusts_local(self) -> bool:
        """Say whether something that may be anybody's neighbour is trusted.

        That is a loopback or private address, a socket, a count or everybody.
        """
        return (
            self.kind in ("everybody", "count")
            or self.unix
            or any(
                each.overlaps(local)
                for each in self.all_networks()
                for local in _LOCAL.ranges()
            )
        )

    def trusts_private_range(self) -> bool:
        """Say whether a private network is trusted, in which clients may be as well.

        Such are the presets but for loopback, and 100.64.0.0/10 (RFC 6598).
        """
        return any(map(_is_private_range, self._named_networks())) or any(
            file.holds_private_range for file in self.files
        )

    def trusts_public_range(self) -> bool:
        """Say whether a public network is trusted, which others may share.

        Each file with a public address is one: it is a list that somebody else keeps.
        """
        named = (
            network.prefix < network.width and not _NOT_PUBLIC.covers(network)
            for network in self._named_networks()
        )
        return any(named) or any(file.public.ranges() for file in self.files)

    def may_be_several(self) -> bool:
        """Say whether more than one proxy may be trusted.

        All proxies on the app's own machine count as one.
        """
        if self.kind != "addresses":
            return self.kind != "nobody"
        spans = [span for each in self.all_networks() for span in each.ranges()]
        elsewhere = NetworkSet(span for span in spans if not _LOOPBACK.covers(span)).ranges()
        number = sum(last - first + 1 for first, last, _ in elsewhere)
        here = self.unix or any(map(_LOOPBACK.covers, spans))
        return number > 1 or (number == 1 and here)

    def trusts_strangers(self) -> bool:
        """Say whether everybody is trusted, or a large part of the internet.

        That is more than 1/256 of IPv4, or an IPv6 network wider than /16;
        networks inside those of the presets do not count.
        """
        if self.kind == "everybody":
            return True
        listed = (each for file in self.files for each in file.public.ranges())
        return holds_strangers(chain(self._named_networks(), listed))


def holds_strangers(networks: Iterable[Union[Network, Range]]) -> bool:
    """Say whether networks hold a large part of the internet.

    That is more than 1/256 of IPv4, or an IPv6 network wider than /16;
    networks inside those of the presets do not count.
    """
    public = NetworkSet(each for each in networks if not _LOCAL.covers(each)).ranges()
    ipv4 = sum(last - first + 1 for first, last, width in public if width == 32)
    return ipv4 > 2**24 or any(
        last - first >= 2**112 for first, last, width in public if width == 128
    )


def is_local(node: str) -> bool:
    """Say whether a node cannot be a stranger on the internet.

    That is a loopback, private or link-local address, one of 100.64.0.0/10
    (RFC 6598), a unix-domain socket, and a peer without an address.
    """
    return node in ("", UNIX) or node in _NOT_PUBLIC


def compile_trust(value: object, directory: str = "") -> TrustPolicy:
    """Compile a value of ``TRUST_PROXY``, and read the files that it names.

    :param value: a bool, a count, a name, an address, a network, a file, a
        list or a comma-separated string of them, or a callable.
    :param directory: where the paths of files start that are not absolute.
    :raises ValueError: what was expected, where it is anything else.
    """
    if isinstance(value, str):
        text = value.strip(" \t").lower()
        if text in ("true", "false"):
            value = text == "true"
        elif _is_count(text):
            value = int(text)
        else:
            return _compile_elements(value.split(","), directory)
    if value is True:
        return TrustPolicy("everybody", lambda address, hop: True)
    if value is False:
        return TrustPolicy("nobody", lambda address, hop: False)
    if isinstance(value, int):
        return _compile_count(value)
    if isinstance(value, _OBJECTS):
        return _compile_elements((value,), directory)
    if isinstance(value, (list, tuple, set, frozenset)):
        elements = tuple(cast("Iterable[object]", value))
        return _compile_elements(elements, directory) if elements else compile_trust(False)
    if callable(value):
        return _compile_callable(value)
    hint = ""
    if isinstance(value, dict):
        hint = ". Is there a double underscore in an environment variable's name?"
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


def _compile_elements(elements: Iterable[object], directory: str) -> TrustPolicy:
    elements = tuple(elements)
    networks: list[Network] = []
    files: list[TrustFile] = []
    texts = list(map(_element_text, elements))
    for text in texts:
        if text.startswith(_FILE):
            files.append(_compile_file(_path_of(text, directory)))
            continue
        try:
            networks += _networks_of(text)
        except ValueError as error:
            got = f", got {text!r}" if len(elements) > 1 else ""
            raise ValueError(_explain(text, str(error), got)) from None
    sets = [NetworkSet(networks), *(file.networks for file in files)]
    unix = any(name in texts for name in _SOCKETS)
    known: set[str] = set()
    trusts, trusts_as_written = _trusts_addresses(sets, unix, known)
    return TrustPolicy(
        "addresses",
        trusts,
        elements=elements,
        networks=sets[0],
        files=tuple(files),
        unix=unix,
        unix_by_name="unix" in texts,
        known=known,
        trusts_as_written=trusts_as_written,
    )


def _compile_file(path: str) -> TrustFile:
    """Read a file, and keep of its networks what the policy asks of them."""
    networks, signature = read_file(path)
    merged = NetworkSet(networks)
    public = [network for network in networks if not _LOCAL.covers(network)]
    return TrustFile(
        path,
        signature,
        len(networks),
        merged,
        merged if len(public) == len(networks) else NetworkSet(public),
        any(map(_is_private_range, networks)),
    )


def _is_private_range(network: Network) -> bool:
    return network.prefix < network.width and _PRIVATE.overlaps(network)


def _trusts_addresses(
    sets: Sequence[NetworkSet], unix: bool, known: set[str]
) -> tuple[Trusts, TrustsAsWritten]:
    """Make the question about addresses, which remembers the proxies.

    Threads share *known* without a lock. Each access is one operation of a set, which
    every build of Python makes whole. Only trusted addresses enter, so it does not matter
    who added one or when it was removed: it is only looked up again. Threads that
    meet at the limit can pass it by one address each.
    """
    is_inside = sets[0].__contains__  # the operator costs as much again
    holds = sets[0].holds
    if len(sets) > 1:

        def is_inside(address: str) -> bool:
            return any(address in each for each in sets)

        def holds(text: str) -> Optional[bool]:
            first = sets[0].holds(text)
            return first if first is not False else is_inside(text)

    def remember(address: str) -> bool:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known.add(address)
        return True

    def trusts(address: str, hop: int) -> bool:
        if address in known:
            return True
        if address == UNIX:
            return unix
        return bool(address) and is_inside(address) and remember(address)

    def trusts_as_written(text: str) -> Optional[bool]:
        trusted = holds(text)
        return remember(text) if trusted else trusted

    return trusts, trusts_as_written


def _element_text(element: object) -> str:
    if isinstance(element, str):
        text = element.strip(" \t")
        if text[: len(_FILE)].lower() == _FILE:
            return _FILE + text[len(_FILE) :].strip(" \t")
        return text.lower() if text.isascii() else text  # the Kelvin sign is no k
    if isinstance(element, _OBJECTS):
        return str(element)
    raise ValueError(
        f"{_EXPECTED} as each element, got {element!r} (True, False, counts and callables "
        "cannot be in a list)"
    )


def _path_of(text: str, directory: str) -> str:
    """The path that an element names; no list in a string could hold a comma."""
    path = text[len(_FILE) :]
    if not path or path.startswith("//") or "," in path:
        raise ValueError(f"expected a path without a comma, as in {_A_FILE}, got {text!r}")
    return os.path.join(directory, path)


def _networks_of(text: str) -> tuple[Network, ...]:
    if text in _NAMES:
        return PRESETS.get(text, ())
    return (parse_network(text),)


def _explain(text: str, error: str, got: str) -> str:
    """Say what was expected instead of one element, and what was likely meant."""
    if not text:
        return f"{_EXPECTED}{got or ', got nothing'}"
    is_network = "/" in text and not error.startswith("expected an address")
    expected = f"{error}, or a name {_FOUR}" if is_network else _EXPECTED
    hint = _hint(text)
    return f"{expected}{got}. {hint}" if hint else f"{expected}{got}"


def _hint(text: str) -> Optional[str]:
    """Say what was likely meant by an element, if it is clear."""
    if parse_node(text) and text != UNIX:
        return "Write it without port, brackets and zone"
    mark, meant = surrounded(text), _meant(text)
    if meant and not mark:
        return f"Did you mean {meant!r}?"
    mark = mark or separated(text)
    if mark:
        return mark
    if text in ("true", "*", "yes", "on", "all", "any", "false", "no", "off", "none"):
        return (
            "Name the addresses of your proxies. True alone trusts everybody, so that anyone "
            "can forge an address; False alone trusts nobody"
        )
    if _is_count(text):
        return "A number of hops cannot be in a list"
    if _is_path(text):
        return f"A file of them is named as in {_A_FILE}"
    cdn = _is_cdn(text)
    if cdn:
        return (
            f"Its addresses change: name a file of them, as in 'file:/etc/{cdn[1]}.txt'. To "
            f"make one, run: flask trust-proxy fetch {cdn[1]} --output /etc/{cdn[1]}.txt"
        )
    if _is_host_name(text):
        return "Host names are not looked up: give the host's address or network"
    return None


def _meant(text: str) -> Optional[str]:
    """The word that was likely meant: a misspelt name, or the name of another product."""
    if text.startswith("unix:"):
        return "unix"
    word = text.replace("-", "_").replace(" ", "_")
    if word in _SAME_AS:
        return _SAME_AS[word]
    # Two letters are half of "unix", and "unit" may be a host.
    near = nearest(text, PRESETS) or (nearest(text, ("unix",), 1) if len(text) != 4 else [])
    return near[0] if len(near) == 1 else None
