"""The two lists of hops, read from the right: no text of a client moves them."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.forwarded import (
    SILENT,
    Element,
    ElementReader,
    entries,
    nth_value,
    parse_element,
    write_forwarded,
)
from helpers import Watched, addresses, attacker_text, canonical, dressed_addresses

commas = st.sampled_from([",", ", ", ",\t", " , "])

# What a client writes so that a quote, a backslash or a pair runs on to the right.
openings = st.sampled_from(
    ['"', 'for="', 'for="6.6.6.6', 'a="\\', 'a="\\"', "\\", "\\" * 9, '"\\"', ";", "for=", "="]
)
prefixes = st.tuples(attacker_text, openings | st.just("")).map("".join)


def token_or_quoted(text: str) -> st.SearchStrategy[str]:
    """A value as proxies write it: quoted, with any character escaped or not."""
    pairs = [st.sampled_from([c, f"\\{c}"] if c not in '"\\' else [f"\\{c}"]) for c in text]
    return st.tuples(*pairs).map(lambda parts: '"{}"'.format("".join(parts)))


@st.composite
def elements(draw: st.DrawFn) -> tuple[str, Element]:
    """One element that a proxy wrote, and what it says."""
    node_text, node = draw(
        st.one_of(dressed_addresses, st.sampled_from([("unix:", "unix:"), ("unknown", "")]))
    )
    proto = draw(st.sampled_from(["", "http", "https", "wss", "a,b;c"]))
    host = draw(st.sampled_from(["", "a.example", "a,for=6.6.6.6", 'a";b', "a\\", "[::1]:80"]))
    pairs = [("For", node_text), ("proto", proto), ("HOST", host), ("by", "_x"), ("ext", "")]
    texts = [
        f"{name}={draw(token_or_quoted(value))}"
        for name, value in draw(st.permutations(pairs))
        if value or name == "ext"
    ]
    return draw(st.sampled_from([";", "; ", " ;"])).join(texts), Element(node, proto, host)


@given(prefix=prefixes, comma=commas, honest=st.lists(elements(), min_size=1, max_size=4))
def test_forwarded_never_looks_left_of_the_elements_that_were_asked_for(prefix, comma, honest):
    right = ", ".join(text for text, _ in honest)
    value = Watched(f"{prefix}{comma}{right}")
    texts = islice(entries(value, "forwarded"), len(honest))
    found = [parse_element(text)[:3] for text in texts]
    assert found == [element[:3] for _, element in reversed(honest)]
    left = len(value) - len(right)
    # The comma before the leftmost of them ends it; spaces may stand between.
    assert value.lowest >= left - len(comma)


@given(prefix=attacker_text, comma=commas, honest=st.lists(dressed_addresses, min_size=1))
def test_a_list_never_looks_left_of_the_entries_that_were_asked_for(prefix, comma, honest):
    right = ",".join(text for text, _ in honest)
    value = Watched(f"{prefix}{comma}{right}")
    texts = list(islice(entries(value), len(honest)))
    assert texts == [text.strip(" \t") for text, _ in reversed(honest)]
    assert value.lowest >= len(value) - len(right) - len(comma)


@given(prefix=attacker_text, comma=commas, n=st.integers(1, 4))
def test_the_nth_value_never_looks_left_of_itself(prefix, comma, n):
    right = ", ".join(f"value{i}" for i in range(n, 0, -1))
    value = Watched(f"{prefix}{comma}{right}")
    assert nth_value(value, n) == f"value{n}"
    assert value.lowest >= len(value) - len(right) - len(comma)


@given(st.text('",;\\ =a', max_size=12), st.sampled_from(["", "for=192.0.2.1", 'a="b"']))
def test_reading_forwarded_to_the_end_is_linear(pattern, last):
    value = Watched(pattern * (4096 // max(len(pattern), 1)) + last)
    assert sum(map(len, entries(value, "forwarded"))) <= len(value)
    assert value.looked <= 6 * len(value) + 6


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(pattern * (65536 // len(pattern)), id=f"64 KB of {pattern}")
        for pattern in (
            '"',
            "\\",
            '\\"',
            '="',
            'a="',
            " ",
            "a",
            ";",
            "a=;",
            ":_a",
            'a="\\"',
            "= ",
        )
    ]
    + [pytest.param('for="' + "\\" * 65536, id="a quote that is never closed")],
)
def test_a_hostile_element_says_nothing(text):
    # Backtracking that is not linear would not come back from this.
    assert parse_element(text) == SILENT


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        pytest.param("a, b,c", ["c", "b", "a"], id="with and without a space"),
        pytest.param(" \ta\t ,\tb ", ["b", "a"], id="spaces and tabs around an entry go"),
        pytest.param("\xa0a\r,\x0bb", ["\x0bb", "\xa0a\r"], id="no other white space does"),
        pytest.param(",a,,b,", ["", "b", "", "a", ""], id="empty entries are entries"),
        pytest.param(",", ["", ""], id="a comma alone has two"),
        pytest.param('"a,b"', ['b"', '"a'], id="quotes are text"),
        pytest.param("X", ["X"], id="a letter alone"),
        pytest.param("", [], id="an empty value has none"),
        pytest.param(" \t", [], id="a blank value has none"),
        pytest.param("\xa0", ["\xa0"], id="a value of other white space has one"),
    ],
)
def test_the_entries_of_a_list(value, texts):
    assert list(entries(value)) == texts
    # nth_value() takes the same, without what stands right of the value.
    assert [nth_value(value, n + 1) for n in range(len(texts) + 2)] == [*texts, None, None]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        pytest.param("a=1, b=2,c=3", ["c=3", "b=2", "a=1"], id="with and without a space"),
        pytest.param('a="1,2", b="3"', ['b="3"', 'a="1,2"'], id="a comma inside quotes"),
        pytest.param('a="\\",", b=2', ["b=2", 'a="\\","'], id="an escaped quote and a comma"),
        pytest.param('a="\\\\", b=2', ["b=2", 'a="\\\\"'], id="an escaped backslash ends"),
        pytest.param('a=",";b=",,"', ['a=",";b=",,"'], id="two strings in one element"),
        pytest.param('a=1, b=2", c=3', ["c=3", 'a=1, b=2"'], id="no partner: one is left"),
        pytest.param('a=", b="c,d"', ['b="c,d"', 'a="'], id="partners are on the right"),
        pytest.param('", b="c"', ['b="c"', '"'], id="an open quote stays on its side"),
        pytest.param(',a="1,2"', ['a="1,2"', ""], id="a comma before the first"),
        pytest.param(", a=1,,", ["", "", "a=1", ""], id="empty elements are elements"),
        pytest.param("", [], id="an empty value has none"),
        pytest.param("\t ", [], id="a blank value has none"),
        pytest.param("\xa0", ["\xa0"], id="a value of other white space has one"),
        pytest.param("X", ["X"], id="a letter alone"),
    ],
)
def test_the_elements_of_a_forwarded_header(value, texts):
    assert list(entries(value, "forwarded")) == texts


def test_what_is_known_is_not_read_again():
    # No address, so that reading it would show.
    reader = ElementReader({"known"})
    assert (reader.node("for=_x"), reader.node("for=known")) == ("", "known")


@pytest.mark.parametrize(
    ("text", "element"),
    [
        pytest.param("for=192.0.2.1", Element("192.0.2.1"), id="an address"),
        pytest.param('for="[2001:db8::1]"', Element("2001:db8::1"), id="IPv6 as it should be"),
        pytest.param('For="[2001:DB8::1]:4711"', Element("2001:db8::1"), id="IPv6 with a port"),
        pytest.param('for="192.0.2.1:80"', Element("192.0.2.1"), id="IPv4 with a port"),
        pytest.param(
            "by=_x;proto=https;FOR=192.0.2.1;host=a.example",
            Element("192.0.2.1", "https", "a.example"),
            id="any order and case",
        ),
        pytest.param(
            'for=192.0.2.1;host="a,b;c=\\"d\\\\"',
            Element("192.0.2.1", "", 'a,b;c="d\\'),
            id="commas, semicolons and quoted pairs in a string",
        ),
        pytest.param(
            "for=192.0.2.1;connection=http/1.1-tcp-ipv4",
            SILENT._replace(node="192.0.2.1"),
            id="an extension parameter that is no token",
        ),
        pytest.param('for="1\\92.0.2.1"', Element("192.0.2.1"), id="a quoted pair is undone"),
        pytest.param("for=unknown", SILENT, id="unknown"),
        pytest.param("for=_hidden;proto=https", Element("", "https"), id="an obfuscated node"),
        pytest.param('for="_hidden:_port"', SILENT, id="an obfuscated node and port"),
        pytest.param('for="192.0.2.1:_p"', Element("192.0.2.1"), id="an obfuscated port"),
        pytest.param('for="[2001:db8::1]:_p"', Element("2001:db8::1"), id="the same of IPv6"),
        pytest.param("for=", SILENT, id="an empty node"),
        pytest.param('for=""', SILENT, id="an empty string"),
        pytest.param("proto=https;host=a", Element("", "https", "a"), id="no node at all"),
        pytest.param("", SILENT, id="an empty element"),
        pytest.param(" \t", SILENT, id="a blank element"),
        pytest.param("for=192.0.2.1;for=192.0.2.2", SILENT, id="for twice"),
        pytest.param("for=192.0.2.1;FOR=192.0.2.1", SILENT, id="for twice in another case"),
        pytest.param("for=192.0.2.1;a=1;A=2", SILENT, id="an extension twice"),
        pytest.param("by=a;for=192.0.2.1;by=b", SILENT, id="by twice"),
        pytest.param('for=192.0.2.1;host="a', SILENT, id="a string that does not end"),
        pytest.param('for=192.0.2.1;host="a\\"', SILENT, id="its end is escaped"),
        pytest.param('for="192.0.2.1"x', SILENT, id="text behind a string"),
        pytest.param('for=x"192.0.2.1"', SILENT, id="text before a string"),
        pytest.param("for=192.0.2.1 x", SILENT, id="text behind a value"),
        pytest.param("192.0.2.1", SILENT, id="a value without a name"),
        pytest.param("for", SILENT, id="a name without a value"),
        pytest.param("=192.0.2.1", SILENT, id="no name before the sign"),
        pytest.param("for =192.0.2.1", SILENT, id="a space before the sign"),
        pytest.param("for= 192.0.2.1", SILENT, id="a space behind the sign"),
        pytest.param("f\xf6r=1;for=192.0.2.1", SILENT, id="a name that is no token"),
        pytest.param("for=192.0.2.1\r\n", SILENT, id="a line end is no space"),
        pytest.param('for="192.0.2.1\0"', SILENT, id="a NUL behind an address"),
        pytest.param("for=192.0.2.1:65536", SILENT, id="a port out of range"),
    ],
)
def test_parse_element(text, element):
    assert parse_element(text) == element


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        # Lenient where a trusted hop may be sloppy: nobody else's text is read.
        pytest.param("for=[2001:db8::1]", [("2001:db8::1", "", "")], id="4: brackets unquoted"),
        pytest.param("for=2001:db8::1", [("2001:db8::1", "", "")], id="6: IPv6 unbracketed"),
        pytest.param("for=192.0.2.1:80", [("192.0.2.1", "", "")], id="4: a bare port"),
        pytest.param("host=a:80", [("", "", "a:80")], id="4: a bare host with its port"),
        pytest.param("for=192.0.2.1 ; proto=http", [("192.0.2.1", "http", "")], id="4: spaces"),
        pytest.param(";for=192.0.2.1;;", [("192.0.2.1", "", "")], id="4: empty parameters"),
        pytest.param("for=192.0.2.1;a=", [("192.0.2.1", "", "")], id="4: an empty value"),
        pytest.param('for="fe80::1%eth0"', [("fe80::1", "", "")], id="6: a zone is dropped"),
        pytest.param(
            "for=::ffff:192.0.2.1", [("192.0.2.1", "", "")], id="6: a mapped address is IPv4"
        ),
        # nginx writes it where its client came over a socket; without it the
        # proxies before such a hop could not be walked.
        pytest.param('for="unix:"', [("unix:", "", "")], id="6: a socket is a node"),
        # The RFC has a field that is read from the left. Whoever does lets the
        # first client open a quote and swallow what the proxies appended.
        pytest.param(
            'for="6.6.6.6, for=192.0.2.1',
            [("192.0.2.1", "", ""), ("", "", "")],
            id="4: an open quote swallows nothing to its right",
        ),
        pytest.param(
            'for="6.6.6.6\\, for="192.0.2.1"',
            [("192.0.2.1", "", ""), ("", "", "")],
            id="4: nor does a backslash",
        ),
        # A malformed element makes that element say nothing, and no other one:
        # whoever drops the field as a whole lets its first client do that.
        pytest.param(
            "<>, for=192.0.2.1",
            [("192.0.2.1", "", ""), ("", "", "")],
            id="4: a malformed element spoils no other",
        ),
        # RFC 9110 section 5.6.1.2 passes over empty elements. A proxy that had
        # nothing to say wrote this one, and left of it stands its client's text.
        pytest.param(
            "for=6.6.6.6, , for=192.0.2.1",
            [("192.0.2.1", "", ""), ("", "", ""), ("6.6.6.6", "", "")],
            id="4: an empty element is one",
        ),
    ],
)
def test_deviations_from_rfc_7239(value, elements):
    found = [parse_element(text)[:3] for text in entries(value, "forwarded")]
    assert found == elements


@pytest.mark.parametrize(
    ("text", "node", "unbracketed"),
    [
        pytest.param('for="2001:db8:7::22"', "2001:db8:7::22", True, id="IPv6 in quotes"),
        pytest.param("for=2001:db8:7::22", "2001:db8:7::22", True, id="IPv6 without quotes"),
        pytest.param(
            'for="2001:db8:1:2:3:4:5:6:80"', "2001:db8:1:2:3:4:5:6", True, id="and a port"
        ),
        pytest.param('for="2001:db8::1:_p"', "2001:db8::1", True, id="an obfuscated port"),
        pytest.param('for="fe80::1%eth0"', "fe80::1", True, id="a zone"),
        pytest.param('for="[2001:db8:7::22]"', "2001:db8:7::22", False, id="brackets"),
        pytest.param('for="[2001:db8:7::22]:80"', "2001:db8:7::22", False, id="and a port"),
        pytest.param('for="[203.0.113.9]:80"', "203.0.113.9", False, id="IPv4 in brackets"),
        pytest.param("for=203.0.113.9:80", "203.0.113.9", False, id="IPv4 and a port"),
        pytest.param('for="::ffff:203.0.113.9"', "203.0.113.9", False, id="mapped IPv4"),
        pytest.param('for="unix:"', "unix:", False, id="a socket"),
        pytest.param('for="2001:db8::g"', "", False, id="no address"),
        pytest.param("proto=https", "", False, id="no node"),
    ],
)
def test_ipv6_without_brackets_is_remembered(text, node, unbracketed):
    assert parse_element(text)[::3] == (node, unbracketed)
    known = frozenset((node,))
    assert parse_element(text, known)[::3] == (node, unbracketed)


hosts = st.sampled_from(["", "a.example", "a.example:8080", "192.0.2.1:80", "[2001:db8::1]:80"])


@given(
    nodes=st.lists(addresses.map(canonical), max_size=4),
    proto=st.sampled_from(["", "http", "https"]),
    host=hosts,
)
def test_what_is_written_is_read_again(nodes, proto, host):
    written = write_forwarded(nodes, proto, host)
    if not nodes and (proto or host):
        nodes = [""]
    said = [Element(*nodes[:1], proto, host), *map(Element, nodes[1:])] if nodes else []
    assert list(map(parse_element, entries(written, "forwarded"))) == said[::-1]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        pytest.param((["192.0.2.1"], "", ""), "for=192.0.2.1", id="a token is bare"),
        pytest.param((["2001:db8::1"], "", ""), 'for="[2001:db8::1]"', id="IPv6 is quoted"),
        pytest.param(
            (["192.0.2.1", "2001:db8::1"], "https", "a.example:80"),
            'for=192.0.2.1;proto=https;host="a.example:80", for="[2001:db8::1]"',
            id="the client's element alone has more than a node",
        ),
        pytest.param(([], "https", "[::1]"), 'proto=https;host="[::1]"', id="no address"),
        pytest.param(([], "", ""), "", id="nothing to say"),
    ],
)
def test_write_forwarded(said, value):
    assert write_forwarded(*said) == value
