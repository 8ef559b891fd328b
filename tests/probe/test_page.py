"""The page to keep: everything that the report has, and nothing to run or load."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from html import unescape
from html.parser import HTMLParser

import pytest

from flask_trustproxy.probe.page import report_page
from flask_trustproxy.probe.report import unprobed
from flask_trustproxy.probe.wire import parse_target

from .worlds import APPENDS, EDGE, JOINS, Proxy, World

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=timezone.utc)
TARGET = parse_target("http://www.example.com/shop?a=b&c")
IDENTITY = {"trust": EDGE, "identity_headers": "Remote-User"}


def page_of(report):
    return report_page(report, TARGET, 80, NOW)


class Parts(HTMLParser):
    """The texts of a page by the tag that they are in, and all attributes."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.attributes, self.open = {}, [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data.strip())


def test_it_has_all_that_an_operator_attaches():
    report = World((Proxy(EDGE, JOINS),), IDENTITY).probe()
    texts = Parts(page_of(report)).texts
    assert texts["h1"] == ["forgeable: probe of http://www.example.com/shop?a=b&c"]
    assert texts["h2"] == [
        "Verdict",
        "Forged: identity with Remote-User",
        "Forged: scheme with X-Forwarded-Proto",
        "What to do",
        "Lines for the proxy",
        "After you have changed the proxy: the narrowest settings",
        "What the proxies do with a header that a client sends",
        "About this probe",
    ]
    assert texts["code"] == [
        f"curl -H '{line}' 'http://www.example.com/shop?a=b&c'"
        for line in ("Remote-User: canary", "X-Forwarded-Proto: https")
    ]
    told = [text for each in texts.values() for text in each]
    assert f"forgeable: {report.headline}" in told
    assert 'proxy_set_header Remote-User "";' in told
    assert "2026-11-29 10:00:00 UTC" in told
    assert report.software in told
    assert set(report.headers) <= set(texts["th"])
    assert set(report.fixes) <= set(told)


def test_it_draws_the_chain():
    report = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}).probe()
    html = page_of(report)
    boxes = re.findall(r'tp-role">(.*?)<.*?tp-name">(.*?)<', html, re.S)
    assert boxes == [
        ("this machine", "7.7.7.7"),
        ("proxy", EDGE),
        ("app", "client_ip 7.7.7.7"),
    ]


def test_it_runs_nothing_and_loads_nothing():
    report = World((Proxy(EDGE, JOINS),), IDENTITY).probe()
    parts = Parts(page_of(report))
    assert "script" not in parts.texts
    loading = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert [
        each for each in parts.attributes if each[1] in loading or each[1][:2] == "on"
    ] == []
    assert "url(" not in page_of(report)


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\x1b[2J", "\u202esafe"],
)
def test_what_comes_from_outside_is_text(text):
    class Writing(Proxy):
        def forward(self, lines, remote, host, scheme):
            return [("X-Forwarded-For", text)], EDGE, host, "http"

    report = World((Writing(EDGE),), {"trust": EDGE}).probe()
    html = page_of(report)
    assert all(each.isprintable() or each == "\n" for each in html)
    assert "<script" not in html
    assert "<img" not in html
    shown = "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
    assert shown in unescape(html)


def test_a_probe_that_could_not_be_carried_through_has_a_page_too():
    why = "Request 1 (an honest request): no answer."
    texts = Parts(page_of(unprobed(why, 1))).texts
    assert texts["h1"][0].startswith("inconclusive: ")
    assert f"inconclusive: {why}" in texts["p"]
