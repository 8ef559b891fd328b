"""The table of forwarding headers, the grammar of their names, and their values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.headers import (
    CDN_HEADERS,
    KNOWN,
    parse_headers,
)
from helpers import attacker_text

TABLE = {
    "client list": ["X-Forwarded-For"],
    "forwarded": ["Forwarded"],
    "client": [
        *("X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "Fly-Client-IP"),
        *("Fastly-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Azure-ClientIP"),
        *("X-Envoy-External-Address", "X-Appengine-User-IP", "DO-Connecting-IP"),
        *("X-NF-Client-Connection-IP", "CloudFront-Viewer-Address"),
    ],
    "scheme": [
        *("X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Protocol", "X-Scheme"),
        *("X-Url-Scheme", "CloudFront-Forwarded-Proto", "X-Forwarded-Ssl", "Front-End-Https"),
        *("X-Appengine-Https", "CF-Visitor"),
    ],
    "host": ["X-Forwarded-Host", "X-Original-Host"],
    "port": ["X-Forwarded-Port"],
    "prefix": ["X-Forwarded-Prefix", "X-Script-Name", "X-Ingress-Path"],
}
NAMES = [(says, name) for says, names in TABLE.items() for name in names]
NEVER_READ = [
    *("X-Forwarded-By", "X-Forwarded-Server", "Client-IP", "Forwarded-For", "X-Forwarded"),
    *("CF-Connecting-IPv6", "X-Host", "X-ProxyUser-Ip", "WL-Proxy-Client-IP"),
    *("Proxy-Client-IP", "X-Original-Forwarded-For", "X-Original-For", "X-Original-Proto"),
    *("X-Forwarded-Path", "X-Forwarded-Context"),
]


def key(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def named(value: object) -> list[tuple[str, str, str, int]]:
    return [(h.name, h.key, h.says, h.n) for h in parse_headers(value).named]


def test_the_table_has_these_names_and_no_other():
    assert {(header.says, header.name) for header in KNOWN.values()} == set(NAMES)


@pytest.mark.parametrize(("says", "name"), NAMES)
def test_each_name_is_known_in_any_case(says, name):
    expected = [(name, key(name), says, 1)]
    for text in (name, name.lower(), name.upper(), f" \t{name}\t "):
        assert named(text) == named([text]) == expected


@pytest.mark.parametrize("name", NEVER_READ)
def test_a_name_that_is_only_removed_is_not_known(name):
    assert name.lower() not in KNOWN
    assert key(name) in parse_headers([]).unnamed


def test_the_forwarding_headers_are_the_table_and_those_that_nobody_reads():
    expected = {key(name) for _, name in NAMES} | {key(name) for name in NEVER_READ}
    assert parse_headers("none").unnamed == expected
    assert parse_headers("X-Real-IP").unnamed == expected - {"HTTP_X_REAL_IP"}
    assert parse_headers("X-Acme-Client=address").unnamed == expected


def test_a_cdn_writes_its_own_header_on_its_own_connections_alone():
    assert set(CDN_HEADERS) == {
        *("CF-Connecting-IP", "True-Client-IP", "Fastly-Client-IP", "X-Azure-ClientIP"),
        *("CloudFront-Viewer-Address", "X-NF-Client-Connection-IP"),
    }


@pytest.mark.parametrize("value", [[], (), set(), frozenset(), "none", "NONE", "\tNone "])
def test_no_header_is_read(value):
    plan = parse_headers(value)
    assert (plan.client, plan.values, plan.named) == (None, (), ())


VALUES = [
    pytest.param(
        "X-Forwarded-For,X-Forwarded-Proto ,\tX-Forwarded-Host",
        ["X-Forwarded-For:1", "X-Forwarded-Proto:1", "X-Forwarded-Host:1"],
        id="a comma-separated string",
    ),
    pytest.param(
        ["X-Forwarded-Proto", "X-Forwarded-For"],
        ["X-Forwarded-For:1", "X-Forwarded-Proto:1"],
        id="a list, the client's header first",
    ),
    pytest.param(("X-Forwarded-Port",), ["X-Forwarded-Port:1"], id="a tuple"),
    pytest.param({"X-Forwarded-Port"}, ["X-Forwarded-Port:1"], id="a set"),
    pytest.param("X-Forwarded-Proto:1", ["X-Forwarded-Proto:1"], id="the first from the right"),
    pytest.param(
        "x-forwarded-proto:2", ["X-Forwarded-Proto:2"], id="the second from the right"
    ),
    pytest.param("X-Forwarded-Proto:999", ["X-Forwarded-Proto:999"], id="the highest number"),
    pytest.param(
        "Forwarded, X-Forwarded-Port:2, X-Forwarded-Prefix:3",
        ["Forwarded:1", "X-Forwarded-Port:2", "X-Forwarded-Prefix:3"],
        id="Forwarded beside what it does not say",
    ),
    pytest.param("X-Acme-Client=address", ["X-Acme-Client:1"], id="a header of one's own"),
    pytest.param("x-acme-CLIENT=ADDRESS", ["x-acme-CLIENT:1"], id="as it was written"),
    pytest.param("x-real-ip=address", ["X-Real-IP:1"], id="a known one, said once more"),
    pytest.param("Client-IP=address", ["Client-IP:1"], id="one that is else removed"),
    pytest.param("X-Forwarded-Path=prefix", ["X-Forwarded-Path:1"], id="another such one"),
    pytest.param("X-Acme=address:port", ["X-Acme:1"], id="an address and a port"),
    pytest.param("X-Acme=ADDRESS:Port", ["X-Acme:1"], id="a kind in any case"),
    pytest.param(
        "X-A=scheme:2, X-B=host:3, X-C=port:4, X-D=prefix:5",
        ["X-A:2", "X-B:3", "X-C:4", "X-D:5"],
        id="kinds with the value that counts",
    ),
    pytest.param("x-forwarded-proto=scheme:2", ["X-Forwarded-Proto:2"], id="a known kind"),
    pytest.param("CF-Visitor=scheme", ["CF-Visitor:1"], id="a known one of its own form"),
    pytest.param(
        "CloudFront-Viewer-Address=address:port",
        ["CloudFront-Viewer-Address:1"],
        id="a known address and port",
    ),
]


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_headers_are_named(value, expected):
    assert [f"{name}:{n}" for name, _, _, n in named(value)] == expected


def test_a_header_of_ones_own_says_the_client():
    assert named("X-Acme-Client=address") == [
        ("X-Acme-Client", "HTTP_X_ACME_CLIENT", "client", 1)
    ]
    assert (
        parse_headers("X-Acme-Client=address").client.parse("::ffff:192.0.2.1") == "192.0.2.1"
    )


@pytest.mark.parametrize(("says", "name"), NAMES)
def test_the_client_and_the_values_stand_apart(says, name):
    plan = parse_headers([name])
    if says in ("client list", "forwarded", "client"):
        assert (plan.client.name, plan.values) == (name, ())
    else:
        assert (plan.client, [header.name for header in plan.values]) == (None, [name])


@pytest.mark.parametrize(("says", "name"), NAMES)
def test_what_is_said(says, name):
    plan = parse_headers([name])
    expected = {says, "scheme", "host"} if says == "forwarded" else {says}
    assert {what for what in TABLE if plan.says(what)} == expected


_KINDS = "'Name=kind' with one of the kinds address, address:port, scheme, host, port, prefix"
_NAMES = f"expected the names of forwarding headers that are known, or {_KINDS}"
_ITEM = "expected the names of forwarding headers"
_SHAPE = (
    "expected the names of forwarding headers such as 'X-Forwarded-For' or "
    f"'X-Forwarded-Host:2', or {_KINDS}, got "
)
_LIST = "expected the names of forwarding headers as a list or a comma-separated string"
_BLANK = ". A line break or another blank is a part of the value: remove it"
_FROM_1 = "expected a number from 1 behind the colon, got "
FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"

#: Also asked in full, with setting and origin, by the tests of the settings.
MISTAKES = [
    pytest.param("", f"{_SHAPE}''", id="an empty string"),
    pytest.param(f"{FOR},", f"{_SHAPE}''", id="a comma at the end"),
    pytest.param(f"{FOR},,{PROTO}", f"{_SHAPE}''", id="an empty name"),
    pytest.param(
        "X-Forwarded-Fro",
        f"{_NAMES}, got 'X-Forwarded-Fro'. Did you mean 'X-Forwarded-For'?",
        id="letters the wrong way round",
    ),
    pytest.param(
        "xforwardedproto",
        f"{_NAMES}, got 'xforwardedproto'. Did you mean 'X-Forwarded-Proto'?",
        id="no hyphens",
    ),
    pytest.param(
        "X_Forwarded_For",
        f"{_SHAPE}'X_Forwarded_For'. Did you mean 'X-Forwarded-For'?",
        id="underscores",
    ),
    pytest.param(
        "HTTP_X_FORWARDED_FOR",
        f"{_SHAPE}'HTTP_X_FORWARDED_FOR'. Did you mean 'X-Forwarded-For'?",
        id="the environ key",
    ),
    pytest.param(
        "X-Azure-Client-IP",
        f"{_NAMES}, got 'X-Azure-Client-IP'. Did you mean 'X-Azure-ClientIP'?",
        id="a hyphen too many",
    ),
    pytest.param(
        "Acme",
        f"{_NAMES}, got 'Acme'",
        id="an unknown name that is near none",
    ),
    pytest.param(
        "X-Forwarded-For\n",
        f"{_SHAPE}'X-Forwarded-For\\n'. Did you mean 'X-Forwarded-For'?",
        id="a line feed behind",
    ),
    pytest.param(
        "\xa0X-Forwarded-For",
        f"{_SHAPE}'\\xa0X-Forwarded-For'. Did you mean 'X-Forwarded-For'?",
        id="a no-break space in front",
    ),
    pytest.param(
        "X-Scheme\u212a", f"{_SHAPE}'X-Scheme\u212a'. Did you mean 'X-Scheme'?", id="no ASCII"
    ),
    pytest.param(
        "none, X-Real-IP",
        f"{_NAMES}, got 'none'",
        id="none beside a name",
    ),
    pytest.param("\xa0none", f"{_SHAPE}'\\xa0none'{_BLANK}", id="none behind a no-break space"),
    pytest.param(
        "Xnone",
        f"{_NAMES}, got 'Xnone'",
        id="none behind a letter",
    ),
    pytest.param("Acme=", f"{_SHAPE}'Acme='", id="an equals sign alone"),
    pytest.param("Acme =address", f"{_SHAPE}'Acme =address'", id="a space within"),
    pytest.param("=address", f"{_SHAPE}'=address'", id="no name"),
    pytest.param("Acme=address:1", "expected no ':1' behind Acme", id="an address's number"),
    pytest.param(
        "Acme=address:port:2", "expected no ':2' behind Acme", id="a number behind a port"
    ),
    pytest.param("Acme=strip", f"expected {_KINDS}, got 'Acme=strip'", id="no such kind"),
    pytest.param(
        "Acme=host:port", f"expected {_KINDS}, got 'Acme=host:port'", id="a port behind a host"
    ),
    pytest.param("Acme=scheme:0", f"{_FROM_1}'Acme=scheme:0'", id="number 0 of a kind"),
    pytest.param("Acme=scheme=2", f"{_SHAPE}'Acme=scheme=2'", id="two equals signs"),
    pytest.param("Acme:2=scheme", f"{_SHAPE}'Acme:2=scheme'", id="a number before the kind"),
    pytest.param("Acme=scheme:2:3", f"{_SHAPE}'Acme=scheme:2:3'", id="two numbers"),
    pytest.param(
        "X-Real-IP=scheme",
        "expected X-Real-IP without '=scheme': it is 'X-Real-IP=address'",
        id="an address as a scheme",
    ),
    pytest.param(
        "cloudfront-viewer-address=address",
        "expected CloudFront-Viewer-Address without '=address': it is "
        "'CloudFront-Viewer-Address=address:port'",
        id="an address and a port as an address",
    ),
    pytest.param(
        "X-Acme=host, X-ACME=port",
        "expected each header once, got X-Acme as two kinds",
        id="one header of two kinds",
    ),
    pytest.param(
        "X-Acme-Tls=scheme, X-Forwarded-Proto",
        "expected one header that says the scheme, got X-Acme-Tls and X-Forwarded-Proto",
        id="one's own scheme and a known one",
    ),
    *(
        pytest.param(
            name, f"{_NAMES}, got '{name}'", id=f"no hint that changes a meaning: {name}"
        )
        for name in [
            *("Fastly-SSL", "X-ARR-SSL", "X-Forwarded-Path", "Remote-User", "Client-IP"),
            *("Forwarded-For", "X-Forwarded-Post", "X-Forwarded-User", "X-Forwarded-Uri"),
            *("X-Original-URL", "X-Forwarded-Https", "CF-Connecting-IPv6", "X-Host"),
        ]
    ),
    pytest.param(
        "X-Forwarded-Prot",
        f"{_NAMES}, got 'X-Forwarded-Prot'. Did you mean 'X-Forwarded-Proto'?",
        id="one edit before two of another kind",
    ),
    pytest.param(
        "X-Ingres-Paht",
        f"{_NAMES}, got 'X-Ingres-Paht'",
        id="three edits",
    ),
    pytest.param(
        "X-Forwarded-For=address",
        "expected X-Forwarded-For without '=address': it holds a list",
        id="a list as one address",
    ),
    pytest.param(
        "Forwarded=address",
        "expected Forwarded without '=address': it holds a list",
        id="Forwarded as one address",
    ),
    pytest.param(
        "x-forwarded-proto=address",
        "expected X-Forwarded-Proto without '=address': it is 'X-Forwarded-Proto=scheme'",
        id="a scheme as an address",
    ),
    pytest.param(
        "Host=address",
        "expected a header that a proxy writes about the client, got Host",
        id="a header that the app needs",
    ),
    pytest.param(f"{FOR}:1", "expected no ':1' behind X-Forwarded-For", id="a list's number"),
    pytest.param("Forwarded:2", "expected no ':2' behind Forwarded", id="Forwarded's number"),
    pytest.param("X-Real-IP:1", "expected no ':1' behind X-Real-IP", id="an address's number"),
    pytest.param(f"{PROTO}:0", f"{_FROM_1}'X-Forwarded-Proto:0'", id="number 0"),
    pytest.param(f"{PROTO}:01", f"{_FROM_1}'X-Forwarded-Proto:01'", id="a leading zero"),
    *(
        pytest.param(
            f"{PROTO}{n}",
            f"{_SHAPE}'X-Forwarded-Proto{n}'. Did you mean 'X-Forwarded-Proto'?",
            id=f"no number: {ascii(n)}",
        )
        for n in (":", ":٣", ":²")
    ),
    *(
        pytest.param(
            f"{PROTO}{n}",
            f"{_SHAPE}'X-Forwarded-Proto{n}'",
            id=f"no number, and more than two edits: {n}",
        )
        for n in (":-1", ":+1", ": 1", ":1.0", " :1")
    ),
    pytest.param(
        f"{PROTO}:9999999999", f"{_SHAPE}'{PROTO}:9999999999'", id="a number of ten digits"
    ),
    pytest.param(
        f"{FOR}, X-Real-IP",
        "expected one header that says the client, got X-Forwarded-For and X-Real-IP",
        id="two say the client",
    ),
    pytest.param(
        f"Forwarded, {FOR}",
        "expected one header that says the client, got Forwarded and X-Forwarded-For",
        id="both lists",
    ),
    pytest.param(
        "X-Acme-Client=address, CF-Connecting-IP",
        "expected one header that says the client, got X-Acme-Client and CF-Connecting-IP",
        id="one's own and a known one",
    ),
    pytest.param(
        "X-Real-IP, x-real-ip",
        "expected one header that says the client, got X-Real-IP and X-Real-IP",
        id="the same twice",
    ),
    pytest.param(
        f"{PROTO}, Front-End-Https",
        "expected one header that says the scheme, got X-Forwarded-Proto and Front-End-Https",
        id="two say the scheme",
    ),
    pytest.param(
        f"{PROTO}, {PROTO}:2",
        "expected one header that says the scheme, got X-Forwarded-Proto and X-Forwarded-Proto",
        id="two of one header",
    ),
    pytest.param(
        "X-Original-Host, X-Forwarded-Host",
        "expected one header that says the host, got X-Original-Host and X-Forwarded-Host",
        id="two say the host",
    ),
    pytest.param(
        f"{PROTO}, Forwarded",
        "expected one header that says the scheme, got X-Forwarded-Proto and Forwarded",
        id="Forwarded beside a scheme",
    ),
    pytest.param(
        "Forwarded, X-Forwarded-Host:2",
        "expected one header that says the host, got Forwarded and X-Forwarded-Host",
        id="Forwarded beside a host",
    ),
    pytest.param(
        f"{FOR} {PROTO}",
        f"{_SHAPE}'{FOR} {PROTO}'. Separate the elements with commas",
        id="a space between names",
    ),
    pytest.param(
        [f"{FOR},{PROTO}"],
        f"{_SHAPE}'{FOR},{PROTO}'. Make each element an item of its own",
        id="a comma within a list's element",
    ),
    pytest.param([""], f"{_SHAPE}''", id="an empty string in a list"),
    pytest.param([FOR, 1], f"{_ITEM}, got 1", id="an int in a list"),
    pytest.param([None], f"{_ITEM}, got None", id="None in a list"),
    pytest.param([b"X-Real-IP"], f"{_ITEM}, got b'X-Real-IP'", id="bytes in a list"),
    pytest.param([[FOR]], f"{_ITEM}, got ['X-Forwarded-For']", id="a list in a list"),
    *(
        pytest.param(value, _LIST, id=f"no list: {value!r}")
        for value in (True, False, 0, 1, 3.5, b"X-Real-IP", {"X-Real-IP": 1}, None)
    ),
]


@pytest.mark.parametrize(("value", "expected"), MISTAKES)
def test_a_mistake(value, expected):
    with pytest.raises(ValueError, match=rf"\A{re.escape(expected)}\Z"):
        parse_headers(value)


@pytest.mark.parametrize(
    "kind", ["address", "address:port", "scheme", "host", "port", "prefix"]
)
@pytest.mark.parametrize("name", ["Host", "COOKIE", "Authorization"])
def test_a_header_that_the_app_needs_is_never_read_nor_removed(name, kind):
    with pytest.raises(ValueError, match="expected a header that a proxy writes"):
        parse_headers(f"{name}={kind}")


@given(
    st.lists(st.one_of(st.sampled_from([name for _, name in NAMES]), attacker_text)).map(
        ",".join
    )
)
def test_no_text_names_a_header_by_accident(text):
    try:
        plan = parse_headers(text)
    except ValueError:
        return
    says = [header.says for header in plan.named]
    assert len(says) == len(set(says)) == len(text.split(","))
    assert plan.unnamed.isdisjoint(header.key for header in plan.named)


#: The forms of a scheme: values that are read, and how the two are written.
PLAIN = {"https": "https", "HTTP": "http", "wss": "https", "ws": "http"}
SWITCH = {"on": "https", "Off": "http", "1": "https", "no": "http"}
VISITOR = '{"scheme":"https"}'
FORMS = {
    **dict.fromkeys(TABLE["scheme"], (PLAIN, {"https", "http"})),
    **dict.fromkeys(
        ("X-Forwarded-Ssl", "Front-End-Https", "X-Appengine-Https"), (SWITCH, {"on", "off"})
    ),
    "X-Forwarded-Protocol": ({**PLAIN, "ssl": "https"}, {"https", "http"}),
    "CF-Visitor": ({VISITOR: "https"}, {VISITOR, '{"scheme":"http"}'}),
    "X-Acme=scheme": ({**PLAIN, **SWITCH, "ssl": "https"}, {"https", "http"}),
}


@pytest.mark.parametrize("name", FORMS)
def test_each_scheme_header_knows_its_own_words(name):
    (header,) = parse_headers(name).values
    words, written = FORMS[name]
    for word in (*PLAIN, *SWITCH, "ssl", VISITOR, ""):
        assert header.parse(word) == words.get(word)
    assert {header.write(scheme) for scheme in ("https", "http")} == written
    assert all(header.parse(header.write(scheme)) == scheme for scheme in ("https", "http"))


@pytest.mark.parametrize(
    "item",
    [
        *("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto:2", "CF-Visitor"),
        *("CloudFront-Viewer-Address", "X-Acme=address", "X-Acme=address:port", "X-Acme=host"),
        *("X-Acme=scheme:2", "X-Acme=port", "X-Acme=prefix:3"),
    ],
)
def test_a_header_knows_its_item_of_the_setting(item):
    (header,) = parse_headers(item).named
    assert header.item == item


def test_a_known_name_with_its_kind_is_the_name_alone():
    (header,) = parse_headers("x-real-ip=address").named
    assert header.item == "X-Real-IP"


@pytest.mark.parametrize("name", ["X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Port"])
def test_a_value_is_written_as_it_is(name):
    (header,) = parse_headers(name).named
    assert header.write("on") == "on"
    assert header.write("https") == "https"


@given(st.sampled_from(list(KNOWN.values())), st.one_of(attacker_text, st.text(max_size=20)))
def test_no_value_raises_and_what_is_read_is_read_again(header, text):
    value = header.parse(text)
    if value:
        assert value.isascii()
        assert value.isprintable()
        assert header.parse(header.write(value)) == value


@pytest.mark.parametrize("name", TABLE["client"][:-1])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_a_header_of_one_address_has_one_address(name, text, expected):
    assert KNOWN[name.lower()].parse(text) == expected


WITH_PORTS = [
    pytest.param("192.0.2.1:4711", "192.0.2.1", "192.0.2.1:4711", id="IPv4"),
    pytest.param("[192.0.2.1]:4711", "192.0.2.1", "192.0.2.1:4711", id="IPv4 in brackets"),
    pytest.param("[2001:DB8::1]:443", "2001:db8::1", "[2001:db8::1]:443", id="IPv6"),
    pytest.param("2001:DB8::1:443", "2001:db8::1", "2001:db8::1:443", id="no brackets"),
    pytest.param(
        "2001:db8:1:2:3:4:5:6:443",
        "2001:db8:1:2:3:4:5:6",
        "2001:db8:1:2:3:4:5:6:443",
        id="nine groups",
    ),
    pytest.param("2001:db8:::443", "2001:db8::", "2001:db8:::443", id="an end of colons"),
    pytest.param("::1:443", "::1", "::1:443", id="a start of colons"),
    pytest.param("::ffff:192.0.2.1:80", "192.0.2.1", "192.0.2.1:80", id="mapped"),
    pytest.param("[fe80::1%eth0]:80", "fe80::1", "[fe80::1]:80", id="a zone in brackets"),
    pytest.param("fe80::1%eth0:80", "fe80::1", "fe80::1:80", id="a zone"),
    pytest.param("192.0.2.1:0", "192.0.2.1", "192.0.2.1:0", id="port 0"),
    pytest.param("192.0.2.1:65535", "192.0.2.1", "192.0.2.1:65535", id="the highest port"),
]

NO_PORTS = [
    pytest.param("192.0.2.1", id="no port"),
    pytest.param("[2001:db8::1]", id="no port behind brackets"),
    pytest.param("2001:db8:1:2:3:4:5:6", id="eight groups"),
    pytest.param("192.0.2.1:", id="an empty port"),
    pytest.param("192.0.2.1:65536", id="a port above 65535"),
    pytest.param("192.0.2.1:000080", id="six digits"),
    pytest.param("192.0.2.1:8a", id="a port with a letter"),
    pytest.param("192.0.2.1:\u0668", id="a port in Arabic digits"),
    pytest.param("192.0.2.1:80:443", id="two ports"),
    pytest.param("[2001:db8::1]:80:443", id="two ports behind brackets"),
    pytest.param("2001:db8:1:2:3:4:5:6:80:443", id="ten groups"),
    pytest.param("192.0.2.1:80, 192.0.2.2:80", id="two of them"),
    pytest.param("2001:db8::abcd", id="letters behind the last colon"),
    pytest.param("unix:", id="a socket"),
    pytest.param("unix::80", id="a socket and a port"),
    pytest.param("[192.0.2.1%eth0]:80", id="an IPv4 address with a zone"),
    pytest.param(":80", id="a port alone"),
    pytest.param("example.com:80", id="a name"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("name", ["CloudFront-Viewer-Address", "X-Acme=address:port"])
@pytest.mark.parametrize(("text", "address", "written"), WITH_PORTS)
def test_an_address_that_always_has_a_port_keeps_it(name, text, address, written):
    (header,) = parse_headers(name).named
    assert header.parse(text) == address
    assert header.write(address, f" {text}\t") == written
    assert header.parse(written) == address


@pytest.mark.parametrize("name", ["CloudFront-Viewer-Address", "X-Acme=address:port"])
@pytest.mark.parametrize("text", NO_PORTS)
def test_the_port_of_an_address_is_never_guessed(name, text):
    (header,) = parse_headers(name).named
    assert header.parse(text) == ""


def test_an_address_that_was_not_read_gets_a_port_as_well():
    (header,) = parse_headers("X-Acme=address:port").named
    assert header.write("192.0.2.1") == "192.0.2.1:0"
    assert header.parse(header.write("2001:db8::1")) == "2001:db8::1"


@pytest.mark.parametrize("name", TABLE["prefix"])
def test_each_prefix_header_is_removed_if_it_is_not_named(name):
    assert key(name) in parse_headers("X-Forwarded-For").unnamed


@pytest.mark.parametrize(
    "name", ["X-Original-URL", "X-Original-URI", "X-Forwarded-Uri", "X-Forwarded-Method"]
)
def test_what_names_the_target_or_the_method_of_a_request_stays(name):
    assert key(name) not in parse_headers("none").unnamed
