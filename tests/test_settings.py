"""Every setting: its values, its mistakes in full, and which of several sources wins."""

from __future__ import annotations

import functools
import json
import os
import pickle
from decimal import Decimal
from ipaddress import IPv6Address, IPv6Interface
from operator import attrgetter

import pytest
from flask import Config
from hypothesis import given
from hypothesis import strategies as st

from core.test_headers import MISTAKES as HEADER_MISTAKES
from flask_trustproxy.settings import (
    SETTINGS,
    Given,
    SettingError,
    read_settings,
    settings_from_arguments,
)
from helpers import attacker_text

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11
    import tomli as tomllib


def mistake(config, environment=None):
    """The sentence with which settings are refused."""
    with pytest.raises(SettingError) as error:
        read_settings(config, environment or {})
    assert isinstance(error.value, ValueError)
    return str(error.value)


_FOUR = "('loopback', 'linklocal', 'uniquelocal', 'unix')"
_TRUST = f"expected an address, a network or a name {_FOUR}"
_ANY = f"{_TRUST}, a list of them, True, False, a count of hops or a callable"
_EACH = f"{_TRUST} as each element, got "
_ALONE = " (True, False, counts and callables cannot be in a list)"
_BARE = f"{_TRUST}. Write it without port, brackets and zone"
_NOT_LOOKED_UP = ". Host names are not looked up: give the host's address or network"
_UNRESOLVED = f"{_TRUST}{_NOT_LOOKED_UP}"
_BOOLS = (
    ". Name the addresses of your proxies. True alone trusts everybody, so that anyone can "
    "forge an address; False alone trusts nobody"
)
_COMMAS = ". Separate the elements with commas"
_QUOTES = ". The quotes are a part of the value: remove them"
_BLANK = ". A line break or another blank is a part of the value: remove it"
_UNDERSCORES = f"{_ANY}. Is there a double underscore in an environment variable's name?"
_OR = f", or a name {_FOUR}"
_PREFIX_4 = f"expected a prefix from 0 to 32 behind the slash{_OR}"
_PREFIX_6 = f"expected a prefix from 0 to 128 behind the slash{_OR}"
_MASK = f"expected a network mask of ones followed by zeros{_OR}"
_MAPPED = f"expected a prefix of at least 96 for an IPv4-mapped network{_OR}"
_PATH = f"{_TRUST}. A file of them is named as in 'file:/etc/proxies.txt'"
_NO_PATH = "expected a path without a comma, as in 'file:/etc/proxies.txt'"
_MISSING = "expected a file that can be read at '{}': No such file or directory"
_CALLABLE = "expected a callable (address: str, hop: int) -> bool that "
_LIMIT = "expected a count of at most 16, which is TRUST_PROXY_MAX_HOPS"


async def coroutine_function(address, hop):
    return True


class CoroutineCall:
    async def __call__(self, address, hop):
        return True


def no_parameters():
    return True


def one_parameter(address):
    return True


def three_parameters(address, hop, more):
    return True


def keyword_parameters(*, address, hop):
    return True


