"""Chains and trust that more than one oracle is asked about."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Union

from hypothesis import strategies as st

from helpers import CLIENT, dress, dressed_addresses, networks

#: What is no address to us, though some of it is one to others.
TEXTS = (
    "unknown _x <script> 010.0.0.1 012.0.0.3 0x7f000001 167772161 127.1 1.2.3.4.5 "
    "10.0.0.1:65536 10.0.0.1:x 10.0.0.1/8 fe80::1% fe80::1%a/b 1::2::3 localhost 1.2.3.256"
).split()
beside = st.sampled_from(
    ["10.0.0.2", "10.0.0.3", "127.0.0.1", "::1", "fc00::1", "fe80::1", CLIENT, "2001:db8::1"]
)

#: ``(text, canonical)`` of an entry; ``""`` where it is no address.
entries = st.one_of(
    beside.flatmap(lambda text: st.tuples(st.sampled_from(dress(text)), st.just(text))),
    dressed_addresses,
    st.sampled_from(
        [("unix:", "unix:"), ("", ""), ("\u0661.2.3.4", ""), ("[10.0.0.1]", "10.0.0.1")]
    ),
    st.sampled_from(TEXTS).map(lambda text: (text, "")),
)

#: What stands around an entry and is no part of it.
spaces = st.sampled_from(["", " ", "\t", " \t "])


#: The elements of ``TRUST_PROXY`` that are no address or network.
NAMES = ("loopback", "linklocal", "uniquelocal", "unix")


@st.composite
def elements(draw: st.DrawFn) -> str:
    """An element of ``TRUST_PROXY``: a name, or a network in one of its spellings."""
    near = beside | st.builds("{}/{}".format, beside, st.integers(0, 32))
    text = draw(st.sampled_from(NAMES) | near | near | networks.map(str))
    if text in NAMES:
        return text
    network = network_of(text)
    texts = [text, str(network)]
    if isinstance(network, IPv4Network):
        texts.append(f"::ffff:{network.network_address}/{network.prefixlen + 96}")
        texts += [network.with_netmask] if network.prefixlen else []
    return draw(st.sampled_from(texts))


def network_of(text: str) -> Union[IPv4Network, IPv6Network]:
    """The network of an element; of an IPv4-mapped one that of IPv4."""
    network = ip_network(text, strict=False)
    mapped = network.version == 6 and network.network_address.ipv4_mapped
    return IPv4Network((mapped, network.prefixlen - 96)) if mapped else network
