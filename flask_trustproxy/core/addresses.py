"""Text to addresses and networks, and back to one canonical text.

Here lives what an address may look like. Nothing here knows of headers, hops,
trust or settings. Text is judged by a strict ASCII grammar before any library
sees it, because :mod:`ipaddress` and ``inet_pton`` accept more than an
address, and not the same on every platform and version.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from ipaddress import IPv6Address
from socket import AF_INET, AF_INET6, inet_aton, inet_ntoa, inet_ntop, inet_pton
from typing import NamedTuple, Optional, Union

#: A hop on a unix-domain socket: it has a name but no address.
UNIX = "unix:"

#: RFC 4291 section 2.5.5.2, ``::ffff:0:0/96``.
_MAPPED = bytes(10) + b"\xff\xff"
#: RFC 6052 section 2.1, ``64:ff9b::/96``.
_NAT64 = bytes.fromhex("0064ff9b") + bytes(8)

# RFC 3986 section 3.2.2: IPv4address = dec-octet 3( "." dec-octet ). No leading
# zeros, which some platforms pass over and others read as octal; that an octet
# is at most 255 is left to inet_aton.
_OCTET = r"(?:0|[1-9][0-9]{0,2})"
_IPV4 = r"\.".join([_OCTET] * 4)
_has_ipv4_shape = re.compile(_IPV4).fullmatch
# The alphabet and the length of an IPv6 address; inet_pton judges the rest.
_has_ipv6_shape = re.compile(rf"[0-9A-Fa-f:]{{2,39}}|[0-9A-Fa-f:]{{2,30}}{_IPV4}").fullmatch
# RFC 7239 section 6: node = nodename [ ":" node-port ]; RFC 6874 for the zone. IPv4 in
# brackets has one meaning, so it is read although RFC 3986 has only IPv6 in them.
_dressed = re.compile(
    r"\[(?P<inner>[0-9A-Fa-f:.]{2,45})(?P<zone>%[0-9A-Za-z._~%-]+)?\](?::(?P<port>[0-9]{1,5}))?"
    r"|(?P<bare>[0-9A-Fa-f:.]{2,45}):(?P<bare_port>[0-9]{1,5})"
    r"|(?P<zoned>[0-9A-Fa-f:.]{2,45})%[0-9A-Za-z._~%-]+"
).fullmatch
_is_node_port = re.compile(r"[0-9]{1,5}").fullmatch
_is_prefix = re.compile(r"0|[1-9][0-9]{0,2}").fullmatch


class Network(NamedTuple):
    """A network of IPv4 or IPv6 addresses.

    :param first: its lowest address, as a number.
    :param prefix: how many leading bits its addresses share.
    :param width: 32 for IPv4, 128 for IPv6.
    """

    first: int
    prefix: int
    width: int

    @property
    def last(self) -> int:
        """The highest address, as a number."""
        return self.first | ((1 << (self.width - self.prefix)) - 1)

    def __str__(self) -> str:
        return f"{_text(self.first.to_bytes(self.width // 8, 'big'))}/{self.prefix}"


class Range(NamedTuple):
    """A row of addresses, which need not be one network; as :class:`Network` has it."""

    first: int
    last: int
    width: int


class NetworkSet:
    """A set of networks that is asked in O(log n).

    :param networks: in any order; those that overlap or touch are merged.
    """

    def __init__(self, networks: Iterable[Union[Network, Range]]) -> None:
        by_width: dict[int, list[Union[Network, Range]]] = {32: [], 128: []}
        for network in networks:
            by_width[network.width].append(network)
        self._ipv4 = _bounds(by_width[32], 4)
        self._ipv6 = _bounds(by_width[128], 16)

    def __contains__(self, address: str) -> bool:
        """Say whether a canonical address is in the set."""
        # A canonical IPv6 address has no dots, so a dot means IPv4.
        if "." in address:
            return bisect_right(self._ipv4, inet_aton(address)) % 2 == 1
        return bisect_right(self._ipv6, inet_pton(AF_INET6, address)) % 2 == 1

    def holds(self, text: str) -> Optional[bool]:
        """Say whether text that nobody has read yet is an address of the set.

        :returns: ``None`` if it is no IPv4 address as it is, and so has to be read.
        """
        if ":" in text:  # to try and fail costs more
            return None
        try:
            return bisect_right(self._ipv4, _pack_ipv4(text)) % 2 == 1
        except (OSError, ValueError):  # a ValueError for NUL and surrogates
            return None

    def covers(self, network: Union[Network, Range]) -> bool:
        """Say whether every address of a network is in the set."""
        below_first, below_last = self._bounds_below(network)
        return below_first == below_last and below_first % 2 == 1

    def overlaps(self, network: Union[Network, Range]) -> bool:
        """Say whether an address of a network is in the set."""
        below_first, below_last = self._bounds_below(network)
        return below_first != below_last or below_first % 2 == 1

    def _bounds_below(self, network: Union[Network, Range]) -> tuple[int, int]:
        bounds, size = (self._ipv4, 4) if network.width == 32 else (self._ipv6, 16)
        first, last = network.first.to_bytes(size, "big"), network.last.to_bytes(size, "big")
        return bisect_right(bounds, first), bisect_right(bounds, last)

    def ranges(self) -> list[Range]:
        """The merged ranges, IPv4 before IPv6."""
        return [
            Range(int.from_bytes(low, "big"), int.from_bytes(high[:-1], "big"), len(low) * 8)
            for bounds in (self._ipv4, self._ipv6)
            for low, high in zip(bounds[::2], bounds[1::2])
        ]


def _bounds(networks: list[Union[Network, Range]], size: int) -> list[bytes]:
    """Flatten to ``[first, last + NUL, first, last + NUL, ...]``, sorted and merged.

    A packed address is inside when an odd number of bounds is not above it:
    with the NUL behind it, the upper bound sorts just above the last address
    and below the next one, and there is no overflow at the top.
    """
    merged: list[list[int]] = []
    for first, last in sorted((network.first, network.last) for network in networks):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return [
        bound
        for first, last in merged
        for bound in (first.to_bytes(size, "big"), last.to_bytes(size, "big") + b"\0")
    ]


def _pack_ipv4_anywhere(text: str) -> bytes:
    """The 4 bytes of an IPv4 address; :class:`OSError` for anything else."""
    if not _has_ipv4_shape(text):
        raise OSError
    return inet_aton(text)


#: The same in one call, where the platform is as strict.
_pack_ipv4_natively: Callable[[str], bytes] = partial(inet_pton, AF_INET)


def _pack_ipv6_anywhere(text: str) -> bytes:
    """The 16 bytes of an IPv6 address; :class:`OSError` for anything else."""
    if not _has_ipv6_shape(text):
        raise OSError
    return inet_pton(AF_INET6, text)


_pack_ipv6_natively: Callable[[str], bytes] = partial(inet_pton, AF_INET6)


def _refuses(pack: Callable[[str], bytes], texts: Iterable[str]) -> bool:
    """Say whether a platform's reader refuses texts that others treat as an address."""
    for text in texts:
        with suppress(OSError, ValueError):  # a ValueError for NUL; PyPy accepts it
            pack(text)
            return False
    return True


