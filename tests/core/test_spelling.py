"""Hints: a near miss is named, and no hint changes a meaning.

The table has what was given, the words that the error must have, and the words that it
must not have. All texts are compared in lower case.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.headers import parse_headers
from flask_trustproxy.core.spelling import edits, nearest
from flask_trustproxy.core.trust import compile_trust

FOUR = ["'loopback'", "'linklocal'", "'uniquelocal'", "'unix'"]
KINDS = ["address", "address:port", "scheme", "host", "port", "prefix"]
NO_HINT = ["did you mean"]


def meant(word):
    return [f"did you mean '{word}'?"]


TRUST = [
    *(
        pytest.param(given, meant(word), [], id=f"{given!r} is {word}")
        for given, word in [
            ("localhost", "loopback"),
            ("Local", "loopback"),
            ("private", "uniquelocal"),
            ("private_ranges", "uniquelocal"),
            ("PRIVATE-RANGES", "uniquelocal"),
            ("lan", "uniquelocal"),
            ("ture", "true"),
            ("flase", "false"),
            ("unix:/run/shop.sock", "unix"),
            ("UNIX:/Run/Shop.sock", "unix"),
            ("unix:", "unix"),
            ("loopbck", "loopback"),
            ("loop-back", "loopback"),
            ("link local", "linklocal"),
            ("unique_local", "uniquelocal"),
            ("unx", "unix"),
            (["10.0.0.2", "localhost"], "loopback"),
            ("10.0.0.2, lan", "uniquelocal"),
        ]
    ),
    *(
        pytest.param(
            name,
            [f"file:/etc/{cdn}.txt", f"flask trust-proxy fetch {cdn} "],
            NO_HINT,
            id=f"{name} is a trust file",
        )
        for name, cdn in [
            ("cloudflare", "cloudflare"),
            ("CloudFront", "cloudfront"),
            ("fastly", "fastly"),
            ("cloudflare-ips", "cloudflare"),
        ]
    ),
    *(
        pytest.param(given, ["commas"], NO_HINT, id=f"no comma in {given!r}")
        for given in [
            "10.0.0.0/8 192.0.2.1",
            "192.0.2.1 10.0.0.0/8",
            "10.0.0.1;10.0.0.2",
            "10.0.0.1 ; 2001:db8::/32",
            "10.0.0.1\n10.0.0.2",
            "loopback\n10.0.0.2",
            "loopback|unix",
            "loopback 10.0.0.2, 10.0.0.3",
            "10.0.0.1;",
        ]
    ),
    pytest.param(["loopback,unix"], ["an item of its own"], NO_HINT, id="a comma in a list"),
    *(
        pytest.param(given, ["quotes"], NO_HINT, id=f"quotes in {given!r}")
        for given in ['"10.0.0.0/8"', "'loopback'", '"loopback, 10.0.0.0/8"', '["10.0.0.2"]']
    ),
    *(
        pytest.param(given, ["brackets"], NO_HINT, id=f"brackets in {given!r}")
        for given in ["[10.0.0.0/8]", "[loopback, 10.0.0.2]", "10.0.0.2, 10.0.0.0/8]", "(lan)"]
    ),
    pytest.param("[2001:db8::1]:80", ["without port"], NO_HINT, id="brackets of an address"),
    pytest.param("10.0.0.2\n", ["line break"], NO_HINT, id="a line break at the end"),
    *(
        pytest.param(given, [], NO_HINT, id=f"{given!r} is near nothing")
        for given in ["nginx", "unit", "linux", "tube", "proxy", "web-1", "10.0.0.0 /8", "1 2"]
    ),
    pytest.param("nginx", ["not looked up"], NO_HINT, id="a host name"),
    pytest.param("10.0.0.0/33", ["from 0 to 32"], NO_HINT, id="a prefix"),
    pytest.param("*", ["anyone can forge"], NO_HINT, id="a star"),
    pytest.param("", ["got nothing"], NO_HINT, id="an empty text"),
]


@pytest.mark.parametrize(("given", "words", "not_words"), TRUST)
def test_a_hint_of_trust_and_its_four_names(given, words, not_words):
    with pytest.raises(ValueError, match="expected") as error:
        compile_trust(given)
    message = str(error.value).lower()
    assert [word for word in [*words, *FOUR] if word not in message] == []
    assert [word for word in not_words if word in message] == []


HEADERS = [
    *(
        pytest.param(given, meant(name.lower()), [], id=f"{given} is {name}")
        for given, name in [
            ("X-Forwarded-Fro", "X-Forwarded-For"),
            ("X-Forwarded_Prot", "X-Forwarded-Proto"),
            ("HTTP_X_REAL_IP", "X-Real-IP"),
            ("DO-Connecting-IPs", "DO-Connecting-IP"),
            ("Forwareded", "Forwarded"),
        ]
    ),
    *(
        pytest.param(f"X-Forwarded-For, {name}", KINDS, NO_HINT, id=f"{name} is near nothing")
        for name in [
            *("Fastly-SSL", "X-ARR-SSL", "X-Forwarded-Path", "X-Acme-Proto", "X-Host"),
            *("Remote-User", "X-Original-URL", "X-Forwarded-Uri", "X-Forwarded-Post"),
        ]
    ),
    pytest.param("X-Forwarded-For X-Forwarded-Proto", ["commas"], NO_HINT, id="a space"),
    pytest.param("X-Forwarded-For;X-Forwarded-Proto", ["commas"], NO_HINT, id="a semicolon"),
    pytest.param("X-Forwarded-For\nX-Real-IP", ["commas"], NO_HINT, id="a line break"),
    pytest.param('"X-Forwarded-For"', ["quotes"], NO_HINT, id="quotes"),
    pytest.param("[X-Forwarded-For, X-Scheme]", ["brackets"], NO_HINT, id="brackets"),
    pytest.param(["X-Scheme,X-Real-IP"], ["item of its own"], NO_HINT, id="a comma in a list"),
]


@pytest.mark.parametrize(("given", "words", "not_words"), HEADERS)
def test_a_hint_of_a_header(given, words, not_words):
    with pytest.raises(ValueError, match="expected") as error:
        parse_headers(given)
    message = str(error.value).lower()
    assert [word for word in words if word not in message] == []
    assert [word for word in not_words if word in message] == []


@pytest.mark.parametrize(
    ("text", "other", "number"),
    [
        pytest.param("unix", "unix", 0, id="the same"),
        pytest.param("unx", "unix", 1, id="one is missing"),
        pytest.param("unixx", "unix", 1, id="one too many"),
        pytest.param("unit", "unix", 1, id="one is another"),
        pytest.param("uinx", "unix", 2, id="two are swapped"),
        pytest.param("nginx", "unix", 3, id="three, and more are not counted"),
        pytest.param("a", "unix", 3, id="far too short"),
        pytest.param("", "ab", 2, id="nothing"),
    ],
)
def test_edits(text, other, number):
    assert edits(text, other) == edits(other, text) == number


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edits_are_counted_as_by_the_definition(text, other):
    def distance(left, right):
        if not left or not right:
            return len(left) + len(right)
        return min(
            distance(left[1:], right) + 1,
            distance(left, right[1:]) + 1,
            distance(left[1:], right[1:]) + (left[0] != right[0]),
        )

    assert edits(text, other, 3) == min(distance(text, other), 4)


def test_the_nearest_are_all_that_are_equally_near():
    assert nearest("cat", ("car", "can", "cats", "dog")) == ["car", "can", "cats"]
    assert nearest("cat", ("cart", "crate")) == ["cart"]
    assert nearest("cat", ("house",)) == []
    assert nearest("cat", ()) == []