TRUST_MISTAKES = [
    pytest.param("loopbck", f"{_TRUST}. Did you mean 'loopback'?", id="a letter is missing"),
    pytest.param("LOOPBAK", f"{_TRUST}. Did you mean 'loopback'?", id="the same in upper case"),
    pytest.param("link-local", f"{_TRUST}. Did you mean 'linklocal'?", id="a hyphen too many"),
    pytest.param(
        "uniqlocal", f"{_TRUST}. Did you mean 'uniquelocal'?", id="letters are missing"
    ),
    pytest.param("unix:", f"{_TRUST}. Did you mean 'unix'?", id="the entry that nginx writes"),
    pytest.param("'loopback'", f"{_TRUST}{_QUOTES}", id="quotes in quotes"),
    pytest.param("loopback\n", f"{_TRUST}. Did you mean 'loopback'?", id="a line feed"),
    pytest.param("loopback\xa0", f"{_TRUST}. Did you mean 'loopback'?", id="a no-break space"),
    pytest.param("\x85loopback", f"{_TRUST}. Did you mean 'loopback'?", id="a next line"),
    pytest.param("\x0bunix", f"{_TRUST}. Did you mean 'unix'?", id="a vertical tab"),
    pytest.param("loopbac\u212a", f"{_TRUST}. Did you mean 'loopback'?", id="a Kelvin sign"),
    pytest.param("loopback;unix", f"{_TRUST}{_COMMAS}", id="a semicolon"),
    pytest.param(
        "10.0.0.0/8, loopbck",
        f"{_TRUST}, got 'loopbck'. Did you mean 'loopback'?",
        id="one of two is a mistake",
    ),
    pytest.param("", f"{_TRUST}, got nothing", id="an empty string"),
    pytest.param(" \t", f"{_TRUST}, got nothing", id="blanks"),
    pytest.param("loopback,", f"{_TRUST}, got ''", id="a comma at the end"),
    pytest.param(",loopback", f"{_TRUST}, got ''", id="a comma in front"),
    pytest.param("loopback, ,unix", f"{_TRUST}, got ''", id="a comma too many"),
    pytest.param(",", f"{_TRUST}, got ''", id="a comma alone"),
    pytest.param("-1", _TRUST, id="a count below 0 as text"),
    pytest.param("+1", _TRUST, id="a count with a sign"),
    pytest.param("3.5", _TRUST, id="a fraction as text"),
    pytest.param("1e1", _TRUST, id="a float as text"),
    pytest.param("02", _TRUST, id="a count with a leading zero"),
    pytest.param("00", _TRUST, id="two zeros"),
    pytest.param("1_0", _TRUST, id="an underscore, which int() takes"),
    pytest.param("٣", _TRUST, id="an Arabic digit, which int() takes"),
    pytest.param("²", _TRUST, id="a superscript, which isdigit() takes"),
    pytest.param("１", _TRUST, id="a full-width digit"),
    pytest.param("2\n", f"{_TRUST}{_BLANK}", id="a count and a line feed"),
    pytest.param("\xa02", f"{_TRUST}{_BLANK}", id="a no-break space and a count"),
    pytest.param("*", f"{_TRUST}{_BOOLS}", id="a star"),
    pytest.param("yes", f"{_TRUST}{_BOOLS}", id="yes"),
    pytest.param("no", f"{_TRUST}{_BOOLS}", id="no"),
    pytest.param("on", f"{_TRUST}{_BOOLS}", id="on"),
    pytest.param("OFF", f"{_TRUST}{_BOOLS}", id="off"),
    pytest.param("none", f"{_TRUST}{_BOOLS}", id="none"),
    pytest.param("all", f"{_TRUST}{_BOOLS}", id="all"),
    pytest.param("any", f"{_TRUST}{_BOOLS}", id="any"),
    pytest.param("Xtrue", _UNRESOLVED, id="a letter in front of true"),
    pytest.param(
        "loopback, true", f"{_TRUST}, got 'true'{_BOOLS}", id="everybody and an address"
    ),
    pytest.param("*,loopback", f"{_TRUST}, got '*'{_BOOLS}", id="a star and an address"),
    pytest.param(
        "2, 10.0.0.0/8",
        f"{_TRUST}, got '2'. A number of hops cannot be in a list",
        id="a count and addresses",
    ),
    pytest.param(
        ["2"], f"{_TRUST}. A number of hops cannot be in a list", id="a count as text in a list"
    ),
    pytest.param("proxy.example.com", _UNRESOLVED, id="a host name"),
    pytest.param(
        "localhost", f"{_TRUST}. Did you mean 'loopback'?", id="everybody's host name"
    ),
    pytest.param("web_1", _UNRESOLVED, id="a container's name"),
    pytest.param("nginx", _UNRESOLVED, id="a container named after its program"),
    pytest.param(
        "10.0.0.1,proxy.example.com",
        f"{_TRUST}, got 'proxy.example.com'{_NOT_LOOKED_UP}",
        id="a host name among addresses",
    ),
    pytest.param("10.0.0.1:80", _BARE, id="a port"),
    pytest.param("[2001:db8::1]", _BARE, id="brackets"),
    pytest.param("[2001:db8::1]:80", _BARE, id="brackets and a port"),
    pytest.param("fe80::1%eth0", _BARE, id="a zone"),
    pytest.param("fe80::1%eth0/64", _TRUST, id="a zone in a network"),
    pytest.param("010.0.0.1", _TRUST, id="a leading zero"),
    pytest.param("10.0.0.256", _TRUST, id="a part above 255"),
    pytest.param("10.1", _TRUST, id="two parts, which inet_aton takes"),
    pytest.param("0x0a000001", _TRUST, id="hexadecimal"),
    pytest.param("1234567890", _TRUST, id="an address as an integer"),
    pytest.param("10.0.0.１", _TRUST, id="a full-width digit in an address"),
    pytest.param("10.0.0.1\n", f"{_TRUST}{_BLANK}", id="an address and a line feed"),
    pytest.param(
        "\xa010.0.0.1",
        f"{_TRUST}{_BLANK}",
        id="a no-break space and an address",
    ),
    pytest.param(
        "10.0.0.1\x85",
        f"{_TRUST}{_BLANK}",
        id="an address and a next line",
    ),
    pytest.param("10.0.0.1 10.0.0.2", f"{_TRUST}{_COMMAS}", id="a space between addresses"),
    pytest.param("10.0.0.*", _TRUST, id="a pattern"),
    pytest.param("10.0.0.1-10.0.0.9", _TRUST, id="a range"),
    pytest.param("2001:db8::g", _TRUST, id="no IPv6 address"),
    pytest.param("10.0.0.0/33", _PREFIX_4, id="a prefix above 32"),
    pytest.param("10.0.0.0/-1", _PREFIX_4, id="a prefix below 0"),
    pytest.param("10.0.0.0/", _PREFIX_4, id="an empty prefix"),
    pytest.param("10.0.0.0/08", _PREFIX_4, id="a prefix with a leading zero"),
    pytest.param("10.0.0.0/٨", _PREFIX_4, id="a prefix in Arabic digits"),
    pytest.param("2001:db8::/129", _PREFIX_6, id="a prefix above 128"),
    pytest.param("10.0.0.0/0.0.0.0", _MASK, id="a mask of zeros"),
    pytest.param("10.0.0.0/0.255.255.255", _MASK, id="a wildcard mask"),
    pytest.param("10.0.0.0/255.0.255.0", _MASK, id="a mask with a hole"),
    pytest.param("::ffff:10.0.0.0/8", _MAPPED, id="IPv4-mapped with an IPv4 prefix"),
    pytest.param("::ffff:0:0/95", _MAPPED, id="IPv4-mapped with prefix 95"),
    pytest.param(
        "10.0.0.0/8, 10.0.0.0/33",
        f"{_PREFIX_4}, got '10.0.0.0/33'",
        id="one bad network of two",
    ),
    pytest.param("/etc/proxies.txt", _PATH, id="a path"),
    pytest.param("./proxies", _PATH, id="a path from here"),
    pytest.param("../proxies", _PATH, id="a path from above"),
    pytest.param("~/proxies", _PATH, id="a path from home"),
    pytest.param("proxies.txt", _PATH, id="the name of a file"),
    pytest.param("files:/etc/proxies", _PATH, id="files for file"),
    pytest.param("file=/etc/proxies", _PATH, id="an equals sign"),
    pytest.param("path: /etc/proxies", _PATH, id="path for file"),
    pytest.param("https://www.example.com/ips-v4", _PATH, id="a URL"),
    pytest.param(
        "loopback, /etc/proxies.txt",
        f"{_TRUST}, got '/etc/proxies.txt'. A file of them is named as in "
        "'file:/etc/proxies.txt'",
        id="a path among others",
    ),
    pytest.param("file", _UNRESOLVED, id="the word file"),
    pytest.param("file:", f"{_NO_PATH}, got 'file:'", id="no path"),
    pytest.param("FILE: \t", f"{_NO_PATH}, got 'file:'", id="blanks for a path"),
    pytest.param("file:///etc/x", f"{_NO_PATH}, got 'file:///etc/x'", id="a URL of a file"),
    pytest.param("loopback, file:", f"{_NO_PATH}, got 'file:'", id="no path among others"),
    pytest.param(["file:/a,b"], f"{_NO_PATH}, got 'file:/a,b'", id="a comma in the path"),
    pytest.param("file:/missing/A list", _MISSING.format("/missing/A list"), id="a file"),
    pytest.param(
        ["loopback", "File:/missing/x"], _MISSING.format("/missing/x"), id="a file in a list"
    ),
    pytest.param(
        "file:/a\0b",
        "expected a file that can be read at '/a\\x00b': embedded null byte",
        id="a NUL in the path",
    ),
    pytest.param("17", _LIMIT, id="a count above the limit, as text"),
    pytest.param("167772161", _LIMIT, id="an address that looks like a count"),
    pytest.param(17, _LIMIT, id="a count above the limit"),
    pytest.param(-1, "expected a count of hops, 0 or more", id="a count below 0"),
    pytest.param(3.5, _ANY, id="a fraction"),
    pytest.param(1.0, _ANY, id="a float that is whole"),
    pytest.param(float("nan"), _ANY, id="no number"),
    pytest.param(b"loopback", _ANY, id="bytes"),
    pytest.param(range(2), _ANY, id="a range object"),
    pytest.param({}, _UNDERSCORES, id="an empty dict"),
    pytest.param({"HEADERS": "X-Real-IP"}, _UNDERSCORES, id="a dict"),
    pytest.param(
        ["loopback", "loopbck"],
        f"{_TRUST}, got 'loopbck'. Did you mean 'loopback'?",
        id="a near miss in a list",
    ),
    pytest.param([""], f"{_TRUST}, got nothing", id="an empty string in a list"),
    pytest.param(
        ["loopback,unix"],
        f"{_TRUST}. Make each element an item of its own",
        id="a comma in a list",
    ),
    pytest.param(["true"], f"{_TRUST}{_BOOLS}", id="everybody as text in a list"),
    pytest.param(["false"], f"{_TRUST}{_BOOLS}", id="nobody as text in a list"),
    pytest.param([True], f"{_EACH}True{_ALONE}", id="True in a list"),
    pytest.param(("loopback", False), f"{_EACH}False{_ALONE}", id="False in a tuple"),
    pytest.param([1], f"{_EACH}1{_ALONE}", id="an int in a list"),
    pytest.param([167772161], f"{_EACH}167772161{_ALONE}", id="an address as an int in a list"),
    pytest.param([3.5], f"{_EACH}3.5{_ALONE}", id="a fraction in a list"),
    pytest.param([None], f"{_EACH}None{_ALONE}", id="None in a list"),
    pytest.param([b"\n\0\0\1"], f"{_EACH}b'\\n\\x00\\x00\\x01'{_ALONE}", id="bytes in a list"),
    pytest.param([["loopback"]], f"{_EACH}['loopback']{_ALONE}", id="a list in a list"),
    pytest.param(
        [no_parameters], f"{_EACH}{no_parameters!r}{_ALONE}", id="a callable in a list"
    ),
    pytest.param(IPv6Address("fe80::1%eth0"), _BARE, id="a scoped IPv6Address"),
    pytest.param([IPv6Address("fe80::1%eth0")], _BARE, id="a scoped IPv6Address in a list"),
    pytest.param(IPv6Interface("fe80::1%eth0/64"), _TRUST, id="a scoped IPv6Interface"),
    pytest.param(
        coroutine_function, f"{_CALLABLE}is no coroutine function", id="a coroutine function"
    ),
    pytest.param(
        functools.partial(coroutine_function),
        f"{_CALLABLE}is no coroutine function",
        id="a partial coroutine function",
    ),
    pytest.param(
        CoroutineCall(),
        f"{_CALLABLE}is no coroutine function",
        id="an object whose call is a coroutine",
    ),
    *(
        pytest.param(
            function, f"{_CALLABLE}takes two positional arguments", id=function.__name__
        )
        for function in (no_parameters, one_parameter, three_parameters, keyword_parameters)
    ),
    pytest.param(object, f"{_CALLABLE}takes two positional arguments", id="a class"),
]


