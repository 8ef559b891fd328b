"""Copy this file, change the app, and run ``pytest``: who the client is, and no forgery."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_trustproxy import TrustProxy, request
from flask_trustproxy.testing import assert_unforgeable, proxied_client


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)  # or import your own
    app.config["TRUST_PROXY"] = "10.0.0.0/24"
    app.config["TRUST_PROXY_MAX_HOPS"] = 1
    TrustProxy(app)

    @app.get("/")
    def index() -> dict[str, object]:
        return {"ip": request.client_ip, "secure": request.is_secure}

    return app


def test_a_client_behind_the_proxy_is_seen(app: Flask) -> None:
    client = proxied_client(app, client="203.0.113.9", forged="198.51.100.66")
    assert client.get("/").json == {"ip": "203.0.113.9", "secure": True}


def test_a_client_that_connects_directly_cannot_forge(app: Flask) -> None:
    client = proxied_client(
        app, client="192.0.2.7", peer="192.0.2.7", scheme="http", forged="198.51.100.66"
    )
    assert client.get("/").json == {"ip": "192.0.2.7", "secure": False}


def test_nothing_can_be_forged(app: Flask) -> None:
    assert_unforgeable(app, "/")
