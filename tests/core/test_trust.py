"""What each value of TRUST_PROXY trusts."""

from __future__ import annotations

import functools
import re
import tracemalloc
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Network,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.addresses import UNIX, NetworkSet, parse_network
from flask_trustproxy.core.trust import PRESETS, compile_trust
from flask_trustproxy.core.trust_file import sign
from helpers import addresses, attacker_text, canonical, networks, spelled_addresses

# One on either side of each bound of each preset, and what else there is.
SAMPLES = {
    "loopback": ["127.0.0.0", "127.0.0.1", "127.255.255.255", "::1"],
    "linklocal": ["169.254.0.0", "169.254.255.255", "fe80::", "febf:" + ":".join(["ffff"] * 7)],
    "uniquelocal": [
        *("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"),
        *("192.168.0.0", "192.168.255.255", "fc00::", "fdff:" + ":".join(["ffff"] * 7)),
    ],
    "public": [
        *("0.0.0.0", "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0"),
        *("169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
        *("192.167.255.255", "192.169.0.0", "203.0.113.9", "255.255.255.255"),
        *("::", "::2", "fbff:" + ":".join(["ffff"] * 7), "fe00::", "fe7f::", "fec0::"),
        *("2001:db8::1", "64:ff9b::a00:1", "::7f00:1", "::fffe:7f00:1"),
    ],
}
EVERY_SAMPLE = [address for samples in SAMPLES.values() for address in samples]


def trusted(value: object, hop: int = 0) -> set[str]:
    """Which of all samples, a socket and a peer without an address are trusted."""
    policy = compile_trust(value)
    return {address for address in [*EVERY_SAMPLE, UNIX, ""] if policy.trusts(address, hop)}


def test_the_presets_are_those_that_express_has():
    texts = {name: " ".join(map(str, networks)) for name, networks in PRESETS.items()}
    assert texts == {
        "loopback": "127.0.0.0/8 ::1/128",
        "linklocal": "169.254.0.0/16 fe80::/10",
        "uniquelocal": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
    }


@pytest.mark.parametrize("name", PRESETS)
def test_the_samples_are_on_the_right_side(name):
    for address in EVERY_SAMPLE:
        inside = NetworkSet(PRESETS[name]).covers(parse_network(address))
        assert inside is (address in SAMPLES[name]), address


EVERYBODY = {*EVERY_SAMPLE, UNIX, ""}
LOOPBACK = {*SAMPLES["loopback"], UNIX}
LINKLOCAL = set(SAMPLES["linklocal"])
UNIQUELOCAL = set(SAMPLES["uniquelocal"])
TEN = {"10.0.0.0", "10.255.255.255"}

VALUES = [
    pytest.param(False, "nobody", set(), id="False trusts nobody"),
    pytest.param("false", "nobody", set(), id="the word false"),
    pytest.param(" FALSE\t", "nobody", set(), id="false in any case, with blanks"),
    pytest.param([], "nobody", set(), id="an empty list trusts nobody"),
    pytest.param((), "nobody", set(), id="an empty tuple"),
    pytest.param(set(), "nobody", set(), id="an empty set"),
    pytest.param(frozenset(), "nobody", set(), id="an empty frozenset"),
    pytest.param(True, "everybody", EVERYBODY, id="True trusts everybody"),
    pytest.param("true", "everybody", EVERYBODY, id="the word true"),
    pytest.param("\tTrue ", "everybody", EVERYBODY, id="true in any case, with blanks"),
    pytest.param("loopback", "addresses", LOOPBACK, id="loopback is a named socket as well"),
    pytest.param("LoopBack", "addresses", LOOPBACK, id="a name in any case"),
    pytest.param(" \tloopback\t ", "addresses", LOOPBACK, id="blanks around a name"),
    pytest.param("linklocal", "addresses", LINKLOCAL, id="linklocal"),
    pytest.param("uniquelocal", "addresses", UNIQUELOCAL, id="uniquelocal"),
    pytest.param("unix", "addresses", {UNIX}, id="unix"),
    pytest.param("UNIX", "addresses", {UNIX}, id="unix in upper case"),
    pytest.param(
        "loopback,linklocal, uniquelocal",
        "addresses",
        LOOPBACK | LINKLOCAL | UNIQUELOCAL,
        id="three names with and without spaces",
    ),
    pytest.param("203.0.113.9", "addresses", {"203.0.113.9"}, id="an IPv4 address"),
    pytest.param("2001:DB8:0::1", "addresses", {"2001:db8::1"}, id="an IPv6 address"),
    pytest.param("::ffff:cb00:7109", "addresses", {"203.0.113.9"}, id="an IPv4-mapped address"),
    pytest.param("10.0.0.0/8", "addresses", TEN, id="a network"),
    pytest.param("10.1.2.3/8", "addresses", TEN, id="a network with host bits"),
    pytest.param("10.0.0.0/255.0.0.0", "addresses", TEN, id="a network by its mask"),
    pytest.param("::ffff:10.0.0.0/104", "addresses", TEN, id="an IPv4-mapped network"),
    pytest.param(
        "2001:db8::/32 , unix", "addresses", {"2001:db8::1", UNIX}, id="a network and a socket"
    ),
    pytest.param(
        "0.0.0.0/0",
        "addresses",
        {a for a in EVERY_SAMPLE if "." in a},
        id="all of IPv4 is no IPv6 and no socket",
    ),
    pytest.param(
        "::/0",
        "addresses",
        {a for a in EVERY_SAMPLE if ":" in a},
        id="all of IPv6 is no IPv4 and no socket",
    ),
    pytest.param(["unix", "10.0.0.0/8"], "addresses", {UNIX, *TEN}, id="a list"),
    pytest.param(("unix", " 10.0.0.0/8\t"), "addresses", {UNIX, *TEN}, id="a tuple, blanks"),
    pytest.param({"unix", "10.0.0.0/8"}, "addresses", {UNIX, *TEN}, id="a set"),
    pytest.param(frozenset({"unix"}), "addresses", {UNIX}, id="a frozenset"),
    pytest.param(IPv4Address("203.0.113.9"), "addresses", {"203.0.113.9"}, id="an IPv4Address"),
    pytest.param(IPv6Address("2001:db8::1"), "addresses", {"2001:db8::1"}, id="an IPv6Address"),
    pytest.param(
        IPv6Address("::ffff:203.0.113.9"), "addresses", {"203.0.113.9"}, id="a mapped one"
    ),
    pytest.param(IPv4Network("10.0.0.0/8"), "addresses", TEN, id="an IPv4Network"),
    pytest.param(IPv6Network("::ffff:a00:0/104"), "addresses", TEN, id="a mapped IPv6Network"),
    pytest.param(
        IPv4Interface("10.0.0.1/8"), "addresses", TEN, id="an IPv4Interface is its network"
    ),
    pytest.param(
        [IPv4Network("10.0.0.0/8"), "unix", IPv6Address("2001:db8::1")],
        "addresses",
        {UNIX, "2001:db8::1", *TEN},
        id="objects and names in a list",
    ),
    pytest.param(0, "count", set(), id="a count of none"),
    pytest.param(1, "count", EVERYBODY, id="a count asks for no address"),
    pytest.param("1", "count", EVERYBODY, id="a count as text"),
    pytest.param(" 1\t", "count", EVERYBODY, id="a count as text with blanks"),
    pytest.param("0", "count", set(), id="a count of none as text"),
    pytest.param(
        lambda address, hop: True,
        "callable",
        EVERYBODY - {""},
        id="a callable is not asked about a peer without an address",
    ),
    pytest.param(lambda address, hop: False, "callable", set(), id="a callable that says no"),
]


@pytest.mark.parametrize(("value", "kind", "expected"), VALUES)
def test_a_value_trusts(value, kind, expected):
    assert compile_trust(value).kind == kind
    assert trusted(value) == expected


@pytest.mark.parametrize("value", [False, [], True, "loopback", "unix", "10.0.0.0/8, ::1"])
def test_who_is_trusted_does_not_depend_on_the_hop(value):
    assert trusted(value, 0) == trusted(value, 1) == trusted(value, 15)


@pytest.mark.parametrize("count", [0, 1, 2, 16, "2", "999999999"])
def test_a_count_trusts_that_many_hops_whoever_they_are(count):
    policy = compile_trust(count)
    n = int(count)
    assert policy.count == n
    for hop in {0, 1, max(n - 1, 0), n, n + 1}:
        for address in ["203.0.113.9", "::1", UNIX, ""]:
            assert policy.trusts(address, hop) is (hop < n)


def test_only_counts_have_a_count():
    for value in [True, False, "loopback", lambda address, hop: True]:
        assert compile_trust(value).count is None


def test_true_is_never_one():
    assert compile_trust(True).kind == compile_trust("true").kind == "everybody"
    assert compile_trust(1).kind == compile_trust("1").kind == "count"
    assert compile_trust(False).kind == "nobody"
    assert compile_trust(0).kind == "count"


@pytest.mark.parametrize(
    ("value", "unix", "by_name"),
    [
        ("unix", True, True),
        ("loopback", True, False),
        ("loopback, unix", True, True),
        (["UNIX "], True, True),
        ("linklocal, uniquelocal", False, False),
        ("127.0.0.0/8, ::1", False, False),
        (True, False, False),
        (1, False, False),
        (lambda address, hop: True, False, False),
    ],
)
def test_a_missing_peer_is_a_socket_only_where_it_is_trusted_by_name(value, unix, by_name):
    policy = compile_trust(value)
    assert (policy.unix, policy.unix_by_name) == (unix, by_name)


def test_loopback_by_number_does_not_include_a_socket():
    assert UNIX not in trusted("127.0.0.0/8, ::1/128")


@given(spelled_addresses, addresses)
def test_an_address_trusts_itself_however_it_is_spelled(spelled, other):
    text, address = spelled
    policy = compile_trust(text)
    assert policy.kind == "addresses"
    assert policy.trusts(address, 0)
    assert policy.trusts(canonical(other), 0) is (canonical(other) == address)


@given(st.lists(networks, min_size=1, max_size=6), addresses)
def test_text_and_objects_and_lists_trust_the_same(chosen, address):
    text = canonical(address)
    answers = {
        compile_trust(value).trusts(text, 3)
        for value in (
            chosen,
            tuple(chosen),
            list(map(str, chosen)),
            set(chosen),
            ",".join(map(str, chosen)),
            "\t, ".join(map(str, chosen)).upper(),
        )
    }
    assert len(answers) == 1


@given(attacker_text | st.text(max_size=20))
def test_no_text_is_trusted_by_an_accident(text):
    """Any text is a mistake, or each of its elements is a name, a network or a count."""
    try:
        policy = compile_trust(text)
    except ValueError:
        return
    assert text.isascii()
    if policy.kind == "addresses":
        for element in text.split(","):
            element = element.strip(" \t").lower()
            assert element in (*PRESETS, "unix") or parse_network(element)
    else:
        assert re.fullmatch(r"[ \t]*(?:true|false|0|[1-9][0-9]{0,8})[ \t]*", text, re.I | re.A)


def test_only_trusted_addresses_are_known_and_at_most_1024():
    policy = compile_trust("10.0.0.0/8")
    asked = [f"10.0.{i // 256}.{i % 256}" for i in range(1025)]
    for address in asked[:1024]:
        assert policy.trusts(address, 0)
        assert not policy.trusts(f"203{address[2:]}", 0)
    assert policy.known == set(asked[:1024])
    assert policy.trusts(asked[1024], 0)
    assert policy.known == {asked[1024]}


@pytest.mark.slow
def test_a_hundred_thousand_networks_are_one_sorted_set():
    many = [IPv4Address((10 << 24) + 2 * i) for i in range(100_000)]
    policy = compile_trust(many)
    assert len(policy.networks.ranges()) == 100_000
    assert policy.trusts(str(many[77_777]), 0)
    assert not policy.trusts(str(many[77_777] + 1), 0)


class TestCallable:
    def test_it_is_asked_with_the_address_and_the_hop(self):
        asked = []

        def function(address, hop):
            asked.append((address, hop))
            return hop < 2

        policy = compile_trust(function)
        hops = [("10.0.0.2", 0), (UNIX, 1), ("::1", 2)]
        assert [policy.trusts(*hop) for hop in hops] == [True, True, False]
        assert asked == hops

    def test_it_is_not_asked_about_a_peer_without_an_address(self):
        assert compile_trust(lambda address, hop: pytest.fail("asked")).trusts("", 0) is False

    @pytest.mark.parametrize("answer", [None, 0, 1, "", "yes", [], "False", 1.0])
    def test_an_answer_other_than_a_bool_raises(self, answer):
        def function(address, hop):
            return answer

        expected = (
            f"TRUST_PROXY: {function!r} answered {answer!r} for ('10.0.0.2', 1); "
            "expected True or False"
        )
        with pytest.raises(TypeError, match=rf"\A{re.escape(expected)}\Z"):
            compile_trust(function).trusts("10.0.0.2", 1)

    def test_what_it_raises_propagates(self):
        def function(address, hop):
            raise LookupError(address)

        with pytest.raises(LookupError, match="10.0.0.2"):
            compile_trust(function).trusts("10.0.0.2", 0)

    @pytest.mark.parametrize(
        "function",
        [
            pytest.param(lambda address, hop: True, id="two parameters"),
            pytest.param(lambda address, hop, more=1: True, id="a third with a default"),
            pytest.param(lambda *args: True, id="any number"),
            pytest.param(lambda address, hop=0, **more: True, id="defaults and keywords"),
            pytest.param(lambda a, b, /: True, id="positional only"),
            pytest.param(functools.partial(lambda x, a, b: True, 1), id="a partial"),
            pytest.param(max, id="a builtin, whose signature is unknown or fits"),
        ],
    )
    def test_it_must_take_two_positional_arguments(self, function):
        assert compile_trust(function).kind == "callable"

    def test_a_bound_method_and_an_object_are_callables(self):
        class Judge:
            def judge(self, address, hop):
                return address == "10.0.0.2"

            __call__ = judge

        for function in (Judge().judge, Judge()):
            assert trusted(function) == set()
            assert compile_trust(function).trusts("10.0.0.2", 0) is True


def strangers(value: object) -> bool:
    return compile_trust(value).trusts_strangers()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(True, True, id="True"),
        pytest.param("true", True, id="the word true"),
        pytest.param(False, False, id="nobody"),
        pytest.param(16, False, id="a count"),
        pytest.param(lambda address, hop: True, False, id="a callable"),
        pytest.param("loopback, linklocal, uniquelocal, unix", False, id="all presets"),
        pytest.param("10.0.0.0/8, fc00::/8, 127.0.0.0/9", False, id="networks inside presets"),
        pytest.param("0.0.0.0/0", True, id="all of IPv4"),
        pytest.param("::/0", True, id="all of IPv6"),
        pytest.param("::ffff:0:0/96", True, id="all of IPv4, IPv4-mapped"),
        pytest.param("0.0.0.0/1, 128.0.0.0/1", True, id="halves of IPv4"),
        pytest.param("::/1, 8000::/1", True, id="halves of IPv6"),
        pytest.param(["loopback", IPv4Network("0.0.0.0/0")], True, id="an object in a list"),
        pytest.param("198.0.0.0/8", False, id="1/256 of IPv4"),
        pytest.param("198.0.0.0/8, 203.0.113.9", True, id="1/256 of IPv4 and one address"),
        pytest.param("198.0.0.0/8, 198.51.100.0/24", False, id="1/256 of IPv4, a part twice"),
        pytest.param("198.0.0.0/7", True, id="1/128 of IPv4"),
        pytest.param("198.0.0.0/8, 203.0.0.0/8", True, id="twice 1/256 of IPv4, apart"),
        pytest.param("10.0.0.0/7", True, id="a network wider than a preset"),
        pytest.param("10.0.0.0/8, 198.0.0.0/8", False, id="a preset does not count"),
        pytest.param(
            "10.0.0.0/9, 10.128.0.0/9, 198.0.0.0/8", False, id="halves of a preset do not count"
        ),
        pytest.param("192.160.0.0/11", False, id="a network around a preset that is small"),
        pytest.param("2001::/16", False, id="an IPv6 /16"),
        pytest.param("2000::/15", True, id="an IPv6 /15"),
        pytest.param("2000::/16, 2001::/16", True, id="two IPv6 /16 that are a /15"),
        pytest.param("2001::/16, 2002::", True, id="an IPv6 /16 and one address"),
        pytest.param("2001::/16, 2001:db8::/32", False, id="an IPv6 /16 and a part of it"),
        pytest.param("2001::/16, 2002:db8::/32, 2003::/16", False, id="IPv6 apart"),
        pytest.param("fc00::/6", True, id="wider than uniquelocal"),
        pytest.param("fe80::/9", True, id="wider than linklocal"),
        pytest.param("203.0.113.0/24, 2001:db8::/32", False, id="ordinary networks"),
    ],
)
def test_strangers_are_trusted(value, expected):
    assert strangers(value) is expected