@pytest.mark.parametrize(("value", "expected"), TRUST_MISTAKES)
def test_a_mistake_in_whom_to_trust(value, expected):
    sentence = f"TRUST_PROXY={value!r} (from app.config): {expected}"
    assert mistake({"TRUST_PROXY": value}) == sentence
    if isinstance(value, str) and value:
        sentence = f"TRUST_PROXY={value!r} (from the environment): {expected}"
        assert mistake({}, {"TRUST_PROXY": value}) == sentence


@pytest.mark.parametrize(
    ("value", "expected"), [case for case in HEADER_MISTAKES if case.values[0] is not None]
)
def test_a_mistake_in_the_headers(value, expected):
    sentence = f"TRUST_PROXY_HEADERS={value!r} (from app.config): {expected}"
    assert mistake({"TRUST_PROXY_HEADERS": value}) == sentence


HOPS = [
    *((value, value) for value in (1, 2, 16, 100, 10**9)),
    *((text, int(text)) for text in ("1", "16", " 2\t", "999999999")),
]
NO_HOPS = [
    *(0, -1, True, False, 1.0, 3.5, float("nan"), b"1", [], [1], {}, "", " ", "0", "-1", "+1"),
    *(
        "01",
        "1.0",
        "1e1",
        "1_0",
        "٣",
        "²",
        "１",
        "1\n",
        "\xa01",
        "9999999999",
        "all",
        "true",
        "1,2",
    ),
]
ON = [True, 1, "true", "TRUE", "True", "1", "yes", "Yes", "YES", "on", "On", "ON", " on\t"]
OFF = [
    False,
    0,
    "false",
    "FALSE",
    "False",
    "0",
    "no",
    "No",
    "NO",
    "off",
    "Off",
    "OFF",
    "\toff ",
]
NEITHER = [
    *(
        "",
        " ",
        "2",
        "-1",
        "01",
        "y",
        "n",
        "t",
        "enabled",
        "none",
        "null",
        "None",
        "on\n",
        "\xa0on",
    ),
    *(
        "on,",
        "on off",
        "yes!",
        "１",
        "٠",
        2,
        -1,
        1.0,
        Decimal(1),
        float("nan"),
        b"on",
        [],
        [True],
        {},
    ),
]
COOKIES = [
    *((value, "session") for value in ("session", "SESSION", " Session\t")),
    *((value, "all") for value in ("all", "ALL", "\tAll ")),
    *((value, False) for value in OFF),
]
NO_COOKIES = [*ON, *NEITHER, "sessions", "session,all", "both", ["session"], "\u017fession"]


