"""Runs in the environment of an application: is there anything that a client can forge?

    python unforgeable.py MODULE:FUNCTION PATH

`flask trust-proxy check` has to be content with its settings as well.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo

from flask_trustproxy.commands.app import trust_proxy
from flask_trustproxy.testing import assert_unforgeable

if __name__ == "__main__":
    made, path = sys.argv[1:]
    del sys.argv[1:]
    module, name = made.split(":")
    app = getattr(import_module(module), name)
    if name.startswith("make"):
        app = app()
    assert_unforgeable(app, path)
    # Without a Flask app, it checks the environment.
    info = ScriptInfo(create_app=lambda: app) if isinstance(app, Flask) else ScriptInfo()
    checked = CliRunner().invoke(trust_proxy, ["check", "--strict"], obj=info)
    assert checked.exit_code == 0, checked.output
    # Some have threads that would go on.
    os._exit(0)
