"""``flask trust-proxy probe``: what the proxies do, and whether anything can be forged."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from typing import Optional

import click

from ..core.addresses import parse_address
from ..probe.client import Target, Unanswered, curl, http_beside, parse_target
from ..probe.client import probe as run_probe
from ..probe.observations import Forged
from ..probe.report import OverHttp, Recommendation, Report, When, beside, unprobed
from ..probe.verdict import UNKNOWN
from ..report.phrases import node_name, printable, quote
from ..settings import MAKE_KEY, parse_probe_key
from .loading import NoTrustProxy, load
from .terminal import Line, paragraph, picture, print_json, print_text, table


def _read_source(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and parse_address(value) is None:
        raise click.BadParameter("expected an address of this machine")
    return value


@click.command("probe")
@click.argument("url")
@click.option(
    "--key",
    metavar="KEY",
    envvar="TRUST_PROXY_PROBE_KEY",
    help="The app's TRUST_PROXY_PROBE_KEY; by default that of the environment, or of the app.",
)
@click.option(
    "--connect", metavar="HOST:PORT", help="Connect there, and ask for the URL's host."
)
@click.option(
    "--insecure", is_flag=True, help="Take any certificate, and http:// to other machines."
)
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
    help="Where http:// is answered. An https:// run ends with a few requests there.",
)
@click.option("--no-http", is_flag=True, help="Leave these requests out.")
@click.option("--verbose", is_flag=True, help="Print a line for each request.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
) -> None:
    """Send forged headers through your proxies, and say what the app believes.

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
    ctx.exit(_exit_code(report))


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

#: What became of http beside https, in words.
OVER_HTTP: Mapping[OverHttp, str] = {
    "probed": "Over http the same app answers. That was probed too.",
    "redirected": "Over http a proxy redirects, before the request reaches the app.",
    "another": "Over http something else answers, which is not this app.",
    "no_answer": "Over http nothing answers.",
    "left_out": "Http was not probed.",
    "itself": "",
}

#: What is printed above the settings to write.
HEADINGS: Mapping[When, str] = {
    "now": "The narrowest settings for this chain",
    "after_proxy_change": "After you have changed the proxy: the narrowest settings",
    "if_direct": "If there really is no proxy: the narrowest settings",
}


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


def forged_in_words(forged: Forged, report: Report) -> str:
    """What the app believed of a forgery, as a sentence."""
    return (
        f"{forged.output} was {quote(forged.believed)} after {forged.header}: "
        f"{quote(forged.sent, 80)}{beside(forged.over, report.over_http)}"
    )


def curl_of(forged: Forged, target: Target, http_port: int) -> str:
    """The command that sends a forgery again, the way that it went."""
    if forged.over != target.url.scheme:
        target = http_beside(target, http_port)
    return curl(target, forged.forgery)


def _recommended_text(recommended: Recommendation) -> Iterator[Line]:
    settings = recommended.settings()
    if settings:
        yield from ("", f"{HEADINGS[recommended.when]}, in app.config")
        yield from (f"  {name} = {json.dumps(value)}" for name, value in settings.items())
        yield "or in the environment"
        yield from (f"  {name}={shlex.quote(str(value))}" for name, value in settings.items())
    if recommended.count:
        yield from paragraph("", count_in_words(recommended.count))


def count_in_words(count: int) -> str:
    """That a count could be set instead, and when."""
    hops = "one proxy, whatever its address" if count == 1 else f"the {count} nearest hops"
    return (
        f"Instead, TRUST_PROXY = {count} trusts {hops}. Set it only if nobody can reach the "
        "app directly, without going through the proxies."
    )


def header_rows(report: Report) -> Iterator[tuple[str, str, str]]:
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
