"""What the commands found out, laid out for a terminal.

Here words become lines, columns and colours. Nothing here asks or decides
anything. Text from outside is escaped here, once, when it is printed.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional, Union

import click

from ..core.environ import ORIGINAL
from ..core.walk import Resolution
from ..middleware import is_refused
from ..probe.client import Target, curl
from ..probe.recommendation import Recommendation
from ..probe.verdict import UNKNOWN, VERDICTS, Report
from ..report import words
from ..report.cautions import Caution
from ..report.phrases import node_name, quote, rule_of, settings_in_words
from ..settings import Settings, cut

_ARROW = "──▶"
#: A part of a line, and its colour.
Part = tuple[str, Optional[str]]
#: A line as it is printed, or its parts.
Line = Union[str, list[Part]]


def printable(text: str) -> str:
    """Escape each character that a terminal would not show as it is.

    So nothing that comes from outside moves the cursor, changes colours or
    begins a line.
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def check_text(settings: Settings, cautions: Sequence[Caution]) -> Iterator[Line]:
    """The lines of ``check``."""
    yield from _settings_text(settings)
    yield ""
    yield from _paragraph("Trusted   ", words.trusted_in_words(settings.trust))
    for written, network in settings.trust.rewritten():
        yield f"          ({written} read as {network})"
    yield from (f"File      {line}" for line in words.files_in_words(settings.trust))
    believed = words.believed_headers(settings.headers)
    yield from _paragraph("Believed  ", ", ".join(believed) or "no header")
    yield from _paragraph(
        "Removed   ", ", ".join(words.removed_headers(settings)) or "no header"
    )
    yield ""
    for caution in cautions:
        yield from _paragraph("Warning: ", f"{caution}.", "yellow")
    if not cautions:
        yield "No warnings."


def explain_text(
    resolution: Resolution, received: Mapping[str, Any], environ: dict[str, Any]
) -> Iterator[Line]:
    """The lines of ``explain``.

    :param received: the environ as it was before the rewrite.
    :param environ: the same after it.
    """
    settings = resolution.settings
    yield from _picture(words.picture(resolution))
    yield ""
    yield from _table(
        ("hop", "address", "written down by", "trusted"),
        *(
            (
                str(hop),
                node_name(node),
                node_name(resolution.nodes[hop - 1]) if hop else "the server",
                rule_of(resolution, hop) or "no",
            )
            for hop, node in enumerate(resolution.nodes)
        ),
    )
    yield ""
    yield from _paragraph("", words.why_stopped(resolution))
    if is_refused(resolution, settings, environ):
        yield words.REFUSED
    yield ""
    yield from _table(*words.answers(resolution))
    for title, rows in (
        ("Ignored", words.all_ignored(resolution, received)),
        ("Never read (the client may have written it)", words.never_read(resolution, received)),
    ):
        lines = [
            line
            for name, value, *more in rows
            for line in _paragraph(
                "  ", f"{name} {quote(value)}{''.join(f': {why}' for why in more)}"
            )
        ]
        if lines:
            yield from ("", title, *lines)
    yield from ("", "In the environ")
    yield from _table(*_remaining(resolution, environ), indent="  ")
    removed = words.header_names(settings, set(environ[ORIGINAL]) - set(environ))
    if removed:
        yield from _paragraph("  removed: ", ", ".join(removed))
    yield ""
    yield from _settings_text(settings)


_COLORS = {"safe": "green", "inconclusive": "yellow"}


def probe_text(report: Report, target: Target) -> Iterator[Line]:
    """The lines of ``probe``."""
    yield from _picture(
        (f"{node} (this machine)", False) if node == report.prober else (node_name(node), True)
        for node in report.chain
    )
    yield ""
    yield from _table(("header", "by the proxies", "read"), *_probe_rows(report))
    yield ""
    color = _COLORS.get(report.verdict, "red")
    yield from _paragraph(f"{report.verdict}: ", VERDICTS[report.verdict], color)
    for reason in report.reasons:
        yield ""
        yield from _paragraph("", reason)
    for forged in report.forged:
        yield ""
        yield from _paragraph(
            "",
            f"{forged.output} was {quote(forged.believed)} after {forged.header}: "
            f"{quote(forged.sent, 80)}",
        )
        yield f"  {curl(target, forged.forgery)}"
    for wrong in report.misconfigured:
        yield ""
        expected = "" if wrong.expected is None else f", and should be {quote(wrong.expected)}"
        yield f"{wrong.output} is {quote(wrong.believed)}{expected}"
    for fix in report.fixes:
        yield ""
        yield from _paragraph("", fix)
    yield from _recommended_text(report.recommend)
    yield ""
    yield from _paragraph("", UNKNOWN)


def _recommended_text(recommended: Recommendation) -> Iterator[Line]:
    settings = recommended.settings()
    if settings:
        yield from ("", "The narrowest settings for this chain, in app.config")
        yield from (f"  {name} = {json.dumps(value)}" for name, value in settings.items())
        yield "or in the environment"
        yield from (f"  {name}={shlex.quote(str(value))}" for name, value in settings.items())
    if recommended.count:
        yield from _paragraph(
            "",
            f"TRUST_PROXY = {recommended.count} counts these hops instead, whoever they are: "
            "right only where nobody can come past the proxies.",
        )


def _probe_rows(report: Report) -> Iterator[tuple[str, str, str]]:
    """Each header that is read or written, and the others by what is done with them."""
    others: dict[str, int] = {}
    for name, behaviour in report.headers.items():
        read = name in report.read
        if read or behaviour in ("set", "appended"):
            yield name, behaviour, "yes" if read else "no"
        elif behaviour != "absent":
            others[behaviour] = others.get(behaviour, 0) + 1
    for done, count in others.items():
        yield f"{count} other{'' if count == 1 else 's'}", done, "no"


def _settings_text(settings: Settings) -> Iterator[Line]:
    yield "Settings"
    for line in settings_in_words(settings):
        yield from _paragraph("  ", line)


def _remaining(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was written into the environ, and the forwarding headers in it."""
    keys = {"REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", *environ[ORIGINAL]}
    plan = resolution.settings.headers
    keys |= plan.unnamed.union(header.key for header in plan.named)
    for key in sorted(keys.intersection(environ)):
        yield key, quote(environ[key])


def _picture(hops: Iterable[tuple[str, bool]]) -> Iterator[Line]:
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


def _paragraph(label: str, text: str, color: Optional[str] = None) -> Iterator[Line]:
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


def _table(*rows: tuple[str, ...], indent: str = "") -> Iterator[Line]:
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
    """Print lines, in colour where the terminal has it, with what its encoding has."""
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
