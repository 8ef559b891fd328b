"""``flask trust-proxy fetch``: what it prints, how it exits, and what becomes of the file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import flask.cli
import pytest
from click.testing import CliRunner
from flask import Flask

from flask_trustproxy import TrustProxy
from flask_trustproxy.commands.providers import PROVIDERS
from vendors import RECORDED, content, not_found, serve, status

pytestmark = pytest.mark.fetches

OLD = b"# mine\n198.51.100.0/24\n203.0.113.128/25\n2001:db8:1::/48\n2001:db8:9::/56\n"


@pytest.fixture(autouse=True)
def _no_app(tmp_path, monkeypatch):
    """There is no app here, and no setting of one."""
    for name in list(os.environ):
        if (
            "TRUST_PROXY" in name
            or name.startswith("FLASK_")
            or name.lower().endswith("_proxy")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "false")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def vendors():
    with serve() as vendors:
        yield vendors


@pytest.fixture
def path(tmp_path):
    (tmp_path / "lists").mkdir()
    path = tmp_path / "lists" / "A list.txt"
    path.write_bytes(OLD)
    return path


def run(*arguments):
    result = CliRunner().invoke(flask.cli.cli, ["trust-proxy", "fetch", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result.exit_code, result.output


def sentence(outcome):
    """The exit code, and the one line that a failed command prints."""
    code, output = outcome
    assert re.fullmatch(r"Error: [^\n]+\n", output)
    assert output[:-1].isprintable()
    return code, output[len("Error: ") : -1]


@pytest.mark.parametrize("provider", RECORDED)
def test_the_networks_of_a_provider_are_printed(vendors, provider):
    expected = content(RECORDED[provider][1]).decode()
    assert run(provider, *vendors.urls(provider)) == (0, expected)
    assert vendors.asked == vendors.paths(provider)


@pytest.mark.parametrize("provider", RECORDED)
def test_the_networks_of_a_provider_become_a_file(tmp_path, vendors, provider):
    path = tmp_path / "list.txt"
    count = len(RECORDED[provider][1].split())
    outcome = run(provider, *vendors.urls(provider), "--output", path)
    assert outcome == (0, f"+{count} -0 networks, {count} in all\n")
    assert path.read_bytes() == content(RECORDED[provider][1])
    assert path.stat().st_mode & 0o777 == 0o644


def test_it_says_how_the_list_changed(vendors, path):
    outcome = run("cloudflare", *vendors.urls("cloudflare"), "--output", path)
    assert outcome == (0, "+1 -1 networks, 4 in all\n")
    assert path.read_bytes() == content(RECORDED["cloudflare"][1])


def test_a_list_that_is_the_same_makes_the_file_young(vendors, path):
    path.write_bytes(content(RECORDED["fastly"][1]))
    os.utime(path, (0, 0))
    outcome = run("fastly", *vendors.urls("fastly"), "--output", path)
    assert outcome == (0, "+0 -0 networks, 2 in all\n")
    assert time.time() - path.stat().st_mtime < 60


def test_one_url_may_take_the_place_of_two(vendors, path):
    vendors.answers["/"] = content(RECORDED["cloudflare"][1])
    assert run("cloudflare", "--url", f"{vendors.url}/", "--output", path)[0] == 0
    assert path.read_bytes() == content(RECORDED["cloudflare"][1])


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<!doctype html><title>502</title>\n", id="a page of HTML"),
        pytest.param(b"203.0.113.0/2", id="cut"),
    ],
)
def test_a_file_that_is_no_list_is_replaced(vendors, path, old):
    path.write_bytes(old)
    outcome = run("fastly", *vendors.urls("fastly"), "--output", path)
    assert outcome == (0, "+2 -0 networks, 2 in all\n")


def unchanged(path):
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]
    return True


HTML = b"<!doctype html>\n<title>Attention required</title>"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            HTML,
            "expected an address or a network in {url!r}, line 1, got '<!doctype html>'",
            id="HTML with status 200",
        ),
        pytest.param(
            b"", "expected at least one address or network in {url!r}", id="an empty list"
        ),
        pytest.param(
            b"11.0.0.0/8\n12.0.0.0/8\n198.51.100.0/24\n203.0.113.0/24\n2001:db8::/32\n",
            "expected the networks of one provider, got a large part of the internet "
            "(more than an IPv4 /8, or more than an IPv6 /16)",
            id="strangers",
        ),
        pytest.param(
            b"0.0.0.0/0",
            "expected nothing wider than /8, as 0.0.0.0/0 is, in {url!r}, line 1, "
            "got '0.0.0.0/0'",
            id="everybody",
        ),
        pytest.param(
            b"198.51.100.0/25\n2001:db8::/32\n",
            "expected more than half of the IPv4 addresses of the old list, got 33 % "
            "(--force replaces it anyway)",
            id="half of the old list is gone",
        ),
        pytest.param(
            b"192.0.2.1\n" * 1_000_001,
            "expected at most 1,000,000 lines in {url!r}",
            id="too many lines",
        ),
        pytest.param(
            b"#" * (64 << 20) + b"\n", "expected at most 64 MiB in {url!r}", id="too long"
        ),
    ],
)
def test_what_is_refused_leaves_the_old_file(vendors, path, answer, expected):
    vendors.answers["/"] = answer
    url = f"{vendors.url}/"
    outcome = run("cloudflare", "--url", url, "--output", path)
    assert sentence(outcome) == (
        1,
        f"The list of cloudflare is refused, and {path} is unchanged: "
        + expected.format(url=url),
    )
    assert unchanged(path)


def test_what_is_refused_is_not_printed(vendors):
    vendors.answers["/"] = HTML
    code, said = sentence(run("cloudflare", "--url", f"{vendors.url}/"))
    assert (code, said.partition(":")[0]) == (1, "The list of cloudflare is refused")


def test_half_of_an_answer_is_not_written(vendors, path):
    """The first list is good, and the second is not."""
    vendors.answers[vendors.paths("cloudflare")[1]] = HTML
    code, _ = sentence(run("cloudflare", *vendors.urls("cloudflare"), "--output", path))
    assert code == 1
    assert unchanged(path)


def test_force_takes_a_list_that_lost_half_of_the_old_one(vendors, path):
    vendors.answers["/"] = b"192.0.2.1\n"
    arguments = ("cloudflare", "--url", f"{vendors.url}/", "--output", path, "--force")
    assert run(*arguments) == (0, "+1 -4 networks, 1 in all\n")
    assert path.read_bytes() == b"192.0.2.1/32\n"


@pytest.mark.parametrize("answer", [HTML, b"", b"11.0.0.0/8\n12.0.0.0/8\n", b"0.0.0.0/0"])
def test_force_takes_nothing_else(vendors, path, answer):
    vendors.answers["/"] = answer
    arguments = ("cloudflare", "--url", f"{vendors.url}/", "--output", path, "--force")
    assert sentence(run(*arguments))[0] == 1
    assert unchanged(path)


def silent(handler):
    time.sleep(3)


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "99")
    handler.end_headers()
    handler.wfile.write(b"198.51.100.0/24\n203.0.113.128/25\n2001:db8:1::/48\n")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(not_found, "expected HTTP status 200, got 404", id="404"),
        pytest.param(cut, "the connection was cut", id="cut"),
        pytest.param(silent, "no whole answer came in time", id="silent"),
        pytest.param(
            status(302, Location="http://www.example.com/"),
            "it redirects to a URL that is not https",
            id="a redirect to http",
        ),
    ],
)
def test_where_nothing_is_got_the_old_file_stays(vendors, path, answer, why):
    vendors.answers["/"] = answer
    url = f"{vendors.url}/"
    # Only the one that is silent has to be waited for; a busy machine answers slowly.
    timeout = "0.7" if answer is silent else "30"
    outcome = run("cloudflare", "--url", url, "--output", path, "--timeout", timeout)
    assert sentence(outcome) == (
        2,
        f"The list of cloudflare gave nothing, and {path} is unchanged: {why}, from {url}",
    )
    assert unchanged(path)


def test_the_time_is_for_all_lists_together(vendors, path):
    def slow(handler):
        time.sleep(0.6)
        status(200)(handler)

    for list_path in vendors.paths("cloudflare"):
        vendors.answers[list_path] = slow
    # Each answer comes in time, but not both of them.
    arguments = (*vendors.urls("cloudflare"), "--output", path, "--timeout", "0.9")
    code, said = sentence(run("cloudflare", *arguments))
    assert (code, "no whole answer came in time" in said) == (2, True)


def test_a_folder_in_place_of_the_file_is_refused_before_anyone_is_asked(vendors, tmp_path):
    code, said = sentence(run("fastly", *vendors.urls("fastly"), "--output", tmp_path))
    assert (code, vendors.asked) == (1, [])
    assert said.endswith(f"expected a regular file at {str(tmp_path)!r}, found something else")


def test_a_file_that_may_not_be_read_is_not_replaced(vendors, path, monkeypatch):
    """Nothing could be compared."""
    really_open = os.open

    def open_others(name, *arguments, **options):
        if name == str(path):
            raise PermissionError(13, "Permission denied")
        return really_open(name, *arguments, **options)

    monkeypatch.setattr(os, "open", open_others)
    outcome = run("fastly", *vendors.urls("fastly"), "--output", path, "--force")
    monkeypatch.undo()
    code, said = sentence(outcome)
    assert (code, vendors.asked) == (1, [])
    assert said.endswith(
        f"expected a file that can be read at {str(path)!r}: Permission denied"
    )
    assert unchanged(path)


def test_a_folder_that_is_missing_is_one_sentence(vendors, tmp_path):
    path = tmp_path / "missing" / "list.txt"
    code, said = sentence(run("fastly", *vendors.urls("fastly"), "--output", path))
    assert code == 1
    assert said.endswith(f"written at {str(path)!r}: No such file or directory")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["other"], "'other' is not one of", id="a provider that is unknown"),
        pytest.param(
            ["fastly", "--url", "http://www.example.com/"],
            "expected https://, or http:// to 127.0.0.1 or [::1], got 'http://www.example.com/'",
            id="http to another machine",
        ),
        pytest.param(["fastly", "--check"], "--check needs --output.", id="nothing to check"),
        pytest.param(
            ["fastly", "--max-age", "2d", "--output", "list"],
            "--max-age needs --check.",
            id="an age without a check",
        ),
        pytest.param(
            ["fastly", "--check", "--output", "list", "--max-age", "2 days"],
            "expected a number and s, m, h or d, such as 36h",
            id="an age in words",
        ),
        pytest.param(["fastly", "--timeout", "0"], "0.0 is not in the range", id="no time"),
    ],
)
def test_a_mistake_on_the_command_line_is_said(tmp_path, arguments, said):
    code, output = run(*arguments)
    assert code == 2
    assert said in output.splitlines()[-1]
    assert list((tmp_path / "here").iterdir()) == []


def test_the_help_names_each_provider():
    code, output = run("--help")
    named = re.findall(r"\w+", output.partition("PROVIDER is ")[2].partition(".")[0])
    assert (code, [name for name in named if name != "or"]) == (0, sorted(PROVIDERS))


class TestCheck:
    """``--check`` is for monitoring, and writes nothing."""

    def check(self, vendors, path, *arguments):
        before = path.read_bytes() if path.exists() else None
        signature = os.stat(path) if path.exists() else None
        outcome = run(
            "fastly", *vendors.urls("fastly"), "--output", path, "--check", *arguments
        )
        assert (path.read_bytes() if path.exists() else None) == before
        if signature is not None:
            assert os.stat(path).st_mtime_ns == signature.st_mtime_ns
            assert os.stat(path).st_ino == signature.st_ino
        return outcome

    def test_a_file_with_the_same_networks_is_right(self, vendors, path):
        path.write_bytes(b"# in another order\n2001:db8:3::/48\n203.0.113.0/24\n")
        assert self.check(vendors, path) == (0, "+0 -0 networks, 2 in all\n")

    def test_a_file_that_differs_is_told(self, vendors, path):
        assert sentence(self.check(vendors, path)) == (
            1,
            f"{path} differs from the published list: +2 -4 networks, 2 in all.",
        )

    def test_a_file_that_is_no_list_differs(self, vendors, path):
        path.write_bytes(HTML)
        assert sentence(self.check(vendors, path)) == (
            1,
            f"{path} differs from the published list: +2 -0 networks, 2 in all.",
        )

    def test_a_file_that_is_missing_is_told(self, vendors, path):
        path.unlink()
        assert sentence(self.check(vendors, path)) == (1, f"There is no file {path}.")

    def test_a_list_that_is_refused_is_told(self, vendors, path):
        vendors.answers[vendors.paths("fastly")[0]] = HTML
        code, said = sentence(self.check(vendors, path))
        assert code == 1
        assert said.startswith("The list of fastly is refused, and")

    def test_a_list_that_cannot_be_got_is_told(self, vendors, path):
        vendors.answers[vendors.paths("fastly")[0]] = not_found
        assert sentence(self.check(vendors, path))[0] == 2

    @pytest.mark.parametrize(
        ("limit", "age"), [("59s", 60), ("9m", 600), ("1h", 3700), ("2d", 180_000)]
    )
    def test_a_file_that_is_too_old_is_told_without_the_network(
        self, vendors, path, limit, age
    ):
        os.utime(path, (time.time() - age, time.time() - age))
        code, said = sentence(self.check(vendors, path, "--max-age", limit))
        assert (code, vendors.asked) == (1, [])
        assert re.fullmatch(
            rf"{re.escape(str(path))} is {age // 10}\d seconds old, "
            r"and at most \d+ were expected\.",
            said,
        )

    def test_a_file_that_is_young_enough_is_compared(self, vendors, path):
        path.write_bytes(content(RECORDED["fastly"][1]))
        os.utime(path, (time.time() - 3000, time.time() - 3000))
        assert self.check(vendors, path, "--max-age", "1h")[0] == 0
        assert vendors.asked == vendors.paths("fastly")


def test_two_commands_at_once_write_one_whole_list(tmp_path, vendors):
    path = tmp_path / "list.txt"
    command = [sys.executable, "-m", "flask", "trust-proxy", "fetch"]
    started = [
        subprocess.Popen(
            [*command, provider, *vendors.urls(provider), "--output", str(path), "--force"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for provider in ("cloudflare", "fastly")
    ]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert ([process.returncode for process in started], said[0][-7:]) == ([0, 0], b"in all\n")
    assert path.read_bytes() in [
        content(RECORDED[name][1]) for name in ("cloudflare", "fastly")
    ]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["here", "list.txt"]


def test_an_app_that_names_the_file_sees_the_new_list_within_three_seconds(vendors, path):
    app = Flask(__name__)
    app.config.update(TRUST_PROXY=f"file:{path}", TRUST_PROXY_MAX_HOPS=1)
    TrustProxy(app)
    app.add_url_rule("/", view_func=lambda: flask.request.remote_addr)

    def seen(peer):
        return (
            app.test_client()
            .get(
                "/",
                environ_base={"REMOTE_ADDR": peer},
                headers={"X-Forwarded-For": "192.0.2.66"},
            )
            .text
        )

    assert (seen("198.51.100.7"), seen("203.0.113.7")) == ("192.0.2.66", "203.0.113.7")
    vendors.answers["/"] = b"198.51.100.0/24\n203.0.113.0/24\n2001:db8::/32\n"
    assert run("cloudflare", "--url", f"{vendors.url}/", "--output", path) == (
        0,
        "+2 -3 networks, 3 in all\n",
    )
    end = time.monotonic() + 3
    while seen("203.0.113.7") != "192.0.2.66":
        assert time.monotonic() < end
        time.sleep(0.1)
    assert seen("192.0.2.7") == "192.0.2.7"
