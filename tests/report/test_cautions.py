"""The warnings about settings: names that are none, ranges that are shared, and the rest."""

from __future__ import annotations

import json
import logging
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup

from flask_trustproxy import TrustProxy, TrustProxyMiddleware
from flask_trustproxy.report.cautions import condition_warnings, setting_warnings, unknown_names
from helpers import settings_of

README = (Path(__file__).parents[2] / "README.rst").read_text("utf-8")


def unknown(name, where, hint=""):
    return (
        f"{name} {where} is no setting, so nothing reads it. {hint}If the app reads {name} "
        "itself, all is well"
    )


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.INFO, "flask_trustproxy")
    return lambda: [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("TRUST_PROXIES", "TRUST_PROXY", id="the plural"),
        pytest.param("TRUST_PROXY_HEADER", "TRUST_PROXY_HEADERS", id="the singular"),
        pytest.param("TRUST_PROXY_MAX_HOP", "TRUST_PROXY_MAX_HOPS", id="one letter less"),
        pytest.param("TRUST_PROXY_MAXHOPS", "TRUST_PROXY_MAX_HOPS", id="one underscore less"),
        pytest.param("TRUST_PROXY_SECURE_COOKIE", "TRUST_PROXY_SECURE_COOKIES", id="a cookie"),
        pytest.param("TRUST_PROXY_TIMEOUT", "", id="near none"),
        pytest.param("TRUST_PROX", "TRUST_PROXY", id="too short"),
    ],
)
@pytest.mark.parametrize("where", ["in the environment", "in app.config"])
def test_a_name_that_is_no_setting(warnings, monkeypatch, name, hint, where):
    app = Flask(__name__)
    if where == "in app.config":
        app.config[name] = "7f3c9a1e5b2d4860"
    else:
        monkeypatch.setenv(name, "7f3c9a1e5b2d4860")
    TrustProxy(app)
    assert warnings() == [unknown(name, where, f"Did you mean {hint}? " if hint else "")]
    result = CliRunner().invoke(
        FlaskGroup(create_app=lambda: app), ["trust-proxy", "check", "--json"]
    )
    codes = [warning["code"] for warning in json.loads(result.stdout)["warnings"]]
    assert codes == ["unknown_name"]
    assert "7f3c9a1e" not in result.stdout + str(warnings())


@pytest.mark.parametrize(
    ("environment", "config"),
    [
        pytest.param(
            {"TRUST_PROXY": "loopback"}, {"TRUST_PROXY_HEADERS": "none"}, id="settings"
        ),
        pytest.param({"TRUST_PROXIES": ""}, {"TRUST_PROXIES": None}, id="they are not set"),
        pytest.param({"MY_TRUST_PROXIES": "x"}, {"TRUSTED_HOSTS": ["x"]}, id="other names"),
        pytest.param({"trust_proxies": "x"}, {}, id="in lower case, which no setting has"),
    ],
)
def test_a_name_that_is_not_warned_of(environment, config):
    assert list(unknown_names(environment, config)) == []


def test_a_name_is_one_printable_line():
    (warning,) = unknown_names({"TRUST_PROXY_\x1b[31m\n": "x"})
    assert str(warning).isprintable()


def test_a_plain_application_is_warned_of_the_environment_that_it_reads(warnings, monkeypatch):
    monkeypatch.setenv("TRUST_PROXY_HEADER", "X-Real-IP")
    TrustProxyMiddleware.from_environ(lambda environ, start_response: [])
    hint = "Did you mean TRUST_PROXY_HEADERS? "
    assert warnings() == [unknown("TRUST_PROXY_HEADER", "in the environment", hint)]
    TrustProxyMiddleware(lambda environ, start_response: [])
    assert len(warnings()) == 1


def test_the_log_says_at_the_start_which_variable_does_not_count(warnings, monkeypatch):
    monkeypatch.setenv("TRUST_PROXY", "10.0.0.2")
    monkeypatch.setenv("FLASK_TRUST_PROXY_MAX_HOPS", "2")
    app = Flask(__name__)
    app.config["TRUST_PROXY"] = "10.0.0.3"
    TrustProxy(app)
    assert warnings() == [
        "TRUST_PROXY is '10.0.0.2' in the environment, but '10.0.0.3' in app.config, which "
        "wins. Set it in one of the two",
        "FLASK_TRUST_PROXY_MAX_HOPS is set in the environment, but its value is not in "
        "app.config. Call app.config.from_prefixed_env() before TrustProxy(app), or name the "
        "variable TRUST_PROXY_MAX_HOPS",
    ]


