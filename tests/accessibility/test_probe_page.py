"""The page of a probe in a browser: everybody can read it, and it loads nothing."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from flask_trustproxy.probe.page import report_page
from flask_trustproxy.probe.report import unprobed
from flask_trustproxy.probe.wire import parse_target
from probe.worlds import APPENDS, EDGE, INNER, JOINS, PROBER, Proxy, World

LARGE, SMALL = 1280, 400
CHAIN = (Proxy(EDGE, JOINS), Proxy(INNER, APPENDS))
IDENTITY = {"trust": f"{EDGE}, {INNER}", "identity_headers": "Remote-User, X-Auth-Email"}
REPORTS = {
    "forgeable": World(CHAIN, IDENTITY).probe(),
    "misconfigured": World(CHAIN, {"trust": False}).probe(),
    "inconclusive": World(CHAIN, {"trust": f"{EDGE}, {INNER}, {PROBER}"}).probe(),
    "safe": World((Proxy(EDGE, APPENDS),), {"trust": EDGE}).probe(),
    "unprobed": unprobed("Request 1 (an honest request): no answer.", 1),
}


@pytest.fixture
def page(tab: Page, tmp_path: Path, name: str, scheme: str, width: int) -> Page:
    """The page of a report, opened from a file."""
    target = parse_target("https://www.example.com/")
    now = datetime(2026, 11, 29, 10, 0, tzinfo=timezone.utc)
    file = tmp_path / f"{name}.html"
    file.write_text(report_page(REPORTS[name], target, 80, now), "utf-8")
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(file.as_uri())
    return tab


@pytest.mark.parametrize("width", [LARGE, SMALL])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_axe_finds_no_violation(page: Page) -> None:
    results = Axe().run(page)
    assert len(results.response["passes"]) > 10  # so many rules had something to look at
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("width", [SMALL])
@pytest.mark.parametrize("scheme", ["light"])
@pytest.mark.parametrize("name", REPORTS)
def test_a_small_screen_is_wide_enough(page: Page) -> None:
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") == 0


@pytest.mark.parametrize("width", [LARGE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["forgeable"])
def test_it_asks_for_nothing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    assert asked == [page.url]
    assert page.evaluate("document.scripts.length") == 0