def setting_of(name, value):
    attribute = {
        "TRUST_PROXY_MAX_HOPS": "policy.max_hops",
        "TRUST_PROXY_CLEAN_HEADERS": "policy.clean_headers",
        "TRUST_PROXY_SECURE_COOKIES": "secure_cookies",
        "TRUST_PROXY_REQUIRED": "required",
    }[name]
    read = attrgetter(attribute)
    answers = [read(read_settings({name: value}, {}))]
    if isinstance(value, str):
        answers.append(read(read_settings({}, {name: value})))
    assert len({repr(answer) for answer in answers}) == 1
    return answers[0]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("TRUST_PROXY_MAX_HOPS", *case) for case in HOPS),
        *(("TRUST_PROXY_CLEAN_HEADERS", value, True) for value in ON),
        *(("TRUST_PROXY_CLEAN_HEADERS", value, False) for value in OFF),
        *(("TRUST_PROXY_SECURE_COOKIES", *case) for case in COOKIES),
        *(("TRUST_PROXY_REQUIRED", value, True) for value in ON),
        *(("TRUST_PROXY_REQUIRED", value, False) for value in OFF),
    ],
)
def test_a_value(name, value, expected):
    answer = setting_of(name, value)
    assert (type(answer), answer) == (type(expected), expected)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(
            ("TRUST_PROXY_MAX_HOPS", value, "expected a number of hops, 1 or more")
            for value in NO_HOPS
        ),
        *(("TRUST_PROXY_CLEAN_HEADERS", value, "expected True or False") for value in NEITHER),
        *(
            ("TRUST_PROXY_SECURE_COOKIES", value, "expected 'session', 'all' or False")
            for value in NO_COOKIES
        ),
        *(
            (
                "TRUST_PROXY_REQUIRED",
                value,
                "expected True, False or a list of paths, each with a leading slash",
            )
            for value in [
                *NEITHER,
                *("healthz", "/healthz,", ",/healthz", "/a,,/b", "/a, b", "*", "http://x/a"),
                *(
                    (),
                    set(),
                    ["healthz"],
                    ["/a", ""],
                    ["/a", 1],
                    ["/a", None],
                    [b"/a"],
                    {"/a": 1},
                ),
                *("\xa0/a", "\n/a", b"/a", "/\ud800", ["/a", "/\ud800"]),
            ]
        ),
    ],
)
def test_a_mistake(name, value, expected):
    assert mistake({name: value}) == f"{name}={value!r} (from app.config): {expected}"
    if isinstance(value, str) and value:
        sentence = f"{name}={value!r} (from the environment): {expected}"
        assert mistake({}, {name: value}) == sentence


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("/healthz", {"/healthz"}, id="one path"),
        pytest.param("/healthz, /metrics", {"/healthz", "/metrics"}, id="two paths"),
        pytest.param("\t/healthz ,/metrics", {"/healthz", "/metrics"}, id="blanks around them"),
        pytest.param("/", {"/"}, id="the root"),
        pytest.param(["/healthz", "/metrics"], {"/healthz", "/metrics"}, id="a list"),
        pytest.param(("/healthz",), {"/healthz"}, id="a tuple"),
        pytest.param({"/healthz"}, {"/healthz"}, id="a set"),
        pytest.param(["/a,b"], {"/a,b"}, id="a comma in a list's path"),
        pytest.param("/Healthz/", {"/Healthz/"}, id="exactly as written"),
        pytest.param("/a b", {"/a b"}, id="a space within"),
        pytest.param("/a%20b", {"/a%20b"}, id="an escape is no escape"),
        pytest.param("/caf\u00e9", {"/caf\u00c3\u00a9"}, id="as PATH_INFO has UTF-8"),
        pytest.param("/caf\udce9", {"/caf\u00e9"}, id="a byte of the environment"),
        pytest.param("/yes, /1", {"/yes", "/1"}, id="paths that look like words"),
    ],
)
def test_paths_stay_open(value, expected):
    settings = read_settings({"TRUST_PROXY_REQUIRED": value}, {})
    assert (settings.required, settings.open_paths) == (True, expected)


@pytest.mark.parametrize("value", [*ON, *OFF])
def test_without_paths_none_stays_open(value):
    assert read_settings({"TRUST_PROXY_REQUIRED": value}, {}).open_paths == frozenset()


TOGETHER = [
    pytest.param(
        {"TRUST_PROXY": 3, "TRUST_PROXY_MAX_HOPS": 2},
        "TRUST_PROXY=3 (from app.config): expected a count of at most 2, which is "
        "TRUST_PROXY_MAX_HOPS",
        id="a count above the hops",
    ),
    pytest.param(
        {"TRUST_PROXY": "2", "TRUST_PROXY_HEADERS": "X-Real-IP"},
        "TRUST_PROXY='2' (from app.config): expected a count of at most 1 with a header that "
        "holds one address",
        id="a count above 1 with a single address",
    ),
    pytest.param(
        {"TRUST_PROXY": 2, "TRUST_PROXY_HEADERS": ["X-Acme-Client=address"]},
        "TRUST_PROXY=2 (from app.config): expected a count of at most 1 with a header that "
        "holds one address",
        id="a count above 1 with a single address of one's own",
    ),
    *(
        pytest.param(
            {
                "TRUST_PROXY_HEADERS": f"X-Forwarded-For, {header}:{limit + 1}",
                "TRUST_PROXY_MAX_HOPS": limit,
            },
            f"TRUST_PROXY_HEADERS='X-Forwarded-For, {header}:{limit + 1}' (from app.config): "
            f"expected at most ':{limit}' behind {header}, since no more hops are trusted",
            id=f"{header}:{limit + 1} above {limit} hops",
        )
        for header, limit in [
            ("X-Forwarded-Proto", 1),
            ("X-Forwarded-Host", 2),
            ("X-Forwarded-Port", 16),
            ("X-Forwarded-Prefix", 100),
        ]
    ),
    pytest.param(
        {"TRUST_PROXY": 2, "TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Proto:3"},
        "TRUST_PROXY_HEADERS='X-Forwarded-For, X-Forwarded-Proto:3' (from app.config): "
        "expected at most ':2' behind X-Forwarded-Proto, since no more hops are trusted",
        id="a number above the count",
    ),
    pytest.param(
        {"TRUST_PROXY": 0, "TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Proto:2"},
        "TRUST_PROXY_HEADERS='X-Forwarded-For, X-Forwarded-Proto:2' (from app.config): "
        "expected at most ':1' behind X-Forwarded-Proto, since no more hops are trusted",
        id="a number above a count of none",
    ),
    pytest.param(
        {"TRUST_PROXY_HEADERS": "X-Forwarded-Proto:2"},
        "TRUST_PROXY_HEADERS='X-Forwarded-Proto:2' (from app.config): expected at most ':1' "
        "behind X-Forwarded-Proto, since no more hops are trusted",
        id="a second value where only the peer is known",
    ),
    pytest.param(
        {"TRUST_PROXY_HEADERS": "X-Real-IP, X-Forwarded-Host:2"},
        "TRUST_PROXY_HEADERS='X-Real-IP, X-Forwarded-Host:2' (from app.config): expected at "
        "most ':1' behind X-Forwarded-Host, since no more hops are trusted",
        id="a second value where only the peer is asked",
    ),
    *(
        pytest.param(
            {"TRUST_PROXY": trust, "TRUST_PROXY_REQUIRED": required},
            f"TRUST_PROXY_REQUIRED={required!r} (from app.config): expected False while "
            f"TRUST_PROXY is {trust!r}, which would let in {whom}",
            id=f"required {required!r} while {trust!r} is trusted",
        )
        for whom, values in (
            (
                "everyone: name the addresses of the proxies, or set TRUST_PROXY_EDGE_SECRET",
                (True, "true", 1, "2", 16),
            ),
            ("no one: name the addresses of the proxies", (False, "false", [], (), 0)),
        )
        for trust in values
        for required in (True, "on", "/healthz", ["/healthz"])
    ),
]