@given(st.lists(networks, min_size=1, max_size=4))
def test_however_all_of_ipv4_is_cut_it_is_everybody(cuts):
    """A network and what is left of everything without it are everything."""
    for cut in cuts:
        if cut.version == 4:
            rest = IPv4Network("0.0.0.0/0").address_exclude(cut)
            assert strangers([cut, *rest])


@given(st.lists(networks, min_size=1, max_size=6))
def test_more_networks_never_silence_the_warning(chosen):
    if strangers(chosen[:1]):
        assert strangers(chosen)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(True, True, id="True"),
        pytest.param(1, True, id="a count"),
        pytest.param("loopback", True, id="loopback"),
        pytest.param("unix", True, id="unix"),
        pytest.param("linklocal", True, id="linklocal"),
        pytest.param("uniquelocal", True, id="uniquelocal"),
        pytest.param("127.0.0.1", True, id="a loopback address"),
        pytest.param("::1", True, id="the IPv6 loopback address"),
        pytest.param("203.0.113.9, 10.1.2.3", True, id="a private address among others"),
        pytest.param(IPv4Network("192.168.7.0/24"), True, id="a private network as an object"),
        pytest.param("::ffff:10.0.0.1", True, id="a private address, IPv4-mapped"),
        pytest.param("0.0.0.0/0", True, id="a network around private ones"),
        pytest.param("192.160.0.0/11", True, id="a network around a private one"),
        pytest.param(False, False, id="nobody"),
        pytest.param("203.0.113.0/24, 2001:db8::/32", False, id="public networks"),
        pytest.param("11.0.0.0/8, 9.0.0.0/8", False, id="neighbours of a private network"),
        pytest.param(lambda address, hop: True, False, id="a callable"),
    ],
)
def test_something_local_is_trusted(value, expected):
    assert compile_trust(value).trusts_local() is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("10.0.0.0/8", True, id="a private network"),
        pytest.param("10.0.0.0/31", True, id="a small one"),
        pytest.param("loopback, 172.17.0.0/16", True, id="one beside loopback"),
        pytest.param("uniquelocal", True, id="uniquelocal"),
        pytest.param("linklocal", True, id="linklocal"),
        pytest.param("fd00::/64", True, id="an IPv6 one"),
        pytest.param("100.64.0.0/10", True, id="shared address space"),
        pytest.param("100.100.0.0/24", True, id="a part of shared address space"),
        pytest.param("0.0.0.0/0", True, id="a network around private ones"),
        pytest.param(IPv4Network("192.168.0.0/24"), True, id="an object"),
        pytest.param("10.0.0.2, 10.0.0.3/32, fd00::1", False, id="single private addresses"),
        pytest.param("loopback, 127.0.0.0/9, unix", False, id="loopback and a socket"),
        pytest.param("203.0.113.0/24, 100.128.0.0/10", False, id="public networks"),
        pytest.param(True, False, id="everybody"),
        pytest.param(2, False, id="a count"),
        pytest.param(False, False, id="nobody"),
        pytest.param(lambda address, hop: True, False, id="a callable"),
    ],
)
def test_a_private_range_is_trusted(value, expected):
    assert compile_trust(value).trusts_private_range() is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("10.1.2.3/8", [("10.1.2.3/8", "10.0.0.0/8")], id="host bits"),
        pytest.param("10.0.0.0/8, 10.1.2.3", [], id="none"),
        pytest.param(
            "10.1.2.3/255.0.0.0", [("10.1.2.3/255.0.0.0", "10.0.0.0/8")], id="behind a mask"
        ),
        pytest.param(
            "2001:DB8::1/32, loopback, 198.51.100.7/24",
            [("2001:db8::1/32", "2001:db8::/32"), ("198.51.100.7/24", "198.51.100.0/24")],
            id="two among others",
        ),
        pytest.param(
            "::ffff:10.1.2.3/104", [("::ffff:10.1.2.3/104", "10.0.0.0/8")], id="IPv4-mapped"
        ),
        pytest.param("10.1.2.3/32, ::1/128", [], id="no bits that are the host's"),
        pytest.param(
            IPv4Interface("10.0.0.1/8"), [("10.0.0.1/8", "10.0.0.0/8")], id="an IPv4Interface"
        ),
        pytest.param(True, [], id="everybody"),
        pytest.param(2, [], id="a count"),
    ],
)
def test_networks_with_host_bits_are_told(value, expected):
    assert list(compile_trust(value).rewritten()) == expected


