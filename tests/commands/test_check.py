"""What ``check`` prints: the settings in force, and what is dangerous in them."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from ipaddress import IPv4Network

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_trustproxy import (
    TrustProxy,
    TrustProxyMiddleware,
)
from flask_trustproxy.settings import SETTINGS

from .running import check, invoke, make_app, make_old, run, sentence


class TestExitCodes:
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

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
            "name ('loopback', 'linklocal', 'uniquelocal', 'unix'). Did you mean "
            "'loopback'?"
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


class TestWithoutAnApp:
    """The environment is checked, as the plain middleware reads it."""

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)

    def settings(self):
        result = run("trust-proxy", "check", "--json")
        found = json.loads(result.stdout)
        assert (result.exit_code, found["app"], found["errors"]) == (0, None, [])
        return found

    def test_the_first_line_says_so(self, monkeypatch):
        monkeypatch.setenv("TRUST_PROXY", "10.0.0.2")
        result = run("trust-proxy", "check")
        first, *lines = result.stdout.splitlines()
        assert first.startswith("There is no app here. These are the settings in the environ")
        assert "  TRUST_PROXY='10.0.0.2' (from the environment)" in lines
        assert "  TRUST_PROXY_SECURE_COOKIES=False (the default)" in lines
        assert (lines[-1], result.exit_code) == ("No warnings.", 0)

    def test_each_setting_says_where_it_came_from(self, monkeypatch):
        monkeypatch.setenv("TRUST_PROXY_MAX_HOPS", "2")
        monkeypatch.setenv("TRUST_PROXY_EDGE_SECRET", "X-Verify: a-secret-of-20-chars")
        monkeypatch.setenv("TRUST_PROXY_SCHEME", "")  # not set
        found = self.settings()["settings"]
        assert found["TRUST_PROXY_MAX_HOPS"] == {"value": "2", "origin": "from the environment"}
        assert found["TRUST_PROXY_EDGE_SECRET"]["value"] == "<secret>"
        assert found["TRUST_PROXY_SCHEME"] == {"value": None, "origin": "the default"}

    def test_what_is_dangerous_is_warned_of(self, monkeypatch):
        monkeypatch.setenv("TRUST_PROXY", "true")
        assert [each["code"] for each in self.settings()["warnings"]] == ["strangers"]
        assert run("trust-proxy", "check", "--strict").exit_code == 1

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            pytest.param("TRUST_PROXY", "loopbck", id="a mistake"),
            pytest.param("TRUST_PROXY_SECURE_COOKIES", "session", id="there is no session"),
        ],
    )
    def test_1_with_a_mistake(self, monkeypatch, name, value):
        monkeypatch.setenv(name, value)
        result = run("trust-proxy", "check")
        assert result.exit_code == 1
        assert sentence(result).startswith(f"Error: {name}={value!r} (from the environment): ")

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            pytest.param("application = object()", 0, id="an application of another kind"),
            pytest.param("import flask_trust_nothing", 2, id="an app that cannot be imported"),
        ],
    )
    def test_a_module_of_the_usual_name(self, tmp_path, monkeypatch, source, expected):
        monkeypatch.delitem(sys.modules, "wsgi", raising=False)
        (tmp_path / "wsgi.py").write_text(source)
        assert run("trust-proxy", "check").exit_code == expected


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
            pytest.param({"TRUST_PROXY": "203.0.113.0/24"}, ["shared_range"], id="a CDN's"),
            pytest.param(
                {"TRUST_PROXY": "203.0.113.0/24, 10.0.0.0/8"},
                ["shared_range", "private_range"],
                id="a range of a CDN, and a private one",
            ),
            pytest.param(
                {"TRUST_PROXY": 2, "TRUST_PROXY_EDGE_SECRET": "X-Key: 0123456789abcdef"},
                [],
                id="a count with a secret",
            ),
            pytest.param({"TRUST_PROXY_COUNT": 2}, ["unknown_name"], id="an unknown name"),
            pytest.param(
                {"TRUST_PROXY_HEADERS": "Fastly-Client-IP", "TRUST_PROXY": "198.51.100.0/24"},
                ["cdn_header"],
                id="a header that a CDN may pass on",
            ),
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
        mend = "Create TrustProxy last, after everything that replaces app.wsgi_app"
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
            pytest.param(2, [], "the first 2 hops, whatever their addresses", id="a count"),
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
