"""What an address and a network may look like, and which networks hold which."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core import addresses as module
from flask_trustproxy.core.addresses import (
    UNIX,
    Network,
    NetworkSet,
    behind_nat64,
    parse_address,
    parse_network,
    parse_node,
)
from helpers import (
    MAPPED,
    addresses,
    attacker_text,
    canonical,
    dress,
    dressed_addresses,
    networks,
    spelled_addresses,
)

any_text = st.one_of(attacker_text, st.text(max_size=20))
# Almost an address: the characters of one, or one with a character changed.
near_addresses = st.one_of(
    st.text("0123456789abcdefABCDEFg:.%[]/", max_size=20),
    st.builds(
        lambda spelled, at, new, keep: spelled[0][:at] + new + spelled[0][at + keep :],
        spelled_addresses,
        st.integers(0, 40),
        st.sampled_from([*"0189af:.%/ \t\n\xa0x", "", "00", "::", "..", "256", "٣", "１"]),
        st.integers(0, 2),
    ),
)


PLAIN = [
    pytest.param("192.0.2.1", "192.0.2.1", id="IPv4"),
    pytest.param("0.0.0.0", "0.0.0.0", id="the lowest IPv4 address"),
    pytest.param("255.255.255.255", "255.255.255.255", id="the highest IPv4 address"),
    pytest.param("2001:db8::1", "2001:db8::1", id="IPv6"),
    pytest.param("2001:DB8::A", "2001:db8::a", id="IPv6 in lower case"),
    pytest.param("2001:0db8:0:0:0:0:0:1", "2001:db8::1", id="IPv6 compressed"),
    pytest.param("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", id="the first of two equal runs"),
    pytest.param("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", id="one zero stays"),
    pytest.param("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", id="one zero is written out"),
    pytest.param("::", "::", id="the lowest IPv6 address"),
    pytest.param("::1", "::1", id="IPv6 loopback"),
    pytest.param("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", id="a run of one at the end"),
    pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4-mapped with dots"),
    pytest.param("::FFFF:C000:0201", "192.0.2.1", id="IPv4-mapped in hexadecimal"),
    pytest.param("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1", id="IPv4-mapped, uncompressed"),
    pytest.param("::ffff:0.0.0.0", "0.0.0.0", id="the lowest IPv4-mapped address"),
    pytest.param("::192.0.2.1", "::c000:201", id="IPv4-compatible stays IPv6, without dots"),
    pytest.param("::fffe:ffff:ffff", "::fffe:ffff:ffff", id="just below the IPv4-mapped"),
    pytest.param("::1:0:0:0", "::1:0:0:0", id="just above the IPv4-mapped"),
    pytest.param("::ffff:0:192.0.2.1", "::ffff:0:c000:201", id="IPv4-translated is not mapped"),
    pytest.param("64:ff9b::192.0.2.1", "64:ff9b::c000:201", id="NAT64 is not mapped"),
]

NOT_AN_ADDRESS = [
    pytest.param("", id="nothing"),
    pytest.param(" ", id="a space"),
    pytest.param("localhost", id="a name"),
    pytest.param("unknown", id="RFC 7239 unknown"),
    pytest.param("_hidden", id="an obfuscated node"),
    pytest.param("192.0.2", id="three parts"),
    pytest.param("192.0.2.1.1", id="five parts"),
    pytest.param("192.0.2.", id="a part is empty"),
    pytest.param("192.0.2.256", id="a part above 255"),
    pytest.param("192.0.2.1000", id="a part of four digits"),
    pytest.param("010.0.0.1", id="a leading zero at the start"),
    pytest.param("10.0.0.01", id="a leading zero at the end"),
    pytest.param("10.0.00.1", id="two zeros"),
    pytest.param("0x0a.0.0.1", id="hexadecimal"),
    pytest.param("167772161", id="an integer"),
    pytest.param("+10.0.0.1", id="a sign"),
    pytest.param("10.0.0.1_0", id="an underscore, which int() takes"),
    pytest.param("１0.0.0.1", id="a full-width digit"),
    pytest.param("10.0.0.٣", id="an Arabic digit"),
    pytest.param("10.0.0.²", id="a superscript digit"),
    pytest.param(" 10.0.0.1", id="a space in front"),
    pytest.param("10.0.0.1 ", id="a space behind"),
    pytest.param("10.0.0.1\n", id="a line feed behind"),
    pytest.param("10.0.0.1\r\n", id="a line end behind"),
    pytest.param("10.0.0.1\0", id="a NUL behind"),
    pytest.param("\xa010.0.0.1", id="a no-break space in front"),
    pytest.param("10.0.0.1\x85", id="a next line behind"),
    pytest.param("10.0.0.1\x0b", id="a vertical tab behind"),
    pytest.param("10.0.0.1 evil", id="text behind, which inet_aton takes"),
    pytest.param("10.0.0.0/8", id="a network"),
    pytest.param(":", id="a colon"),
    pytest.param(":::", id="three colons"),
    pytest.param("1::2::3", id="two runs"),
    pytest.param("1:2:3:4:5:6:7", id="seven groups"),
    pytest.param("1:2:3:4:5:6:7:8:9:10", id="ten groups"),
    pytest.param("1:2:3:4:5:6:7:8:9a", id="nine groups, the last no port"),
    pytest.param("1:2:3:4:5:6:7:192.0.2.1", id="IPv4 behind seven groups"),
    pytest.param(":1:2:3:4:5:6:7", id="a colon in front"),
    pytest.param("2001:db8::12345", id="a group of five digits"),
    pytest.param("2001:db8::g", id="a letter that is no digit"),
    pytest.param("2001:db8::1\n", id="a line feed behind IPv6"),
    pytest.param("２001:db8::1", id="a full-width digit in IPv6"),
    pytest.param("::ffff:010.0.0.1", id="a leading zero in an IPv4-mapped address"),
    pytest.param("::ffff:10.0.1", id="three parts in an IPv4-mapped address"),
    pytest.param("::10.0.0.1:x", id="IPv4 not at the end"),
    pytest.param("0000:" * 7 + "00000", id="forty digits and colons"),
]

# parse_node reads these as addresses, parse_address does not.
DRESSED = [
    pytest.param("192.0.2.1:80", "192.0.2.1", id="IPv4 and a port"),
    pytest.param("192.0.2.1:0", "192.0.2.1", id="IPv4 and port 0"),
    pytest.param("192.0.2.1:65535", "192.0.2.1", id="IPv4 and the highest port"),
    pytest.param("192.0.2.1:00080", "192.0.2.1", id="a port of five digits"),
    pytest.param("[2001:DB8::1]", "2001:db8::1", id="IPv6 in brackets"),
    pytest.param("[2001:db8::1]:443", "2001:db8::1", id="IPv6 in brackets and a port"),
    pytest.param("[2001:db8::1]:65535", "2001:db8::1", id="IPv6 and the highest port"),
    pytest.param("fe80::1%eth0", "fe80::1", id="a zone"),
    pytest.param("[fe80::1%eth0]", "fe80::1", id="a zone in brackets"),
    pytest.param("[fe80::1%25en1.7]:443", "fe80::1", id="a zone as in a URL, and a port"),
    pytest.param("[::ffff:192.0.2.1]:80", "192.0.2.1", id="IPv4-mapped in brackets"),
    pytest.param("::ffff:192.0.2.1%1", "192.0.2.1", id="IPv4-mapped and a zone"),
]

NOT_A_NODE = [
    pytest.param("192.0.2.1:", id="an empty port"),
    pytest.param("192.0.2.1:65536", id="a port above 65535"),
    pytest.param("192.0.2.1:99999", id="the highest port of five digits"),
    pytest.param("192.0.2.1:000080", id="a port of six digits"),
    pytest.param("192.0.2.1:+80", id="a port with a sign"),
    pytest.param("192.0.2.1:８0", id="a port with a full-width digit"),
    pytest.param("192.0.2.1:_obf", id="an obfuscated port"),
    pytest.param("192.0.2.1:80\n", id="a line feed behind the port"),
    pytest.param("192.0.2.256:80", id="a port behind no address"),
    pytest.param("010.0.0.1:80", id="a leading zero in front of a port"),
    pytest.param(":80", id="a port alone"),
    pytest.param("[192.0.2.1]:65536", id="IPv4 in brackets and a port above 65535"),
    pytest.param("[192.0.2.01]", id="IPv4 in brackets with a leading zero"),
    pytest.param("[192.0.2.1%eth0]", id="IPv4 in brackets with a zone"),
    pytest.param("[[192.0.2.1]]", id="brackets in brackets"),
    pytest.param("[192.0.2.1", id="IPv4 and an opened bracket"),
    pytest.param("2001:db8:1:2:3:4:5:6:70000", id="a glued port above 65535"),
    pytest.param("2001:db8:1:2:3:4:5:6:000080", id="a glued port of six digits"),
    pytest.param("2001:db8:1:2:3:4:5:6:80:80", id="two glued ports"),
    pytest.param("2001:db8:1:2:3:4:5:6:", id="an empty glued port"),
    pytest.param("fe80::1%eth0:80", id="a port glued to a zone"),
    pytest.param("192.0.2.1:80:80", id="two ports"),
    pytest.param("192.0.2.1%eth0", id="IPv4 and a zone"),
    pytest.param("[192.0.2.1%eth0]", id="IPv4 and a zone in brackets"),
    pytest.param("192.0.2.1:80%eth0", id="IPv4, a port and a zone"),
    pytest.param("[2001:db8::1", id="an opened bracket"),
    pytest.param("2001:db8::1]", id="a closed bracket"),
    pytest.param("[2001:db8::1]]", id="a bracket too many"),
    pytest.param("[]", id="empty brackets"),
    pytest.param("[2001:db8::1]443", id="no colon in front of the port"),
    pytest.param("[2001:db8::1]:", id="an empty port behind brackets"),
    pytest.param("[2001:db8::1]:65536", id="a port above 65535 behind brackets"),
    pytest.param("[ 2001:db8::1]", id="a space in brackets"),
    pytest.param("[2001:db8::g]", id="no address in brackets"),
    pytest.param("fe80::1%", id="an empty zone"),
    pytest.param("fe80::1%eth 0", id="a space in the zone"),
    pytest.param("fe80::1%eth0\n", id="a line feed in the zone"),
    pytest.param("fe80::1%<script>", id="text in the zone"),
    pytest.param("%eth0", id="a zone alone"),
    pytest.param("2001:db8::1:0:0:0:0:80:443", id="a port without brackets"),
    pytest.param("unix", id="the name without its colon"),
    pytest.param("UNIX:", id="the name in upper case"),
    pytest.param("unix:/run/app.sock", id="the path of a socket"),
    pytest.param("unix: ", id="the name and a space"),
    pytest.param("[unix:]", id="the name in brackets"),
    pytest.param('"192.0.2.1"', id="quotes"),
    pytest.param("<script>", id="markup"),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN)
def test_a_plain_address_has_one_canonical_text(text, expected):
    assert parse_address(text) == expected
    assert parse_node(text) == expected


@pytest.mark.parametrize("text", NOT_AN_ADDRESS)
def test_no_address(text):
    assert parse_address(text) is None
    assert parse_node(text) == ""


GLUED = [
    pytest.param("2001:db8:1:2:3:4:5:6:8080", "2001:db8:1:2:3:4:5:6", id="nine groups"),
    pytest.param("2001:db8::1:12345", "2001:db8::1", id="a port of five digits"),
    pytest.param("2001:db8::1:00080", "2001:db8::1", id="a port with zeros in front"),
    pytest.param("::ffff:203.0.113.9:12345", "203.0.113.9", id="mapped IPv4"),
    pytest.param("::10.0.0.1:1", "::a00:1", id="IPv4 behind colons"),
    pytest.param("1:2:3:4::5:6:7:8", "1:2:3:4:0:5:6:7", id="a run of one group"),
    pytest.param("2001:db8:::443", "2001:db8::", id="an end of colons"),
]

AS_A_WHOLE = [
    pytest.param("2001:db8::1:80", "2001:db8::1:80", id="four digits are a group"),
    pytest.param("2001:db8::8080", "2001:db8::8080", id="the last group"),
    pytest.param("1:2:3:4:5:6:7:80", "1:2:3:4:5:6:7:80", id="eight groups"),
]


@pytest.mark.parametrize(("text", "expected"), [*GLUED, *AS_A_WHOLE])
def test_a_port_is_glued_to_ipv6_only_if_the_whole_is_no_address(text, expected):
    assert parse_node(text) == expected
    assert (parse_address(text) is None) is (text != expected)


@given(st.ip_addresses(v=6), st.integers(0, 65535))
def test_a_port_glued_to_all_eight_groups_is_cut_off(address, port):
    assert parse_node(f"{address.exploded}:{port}") == canonical(address)


@pytest.mark.parametrize("text", ["[192.0.2.1]", "[192.0.2.1]:80", "[192.0.2.1]:0"])
def test_ipv4_in_brackets_is_an_address(text):
    assert parse_node(text) == "192.0.2.1"
    assert parse_address(text) is None


NAT64 = [
    pytest.param("64:ff9b::cb00:7109", "203.0.113.9", id="an IPv4 client"),
    pytest.param("64:ff9b::1", "0.0.0.1", id="the last bits alone"),
    pytest.param("64:ff9b::", "0.0.0.0", id="the first address"),
    pytest.param("64:ff9b::ffff:ffff", "255.255.255.255", id="the last address"),
    pytest.param("64:ff9b::1:0:0", None, id="behind the last address"),
    pytest.param("64:ff9b:1::cb00:7109", None, id="a prefix of one site (RFC 8215)"),
    pytest.param("64:ff9c::cb00:7109", None, id="another prefix"),
    pytest.param("2002:cb00:7109::1", None, id="6to4"),
    pytest.param("2001:0:cb00:7109::34ff:8ef6", None, id="Teredo"),
    pytest.param("::cb00:7109", None, id="IPv4-compatible"),
    pytest.param("2001:db8::64:ff9b:0:0", None, id="the prefix elsewhere"),
    pytest.param("203.0.113.9", None, id="IPv4"),
]


@pytest.mark.parametrize(("address", "ipv4"), NAT64)
def test_the_ipv4_client_of_nat64(address, ipv4):
    assert behind_nat64(address) == (ipv4 or address)


@given(st.ip_addresses(v=4))
def test_every_ipv4_client_of_nat64_is_found(ipv4):
    address = ip_address((0x64FF9B << 96) + int(ipv4))
    assert behind_nat64(canonical(address)) == str(ipv4)


@pytest.mark.parametrize(("text", "expected"), DRESSED)
def test_a_node_loses_port_brackets_and_zone(text, expected):
    assert parse_node(text) == expected
    assert parse_address(text) is None


@pytest.mark.parametrize("text", NOT_A_NODE)
def test_no_node(text):
    assert parse_node(text) == ""
    assert parse_address(text) is None


def test_a_socket_is_a_node_and_no_address():
    assert parse_node("unix:") == UNIX == "unix:"
    assert parse_address("unix:") is None


@pytest.mark.parametrize("reader", ["_pack_ipv4_anywhere", "_pack_ipv4_natively"])
def test_an_address_is_the_same_by_either_reader(monkeypatch, reader):
    """The one for platforms that read leading zeros, and the one for all others."""
    monkeypatch.setattr(module, "_pack_ipv4", getattr(module, reader))
    monkeypatch.setattr(module, "_pack_ipv6", getattr(module, reader.replace("4", "6")))
    for text, expected in [case.values for case in [*PLAIN, *DRESSED]]:
        assert parse_node(text) == expected
    for (text,) in [case.values for case in [*NOT_AN_ADDRESS, *NOT_A_NODE]]:
        assert parse_node(text) == ""


@pytest.mark.parametrize("leniency", module._NO_IPV4)
def test_a_reader_of_ipv4_that_is_lenient_is_not_used(leniency):
    def lenient(text):
        return b"\1\2\3\4" if text == leniency else module._pack_ipv4_anywhere(text)

    assert not module._refuses(lenient, module._NO_IPV4)


@pytest.mark.parametrize("leniency", module._NO_IPV6)
def test_a_reader_of_ipv6_that_is_lenient_is_not_used(leniency):
    def lenient(text):
        return bytes(16) if text == leniency else module._pack_ipv6_anywhere(text)

    assert not module._refuses(lenient, module._NO_IPV6)


def test_a_reader_that_takes_a_nul_is_never_believed():
    """PyPy's inet_pton passes over a NUL and all behind it, of IPv4 and IPv6."""
    script = """
import socket
plain = socket.inet_pton
socket.inet_pton = lambda family, text: plain(family, text.partition("\\0")[0])
from flask_trustproxy.core.addresses import parse_address, parse_network, parse_node
for text in ("203.0.113.9", "2001:db8::1", "[2001:db8::1]:80", "::ffff:203.0.113.9"):
    for wrong in (f"{text}\\0", f"{text}\\0<b>", f"{text}\\0:80"):
        assert parse_address(wrong) is None, wrong
        assert parse_node(wrong) == "", wrong
    assert parse_node(text)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_reader_that_is_strict_is_used():
    assert not module._refuses(socket.inet_aton, module._NO_IPV4)
    assert module._refuses(module._pack_ipv4_anywhere, module._NO_IPV4)
    assert module._refuses(module._pack_ipv4, module._NO_IPV4)
    assert module._refuses(module._pack_ipv6_anywhere, module._NO_IPV6)
    assert module._refuses(module._pack_ipv6, module._NO_IPV6)


@given(spelled_addresses)
def test_every_spelling_of_an_address_is_its_canonical_text(spelled):
    text, expected = spelled
    assert parse_address(text) == expected


@given(dressed_addresses)
def test_every_dress_of_an_address_is_its_canonical_text(dressed):
    text, expected = dressed
    assert parse_node(text) == expected


@given(addresses, st.integers(0, 99999))
def test_a_port_is_at_most_65535(address, port):
    text = f"[{address}]" if address.version == 6 else str(address)
    expected = canonical(address) if port <= 65535 else ""
    assert parse_node(f"{text}:{port}") == expected
    assert parse_node(f"{text}:{port:05}") == expected


@given(near_addresses)
def test_what_is_an_address_is_what_the_standard_library_says(text):
    """The library is lenient about zones alone, once its leniencies for other types are out."""
    try:
        expected = canonical(ip_address(text))
    except ValueError:
        expected = None
    if "%" in text:
        expected = None
    assert parse_address(text) == expected


@given(st.one_of(any_text, near_addresses))
def test_no_text_raises_and_what_is_read_is_canonical(text):
    address = parse_address(text)
    node = parse_node(text)
    if address is not None:
        assert text.isascii()
        assert node == address
    if node not in ("", UNIX):
        assert parse_address(node) == node == canonical(ip_address(node))


@given(any_text, addresses)
def test_no_text_beside_an_address_is_dropped(text, address):
    """What is read accounts for every character: all else is port, bracket or zone."""
    for spelled in (f"{text}{address}", f"{address}{text}"):
        if parse_node(spelled) == canonical(address) and text:
            assert text.isascii()
            assert not set(text) & set(" \t\r\n\0,;\"'<>\\=/")


NETWORKS = [
    pytest.param("192.0.2.1", "192.0.2.1/32", id="an IPv4 address"),
    pytest.param("2001:DB8::1", "2001:db8::1/128", id="an IPv6 address"),
    pytest.param("::ffff:192.0.2.1", "192.0.2.1/32", id="an IPv4-mapped address"),
    pytest.param("10.0.0.0/8", "10.0.0.0/8", id="a prefix"),
    pytest.param("10.1.2.3/8", "10.0.0.0/8", id="host bits set"),
    pytest.param("10.0.0.0/255.0.0.0", "10.0.0.0/8", id="a mask"),
    pytest.param("10.1.2.3/255.0.0.0", "10.0.0.0/8", id="a mask and host bits set"),
    pytest.param("10.0.0.1/255.255.255.255", "10.0.0.1/32", id="the longest mask"),
    pytest.param("192.0.2.1/128.0.0.0", "128.0.0.0/1", id="the shortest mask"),
    pytest.param("10.0.0.0/0", "0.0.0.0/0", id="all of IPv4"),
    pytest.param("10.0.0.1/32", "10.0.0.1/32", id="the longest IPv4 prefix"),
    pytest.param("2001:db8::/32", "2001:db8::/32", id="an IPv6 prefix"),
    pytest.param("2001:db8:ffff::1/33", "2001:db8:8000::/33", id="host bits set in IPv6"),
    pytest.param("::/0", "::/0", id="all of IPv6"),
    pytest.param("::1/128", "::1/128", id="the longest IPv6 prefix"),
    pytest.param("::ffff:10.0.0.0/104", "10.0.0.0/8", id="IPv4-mapped"),
    pytest.param("::ffff:a01:203/104", "10.0.0.0/8", id="IPv4-mapped in hexadecimal"),
    pytest.param("::ffff:0:0/96", "0.0.0.0/0", id="all of the IPv4-mapped"),
    pytest.param("::ffff:10.0.0.1/128", "10.0.0.1/32", id="one IPv4-mapped address"),
    pytest.param("::fffe:0:0/95", "::fffe:0:0/95", id="wider, and not written as IPv4-mapped"),
]

_PREFIX_4 = "expected a prefix from 0 to 32 behind the slash"
_PREFIX_6 = "expected a prefix from 0 to 128 behind the slash"
_MASK = "expected a network mask of ones followed by zeros"
_NETWORK = "expected an address or a network"
_MAPPED_PREFIX = "expected a prefix of at least 96 for an IPv4-mapped network"

NO_NETWORKS = [
    pytest.param("", _NETWORK, id="nothing"),
    pytest.param("/8", _NETWORK, id="a prefix alone"),
    pytest.param("10.0.0.0/33", _PREFIX_4, id="an IPv4 prefix above 32"),
    pytest.param("10.0.0.0/", _PREFIX_4, id="an empty prefix"),
    pytest.param("10.0.0.0/-1", _PREFIX_4, id="a prefix below 0"),
    pytest.param("10.0.0.0/+8", _PREFIX_4, id="a prefix with a sign"),
    pytest.param("10.0.0.0/08", _PREFIX_4, id="a prefix with a leading zero"),
    pytest.param("10.0.0.0/00", _PREFIX_4, id="a prefix of two zeros"),
    pytest.param("10.0.0.0/٨", _PREFIX_4, id="a prefix in Arabic digits"),
    pytest.param("10.0.0.0/²", _PREFIX_4, id="a prefix in superscript"),
    pytest.param("10.0.0.0/ 8", _PREFIX_4, id="a space in front of the prefix"),
    pytest.param("10.0.0.0/8 ", _PREFIX_4, id="a space behind the prefix"),
    pytest.param("10.0.0.0/8\n", _PREFIX_4, id="a line feed behind the prefix"),
    pytest.param("10.0.0.0 /8", _NETWORK, id="a space in front of the slash"),
    pytest.param("10.0.0.0/8/8", _PREFIX_4, id="two prefixes"),
    pytest.param("10.0.0.0/" + "9" * 5000, _PREFIX_4, id="a prefix of 5000 digits"),
    pytest.param("10.0.0.0/0.0.0.0", _MASK, id="a mask of zeros, which means all"),
    pytest.param("10.0.0.0/0.255.255.255", _MASK, id="a wildcard mask"),
    pytest.param("10.0.0.0/0.0.0.255", _MASK, id="a short wildcard mask"),
    pytest.param("10.0.0.0/255.0.255.0", _MASK, id="a mask with a hole"),
    pytest.param("10.0.0.0/255.0.0.1", _MASK, id="a mask with a one at the end"),
    pytest.param("10.0.0.0/127.0.0.0", _MASK, id="a mask without its first one"),
    pytest.param("10.0.0.0/255.0.0.0.0", _PREFIX_4, id="a mask of five parts"),
    pytest.param("10.0.0.0/0255.0.0.0", _PREFIX_4, id="a mask with a leading zero"),
    pytest.param("10/8", _NETWORK, id="a short network"),
    pytest.param("010.0.0.0/8", _NETWORK, id="a leading zero in the network"),
    pytest.param("2001:db8::/129", _PREFIX_6, id="an IPv6 prefix above 128"),
    pytest.param("2001:db8::/ffff:ffff::", _PREFIX_6, id="an IPv6 mask"),
    pytest.param("2001:db8::/255.0.0.0", _PREFIX_6, id="an IPv4 mask behind IPv6"),
    pytest.param("::ffff:10.0.0.0/255.0.0.0", _PREFIX_6, id="an IPv4 mask behind IPv4-mapped"),
    pytest.param("::ffff:10.0.0.0/8", _MAPPED_PREFIX, id="IPv4-mapped with an IPv4 prefix"),
    pytest.param("::ffff:10.0.0.0/95", _MAPPED_PREFIX, id="IPv4-mapped with prefix 95"),
    pytest.param("::ffff:0:0/0", _MAPPED_PREFIX, id="IPv4-mapped with prefix 0"),
    pytest.param("fe80::1%eth0/64", _NETWORK, id="a zone"),
    pytest.param("[2001:db8::]/32", _NETWORK, id="brackets"),
    pytest.param("10.0.0.1:80", _NETWORK, id="a port"),
    pytest.param("unix:", _NETWORK, id="a socket"),
]


@pytest.mark.parametrize(("text", "expected"), NETWORKS)
def test_a_network_is_read_as(text, expected):
    assert str(parse_network(text)) == expected


@pytest.mark.parametrize(("text", "expected"), NO_NETWORKS)
def test_no_network(text, expected):
    with pytest.raises(ValueError, match=rf"\A{re.escape(expected)}\Z"):
        parse_network(text)


@given(networks)
def test_a_network_is_what_the_standard_library_says(network):
    ours = parse_network(str(network))
    theirs = unmapped(network)
    assert ours == Network(int(theirs.network_address), theirs.prefixlen, theirs.max_prefixlen)
    assert ours.last == int(theirs.broadcast_address)
    assert str(ours) == str(theirs)


@given(networks.filter(lambda network: network.version == 4 and network.prefixlen))
def test_a_mask_means_its_prefix(network):
    assert parse_network(network.with_netmask) == parse_network(str(network))


@given(st.one_of(any_text, near_addresses), st.one_of(any_text, st.integers(0, 130).map(str)))
def test_no_text_is_a_network_that_does_not_parse_to_itself(text, suffix):
    for network_text in (text, f"{text}/{suffix}"):
        try:
            read = parse_network(network_text)
        except ValueError as error:
            read = str(error)
        if isinstance(read, str):
            assert read in {_NETWORK, _PREFIX_4, _PREFIX_6, _MASK, _MAPPED_PREFIX}
        else:
            assert parse_network(str(read)) == read


def unmapped(network):
    """The IPv4 network of an IPv4-mapped one, as parse_network has it."""
    if network.version == 6 and network.subnet_of(IPv6Network((MAPPED, 96))):
        base = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return ip_network(f"{base}/{network.prefixlen - 96}")
    return network


def around(network):
    """The addresses on both sides of both bounds of a network."""
    first, last = int(network.network_address), int(network.broadcast_address)
    make = IPv4Address if network.version == 4 else IPv6Address
    top = 2**network.max_prefixlen - 1
    return [make(n) for n in (first - 1, first, last, last + 1) if 0 <= n <= top]


@given(st.lists(networks, max_size=8), st.lists(addresses, max_size=4))
def test_membership_is_that_of_a_plain_list_of_networks(chosen, strangers):
    ours = NetworkSet(parse_network(str(network)) for network in chosen)
    theirs = list(map(unmapped, chosen))
    for address in [*strangers, *(a for network in theirs for a in around(network))]:
        text = canonical(address)
        expected = any(ip_address(text) in network for network in theirs)
        assert (text in ours) is expected, text


@given(st.lists(networks, max_size=8), st.randoms(use_true_random=False))
def test_ranges_are_sorted_apart_and_the_same_in_any_order(chosen, random):
    parsed = [parse_network(str(network)) for network in chosen]
    ranges = NetworkSet(parsed).ranges()
    shuffled = random.sample(parsed, len(parsed))
    assert NetworkSet(shuffled + parsed).ranges() == ranges
    assert ranges == sorted(ranges, key=lambda r: (r[2], r[0]))
    for (_, last, width), (first, _, next_width) in zip(ranges, ranges[1:]):
        assert width < next_width or last + 1 < first
    for network in parsed:
        assert any(
            first <= network.first and network.last <= last and width == network.width
            for first, last, width in ranges
        )


@given(st.lists(networks, max_size=8), networks)
def test_what_a_set_covers_and_overlaps_is_that_of_the_standard_library(chosen, other):
    ours, network = NetworkSet(map(parsed_as, chosen)), parsed_as(other)
    theirs = [each for each in map(unmapped, chosen) if each.version == unmapped(other).version]
    merged = list(collapse_addresses(theirs))
    assert ours.covers(network) is any(unmapped(other).subnet_of(each) for each in merged)
    assert ours.overlaps(network) is any(unmapped(other).overlaps(each) for each in merged)


@pytest.mark.parametrize(
    ("chosen", "network", "covers", "overlaps"),
    [
        pytest.param(["10.0.0.0/8"], "10.0.0.0/8", True, True, id="itself"),
        pytest.param(["10.0.0.0/8"], "10.255.255.255", True, True, id="its last address"),
        pytest.param(["10.0.0.0/8"], "11.0.0.0", False, False, id="the next address"),
        pytest.param(["10.0.0.0/8"], "10.0.0.0/7", False, True, id="one that is wider"),
        pytest.param(["10.0.0.1"], "10.0.0.0/30", False, True, id="one around it"),
        pytest.param(["10.0.0.0/31", "10.0.0.2/31"], "10.0.0.0/30", True, True, id="halves"),
        pytest.param(["10.0.0.0", "10.0.0.3"], "10.0.0.0/30", False, True, id="a gap"),
        pytest.param(["::/0"], "10.0.0.0/8", False, False, id="IPv6 is no IPv4"),
        pytest.param(["0.0.0.0/0"], "::1", False, False, id="IPv4 is no IPv6"),
        pytest.param(["::/0"], "::/0", True, True, id="all of IPv6"),
        pytest.param([], "::/0", False, False, id="nothing"),
    ],
)
def test_a_set_covers_and_overlaps(chosen, network, covers, overlaps):
    ours, other = NetworkSet(map(parse_network, chosen)), parse_network(network)
    assert (ours.covers(other), ours.overlaps(other)) == (covers, overlaps)


def parsed_as(network):
    return parse_network(str(network))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([], [], id="no network"),
        pytest.param(
            ["0.0.0.0/0", "::/0"], [(0, 2**32 - 1, 32), (0, 2**128 - 1, 128)], id="all"
        ),
        pytest.param(
            ["128.0.0.0/1", "0.0.0.0/1"], [(0, 2**32 - 1, 32)], id="halves that touch are one"
        ),
        pytest.param(
            ["10.0.0.0/24", "10.0.0.7"], [(0x0A000000, 0x0A0000FF, 32)], id="one inside another"
        ),
        pytest.param(
            ["10.0.0.0/25", "10.0.1.0/24"],
            [(0x0A000000, 0x0A00007F, 32), (0x0A000100, 0x0A0001FF, 32)],
            id="a gap stays",
        ),
        pytest.param(
            ["10.0.0.1", "10.0.0.3"],
            [(0x0A000001, 0x0A000001, 32), (0x0A000003, 0x0A000003, 32)],
            id="a gap of one address stays",
        ),
        pytest.param(
            ["10.0.0.0/24", "::a00:100/120"],
            [(0x0A000000, 0x0A0000FF, 32), (0x0A000100, 0x0A0001FF, 128)],
            id="IPv4 and IPv6 numbers that touch stay apart",
        ),
        pytest.param(
            ["::ffff:10.0.1.0/120", "10.0.0.0/24"],
            [(0x0A000000, 0x0A0001FF, 32)],
            id="an IPv4-mapped network is merged with its neighbour",
        ),
    ],
)
def test_ranges(texts, expected):
    assert NetworkSet(map(parse_network, texts)).ranges() == expected


class CountedBytes(bytes):
    """Bytes that count how often they are compared."""

    compared = 0

    def counted(name):
        def compare(self, other):
            CountedBytes.compared += 1
            return getattr(bytes, name)(self, other)

        return compare

    __lt__, __le__, __gt__, __ge__ = map(counted, ("__lt__", "__le__", "__gt__", "__ge__"))
    __eq__, __ne__ = map(counted, ("__eq__", "__ne__"))
    __hash__ = bytes.__hash__


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "inet"),
    [
        pytest.param(10 << 24, "inet_aton", id="IPv4"),
        pytest.param(0x20010DB8 << 96, "inet_pton", id="IPv6"),
    ],
)
def test_a_hundred_thousand_networks_cost_twenty_comparisons(monkeypatch, start, inet):
    """Every second address is a network of its own, so that none are merged."""
    width = 32 if inet == "inet_aton" else 128
    many = NetworkSet(Network(start + 2 * i, width, width) for i in range(100_000))
    assert len(many.ranges()) == 100_000
    plain = getattr(module, inet)
    monkeypatch.setattr(module, inet, lambda *given: CountedBytes(plain(*given)))
    make = IPv4Address if width == 32 else IPv6Address
    for offset in (-1, 0, 1, 99_999, 100_000, 199_998, 199_999):
        CountedBytes.compared = 0
        inside = str(make(start + offset)) in many
        assert inside is (0 <= offset < 200_000 and offset % 2 == 0)
        assert 0 < CountedBytes.compared <= 20


@pytest.mark.parametrize("text", ["192.0.2.1", "2001:db8::1"])
def test_a_dressed_address_is_never_plain(text):
    assert [parse_address(t) for t in dress(text)] == [text] + [None] * (len(dress(text)) - 1)
