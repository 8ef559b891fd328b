"""The chain as a picture: HTML that needs no script and no network.

Here lives the one layout of the picture, for the panel, for ``explain --html`` and
for the probe. It knows boxes and sections, and nothing of requests: what they say
comes from elsewhere, and is escaped here, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .phrases import printable

#: How a box is drawn: green, amber, red and struck through, red, grey, blue.
Kind = Literal["trusted", "client", "unread", "refused", "other", "app"]


class Box(NamedTuple):
    """One box of the picture.

    :param kind: how it is drawn.
    :param role: its part in the chain, such as ``"client"``. Colour alone says nothing.
    :param name: its address, or the text in its place.
    :param notes: more about it, each on a line of its own.
    """

    kind: Kind
    role: str
    name: str
    notes: tuple[str, ...] = ()


class Section(NamedTuple):
    """A part of the page, below the picture.

    :param title: its heading.
    :param text: its paragraphs.
    :param columns: the headings of its table.
    :param rows: the rows of its table; the first cell of each is its heading.
    :param code: a command, to copy.
    """

    title: str
    text: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    code: str = ""


def _shown(value: object) -> object:
    # Of all that is printed, only the level of a heading is no text.
    return printable(value) if isinstance(value, str) else value


_templates = Environment(
    autoescape=True,
    finalize=_shown,
    loader=PackageLoader("flask_trustproxy", "report"),
    keep_trailing_newline=True,
    lstrip_blocks=True,
    trim_blocks=True,
    undefined=StrictUndefined,
)


def picture(boxes: Sequence[Box], sections: Sequence[Section] = (), level: int = 2) -> Markup:
    """Draw boxes from the client to the app, and sections below them.

    :param boxes: the boxes, the one that is farthest from the app first.
    :param sections: what is told below the picture.
    :param level: the level of the headings, 1 to 6.
    :returns: an element with its own styles, light and dark, for any page.
    """
    return _render("picture.html", boxes=boxes, sections=sections, level=level)


def page(title: str, boxes: Sequence[Box], sections: Sequence[Section] = ()) -> Markup:
    """Draw the same as :func:`picture` does, as a page of its own.

    :param title: the title of the page, and its first heading.
    :param boxes: the boxes, the one that is farthest from the app first.
    :param sections: what is told below the picture.
    :returns: a whole document. Its policy lets a browser run no script and load nothing.
    """
    return _render("page.html", title=title, boxes=boxes, sections=sections, level=2)


def _render(template: str, **context: object) -> Markup:
    return Markup(_templates.get_template(template).render(context))
