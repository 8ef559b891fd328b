"""What a scheme, a host, a port and a prefix may be."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.wrappers import Request

from flask_trustproxy.core.values import (
    compose_prefix,
    parse_any_scheme,
    parse_host,
    parse_port,
    parse_prefix,
    parse_scheme,
    parse_scheme_or_ssl,
    parse_switch,
    parse_visitor,
    split_host,
    write_any_scheme,
    write_switch,
    write_visitor,
)
from helpers import addresses, attacker_text, canonical

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


SWITCHES = {
    **dict.fromkeys(("on", "ON", "On", "1", "true", "True", "yes", "YES"), "https"),
    **dict.fromkeys(("off", "OFF", "0", "false", "False", "no", "NO"), "http"),
}
NO_SWITCHES = [
    *("", " on", "on ", "on,on", "on, off", "https", "http", "ssl", "oﬀ", "2", "01", "y", "t"),
    *("on\n", "1\0", "١", "enabled", "tls"),
]


@pytest.mark.parametrize(("text", "expected"), SWITCHES.items())
def test_on_and_off_and_the_words_for_them(text, expected):
    assert parse_switch(text) == expected
    assert write_switch(expected, text) == ("on" if expected == "https" else "off")


@pytest.mark.parametrize("text", NO_SWITCHES)
def test_neither_on_nor_off(text):
    assert parse_switch(text) is None


@pytest.mark.parametrize("text", ["ssl", "SSL", "Ssl"])
def test_ssl_is_https_only_for_a_header_that_says_it(text):
    assert parse_scheme_or_ssl(text) == "https"
    assert parse_any_scheme(text) == "https"
    assert (parse_scheme(text), parse_switch(text)) == (None, None)


@pytest.mark.parametrize("text", ["on", "1", "tls", "ssl ", "ssl, https", ""])
def test_a_header_that_says_ssl_says_no_switch(text):
    assert parse_scheme_or_ssl(text) is None


@pytest.mark.parametrize(("text", "expected"), [*SCHEMES.items(), *SWITCHES.items()])
def test_a_header_of_any_kind_of_scheme(text, expected):
    assert parse_any_scheme(text) == expected


@pytest.mark.parametrize(
    "text", ["", "tls", "2048|256|CN=proxy.example.com", "https,http", "on off", "2", "443"]
)
def test_no_kind_of_scheme(text):
    assert parse_any_scheme(text) is None


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *(("https", "https"), ("HTTP", "http"), ("WSS", "https"), ("ws", "http")),
        *(("ON", "on"), ("1", "1"), ("False", "false"), ("SSL", "ssl"), ("no", "no")),
    ],
)
def test_the_word_of_a_scheme_stays_for_other_readers(text, written):
    scheme = parse_any_scheme(text)
    assert write_any_scheme(scheme, text) == written
    assert parse_any_scheme(written) == scheme


def test_a_scheme_without_a_word_is_written_as_it_is():
    assert write_any_scheme("https", "") == "https"
    assert write_any_scheme("http", "on") == "http"


VISITORS = [
    pytest.param('{"scheme":"https"}', "https", id="as it is documented"),
    pytest.param('{"scheme":"http"}', "http", id="http"),
    pytest.param('{ "scheme" :\t"https" }', "https", id="spaces between the tokens"),
    pytest.param('{"scheme":"https","via":"x"}', None, id="a second member"),
    pytest.param('{"scheme":"http","scheme":"https"}', None, id="a member twice"),
    pytest.param('{"SCHEME":"https"}', None, id="another member"),
    pytest.param('{"scheme":"HTTPS"}', None, id="upper case"),
    pytest.param('{"scheme":"wss"}', None, id="another scheme"),
    pytest.param('{"scheme":true}', None, id="no text"),
    pytest.param('{"scheme":"\\u0068ttps"}', None, id="an escape"),
    pytest.param('{"scheme":"https"}x', None, id="text behind"),
    pytest.param('x{"scheme":"https"}', None, id="text in front"),
    pytest.param('[{"scheme":"https"}]', None, id="a list"),
    pytest.param("{}", None, id="no member"),
    pytest.param("{'scheme':'https'}", None, id="other quotes"),
    pytest.param('"scheme":"https"', None, id="no braces"),
    pytest.param("https", None, id="a scheme alone"),
    pytest.param("", None, id="nothing"),
    pytest.param('{"scheme":"https"}\n', None, id="a line feed behind"),
]


@pytest.mark.parametrize(("text", "scheme"), VISITORS)
def test_an_object_with_one_member(text, scheme):
    assert parse_visitor(text) == scheme
    if scheme:
        assert parse_visitor(write_visitor(scheme, text)) == scheme
        assert write_visitor(scheme, text) == f'{{"scheme":"{scheme}"}}'


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
    pytest.param("[[::1]]", id="brackets in brackets"),
    pytest.param("1" * 1025, id="1,025 digits"),
    pytest.param("[::1]:", id="an empty port behind brackets"),
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
    pytest.param("/" + "%41" * 84 + "aa", "/" + "%41" * 84 + "aa", id="255 with escapes"),
    pytest.param("/a@b:c!d$e&f'(g)*+;=", "/a@b:c!d$e&f'(g)*+;=", id="every other pchar"),
    pytest.param("/our%20team", "/our%20team", id="an escaped space"),
    pytest.param("/caf%C3%A9/", "/caf%C3%A9", id="escaped UTF-8"),
    pytest.param("/%f0%9f%90%8d", "/%f0%9f%90%8d", id="four bytes in lower case"),
    pytest.param("/%2Ex", "/%2Ex", id="an escaped dot beside a letter"),
    pytest.param("/%2e%2e%2e", "/%2e%2e%2e", id="three escaped dots"),
    pytest.param("/a%2Cb", "/a%2Cb", id="an escaped comma"),
    pytest.param("/%C2%A0", "/%C2%A0", id="the first character behind the controls"),
    pytest.param("/192.0.2.7:8050", "/192.0.2.7:8050", id="a host and its port"),
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
    pytest.param("/%2e%2e", id="escaped dots"),
    pytest.param("/a/%2E/b", id="an escaped dot"),
    pytest.param("/.%2e", id="a dot and an escaped one"),
    pytest.param("/a%2Fb", id="an escaped slash"),
    pytest.param("/a%2fb", id="an escaped slash in lower case"),
    pytest.param("/%2F%2Fevil.example.com", id="two escaped slashes"),
    pytest.param("/%5Cevil.example.com", id="an escaped backslash"),
    pytest.param("/a%252Fb", id="an escaped percent sign"),
    pytest.param("/a%3Fb", id="an escaped question mark"),
    pytest.param("/a%23b", id="an escaped hash"),
    pytest.param("/a%3Cb", id="an escaped less-than sign"),
    pytest.param("/a%3Eb", id="an escaped greater-than sign"),
    pytest.param("/a%22b", id="an escaped quote"),
    pytest.param("/a%0D%0Ab", id="an escaped line end"),
    pytest.param("/a%00", id="an escaped NUL"),
    pytest.param("/a%7F", id="an escaped DEL"),
    pytest.param("/a%C2%85", id="an escaped next line, a control of Latin-1"),
    pytest.param("/a%FF", id="a byte that is not UTF-8"),
    pytest.param("/a%C3", id="half a character"),
    pytest.param("/a%C0%AF", id="a slash in an overlong form"),
    pytest.param("/a%ED%A0%80", id="a surrogate"),
    pytest.param("/a%", id="a percent sign alone"),
    pytest.param("/a%4", id="half an escape"),
    pytest.param("/a%zz", id="no escape"),
    pytest.param("/" + "%41" * 85, id="256 characters of escapes"),
    pytest.param("/a|b", id="a bar"),
    pytest.param("/a^b", id="a circumflex"),
    pytest.param('/a"b', id="a quote"),
    pytest.param("/<b>", id="markup"),
    pytest.param("/a?x", id="a question mark"),
    pytest.param("/a#x", id="a hash"),
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


prefix_text = st.one_of(
    attacker_text,
    st.lists(
        st.one_of(
            st.text("a.~-_@:!$&'()*+;= \n,\\", max_size=4),
            st.binary(min_size=1, max_size=3).map(
                lambda data: "".join(f"%{byte:02x}" for byte in data)
            ),
            st.sampled_from(["%2e", "%2F", "..", "%5c", "%C3%A9", ""]),
        ),
        max_size=4,
    ).map(lambda segments: "/" + "/".join(segments)),
)


@given(prefix_text)
def test_a_prefix_is_parsed_to_itself_and_has_plain_segments(text):
    prefix = parse_prefix(text)
    if prefix is None:
        assert not re.fullmatch(r"(?:/[A-Za-z0-9~_@:;=-]+)+/?", text, re.A) or len(text) > 255
        return
    assert parse_prefix(prefix) == prefix
    assert prefix.startswith("/")
    if prefix != "/":
        for segment in prefix.split("/")[1:]:
            decoded = unquote(segment, errors="strict")
            assert decoded not in ("", ".", "..")
            assert not set('/\\%?#<>"') & set(decoded)
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", decoded)


COMPOSED = [
    pytest.param("/store", "", "/store", id="no mount"),
    pytest.param("/store", "/shop", "/store/shop", id="in front of a mount"),
    pytest.param("/shop", "/shop", "/shop", id="it is the mount already"),
    pytest.param("/store", "/store/shop", "/store/shop", id="it is there already"),
    pytest.param("/store", "/stores", "/store/stores", id="the same letters"),
    pytest.param("/store", "/shop/", "/store/shop", id="a mount with a slash at the end"),
    pytest.param("/store", "/", "/store", id="a slash as a mount"),
    pytest.param("/store", "shop", "/store/shop", id="a mount without its slash"),
    pytest.param("/store", "/store/", "/store/", id="it is there, with a slash"),
    pytest.param("/", "/shop", "/shop", id="none changes nothing"),
    pytest.param("/", "", "", id="none and no mount"),
    pytest.param("/a%20b", "/shop", "/a b/shop", id="decoded"),
    pytest.param("/a%20b", "/a b/shop", "/a b/shop", id="compared decoded"),
    pytest.param("/caf%C3%A9", "", "/caf\u00c3\u00a9", id="UTF-8 as Latin-1 (PEP 3333)"),
    pytest.param("/caf%c3%a9", "/caf\u00c3\u00a9", "/caf\u00c3\u00a9", id="the same bytes"),
]


@pytest.mark.parametrize(("prefix", "script_name", "composed"), COMPOSED)
def test_a_prefix_goes_in_front_of_the_mount(prefix, script_name, composed):
    assert compose_prefix(prefix, script_name) == composed


mounts = st.lists(st.sampled_from(["a", "b", "a b", "\u00c3\u00a9"]), max_size=3).map(
    lambda segments: "".join(f"/{segment}" for segment in segments)
)


@given(
    st.one_of(prefix_text, st.sampled_from(["/a", "/a/b", "/a%20b", "/%C3%A9"])),
    st.one_of(mounts, st.text(st.characters(max_codepoint=255), max_size=6)),
)
def test_composing_is_idempotent(text, script_name):
    prefix = parse_prefix(text)
    if prefix is not None:
        composed = compose_prefix(prefix, script_name)
        assert compose_prefix(prefix, composed) == composed


def shows(host: str) -> bool:
    """Say whether the installed Werkzeug can build the URL of a request to a host."""
    environ = {
        **{"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "PATH_INFO": "/"},
        **{"HTTP_HOST": host, "SERVER_NAME": "localhost", "SERVER_PORT": "80"},
    }
    request = Request(environ)
    try:
        return all((request.url, request.host_url, request.root_url))
    except UnicodeError:
        return False


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("xn--bcher-kva.example", id="a word of IDNA 2003"),
        pytest.param("xn--strae-oqa.example", id="a word of IDNA 2008 alone"),
        pytest.param("xn--fa-hia.example", id="another one"),
        pytest.param("xn--wma.example", id="a mark that some Pythons refuse"),
        pytest.param("xn--p1ai", id="a top-level domain"),
        pytest.param("xn--", id="nothing behind"),
        pytest.param("xn--.example", id="nothing behind, and a domain"),
        pytest.param("xn--a.example.com", id="no Punycode"),
        pytest.param("app.xn--99999999", id="out of range"),
        pytest.param("xn--zz--.example.com", id="hyphens behind"),
        pytest.param("shop.xn--strae-oqa.example", id="not the first label"),
        pytest.param("xn--a.xn--strae-oqa.example", id="two of them"),
    ],
)
def test_a_name_with_xn_is_refused_only_if_werkzeug_cannot_show_it(name):
    assert parse_host(name) == (name if shows(name) else None)


@given(
    st.lists(
        st.one_of(
            st.text("abcxyz019-", min_size=1, max_size=8).map("xn--{}".format),
            st.text(max_size=6).map(
                lambda text: (
                    "xn--"
                    + text.encode("utf-8", "replace").decode().encode("punycode").decode()
                )
            ),
            st.sampled_from(["a", "example", "xn--bcher-kva"]),
        ),
        min_size=1,
        max_size=3,
    ).map(".".join)
)
def test_every_name_with_xn_is_refused_only_if_werkzeug_cannot_show_it(name):
    name = name.lower()
    if re.fullmatch(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*", name) and not name[-1].isdigit():
        assert parse_host(name) == (name if shows(name) else None)


SPLIT = [
    pytest.param("example.com", ("example.com", ""), id="a name"),
    pytest.param("example.com:80", ("example.com", "80"), id="a name and a port"),
    pytest.param("example.com:", ("example.com", ""), id="an empty port"),
    pytest.param("EXAMPLE.com:080", ("EXAMPLE.com", "080"), id="nothing is changed"),
    pytest.param("[::1]", ("[::1]", ""), id="IPv6"),
    pytest.param("[::1]:80", ("[::1]", "80"), id="IPv6 and a port"),
    pytest.param("[]:80", ("[]", "80"), id="empty brackets"),
    pytest.param("b\u00fccher.example:80", ("b\u00fccher.example", "80"), id="no ASCII"),
    pytest.param("a_b;c", ("a_b;c", ""), id="a name that we would not believe"),
    pytest.param("12345", ("12345", ""), id="digits are a name"),
    pytest.param("1:2", ("1", "2"), id="digits and digits"),
    pytest.param("a" * 1021 + ":80", ("a" * 1021, "80"), id="1,024 characters"),
    pytest.param("a" * 1022 + ":80", ("", ""), id="1,025 characters"),
    pytest.param("", ("", ""), id="nothing"),
    pytest.param(":80", ("", ""), id="a port alone"),
    pytest.param("a:80:80", ("", ""), id="two ports"),
    pytest.param("::1", ("", ""), id="IPv6 without brackets"),
    pytest.param("a:b", ("", ""), id="a port of letters"),
    pytest.param("a:\u0668", ("", ""), id="a port in Arabic digits"),
    pytest.param("a@b", ("", ""), id="user information"),
    pytest.param("a/b", ("", ""), id="a slash"),
    pytest.param("a,b", ("", ""), id="a list"),
    pytest.param("a b", ("", ""), id="a space"),
    pytest.param("a\n", ("", ""), id="a line feed behind"),
    pytest.param("[a", ("", ""), id="an opened bracket"),
    pytest.param("[a]b", ("", ""), id="text behind brackets"),
    pytest.param("[[a]]", ("", ""), id="brackets in brackets"),
]


@pytest.mark.parametrize(("text", "expected"), SPLIT)
def test_one_place_splits_a_host_from_its_port(text, expected):
    assert split_host(text) == expected
