"""``flask trust-proxy``: whom this app trusts, what it believes, and why.

Reads the command line, and asks. What the answers tell was decided by the
same rewrite that every request meets.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

import click
import flask
from flask.cli import AppGroup, NoAppException, ScriptInfo

from ..chain import around, name_of
from ..core.addresses import UNIX
from ..core.environ import rewrite
from ..core.headers import environ_key
from ..core.peer import read_peer
from ..extension import AppTrust, chain
from ..log import logger
from ..probe.client import Unanswered, parse_target
from ..probe.client import probe as run_probe
from ..probe.verdict import unprobed
from ..report.as_json import NO_REPORT, explanation, settings_report
from ..report.cautions import (
    Caution,
    condition_warnings,
    environment_warnings,
    lost_middleware,
    setting_warnings,
)
from ..report.phrases import quote
from ..settings import (
    MAKE_KEY,
    Given,
    SettingError,
    Settings,
    compile_settings,
    parse_probe_key,
    read_settings,
)
from .fetch import fetch
from .terminal import check_text, explain_text, print_json, print_text, printable, probe_text

trust_proxy: AppGroup = AppGroup(
    "trust-proxy", help="Whom this app trusts, what it believes, and why."
)

trust_proxy.add_command(fetch)

# What these commands print is what would be logged.
_SILENT = logging.NullHandler()


class _Failure(click.ClickException):
    """Why a command cannot go on; the text may come from outside."""

    def format_message(self) -> str:
        return printable(self.message)


class _Unanswered(_Failure):
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
            raise _Failure(str(error)) from None
        print_json({**NO_REPORT, "warnings": [], "errors": [str(error)]})
        ctx.exit(1)
    cautions = [
        *setting_warnings(settings, trust.has_trusted_hosts()),
        *condition_warnings(settings),
        *environment_warnings(settings, os.environ),
        *_middleware_warnings(app, trust),
    ]
    if as_json:
        warnings = [caution._asdict() for caution in cautions]
        print_json({**settings_report(settings), "warnings": warnings, "errors": []})
    else:
        print_text(check_text(settings, cautions))
    ctx.exit(1 if strict and cautions else 0)


def _middleware_warnings(app: flask.Flask, trust: AppTrust) -> Iterator[Caution]:
    outside = around(chain(app), trust)
    if outside != []:
        names = None if outside is None else map(name_of, outside)
        yield lost_middleware(names, trust.settings.required)


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
        raise _Failure(str(error)) from None
    received = _make_environ(peer, headers, scheme)
    environ = dict(received)
    try:
        resolution = rewrite(environ, settings)
    except Exception as error:  # what a callable raises propagates
        raise _Unanswered(f"TRUST_PROXY does not answer: {_in_a_line(error)}") from None
    if as_json:
        print_json(explanation(resolution, received))
    else:
        print_text(explain_text(resolution, received, environ))


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
        print_json(report.as_json())
    else:
        print_text(probe_text(report, target))
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
        click.echo(f"\r\x1b[K{number}{of}: {printable(title)}", nl=False, err=True)


def _hide_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


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
