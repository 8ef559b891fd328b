"""The app that a command is about, and what is said if there is none."""

from __future__ import annotations

import pytest

from .running import run, sentence


class TestExitCodes:
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    def test_2_if_there_is_no_app(self):
        result = run("trust-proxy", "explain", "--peer", "127.0.0.1")
        assert sentence(result) == (
            "Error: There is no app here: name it, as in 'flask --app app trust-proxy check'. "
            "Without an app, give --trust."
        )
        assert result.exit_code == 2

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            pytest.param(
                "import flask_trust_nothing",
                "While importing 'app', an ImportError was raised: ModuleNotFoundError: No "
                "module named 'flask_trust_nothing'",
                id="a module is missing",
            ),
            pytest.param(
                "raise RuntimeError('no\\n  database')",
                "The app does not load: RuntimeError: no database",
                id="it raises",
            ),
            pytest.param(
                "from flask import Flask\napp = Flask(__name__)",
                "The app has no TrustProxy: call TrustProxy(app) where it is made.",
                id="it has no TrustProxy",
            ),
            pytest.param(
                "app = 1",
                "Failed to find Flask application or factory in module 'app'. Use 'app:name' "
                "to specify one.",
                id="it is none",
            ),
        ],
    )
    @pytest.mark.parametrize("command", [["check"], ["check", "--json"]])
    def test_2_where_the_app_does_not_load(self, tmp_path, source, expected, command):
        (tmp_path / "app.py").write_text(source)
        result = run("--app", "app", "trust-proxy", *command)
        assert sentence(result) == f"Error: {expected}"
        assert result.exit_code == 2
