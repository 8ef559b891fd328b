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
    parse_host,
    parse_on_off,
    parse_port,
    parse_prefix,
    parse_scheme,
)
from resolving import split_host
from strategies import addresses, attacker_text, canonical

TABLE = {
    "client list": ["X-Forwarded-For"],
    "forwarded": ["Forwarded"],
    "client": [
        *("X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "Fly-Client-IP"),
        *("Fastly-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Azure-ClientIP"),
        *("X-Envoy-External-Address", "X-Appengine-User-IP", "DO-Connecting-IP"),
    ],
    "scheme": [
        *("X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Protocol", "X-Scheme"),
        *("X-Url-Scheme", "CloudFront-Forwarded-Proto", "X-Forwarded-Ssl", "Front-End-Https"),
    ],
    "host": ["X-Forwarded-Host", "X-Original-Host"],
    "port": ["X-Forwarded-Port"],
    "prefix": ["X-Forwarded-Prefix"],
}
NAMES = [(says, name) for says, names in TABLE.items() for name in names]
NEVER_READ = [
    *("X-Forwarded-By", "X-Forwarded-Server", "Client-IP", "Forwarded-For", "X-Forwarded"),
    *("CF-Connecting-IPv6", "CF-Visitor", "X-Host", "X-ProxyUser-Ip", "WL-Proxy-Client-IP"),
    "Proxy-Client-IP",
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
        *("CF-Connecting-IP", "True-Client-IP", "Fastly-Client-IP", "X-Azure-ClientIP")
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


_NAMES = "expected the names of forwarding headers"
_SHAPE = (
    "expected the names of forwarding headers such as 'X-Forwarded-For', 'X-Forwarded-Host:2' "
    "or 'X-Acme-Client=address', got "
)
_LIST = "expected the names of forwarding headers as a list or a comma-separated string"
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
        f"{_NAMES}, got 'Acme' (a header that holds the client's address alone: "
        "'Acme=address')",
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
        f"{_NAMES}, got 'none' (a header that holds the client's address "
        "alone: 'none=address')",
        id="none beside a name",
    ),
    pytest.param("\xa0none", f"{_SHAPE}'\\xa0none'", id="none behind a no-break space"),
    pytest.param(
        "Xnone",
        f"{_NAMES}, got 'Xnone' (a header that holds the client's address alone: "
        "'Xnone=address')",
        id="none behind a letter",
    ),
    pytest.param("Acme=", f"{_SHAPE}'Acme='", id="an equals sign alone"),
    pytest.param("Acme =address", f"{_SHAPE}'Acme =address'", id="a space within"),
    pytest.param("=address", f"{_SHAPE}'=address'", id="no name"),
    pytest.param("Acme=address:1", f"{_SHAPE}'Acme=address:1'", id="a number behind address"),
    pytest.param("Acme=list", "expected 'Acme=address', got 'Acme=list'", id="no such kind"),
    pytest.param(
        "X-Forwarded-For=address",
        "expected X-Forwarded-For without '=address': it says something else",
        id="a list as one address",
    ),
    pytest.param(
        "Forwarded=address",
        "expected Forwarded without '=address': it says something else",
        id="Forwarded as one address",
    ),
    pytest.param(
        "x-forwarded-proto=address",
        "expected X-Forwarded-Proto without '=address': it says something else",
        id="a scheme as an address",
    ),
    pytest.param(
        "Host=address",
        "expected a header that a proxy writes the client's address to, got Host",
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
        for n in (":", ":-1", ":+1", ":٣", ":²", ": 1", ":1.0", " :1", ":9999999999")
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
        f"{_SHAPE}'{FOR} {PROTO}'. Did you mean '{PROTO}'?",
        id="a space between names",
    ),
    pytest.param(
        [f"{FOR},{PROTO}"],
        f"{_SHAPE}'{FOR},{PROTO}'. Did you mean '{PROTO}'?",
        id="a comma within a list's element",
    ),
    pytest.param([""], f"{_SHAPE}''", id="an empty string in a list"),
    pytest.param([FOR, 1], f"{_NAMES}, got 1", id="an int in a list"),
    pytest.param([None], f"{_NAMES}, got None", id="None in a list"),
    pytest.param([b"X-Real-IP"], f"{_NAMES}, got b'X-Real-IP'", id="bytes in a list"),
    pytest.param([[FOR]], f"{_NAMES}, got ['X-Forwarded-For']", id="a list in a list"),
    *(
        pytest.param(value, _LIST, id=f"no list: {value!r}")
        for value in (True, False, 0, 1, 3.5, b"X-Real-IP", {"X-Real-IP": 1}, None)
    ),
]


