"""The app that a command is about, or why there is none."""

from __future__ import annotations

import logging

import click
import flask
from flask.cli import NoAppException, ScriptInfo

from ..extension import AppTrust
from ..log import logger
from ..report.phrases import printable
from ..settings import SettingError

# What these commands print is what would be logged.
_SILENT = logging.NullHandler()


class Failure(click.ClickException):
    """Why a command cannot go on; the text may come from outside."""

    def format_message(self) -> str:
        """The text, with nothing in it that moves a terminal."""
        return printable(self.message)


class NoAnswer(Failure):
    """The app does not load, or its callable fails."""

    exit_code = 2


class NoTrustProxy(NoAnswer):
    """There is no app, or it has no TrustProxy."""


class NoApp(NoTrustProxy):
    """No app was named, and none was found."""


def load(ctx: click.Context) -> tuple[flask.Flask, AppTrust]:
    """Load the app, and find its TrustProxy.

    :raises SettingError: if the app raises it.
    :raises NoApp: if no app was named, and none was found.
    :raises click.ClickException: if it does not load otherwise, or has no
        TrustProxy.
    """
    logger.addHandler(_SILENT)
    info = ctx.ensure_object(ScriptInfo)
    try:
        app = info.load_app()
    except SettingError:
        raise
    except NoAppException as error:
        # A module of the usual name that fails to be imported is an app with a fault.
        if info.app_import_path is None and not error.message.startswith("While importing"):
            raise NoApp(
                "There is no app here: name it, as in 'flask --app app trust-proxy check'."
            ) from None
        # For a failed import there is a traceback too, whose last line names the cause.
        first, *more = error.message.strip().split("\n")
        raise NoAnswer(" ".join([first, *more[-1:]])) from None
    except Exception as error:
        raise NoAnswer(f"The app does not load: {in_a_line(error)}") from None
    trust = app.extensions.get("trustproxy")
    if not isinstance(trust, AppTrust):
        raise NoTrustProxy("The app has no TrustProxy: call TrustProxy(app) where it is made.")
    return app, trust


def in_a_line(error: Exception) -> str:
    """An error and its name, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
