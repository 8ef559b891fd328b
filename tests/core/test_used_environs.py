"""An environ that is used for another request, and one that changes on its way."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_trustproxy import TrustProxy, TrustProxyMiddleware
from flask_trustproxy.core.environ import resolution_of
from helpers import CLIENT, PEER, environ_of

PROTO = "HTTP_X_FORWARDED_PROTO"
FOR = "HTTP_X_FORWARDED_FOR"
PROXIED = {"REMOTE_ADDR": PEER, FOR: CLIENT, PROTO: "https"}
DIRECT = {"REMOTE_ADDR": "198.51.100.7"}
OTHER = "192.0.2.44"


def used_twice(first, second, **arguments):
    """The answer to a request, in an environ that had another request's values before."""
    seen = []

    def application(environ, start_response):
        resolution = resolution_of(environ)
        seen.append((resolution.client_ip, environ["REMOTE_ADDR"], resolution.scheme))
        start_response("200 OK", [])
        return []

    stack = TrustProxyMiddleware(
        DispatcherMiddleware(application, {"/b": TrustProxyMiddleware(application, True)}),
        **{"trust": "127.0.0.1, 10.0.0.0/8", **arguments},
    )
    environ = environ_of({}, **first)
    stack(environ, lambda status, headers: None)
    environ.update(second)
    stack(environ, lambda status, headers: None)
    assert len(seen) == 2
    return seen[1]


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        pytest.param(
            PROXIED, DIRECT, ("198.51.100.7", "198.51.100.7", "https"), id="a stranger comes"
        ),
        pytest.param(
            PROXIED,
            {**DIRECT, "wsgi.url_scheme": "http"},
            ("198.51.100.7", "198.51.100.7", "http"),
            id="a stranger comes by http",
        ),
        pytest.param(
            DIRECT,
            PROXIED,
            (CLIENT, CLIENT, "https"),
            id="a proxy comes after a stranger",
        ),
        pytest.param(
            {**DIRECT, FOR: "127.0.0.1"},
            {"REMOTE_ADDR": PEER, FOR: ""},
            (PEER, PEER, "http"),
            id="what the stranger forged is not there again",
        ),
        pytest.param(
            PROXIED,
            {"REMOTE_ADDR": PEER, FOR: OTHER},
            (OTHER, OTHER, "https"),
            id="the proxy has another client",
        ),
        pytest.param(
            {"REMOTE_ADDR": PEER},
            {"REMOTE_ADDR": PEER, FOR: CLIENT},
            (CLIENT, CLIENT, "http"),
            id="the same peer now has a client",
        ),
        pytest.param(
            {"REMOTE_ADDR": PEER},
            {PROTO: "https"},
            (PEER, PEER, "https"),
            id="one more header",
        ),
        pytest.param(
            PROXIED,
            {"PATH_INFO": "/other"},
            (CLIENT, CLIENT, "https"),
            id="the same request for another path",
        ),
        pytest.param(
            PROXIED,
            {"PATH_INFO": "/b/x"},
            (CLIENT, CLIENT, "https"),
            id="an inner one leaves it to the outer",
        ),
        pytest.param(PROXIED, {}, (CLIENT, CLIENT, "https"), id="the same once more"),
    ],
)
@pytest.mark.parametrize("clean", [True, False], ids=["clean", "not clean"])
def test_an_environ_that_is_used_twice(first, second, answer, clean):
    assert used_twice(first, second, clean_headers=clean) == answer


def test_an_environ_that_is_used_twice_is_refused_if_a_stranger_comes():
    stack = TrustProxyMiddleware(lambda environ, start_response: [b"in"], required=True)
    environ = environ_of({}, peer="127.0.0.1")
    assert stack(environ, print) == [b"in"]
    environ["REMOTE_ADDR"] = "198.51.100.7"
    [body] = stack(environ, lambda status, headers: None)
    assert body.startswith(b"This app is reached through its proxies only")


@pytest.mark.parametrize("prefix", [{}, {"HTTP_X_FORWARDED_PREFIX": "/shop"}])
def test_a_mount_makes_no_other_request(prefix):
    """A middleware that hands a request to the whole app again, from below a mount."""
    answers = []

    def application(environ, start_response):
        answers.append(resolution_of(environ))
        if len(answers) == 1:
            environ["SCRIPT_NAME"] += "/b"
            stack(environ, start_response)
        return []

    names = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix"
    stack = TrustProxyMiddleware(application, PEER, names)
    stack(environ_of({}, **PROXIED, **prefix), print)
    assert answers[0] is answers[1]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({PROTO: "http"}, id="a header"),
        pytest.param({FOR: "10.9.9.9"}, id="the list"),
        pytest.param({"REMOTE_ADDR": PEER}, id="the address"),
    ],
)
def test_what_a_middleware_between_two_changes_leaves_the_outer_decision(change):
    """Else it could make a stranger a proxy of the inner one."""
    answers = []

    def application(environ, start_response):
        answers.append(resolution_of(environ).client_ip)
        return []

    inner = TrustProxyMiddleware(application, True)

    def between(environ, start_response):
        environ.update(change)
        return inner(environ, start_response)

    outer = TrustProxyMiddleware(between, "192.0.2.1")
    outer(environ_of({}, peer="198.51.100.7", **{FOR: CLIENT}), print)
    assert answers == ["198.51.100.7"]


def test_a_request_context_of_an_environ_that_is_used_twice():
    app = Flask(__name__)
    app.config["TRUST_PROXY"] = PEER
    TrustProxy(app)
    environ = {**environ_of({}), **PROXIED}
    assert app.request_context(environ).request.client_ip == CLIENT
    assert app.request_context(environ).request.client_ip == CLIENT
    environ.update(DIRECT)
    request = app.request_context(environ).request
    assert (request.client_ip, request.remote_addr) == ("198.51.100.7", "198.51.100.7")


@pytest.mark.parametrize(
    ("second", "through"),
    [
        pytest.param({}, True, id="the same request once more"),
        pytest.param(DIRECT, False, id="a stranger without the secret"),
        pytest.param({"HTTP_X_EDGE": "wrong" * 4}, False, id="a wrong secret"),
        pytest.param({"HTTP_X_EDGE": "right" * 4, "REMOTE_ADDR": PEER}, True, id="the secret"),
    ],
)
def test_a_secret_that_was_removed_is_no_other_value(second, through):
    answers = []

    def application(environ, start_response):
        answers.append(resolution_of(environ).missed is None)
        return []

    stack = TrustProxyMiddleware(application, PEER, edge_secret="X-Edge: " + "right" * 4)
    environ = environ_of({}, **PROXIED, HTTP_X_EDGE="right" * 4)
    stack(environ, print)
    environ.update(second)
    stack(environ, print)
    assert answers == [True, through]
