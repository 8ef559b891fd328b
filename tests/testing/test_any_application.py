"""The kit for WSGI applications that are not Flask apps: clients, and what can be forged."""

from __future__ import annotations

import json

import pytest
from flask import Flask, request

from flask_trustproxy import TrustProxy, TrustProxyMiddleware
from flask_trustproxy.testing import ProxiedClient, assert_unforgeable, proxied_client

CLIENT, PROXY = "203.0.113.9", "10.0.0.2"
SECRET = "X-Origin-Verify: a-secret-of-20-chars"


def application(environ, start_response):
    """Tells what it knows of a request."""
    if environ["PATH_INFO"] == "/old":
        start_response("302 Found", [("Location", "https://www.example.com/new")])
        return []
    names = ("wsgi.url_scheme", "HTTP_HOST", "PATH_INFO", "QUERY_STRING", "HTTP_COOKIE")
    told = {"ip": environ["REMOTE_ADDR"], **{name: environ.get(name) for name in names}}
    headers = [("Content-Type", "application/json"), ("Set-Cookie", "seen=1; Path=/")]
    start_response("200 OK", headers)
    return [json.dumps(told).encode()]


def naive(environ, start_response):
    """Believes the first entry, whoever wrote it."""
    start_response("200 OK", [])
    return [environ.get("HTTP_X_FORWARDED_FOR", "").partition(",")[0].encode()]


class Layer:
    """A middleware around another application."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


def told(scheme="https", host="localhost", path="/", query="", cookie=None, ip=CLIENT):
    return {
        "ip": ip,
        "wsgi.url_scheme": scheme,
        "HTTP_HOST": host,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_COOKIE": cookie,
    }


middleware = TrustProxyMiddleware(application, trust=PROXY)


class TestAClient:
    @pytest.mark.parametrize(
        ("how", "args", "kwargs", "expected"),
        [
            pytest.param({}, ["/a b?c=d"], {}, told(path="/a b", query="c=d"), id="a path"),
            pytest.param({}, [], {}, told(), id="no path"),
            pytest.param({}, [], {"path": "/x"}, told(path="/x"), id="a path by name"),
            pytest.param({"scheme": "http"}, ["/"], {}, told("http"), id="by http"),
            pytest.param(
                {"host": "www.example.com"},
                ["/"],
                {},
                told(host="www.example.com"),
                id="a host",
            ),
            pytest.param(
                {},
                ["http://www.example.com/x"],
                {},
                told("http", "www.example.com", "/x"),
                id="a whole URL",
            ),
            pytest.param(
                {},
                ["/"],
                {"base_url": "http://www.example.com"},
                told("http", "www.example.com"),
                id="a base URL",
            ),
            pytest.param({}, ["/"], {"url_scheme": "http"}, told("http"), id="a scheme"),
            pytest.param(
                {"client": "2001:db8::7"}, ["/"], {}, told(ip="2001:db8::7"), id="IPv6"
            ),
            pytest.param(
                {"peer": CLIENT, "scheme": "http"}, ["/"], {}, told("http"), id="directly"
            ),
            pytest.param({"forged": "192.0.2.66"}, ["/"], {}, told(), id="a forged address"),
        ],
    )
    @pytest.mark.parametrize("make", [proxied_client, ProxiedClient])
    def test_a_request_is_believed(self, make, how, args, kwargs, expected):
        assert make(middleware, **how).get(*args, **kwargs).json == expected

    def test_it_keeps_cookies_and_follows_redirects(self):
        client = proxied_client(middleware, host="www.example.com")
        assert client.get("/").json["HTTP_COOKIE"] is None
        followed = client.get("/old", follow_redirects=True)
        assert followed.json == told(host="www.example.com", path="/new", cookie="seen=1")
        assert client.last_environ["HTTP_X_FORWARDED_FOR"] == CLIENT

    def test_its_proxies_are_the_edge_and_send_the_secret(self):
        guarded = TrustProxyMiddleware(
            application,
            trust=1,
            edge_secret=SECRET,
            required=True,
            identity_headers="Remote-User",
        )
        assert proxied_client(guarded).get("/").json == told()
        assert proxied_client(guarded, peer=CLIENT).get("/").status_code == 403
        assert_unforgeable(guarded)

    def test_it_has_no_session(self):
        transaction = proxied_client(middleware).session_transaction()
        with pytest.raises(TypeError, match="expected a Flask app"):
            transaction.__enter__()


def a_flask_app():
    app = Flask("inside")
    app.get("/")(lambda: {"ip": request.remote_addr})
    return app


def with_trust(app):
    app.config["TRUST_PROXY"] = PROXY
    TrustProxy(app)
    return app


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: middleware, id="the middleware"),
        pytest.param(lambda: Layer(Layer(middleware)), id="layers around it"),
        pytest.param(
            lambda: TrustProxyMiddleware(a_flask_app(), trust=PROXY), id="around a Flask app"
        ),
        pytest.param(
            lambda: Layer(with_trust(a_flask_app())), id="a layer around a Flask app's own"
        ),
        pytest.param(
            lambda: TrustProxyMiddleware(with_trust(a_flask_app()), trust="10.0.0.3"),
            id="around a Flask app that has its own: the outermost decides",
        ),
    ],
)
def test_the_middleware_is_found_in_the_chain(make):
    app = make()
    assert proxied_client(app).get("/").json["ip"] == CLIENT
    assert_unforgeable(app)


@pytest.mark.parametrize(
    ("app", "fix"),
    [
        pytest.param(
            TrustProxyMiddleware(naive, trust=PROXY, clean_headers=False),
            "set TRUST_PROXY_CLEAN_HEADERS = True",
            id="a view that reads the header itself",
        ),
        pytest.param(
            TrustProxyMiddleware(naive, trust=True),
            "name the addresses or networks of your proxies",
            id="everybody is trusted",
        ),
    ],
)
def test_what_can_be_forged_is_found(app, fix):
    with pytest.raises(AssertionError, match=f"(?s)A client can forge.*Fix: {fix}"):
        assert_unforgeable(app)


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        pytest.param(application, "No TrustProxyMiddleware was found", id="there is none"),
        pytest.param(
            lambda environ, start_response: middleware(environ, start_response),
            "If a function around it hides it",
            id="a function hides it",
        ),
        pytest.param(a_flask_app(), "This app has no TrustProxy", id="a Flask app without it"),
    ],
)
def test_an_application_without_it_is_refused(app, expected):
    with pytest.raises(RuntimeError, match=expected):
        proxied_client(app).get("/")
    with pytest.raises(RuntimeError, match=expected):
        assert_unforgeable(app)