@pytest.mark.parametrize(("config", "expected"), TOGETHER)
def test_two_values_make_no_sense_together(config, expected):
    assert mistake(config) == expected


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"TRUST_PROXY": 16}, id="a count as high as the hops"),
        pytest.param({"TRUST_PROXY": "3", "TRUST_PROXY_MAX_HOPS": "3"}, id="the same as text"),
        pytest.param(
            {"TRUST_PROXY": 17, "TRUST_PROXY_MAX_HOPS": 17}, id="more than the default"
        ),
        pytest.param({"TRUST_PROXY": 1, "TRUST_PROXY_HEADERS": "X-Real-IP"}, id="one address"),
        pytest.param(
            {"TRUST_PROXY": 0, "TRUST_PROXY_HEADERS": "X-Real-IP"}, id="a count of none"
        ),
        pytest.param(
            {"TRUST_PROXY": 2, "TRUST_PROXY_HEADERS": "none"}, id="a count, no header"
        ),
        pytest.param(
            {"TRUST_PROXY": 2, "TRUST_PROXY_HEADERS": "X-Forwarded-Proto:2"},
            id="a count, and no client header",
        ),
        pytest.param(
            {"TRUST_PROXY": 2, "TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Proto:2"},
            id="a number as high as the count",
        ),
        pytest.param(
            {"TRUST_PROXY_HEADERS": "Forwarded, X-Forwarded-Port:16"}, id="as high as the hops"
        ),
        pytest.param(
            {"TRUST_PROXY": False, "TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Host"},
            id="a host header while nobody is trusted",
        ),
        pytest.param(
            {"TRUST_PROXY_HEADERS": "X-Real-IP, X-Forwarded-Proto:1"},
            id="number 1 is no number",
        ),
        *(
            pytest.param(
                {"TRUST_PROXY": trust, "TRUST_PROXY_REQUIRED": True}, id=f"required {i}"
            )
            for i, trust in enumerate(["unix", "10.0.0.0/8", ["::1"], lambda a, b: True])
        ),
        *(
            pytest.param(
                {"TRUST_PROXY": trust, "TRUST_PROXY_REQUIRED": False}, id=f"open {trust!r}"
            )
            for trust in (True, False, [], 0, 2)
        ),
    ],
)
def test_two_values_make_sense_together(config):
    settings = read_settings(config, {})
    assert {name: settings.given[name].value for name in config} == config


def test_only_the_peer_is_asked_where_a_header_holds_one_address():
    everyone = read_settings({"TRUST_PROXY": True, "TRUST_PROXY_HEADERS": "X-Real-IP"}, {})
    assert everyone.policy.trusts("10.0.0.2", 0) is True
    assert everyone.policy.trusts("10.0.0.2", 1) is False
    listed = read_settings({"TRUST_PROXY": True, "TRUST_PROXY_HEADERS": "Forwarded"}, {})
    assert listed.policy.trusts("10.0.0.2", 1) is True
    nobody = read_settings({"TRUST_PROXY": False, "TRUST_PROXY_HEADERS": "X-Real-IP"}, {})
    assert nobody.policy.trusts("10.0.0.2", 0) is False


DEFAULTS = {
    "TRUST_PROXY": "loopback",
    "TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Proto",
    "TRUST_PROXY_MAX_HOPS": 16,
    "TRUST_PROXY_CLEAN_HEADERS": True,
    "TRUST_PROXY_SECURE_COOKIES": "session",
    "TRUST_PROXY_REQUIRED": False,
    **dict.fromkeys(
        (
            "TRUST_PROXY_PROBE_KEY",
            "TRUST_PROXY_EDGE",
            "TRUST_PROXY_EDGE_SECRET",
            "TRUST_PROXY_IDENTITY_HEADERS",
            "TRUST_PROXY_SCHEME",
        )
    ),
}
# For each setting a value for config, one for the environment, and how both are told apart.
SOURCES = [
    ("TRUST_PROXY", "10.0.0.0/8", "unix", lambda s: s.policy.trust.elements),
    ("TRUST_PROXY_HEADERS", [], "X-Real-IP", lambda s: s.policy.headers.client),
    ("TRUST_PROXY_MAX_HOPS", 3, "4", lambda s: s.policy.max_hops),
    ("TRUST_PROXY_CLEAN_HEADERS", True, "no", lambda s: s.policy.clean_headers),
    ("TRUST_PROXY_SECURE_COOKIES", False, "all", lambda s: s.secure_cookies),
    ("TRUST_PROXY_REQUIRED", False, "/healthz", lambda s: (s.required, s.open_paths)),
    ("TRUST_PROXY_EDGE", "::1", "127.0.0.1", lambda s: edge_of(s)),
    (
        "TRUST_PROXY_IDENTITY_HEADERS",
        ["Remote-User"],
        "X-User, X-Email",
        lambda s: list(s.policy.identity.values()),
    ),
]


def edge_of(settings):
    """The elements of the edge, and the values of its secret."""
    edge = settings.policy.edge
    return (
        edge.proxies and edge.proxies.elements,
        edge.secret and (edge.secret.name, edge.secret.values),
    )


def test_the_defaults():
    settings = read_settings({}, {})
    assert DEFAULTS.keys() == SETTINGS.keys()
    for name, value in DEFAULTS.items():
        assert SETTINGS[name].default == value
        assert settings.given[name] == Given(value, "the default")
    assert settings.policy.trust.elements == ("loopback",)
    named = [header.name for header in settings.policy.headers.named]
    assert named == ["X-Forwarded-For", "X-Forwarded-Proto"]
    assert settings.policy.max_hops == 16
    assert settings.policy.clean_headers is True
    assert settings.secure_cookies == "session"
    assert settings.required is False
    assert settings.open_paths == frozenset()


@pytest.mark.parametrize(
    ("name", "config", "environment", "read"), SOURCES, ids=[case[0] for case in SOURCES]
)
class TestSources:
    def test_config_wins_over_the_environment(self, name, config, environment, read):
        settings = read_settings({name: config}, {name: environment})
        assert settings.given[name] == Given(config, "from app.config")
        assert read(settings) == read(read_settings({name: config}, {}))
        assert read(settings) != read(read_settings({}, {name: environment}))

    def test_a_mistake_in_the_environment_does_not_matter_then(
        self, name, config, environment, read
    ):
        read_settings({name: config}, {name: "\0"})
        assert mistake({}, {name: "\0"}).startswith(f"{name}='\\x00' (from the environment): ")

    def test_the_environment_wins_over_the_default(self, name, config, environment, read):
        settings = read_settings({}, {name: environment})
        assert settings.given[name] == Given(environment, "from the environment")
        assert read(settings) != read(read_settings({}, {}))

    def test_none_in_config_is_not_set(self, name, config, environment, read):
        settings = read_settings({name: None}, {name: environment})
        assert settings.given[name] == Given(environment, "from the environment")
        settings = read_settings({name: None}, {})
        assert settings.given[name] == Given(DEFAULTS[name], "the default")

    def test_an_empty_environment_variable_is_not_set(self, name, config, environment, read):
        settings = read_settings({}, {name: ""})
        assert settings.given[name] == Given(DEFAULTS[name], "the default")

    def test_an_empty_string_in_config_is_a_mistake(self, name, config, environment, read):
        sentence = mistake({name: ""}, {name: environment})
        assert sentence.startswith(f"{name}='' (from app.config): expected ")

    def test_blanks_in_the_environment_are_a_mistake(self, name, config, environment, read):
        sentence = mistake({}, {name: " "})
        assert sentence.startswith(f"{name}=' ' (from the environment): expected ")

    def test_the_argument_of_the_plain_middleware(self, name, config, environment, read):
        arguments = {setting.argument: setting.default for setting in SETTINGS.values()}
        arguments[SETTINGS[name].argument] = config
        settings = settings_from_arguments(**arguments)
        origin = f"from the argument {SETTINGS[name].argument}"
        assert settings.given[name] == Given(config, origin)
        assert read(settings) == read(read_settings({name: config}, {}))

    def test_a_mistake_in_an_argument(self, name, config, environment, read):
        argument = SETTINGS[name].argument
        arguments = {setting.argument: setting.default for setting in SETTINGS.values()}
        with pytest.raises(SettingError) as error:
            settings_from_arguments(**{**arguments, argument: "\0"})
        expected = f"{name}='\\x00' (from the argument {argument}): expected "
        assert str(error.value).startswith(expected)
        if DEFAULTS[name] is not None:
            with pytest.raises(SettingError):
                settings_from_arguments(**{**arguments, argument: None})