def codes(**given):
    settings = settings_of(**given)
    found = [*setting_warnings(settings, True), *condition_warnings(settings)]
    return [warning.code for warning in found]


@pytest.mark.parametrize(
    ("lines", "is_shared"),
    [
        pytest.param("198.51.100.0/24", True, id="a public network"),
        pytest.param("198.51.100.7", True, id="a public address: somebody else keeps the list"),
        pytest.param("10.0.0.2\nfd00::1", False, id="private addresses"),
    ],
)
def test_a_file_is_a_shared_range(tmp_path, lines, is_shared):
    path = tmp_path / "list.txt"
    path.write_text(lines)
    assert ("shared_range" in codes(trust=f"file:{path}")) is is_shared
    assert "shared_range" not in codes(trust=f"file:{path}", max_hops=1)


KEY = "X-Edge-Key: 7f3c9a1e5b2d4860"


@pytest.mark.parametrize(
    ("given", "is_nearest_only"),
    [
        pytest.param(
            {"trust": "10.0.0.2, 198.51.100.0/24", "max_hops": 2}, True, id="two hops"
        ),
        pytest.param({"trust": "10.0.0.2, 10.0.0.3", "max_hops": 9}, True, id="two addresses"),
        pytest.param({"trust": "loopback, 10.0.0.2"}, True, id="one here, and one elsewhere"),
        pytest.param({"trust": "unix, 2001:db8::1"}, True, id="a socket, and one elsewhere"),
        pytest.param({"trust": lambda address, hop: True}, True, id="a callable"),
        pytest.param({"trust": "10.0.0.2, 10.0.0.3", "max_hops": 1}, False, id="one hop"),
        pytest.param({"trust": "10.0.0.2"}, False, id="one address"),
        pytest.param({"trust": "10.0.0.2, 10.0.0.2/32"}, False, id="one address, named twice"),
        pytest.param({"trust": "loopback"}, False, id="this machine"),
        pytest.param({"trust": "loopback, unix, 127.0.0.2"}, False, id="all on this machine"),
        pytest.param(
            {"trust": "10.0.0.2, 10.0.0.3", "headers": "X-Real-IP"}, False, id="only the peer"
        ),
        pytest.param(
            {"trust": "10.0.0.2, 10.0.0.3", "edge": "10.0.0.3"}, False, id="an edge is named"
        ),
        pytest.param(
            {"trust": "10.0.0.2, 10.0.0.3", "edge_secret": KEY}, False, id="a secret is set"
        ),
        pytest.param({"trust": 2, "edge_secret": KEY}, False, id="a count and a secret"),
    ],
)
def test_only_the_nearest_proxy_is_required(given, is_nearest_only):
    assert ("required_nearest" in codes(**given, required=True)) is is_nearest_only
    assert "required_nearest" not in codes(**given)


def test_a_secret_makes_a_count_harmless():
    assert codes(trust=1) == ["count"]
    assert codes(trust=1, edge_secret=KEY) == []


ROWS = re.findall(r"\| ``(?:export|heroku config:set) (.+)``$", README, re.M)


def test_the_readme_has_rows():
    assert len(ROWS) > 7


@pytest.mark.parametrize("row", ROWS)
def test_check_is_content_with_each_row_of_the_readme(row, tmp_path, monkeypatch):
    (tmp_path / "cloudflare.txt").write_text("198.51.100.0/24\n2001:db8::/32\n")
    for word in shlex.split(row):
        name, _, value = word.partition("=")
        monkeypatch.setenv(name, value.replace("/etc/", f"{tmp_path}/"))
    app = Flask(__name__)
    TrustProxy(app)
    result = CliRunner().invoke(
        FlaskGroup(create_app=lambda: app), ["trust-proxy", "check", "--strict"]
    )
    assert (result.exit_code, "No warnings." in result.output) == (0, True)