_NO_IPV4 = ("01.2.3.4", "1.2.3.04", "1.2.3", "0x1.2.3.4", "1.2.3.4 ", "1.2.3.4\0", "0.0.0.")
_NO_IPV6 = (
    *("::1 ", " ::1", "::1\0", "[::1]", "::1/128", "::1%", "fe80::1%1", "fe80::1%lo"),
    *("::01.2.3.4", "::1.2.3.04", "::1.2.3", "::00001", "1::2::3", "::\u0661"),
)
_pack_ipv4 = (
    _pack_ipv4_natively if _refuses(_pack_ipv4_natively, _NO_IPV4) else _pack_ipv4_anywhere
)
_pack_ipv6 = (
    _pack_ipv6_natively if _refuses(_pack_ipv6_natively, _NO_IPV6) else _pack_ipv6_anywhere
)


def _pack(text: str) -> Optional[bytes]:
    """The 4 or 16 bytes of a plain address as written, or ``None``."""
    try:
        if ":" not in text:
            return _pack_ipv4(text)
        return _pack_ipv6(text)
    except (OSError, ValueError):  # a ValueError for NUL and surrogates
        pass
    return None


def _text(packed: bytes) -> str:
    """The canonical text (RFC 5952) of 4 or 16 bytes."""
    if len(packed) == 4:
        return inet_ntoa(packed)
    text = inet_ntop(AF_INET6, packed)
    # Platforms disagree on ::1.2.3.4 (deprecated by RFC 4291); ours has no dots.
    return text if "." not in text else str(IPv6Address(packed))


def parse_address(text: str) -> Optional[str]:
    """Read a plain address: no port, no brackets, no zone, no spaces.

    :returns: its canonical text, IPv4-mapped IPv6 as IPv4, IPv6 as RFC 5952
        has it; ``None`` where the text is anything else.
    """
    packed = _pack(text)
    if packed is None:
        return None
    # Four strict decimal octets are canonical already.
    return text if len(packed) == 4 else _canonical(packed)


