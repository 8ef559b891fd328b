"""The commands as the documentation shows them, and as flask finds them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest

from flask_trustproxy.commands.app import trust_proxy

from .running import EXAMPLES, ROOT, SNAPSHOTS, check, explain, make_app, make_old, run


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


HELPS = ["", "check", "explain", "probe", "fetch"]


@pytest.mark.parametrize("command", HELPS)
class TestHelp:
    def lines(self, command):
        result = run("trust-proxy", *command.split(), "--help")
        assert result.exit_code == 0
        return result.output.splitlines()

    def test_each_option_and_command_has_one_line(self, command):
        lines = self.lines(command)
        assert max(map(len, lines)) <= 80
        listed = [line for line in lines if re.match(r"  (-|[a-z]+  )", line)]
        assert len(listed) >= 3
        assert [line for line in listed if line.endswith("...")] == []
        # A line that goes on with the text of another one begins in the second column.
        assert [line for line in lines if line.startswith(" " * 10)] == []

    def test_an_example_is_at_the_end_and_can_be_run(self, command):
        _, _, example = "\n".join(self.lines(command)).partition("\n  Example:\n")
        words = shlex.split(example.replace("\\\n", " "))
        assert words[0] == "flask"
        name, *arguments = words[words.index("trust-proxy") + 1 :]
        assert name == (command or "check")
        trust_proxy.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("arguments", [["explain"], ["probe"], ["fetch"], ["check", "--strct"]])
def test_a_wrong_call_names_the_help(arguments):
    result = run("trust-proxy", *arguments)
    assert f"trust-proxy {arguments[0]} --help' for help." in result.output
    assert result.exit_code == 2


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


def documented(title):
    """The terms that a section of the page defines."""
    page = (ROOT / "docs/cli.rst").read_text("utf-8")
    _, _, rest = page.partition(f"\n{title}\n{'~' * len(title)}\n")
    section = re.split(r"\n.+\n[-~]+\n", rest)[0]
    return re.findall(r"^``(\w+)``$", section, re.M)
