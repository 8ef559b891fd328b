"""Hypothesis strategies that several tests share."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Union

from hypothesis import strategies as st

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
