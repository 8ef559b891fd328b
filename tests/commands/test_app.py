"""The commands: what they print, how they exit, and that a request decides it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import click
import flask.cli
import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_trustproxy import (
    Ignored,
    Resolution,
    TrustProxy,
    TrustProxyMiddleware,
)
from flask_trustproxy import log as diagnostics
from flask_trustproxy.commands import app as cli
from flask_trustproxy.core import environ
from flask_trustproxy.report import cautions
from flask_trustproxy.settings import SETTINGS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SNAPSHOTS = Path(__file__).parents[1] / "snapshots"


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


def run(*arguments, **options):
    """Run ``flask ARGUMENTS``."""
    return CliRunner().invoke(flask.cli.cli, arguments, **options)


def sentence(result):
    """The one line that a failed command prints."""
    [line] = result.output.splitlines()[-1:]
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    return line


class Shell:
    """Just enough of a shell for the sessions in the documentation."""

    def __init__(self):
        self.exit_code = 0

    def run(self, command: str) -> str:
        """Run one command; returns what it prints."""
        if command == "echo $?":
            return f"{self.exit_code}\n"
        command, _, file = command.partition(" < ")
        words = shlex.split(command.replace("\\\n", ""))
        variables = {}
        while "=" in words[0]:
            name, _, variables[name] = words.pop(0).partition("=")
        if words[0] == "cat":
            return (SNAPSHOTS / words[1]).read_text("utf-8")
        assert words.pop(0) == "flask"
        sent = (SNAPSHOTS / file).read_bytes() if file else b""
        result = run(*words, env=variables, input=sent)
        self.exit_code = result.exit_code
        return result.output.replace(str(EXAMPLES), "/srv/app")


def make_old(path: Path, **age: float):
    """Let a file be of that age."""
    changed = time.time() - timedelta(**age).total_seconds()
    os.utime(path, (changed, changed))


def read_session(text: str) -> list[tuple[str, str]]:
    """The commands of a session, each with its output."""
    parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


@pytest.mark.parametrize(
    "session", [pytest.param(path, id=path.stem) for path in sorted(SNAPSHOTS.glob("*.txt"))]
)
def test_the_commands_print_what_the_documentation_shows(session, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    make_old(EXAMPLES / "trust-files/proxies.txt", days=2)
    shell = Shell()
    expected = read_session(session.read_text("utf-8"))
    assert [(command, shell.run(command)) for command, _ in expected] == expected


def test_the_flask_command_has_them(monkeypatch):
    monkeypatch.chdir(ROOT)
    flask_command = [sys.executable, "-m", "flask", "--app", "examples/app.py", "trust-proxy"]
    forged = [
        "--peer",
        "127.0.0.1",
        "-H",
        "X-Forwarded-For: 198.51.100.66, 203.0.113.9",
        "--json",
    ]
    explained = subprocess.run(
        [*flask_command, "explain", *forged], capture_output=True, text=True, timeout=30
    )
    answer = json.loads(explained.stdout)
    assert (answer["client_ip"], answer["stopped"]) == ("203.0.113.9", "untrusted")
    assert (explained.returncode, explained.stderr) == (0, "")


def test_a_warning_is_printed_once_and_not_logged_as_well():
    code = (
        "from flask import Flask; from flask.cli import ScriptInfo\n"
        "from flask_trustproxy import TrustProxy\n"
        "from flask_trustproxy.commands.app import trust_proxy\n"
        "def create_app():\n"
        "    app = Flask('x'); app.config['TRUST_PROXY'] = True; TrustProxy(app); return app\n"
        "trust_proxy(['check'], obj=ScriptInfo(create_app=create_app))"
    )
    checked = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30)
    assert checked.stdout.count(b"trusts strangers") == 1
    assert (checked.returncode, checked.stderr) == (0, b"")


class TestExitCodes:
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize("command", [["check"], ["check", "--json"], ["check", "--strict"]])
    def test_2_where_there_is_no_app(self, command):
        result = run("trust-proxy", *command)
        assert sentence(result) == (
            "Error: There is no app here: name it, as in 'flask --app app trust-proxy check'."
        )
        assert result.exit_code == 2

    def test_2_where_explain_has_neither_an_app_nor_trust(self):
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

    def test_2_where_a_named_app_does_not_load_for_explain(self, tmp_path):
        (tmp_path / "app.py").write_text("import flask_trust_nothing")
        arguments = ["trust-proxy", "explain", "--peer", "127.0.0.1", "--trust", "loopback"]
        assert run("--app", "app", *arguments).exit_code == 2

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param(
                "app = Flask('x')\napp.config['TRUST_PROXY'] = 'loopbck'\nTrustProxy(app)",
                id="while the app is imported",
            ),
            pytest.param(
                "def create_app():\n    app = Flask('x')\n"
                "    app.config['TRUST_PROXY'] = 'loopbck'\n    TrustProxy(app)",
                id="in a factory",
            ),
            pytest.param(
                "app = Flask('x')\nTrustProxy(app)\napp.config['TRUST_PROXY'] = 'loopbck'",
                id="later on",
            ),
        ],
    )
    def test_1_with_a_mistake(self, tmp_path, source):
        imports = "from flask import Flask\nfrom flask_trustproxy import TrustProxy\n"
        (tmp_path / "app.py").write_text(imports + source)
        expected = (
            "TRUST_PROXY='loopbck' (from app.config): expected an address, a network or a "
            "name. Did you mean 'loopback'?"
        )
        result = run("--app", "app", "trust-proxy", "check", "--json")
        assert result.exit_code == 1
        assert json.loads(result.output) == {
            "settings": {},
            "networks": [],
            "files": [],
            "headers": {"believed": [], "removed": []},
            "warnings": [],
            "errors": [expected],
        }
        for command in (["check"], ["explain", "--peer", "127.0.0.1"]):
            result = run("--app", "app", "trust-proxy", *command)
            assert (result.exit_code, sentence(result)) == (1, f"Error: {expected}")

    def test_1_with_a_mistake_in_an_option(self):
        arguments = ["--peer", "127.0.0.1", "--trust", "2", "--max-hops", "1"]
        result = run("trust-proxy", "explain", *arguments)
        assert sentence(result) == (
            "Error: TRUST_PROXY='2' (from --trust): expected a count of at most 1, which is "
            "TRUST_PROXY_MAX_HOPS"
        )
        assert result.exit_code == 1

    @pytest.mark.parametrize(
        "peer",
        ["localhost", "0.0.0.0", "192.0.2.1:80", "[2001:db8::1]", "", "proxy", "unix:/x"],
    )
    def test_2_where_the_peer_is_no_address(self, peer):
        result = run("trust-proxy", "explain", "--trust", "unix", "--peer", peer)
        assert sentence(result) == (
            "Error: Invalid value for '--peer': expected an address, or 'unix'"
        )
        assert result.exit_code == 2

    @pytest.mark.parametrize(
        ("header", "quoted"),
        [
            pytest.param("X-Real-IP", "'X-Real-IP'", id="without a colon"),
            pytest.param("X_Real_IP: 192.0.2.1", "'X_Real_IP: 192.0.2.1'", id="underscores"),
            pytest.param("A: b\r\nC: d", r"'A: b\r\nC: d'", id="two lines"),
            pytest.param("\x1b[2J: x", r"'\x1b[2J: x'", id="control characters"),
        ],
    )
    def test_2_where_a_header_is_none(self, header, quoted):
        result = run(
            "trust-proxy", "explain", "--trust", "unix", "--peer", "unix", "-H", header
        )
        assert sentence(result) == (
            f"Error: Invalid value for '-H': expected 'Name: value', got {quoted}"
        )
        assert result.exit_code == 2

    def test_2_where_the_callable_fails(self):
        app = make_app(TRUST_PROXY=lambda address, hop: "yes")
        result = invoke(app, "explain", "--peer", "192.0.2.1")
        assert re.fullmatch(
            r"Error: TRUST_PROXY does not answer: TypeError: TRUST_PROXY: <function .*> "
            r"answered 'yes' for \('192.0.2.1', 0\); expected True or False",
            sentence(result),
        )
        assert result.exit_code == 2


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


PRIVATE = (
    "TRUST_PROXY={} (from app.config) trusts a private range, and TRUST_PROXY_MAX_HOPS is not "
    "set: a client that appears in that range is taken for one more proxy"
)


class TestWarnings:
    @pytest.mark.parametrize(
        ("config", "codes"),
        [
            pytest.param({}, [], id="the defaults"),
            pytest.param({"TRUST_PROXY": False}, [], id="nobody"),
            pytest.param({"TRUST_PROXY": 0}, [], id="no hop"),
            pytest.param({"TRUST_PROXY": True}, ["strangers"], id="everybody"),
            pytest.param({"TRUST_PROXY": "32.0.0.0/3"}, ["strangers"], id="public space"),
            pytest.param({"TRUST_PROXY": 2}, ["count"], id="a count"),
            pytest.param({"TRUST_PROXY": "10.0.0.0/8"}, ["private_range"], id="a range"),
            pytest.param({"TRUST_PROXY": "fd00::/64"}, ["private_range"], id="an IPv6 one"),
            pytest.param({"TRUST_PROXY": "100.64.0.0/16"}, ["private_range"], id="a CGN"),
            pytest.param({"TRUST_PROXY": "linklocal"}, ["private_range"], id="a preset"),
            pytest.param({"TRUST_PROXY": "10.0.0.5, 10.0.0.6"}, [], id="two addresses"),
            pytest.param({"TRUST_PROXY": "203.0.113.0/24"}, [], id="a range of a CDN"),
            pytest.param(
                {"TRUST_PROXY": "10.0.0.0/8", "TRUST_PROXY_MAX_HOPS": 16},
                [],
                id="a private range with as many hops as one likes",
            ),
            pytest.param(
                {"TRUST_PROXY": "10.0.0.0/8", "TRUST_PROXY_HEADERS": "X-Real-IP"},
                [],
                id="a private range where only the peer is asked",
            ),
            pytest.param(
                {"TRUST_PROXY_HEADERS": "Forwarded"},
                ["host_without_trusted_hosts"],
                id="a host without trusted hosts",
            ),
            pytest.param(
                {"TRUST_PROXY_HEADERS": "CF-Connecting-IP"},
                ["cdn_header"],
                id="a CDN's header with loopback",
            ),
        ],
    )
    def test_of_settings(self, config, codes):
        app = make_app(**config)
        assert [warning["code"] for warning in check(app)["warnings"]] == codes
        assert invoke(app, "check").exit_code == 0
        assert invoke(app, "check", "--strict").exit_code == (1 if codes else 0)

    def test_the_log_at_the_start_has_the_same_sentence(self, caplog):
        [warning] = check(make_app(TRUST_PROXY=True))["warnings"]
        assert caplog.messages == [f"{warning['message']}. {warning['fix']}"]

    def test_trusted_hosts_are_seen(self):
        app = Flask(__name__)
        app.config["TRUST_PROXY_HEADERS"] = "Forwarded"
        app.request_class = type("R", (app.request_class,), {"trusted_hosts": ["example.com"]})
        TrustProxy(app)
        assert check(app)["warnings"] == []

    @pytest.mark.parametrize(
        ("value", "text", "codes"),
        [
            pytest.param(None, "192.0.2.1", [], id="not set in config"),
            pytest.param("192.0.2.1", "", [], id="empty in the environment"),
            pytest.param(["192.0.2.1", "loopback"], "Loopback,192.0.2.1", [], id="the same"),
            pytest.param("loopback", "192.0.2.1", ["environment_overridden"], id="different"),
        ],
    )
    def test_of_a_variable_that_config_overrides(self, monkeypatch, value, text, codes):
        monkeypatch.setenv("TRUST_PROXY", text)
        warnings = check(make_app(TRUST_PROXY=value))["warnings"]
        assert [warning["code"] for warning in warnings] == codes

    def test_of_a_variable_that_config_overrides_says_both_values(self, monkeypatch):
        monkeypatch.setenv("TRUST_PROXY", "192.0.2.1\x1b")
        assert check(make_app(TRUST_PROXY="loopback"))["warnings"] == [
            {
                "code": "environment_overridden",
                "message": r"TRUST_PROXY is '192.0.2.1\x1b' in the environment, but 'loopback' "
                "in app.config, which wins",
                "fix": "Set it in one of the two",
            }
        ]

    @pytest.mark.parametrize(
        ("text", "config", "codes"),
        [
            pytest.param("loopback", {}, ["not_loaded"], id="not loaded"),
            pytest.param("2", {"TRUST_PROXY": "192.0.2.1"}, ["not_loaded"], id="another value"),
            pytest.param('["192.0.2.1"]', {"TRUST_PROXY": ["192.0.2.1"]}, [], id="loaded"),
            pytest.param("192.0.2.1", {"TRUST_PROXY": "192.0.2.1"}, [], id="loaded as text"),
            pytest.param("", {}, [], id="empty"),
        ],
    )
    def test_of_a_prefixed_variable(self, monkeypatch, text, config, codes):
        monkeypatch.setenv("FLASK_TRUST_PROXY", text)
        warnings = check(make_app(**config))["warnings"]
        assert [warning["code"] for warning in warnings] == codes

    def test_of_a_prefixed_variable_says_how_to_load_it(self, monkeypatch):
        monkeypatch.setenv("FLASK_TRUST_PROXY_MAX_HOPS", "2")
        [warning] = check(make_app())["warnings"]
        assert warning == {
            "code": "not_loaded",
            "message": "FLASK_TRUST_PROXY_MAX_HOPS is set in the environment, but its value is "
            "not in app.config",
            "fix": "Call app.config.from_prefixed_env() before TrustProxy(app), or name the "
            "variable TRUST_PROXY_MAX_HOPS",
        }

    @pytest.mark.parametrize(
        ("wrap", "code", "message"),
        [
            pytest.param(
                ProxyFix,
                "middleware_not_outermost",
                "ProxyFix is around TrustProxy's middleware, and sees each request as the "
                "server has it",
                id="something around it",
            ),
            pytest.param(
                lambda inner: lambda environ, start_response: inner(environ, start_response),
                "middleware_lost",
                "app.wsgi_app does not lead to TrustProxy's middleware: it was lost, or is "
                "behind a function",
                id="a function around it",
            ),
            pytest.param(
                lambda inner: TrustProxyMiddleware(inner.app),
                "middleware_lost",
                "app.wsgi_app does not lead to TrustProxy's middleware: it was lost, or is "
                "behind a function",
                id="another in its place",
            ),
        ],
    )
    @pytest.mark.parametrize("required", [False, True])
    def test_of_the_middleware(self, wrap, code, message, required):
        app = make_app(TRUST_PROXY_REQUIRED=required)
        if required:
            who = "such a function" if code == "middleware_lost" else "it"
            message += (
                f". TRUST_PROXY_REQUIRED does not cover the requests that {who} answers itself"
            )
        app.wsgi_app = wrap(app.wsgi_app)
        mend = "Create TrustProxy last, after whatever replaces app.wsgi_app"
        expected = [{"code": code, "message": message, "fix": mend}]
        assert check(app)["warnings"] == expected


class Office:
    """A callable that says what it is."""

    def __call__(self, address, hop):
        return address == "192.0.2.1"

    def __str__(self):
        return "the office"


class TestReport:
    @pytest.mark.parametrize(
        ("trust", "networks", "words"),
        [
            pytest.param(False, [], "nobody", id="nobody"),
            pytest.param(0, [], "nobody", id="no hop"),
            pytest.param(True, ["0.0.0.0/0", "::/0", "unix:"], "everybody", id="everybody"),
            pytest.param(2, [], "the first 2 hops, whoever they are", id="a count"),
            pytest.param("unix", ["unix:"], "a unix-domain socket", id="a socket"),
            pytest.param(
                lambda address, hop: True, [], "whom the callable says yes to", id="a callable"
            ),
            pytest.param(
                "10.0.1.0/24, 10.0.0.0/24, ::ffff:192.0.2.0/120, 10.0.0.5, 2001:db8::1",
                ["10.0.0.0/23", "192.0.2.0/24", "2001:db8::1/128"],
                "10.0.0.0/23, 192.0.2.0/24, 2001:db8::1/128",
                id="networks, merged",
            ),
        ],
    )
    def test_whom_it_trusts(self, trust, networks, words):
        app = make_app(TRUST_PROXY=trust)
        assert check(app)["networks"] == networks
        assert f"Trusted   {words}\n" in invoke(app, "check").output

    def test_host_bits(self):
        output = invoke(make_app(TRUST_PROXY="10.1.2.3/8"), "check").output
        assert "Trusted   10.0.0.0/8\n          (10.1.2.3/8 read as 10.0.0.0/8)\n" in output

    @pytest.mark.parametrize(
        ("age", "words"),
        [
            pytest.param({"seconds": -60}, "less than 2 minutes ago", id="a clock ahead"),
            pytest.param({"seconds": 100}, "less than 2 minutes ago", id="seconds"),
            pytest.param({"minutes": 2}, "2 minutes ago", id="minutes"),
            pytest.param({"minutes": 119}, "119 minutes ago", id="nearly two hours"),
            pytest.param({"hours": 2}, "2 hours ago", id="hours"),
            pytest.param({"hours": 47}, "47 hours ago", id="nearly two days"),
            pytest.param({"days": 400}, "400 days ago", id="days"),
        ],
    )
    def test_files(self, tmp_path, age, words):
        path = tmp_path / "list.txt"
        path.write_text("10.0.0.0/25\n10.0.0.128/25\n10.0.0.7")
        make_old(path, **age)
        app = make_app(TRUST_PROXY=f"10.0.1.0/24, file:{path}, unix")
        report = check(app)
        assert report["networks"] == ["10.0.0.0/23", "unix:"]
        [file] = report["files"]
        assert file == {"path": str(path), "count": 3, "age_seconds": file["age_seconds"]}
        assert 0 <= file["age_seconds"] - timedelta(**age).total_seconds() < 30
        assert (
            "Trusted   10.0.1.0/24, a unix-domain socket, what the files hold\n"
            f"File      {path} (entries: 3, changed {words})\n"
        ) in invoke(app, "check").output

    def test_without_a_file_there_is_none(self):
        assert check(make_app())["files"] == []
        assert "File " not in invoke(make_app(), "check").output

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            pytest.param(("192.0.2.1", IPv4Network("192.0.2.8/29")), None, id="a tuple"),
            pytest.param({"192.0.2.8/29", "192.0.2.1"}, None, id="a set"),
            pytest.param(IPv4Network("192.0.2.8/29"), "192.0.2.8/29", id="a network"),
            pytest.param(Office(), "the office", id="a callable"),
        ],
    )
    def test_any_value_is_json(self, value, shown):
        report = check(make_app(TRUST_PROXY=value))
        assert report["settings"]["TRUST_PROXY"] == {
            "value": shown or ["192.0.2.1", "192.0.2.8/29"],
            "origin": "from app.config",
        }

    def test_every_setting_is_there(self):
        assert list(check(make_app())["settings"]) == list(SETTINGS)

    def test_headers(self):
        app = make_app(TRUST_PROXY_HEADERS="X-Acme-Client=address, X-Forwarded-Proto:1")
        headers = check(app)["headers"]
        assert headers["believed"] == ["X-Acme-Client=address", "X-Forwarded-Proto"]
        assert {"X-Forwarded-For", "CF-Visitor"} < set(headers["removed"])
        assert "X-Acme-Client" not in headers["removed"]


class TestExplain:
    def test_a_request_decides_it(self, monkeypatch):
        """The command computes nothing itself: it tells what the walk returns."""

        def resolve(settings, peer, scheme, get):
            return Resolution(
                client_ip="192.0.2.99",
                client_ips=("192.0.2.99", "192.0.2.98"),
                nodes=("192.0.2.97", "192.0.2.98", "192.0.2.99"),
                trusted_hops=2,
                stopped="max_hops",
                missed=None,
                scheme="https",
                believed={"host": "made.example.com:8443", "port": "8443", "prefix": "/made"},
                ignored=(Ignored("X-Made", "up", "just so"),),
                settings=settings,
                cleaned={},
            )

        monkeypatch.setattr(environ, "resolve", resolve)
        app = make_app(TRUST_PROXY=lambda address, hop: pytest.fail("asked again"))
        assert explain("--peer", "127.0.0.1", app=app) == {
            "client_ip": "192.0.2.99",
            "client_ips": ["192.0.2.99", "192.0.2.98"],
            "through_edge": True,
            "missed": None,
            "scheme": "https",
            "host": "made.example.com:8443",
            "port": 8443,
            "prefix": "/made",
            "hops": [
                {
                    "hop": 0,
                    "address": "192.0.2.97",
                    "written_by": None,
                    "trusted": True,
                    "rule": "the callable",
                },
                {
                    "hop": 1,
                    "address": "192.0.2.98",
                    "written_by": "192.0.2.97",
                    "trusted": True,
                    "rule": "the callable",
                },
                {
                    "hop": 2,
                    "address": "192.0.2.99",
                    "written_by": "192.0.2.98",
                    "trusted": False,
                    "rule": None,
                },
            ],
            "stopped": "max_hops",
            "ignored": [{"header": "X-Made", "value": "up", "reason": "just so"}],
        }
        output = invoke(app, "explain", "--peer", "127.0.0.1").output
        assert output.startswith("client 192.0.2.99  ──▶  192.0.2.98 (trusted: the callable)\n")
        assert "  X-Made 'up': just so\n" in output

    @pytest.mark.parametrize(
        ("arguments", "stopped", "why"),
        [
            pytest.param(
                ["--trust", "false", "--peer", "192.0.2.1"],
                "untrusted",
                "The peer is not trusted, so no header is believed. If it is your proxy, set "
                "TRUST_PROXY = '192.0.2.1'.",
                id="nobody is trusted",
            ),
            pytest.param(
                ["--trust", "192.0.2.9 , 192.0.2.8", "--peer", "unix"],
                "untrusted",
                "The peer is not trusted, so no header is believed. If it is your proxy, set "
                "TRUST_PROXY = '192.0.2.9, 192.0.2.8, unix'.",
                id="a socket is not trusted",
            ),
            pytest.param(
                ["--peer", "127.0.0.1"],
                "end",
                "X-Forwarded-For has no entry: the walk ends at the peer.",
                id="no header came",
            ),
            pytest.param(
                ["--peer", "127.0.0.1", "--headers", "none"],
                "end",
                "No header that names the client is read: the walk ends at the peer.",
                id="no header is read",
            ),
            pytest.param(
                ["--peer", "127.0.0.1", "-H", "X-Forwarded-For: unix:, 127.0.0.2"],
                "end",
                "The list ends at hop 2, and every hop is trusted, so the client is the "
                "nearest hop towards the app that has an address.",
                id="a socket is the last hop",
            ),
            pytest.param(
                ["--trust", "192.0.2.1", "--peer", "192.0.2.1", "-H", "X-Forwarded-For: unix:"],
                "untrusted",
                "Hop 1 is not trusted, so the client is the nearest hop towards the app that "
                "has an address.",
                id="a socket is the first hop that is not trusted",
            ),
            pytest.param(
                ["--trust", "1", "--peer", "192.0.2.1", "-H", "X-Forwarded-For: 192.0.2.2"],
                "untrusted",
                "Hop 1 stands behind the hops that are counted (1), so it is the client.",
                id="a count is reached",
            ),
        ],
    )
    def test_why_it_stopped(self, arguments, stopped, why):
        assert explain(*arguments)["stopped"] == stopped
        output = invoke(make_app(), "explain", *arguments).output
        assert why in " ".join(output.split())

    def test_a_callable_needs_no_advice(self):
        app = make_app(TRUST_PROXY=lambda address, hop: False)
        output = invoke(app, "explain", "--peer", "192.0.2.1").output
        assert "\nThe peer is not trusted, so no header is believed.\n\n" in output

    def test_a_socket_has_a_name_in_json(self):
        answer = explain("--peer", "unix", "-H", "X-Forwarded-For: 203.0.113.9, unix:")
        assert [(hop["address"], hop["written_by"]) for hop in answer["hops"]] == [
            ("unix:", None),
            ("unix:", "unix:"),
            ("203.0.113.9", "unix:"),
        ]

    def test_where_nobody_has_an_address(self):
        answer = explain("--peer", "unix")
        assert (answer["client_ip"], answer["client_ips"]) == (None, [])
        output = invoke(make_app(), "explain", "--peer", "unix").output
        assert output.startswith("a unix-domain socket peer (trusted: loopback)  ──▶  app\n")
        assert "client_ip     None, since no hop has an address\n" in output

    @pytest.mark.parametrize("peer", ["fe80::1%eth0", "fe80::1", "FE80:0::1"])
    def test_the_peer_is_read_as_a_server_gives_it(self, peer):
        answer = explain("--peer", peer, "--trust", "linklocal")
        assert answer["hops"][0] == {
            "hop": 0,
            "address": "fe80::1",
            "written_by": None,
            "trusted": True,
            "rule": "linklocal",
        }

    def test_host_port_and_prefix(self):
        arguments = [
            *("--headers", "X-Forwarded-Host:2, X-Forwarded-Port, X-Forwarded-Prefix"),
            *("--trust", "2", "--peer", "127.0.0.1", "--scheme", "https"),
            *("-H", "X-Forwarded-Host: forged.example.com, www.example.com, a.example.com"),
            *("-H", "X-Forwarded-Port: 8443", "-H", "X-Forwarded-Prefix: /app/"),
        ]
        answer = explain(*arguments)
        told = [answer[name] for name in ("scheme", "host", "port", "prefix")]
        assert told == ["https", "www.example.com", 8443, "/app"]
        output = invoke(make_app(), "explain", *arguments).output
        assert (
            "scheme        https (the connection)\n"
            "host          www.example.com (X-Forwarded-Host)\n"
            "port          8443 (X-Forwarded-Port)\n"
            "prefix        /app (X-Forwarded-Prefix)\n"
        ) in output
        assert "X-Forwarded-Host 'forged.example.com'\n" in output

    @pytest.mark.parametrize(
        ("name", "value", "unread"),
        [
            pytest.param("X-Forwarded-For", "192.0.2.7", None, id="all was read"),
            pytest.param("X-Forwarded-For", "a, b ,192.0.2.7", "a, b", id="a list"),
            pytest.param("X-Forwarded-For", "a, b, junk", "a, b", id="left of text"),
            pytest.param("Forwarded", "for=192.0.2.7", None, id="all of Forwarded was read"),
            pytest.param(
                "Forwarded",
                'for="a, b;c", for="192.0.2.7"',
                'for="a, b;c"',
                id="left of an element",
            ),
            pytest.param("Forwarded", 'for=a", for=192.0.2.7', 'for=a"', id="an open quote"),
            pytest.param("X-Real-IP", "a, 192.0.2.7", None, id="one address, read as a whole"),
        ],
    )
    def test_what_was_never_read(self, name, value, unread):
        arguments = ["--peer", "127.0.0.1", "--headers", name, "-H", f"{name}: {value}"]
        output = invoke(make_app(), "explain", *arguments).output
        _, found, rest = output.partition("Never read (the client may have written it)\n")
        if unread is None:
            assert not found
        else:
            assert rest.startswith(f"  {name} {unread!r}\n")

    def test_long_values_are_cut(self):
        header = f"X-Forwarded-For: {'x' * 300}, 192.0.2.7"
        output = invoke(make_app(), "explain", "--peer", "127.0.0.1", "-H", header).output
        assert f"'{'x' * 200}'...\n" in output

    def test_uncleaned_headers_are_shown_as_they_stay(self):
        app = make_app(TRUST_PROXY_CLEAN_HEADERS=False)
        arguments = ["--peer", "127.0.0.1", "-H", "X-Forwarded-For: 198.51.100.66, 192.0.2.7"]
        output = invoke(app, "explain", *arguments).output
        assert "  HTTP_X_FORWARDED_FOR  '198.51.100.66, 192.0.2.7'\n" in output
        assert "removed" not in output

    @pytest.mark.parametrize(
        ("arguments", "client"),
        [
            pytest.param(["--peer", "192.0.2.1"], "203.0.113.9", id="the app's settings"),
            pytest.param(
                ["--peer", "192.0.2.1", "--trust", "192.0.2.2"], "192.0.2.1", id="trust another"
            ),
            pytest.param(
                ["--peer", "192.0.2.2", "--trust", "192.0.2.2"],
                "203.0.113.9",
                id="trust another, read the app's header",
            ),
            pytest.param(
                ["--peer", "192.0.2.1", "--headers", "X-Forwarded-For"],
                "203.0.113.7",
                id="trust the app's, read another header",
            ),
        ],
    )
    def test_options_take_the_place_of_the_settings_of_the_app(self, arguments, client):
        app = make_app(TRUST_PROXY="192.0.2.1", TRUST_PROXY_HEADERS="X-Real-IP")
        sent = ["-H", "X-Real-IP: 203.0.113.9", "-H", "X-Forwarded-For: 203.0.113.7"]
        assert explain(*arguments, *sent, app=app)["client_ip"] == client

    def test_without_an_app_the_environment_counts(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TRUST_PROXY", "a mistake that the option replaces")
        monkeypatch.setenv("TRUST_PROXY_HEADERS", "X-Real-IP")
        arguments = ["--peer", "192.0.2.1", "-H", "X-Real-IP: 203.0.113.9", "--json"]
        result = run("trust-proxy", "explain", "--trust", "192.0.2.1", *arguments)
        assert json.loads(result.output)["client_ip"] == "203.0.113.9"

    @pytest.mark.parametrize(
        ("options", "rule"),
        [
            pytest.param([], "file:list.txt", id="of the app, beside it"),
            pytest.param(["--trust", "unix, File: list.txt"], "file:list.txt", id="an option"),
        ],
    )
    def test_a_file_is_named_and_read_from_beside_the_app(
        self, tmp_path, monkeypatch, options, rule
    ):
        (tmp_path / "list.txt").write_text("192.0.2.0/24")
        app = Flask(__name__, root_path=str(tmp_path))
        app.config["TRUST_PROXY"] = "file:list.txt"
        TrustProxy(app)
        monkeypatch.chdir("/")
        [hop] = explain("--peer", "192.0.2.1", *options, app=app)["hops"]
        assert (hop["trusted"], hop["rule"]) == (True, rule)

    def test_without_an_app_a_file_is_read_from_here(self, tmp_path, monkeypatch):
        (tmp_path / "list.txt").write_text("192.0.2.0/24\nunix")
        monkeypatch.chdir(tmp_path)
        arguments = ["explain", "--peer", "192.0.2.1", "--trust", "file:list.txt"]
        assert sentence(run("trust-proxy", *arguments)) == (
            "Error: TRUST_PROXY='file:list.txt' (from --trust): expected an address or a "
            "network in 'list.txt', line 2, got 'unix'"
        )
        (tmp_path / "list.txt").write_text("192.0.2.0/24")
        answer = json.loads(run("trust-proxy", *arguments, "--json").output)
        assert answer["hops"][0]["rule"] == "file:list.txt"

    def test_a_path_that_stays_open_is_not_refused(self):
        refused = "\nThe request is answered 403, since TRUST_PROXY_REQUIRED is on.\n"
        for required, shown in ((True, True), ("/healthz", True), ("/", False), (False, False)):
            app = make_app(TRUST_PROXY_REQUIRED=required)
            output = invoke(app, "explain", "--peer", "192.0.2.1").output
            assert (refused in output) is shown


class TestPastedHeaders:
    @pytest.mark.parametrize(
        ("block", "expected"),
        [
            pytest.param(
                "> GET / HTTP/2\r\n> Host: a.example.com\r\n> X-Forwarded-For: 192.0.2.7\r\n"
                "> \r\n< HTTP/2 200 \r\n< X-Forwarded-For: 192.0.2.8\r\n",
                "192.0.2.7",
                id="what curl -v shows",
            ),
            pytest.param(
                "> GET / HTTP/1.1\n> X-Forwarded-For: 192.0.2.7\n>\n< Location: /login\n"
                "> GET /login HTTP/1.1\n> X-Forwarded-For: 192.0.2.8\n>\n",
                "192.0.2.8",
                id="the last of several requests",
            ),
            pytest.param(
                "GET / HTTP/1.1\nHost: a.example.com\nX-Forwarded-For:192.0.2.7 \n\n",
                "192.0.2.7",
                id="a plain request",
            ),
            pytest.param(
                "X-Forwarded-For: 192.0.2.8\nx-forwarded-for: 192.0.2.7",
                "192.0.2.7",
                id="two lines of one header, joined as servers do",
            ),
        ],
    )
    def test_are_read(self, block, expected):
        answer = explain("--peer", "127.0.0.1", "-H", "@-", input=block)
        assert answer["client_ip"] == expected

    def test_that_are_none_are_quoted(self):
        result = invoke(
            make_app(), "explain", "--peer", "unix", "-H", "@-", input="\x1b]0;x\x07"
        )
        assert sentence(result) == (
            r"Error: Invalid value for '-H': expected 'Name: value', got '\x1b]0;x\x07'"
        )

    def test_bytes_are_latin_1_wherever_they_come_from(self):
        """As PEP 3333 has it: b"\xc3\xa4" is two characters."""
        options = {"input": b"X-Real-IP: \xc3\xa4"}
        pasted = explain("--peer", "127.0.0.1", "-H", "@-", **options)
        typed = explain("--peer", "127.0.0.1", "-H", "X-Real-IP: ä")
        assert pasted["ignored"] == typed["ignored"]
        assert typed["ignored"][0]["value"] == "\xc3\xa4"


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


class TestDocumentation:
    @pytest.mark.parametrize("page", ["cli", "troubleshooting"])
    def test_shows_no_output_but_that_of_the_sessions(self, page):
        text = (ROOT / f"docs/{page}.rst").read_text("utf-8")
        shown = re.findall(r"^\.\. literalinclude:: (.*)$", text, re.M)
        assert len(shown) > 5
        assert {(ROOT / "docs" / path).resolve().parent for path in shown} == {SNAPSHOTS}
        assert ".. code-block:: console" not in text

    @pytest.mark.parametrize(
        ("title", "report"),
        [
            pytest.param("JSON of check", lambda: check(make_app()), id="check"),
            pytest.param("JSON of explain", lambda: explain("--peer", "unix"), id="explain"),
        ],
    )
    def test_has_each_key_of_the_json(self, title, report):
        assert documented(title) == list(report())

    def test_has_each_code_of_a_warning(self):
        source = Path(cautions.__file__).read_text("utf-8")
        codes = re.findall(r'Caution\(\s*"(\w+)"', source)
        assert sorted(documented("What is warned of")) == sorted(codes)


def documented(title):
    """The terms that a section of the page defines."""
    page = (ROOT / "docs/cli.rst").read_text("utf-8")
    _, _, rest = page.partition(f"\n{title}\n{'~' * len(title)}\n")
    section = re.split(r"\n.+\n[-~]+\n", rest)[0]
    return re.findall(r"^``(\w+)``$", section, re.M)
