"""The plugin in a project of its own, with pytest-flask and without."""

from __future__ import annotations

import sys

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
from flask import Flask
from flask_trustproxy import TrustProxy, request

@pytest.fixture(scope="session")
def app():
    app = Flask("fresh")
    app.secret_key = "a key for tests"
    app.config.update(TESTING=True, TRUST_PROXY="192.0.2.10")
    TrustProxy(app)

    @app.get("/")
    def index():
        return {"ip": request.client_ip, "url": request.url}

    @app.get("/old")
    def old():
        return "", 302, {"Location": "/"}

    return app
"""

TESTS = """
import pytest
from flask_trustproxy import SettingError
from flask_trustproxy.testing import ProxiedClient, assert_unforgeable

def test_clients(proxied_client):
    client = proxied_client()
    assert isinstance(client, ProxiedClient)
    answer = {"ip": "203.0.113.9", "url": "https://localhost/"}
    assert client.get("/").json == answer
    assert client.get("/old", follow_redirects=True).json == answer
    with proxied_client("2001:db8::9", host="www.example.com", forged="192.0.2.7") as client:
        answer = {"ip": "2001:db8::9", "url": "https://www.example.com/"}
        assert client.get("/").json == answer

def test_nothing_can_be_forged(app):
    assert_unforgeable(app)

@pytest.mark.parametrize("trust", ["192.0.2.11", "loopback", 1])
def test_settings_are_changed(app, trust_proxy, proxied_client, trust):
    trust_proxy(trust, headers="Forwarded", max_hops=1)
    assert app.config["TRUST_PROXY"] == trust
    client = proxied_client()
    assert client.get("/").json["ip"] == "203.0.113.9"
    assert "HTTP_X_FORWARDED_FOR" not in client.last_environ
    trust_proxy(headers=None)
    assert proxied_client().get("/").json["ip"] == "203.0.113.9"
    assert app.config["TRUST_PROXY"] == trust
    trust_proxy(trust="10.0.0.0/8")
    assert app.config["TRUST_PROXY"] == "10.0.0.0/8"
    with pytest.raises(TypeError):
        trust_proxy("10.0.0.0/8", "Forwarded")

def test_a_mistake_is_told_at_once(trust_proxy):
    with pytest.raises(SettingError, match="Did you mean 'loopback'"):
        trust_proxy("loopbck")

def test_no_setting_is_of_that_name(trust_proxy):
    with pytest.raises(KeyError, match="trusted"):
        trust_proxy(trusted="loopback")

def test_settings_are_restored(app):
    assert app.config["TRUST_PROXY"] == "192.0.2.10"
    assert "TRUST_PROXY_HEADERS" not in app.config
    assert "TRUST_PROXY_MAX_HOPS" not in app.config
    assert app.extensions["trustproxy"].settings.policy.max_hops == 16
"""

#: pytest-flask's entry point is named so.
WITHOUT_PYTEST_FLASK = ("-p", "no:flask")


@pytest.fixture(autouse=True)
def _fresh_project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TRUST_PROXY", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest(CONFTEST)


def test_in_a_fresh_project(pytester: pytest.Pytester):
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess(*WITHOUT_PYTEST_FLASK, "-W", "error")
    result.assert_outcomes(passed=8)


def test_beside_pytest_flask(pytester: pytest.Pytester):
    pytester.makepyfile(
        TESTS
        + """
def test_pytest_flask_is_there(client, client_class, config, proxied_client):
    assert config["TRUST_PROXY"] == "192.0.2.10"
    assert client.get("/").json["ip"] == "127.0.0.1"
    assert proxied_client().get("/") == 200

@pytest.mark.options(trust_proxy=False)
def test_its_marker_counts(proxied_client):
    assert proxied_client().get("/").json["ip"] == "203.0.113.9"
    """
    )
    result = pytester.runpytest_inprocess("-W", "error")
    result.assert_outcomes(passed=10)


@pytest.mark.slow
@pytest.mark.parametrize("others", [(), WITHOUT_PYTEST_FLASK], ids=["pytest-flask", "alone"])
def test_beside_pytest_xdist(pytester: pytest.Pytester, others: tuple[str, ...]):
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-n", "2", *others, "-W", "error", timeout=60)
    result.assert_outcomes(passed=8)


def test_it_can_be_switched_off(pytester: pytest.Pytester):
    pytester.makepyfile("def test_clients(proxied_client): ...")
    result = pytester.runpytest_inprocess("-p", "no:flask_trustproxy")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*fixture 'proxied_client' not found*")


def test_a_project_without_an_app_is_left_alone(pytester: pytest.Pytester):
    pytester.makeconftest("")
    pytester.makepyfile(
        """
        import logging, sys

        def test_mine(request):
            assert not {"app", "proxied_client", "trust_proxy"} & set(request.fixturenames)

        def test_clients(proxied_client): ...
        """
    )
    result = pytester.runpytest_inprocess(*WITHOUT_PYTEST_FLASK, "-W", "error")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines("*fixture 'app' not found*")


def test_fixtures_explain_themselves(pytester: pytest.Pytester):
    result = pytester.runpytest_inprocess("--fixtures", *WITHOUT_PYTEST_FLASK)
    result.stdout.fnmatch_lines(
        [
            "proxied_client -- *flask_trustproxy/pytest_plugin.py:*",
            "*Make test clients of the app, behind proxies.",
            "trust_proxy -- *flask_trustproxy/pytest_plugin.py:*",
            "*Change settings of the app for one test.",
        ]
    )


def test_loading_it_loads_the_package_and_no_more(pytester: pytest.Pytester):
    """What the plugin brings beside the package itself: nothing but pytest."""
    script = """
        import sys
        import flask_trustproxy, pytest
        before = set(sys.modules)
        import flask_trustproxy.pytest_plugin
        print(sorted(set(sys.modules) - before))
        """
    result = pytester.run(sys.executable, pytester.makepyfile(script))
    assert result.outlines == ["['flask_trustproxy.pytest_plugin']"]


def test_it_has_no_hooks_and_nothing_is_used_by_itself():
    import flask_trustproxy.pytest_plugin as plugin

    assert [name for name in vars(plugin) if name.startswith("pytest_")] == []
    with open(plugin.__file__, encoding="utf-8") as source:
        assert "autouse" not in source.read()
