"""DispatcherMiddleware: several apps at several paths, behind a prefix."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request, url_for
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_trustproxy import TrustProxy

from .visitor import CLIENT, FORGERY, OTHER, PROXY, Visitor, recipe

SHOP = {"X-Forwarded-Prefix": "/shop"}  # the proxy takes it off the path
PAST_THE_PROXY = {"proxy": None, "address": OTHER, "scheme": "http"}


def seen(application: Any, path: str, **how: Any) -> tuple[str, str]:
    answer = Visitor(application, proxy_headers=SHOP, **how).get(path).json
    return answer["ip"], answer["url"]


@pytest.mark.parametrize(
    ("path", "how", "expected"),
    [
        ("/", {}, (CLIENT, "https://www.example.com/shop/")),
        ("/api/", {}, (CLIENT, "https://www.example.com/shop/api/")),
        ("/api/", {"headers": FORGERY}, (CLIENT, "https://www.example.com/shop/api/")),
        ("/", PAST_THE_PROXY, (OTHER, "http://www.example.com/")),
        ("/api/", PAST_THE_PROXY, (OTHER, "http://www.example.com/api/")),
        (
            "/api/",
            {**PAST_THE_PROXY, "headers": {**FORGERY, "X-Forwarded-Prefix": "/evil"}},
            (OTHER, "http://www.example.com/api/"),
        ),
    ],
)
def test_each_app_has_its_client_and_its_place(
    path: str, how: dict[str, Any], expected: tuple[str, str]
):
    def index() -> dict[str, object]:
        return {"ip": request.remote_addr, "url": url_for("index", _external=True)}

    front, api = Flask("front"), Flask("api")
    for app in front, api:
        app.get("/")(index)
    without = DispatcherMiddleware(front, {"/api": api})
    peer = how.get("address", PROXY)
    assert seen(without, path, **how) == (peer, f"http://www.example.com{path}")
    assert seen(recipe("dispatcher").application, path, **how) == expected


def test_a_prefix_that_is_read_inside_is_in_front_of_the_mount():
    module = recipe("dispatcher", fixed=False)
    headers = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix"
    for app in module.front, module.api:
        app.config["TRUST_PROXY_HEADERS"] = headers
        TrustProxy(app)
    inside = DispatcherMiddleware(module.front, {"/api": module.api})
    assert seen(inside, "/") == (CLIENT, "https://www.example.com/shop/")
    assert seen(inside, "/api/") == (CLIENT, "https://www.example.com/shop/api/")