@pytest.mark.parametrize(("value", "expected"), MISTAKES)
def test_a_mistake(value, expected):
    with pytest.raises(ValueError, match=rf"\A{re.escape(expected)}\Z"):
        parse_headers(value)


@pytest.mark.parametrize("name", ["Host", "COOKIE", "Authorization"])
def test_a_header_that_the_app_needs_is_never_read_nor_removed(name):
    with pytest.raises(ValueError, match="expected a header that a proxy writes"):
        parse_headers(f"{name}=address")


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


SCHEMES = {
    **{"http": "http", "HTTP": "http", "Http": "http", "https": "https", "HTTPS": "https"},
    **{"ws": "http", "WS": "http", "wss": "https", "Wss": "https"},
}
NO_SCHEMES = [
    *("", " ", "https,http", "https, https", " https", "https ", "https\n", "\xa0https"),
    *("https:", "https://", "gopher", 'gopher"><x', "javascript", "nothttps", "on", "ssl"),
    *("httpſ", "ｈttps", "http\0", "h2", "true", "443"),
]


@pytest.mark.parametrize(("text", "expected"), SCHEMES.items())
def test_a_scheme(text, expected):
    assert parse_scheme(text) == expected


@pytest.mark.parametrize("text", NO_SCHEMES)
def test_no_scheme(text):
    assert parse_scheme(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("on", "https"), ("ON", "https"), ("On", "https"), ("off", "http"), ("OFF", "http")],
)
def test_on_and_off(text, expected):
    assert parse_on_off(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " on", "on ", "on,on", "on, off", "1", "0", "true", "yes", "https", "oﬀ", "ssl"],
)
def test_neither_on_nor_off(text):
    assert parse_on_off(text) is None


@pytest.mark.parametrize("name", TABLE["scheme"])
def test_each_scheme_header_knows_its_own_words(name):
    (header,) = parse_headers(name).values
    words = {"on": "https", "off": "http"}
    if name not in ("X-Forwarded-Ssl", "Front-End-Https"):
        words = {"https": "https", "http": "http"}
    for word in ("on", "off", "https", "http", "wss", ""):
        known = words.get(word)
        if word == "wss" and "on" not in words:
            known = "https"
        assert header.parse(word) == known
    assert {header.write(scheme) for scheme in ("https", "http")} == set(words)
    assert all(header.parse(header.write(scheme)) == scheme for scheme in ("https", "http"))


@pytest.mark.parametrize("name", ["X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Port"])
def test_a_value_is_written_as_it_is(name):
    (header,) = parse_headers(name).named
    assert header.write("on") == "on"
    assert header.write("https") == "https"


_63 = "a" * 63
HOSTS = [
    pytest.param("app.example.com", ("app.example.com", ""), id="a name"),
    pytest.param("APP.Example.COM", ("app.example.com", ""), id="a name in lower case"),
    pytest.param("app.example.com:8443", ("app.example.com", "8443"), id="a name and a port"),
    pytest.param("app.example.com:1", ("app.example.com", "1"), id="the lowest port"),
    pytest.param("app.example.com:65535", ("app.example.com", "65535"), id="the highest port"),
    pytest.param("app.example.com:80", ("app.example.com", "80"), id="a default port stays"),
    pytest.param("localhost", ("localhost", ""), id="one label"),
    pytest.param("a-b.1-2.example.com", ("a-b.1-2.example.com", ""), id="hyphens and digits"),
    pytest.param("-a-.example.com", ("-a-.example.com", ""), id="hyphens at the edges"),
    pytest.param("1.example.com", ("1.example.com", ""), id="a label of digits in front"),
    pytest.param(f"{_63}.example.com", (f"{_63}.example.com", ""), id="a label of 63"),
    pytest.param(
        f"{_63}.{_63}.{_63}.{'a' * 61}", (f"{_63}.{_63}.{_63}.{'a' * 61}", ""), id="253 in all"
    ),
    pytest.param(
        f"{_63}.{_63}.{_63}.{'a' * 61}:65535",
        (f"{_63}.{_63}.{_63}.{'a' * 61}", "65535"),
        id="253 in all and a port",
    ),
    pytest.param(
        "XN--BCHER-KVA.example.com",
        ("xn--bcher-kva.example.com", ""),
        id="a label that decodes",
    ),
    pytest.param("192.0.2.1", ("192.0.2.1", ""), id="an IPv4 address"),
    pytest.param("192.0.2.1:8000", ("192.0.2.1", "8000"), id="an IPv4 address and a port"),
    pytest.param("[2001:DB8:0::1]", ("[2001:db8::1]", ""), id="an IPv6 address"),
    pytest.param("[::1]:8000", ("[::1]", "8000"), id="an IPv6 address and a port"),
    pytest.param("[::ffff:192.0.2.1]:80", ("192.0.2.1", "80"), id="an IPv4-mapped address"),
]

