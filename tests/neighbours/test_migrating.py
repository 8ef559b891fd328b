"""What the tables of the documentation say of other projects, and of ours."""

from __future__ import annotations

import ast
import csv
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_trustproxy import SettingError, TrustProxy
from flask_trustproxy import request as proxied

from . import rivals
from .visitor import CLIENT, FORGED, HOST, PROXY, Visitor, recipe

TABLES = Path(__file__).parents[2] / "docs/tables"
EXTRAS = ["X-Forwarded-Host", "X-Forwarded-Prefix"]


def test_the_comparison_is_what_was_measured():
    table = (TABLES / "comparison.csv").read_text("utf-8")
    assert table == rivals.as_csv(), "write it anew: cd tests; python -m neighbours.rivals"


def rows(name: str) -> list[Any]:
    lines = (TABLES / f"{name}.csv").read_text("utf-8").replace("``", "").splitlines()
    return [
        pytest.param(row, id=f"{row['TRUST_PROXY']} {row['The proxy sends']} {row['Asked']}")
        for row in csv.DictReader(lines)
    ]


def configured(trust: str, *headers: str) -> Flask:
    app = Flask("ours")
    app.config["TRUST_PROXY"] = ast.literal_eval(trust)
    app.config["TRUST_PROXY_HEADERS"] = ["X-Forwarded-For", "X-Forwarded-Proto", *headers]
    app.config["TRUSTED_HOSTS"] = [".example.com"]
    TrustProxy(app)
    return app


def asked(app: Flask, row: dict[str, str], peer: str) -> str:
    """What an app says that is asked as a row of a table has it."""

    @app.get("/")
    def index() -> str:
        # access_route and client_ips are lists.
        answer = getattr(proxied, row["Asked"])
        return answer if isinstance(answer, str) else ", ".join(answer)

    headers = [tuple(line.split(": ", 1)) for line in row["The proxy sends"].split("; ")]
    return (
        app.test_client()
        .get(
            "/",
            base_url=f"http://{HOST}",
            headers=headers,
            environ_base={"REMOTE_ADDR": peer},
        )
        .text
    )


@pytest.mark.parametrize("row", rows("express"))
def test_porting_from_express(row: dict[str, str]):
    # What Express says was measured with 5.3.0, from a peer at 127.0.0.1.
    if row["Asked"] == "start":
        assert row["Flask-TrustProxy"] == "refused"
        with pytest.raises(SettingError):
            configured(row["TRUST_PROXY"])
    else:
        app = configured(row["TRUST_PROXY"])
        assert asked(app, row, "127.0.0.1") == row["Flask-TrustProxy"]
    same = row["Express"] == row["Flask-TrustProxy"]
    assert same == row["Why"].startswith("The same")