def _canonical(packed: bytes) -> str:
    """The canonical text of 16 bytes, IPv4-mapped IPv6 as IPv4."""
    return _text(packed[12:] if packed.startswith(_MAPPED) else packed)


def behind_nat64(address: str) -> str:
    """The IPv4 address in an address of ``64:ff9b::/96``; any other address as it is.

    The well-known prefix of RFC 6052 alone says for certain that an IPv4 host is at
    the other end, and where its 32 bits are. With a site's own prefix, or that of RFC
    8215, the site chooses the place. 6to4 and Teredo carry IPv6 hosts in tunnels. An
    IPv4-mapped address is IPv4 in its canonical text.

    :param address: a canonical address.
    """
    if not address.startswith("64:ff9b::"):
        return address
    packed = inet_pton(AF_INET6, address)
    return inet_ntoa(packed[12:]) if packed.startswith(_NAT64) else address


def parse_node(text: str) -> str:
    """Read what a proxy wrote down for the far end of its connection.

    An address, with brackets and a port as they may be; IPv6 with a zone as well;
    or ``unix:`` (RFC 7239 section 6; nginx writes ``unix:``). A port may follow
    IPv6 without brackets if the text as a whole is no address. Brackets, port and
    zone are dropped.

    :returns: the canonical address, :data:`UNIX`, or ``""`` if the text is
        neither.
    """
    packed = _pack(text)
    if packed is not None:
        return text if len(packed) == 4 else _canonical(packed)
    return text if text == UNIX else _undress(text)[0]


def _undress(text: str) -> tuple[str, Optional[str]]:
    """The address of a text that has more than the address, and its port."""
    dressed = _dressed(text)
    if dressed is None:
        return "", None
    inner, zone, port, bare, bare_port, zoned = dressed.groups()
    port = port or bare_port
    address = inner or bare or zoned
    # An IPv4 address takes no zone.
    if int(port or 0) > 65535 or ((zone or zoned) and ":" not in address):
        return "", None
    return parse_address(address) or "", port


def parse_node_with_port(text: str) -> str:
    """Read an address that has a port behind it, always.

    So the last ``:digits`` is the port, also behind IPv6 without brackets.

    :returns: the canonical address, or ``""`` if the text is anything else.
    """
    address, _, port = text.rpartition(":")
    if not _is_node_port(port) or int(port) > 65535:
        return ""
    plain = parse_address(address)
    if plain is not None:
        return plain
    node, another_port = _undress(address)
    return node if another_port is None else ""


def keep_port(address: str, written: str) -> str:
    """Write an address with the port of the text that it was read from, 0 for none.

    :param address: the canonical address.
    :param written: the text. An IPv6 address is in brackets if it was so there.
    """
    written = written.strip(" \t")
    port = written.rpartition(":")[2] or "0"
    brackets = ":" in address and written[:1] in ("", "[")
    return f"[{address}]:{port}" if brackets else f"{address}:{port}"


def parse_network(text: str) -> Network:
    """Read an address or a network; host bits may be set.

    :param text: ``10.0.0.0/8``, ``10.0.0.0/255.0.0.0``, ``2001:db8::/32`` or
        an address. An IPv4-mapped network is its IPv4 network.
    :raises ValueError: what was expected, where the text is anything else.
    """
    address, slash, suffix = text.partition("/")
    packed = _pack(address)
    if packed is None:
        raise ValueError("expected an address or a network")
    width = len(packed) * 8
    prefix = _parse_prefix(suffix, width) if slash else width
    if packed.startswith(_MAPPED):
        if prefix < 96:
            raise ValueError("expected a prefix of at least 96 for an IPv4-mapped network")
        packed, width, prefix = packed[12:], 32, prefix - 96
    shift = width - prefix
    return Network(int.from_bytes(packed, "big") >> shift << shift, prefix, width)


def _parse_prefix(text: str, width: int) -> int:
    if _is_prefix(text) and int(text) <= width:
        return int(text)
    packed = _pack(text) if width == 32 else None
    if packed is not None and len(packed) == 4:
        mask = int.from_bytes(packed, "big")
        prefix = bin(mask).count("1")
        if mask and mask == (1 << 32) - (1 << (32 - prefix)):
            return prefix
        raise ValueError("expected a network mask of ones followed by zeros")
    raise ValueError(f"expected a prefix from 0 to {width} behind the slash")
