"""Cases from the field: set-ups that people reported, and requests of them.

Each row of ``cases/field.json`` has inputs (settings, peer, headers, ...) and
outcomes (what the app saw, what the log said, ...). A row starts with a fresh app.
"""

from __future__ import annotations

import json
import logging
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

import flask
import pytest
from click.testing import CliRunner
from flask.cli import FlaskGroup
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from flask_trustproxy import TrustProxy, TrustProxyMiddleware, get_resolution, request
from flask_trustproxy.core.environ import ORIGINAL
from flask_trustproxy.core.headers import NAMES, environ_key
from flask_trustproxy.settings import SETTINGS, SettingError

#: Those that need a setting of Flask are for the Flasks that have it.
ROWS = [
    row
    for row in json.loads((Path(__file__).parent / "cases/field.json").read_text("utf-8"))[
        "vectors"
    ]
    if row.get("needs", "TESTING") in flask.Flask.default_config
]
INPUTS = set(
    "settings env peer headers environ base_url path wrap around init bare outer "
    "start_response before needs id about source".split()
)
SETTING_OF = {setting.argument: name for name, setting in SETTINGS.items()}
OUTCOMES = set(
    "expect raises raises_not warns logs check attributes logs_request logs_request_not "
    "logs_debug quiet".split()
)