#: Settings whose value is shown as "<secret>", or that have but one value.
OTHERS = [
    (
        "TRUST_PROXY_EDGE_SECRET",
        ["X-Verify: 0123456789abcdef"],
        "X-Verify: 0123456789ABCDEF",
        lambda s: edge_of(s)[1],
    ),
    ("TRUST_PROXY_PROBE_KEY", "k" * 32, "K" * 32, lambda s: s.probe_key),
    ("TRUST_PROXY_SCHEME", "https", "HTTPS", lambda s: s.policy.assumed_scheme),
]


@pytest.mark.parametrize(
    ("name", "config", "environment", "read"), OTHERS, ids=[case[0] for case in OTHERS]
)
def test_each_other_setting_comes_from_the_same_places(name, config, environment, read):
    assert {case[0] for case in (*SOURCES, *OTHERS)} == SETTINGS.keys()
    unset = read(read_settings({}, {name: ""}))
    assert unset is None
    for where, origin in (
        (({name: config}, {name: environment}), "from app.config"),
        (({name: None}, {name: environment}), "from the environment"),
    ):
        settings = read_settings(*where)
        assert settings.given[name].origin == origin
        value = config if origin == "from app.config" else environment
        assert read(settings) == read(read_settings({name: value}, {})) != unset
    arguments = {setting.argument: setting.default for setting in SETTINGS.values()}
    settings = settings_from_arguments(**{**arguments, SETTINGS[name].argument: config})
    assert read(settings) == read(read_settings({name: config}, {}))
    shown = "<secret>" if name in ("TRUST_PROXY_EDGE_SECRET", "TRUST_PROXY_PROBE_KEY") else "''"
    assert mistake({name: ""}).startswith(f"{name}={shown} (from app.config): expected ")


def test_settings_that_conflict_name_the_origin_of_the_one_to_mend():
    config = {"TRUST_PROXY_MAX_HOPS": 2}
    assert mistake(config, {"TRUST_PROXY": "3"}) == (
        "TRUST_PROXY='3' (from the environment): expected a count of at most 2, which is "
        "TRUST_PROXY_MAX_HOPS"
    )
    assert mistake({"TRUST_PROXY": True}, {"TRUST_PROXY_REQUIRED": "yes"}) == (
        "TRUST_PROXY_REQUIRED='yes' (from the environment): expected False while TRUST_PROXY "
        "is True, which would let in everyone: name the addresses of the proxies, or set "
        "TRUST_PROXY_EDGE_SECRET"
    )


def test_settings_are_frozen():
    settings = read_settings({}, {})
    with pytest.raises(AttributeError):
        settings.policy.max_hops = 1


def test_other_settings_are_not_read():
    config = {"TRUST_PROXY_": "\0", "TRUSTED_HOSTS": "\0", "trust_proxy": "\0", "PROXY": 1}
    assert read_settings(config, config).given == read_settings({}, {}).given


class TestSettingError:
    def test_it_has_what_it_says(self):
        with pytest.raises(SettingError) as caught:
            read_settings({}, {"TRUST_PROXY": "loopbck"})
        error = caught.value
        assert (error.setting, error.origin, error.value) == (
            *("TRUST_PROXY", "from the environment", "loopbck"),
        )
        assert error.expected == f"{_TRUST}. Did you mean 'loopback'?"
        assert str(error) == (
            f"TRUST_PROXY='loopbck' (from the environment): {_TRUST}. Did you mean 'loopback'?"
        )

    def test_it_has_no_cause_to_print(self):
        with pytest.raises(SettingError) as caught:
            read_settings({"TRUST_PROXY": "loopbck"}, {})
        assert caught.value.__suppress_context__
        assert caught.value.__cause__ is None

    def test_it_is_one_line_whatever_the_value(self):
        for value in ("a\nb", "a\r\nb\x1b[31m", "a\u2028b", "\udce9"):
            sentence = mistake({"TRUST_PROXY": value})
            assert sentence.isprintable()

    def test_a_long_value_is_cut(self):
        sentence = mistake({"TRUST_PROXY_MAX_HOPS": "9" * 1000})
        shown = "'" + "9" * 199 + "..."
        expected = "expected a number of hops, 1 or more"
        assert sentence == f"TRUST_PROXY_MAX_HOPS={shown} (from app.config): {expected}"
        assert "..." not in mistake({"TRUST_PROXY_MAX_HOPS": "9" * 198})

    def test_a_long_part_of_it_is_cut_as_well(self):
        sentence = mistake({"TRUST_PROXY": ["loopback", "9" * 1000]})
        shown = f"['loopback', '{'9' * 186}..."
        expected = f"{_TRUST}, got '{'9' * 1000}'"[:500]
        assert sentence == f"TRUST_PROXY={shown} (from app.config): {expected}..."

    def test_it_can_be_pickled(self):
        error = SettingError("TRUST_PROXY", "the default", "loopbck", "expected a name")
        copy = pickle.loads(pickle.dumps(error))
        assert str(copy) == str(error) == "TRUST_PROXY='loopbck' (the default): expected a name"


@given(st.sampled_from(list(SETTINGS)), attacker_text)
def test_no_text_raises_anything_else(name, text):
    for config, environment in (({name: text}, {}), ({}, {name: text})):
        try:
            read_settings(config, environment)
        except SettingError as error:
            sentence = str(error)
        else:
            continue
        assert sentence.startswith(f"{name}=")
        assert ": expected " in sentence


