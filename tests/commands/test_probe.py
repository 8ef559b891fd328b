"""The probe's command: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from http.client import BadStatusLine
from pathlib import Path

import flask
import flask.cli
import pytest
from click.testing import CliRunner

from flask_trustproxy import TrustProxy, TrustProxyMiddleware
from flask_trustproxy.commands import app as cli
from flask_trustproxy.core.headers import NAMES
from flask_trustproxy.probe import client as prober
from flask_trustproxy.settings import MAKE_KEY
from probe.worlds import ALL, KEY, Script, page, respond, serving

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/probe.schema.json").read_text("utf-8"))


def is_valid(report):
    """Say whether a report is as the schema says; raises the reason."""
    # tox installs it; the other tests here do without.
    fastjsonschema = pytest.importorskip("fastjsonschema")
    return fastjsonschema.validate(SCHEMA, report) == report


class TestCommand:
    @pytest.fixture(autouse=True)
    def _no_setting_from_outside(self, monkeypatch):
        monkeypatch.delenv("TRUST_PROXY_PROBE_KEY", raising=False)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(prober, "send", Script())

    def run(self, *arguments, app=None, url="http://127.0.0.1/", **options):
        info = flask.cli.ScriptInfo(create_app=None if app is None else lambda: app)
        options.setdefault("obj", info)
        command = ["probe", url, *arguments]
        return CliRunner().invoke(cli.trust_proxy, command, **options)

    def test_it_prints_and_exits(self):
        result = self.run("--key", KEY)
        assert result.exit_code == 0
        assert result.output.startswith(
            "safe: Nothing that was forged was accepted, and honest requests are seen\n"
            "      correctly.\n\n"
            "127.0.0.1 (this machine)  ──▶  app\n\nheader "
        )
        assert '\n  TRUST_PROXY = "false"\n' in result.output

    def test_one_header_that_is_refused_is_one_other(self, monkeypatch):
        monkeypatch.setattr(prober, "send", Script(5, respond(403)))
        lines = self.run("--key", KEY).output.splitlines()
        assert [line.split() for line in lines if " other" in line[:12]] == [
            f"{len(NAMES) - 3} others passed no".split(),
            "1 other refused no".split(),
        ]

    def test_json(self):
        result = self.run("--key", KEY, "--json")
        told = json.loads(result.output)
        assert (result.exit_code, told["verdict"], told["requests"]) == (0, "safe", ALL)
        assert is_valid(told)
        assert set(told) == set(SCHEMA["required"]) == set(SCHEMA["properties"])

    def test_the_page_documents_each_key_and_each_value_of_the_json(self):
        page = (ROOT / "docs/probe.rst").read_text("utf-8")
        _, _, section = page.partition("\nJSON\n----\n")
        assert re.findall(r"^``(\w+)``$", section, re.M) == SCHEMA["required"]
        for name in ("verdict", "over_http"):
            for value in SCHEMA["properties"][name]["enum"]:
                assert f'``"{value}"``' in section
        for name in ("recommend", "forged", "misconfigured", "configuration"):
            each = SCHEMA["properties"][name]
            for key in each.get("items", each)["required"]:
                assert f"``{key}``" in section

    def test_what_is_seen_wrongly(self):
        result = self.run("--key", KEY, url="https://127.0.0.1/")
        assert result.exit_code == 1
        assert result.output.startswith(
            "misconfigured: scheme is 'http', and should be 'https'.\n\n127.0.0.1 (this "
        )
        assert "\n\nNo proxy says for certain that this is https." in result.output

    def test_what_is_recommended(self, monkeypatch):
        script = Script()
        script.proxy = "10.0.0.5"
        monkeypatch.setattr(prober, "send", script)
        result = self.run("--key", KEY)
        assert result.exit_code == 1
        assert (
            "client_ip is '10.0.0.5', and should be '127.0.0.1'.\n\n"
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
            "Instead, TRUST_PROXY = 1 trusts one proxy, whatever its address. Set it only if\n"
            "nobody can reach the app directly, without going through the proxies.\n"
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
        monkeypatch.setattr(prober, "send", Script(2, respond(502)))
        why = "Request 2 (an honest request): HTTP 502: the proxy does not reach the app."
        result = self.run("--key", KEY)
        assert (result.exit_code, result.output) == (2, f"Error: {why}\n")
        monkeypatch.setattr(prober, "send", Script(2, respond(502)))
        told = self.run("--key", KEY, "--json")
        assert told.exit_code == 2
        report = json.loads(told.output)
        assert is_valid(report)
        assert report["verdict"] == "inconclusive"
        assert (report["headline"], report["reasons"], report["requests"]) == (why, [why], 2)

    def test_verbose_prints_a_line_for_each_request(self):
        lines = self.run("--key", KEY, "--verbose").output.splitlines()
        assert lines[:3] == [
            "1: an honest request",
            "2: an honest request",
            f"3 of {ALL}: X-Forwarded-For",
        ]
        assert lines[ALL - 1] == f"{ALL} of {ALL}: an honest request"
        assert lines[ALL].startswith("safe: ")

    def test_without_it_no_progress_is_shown_but_on_a_terminal(self):
        assert self.run("--key", KEY).output.startswith("safe: ")

    def test_http_beside_https_is_told(self):
        result = self.run("--key", KEY, "--verbose", url="https://127.0.0.1/")
        assert f"{ALL + 1} of {ALL + 5}: an honest request over http\n" in result.output
        assert "\nOver http the same app answers. That was probed too.\n" in result.output
        left_out = self.run("--key", KEY, "--no-http", "--json", url="https://127.0.0.1/")
        told = json.loads(left_out.output)
        assert (told["over_http"], told["requests"]) == ("left_out", ALL)

    @pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "JSON"])
    def test_html_writes_the_page_beside_what_is_printed(self, tmp_path, form):
        file = tmp_path / "probe.html"
        plain = self.run("--key", KEY, *form)
        result = self.run("--key", KEY, *form, "--html", str(file))
        assert (result.exit_code, result.output) == (plain.exit_code, plain.output)
        html = file.read_text("utf-8")
        assert html.startswith("<!doctype html>")
        assert "<h1>safe: probe of http://127.0.0.1/</h1>" in html

    def test_html_is_written_too_if_nothing_answers(self, tmp_path, monkeypatch):
        monkeypatch.setattr(prober, "send", Script(1, respond(502)))
        file = tmp_path / "probe.html"
        assert self.run("--key", KEY, "--html", str(file)).exit_code == 2
        assert "HTTP 502: the proxy does not reach the app." in file.read_text("utf-8")

    def test_a_page_that_cannot_be_written_is_told_after_the_report(self, tmp_path):
        file = tmp_path / "there is no such folder" / "probe.html"
        result = self.run("--key", KEY, "--html", str(file))
        assert result.exit_code == 2
        assert result.output.startswith("safe: ")
        assert "\nError: The page was not written: " in result.output

    @pytest.mark.parametrize("source", ["localhost", "127.0.0.1:80", "x"])
    def test_a_source_that_is_no_address(self, source):
        result = self.run("--key", KEY, "--source", source)
        assert result.exit_code == 2
        assert "'--source': expected an address of this machine" in result.output

    def test_ctrl_c_prints_what_was_found_so_far(self, monkeypatch):
        script = Script(20, KeyboardInterrupt())
        script.door = TrustProxyMiddleware(page, trust=True, probe_key=KEY)
        monkeypatch.setattr(prober, "send", script)
        result = self.run("--key", KEY)
        assert result.exit_code == 130
        assert result.output.startswith("forgeable: A client can forge client_ip (with X-For")
        assert "\nThe probe was stopped after request 20.\n" in result.output

    def test_ctrl_c_is_never_safe(self, monkeypatch):
        monkeypatch.setattr(prober, "send", Script(ALL, KeyboardInterrupt()))
        result = self.run("--key", KEY, "--json")
        told = json.loads(result.output)
        assert is_valid(told)
        assert (result.exit_code, told["stopped"]) == (130, True)
        assert told["verdict"] == "inconclusive"

    def test_ctrl_c_before_the_first_answer(self, monkeypatch):
        monkeypatch.setattr(prober, "send", Script(1, KeyboardInterrupt()))
        result = self.run("--key", KEY)
        assert result.exit_code == 130
        assert result.output == "Error: The probe was stopped after request 1.\n"

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
        monkeypatch.setattr(prober, "send", script)
        output = self.run("--key", KEY, color=True).output
        shown = re.sub(r"\x1b\[(?:0|3[0-7])m", "", output)
        assert all(each.isprintable() or each == "\n" for each in shown)
        assert "\\x" in shown or "\\u" in shown
        assert "\x1b[2J" not in output

    def test_what_is_no_http_is_escaped_too(self, monkeypatch):
        error = BadStatusLine("\x1b]0;title\x07SSH-2.0")
        monkeypatch.setattr(prober, "send", Script(1, error))
        result = self.run("--key", KEY)
        assert (result.exit_code, result.output) == (
            2,
            "Error: Request 1 (an honest request): no answer: \\x1b]0;title\\x07SSH-2.0.\n",
        )

    def test_what_was_forged_is_shown(self, monkeypatch):
        door = TrustProxyMiddleware(page, trust=True, headers="X-Forwarded-For", probe_key=KEY)
        script = Script()
        script.door = door
        monkeypatch.setattr(prober, "send", script)
        result = self.run("--key", KEY)
        assert result.exit_code == 1
        assert "client_ip was '192.0.2.66' after X-Forwarded-For: '192.0.2.66'" in result.output
        assert "  curl -H 'X-Forwarded-For: 192.0.2.66' http://127.0.0.1/\n" in result.output


class TestInAProcess:
    """The command in a process of its own, with a terminal and with signals."""

    def command(self, url, **streams):
        code = "from flask_trustproxy.commands.app import trust_proxy; trust_proxy()"
        return subprocess.Popen(
            [sys.executable, "-c", code, "probe", url],
            env={**os.environ, "TRUST_PROXY_PROBE_KEY": KEY},
            **streams,
        )

    def test_a_terminal_shows_the_progress_on_one_line(self):
        door = TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY)
        ours, theirs = pty.openpty()
        with serving(door) as url, open(ours, "rb", buffering=0) as screen:
            process = self.command(url, stdout=subprocess.DEVNULL, stderr=theirs)
            os.close(theirs)
            shown = b""
            with suppress(OSError):  # the terminal is closed at the end
                while part := screen.read(1024):
                    shown += part
            assert process.wait(30) == 0
        assert shown.startswith(b"\r\x1b[K1: an honest request\r\x1b[K2: an honest request")
        assert f"\r\x1b[K3 of {ALL}: X-Forwarded-For\r".encode() in shown
        assert shown.endswith(b"\r\x1b[K")

    def test_an_interrupt_prints_what_was_found_and_exits_with_130(self):
        door = TrustProxyMiddleware(page, trust=True, probe_key=KEY)
        asked, waits, ends = [], threading.Event(), threading.Event()

        def slow(environ, start_response):
            asked.append(environ)
            if len(asked) == 10:
                waits.set()
                ends.wait(30)
            return door(environ, start_response)

        with serving(slow) as url:
            process = self.command(url, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert waits.wait(30)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
            ends.set()
        assert (process.returncode, errors) == (130, b"")
        assert output.startswith(b"forgeable: A client can forge client_ip")
        assert b"The probe was stopped after request 10." in output