def layer(given, app):
    """A middleware as a row describes it."""
    if "proxy_fix" in given:
        return ProxyFix(app, **given["proxy_fix"])

    def call(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        environ["PATH_INFO"] = given.get("paths", {}).get(path, path)
        return getattr(self, given.get("link", "app"))(environ, start_response)

    made = type(given.get("name", "Layer"), (), {"__call__": call})()
    setattr(made, given.get("link", "app"), app)
    for name, value in given.get("attributes", {}).items():
        setattr(made, name, value)
    return made


def make_app(row):
    app = flask.Flask("shop")
    app.config.update(row.get("settings", {}))

    def seen(path=""):
        app.config["SEEN"] = {
            "client_ip": getattr(request, "client_ip", None),
            "client_ips": getattr(request, "client_ips", None),
            "scheme": request.scheme,
            "host": request.host,
            "url": request.url,
            "script_root": request.script_root,
            "script_name": request.environ["SCRIPT_NAME"],
            "server_port": request.environ["SERVER_PORT"],
            "remote_addr": request.environ["REMOTE_ADDR"],
            "external": flask.url_for("seen", path=path, _external=True),
            "through_edge": getattr(get_resolution(), "through_edge", None),
            "environ": dict(request.environ),
        }
        return "seen"

    app.add_url_rule("/", "seen", seen)
    app.add_url_rule("/<path:path>", "seen", seen)
    for given in row.get("wrap", ()):
        app.wsgi_app = layer(given, app.wsgi_app)
    if not row.get("bare"):
        TrustProxy(app, **row.get("init", {}))
    for given in row.get("around", ()):
        app.wsgi_app = layer(given, app.wsgi_app)
    if row.get("outer") == "environment":
        return app, TrustProxyMiddleware.from_environ(app)
    if "outer" in row:
        return app, TrustProxyMiddleware(app, **row["outer"])
    return app, app


def send(row, asked, around):
    """Send one request, and return its status."""
    environ = {
        key: value["$bytes"].encode() if isinstance(value, dict) else value
        for key, value in asked.get("environ", {}).items()
    }
    if asked.get("peer") is not None:
        environ["REMOTE_ADDR"] = asked["peer"]

    def served(environ, start_response):
        if "REMOTE_ADDR" in asked.get("environ", {}) or asked.get("peer") is not None:
            pass
        else:
            environ.pop("REMOTE_ADDR", None)
        if row.get("start_response") == "two arguments":
            return around(environ, lambda status, headers: start_response(status, headers))
        return around(environ, start_response)

    response = Client(served).get(
        asked.get("path", "/"),
        base_url=asked.get("base_url", "http://localhost"),
        headers=[tuple(line) for line in asked.get("headers", ())],
        environ_overrides=environ,
    )
    return response.status_code


def one_message(messages, texts):
    texts = [texts] if isinstance(texts, str) else texts
    return any(all(text.lower() in message.lower() for text in texts) for message in messages)


def key_of(name):
    return name if name.isupper() else environ_key(name)


def check_request(row, expect, status, found):
    assert status == expect.get("status", 200)
    if status != 200:
        return
    environ = found["environ"]
    for name in set(expect) - {"status", "seen", "original", "absent"}:
        assert found[name] == expect[name], name
    for name, value in expect.get("seen", {}).items():
        assert environ[key_of(name)] == value
    for name, value in expect.get("original", {}).items():
        assert environ[ORIGINAL][key_of(name)] == value
    assert [name for name in expect.get("absent", ()) if key_of(name) in environ] == []
    # What holds for every row.
    for address in filter(None, [found["client_ip"], *(found["client_ips"] or ())]):
        assert str(ip_address(address)) == address
    origin = f"{found['scheme']}://{found['host']}"
    assert found["url"].startswith(f"{origin}/")
    root = found["script_name"].encode("latin-1").decode()
    path = unquote(urlsplit(found["external"]).path)
    assert found["external"].startswith(f"{origin}/")
    assert path.startswith(f"{root}/")
    assert path == unquote(urlsplit(found["url"]).path)
    clean, headers = in_force(row)
    if clean:
        named = {
            item.partition("=")[0].partition(":")[0].strip() for item in headers.split(",")
        }
        keys = {environ_key(name) for name in named}
        assert {key for key in NAMES if key in environ} <= keys
    secrets = secrets_of(row)
    sent = {}
    for name, value in row.get("headers", ()):
        key = environ_key(name)
        sent[key] = f"{sent[key]},{value}" if key in sent else value
    for key, value in sent.items():
        if environ.get(key) != value and key not in map(environ_key, secrets):
            assert environ[ORIGINAL][key] == value
    assert [secret for secret in sum(secrets.values(), []) if secret in repr(environ)] == []


def secrets_of(row):
    """The values of the edge's secret that a row sets, by the name of the header."""
    lines = row.get("settings", {}).get("TRUST_PROXY_EDGE_SECRET", [])
    secrets = {}
    for line in lines.split(",") if isinstance(lines, str) else lines:
        name, _, value = line.partition(":")
        if value:
            secrets.setdefault(name.strip(), []).append(value.strip())
    return secrets


def in_force(row):
    """Whether headers are cleaned, and which are named: the outermost TrustProxy decides."""
    outer = row.get("outer")
    if outer is None:
        given = {**row.get("env", {}), **row.get("settings", {})}
    elif outer == "environment":
        given = row.get("env", {})
    else:
        given = {SETTING_OF[argument]: value for argument, value in outer.items()}
    return (
        given.get("TRUST_PROXY_CLEAN_HEADERS", True),
        given.get("TRUST_PROXY_HEADERS", "X-Forwarded-For, X-Forwarded-Proto"),
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['id']}: {row['about']}")
def test_a_case_from_the_field(row, caplog, monkeypatch):
    assert set(row) <= INPUTS | OUTCOMES
    caplog.set_level(logging.DEBUG, "flask_trustproxy")
    for name, value in row.get("env", {}).items():
        monkeypatch.setenv(name, value)
    if "raises" in row:
        with pytest.raises((SettingError, ValueError)) as caught:
            make_app(row)
        message = str(caught.value)
        assert one_message([message], row["raises"])
        for text in (*row.get("raises_not", ()), *sum(secrets_of(row).values(), [])):
            assert text.lower() not in message.lower()
        return
    app, around = make_app(row)
    for name in row.get("env", {}):
        monkeypatch.delenv(name)
    check_start(row, app, caplog.records)
    if "expect" not in row:
        return
    for asked in row.get("before", ()):
        send(row, asked, around)
    logged = caplog.text
    caplog.clear()
    check_request(row, row["expect"], send(row, row, around), app.config.get("SEEN"))
    check_log(row, caplog.records)
    logged += caplog.text
    assert [each for each in sum(secrets_of(row).values(), []) if each in logged] == []


def check_start(row, app, records):
    warnings = [record.getMessage() for record in records if record.levelname == "WARNING"]
    if "warns" in row:
        wanted = row["warns"]
        assert (
            one_message(warnings, wanted)
            if isinstance(wanted, list)
            else (bool(warnings) is wanted)
        )
    if "logs" in row:
        assert one_message([record.getMessage() for record in records], row["logs"])
    if "check" in row:
        group = FlaskGroup(create_app=lambda: app)
        result = CliRunner().invoke(group, ["trust-proxy", "check", "--json"])
        codes = {warning["code"] for warning in json.loads(result.stdout)["warnings"]}
        assert codes.issuperset(row["check"].get("has", ()))
        assert codes.isdisjoint(row["check"].get("not", ()))
    for name, value in row.get("attributes", {}).items():
        assert getattr(app.wsgi_app, name) == value


def check_log(row, records):
    said = {
        level: [record.getMessage() for record in records if record.levelname == level]
        for level in ("WARNING", "DEBUG")
    }
    if "logs_request" in row:
        assert one_message(said["WARNING"], row["logs_request"])
    for texts in row.get("logs_request_not", ()):
        assert not one_message(said["WARNING"], texts)
    if "logs_debug" in row:
        assert one_message(said["DEBUG"], row["logs_debug"])
    if row.get("quiet"):
        assert said["WARNING"] == []