@pytest.mark.parametrize(
    ("value", "address", "hop", "expected"),
    [
        pytest.param(True, "203.0.113.9", 4, "True", id="everybody"),
        pytest.param(False, "127.0.0.1", 0, None, id="nobody"),
        pytest.param(2, "203.0.113.9", 1, "the count 2", id="a count"),
        pytest.param(2, "203.0.113.9", 2, None, id="behind the count"),
        pytest.param(
            lambda address, hop: True, "203.0.113.9", 0, "the callable", id="a callable"
        ),
        pytest.param("10.0.0.0/8, loopback", "127.0.0.1", 0, "loopback", id="a name"),
        pytest.param("10.0.0.0/8, Loopback", UNIX, 0, "loopback", id="a socket by loopback"),
        pytest.param("10.0.0.0/8, unix", UNIX, 0, "unix", id="a socket by name"),
        pytest.param("unix, 10.0.0.0/8", "10.1.2.3", 0, "10.0.0.0/8", id="a network"),
        pytest.param("10.0.0.0/8, 10.1.2.3", "10.1.2.3", 0, "10.0.0.0/8", id="the first one"),
        pytest.param("10.0.0.0/8", "203.0.113.9", 0, None, id="none of them"),
        pytest.param("10.0.0.0/8", "", 0, None, id="a peer without an address"),
        pytest.param(
            [IPv6Network("2001:db8::/32")],
            "2001:db8::1",
            0,
            "2001:db8::/32",
            id="an IPv6Network",
        ),
    ],
)
def test_what_trusts_a_hop_is_named(value, address, hop, expected):
    assert compile_trust(value).rule(address, hop) == expected


