"""The directive ``messages``: every warning of the package, as a table made from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from flask_trustproxy.report.messages import MESSAGES


def rows(when: list[str]) -> Iterator[tuple[str, str, str]]:
    """Code, text and fix of each message that is given then, in their order."""
    for name, message in MESSAGES.items():
        if message.when in when:
            yield message.code or name, f"{message.message}.", f"{message.fix}."


def marked(text: str) -> nodes.paragraph:
    """A text whose names in braces are marked."""
    paragraph = nodes.paragraph()
    for index, part in enumerate(re.split(r"\{(\w+)\}", text)):
        paragraph += nodes.emphasis("", part) if index % 2 else nodes.Text(part)
    return paragraph


class Messages(Directive):
    """A table of the messages that are given at the times that its arguments name."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        group = nodes.tgroup("", *(nodes.colspec(colwidth=w) for w in (20, 45, 35)), cols=3)
        titles = [[nodes.paragraph("", title)] for title in ("Cause", "Text", "Fix")]
        group += nodes.thead("", _row(titles))
        body = nodes.tbody()
        for code, text, fix in rows(self.arguments[0].split()):
            cells: list[list[nodes.paragraph]] = [
                [nodes.paragraph("", "", nodes.literal("", code))],
                [marked(text)],
                [marked(fix)],
            ]
            body += _row(cells)
        group += body
        return [nodes.table("", group)]


def _row(cells: list[list[nodes.paragraph]]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("messages", Messages)
    return {"parallel_read_safe": True}
