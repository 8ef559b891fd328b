"""The panel in a browser, behind nginx: what it shows, to everybody, and that it runs nothing.

The browser stands in for the outer of two proxies. So the picture has all that it can have,
and addresses that are made for documentation.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask_debugtoolbar import DebugToolbarExtension
from playwright.sync_api import Page
from werkzeug.serving import make_server

from flask_trustproxy import TrustProxy
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.report.explained import boxes, sections
from flask_trustproxy.report.picture import page as draw_page
from flask_trustproxy.settings import read_settings
from integration.client import Tcp
from integration.proxies import NGINX
from integration.stack import DEPLOY, running_proxy

STATIC = Path(__file__).parents[2] / "docs" / "_static"
# Set this variable to make the pictures of the documentation anew.
MAKES_PICTURES = "MAKE_PICTURES" in os.environ

BROWSER, NGINX_HERE = "127.0.0.1", "127.0.0.2"
SCRIPT = "<script>document.title = 'forged'</script>"
FORGED = {
    "X-Forwarded-For": f"{SCRIPT}, 198.51.100.66, 203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Real-IP": SCRIPT,
}
# Those of a page that is read: a forged address, and no script.
SHOWN = {
    **FORGED,
    "X-Forwarded-For": "198.51.100.66, 203.0.113.9",
    "X-Real-IP": "198.51.100.66",
}

PICTURE = {"width": 1400, "height": 560}
PANEL = "#flDebugTrustProxyPanel-content"
TRUSTED = "rgb(229, 244, 231)", "rgb(18, 48, 26)"
CLIENT = "rgb(255, 242, 212)", "rgb(58, 42, 8)"
UNREAD = "rgb(253, 234, 234)", "rgb(59, 21, 22)"
APP = "rgb(237, 241, 247)", "rgb(34, 42, 54)"

in_both_schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An app with the toolbar, behind nginx."""
    app = Flask("shop")
    app.secret_key = "a secret of these tests"
    app.debug = True
    app.config["TRUST_PROXY"] = f"{BROWSER}, {NGINX_HERE}"
    app.config["TRUST_PROXY_MAX_HOPS"] = 2
    DebugToolbarExtension(app)
    panels = app.config["DEBUG_TB_PANELS"]
    app.config["DEBUG_TB_PANELS"] = ("flask_trustproxy.debugtoolbar.TrustProxyPanel", *panels)
    TrustProxy(app)
    app.add_url_rule("/", "shop", lambda: PAGE)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever).start()
    # nginx takes the scheme from the proxy in front, which the browser stands in for.
    documented = (DEPLOY / "nginx/behind_another.conf").read_text("utf-8")
    documented = documented.replace("192.0.2.10", BROWSER)
    endpoint = Tcp("127.0.0.1", server.server_port)
    try:
        with running_proxy(NGINX, documented, endpoint, NGINX_HERE, Path("none")) as proxy:
            yield f"http://{proxy.http}/"
    finally:
        server.shutdown()
        server.server_close()


PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>shop</title></head>
<body><h1>shop</h1></body>
</html>"""


@pytest.fixture
def open_panel(tab: Page, url: str) -> Iterator[Page]:
    """The page with its panel open, for a client that forged all that it could."""
    yield from opened(tab, url, FORGED)


def opened(tab: Page, url: str, headers: dict[str, str]) -> Iterator[Page]:
    asked: list[str] = []

    def remember(request: object) -> None:
        asked.append(str(getattr(request, "url", "")))

    tab.context.clear_cookies()
    tab.set_extra_http_headers(headers)
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.on("request", remember)
    try:
        tab.goto(url)
        tab.get_by_role("link", name="TrustProxy").click()
        tab.locator(f"{PANEL} .tp").wait_for()
        yield tab
    finally:
        tab.remove_listener("request", remember)
        tab.set_extra_http_headers({})
    assert [each for each in asked if not each.startswith(url)] == []


def test_the_boxes_show_the_way_of_the_request(open_panel: Page):
    found = open_panel.locator(f"{PANEL} .tp-box").all()
    assert [box.inner_text().replace("\n\n", "\n").splitlines() for box in found] == [
        [
            "never read",
            f'"{SCRIPT}, 198.51.100.66"',
            "X-Forwarded-For",
            "the client may have written it",
        ],
        ["client", "203.0.113.9", "not trusted", f"written by {BROWSER}"],
        ["trusted proxy", BROWSER, f"trusted: {BROWSER}", f"written by {NGINX_HERE}"],
        [
            "trusted proxy, the peer",
            NGINX_HERE,
            f"trusted: {NGINX_HERE}",
            f"REMOTE_ADDR: '{NGINX_HERE}'",
        ],
        ["app", "client_ip 203.0.113.9", "through the edge"],
    ]


def test_the_toolbar_tells_the_client_and_the_scheme(open_panel: Page):
    link = open_panel.locator("#flDebugTrustProxyPanel a")
    assert link.inner_text().split("\n") == ["TrustProxy", "203.0.113.9, https"]


@in_both_schemes
def test_colours_and_a_line_tell_the_boxes_apart(open_panel: Page, scheme: str):
    open_panel.emulate_media(color_scheme=scheme)
    colours = open_panel.locator(f"{PANEL} .tp-box").evaluate_all(
        "boxes => boxes.map(box => getComputedStyle(box).backgroundColor)"
    )
    at = ["light", "dark"].index(scheme)
    assert colours == [each[at] for each in (UNREAD, CLIENT, TRUSTED, TRUSTED, APP)]
    struck = open_panel.locator(f"{PANEL} s")
    assert struck.count() == 1
    assert struck.evaluate("it => getComputedStyle(it).textDecorationLine") == "line-through"


def test_a_forged_script_is_text(open_panel: Page):
    assert open_panel.title() == "shop"
    panel = open_panel.locator(f"{PANEL} .tp")
    assert panel.locator("script").count() == 0
    # In its box, and in the rows of two headers.
    assert panel.inner_text().count(SCRIPT) == 1 + 2 + 1


def test_neither_the_toolbar_nor_the_page_styles_the_panel(open_panel: Page):
    styled = open_panel.locator(f"{PANEL} .tp-name").first.evaluate(
        "it => [getComputedStyle(it).fontSize, getComputedStyle(it).fontWeight]"
    )
    assert styled == ["16px", "700"]


@in_both_schemes
def test_axe_finds_no_violation_in_the_panel(open_panel: Page, scheme: str):
    open_panel.emulate_media(color_scheme=scheme)
    results = Axe().run(open_panel, context=f"{PANEL} .trustproxy")
    rules = {each["id"] for each in results.response["passes"]}
    assert {"color-contrast", "list", "td-headers-attr"} <= rules
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("width", [1280, 400])
@in_both_schemes
def test_axe_finds_no_violation_in_a_page_of_its_own(
    tab: Page, tmp_path: Path, scheme: str, width: int
):
    environ = {
        "REMOTE_ADDR": "10.0.0.2",
        "HTTP_X_FORWARDED_FOR": f"{SCRIPT * 9}, junk, 10.0.0.3",
    }
    settings = read_settings({"TRUST_PROXY": "10.0.0.0/8"}, {})
    received = dict(environ)
    resolution = rewrite(environ, settings.policy)
    told = list(sections(settings, resolution, environ))
    file = tmp_path / "chain.html"
    file.write_text(draw_page("The client", boxes(resolution, received), told), "utf-8")
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(file.as_uri())
    assert tab.title() == "The client"
    assert tab.evaluate("document.scrollingElement.scrollWidth - innerWidth") == 0
    results = Axe().run(tab)
    assert len(results.response["passes"]) > 20
    assert results.violations_count == 0, results.generate_report()


@in_both_schemes
def test_the_documentation_has_a_picture(tab: Page, url: str, scheme: str):
    file = STATIC / f"panel-{scheme}.png"
    if MAKES_PICTURES:
        tab.emulate_media(color_scheme=scheme)
        for page in opened(tab, url, SHOWN):
            page.set_viewport_size(PICTURE)
            page.screenshot(path=file)
    head = file.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert struct.unpack(">II", head[16:24]) == (PICTURE["width"], PICTURE["height"])
    assert file.stat().st_size < 100_000
