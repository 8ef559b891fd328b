"""``flask trust-proxy``: whom this app trusts, what it believes, and why.

Reads the command line, lays out and prints. The words are those of
diagnostics and explain, and what they tell was decided by the same rewrite
that every request meets.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional

import click
import flask
from flask.cli import AppGroup, NoAppException, ScriptInfo

from . import explain as words
from .addresses import UNIX
from .conclusions import UNKNOWN, VERDICTS, Report, unprobed
from .diagnostics import (
    Caution,
    logger,
    node_name,
    quote,
    rule_of,
    setting_warnings,
    settings_in_words,
)
from .environ import ORIGINAL, rewrite
from .extension import AppTrust, chain
from .headers import environ_key
from .middleware import is_refused
from .peer import read_peer
from .prober import Target, Unanswered, curl, parse_target
from .prober import probe as run_probe
from .recommendation import Recommendation
from .settings import (
    MAKE_KEY,
    Given,
    SettingError,
    Settings,
    compile_settings,
    parse_probe_key,
    read_settings,
)
from .walk import Resolution

trust_proxy: AppGroup = AppGroup(
    "trust-proxy", help="Whom this app trusts, what it believes, and why."
)

_ARROW = "──▶"
# What these commands print is what would be logged.
_SILENT = logging.NullHandler()


class _Unanswered(click.ClickException):
    """The app does not load, or its callable fails."""

    exit_code = 2


class _NoTrustProxy(_Unanswered):
    """There is no app, or it has no TrustProxy."""


@trust_proxy.command("check", with_appcontext=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", is_flag=True, help="Exit with 1 where anything is warned of.")
@click.pass_context
def check(ctx: click.Context, as_json: bool, strict: bool) -> None:
    """Show the settings in force, and warn of what is dangerous in them.

    Exits with 1 where a setting has a mistake, and with 2 where the app does
    not load or has no TrustProxy.
    """
    try:
        app, trust = _load(ctx)
        settings = trust.settings
    except SettingError as error:
        if not as_json:
            raise click.ClickException(str(error)) from None
        _print_json({**words.NO_REPORT, "warnings": [], "errors": [str(error)]})
        ctx.exit(1)
    cautions = [
        *setting_warnings(settings, trust.has_trusted_hosts()),
        *words.condition_warnings(settings),
        *words.environment_warnings(settings, os.environ),
        *_middleware_warnings(app, trust),
    ]
    if as_json:
        warnings = [caution._asdict() for caution in cautions]
        _print_json({**words.settings_report(settings), "warnings": warnings, "errors": []})
    else:
        _print("\n".join(_check_text(settings, cautions)))
    ctx.exit(1 if strict and cautions else 0)


def _middleware_warnings(app: flask.Flask, trust: AppTrust) -> Iterator[Caution]:
    links = list(chain(app))
    if trust not in links:
        yield words.lost_middleware(None)
    elif links[0] is not trust:
        yield words.lost_middleware(type(link).__name__ for link in links[: links.index(trust)])


def _check_text(settings: Settings, cautions: Sequence[Caution]) -> Iterator[str]:
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


def _read_peer(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if value in ("unix", UNIX):
        return UNIX
    if read_peer({"REMOTE_ADDR": value}, False) in ("", UNIX):
        raise click.BadParameter("expected an address, or 'unix'")
    return value


# RFC 9110 section 5.6.2: token, without the underscores that servers refuse
_header = re.compile(
    r"(?P<name>[!#$%&'*+.^`|~0-9A-Za-z-]+):[ \t]*(?P<value>[^\r\n]*?)[ \t]*"
).fullmatch
_is_request_line = re.compile(r"[A-Z]+ \S+ HTTP/[0-9.]+").fullmatch


def _read_headers(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for value in values:
        if value == "@-":
            headers += _read_block(sys.stdin.buffer.read().decode("latin-1"))
        else:  # PEP 3333: the bytes of the request read as Latin-1
            text = value.encode("utf-8", "surrogateescape").decode("latin-1")
            headers.append(_read_header(text))
    return headers


def _read_block(text: str) -> list[tuple[str, str]]:
    """Read the headers of a request: a plain block, or what ``curl -v`` shows.

    Of several requests (``curl -L``), the last one counts.
    """
    lines = text.replace("\r", "").split("\n")
    if any(line.startswith("> ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith(">")]
    headers: list[tuple[str, str]] = []
    for line in filter(str.strip, lines):
        if _is_request_line(line.strip(" \t")):
            headers = []
        else:
            headers.append(_read_header(line))
    return headers


def _read_header(text: str) -> tuple[str, str]:
    match = _header(text)
    if match is None:
        raise click.BadParameter(f"expected 'Name: value', got {quote(text)}")
    return match["name"], match["value"]


@trust_proxy.command("explain", with_appcontext=False)
@click.option(
    "--peer",
    required=True,
    metavar="ADDRESS|unix",
    callback=_read_peer,
    help="Whose connection the server accepts.",
)
@click.option(
    "-H",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    callback=_read_headers,
    help="A header that it sends; @- reads them from standard input, as `curl -v` shows them.",
)
@click.option("--trust", metavar="VALUE", help="Use this TRUST_PROXY.")
@click.option("--headers", "named", metavar="VALUE", help="Use this TRUST_PROXY_HEADERS.")
@click.option("--max-hops", metavar="N", help="Use this TRUST_PROXY_MAX_HOPS.")
@click.option(
    "--scheme",
    type=click.Choice(["http", "https"]),
    default="http",
    show_default=True,
    help="The scheme of the connection.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def explain(
    ctx: click.Context,
    peer: str,
    headers: list[tuple[str, str]],
    trust: Optional[str],
    named: Optional[str],
    max_hops: Optional[str],
    scheme: str,
    as_json: bool,
) -> None:
    """Walk the hops of a request, and say what is believed of it and why.

    Nothing is sent. The settings are the app's where no option replaces them;
    with --trust no app is needed.
    """
    options = {
        "TRUST_PROXY": ("--trust", trust),
        "TRUST_PROXY_HEADERS": ("--headers", named),
        "TRUST_PROXY_MAX_HOPS": ("--max-hops", max_hops),
    }
    given = {
        name: Given(value, f"from {option}")
        for name, (option, value) in options.items()
        if value is not None
    }
    try:
        settings = _settings(ctx, given)
    except SettingError as error:
        raise click.ClickException(str(error)) from None
    received = _make_environ(peer, headers, scheme)
    environ = dict(received)
    try:
        resolution = rewrite(environ, settings)
    except Exception as error:  # what a callable raises propagates
        raise _Unanswered(f"TRUST_PROXY does not answer: {_in_a_line(error)}") from None
    if as_json:
        _print_json(words.explanation(resolution, received))
    else:
        _print("\n".join(_explain_text(resolution, received, environ)))


def _make_environ(peer: str, headers: Iterable[tuple[str, str]], scheme: str) -> dict[str, Any]:
    """The environ that a WSGI server makes of such a request (PEP 3333)."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443" if scheme == "https" else "80",
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": scheme,
    }
    for name, value in headers:
        key = environ_key(name)
        environ[key] = f"{environ[key]}, {value}" if key in environ else value
    return environ