NO_HOSTS = [
    pytest.param("", id="nothing"),
    pytest.param(" ", id="a space"),
    pytest.param(" app.example.com", id="a space in front"),
    pytest.param("app.example.com\n", id="a line feed behind"),
    pytest.param("app.example.com\0", id="a NUL behind"),
    pytest.param("app.example.com,evil.example.com", id="two names"),
    pytest.param("app.example.com;evil", id="a semicolon"),
    pytest.param("app.example.com/@x", id="a slash"),
    pytest.param("user@app.example.com", id="user information"),
    pytest.param("app.example.com?x", id="a question mark"),
    pytest.param("app.example.com#x", id="a hash"),
    pytest.param('a"b.example.com', id="a quote"),
    pytest.param("a\\b.example.com", id="a backslash"),
    pytest.param("a b.example.com", id="a space within"),
    pytest.param("a%20b.example.com", id="an escape"),
    pytest.param("a_b.example.com", id="an underscore"),
    pytest.param("<script>", id="markup"),
    pytest.param("http://app.example.com", id="a URL"),
    pytest.param(".", id="a dot"),
    pytest.param(".example.com", id="a dot in front"),
    pytest.param("example.com.", id="a dot behind"),
    pytest.param("app..example.com", id="an empty label"),
    pytest.param(f"{_63}a.example.com", id="a label of 64"),
    pytest.param(f"{_63}.{_63}.{_63}.{'a' * 62}", id="254 in all"),
    pytest.param("a" * 100_000, id="100,000 letters"),
    pytest.param("bücher.example.com", id="no ASCII"),
    pytest.param("\u212aelvin.example.com", id="a Kelvin sign, whose lower case is k"),
    pytest.param("xn--", id="an xn-- label of nothing"),
    pytest.param("xn--a.example.com", id="an xn-- label that does not decode"),
    pytest.param("app.xn--99999999", id="an xn-- label out of range"),
    pytest.param("XN--ZZ--.example.com", id="an XN-- label that does not decode"),
    pytest.param("app.example.com:", id="an empty port"),
    pytest.param("app.example.com:0", id="port 0"),
    pytest.param("app.example.com:65536", id="a port above 65535"),
    pytest.param("app.example.com:99999", id="what a proxy made of a bad Host"),
    pytest.param("app.example.com:080", id="a port with a leading zero"),
    pytest.param("app.example.com:8a", id="a port with a letter"),
    pytest.param("app.example.com:٨٠", id="a port in Arabic digits"),
    pytest.param("app.example.com:80:80", id="two ports"),
    pytest.param(":80", id="a port alone"),
    pytest.param("192.0.2", id="three numbers"),
    pytest.param("192.0.2.256", id="a number above 255"),
    pytest.param("192.0.2.01", id="a leading zero"),
    pytest.param("app.example.1", id="a last label of digits"),
    pytest.param("3221225985", id="an integer"),
    pytest.param("::1", id="an IPv6 address without brackets"),
    pytest.param("[::1", id="an opened bracket"),
    pytest.param("::1]", id="a closed bracket"),
    pytest.param("[]", id="empty brackets"),
    pytest.param("[::g]", id="no address in brackets"),
    pytest.param("[192.0.2.1]", id="an IPv4 address in brackets"),
    pytest.param("[fe80::1%25eth0]", id="a zone"),
    pytest.param("[::1]:0", id="port 0 behind brackets"),
    pytest.param("[::1]8000", id="no colon behind brackets"),
    pytest.param("[unix:/run/backend.sock]", id="what h2o writes for a socket"),
]


@pytest.mark.parametrize(("text", "expected"), HOSTS)
def test_a_host(text, expected):
    assert parse_host(text) == ":".join(filter(None, expected))


@pytest.mark.parametrize("text", NO_HOSTS)
def test_no_host(text):
    assert parse_host(text) is None


@given(addresses, st.integers(-1, 70000))
def test_an_address_is_a_host(address, port):
    text, name = str(address), canonical(address)
    dressed = f"[{text}]" if ":" in text else text
    name = f"[{name}]" if ":" in name else name
    assert parse_host(dressed) == name
    assert parse_host(f"{dressed}:{port}") == (f"{name}:{port}" if 1 <= port <= 65535 else None)


@given(
    st.one_of(
        attacker_text,
        st.text("abcxyzABC019.-:[]", max_size=80),
        st.text("abcdefghijklmnopqrstuvwxyz0123456789-", max_size=70).map("xn--{}".format),
    )
)
def test_no_text_raises_and_a_host_is_parsed_to_itself(text):
    host = parse_host(text)
    if host is not None:
        assert parse_host(host) == host == host.lower()
        assert re.fullmatch(r"[a-z0-9.-]+(?::\d+)?|\[[0-9a-f:]+\](?::\d+)?", host, re.A)
        name, port = split_host(host)
        assert 1 <= len(name) <= 253
        assert port == "" or 1 <= int(port) <= 65535


