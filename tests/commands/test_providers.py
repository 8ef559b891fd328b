"""What each provider publishes is read as it is, and what is refused."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.commands.providers import (
    PROVIDERS,
    as_text,
    check_kept,
    compare,
    read_lists,
)
from flask_trustproxy.core.addresses import parse_network
from flask_trustproxy.core.trust_file import parse_list
from vendors import AMAZON, GOOGLE, RECORDED

URL = "https://www.example.com/list"
TRUST_FILES = (Path(__file__).parents[2] / "docs/trust-files.rst").read_text("utf-8")


def networks(text: str) -> list:
    return [parse_network(each) for each in text.split()]


def read(provider: str, *bodies: bytes) -> list:
    return read_lists(PROVIDERS[provider].read, [(URL, body) for body in bodies])


def refusal(provider: str, *bodies: bytes) -> str:
    with pytest.raises(ValueError, match="^expected") as error:
        read(provider, *bodies)
    return str(error.value)


def test_each_provider_has_a_recorded_answer():
    assert set(RECORDED) == set(PROVIDERS)


@pytest.mark.parametrize("provider", RECORDED)
def test_what_a_provider_really_answers_is_read(provider):
    bodies, expected = RECORDED[provider]
    assert len(bodies) == len(PROVIDERS[provider].urls)
    assert read(provider, *bodies) == networks(expected)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_page_names_each_provider_and_where_its_list_is(provider):
    assert f"``{provider}``" in TRUST_FILES
    for url in PROVIDERS[provider].urls:
        assert f"``{url}``" in TRUST_FILES


def amazon(**changed) -> bytes:
    return json.dumps({**AMAZON, **changed}).encode()


def google(data, **changed) -> bytes:
    answer = {**GOOGLE["Answer"][0], "data": data}
    return json.dumps({**GOOGLE, "Answer": [answer], **changed}).encode()


HTML = b"<!doctype html>\n<title>Oops</title>"
_NO_NETWORK = f"expected an address or a network in {URL!r}"
_EMPTY = f"expected at least one address or network in {URL!r}"
_NO_JSON = f"expected JSON in {URL!r}, got "
_NO_RECORD = f"expected one TXT record in the JSON of {URL!r}"


def no_list(name: str) -> str:
    return f"expected a list {name!r} in the JSON of {URL!r}"


REFUSED = [
    pytest.param(
        "cloudflare", HTML, f"{_NO_NETWORK}, line 1, got '<!doctype html>'", id="text: HTML"
    ),
    pytest.param(
        "cloudflare",
        b"198.51.100.0/24\n\x1b[31m",
        f"{_NO_NETWORK}, line 2, got '\\x1b[31m'",
        id="text: an escape of terminals is not printed",
    ),
    pytest.param("cloudflare", b"", _EMPTY, id="text: nothing"),
    pytest.param("bunny", b" \r\n# a\r\n", _EMPTY, id="text: blanks and a comment"),
    pytest.param(
        "cloudflare",
        b"198.51.100.0/24\n203.0.113.0/2",
        f"expected nothing wider than /8, as 192.0.0.0/2 is, in {URL!r}, line 2, "
        "got '203.0.113.0/2'",
        id="text: cut in its last line",
    ),
    pytest.param(
        "cloudflare",
        b"\n" * 1_000_001,
        f"expected at most 1,000,000 lines in {URL!r}",
        id="text: too many lines",
    ),
    pytest.param("fastly", HTML, f"{_NO_JSON}{HTML.decode()!a}", id="JSON: HTML"),
    pytest.param("fastly", b"", f"{_NO_JSON}''", id="JSON: nothing"),
    pytest.param(
        "fastly", b'{"addresses": [', f"{_NO_JSON}'{{\"addresses\": ['", id="JSON: cut"
    ),
    pytest.param("fastly", b"[" * 100_000, f"{_NO_JSON}{'[' * 50!r}", id="JSON: nested deeply"),
    pytest.param("fastly", b"\xff{}", f"{_NO_JSON}'\\xff{{}}'", id="JSON: no UTF-8"),
    pytest.param("fastly", b"null", no_list("addresses"), id="JSON: null"),
    pytest.param("fastly", b"[]", no_list("addresses"), id="JSON: a list"),
    pytest.param(
        "fastly", b'{"addresses": []}', no_list("ipv6_addresses"), id="JSON: a list is missing"
    ),
    pytest.param(
        "gcore",
        b'{"addresses": "192.0.2.1", "addresses_v6": []}',
        no_list("addresses"),
        id="JSON: text in place of a list",
    ),
    pytest.param(
        "fastly", b'{"addresses": [], "ipv6_addresses": []}', _EMPTY, id="JSON: empty lists"
    ),
    pytest.param(
        "fastly",
        b'{"addresses": [3405803776], "ipv6_addresses": []}',
        f"expected an address or a network as text in {URL!r}, got '3405803776'",
        id="JSON: a number",
    ),
    pytest.param(
        "fastly",
        b'{"addresses": ["192.0.2.0/24\\n10.0.0.0/8"], "ipv6_addresses": []}',
        f"expected a prefix from 0 to 32 behind the slash in {URL!r}, "
        "got '192.0.2.0/24\\n10.0.0.0/8'",
        id="JSON: two in one",
    ),
    pytest.param(
        "fastly",
        b'{"addresses": ["0.0.0.0/0"], "ipv6_addresses": []}',
        f"expected nothing wider than /8, as 0.0.0.0/0 is, in {URL!r}, got '0.0.0.0/0'",
        id="JSON: everybody",
    ),
    pytest.param(
        "cloudfront",
        amazon(prefixes=[], ipv6_prefixes=[]),
        _EMPTY,
        id="AWS: nothing at all",
    ),
    pytest.param(
        "cloudfront",
        amazon(prefixes=AMAZON["prefixes"][:3], ipv6_prefixes=AMAZON["ipv6_prefixes"][:1]),
        _EMPTY,
        id="AWS: other services only",
    ),
    pytest.param(
        "cloudfront", amazon(ipv6_prefixes=None), no_list("ipv6_prefixes"), id="AWS: no IPv6"
    ),
    pytest.param(
        "cloudfront",
        amazon(prefixes=[{"service": "CLOUDFRONT_ORIGIN_FACING"}]),
        f"expected an address or a network as text in {URL!r}, got 'None'",
        id="AWS: an entry without its network",
    ),
    pytest.param("google", b'{"Status": 3}', no_list("Answer"), id="Google: no such name"),
    pytest.param(
        "google",
        google("v=spf1 ip4:192.0.2.0/24", Status=2),
        _NO_RECORD,
        id="Google: a failure",
    ),
    pytest.param("google", google("v=spf1", Answer=[]), _NO_RECORD, id="Google: no record"),
    pytest.param(
        "google",
        google("", Answer=GOOGLE["Answer"] * 2),
        _NO_RECORD,
        id="Google: two records",
    ),
    pytest.param("google", google(7), _NO_RECORD, id="Google: a number"),
    pytest.param("google", google("v=spf1 ~all"), _EMPTY, id="Google: no networks"),
    pytest.param(
        "google",
        google("v=spf1 ip4:192.0.2.0/24 include:_more.example.com ~all"),
        f"{_NO_NETWORK}, got 'include:_more.example.com'",
        id="Google: a part of the list is elsewhere",
    ),
    pytest.param(
        "google",
        google("v=spf1 ip4:192.0.2.0/24 redirect=_more.example.com"),
        f"{_NO_NETWORK}, got 'redirect=_more.example.com'",
        id="Google: the rest of the list is elsewhere",
    ),
]


@pytest.mark.parametrize(("provider", "body", "expected"), REFUSED)
def test_what_is_no_list_is_refused(provider, body, expected):
    assert refusal(provider, body) == expected


@pytest.mark.parametrize("empty", [0, 1], ids=["the first", "the second"])
def test_one_empty_list_of_two_is_refused(empty):
    bodies = [*RECORDED["cloudflare"][0]]
    bodies[empty] = b"\n"
    assert refusal("cloudflare", *bodies) == _EMPTY


@pytest.mark.parametrize(
    "data",
    [
        pytest.param('"v=spf1 ip4:192.0.2.0/24 -all"', id="in quotes"),
        pytest.param(
            '"v=spf1 ip4:192.0.2.0/2" "4 ?all"', id="in two strings, within a network"
        ),
        pytest.param("v=spf1  ip4:192.0.2.0/24  all ", id="more spaces"),
    ],
)
def test_a_record_of_google_is_read(data):
    assert read("google", google(data)) == networks("192.0.2.0/24")


def test_another_record_beside_googles_does_not_count():
    alias = {"name": "a.example.com.", "type": 5, "data": "b.example.com."}
    body = google("", Answer=[alias, *GOOGLE["Answer"]])
    assert read("google", body) == networks(RECORDED["google"][1])


def test_a_network_that_is_listed_twice_is_written_once():
    assert read("cloudflare", b"192.0.2.1\n192.0.2.1/32", b"192.0.2.1") == networks("192.0.2.1")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"11.0.0.0/8\n12.0.0.0/32", id="more than an IPv4 /8"),
        pytest.param(b"2a00::/16\n2a01::/16", id="more than an IPv6 /16, in two that touch"),
    ],
)
def test_a_list_that_holds_strangers_is_refused(body):
    assert refusal("cloudflare", body) == (
        "expected the networks of one provider, got a large part of the internet "
        "(more than an IPv4 /8, or more than an IPv6 /16)"
    )


@pytest.mark.parametrize("body", [b"11.0.0.0/8", b"2a00::/16", b"10.0.0.0/8\n11.0.0.0/8"])
def test_a_list_that_trust_proxy_would_not_warn_of_is_taken(body):
    assert read("cloudflare", body) == parse_list(body, URL)


@pytest.mark.slow
def test_more_networks_than_a_file_may_have_are_refused():
    half = [f'"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"' for n in range(500_001)]
    other = [text.replace("10.", "127.", 1) for text in half]
    body = f'{{"addresses": [{",".join(half)}], "ipv6_addresses": [{",".join(other)}]}}'
    assert refusal("fastly", body.encode()) == (
        "expected at most 1,000,000 networks, got 1,000,002"
    )


OLD = "198.51.100.0/24 203.0.113.0/24 2001:db8:1::/48 2001:db8:2::/48"
KEPT = [
    pytest.param(OLD, OLD, None, id="the same"),
    pytest.param("", OLD, None, id="the first"),
    pytest.param(OLD, f"192.0.2.0/24 {OLD}", None, id="one more"),
    pytest.param(OLD, "198.51.100.0/23 203.0.113.0/24 2001:db8::/32", None, id="wider ones"),
    pytest.param(
        OLD,
        "198.51.100.0/24 203.0.113.0/32 2001:db8:1::/48 2001:db8:2::1",
        None,
        id="half and 1",
    ),
    pytest.param(OLD, "198.51.100.0/24 2001:db8:1::/47 2001:db8:2::/48", "IPv4 50", id="half"),
    pytest.param(OLD, "192.0.2.0/24 2001:db8::/32", "IPv4 0", id="another in place of IPv4"),
    pytest.param(OLD, "198.51.100.0/24 203.0.113.0/24", "IPv6 0", id="no IPv6 any more"),
    pytest.param(
        OLD, "2001:db8:1::/48 2001:db8:2::/48", "IPv4 0", id="no IPv4 beside all of IPv6"
    ),
    pytest.param("192.0.2.1", "192.0.2.2", "IPv4 0", id="its only address"),
    pytest.param(
        "192.0.2.0/24 192.0.2.0/25 192.0.2.0/25",
        "192.0.2.128/25 192.0.2.0/31",
        None,
        id="addresses count once, though networks overlap",
    ),
    pytest.param("2001:db8::/32", "192.0.2.1 2001:db8::/33", "IPv6 50", id="half of IPv6"),
]


@pytest.mark.parametrize(("old", "new", "left"), KEPT)
def test_a_list_that_lost_half_of_the_addresses_is_refused(old, new, left):
    if left is None:
        check_kept(networks(old), networks(new))
        return
    with pytest.raises(ValueError, match="^expected") as error:
        check_kept(networks(old), networks(new))
    name, percent = left.split()
    assert str(error.value) == (
        f"expected more than half of the {name} addresses of the old list, got {percent} % "
        "(--force replaces it anyway)"
    )


_SMALL = st.builds(
    lambda number, prefix: ip_network((0xC0000200 + number, prefix), strict=False),
    st.integers(0, 63),
    st.integers(27, 32),
)


@given(st.lists(_SMALL, max_size=6), st.lists(_SMALL, max_size=6))
def test_what_is_kept_is_counted_by_address(old, new):
    before, after = ({ip for each in one for ip in each} for one in (old, new))
    lost = bool(before) and 2 * len(before & after) <= len(before)
    try:
        check_kept(networks(" ".join(map(str, old))), networks(" ".join(map(str, new))))
    except ValueError:
        assert lost
    else:
        assert not lost


def test_a_change_is_counted_by_network():
    change = compare(networks("192.0.2.0/24 192.0.2.1 ::1"), networks("::1 ::2 ::3 192.0.2.1"))
    assert (change, str(change)) == ((2, 1, 4), "+2 -1 networks, 4 in all")


def test_a_list_is_written_as_it_is_read():
    found = networks("192.0.2.0/24 2001:DB8::1 ::ffff:198.51.100.7")
    text = as_text(found)
    assert text == "192.0.2.0/24\n2001:db8::1/128\n198.51.100.7/32\n"
    assert parse_list(text.encode(), URL) == found