# What Flask makes of an environment variable with its prefix.
PREFIXED = [
    ("FLASK_TRUST_PROXY", "loopback, 10.0.0.0/8", ("loopback", " 10.0.0.0/8")),
    ("FLASK_TRUST_PROXY", '"10.0.0.0/8"', ("10.0.0.0/8",)),
    ("FLASK_TRUST_PROXY", '["10.0.0.0/8", "unix"]', ("10.0.0.0/8", "unix")),
    ("FLASK_TRUST_PROXY", "true", "everybody"),
    ("FLASK_TRUST_PROXY", "True", "everybody"),
    ("FLASK_TRUST_PROXY", "false", "nobody"),
    ("FLASK_TRUST_PROXY", "False", "nobody"),
    ("FLASK_TRUST_PROXY", "[]", "nobody"),
    ("FLASK_TRUST_PROXY", "null", ("loopback",)),
    ("FLASK_TRUST_PROXY", "0", 0),
    ("FLASK_TRUST_PROXY", "1", 1),
    ("FLASK_TRUST_PROXY", "2", 2),
    ("FLASK_TRUST_PROXY", '"2"', 2),
]
PREFIXED_MISTAKES = [
    ("FLASK_TRUST_PROXY", "", "TRUST_PROXY=''", f"{_TRUST}, got nothing"),
    ("FLASK_TRUST_PROXY", "3.5", "TRUST_PROXY=3.5", _ANY),
    ("FLASK_TRUST_PROXY", "1e1", "TRUST_PROXY=10.0", _ANY),
    ("FLASK_TRUST_PROXY", "NaN", "TRUST_PROXY=nan", _ANY),
    ("FLASK_TRUST_PROXY", "-1", "TRUST_PROXY=-1", "expected a count of hops, 0 or more"),
    ("FLASK_TRUST_PROXY", "01", "TRUST_PROXY='01'", _TRUST),
    ("FLASK_TRUST_PROXY", "None", "TRUST_PROXY='None'", f"{_TRUST}{_BOOLS}"),
    (
        "FLASK_TRUST_PROXY",
        "'loopback'",
        "TRUST_PROXY=\"'loopback'\"",
        f"{_TRUST}{_QUOTES}",
    ),
    ("FLASK_TRUST_PROXY", "[1]", "TRUST_PROXY=[1]", f"{_EACH}1{_ALONE}"),
    ("FLASK_TRUST_PROXY", "[true]", "TRUST_PROXY=[True]", f"{_EACH}True{_ALONE}"),
    ("FLASK_TRUST_PROXY", '{"a": 1}', "TRUST_PROXY={'a': 1}", _UNDERSCORES),
    (
        "FLASK_TRUST_PROXY__HEADERS",
        "X-Real-IP",
        "TRUST_PROXY={'HEADERS': 'X-Real-IP'}",
        _UNDERSCORES,
    ),
    (
        "FLASK_TRUST_PROXY_MAX_HOPS",
        "true",
        "TRUST_PROXY_MAX_HOPS=True",
        "expected a number of hops, 1 or more",
    ),
    (
        "FLASK_TRUST_PROXY_HEADERS",
        '{"X-Real-IP": 1}',
        "TRUST_PROXY_HEADERS={'X-Real-IP': 1}",
        "expected the names of forwarding headers as a list or a comma-separated string",
    ),
]


def summary(trust):
    """The elements, the count, or else the kind."""
    if trust.kind == "addresses":
        return trust.elements
    return trust.kind if trust.count is None else trust.count


@pytest.fixture
def config(tmp_path):
    return Config(str(tmp_path))


