"""What the commands found out, laid out for a terminal.

Here words become lines, columns and colours. Nothing here asks or decides
anything. Text from outside is escaped here, once, when it is printed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Optional, Union

import click

from ..report.phrases import printable, settings_in_words
from ..settings import Settings, cut

_ARROW = "──▶"
#: A part of a line, and its colour.
Part = tuple[str, Optional[str]]
#: A line as it is printed, or its parts.
Line = Union[str, list[Part]]


def settings_text(settings: Settings) -> Iterator[Line]:
    """The settings, and where each comes from."""
    yield "Settings"
    for line in settings_in_words(settings):
        yield from paragraph("  ", line)


def picture(hops: Iterable[tuple[str, bool]]) -> Iterator[Line]:
    """The hops from the client to the app, on as many lines as it takes."""
    line: list[Part] = []
    for text, color in (
        *((part, "green" if trusted else "yellow") for part, trusted in hops),
        ("app", None),
    ):
        part = cut(printable(text), 100)
        step: list[Part] = [(f"  {_ARROW}  ", None), (part, color)] if line else [(part, color)]
        if len("".join(text for text, _ in line + step)) > _width() and line:
            yield line
            line = []
        line = line + step
    yield line


def _width() -> int:
    return max(shutil.get_terminal_size().columns, 40)


def paragraph(label: str, text: str, color: Optional[str] = None) -> Iterator[Line]:
    """Break a text into lines behind a label, which may be in colour."""
    first, *more = textwrap.wrap(
        label + printable(text),
        _width(),
        subsequent_indent=" " * (len(label) + 2 * label.isspace()),
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield [(label, color), (first[len(label) :], None)] if color else first
    yield from more


def table(*rows: tuple[str, ...], indent: str = "") -> Iterator[Line]:
    """Rows in columns, each as wide as its widest cell."""
    shown = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths))
        yield (indent + "  ".join(cells)).rstrip(" ")


def _in_color(line: Line) -> str:
    if isinstance(line, str):
        return printable(line)
    return "".join(
        click.style(printable(text), fg=color) if color else printable(text)
        for text, color in line
    )


def print_text(lines: Iterable[Line]) -> None:
    """Print lines, in colour if the terminal has it, in what its encoding has."""
    text = "\n".join(map(_in_color, lines))
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace(_ARROW, "-->").encode(encoding, "backslashreplace").decode(encoding)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    click.echo(text, color=False if plain else None)


def print_json(report: Mapping[str, object]) -> None:
    """Print what programs read, in ASCII."""
    # json escapes all that is not ASCII, but not DEL
    click.echo(json.dumps(report, indent=2).replace("\x7f", "\\u007f"))


def example(*lines: str) -> str:
    """The end of a help: how a command is called, in lines that are kept as they are."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])
