"""What the tests of the commands share: how to run one, and where files are."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import flask.cli
from click.testing import CliRunner
from flask import Flask

from flask_trustproxy import TrustProxy
from flask_trustproxy.commands import app as cli

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SNAPSHOTS = Path(__file__).parents[1] / "snapshots"


def run(*arguments, **options):
    """Run ``flask ARGUMENTS``."""
    return CliRunner().invoke(flask.cli.cli, arguments, **options)


def sentence(result):
    """The one line that a failed command prints."""
    [line] = result.output.splitlines()[-1:]
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    return line


def make_app(**config):
    app = Flask(__name__)
    app.config.update(config)
    TrustProxy(app)
    return app


def invoke(app, *arguments, **options):
    """Run ``flask trust-proxy ARGUMENTS`` for an app that was made already."""
    info = flask.cli.ScriptInfo(create_app=lambda: app)
    return CliRunner().invoke(cli.trust_proxy, arguments, obj=info, **options)


def explain(*arguments, app=None, **options):
    """What ``explain --json`` says."""
    result = invoke(app or make_app(), "explain", "--json", *arguments, **options)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def check(app):
    """What ``check --json`` says."""
    return json.loads(invoke(app, "check", "--json").output)


def make_old(path: Path, **age: float):
    """Let a file be of that age."""
    changed = time.time() - timedelta(**age).total_seconds()
    os.utime(path, (changed, changed))