class TestFlaskConfig:
    @pytest.mark.parametrize(("name", "text", "expected"), PREFIXED)
    def test_a_prefixed_environment_variable(self, config, monkeypatch, name, text, expected):
        monkeypatch.setenv(name, text)
        config.from_prefixed_env()
        assert summary(read_settings(config, {}).policy.trust) == expected

    @pytest.mark.parametrize(("name", "text", "value", "expected"), PREFIXED_MISTAKES)
    def test_a_mistake_in_one(self, config, monkeypatch, name, text, value, expected):
        monkeypatch.setenv(name, text)
        config.from_prefixed_env()
        assert mistake(config) == f"{value} (from app.config): {expected}"

    def test_every_setting_by_prefix(self, config, monkeypatch):
        for name, text in {
            "TRUST_PROXY": "10.0.0.0/8",
            "TRUST_PROXY_HEADERS": '["Forwarded"]',
            "TRUST_PROXY_MAX_HOPS": "2",
            "TRUST_PROXY_CLEAN_HEADERS": "0",
            "TRUST_PROXY_SECURE_COOKIES": "false",
            "TRUST_PROXY_REQUIRED": '["/healthz"]',
            "TRUST_PROXY_EDGE": '["10.0.0.2", "unix"]',
            "TRUST_PROXY_EDGE_SECRET": "X-Verify: 0123456789abcdef, X-Verify: 0123456789ABCDEF",
            "TRUST_PROXY_IDENTITY_HEADERS": '["Remote-User"]',
            "TRUST_PROXY_SCHEME": '"https"',
            "TRUST_PROXY_PROBE_KEY": "12345678901234567890123456789012",  # JSON: an int
        }.items():
            monkeypatch.setenv(f"FLASK_{name}", text)
        config.from_prefixed_env()
        settings = read_settings(config, {"TRUST_PROXY": "\0", "TRUST_PROXY_HEADERS": "\0"})
        assert summary(settings.policy.trust) == ("10.0.0.0/8",)
        assert [header.name for header in settings.policy.headers.named] == ["Forwarded"]
        assert settings.policy.max_hops == 2
        assert settings.policy.clean_headers is False
        assert settings.secure_cookies is False
        assert (settings.required, settings.open_paths) == (True, {"/healthz"})
        values = (b"0123456789abcdef", b"0123456789ABCDEF")
        assert edge_of(settings) == (("10.0.0.2", "unix"), ("X-Verify", values))
        assert list(settings.policy.identity.values()) == ["Remote-User"]
        assert settings.policy.assumed_scheme == "https"
        assert settings.probe_key == b"12345678901234567890123456789012"

    @pytest.mark.parametrize("text", ["true", "1", "yes", "on", "True", '"on"'])
    def test_on_by_prefix(self, config, monkeypatch, text):
        monkeypatch.setenv("FLASK_TRUST_PROXY_REQUIRED", text)
        config.from_prefixed_env()
        assert read_settings(config, {}).required is True

    def test_another_prefix(self, config, monkeypatch):
        monkeypatch.setenv("ACME_TRUST_PROXY", "unix")
        config.from_prefixed_env("ACME")
        assert summary(read_settings(config, {}).policy.trust) == ("unix",)

    JSON = {
        "TRUST_PROXY": ["loopback", "10.0.0.0/8"],
        "TRUST_PROXY_HEADERS": ["X-Forwarded-For", "X-Forwarded-Proto:2"],
        "TRUST_PROXY_MAX_HOPS": 2,
        "TRUST_PROXY_CLEAN_HEADERS": False,
        "TRUST_PROXY_SECURE_COOKIES": "all",
        "TRUST_PROXY_REQUIRED": None,
        "TRUST_PROXY_EDGE": ["10.0.0.2"],
        "TRUST_PROXY_EDGE_SECRET": ["X-Verify: 0123456789abcdef"],
        "TRUST_PROXY_IDENTITY_HEADERS": ["Remote-User", "X-Email"],
        "TRUST_PROXY_SCHEME": "https",
        "TRUST_PROXY_PROBE_KEY": None,
    }
    TOML = """
        TRUST_PROXY = ["loopback", "10.0.0.0/8"]
        TRUST_PROXY_HEADERS = "X-Forwarded-For, X-Forwarded-Proto:2"
        TRUST_PROXY_MAX_HOPS = 2
        TRUST_PROXY_CLEAN_HEADERS = false
        TRUST_PROXY_SECURE_COOKIES = "all"
        TRUST_PROXY_EDGE = "10.0.0.2"
        TRUST_PROXY_EDGE_SECRET = "X-Verify: 0123456789abcdef"
        TRUST_PROXY_IDENTITY_HEADERS = "Remote-User, X-Email"
        TRUST_PROXY_SCHEME = "https"
    """

    def check(self, config):
        settings = read_settings(config, {})
        assert summary(settings.policy.trust) == ("loopback", "10.0.0.0/8")
        named = [(header.name, header.n) for header in settings.policy.headers.named]
        assert named == [("X-Forwarded-For", 1), ("X-Forwarded-Proto", 2)]
        assert settings.policy.max_hops == 2
        assert settings.policy.clean_headers is False
        assert settings.secure_cookies == "all"
        assert settings.required is False
        assert settings.given["TRUST_PROXY"].origin == "from app.config"
        assert settings.given["TRUST_PROXY_REQUIRED"].origin == "the default"
        secret = ("X-Verify", (b"0123456789abcdef",))
        assert edge_of(settings) == (("10.0.0.2",), secret)
        assert list(settings.policy.identity.values()) == ["Remote-User", "X-Email"]
        assert settings.policy.assumed_scheme == "https"
        assert settings.given["TRUST_PROXY_EDGE_SECRET"].origin == "from app.config"
        assert settings.given["TRUST_PROXY_PROBE_KEY"].origin == "the default"

    def test_every_setting_is_in_these_files(self):
        assert self.JSON.keys() == SETTINGS.keys()

    def test_a_json_file(self, config, tmp_path):
        (tmp_path / "config.json").write_text(json.dumps(self.JSON), "utf-8")
        config.from_file("config.json", load=json.load)
        self.check(config)

    def test_a_toml_file(self, config, tmp_path):
        (tmp_path / "config.toml").write_text(self.TOML, "utf-8")
        # Flask 2.2 opens files as text only, which tomllib.load does not take.
        config.from_file("config.toml", load=lambda file: tomllib.loads(file.read()))
        self.check(config)

    def test_a_mapping(self, config):
        config.from_mapping(self.JSON)
        self.check(config)

    def test_an_object(self, config):
        config.from_object(type("Production", (), self.JSON))
        self.check(config)

    def test_a_python_file(self, config, tmp_path):
        lines = [f"{name} = {value!r}\n" for name, value in self.JSON.items()]
        (tmp_path / "config.py").write_text("".join(lines), "utf-8")
        config.from_pyfile("config.py")
        self.check(config)

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("TRUST_PROXY = 1", 1),
            ("TRUST_PROXY = true", "everybody"),
            ("TRUST_PROXY = false", "nobody"),
            ("TRUST_PROXY = []", "nobody"),
            ("TRUST_PROXY = 'unix'", ("unix",)),
        ],
    )
    def test_a_line_of_toml(self, config, line, expected):
        config.from_mapping(tomllib.loads(line))
        assert summary(read_settings(config, {}).policy.trust) == expected

    @pytest.mark.parametrize(
        ("line", "value", "expected"),
        [
            ("TRUST_PROXY = 1.0", "1.0", _ANY),
            ("TRUST_PROXY = nan", "nan", _ANY),
            ("TRUST_PROXY = ''", "''", f"{_TRUST}, got nothing"),
            ("[TRUST_PROXY]\nHEADERS = 1", "{'HEADERS': 1}", _UNDERSCORES),
        ],
    )
    def test_a_mistake_in_toml(self, config, line, value, expected):
        config.from_mapping(tomllib.loads(line))
        assert mistake(config) == f"TRUST_PROXY={value} (from app.config): {expected}"


class TestTrustFiles:
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "list.txt").write_text("198.51.100.0/24\n")

    def paths(self, settings):
        return [file.path for file in settings.policy.trust.files]

    def test_a_path_starts_in_the_directory(self, tmp_path):
        given = {"TRUST_PROXY": "file:list.txt"}
        settings = read_settings(given, {}, str(tmp_path))
        assert self.paths(settings) == [str(tmp_path / "list.txt")]
        assert settings.directory == str(tmp_path)
        assert mistake({"TRUST_PROXY": "file:no.txt"}) == (
            "TRUST_PROXY='file:no.txt' (from app.config): expected a file that can be read at "
            "'no.txt': No such file or directory"
        )

    def test_an_environment_names_a_file(self, tmp_path):
        settings = read_settings({}, {"TRUST_PROXY": "loopback,file:list.txt"}, str(tmp_path))
        assert settings.policy.trusts("198.51.100.7", 3)

    def test_a_mistake_names_the_file_and_the_line(self, tmp_path):
        (tmp_path / "list.txt").write_text("198.51.100.0/24\nloopback\n")
        path = str(tmp_path / "list.txt")
        assert mistake({"TRUST_PROXY": f"unix, file:{path}"}) == (
            f"TRUST_PROXY='unix, file:{path}' (from app.config): expected an address or a "
            f"network in {path!r}, line 2, got 'loopback'"
        )

    def arguments(self, **arguments):
        defaults = {each.argument: each.default for each in SETTINGS.values()}
        return {**defaults, **arguments}

    def test_for_an_argument_it_starts_where_the_program_was_started(self, tmp_path):
        settings = settings_from_arguments(**self.arguments(trust="file:list.txt"))
        assert self.paths(settings) == [str(tmp_path / "list.txt")]
        assert settings.directory == str(tmp_path)

    @pytest.mark.skipif(os.name != "posix", reason="elsewhere it cannot be removed")
    def test_that_place_may_be_gone_where_no_path_starts_there(self, tmp_path, monkeypatch):
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        trust = f"file:{tmp_path}/list.txt"
        assert self.paths(settings_from_arguments(**self.arguments(trust=trust))) == [
            f"{tmp_path}/list.txt"
        ]
        with pytest.raises(SettingError, match="No such file or directory"):
            settings_from_arguments(**self.arguments(trust="file:list.txt"))

    def test_only_the_peer_is_asked_with_a_header_of_one_address(self, tmp_path):
        config = {"TRUST_PROXY": "file:list.txt", "TRUST_PROXY_HEADERS": "X-Real-IP"}
        settings = read_settings(config, {}, str(tmp_path))
        assert [settings.policy.trusts("198.51.100.7", hop) for hop in (0, 1)] == [True, False]
