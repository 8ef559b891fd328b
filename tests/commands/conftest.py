"""No setting from outside, for any command."""

from __future__ import annotations

import os
import sys

import pytest

from flask_trustproxy import log as diagnostics


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch):
    """No setting from outside, nothing loaded before, and a terminal of 80 columns."""
    for name in list(os.environ):
        if "TRUST_PROXY" in name or name.startswith("FLASK_"):
            monkeypatch.delenv(name)
    # Set by the flask command, and taken back here.
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "false")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(diagnostics.logger, "handlers", [])
    sys.modules.pop("app", None)
    yield
    sys.modules.pop("app", None)
