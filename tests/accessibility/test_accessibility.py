"""The documentation in a browser: everybody can read it, and on a small screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from sphinx.cmd.build import build_main

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    path.relative_to(DOCS).with_suffix("").as_posix()
    for path in DOCS.rglob("*.rst")
    if "_build" not in path.parts
)
LARGE, SMALL = 1280, 400
# Code and tables scroll by themselves.
WIDER_THAN_THE_SCREEN = """[...document.querySelectorAll("body *")]
    .filter(each => each.getBoundingClientRect().right > innerWidth)
    .filter(each => !each.closest("pre, .scrolled"))
    .map(each => each.outerHTML)"""

each_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("html")
    assert build_main(["-q", "-W", "-E", "-b", "html", str(DOCS), str(built)]) == 0
    return built


@pytest.fixture
def page(tab: Page, html: Path, name: str, scheme: str, width: int) -> Page:
    """A page as it is shown, once its fonts are there."""
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto((html / f"{name}.html").as_uri())
    tab.evaluate("document.fonts.ready")
    return tab


@pytest.mark.parametrize("width", [LARGE, SMALL])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@each_page
def test_axe_finds_no_violation(page: Page):
    results = Axe().run(page)
    assert len(results.response["passes"]) > 20  # so many rules had something to look at
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("width", [SMALL])
@pytest.mark.parametrize("scheme", ["light"])
@each_page
def test_a_small_screen_is_wide_enough(page: Page):
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") == 0
    assert page.evaluate(WIDER_THAN_THE_SCREEN) == []


@pytest.mark.parametrize("width", [LARGE])
@pytest.mark.parametrize("name", ["index"])
@pytest.mark.parametrize(("scheme", "is_light"), [("light", True), ("dark", False)])
def test_the_background_is_that_of_the_scheme(page: Page, is_light: bool):
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (color == "rgb(255, 255, 255)") is is_light
