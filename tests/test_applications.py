"""Stand-ins for applications that were run behind a proxy, and what a client forges there."""

from __future__ import annotations

import pytest
from flask import Flask, url_for

from flask_trustproxy import TrustProxy
from flask_trustproxy.testing import assert_unforgeable, proxied_client


class ReverseProxied:
    """Flask's old snippet, as Calibre-Web, pgAdmin 4, isso and OctoPrint have it."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        prefix = environ.get("HTTP_X_SCRIPT_NAME", "")
        environ["SCRIPT_NAME"] = prefix or environ["SCRIPT_NAME"]
        environ["wsgi.url_scheme"] = environ.get("HTTP_X_SCHEME") or environ["wsgi.url_scheme"]
        return self.app(environ, start_response)


def make_app(**config):
    app = Flask("shop")
    app.config.update(config)

    @app.get("/")
    def index():
        return url_for("index", _external=True)

    app.wsgi_app = ReverseProxied(app.wsgi_app)
    return app


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("X-Script-Name", "/evil", id="a prefix"),
        pytest.param("X-Scheme", "https", id="a scheme"),
    ],
)
@pytest.mark.parametrize("peer", ["127.0.0.1", "203.0.113.9"], ids=["proxy", "stranger"])
def test_an_old_snippet_inside_reads_nothing_that_a_client_wrote(name, value, peer):
    app = make_app()
    asked = {"headers": {name: value}, "environ_base": {"REMOTE_ADDR": peer}}
    assert app.test_client().get("/", **asked).text != "http://localhost/"
    TrustProxy(app)
    assert app.test_client().get("/", **asked).text == "http://localhost/"


def test_an_old_snippet_inside_reads_what_the_proxy_wrote():
    app = make_app(TRUST_PROXY_HEADERS="X-Forwarded-For, X-Forwarded-Proto, X-Script-Name")
    TrustProxy(app)
    client = proxied_client(app, host="www.example.com")
    response = client.get("/", base_url="https://www.example.com/shop")
    assert response.text == "https://www.example.com/shop/"


def test_nothing_of_an_old_snippet_can_be_forged():
    app = make_app()
    TrustProxy(app)
    assert_unforgeable(app)