def _explain_text(
    resolution: Resolution, received: Mapping[str, Any], environ: dict[str, Any]
) -> Iterator[str]:
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


@trust_proxy.command("probe", with_appcontext=False)
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
            raise _Unanswered(error.why) from None
        report = unprobed(error.why, error.requests)
    else:
        _hide_progress()
    if as_json:
        _print_json(report.as_json())
    else:
        _print("\n".join(_probe_text(report, target)))
    ctx.exit({"safe": 0, "inconclusive": 2}.get(report.verdict, 1))


def _key_of_app(ctx: click.Context) -> Optional[bytes]:
    try:
        _, trust = _load(ctx)
    except _NoTrustProxy:
        return None
    return trust.settings.probe_key


def _show_progress(number: int, total: int, title: str) -> None:
    if sys.stderr.isatty():
        of = f" of {total}" if total else ""
        click.echo(f"\r\x1b[K{number}{of}: {title}", nl=False, err=True)


def _hide_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


_COLORS = {"safe": "green", "inconclusive": "yellow"}


def _probe_text(report: Report, target: Target) -> Iterator[str]:
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
    for mend in report.mends:
        yield ""
        yield _paragraph("", mend)
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


def _settings(ctx: click.Context, given: Mapping[str, Given]) -> Settings:
    """The settings of the app, with what is given on the command line."""
    try:
        _, trust = _load(ctx)
    except _NoTrustProxy as error:
        if "TRUST_PROXY" not in given:
            raise _NoTrustProxy(f"{error.message} Without an app, give --trust.") from None
        unset = {name: text for name, text in os.environ.items() if name not in given}
        return compile_settings({**read_settings({}, unset).given, **given})
    settings = trust.settings
    return compile_settings({**settings.given, **given}, settings.directory)


def _load(ctx: click.Context) -> tuple[flask.Flask, AppTrust]:
    """Load the app, and find its TrustProxy.

    :raises SettingError: where the app raises it.
    :raises click.ClickException: where it does not load otherwise, or has no
        TrustProxy.
    """
    logger.addHandler(_SILENT)
    info = ctx.ensure_object(ScriptInfo)
    try:
        app = info.load_app()
    except SettingError:
        raise
    except NoAppException as error:
        if info.app_import_path is None:
            raise _NoTrustProxy(
                "There is no app here: name it, as in 'flask --app app trust-proxy check'."
            ) from None
        # For a failed import there is a traceback too, whose last line names the cause.
        first, *more = error.message.strip().split("\n")
        raise _Unanswered(" ".join([first, *more[-1:]])) from None
    except Exception as error:
        raise _Unanswered(f"The app does not load: {_in_a_line(error)}") from None
    trust = app.extensions.get("trustproxy")
    if not isinstance(trust, AppTrust):
        raise _NoTrustProxy("The app has no TrustProxy: call TrustProxy(app) where it is made.")
    return app, trust


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


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


def _print(text: str) -> None:
    """Print, in colour where the terminal has it, with what its encoding has."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace(_ARROW, "-->").encode(encoding, "backslashreplace").decode(encoding)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    click.echo(text, color=False if plain else None)


def _print_json(report: Mapping[str, object]) -> None:
    # json escapes all that is not ASCII, but not DEL
    click.echo(json.dumps(report, indent=2).replace("\x7f", "\\u007f"))
