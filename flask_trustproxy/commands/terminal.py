"""What the commands found out, laid out for a terminal.

The words are those of diagnostics and explain; here they become lines, columns
and colours. Nothing here asks or decides anything.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional

import click

from ..core.environ import ORIGINAL
from ..core.walk import Resolution
from ..log import Caution, node_name, quote, rule_of, settings_in_words
from ..middleware import is_refused
from ..probe.client import Target, curl
from ..probe.recommendation import Recommendation
from ..probe.verdict import UNKNOWN, VERDICTS, Report
from ..report import words
from ..settings import Settings

_ARROW = "──▶"


def check_text(settings: Settings, cautions: Sequence[Caution]) -> Iterator[str]:
    """The lines of ``check``."""
    yield from _settings_text(settings)
    yield ""
    yield _paragraph("Trusted   ", words.trusted_in_words(settings.trust))
    for written, network in settings.trust.rewritten():
        yield f"          ({written} read as {network})"
    yield from (f"File      {line}" for line in words.files_in_words(settings.trust))
    believed = words.believed_headers(settings.headers)
    yield _paragraph("Believed  ", ", ".join(believed) or "no header")
    yield _paragraph("Removed   ", ", ".join(words.removed_headers(settings)) or "no header")
    yield ""
    for caution in cautions:
        yield _paragraph("Warning: ", f"{caution}.", "yellow")
    if not cautions:
        yield "No warnings."


def explain_text(
    resolution: Resolution, received: Mapping[str, Any], environ: dict[str, Any]
) -> Iterator[str]:
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
    yield _paragraph("", words.why_stopped(resolution))
    if is_refused(resolution, settings, environ):
        yield words.REFUSED
    yield ""
    yield from _table(*words.answers(resolution))
    for title, rows in (
        ("Ignored", words.all_ignored(resolution, received)),
        ("Never read (the client may have written it)", words.never_read(resolution, received)),
    ):
        lines = [
            _paragraph("  ", f"{name} {quote(value)}{''.join(f': {why}' for why in more)}")
            for name, value, *more in rows
        ]
        if lines:
            yield from ("", title, *lines)
    yield from ("", "In the environ")
    yield from _table(*_remaining(resolution, environ), indent="  ")
    removed = words.header_names(settings, set(environ[ORIGINAL]) - set(environ))
    if removed:
        yield _paragraph("  removed: ", ", ".join(removed))
    yield ""
    yield from _settings_text(settings)


_COLORS = {"safe": "green", "inconclusive": "yellow"}


def probe_text(report: Report, target: Target) -> Iterator[str]:
    """The lines of ``probe``."""
    yield from _picture(
        (f"{node} (this machine)", False) if node == report.prober else (node_name(node), True)
        for node in report.chain
    )
    yield ""
    yield from _table(("header", "by the proxies", "read"), *_probe_rows(report))
    yield ""
    color = _COLORS.get(report.verdict, "red")
    yield _paragraph(f"{report.verdict}: ", VERDICTS[report.verdict], color)
    for forged in report.forged:
        yield ""
        yield _paragraph(
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
        yield _paragraph("", fix)
    yield from _recommended_text(report.recommend)
    yield ""
    yield _paragraph("", UNKNOWN)


def _recommended_text(recommended: Recommendation) -> Iterator[str]:
    settings = recommended.settings()
    if settings:
        yield from ("", "The narrowest settings for this chain, in app.config")
        yield from (f"  {name} = {json.dumps(value)}" for name, value in settings.items())
        yield "or in the environment"
        yield from (f"  {name}={shlex.quote(str(value))}" for name, value in settings.items())
    if recommended.count:
        yield _paragraph(
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


def _settings_text(settings: Settings) -> Iterator[str]:
    yield "Settings"
    for line in settings_in_words(settings):
        yield _paragraph("  ", line)


def _remaining(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was written into the environ, and the forwarding headers in it."""
    keys = {"REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", *environ[ORIGINAL]}
    plan = resolution.settings.headers
    keys |= plan.unnamed.union(header.key for header in plan.named)
    for key in sorted(keys.intersection(environ)):
        yield key, quote(environ[key])


def _picture(hops: Iterable[tuple[str, bool]]) -> Iterator[str]:
    """The hops from the client to the app, on as many lines as it takes."""
    parts = [click.style(part, fg="green" if trusted else "yellow") for part, trusted in hops]
    line = parts[0]
    for part in (*parts[1:], "app"):
        step = f"  {_ARROW}  {part}"
        if len(click.unstyle(line + step)) > _width():
            yield line
            line = step
        else:
            line += step
    yield line


def _width() -> int:
    return max(shutil.get_terminal_size().columns, 40)


def _paragraph(label: str, text: str, color: Optional[str] = None) -> str:
    """Break a text into lines behind a label, which may be in colour."""
    filled = textwrap.fill(
        label + text,
        _width(),
        subsequent_indent=" " * (len(label) + 2 * label.isspace()),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return click.style(label, fg=color) + filled[len(label) :] if color else filled


def _table(*rows: tuple[str, ...], indent: str = "") -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths))
        yield (indent + "  ".join(cells)).rstrip(" ")


def print_text(lines: Iterable[str]) -> None:
    """Print lines, in colour where the terminal has it, with what its encoding has."""
    text = "\n".join(lines)
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
