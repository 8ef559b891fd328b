"""The probe's command: what it prints, and how it exits."""

from __future__ import annotations

import io
import json
import re
from http.client import BadStatusLine

import flask
import flask.cli
import pytest
from click.testing import CliRunner

from flask_trustproxy import TrustProxy, TrustProxyMiddleware
from flask_trustproxy.commands import app as cli
from flask_trustproxy.commands import probe as command
from flask_trustproxy.core.headers import NAMES
from flask_trustproxy.probe import client as prober
from flask_trustproxy.settings import MAKE_KEY
from probe.worlds import ALL, KEY, Script, page, respond


class TestCommand:
    @pytest.fixture(autouse=True)
    def _no_setting_from_outside(self, monkeypatch):
        monkeypatch.delenv("TRUST_PROXY_PROBE_KEY", raising=False)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(prober, "_send", Script())

    def run(self, *arguments, app=None, url="http://127.0.0.1/", **options):
        info = flask.cli.ScriptInfo(create_app=None if app is None else lambda: app)
        options.setdefault("obj", info)
        command = ["probe", url, *arguments]
        return CliRunner().invoke(cli.trust_proxy, command, **options)

    def test_it_prints_and_exits(self):
        result = self.run("--key", KEY)
        assert result.exit_code == 0
        assert result.output.startswith("127.0.0.1 (this machine)  ──▶  app\n\nheader ")
        assert "\nsafe: Nothing that was forged was believed" in result.output
        assert '\n  TRUST_PROXY = "false"\n' in result.output

    def test_one_header_that_is_refused_is_one_other(self, monkeypatch):
        monkeypatch.setattr(prober, "_send", Script(5, respond(403)))
        lines = self.run("--key", KEY).output.splitlines()
        assert [line.split() for line in lines if " other" in line[:12]] == [
            f"{len(NAMES) - 3} others passed no".split(),
            "1 other refused no".split(),
        ]

    def test_json(self):
        result = self.run("--key", KEY, "--json")
        told = json.loads(result.output)
        assert (result.exit_code, told["verdict"], told["requests"]) == (0, "safe", ALL)
        assert (
            list(told)
            == (
                "verdict client_ip chain headers forged misconfigured recommend reasons fixes "
                "requests"
            ).split()
        )

    def test_what_is_seen_wrongly(self):
        result = self.run("--key", KEY, url="https://127.0.0.1/")
        assert result.exit_code == 1
        assert "\nscheme is 'http', and should be 'https'\n\nNo proxy says" in result.output

    def test_what_is_recommended(self, monkeypatch):
        script = Script()
        script.proxy = "10.0.0.5"
        monkeypatch.setattr(prober, "_send", script)
        result = self.run("--key", KEY)
        assert result.exit_code == 1
        assert (
            "The app trusts no hop, though a proxy is there: it treats its peer, 10.0.0.5, as\n"
            "the client of every request.\n\n"
            "client_ip is '10.0.0.5', and should be '127.0.0.1'\n\n"
            "If these are your proxies, apply the settings below, and probe again.\n\n"
            "10.0.0.5: which subnet is this in? Name that instead, since load balancers\n"
            "change their addresses.\n\n"
            "The narrowest settings for this chain, in app.config\n"
            '  TRUST_PROXY = "10.0.0.5"\n'
            '  TRUST_PROXY_HEADERS = "X-Forwarded-For"\n'
            "  TRUST_PROXY_MAX_HOPS = 1\n"
            "or in the environment\n"
            "  TRUST_PROXY=10.0.0.5\n"
            "  TRUST_PROXY_HEADERS=X-Forwarded-For\n"
            "  TRUST_PROXY_MAX_HOPS=1\n"
            "TRUST_PROXY = 1 counts these hops instead, whoever they are: right only where\n"
            "nobody can come past the proxies.\n"
        ) in result.output

    def test_the_key_from_the_environment(self):
        assert self.run(env={"TRUST_PROXY_PROBE_KEY": f"{KEY}\n"}).exit_code == 0

    def test_the_key_of_the_app(self):
        app = flask.Flask(__name__)
        app.config["TRUST_PROXY_PROBE_KEY"] = KEY
        TrustProxy(app)
        assert self.run(app=app).exit_code == 0

    def test_an_app_without_a_key(self):
        app = flask.Flask(__name__)
        TrustProxy(app)
        result = self.run(app=app)
        assert result.exit_code == 2
        assert result.output.splitlines()[-1] == (
            f"Error: expected --key, or TRUST_PROXY_PROBE_KEY. {MAKE_KEY} makes one"
        )

    def test_no_key_and_no_app(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("FLASK_APP", raising=False)
        result = self.run()
        assert result.exit_code == 2
        assert "Error: expected --key, or TRUST_PROXY_PROBE_KEY." in result.output

    def test_a_short_key(self):
        result = self.run("--key", "short")
        assert result.exit_code == 2
        assert "Error: expected a text of at least 32 characters." in result.output
        assert "Traceback" not in result.output

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["probe", "www.example.com"], "expected a URL such as https://www.example.com/"),
            (["probe", "https://www.example.com", "--connect", "x"], "expected HOST:PORT"),
        ],
    )
    def test_what_cannot_be_probed(self, arguments, expected):
        result = CliRunner().invoke(cli.trust_proxy, [*arguments, "--key", KEY])
        assert (result.exit_code, result.output.splitlines()[-1]) == (2, f"Error: {expected}")

    def test_no_answer_is_one_sentence(self, monkeypatch):
        monkeypatch.setattr(prober, "_send", Script(2, respond(502)))
        why = "Request 2 (an honest request): HTTP 502: the proxy does not reach the app."
        result = self.run("--key", KEY)
        assert (result.exit_code, result.output) == (2, f"Error: {why}\n")
        monkeypatch.setattr(prober, "_send", Script(2, respond(502)))
        told = self.run("--key", KEY, "--json")
        assert told.exit_code == 2
        assert json.loads(told.output) == {
            "verdict": "inconclusive",
            "client_ip": None,
            "chain": [],
            "headers": {},
            "forged": [],
            "misconfigured": [],
            "recommend": {
                "TRUST_PROXY": None,
                "TRUST_PROXY_HEADERS": None,
                "TRUST_PROXY_MAX_HOPS": None,
                "count": None,
            },
            "reasons": [why],
            "fixes": [],
            "requests": 2,
        }

    @pytest.mark.parametrize("terminal", [True, False])
    def test_progress_is_shown_on_a_terminal_alone(self, monkeypatch, terminal):
        screen = io.StringIO()
        monkeypatch.setattr(screen, "isatty", lambda: terminal, raising=False)
        monkeypatch.setattr("sys.stderr", screen)
        command._show_progress(1, 0, "an honest request")
        command._show_progress(3, 37, "X-Forwarded-For")
        command._hide_progress()
        shown = "\r\x1b[K1: an honest request\r\x1b[K3 of 37: X-Forwarded-For\r\x1b[K"
        assert screen.getvalue() == (shown if terminal else "")

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("\x1b[2J\x1b[1;32msafe", id="a terminal escape"),
            pytest.param("\x9b2J", id="a C1 control"),
            pytest.param("\u202esafe\u2066", id="text that turns around"),
            pytest.param("\x07\x08\x7f", id="control characters"),
        ],
    )
    def test_text_from_outside_is_escaped_where_it_is_printed(self, monkeypatch, text):
        script = Script()
        # What a proxy, or whoever answers in its place, writes.
        script.proxy, script.wrote = "10.0.0.5", text.encode("utf-8").decode("latin-1")
        monkeypatch.setattr(prober, "_send", script)
        output = self.run("--key", KEY, color=True).output
        shown = re.sub(r"\x1b\[(?:0|3[0-7])m", "", output)
        assert all(each.isprintable() or each == "\n" for each in shown)
        assert "\\x" in shown or "\\u" in shown
        assert "\x1b[2J" not in output

    def test_what_is_no_http_is_escaped_too(self, monkeypatch):
        error = BadStatusLine("\x1b]0;title\x07SSH-2.0")
        monkeypatch.setattr(prober, "_send", Script(1, error))
        result = self.run("--key", KEY)
        assert (result.exit_code, result.output) == (
            2,
            "Error: Request 1 (an honest request): no answer: \\x1b]0;title\\x07SSH-2.0.\n",
        )

    def test_what_was_forged_is_shown(self, monkeypatch):
        door = TrustProxyMiddleware(page, trust=True, headers="X-Forwarded-For", probe_key=KEY)
        script = Script()
        script.door = door
        monkeypatch.setattr(prober, "_send", script)
        result = self.run("--key", KEY)
        assert result.exit_code == 1
        assert "client_ip was '192.0.2.66' after X-Forwarded-For: '192.0.2.66'" in result.output
        assert "  curl -H 'X-Forwarded-For: 192.0.2.66' http://127.0.0.1/\n" in result.output
