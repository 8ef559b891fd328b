"""The picture as HTML: it shows what it is given, and runs none of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Template

from flask_trustproxy.report.picture import Box, Section, page, picture

HOSTILE = "</s></p><script>alert('x')</script>&\"\u202e\n\x00\x1b[31m\u2028"
SHOWN = r"</s></p><script>alert('x')</script>&" + r'"\u202e\n\x00\x1b[31m\u2028'


class Reader(HTMLParser):
    """Collects elements, attributes and text; a void element needs no end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts += filter(None, [data.strip("\n")])


def everywhere(text: str) -> tuple[list[Box], list[Section]]:
    """One text in each place that takes one."""
    boxes = [Box(kind, text, text, (text, text)) for kind in ("unread", "client", "app")]
    return boxes, [Section(text, [text], [text, text], [[text, text]], text)]


def test_what_a_client_wrote_is_text_in_each_place():
    read = Reader(page(HOSTILE, *everywhere(HOSTILE)))
    assert read.open == []
    assert read.texts == [SHOWN] * (2 + 3 * 4 + 7)
    assert read.tags.isdisjoint({"script", "img", "link", "iframe", "base", "form", "object"})
    assert {name for name in read.attributes if name.startswith("on")} == set()
    assert {"href", "src", "action", "style"}.isdisjoint(read.attributes)


@given(st.text(min_size=1))
def test_no_text_adds_an_element_or_an_attribute(text: str):
    usual, read = (Reader(page(each, *everywhere(each))) for each in ("text", text))
    assert (read.tags, read.attributes, read.open) == (usual.tags, usual.attributes, [])


def test_a_page_asks_nothing_of_the_network():
    html = page("title", *everywhere("text"))
    assert re.findall(r"https?:|url\(|@import|//", html) == []
    assert "default-src 'none'; style-src 'unsafe-inline'" in html


def test_a_picture_is_the_same_in_a_page_and_in_a_page_of_others():
    boxes, sections = everywhere("text")
    drawn = picture(boxes, sections)
    assert drawn in page("title", boxes, sections)
    assert Template("<b>{{ it }}</b>", autoescape=True).render(it=drawn) == f"<b>{drawn}</b>"


@pytest.mark.parametrize("level", [1, 4])
def test_headings_have_the_level_of_the_page_around(level: int):
    drawn = picture([], [Section("Why")], level)
    assert f'<h{level} class="tp-title">Why</h{level}>' in drawn


def test_a_section_shows_only_the_parts_that_it_has():
    read = Reader(picture([], [Section("Title", ["A paragraph."])]))
    assert read.texts == ["Title", "A paragraph."]
    assert read.tags == {"div", "style", "ol", "h2", "p"}


def test_each_kind_of_box_has_a_style_of_its_own():
    html = picture([])
    kinds = re.findall(r"\.tp-box\.tp-(\w+)", html)
    assert sorted(kinds) == ["app", "client", "refused", "trusted", "unread"]
