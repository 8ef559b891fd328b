"""``flask trust-proxy probe``: what the proxies do, and whether anything can be forged."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

import click

from ..core.addresses import parse_address
from ..probe.client import Unanswered
from ..probe.client import probe as run_probe
from ..probe.page import report_page
from ..probe.report import Recommendation, Report, unprobed
from ..probe.wire import Target, parse_target
from ..probe.words import (
    HEADINGS,
    OVER_HTTP,
    UNKNOWN,
    count_in_words,
    curl_of,
    forged_in_words,
    header_rows,
)
from ..report.phrases import node_name, printable
from ..settings import MAKE_KEY, parse_probe_key
from .loading import NoAnswer, NoTrustProxy, load
from .terminal import Line, example, paragraph, picture, print_json, print_text, table


def _read_source(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and parse_address(value) is None:
        raise click.BadParameter("expected an address of this machine")
    return value


@click.command(
    "probe", epilog=example("flask --app app trust-proxy probe https://www.example.com/")
)
@click.argument("url")
@click.option(
    "--key",
    metavar="KEY",
    envvar="TRUST_PROXY_PROBE_KEY",
    help="The TRUST_PROXY_PROBE_KEY, if it is not set here.",
)
@click.option(
    "--connect", metavar="HOST:PORT", help="Connect there, and ask for the URL's host."
)
@click.option("--insecure", is_flag=True, help="Allow any certificate, and http:// elsewhere.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)
@click.option(
    "--source",
    metavar="ADDRESS",
    default="",
    callback=_read_source,
    help="Connect from this address of this machine.",
)
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    default=80,
    show_default=True,
    metavar="PORT",
    help="Ask http:// there, too.",
)
@click.option("--no-http", is_flag=True, help="Leave http:// out of an https:// run.")
@click.option("--verbose", is_flag=True, help="Print a line for each request.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html",
    "page_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the report as a web page to FILE too.",
)
@click.pass_context
def probe(
    ctx: click.Context,
    url: str,
    key: Optional[str],
    connect: Optional[str],
    insecure: bool,
    timeout: float,
    source: str,
    http_port: int,
    no_http: bool,
    verbose: bool,
    as_json: bool,
    page_file: Optional[Path],
) -> None:
    """Send forged headers to your site, and say what the app believed.

    The app answers if TRUST_PROXY_PROBE_KEY is set. Exits with 0 if nothing can
    be forged, with 1 if something can or honest requests are seen wrongly, and
    with 2 if the probe cannot tell. Ctrl-C ends it: it prints what was found so
    far, and exits with 130.
    """
    try:
        secret = parse_probe_key(key) or _key_of_app(ctx)
        if secret is None:
            raise ValueError(f"expected --key, or TRUST_PROXY_PROBE_KEY. {MAKE_KEY} makes one")
        target = parse_target(url, connect, insecure, timeout, source)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    progress = _Progress(verbose)
    try:
        report = run_probe(target, secret, progress, None if no_http else http_port)
    except Unanswered as error:
        report = unprobed(error.why, error.requests, error.stopped)
    progress.hide()
    if as_json:
        print_json(report.as_json())
    elif report.chain:
        print_text(_probe_text(report, target, http_port))
    else:
        click.echo(f"Error: {printable(report.headline)}", err=True)
    if page_file is not None:
        _write_page(
            page_file, report_page(report, target, http_port, datetime.now(timezone.utc))
        )
    ctx.exit(_exit_code(report))


def _write_page(file: Path, page: str) -> None:
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise NoAnswer(f"The page was not written: {error}") from None


def _exit_code(report: Report) -> int:
    if report.stopped:
        return 130  # as a shell has it: 128 and the number of SIGINT
    return {"safe": 0, "inconclusive": 2}.get(report.verdict, 1)


def _key_of_app(ctx: click.Context) -> Optional[bytes]:
    try:
        _, trust = load(ctx)
    except NoTrustProxy:
        return None
    return trust.settings.probe_key


class _Progress:
    """Tells which request is sent: on one line of a terminal, or a line for each."""

    def __init__(self, verbose: bool) -> None:
        self._ends_line = verbose
        self._shows = verbose or sys.stderr.isatty()

    def __call__(self, number: int, total: int, title: str) -> None:
        of = f" of {total}" if total else ""
        line = f"{number}{of}: {printable(title)}"
        if self._ends_line:
            click.echo(line, err=True)
        elif self._shows:
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)

    def hide(self) -> None:
        """Leave the terminal's line to what comes next."""
        if self._shows and not self._ends_line:
            click.echo("\r\x1b[K", nl=False, err=True)


_COLORS = {"safe": "green", "inconclusive": "yellow"}


def _probe_text(report: Report, target: Target, http_port: int) -> Iterator[Line]:
    """The lines of ``probe``."""
    color = _COLORS.get(report.verdict, "red")
    yield from paragraph(f"{report.verdict}: ", report.headline, color)
    yield ""
    yield from picture(
        (f"{node} (this machine)", False) if node == report.prober else (node_name(node), True)
        for node in report.chain
    )
    yield ""
    yield from table(("header", "by the proxies", "read"), *header_rows(report))
    for reason in report.reasons:
        if reason != report.headline:
            yield ""
            yield from paragraph("", reason)
    for forged in report.forged:
        yield ""
        yield from paragraph("", forged_in_words(forged, report))
        yield f"  {curl_of(forged, target, http_port)}"
    for wrong in report.misconfigured:
        sentence = wrong.in_words(report.over_http)
        if sentence != report.headline:
            yield ""
            yield from paragraph("", sentence)
    for fix in report.fixes:
        yield ""
        yield from paragraph("", fix)
    for each in report.configuration:
        yield ""
        yield f"{each.proxy}, {each.place}"
        yield from (f"  {line}" for line in each.lines)
    yield from _recommended_text(report.recommend)
    for last in (OVER_HTTP[report.over_http], UNKNOWN):
        if last:
            yield ""
            yield from paragraph("", last)


def _recommended_text(recommended: Recommendation) -> Iterator[Line]:
    settings = recommended.settings()
    if settings:
        yield from ("", f"{HEADINGS[recommended.when]}, in app.config")
        yield from (f"  {name} = {json.dumps(value)}" for name, value in settings.items())
        yield "or in the environment"
        yield from (f"  {name}={shlex.quote(str(value))}" for name, value in settings.items())
    if recommended.count:
        yield from paragraph("", count_in_words(recommended.count))
