"""``flask trust-proxy probe``: what the proxies do, and whether anything can be forged."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from typing import Optional

import click

from ..probe.client import Target, Unanswered, curl, parse_target
from ..probe.client import probe as run_probe
from ..probe.verdict import UNKNOWN, VERDICTS, Recommendation, Report, unprobed
from ..report.phrases import node_name, printable, quote
from ..settings import MAKE_KEY, parse_probe_key
from .loading import NoAnswer, NoTrustProxy, load
from .terminal import Line, paragraph, picture, print_json, print_text, table


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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def probe(
    ctx: click.Context,
    url: str,
    key: Optional[str],
    connect: Optional[str],
    insecure: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Send forged headers through your proxies, and say what the app believes.

    The app answers where TRUST_PROXY_PROBE_KEY is set. Exits with 0 where
    nothing can be forged, with 1 where something can or honest requests are
    seen wrongly, and with 2 where the probe cannot tell.
    """
    try:
        secret = parse_probe_key(key) or _key_of_app(ctx)
        if secret is None:
            raise ValueError(f"expected --key, or TRUST_PROXY_PROBE_KEY. {MAKE_KEY} makes one")
        target = parse_target(url, connect, insecure, timeout)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        report = run_probe(target, secret, _show_progress)
    except Unanswered as error:
        _hide_progress()
        if not as_json:
            raise NoAnswer(error.why) from None
        report = unprobed(error.why, error.requests)
    else:
        _hide_progress()
    if as_json:
        print_json(report.as_json())
    else:
        print_text(_probe_text(report, target))
    ctx.exit({"safe": 0, "inconclusive": 2}.get(report.verdict, 1))


def _key_of_app(ctx: click.Context) -> Optional[bytes]:
    try:
        _, trust = load(ctx)
    except NoTrustProxy:
        return None
    return trust.settings.probe_key


def _show_progress(number: int, total: int, title: str) -> None:
    if sys.stderr.isatty():
        of = f" of {total}" if total else ""
        click.echo(f"\r\x1b[K{number}{of}: {printable(title)}", nl=False, err=True)


def _hide_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


_COLORS = {"safe": "green", "inconclusive": "yellow"}


def _probe_text(report: Report, target: Target) -> Iterator[Line]:
    """The lines of ``probe``."""
    yield from picture(
        (f"{node} (this machine)", False) if node == report.prober else (node_name(node), True)
        for node in report.chain
    )
    yield ""
    yield from table(("header", "by the proxies", "read"), *_probe_rows(report))
    yield ""
    color = _COLORS.get(report.verdict, "red")
    yield from paragraph(f"{report.verdict}: ", VERDICTS[report.verdict], color)
    for reason in report.reasons:
        yield ""
        yield from paragraph("", reason)
    for forged in report.forged:
        yield ""
        yield from paragraph(
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
        yield from paragraph("", fix)
    yield from _recommended_text(report.recommend)
    yield ""
    yield from paragraph("", UNKNOWN)


def _recommended_text(recommended: Recommendation) -> Iterator[Line]:
    settings = recommended.settings()
    if settings:
        yield from ("", "The narrowest settings for this chain, in app.config")
        yield from (f"  {name} = {json.dumps(value)}" for name, value in settings.items())
        yield "or in the environment"
        yield from (f"  {name}={shlex.quote(str(value))}" for name, value in settings.items())
    if recommended.count:
        yield from paragraph(
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