@pytest.mark.parametrize("text", ["1", "80", "443", "8000", "65535"])
def test_a_port(text):
    assert parse_port(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "00", "080", "65536", "99999", "100000", "-1", "+80", " 80", "80 ", "80\n"),
        *("8_0", "80.0", "4443,80", "٨٠", "８０", "²", "http", "0x50", "1" * 5000),
    ],
)
def test_no_port(text):
    assert parse_port(text) is None


@given(st.integers(-10, 70000))
def test_a_port_is_from_1_to_65535(number):
    assert parse_port(str(number)) == (str(number) if 1 <= number <= 65535 else None)


PREFIXES = [
    pytest.param("/app", "/app", id="a segment"),
    pytest.param("/app/v1.2", "/app/v1.2", id="two segments"),
    pytest.param("/app/", "/app", id="a slash at the end goes"),
    pytest.param("/X/", "/X", id="a capital letter"),
    pytest.param("/", "/", id="a slash alone means none"),
    pytest.param("/A-Z/a_z/0~9/.x", "/A-Z/a_z/0~9/.x", id="every kind of character"),
    pytest.param("/...", "/...", id="three dots"),
    pytest.param("/..a/.b./c..", "/..a/.b./c..", id="dots beside letters"),
    pytest.param("/" + "a" * 254, "/" + "a" * 254, id="255 characters"),
]

NO_PREFIXES = [
    pytest.param("", id="nothing"),
    pytest.param("app", id="no slash in front"),
    pytest.param("app/", id="a slash at the end only"),
    pytest.param("//", id="two slashes"),
    pytest.param("//evil.example.com", id="another host"),
    pytest.param("/app//", id="two slashes at the end"),
    pytest.param("/app//x", id="an empty segment"),
    pytest.param("/.", id="a dot"),
    pytest.param("/..", id="two dots"),
    pytest.param("/./", id="a dot and a slash"),
    pytest.param("/app/..", id="two dots at the end"),
    pytest.param("/app/../x", id="two dots within"),
    pytest.param("/app/./x", id="a dot within"),
    pytest.param("/app/../", id="two dots and a slash"),
    pytest.param("/" + "a" * 255, id="256 characters"),
    pytest.param("/" + "a" * 254 + "/", id="256 characters, the last a slash"),
    pytest.param("/a b", id="a space"),
    pytest.param("/a\n", id="a line feed behind"),
    pytest.param("/..\n", id="two dots and a line feed"),
    pytest.param("/%2e%2e", id="an escape"),
    pytest.param("/a?x", id="a question mark"),
    pytest.param("/a#x", id="a hash"),
    pytest.param("/a;x", id="a semicolon"),
    pytest.param("/a:x", id="a colon"),
    pytest.param("/a@x", id="an at sign"),
    pytest.param("/\\evil.example.com", id="a backslash"),
    pytest.param("/a,/b", id="two prefixes"),
    pytest.param("/\u00e9", id="no ASCII"),
    pytest.param("/\u212a", id="a Kelvin sign"),
    pytest.param("/a\0", id="a NUL"),
    pytest.param("http://app.example.com/", id="a URL"),
]


@pytest.mark.parametrize(("text", "expected"), PREFIXES)
def test_a_prefix(text, expected):
    assert parse_prefix(text) == expected


@pytest.mark.parametrize("text", NO_PREFIXES)
def test_no_prefix(text):
    assert parse_prefix(text) is None


@given(st.one_of(attacker_text, st.text("/.a~-_ \n", max_size=12)))
def test_a_prefix_is_parsed_to_itself(text):
    prefix = parse_prefix(text)
    if prefix is not None:
        assert parse_prefix(prefix) == prefix
        assert prefix.startswith("/")
        segments = prefix.split("/")[1:]
        assert prefix == "/" or not {"", ".", ".."} & set(segments)
    elif re.fullmatch(r"(?:/[A-Za-z0-9~_-]+)+/?", text, re.A):
        pytest.fail("a plain prefix was refused")


@given(st.sampled_from(list(KNOWN.values())), st.one_of(attacker_text, st.text(max_size=20)))
def test_no_value_raises_and_what_is_read_is_read_again(header, text):
    value = header.parse(text)
    if value is not None:
        assert value.isascii()
        assert value.isprintable()
        assert header.parse(header.write(value)) == value


@pytest.mark.parametrize("name", TABLE["client"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_header_of_one_address_has_one_address(name, text, expected):
    assert KNOWN[name.lower()].parse(text) == expected
