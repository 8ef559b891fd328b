"""What the terminal and the page both say."""

from __future__ import annotations

import pytest

from flask_trustproxy.probe.wire import parse_target
from flask_trustproxy.probe.words import count_in_words, curl_of, forged_in_words, header_rows

from .worlds import APPENDS, EDGE, JOINS, Proxy, World


def test_what_was_forged_is_a_sentence():
    report = World((Proxy(EDGE, JOINS),), {"trust": EDGE}).probe()
    assert [forged_in_words(each, report) for each in report.forged] == [
        "scheme was 'https' after X-Forwarded-Proto: 'https'"
    ]


def test_what_was_forged_over_http_alone_is_repeated_over_http():
    target = parse_target("https://www.example.com/")
    way = {"settings": {"trust": EDGE}, "proxies": (Proxy(EDGE, APPENDS),)}
    beside = World((Proxy(EDGE, {"X-Forwarded-Proto": "set"}),), {"trust": EDGE})
    report = World(url=target.url, beside=beside, **way).probe()
    (hole,) = report.forged
    assert forged_in_words(hole, report).endswith("'192.0.2.66' over http")
    assert curl_of(hole, target, 8080) == (
        "curl -H 'X-Forwarded-For: 192.0.2.66' http://www.example.com:8080/"
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "Instead, TRUST_PROXY = 1 trusts one proxy, whatever its address."),
        (2, "Instead, TRUST_PROXY = 2 trusts the 2 nearest hops."),
    ],
)
def test_a_count_is_told_with_its_condition(count, words):
    assert count_in_words(count) == (
        f"{words} Set it only if nobody can reach the app directly, without going through the "
        "proxies."
    )


def test_headers_that_are_not_read_are_counted():
    report = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}).probe()
    assert list(header_rows(report)) == [
        ("X-Forwarded-For", "appended", "yes"),
        ("X-Forwarded-Proto", "set", "yes"),
        (f"{len(report.headers) - 2} others", "passed", "no"),
    ]
