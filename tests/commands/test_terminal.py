"""What a terminal shows: no escape from outside, colours, and lines that fit."""

from __future__ import annotations

import click
import flask.cli
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_trustproxy.commands import app as cli

from .running import invoke, make_app


class TestTerminal:
    @given(
        value=st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])),
        name=st.sampled_from(["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "Host"]),
        named=st.sampled_from(["X-Forwarded-For, X-Forwarded-Proto", "Forwarded", "X-Real-IP"]),
        peer=st.sampled_from(["127.0.0.1", "192.0.2.1"]),
        as_json=st.sampled_from([[], ["--json"]]),
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_nothing_that_a_client_writes_moves_it(self, value, name, named, peer, as_json):
        arguments = ["--trust", "loopback", "--peer", peer, "--headers", named, *as_json]
        result = invoke(make_app(), "explain", *arguments, "-H", f"{name}: {value}")
        assert result.exit_code == 0
        assert all(line.isprintable() for line in result.output.split("\n"))

    def test_escapes_are_shown_as_text(self):
        header = "X-Forwarded-For: \x1b[2J\x7f\x9b1m, 127.0.0.2, 203.0.113.9"
        arguments = ["--peer", "127.0.0.1", "-H", header]
        output = invoke(make_app(), "explain", *arguments).output
        assert r"  X-Forwarded-For '\x1b[2J\x7f\xc2\x9b1m, 127.0.0.2'" in output

    @pytest.mark.parametrize(
        ("variables", "colored"),
        [
            pytest.param({}, True, id="a terminal with colours"),
            pytest.param({"NO_COLOR": "1"}, False, id="colours are not wanted"),
            pytest.param({"TERM": "dumb"}, False, id="a terminal without"),
        ],
    )
    @pytest.mark.parametrize("command", [["check"], ["explain", "--peer", "127.0.0.1"]])
    def test_colours(self, command, variables, colored):
        app = make_app(TRUST_PROXY="loopback, 10.0.0.0/8")
        plain = invoke(app, *command).output
        env = {"NO_COLOR": None, "TERM": "xterm", **variables}
        output = invoke(app, *command, color=True, env=env).output
        assert ("\x1b[" in output) is colored
        assert click.unstyle(output) == plain

    def test_an_encoding_without_arrows(self):
        info = flask.cli.ScriptInfo(create_app=lambda: make_app(TRUST_PROXY_REQUIRED="/ł"))
        arguments = ["explain", "--peer", "127.0.0.1"]
        result = CliRunner(charset="latin-1").invoke(cli.trust_proxy, arguments, obj=info)
        first, *lines = result.output.splitlines()
        assert first == "client 127.0.0.1 peer (trusted: loopback)  -->  app"
        assert r"  TRUST_PROXY_REQUIRED='/\u0142' (from app.config)" in lines

    @pytest.mark.parametrize("columns", ["60", "80", "200"])
    def test_the_picture_is_as_wide_as_the_terminal(self, monkeypatch, columns):
        monkeypatch.setenv("COLUMNS", columns)
        header = f"X-Forwarded-For: {', '.join(['203.0.113.9', *['10.0.0.5'] * 3])}"
        arguments = ["--trust", "loopback, 10.0.0.0/8", "--peer", "127.0.0.1", "-H", header]
        output = invoke(make_app(), "explain", *arguments).output
        picture = output.partition("\n\n")[0].split("\n")
        assert max(map(len, picture)) <= int(columns)
        assert "".join(picture) == (
            "client 203.0.113.9"
            + "  ──▶  10.0.0.5 (trusted: 10.0.0.0/8)" * 3
            + "  ──▶  127.0.0.1 peer (trusted: loopback)  ──▶  app"
        )
