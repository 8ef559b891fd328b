"""``flask trust-proxy check``: the settings in force, and what is dangerous in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import click
import flask

from ..chain import around, name_of
from ..extension import AppTrust, chain
from ..report import words
from ..report.as_json import NO_REPORT, settings_report
from ..report.cautions import lost_middleware, settings_cautions
from ..report.messages import Caution
from ..settings import SettingError, Settings, settings_from_environment
from .loading import Failure, NoApp, load
from .terminal import Line, example, paragraph, print_json, print_text, settings_text

#: Printed first if there is no app.
_NO_APP = (
    "There is no app here. These are the settings in the environment, as",
    "TrustProxyMiddleware.from_environ(app) reads them. To check a Flask app, name it:",
    "flask --app app trust-proxy check",
    "",
)


@click.command("check", epilog=example("flask --app app trust-proxy check --strict"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", is_flag=True, help="Exit with 1 if there is any warning.")
@click.pass_context
def check(ctx: click.Context, as_json: bool, strict: bool) -> None:
    """Show the settings in force, and warn about dangerous ones.

    Without an app, the settings in the environment are checked, and the first
    line says so.

    Exits with 1 if a setting has a mistake, and with 2 if the app does not
    load or has no TrustProxy.
    """
    # What says that there is no app, in JSON and in text.
    no_app: dict[str, object] = {}
    try:
        try:
            app, trust = load(ctx)
            settings = trust.settings
            cautions = [
                *settings_cautions(settings, trust.has_trusted_hosts(), os.environ, app.config),
                *_middleware_warnings(app, trust),
            ]
        except NoApp:
            no_app = {"app": None}
            settings = settings_from_environment(os.environ)
            cautions = settings_cautions(settings, False, os.environ)
    except SettingError as error:
        if not as_json:
            raise Failure(str(error)) from None
        print_json({**no_app, **NO_REPORT, "warnings": [], "errors": [str(error)]})
        ctx.exit(1)
    if as_json:
        warnings = [caution._asdict() for caution in cautions]
        report = {**settings_report(settings), "warnings": warnings, "errors": []}
        print_json({**no_app, **report})
    else:
        print_text([*(_NO_APP if no_app else ()), *_check_text(settings, cautions)])
    ctx.exit(1 if strict and cautions else 0)


def _middleware_warnings(app: flask.Flask, trust: AppTrust) -> Iterator[Caution]:
    outside = around(chain(app), trust)
    if outside != []:
        names = None if outside is None else map(name_of, outside)
        yield lost_middleware(names, trust.settings.required)


def _check_text(settings: Settings, cautions: Sequence[Caution]) -> Iterator[Line]:
    """The lines of ``check``."""
    yield from settings_text(settings)
    yield ""
    yield from paragraph("Trusted   ", words.trusted_in_words(settings.policy.trust))
    for written, network in settings.policy.trust.rewritten():
        yield f"          ({written} read as {network})"
    yield from (f"File      {line}" for line in words.files_in_words(settings.policy.trust))
    believed = words.believed_headers(settings.policy.headers)
    yield from paragraph("Believed  ", ", ".join(believed) or "no header")
    yield from paragraph(
        "Removed   ", ", ".join(words.removed_headers(settings.policy)) or "no header"
    )
    yield ""
    for caution in cautions:
        yield from paragraph("Warning: ", f"{caution}.", "yellow")
    if not cautions:
        yield "No warnings."