def test_a_policy_is_frozen():
    policy = compile_trust("loopback")
    with pytest.raises(AttributeError):
        policy.kind = "everybody"


def test_a_list_that_is_mutated_later_changes_nothing():
    value = ["10.0.0.0/8"]
    policy = compile_trust(value)
    value.append("0.0.0.0/0")
    assert not policy.trusts("203.0.113.9", 0)
    assert policy.elements == ("10.0.0.0/8",)


class TestFiles:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "A List.txt"
        path.write_text("198.51.100.0/24\n2001:db8::/32\n")
        return path

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("file:{}", id="a string"),
            pytest.param("  FILE:{}\t", id="in upper case, blanks around it"),
            pytest.param("File: {}", id="a blank in front of the path"),
            pytest.param("file:{} , 2001:db8::/32", id="one of two"),
            pytest.param(["file:{}"], id="a list"),
            pytest.param({"file:{}"}, id="a set"),
        ],
    )
    def test_an_element_names_a_file(self, path, value):
        text = str(path)
        if isinstance(value, str):
            value = value.format(text)
        else:
            value = type(value)(each.format(text) for each in value)
        policy = compile_trust(value)
        assert policy.kind == "addresses"
        assert trusted(value) == {"2001:db8::1"}
        assert policy.trusts("198.51.100.255", 3)
        (file,) = policy.files
        assert (file.path, file.count, file.signature) == (text, 2, sign(text))

    def test_it_is_combined_with_others(self, path, tmp_path):
        (tmp_path / "more").write_text("10.0.0.0/8")
        value = ["loopback", f"file:{path}", f"file:{tmp_path}/more", "203.0.113.9"]
        assert trusted(value) == LOOPBACK | TEN | {"2001:db8::1", "203.0.113.9"}
        policy = compile_trust(value)
        assert [file.count for file in policy.files] == [2, 1]
        assert policy.elements == tuple(value)

    def test_a_relative_path_starts_in_the_directory(self, path, tmp_path, monkeypatch):
        value = f"file:{path.name}"
        assert compile_trust(value, str(tmp_path)).files[0].path == str(path)
        assert compile_trust(f"file:{path}", "/nowhere").files[0].path == str(path)
        monkeypatch.chdir(tmp_path)
        assert compile_trust(value).files[0].path == path.name

    def test_blanks_alone_go_from_a_path(self, path):
        path.rename(path.with_name("\xa0X"))
        policy = compile_trust("file: \xa0X\t", str(path.parent))
        assert policy.files[0].path == str(path.with_name("\xa0X"))

    def test_a_file_is_not_read_where_another_element_is_a_mistake(self, path):
        path.unlink()
        with pytest.raises(ValueError, match="Did you mean 'loopback'"):
            compile_trust(f"loopbck, file:{path}")

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("198.51.100.7", "file:{}"),
            ("203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "file:{}2"),
            ("127.0.0.1", "loopback"),
            (UNIX, "loopback"),
            ("192.0.2.1", None),
            ("", None),
        ],
    )
    def test_it_is_named_by_what_trusts_a_hop(self, path, address, expected):
        path.with_name(f"{path.name}2").write_text("10.0.0.0/8")
        policy = compile_trust(f"203.0.113.9, file:{path}, FILE: {path}2, loopback")
        assert policy.rule(address, 1) == (expected and expected.format(path))

    def test_a_rule_is_compiled_once(self, path):
        policy = compile_trust(f"10.0.0.0/8, file:{path}")
        policy.rule("10.0.0.1", 0)
        path.unlink()
        assert policy.rule("198.51.100.7", 0) == f"file:{path}"
        assert policy._rules is policy._rules
        assert policy._rules[1][1] is policy.files[0].networks

    @pytest.mark.parametrize(
        ("lines", "beside", "expected"),
        [
            pytest.param(["32.0.0.0/8"], "::1", (True, False, False), id="1/256 of IPv4"),
            pytest.param(
                ["32.0.0.0/8", "33.0.0.0/8"], "::1", (True, False, True), id="1/128 of IPv4"
            ),
            pytest.param(
                ["32.0.0.0/8"], "203.0.113.9", (False, False, True), id="more beside the file"
            ),
            pytest.param(
                ["2002::/16", "2003::/16"], "::2", (False, False, True), id="an IPv6 /15"
            ),
            pytest.param(["10.0.0.0/24"], "::2", (True, True, False), id="a private range"),
            pytest.param(
                ["10.0.0.2", "10.0.0.3"], "::2", (True, False, False), id="private addresses"
            ),
            pytest.param(
                ["10.0.0.0/8", "32.0.0.0/8"], "::2", (True, True, False), id="1/256 beside it"
            ),
            pytest.param(["203.0.113.0/24"], "::2", (False, False, False), id="a public one"),
        ],
    )
    def test_its_dangers_are_those_of_its_networks(self, path, lines, beside, expected):
        path.write_text("\n".join(lines))
        policy = compile_trust(f"file:{path}, {beside}")
        assert expected == (
            policy.trusts_local(),
            policy.trusts_private_range(),
            policy.trusts_strangers(),
        )

    def test_no_path_is_taken_for_a_network_with_host_bits(self, path):
        assert list(compile_trust(f"file:{path}, 10.1.2.3/8").rewritten()) == [
            ("10.1.2.3/8", "10.0.0.0/8")
        ]

    def test_a_name_of_no_file_is_no_name(self, path):
        (path.parent / "unix").write_text("198.51.100.0/24")
        policy = compile_trust("file:unix", str(path.parent))
        assert (policy.unix, policy.unix_by_name) == (False, False)

    @pytest.mark.slow
    def test_a_hundred_thousand_networks_are_kept_small(self, path):
        lines = [f"{IPv4Address((32 << 24) + 2 * i)}\n" for i in range(100_000)]
        path.write_text("".join(lines))
        tracemalloc.start()
        policy = compile_trust(f"file:{path}, loopback")
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert policy.files[0].count == len(policy.files[0].networks.ranges()) == 100_000
        assert policy.trusts("32.0.0.2", 0)
        assert kept < 12 * 2**20
