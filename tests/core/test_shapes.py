"""How work grows: what is read and parsed is counted, and no clock is asked."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core import addresses as module
from flask_trustproxy.core.addresses import UNIX, parse_address
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.core.headers import environ_key
from flask_trustproxy.core.trust import compile_trust
from helpers import Watched, attacker_text, environ_of, settings_of, spelled_addresses

FORGED = "198.51.100.66"
CLIENT = "203.0.113.9"
LONG = [pytest.param(size, id=f"{size:,} bytes forged") for size in (64, 8192, 65_536)]


def rewritten(header, value, peer="10.0.0.2"):
    """Rewrite a request with one header.

    Returns that header, which tells how far it was read, what was resolved, and
    the texts that were parsed as an address.
    """
    settings = settings_of(headers=header, max_hops=10**6)
    environ = environ_of({header: Watched(value)}, peer)
    watched = environ[environ_key(header)]
    parsed = []

    def counting(pack):
        def count(text):
            parsed.append(str(text))
            return pack(text)

        return count

    with pytest.MonkeyPatch.context() as patch:
        for reader in ("_pack_ipv4", "_pack_ipv6"):
            patch.setattr(module, reader, counting(getattr(module, reader)))
        return watched, rewrite(environ, settings.policy), parsed


def many(text, size, separator=", "):
    """The text again and again, up to a size."""
    return separator.join([text] * (size // (len(text) + len(separator))))


class TestAHeaderOfAnySize:
    @pytest.mark.parametrize("size", LONG)
    @pytest.mark.parametrize(
        ("honest", "hops"),
        [
            pytest.param(CLIENT, 1, id="one hop"),
            pytest.param(f"{CLIENT}, 10.0.0.3, 10.0.0.4", 3, id="three hops"),
        ],
    )
    def test_forged_entries_are_neither_read_nor_parsed(self, size, honest, hops):
        watched, resolution, parsed = rewritten(
            "X-Forwarded-For", f"{many(FORGED, size)}, {honest}"
        )
        assert resolution.client_ip == CLIENT
        assert len(parsed) == hops + 1  # the peer too
        assert FORGED not in parsed
        assert watched.lowest == len(watched) - len(f", {honest}")

    @pytest.mark.parametrize("size", LONG)
    def test_forged_elements_are_neither_read_nor_parsed(self, size):
        honest = f"for={CLIENT};proto=https"
        watched, resolution, parsed = rewritten(
            "Forwarded", f"{many(f'for={FORGED}', size)},{honest}"
        )
        assert resolution.client_ip == CLIENT
        assert parsed == ["10.0.0.2", CLIENT]
        assert watched.lowest == len(watched) - len(f",{honest}")

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
    @pytest.mark.parametrize("size", LONG)
    def test_nothing_is_read_of_what_a_stranger_sent(self, header, size):
        watched, resolution, parsed = rewritten(
            header, many(f"for={FORGED}", size), peer=CLIENT
        )
        assert resolution.client_ip == CLIENT
        assert parsed == [CLIENT]
        assert watched.looked == 0

    @pytest.mark.parametrize(
        ("header", "parses"),
        [
            pytest.param("X-Forwarded-For", ["10.0.0.2", "x y", "x y"], id="X-Forwarded-For"),
            pytest.param("Forwarded", ["10.0.0.2"], id="Forwarded"),
        ],
    )
    @pytest.mark.parametrize("size", LONG)
    def test_one_entry_of_junk_ends_it(self, header, parses, size):
        watched, resolution, parsed = rewritten(header, f"{many('x y', size)}, x y")
        assert resolution.stopped == "not_an_address"
        assert parsed == parses
        assert watched.looked <= 32

    @pytest.mark.parametrize(
        ("header", "entry"), [("X-Forwarded-For", "10.0.0.3"), ("Forwarded", "for=10.0.0.3")]
    )
    @pytest.mark.parametrize("hops", [1, 800, 1600, 6400])
    def test_each_trusted_hop_is_read_once_and_each_address_parsed_once(
        self, header, entry, hops
    ):
        watched, resolution, parsed = rewritten(header, ", ".join([entry] * hops))
        assert resolution.trusted_hops == hops + 1
        assert parsed == ["10.0.0.2", "10.0.0.3"]
        assert watched.looked <= 4 * len(watched)


class Compared(bytes):
    """Bytes that count how often they are compared."""

    count = 0

    def __lt__(self, other):
        Compared.count += 1
        return bytes.__lt__(self, other)


class TestWhatWasTrusted:
    @pytest.mark.slow
    def test_a_hundred_thousand_networks_are_looked_through_once_per_proxy(self, monkeypatch):
        policy = compile_trust([IPv4Address((10 << 24) + 2 * i) for i in range(100_000)])
        pack = module.inet_aton
        monkeypatch.setattr(module, "inet_aton", lambda text: Compared(pack(text)))
        Compared.count = 0
        assert policy.trusts("10.0.0.2", 0)
        assert 0 < Compared.count <= 20
        Compared.count = 0
        assert policy.trusts("10.0.0.2", 1)
        assert Compared.count == 0
        assert not policy.trusts("10.0.0.3", 1)
        assert 0 < Compared.count <= 20

    def test_strangers_are_not_remembered(self):
        policy = compile_trust("10.0.0.0/8")
        for number in range(2000):
            assert not policy.trusts(str(IPv4Address((203 << 24) + number)), 1)
        assert policy.known == set()

    def test_so_many_are_remembered_and_no_more(self):
        policy = compile_trust("10.0.0.0/8, unix")
        most = 0
        for number in range(3000):
            assert policy.trusts(str(IPv4Address((10 << 24) + number)), 1)
            most = max(most, len(policy.known))
        assert most == 1024
        assert policy.trusts(UNIX, 0)
        assert policy.trusts("10.0.0.0", 0)
        assert not policy.trusts("", 0)


# Two readers of IPv4 stand in addresses.py, and a platform picks one.

octets = st.one_of(
    st.integers(0, 300).map(str),
    st.sampled_from(["00", "01", "0x1", "", " 1", "1 ", "+1", "-1", "1e1", "٣", "²"]),
)
nearly_ipv4 = st.lists(octets, min_size=3, max_size=5).map(".".join)


def is_ipv4(text):
    """RFC 3986 section 3.2.2, written once more."""
    parts = text.split(".")
    return len(parts) == 4 and all(
        part.isascii() and part.isdigit() and str(int(part)) == part and int(part) < 256
        for part in parts
    )


@pytest.mark.parametrize("reader", ["_pack_ipv4_anywhere", "_pack_ipv4_natively"])
@given(
    text=st.one_of(
        nearly_ipv4, attacker_text, spelled_addresses.map(lambda spelled: spelled[0]), st.text()
    )
)
def test_either_reader_of_ipv4_is_the_strict_grammar(reader, text):
    try:
        packed = getattr(module, reader)(text)
    except (OSError, ValueError):
        packed = None
    expected = bytes(map(int, text.split("."))) if is_ipv4(text) else None
    assert packed == expected
    if ":" not in text:
        assert parse_address(text) == (text if expected else None)