@pytest.mark.parametrize("row", rows("proxy_fix"))
def test_coming_from_proxy_fix(row: dict[str, str]):
    fixed = Flask("fixed")
    fixed.wsgi_app = ProxyFix(fixed.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    assert asked(fixed, row, PROXY) == row["ProxyFix"]
    ours = configured(row["TRUST_PROXY"], *EXTRAS)
    assert asked(ours, row, PROXY) == row["Flask-TrustProxy"]


CHAIN = {
    "X-Forwarded-For": f"{FORGED}, {CLIENT}, 10.0.0.3",
    "X-Forwarded-Proto": "http, https, http",
    "X-Forwarded-Host": "shop.example.com",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/shop",
}


@pytest.mark.parametrize("trust", [2, "10.0.0.0/29"])
def test_two_proxies_are_told_as_two_numbers_or_by_name(trust: object):
    def seen(app: Flask) -> object:
        @app.get("/")
        def index() -> list[str | None]:
            return [request.remote_addr, request.url]

        environ = {"REMOTE_ADDR": PROXY}
        return app.test_client().get("/", headers=CHAIN, environ_base=environ).json

    fixed, ours = Flask("fixed"), Flask("ours")
    fixed.wsgi_app = ProxyFix(
        fixed.wsgi_app, x_for=2, x_proto=2, x_host=1, x_port=1, x_prefix=1
    )
    ours.config["TRUST_PROXY"] = trust
    ours.config["TRUST_PROXY_HEADERS"] = [
        "X-Forwarded-For",
        "X-Forwarded-Proto:2",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
    ]
    ours.config["TRUSTED_HOSTS"] = [".example.com"]
    TrustProxy(ours)
    expected = [CLIENT, "https://shop.example.com:8443/shop/"]
    assert seen(fixed) == seen(ours) == expected


def test_a_proxy_that_says_the_scheme_alone():
    row = {"The proxy sends": "X-Forwarded-Proto: https"}
    ours = Flask("ours")
    ours.config["TRUST_PROXY_HEADERS"] = "X-Forwarded-Proto"
    TrustProxy(ours)
    assert asked(ours, {**row, "Asked": "url"}, PROXY) == "https://www.example.com/"
    stranger = Flask("stranger")
    stranger.config["TRUST_PROXY_HEADERS"] = "X-Forwarded-Proto"
    TrustProxy(stranger)
    assert asked(stranger, {**row, "Asked": "url"}, CLIENT) == "http://www.example.com/"


def test_numbers_that_differ_are_not_believed():
    # As x_for=1, x_proto=2: one of two proxies writes no X-Forwarded-For.
    row = {"The proxy sends": f"X-Forwarded-For: {CLIENT}; X-Forwarded-Proto: https, http"}
    fixed = Flask("fixed")
    fixed.wsgi_app = ProxyFix(fixed.wsgi_app, x_for=1, x_proto=2)
    assert asked(fixed, {**row, "Asked": "scheme"}, PROXY) == "https"
    ours = Flask("ours")
    ours.config["TRUST_PROXY_HEADERS"] = "X-Forwarded-For, X-Forwarded-Proto:2"
    TrustProxy(ours)
    assert asked(ours, {**row, "Asked": "scheme"}, PROXY) == "http"


FROM_THE_PROXY = {"X-Forwarded-Host": HOST, "X-Forwarded-Prefix": "/shop"}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        pytest.param(
            "proxy_fix",
            (CLIENT, "https://www.example.com/shop/seen"),
            (CLIENT, "https://www.example.com/shop/seen"),
            id="ProxyFix",
        ),
        pytest.param(
            "realip",
            (CLIENT, "http://www.example.com/seen"),
            (CLIENT, "https://www.example.com/seen"),
            id="Flask-RealIP",
        ),
        pytest.param(
            "behind_proxy",
            (PROXY, "https://www.example.com/seen"),
            (CLIENT, "https://www.example.com/seen"),
            id="flask-behind-proxy",
        ),
        pytest.param(
            "ipware",
            (PROXY, "http://www.example.com/seen"),
            (CLIENT, "https://www.example.com/seen"),
            id="python-ipware",
        ),
    ],
)
def test_an_honest_request_before_and_after(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    before: tuple[str, str],
    after: tuple[str, str],
):
    monkeypatch.setattr("flask_realip.RealIP", rivals.RealIPOfDocumentation)

    def seen(app: Flask, **how: Any) -> tuple[str, str]:
        @app.get("/seen")
        def seen() -> dict[str, object]:
            return {"ip": request.remote_addr, "url": request.url}

        answer = Visitor(app, proxy_headers=FROM_THE_PROXY, **how).get("/seen").json
        return answer["ip"], answer["url"]

    assert seen(recipe(f"{name}_before").app) == before
    assert seen(recipe(f"{name}_after").app) == after
    # And of a forged one afterwards.
    assert seen(recipe(f"{name}_after").app, headers={"X-Forwarded-For": FORGED}) == after


def test_ipware_is_asked_by_a_function_as_before():
    for moment in "before", "after":
        app = recipe(f"ipware_{moment}").app
        assert Visitor(app).get("/").text == CLIENT
