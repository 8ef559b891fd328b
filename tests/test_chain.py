"""Which applications a request passes, and the ProxyFix that must not be among them."""

from __future__ import annotations

import re
from functools import partial, wraps
from unittest.mock import MagicMock

import pytest
from flask import Flask, current_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from flask_trustproxy import SettingError, TrustProxy, TrustProxyMiddleware, request
from flask_trustproxy.chain import links, name_of

ALL_ZERO = dict.fromkeys(("x_for", "x_proto", "x_host", "x_port", "x_prefix"), 0)
LINKS = ["app", "wsgi_app", "application", "wrapped", "__wrapped__"]


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_ADDR"].encode()]


class Layer:
    """A middleware that keeps the application inside in attributes."""

    def __init__(self, inner, *names):
        self._inner = inner
        for name in names:
            setattr(self, name, inner)

    def __call__(self, environ, start_response):
        return self._inner(environ, start_response)


class Raising(Layer):
    """One whose properties of these names raise."""

    @property
    def app(self):
        raise RuntimeError("not before the first request")

    @property
    def wsgi_app(self):
        raise KeyError("wsgi_app")


class Circle(Layer):
    """One that leads back to itself, and only last to the application inside."""

    @property
    def app(self):
        return self

    @property
    def wsgi_app(self):
        return Layer(self, "application", "app")


class Endless(Layer):
    """One that makes a new link each time it is asked."""

    @property
    def app(self):
        return Endless(self._inner)


def around_a_function(fix):
    @wraps(fix)
    def wrapper(environ, start_response):
        return fix(environ, start_response)

    return wrapper


WAYS = [
    *(pytest.param(lambda fix, n=name: Layer(fix, n), id=f"behind {name}") for name in LINKS),
    pytest.param(lambda fix: fix, id="the application itself"),
    pytest.param(lambda fix: Layer(Layer(fix, "wrapped"), "application"), id="two links deep"),
    pytest.param(around_a_function, id="behind a function that says what it wraps"),
    pytest.param(lambda fix: Raising(fix, "application"), id="behind properties that raise"),
    pytest.param(lambda fix: Circle(fix, "wrapped"), id="behind links that form a circle"),
    pytest.param(DispatcherMiddleware, id="behind a dispatcher"),
    pytest.param(
        lambda fix: both(Layer(fix, "wrapped"), app="no application", wsgi_app=MagicMock),
        id="behind the last of several attributes",
    ),
]


def both(layer, **attributes):
    for name, value in attributes.items():
        setattr(layer, name, value)
    return layer


def set_up(kind, outermost, **arguments):
    """Put a TrustProxy around a chain; what a server then calls."""
    if kind == "plain":
        return TrustProxyMiddleware(outermost, trust="127.0.0.1, 10.0.0.1", **arguments)
    app = Flask(__name__)
    app.config["TRUST_PROXY"] = "127.0.0.1, 10.0.0.1"
    app.wsgi_app = outermost
    TrustProxy(app, **arguments)
    return app


def client_of(served):
    """Who is the client of a request that two trusted hops handed on."""
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.1"}
    environ = {"REMOTE_ADDR": "127.0.0.1"}
    return Client(served).get("/", headers=headers, environ_overrides=environ).text


@pytest.mark.parametrize("kind", ["plain", "of an app"])
class TestProxyFix:
    @pytest.mark.parametrize("wrap", WAYS)
    def test_one_that_counts_is_refused(self, kind, wrap):
        with pytest.raises(SettingError) as caught:
            set_up(kind, wrap(ProxyFix(application)))
        call, holder = {
            "plain": ("TrustProxyMiddleware", "app=<werk"),
            "of an app": ("TrustProxy", "app.wsgi_app=<werk"),
        }[kind]
        assert str(caught.value).startswith(holder)
        assert caught.value.expected == (
            "remove ProxyFix: TrustProxy replaces it, and both together can be forged. If a "
            f"package makes it, call {call}(app, replace_proxy_fix=True). How to convert your "
            "numbers: https://flask-trustproxy.example.com/migrating/#from-proxyfix"
        )

    @pytest.mark.parametrize("wrap", WAYS)
    def test_one_that_counts_nothing_is_accepted(self, kind, wrap):
        served = set_up(kind, wrap(ProxyFix(application, **ALL_ZERO)))
        assert client_of(served) == "203.0.113.9"

    @pytest.mark.parametrize("name", list(ALL_ZERO))
    def test_one_count_is_enough(self, kind, name):
        with pytest.raises(SettingError, match="remove ProxyFix"):
            set_up(kind, ProxyFix(application, **{**ALL_ZERO, name: 1}))

    @pytest.mark.parametrize("wrap", WAYS)
    def test_it_is_switched_off_if_that_is_asked_for(self, kind, wrap, caplog):
        caplog.set_level("INFO", "flask_trustproxy")
        fix = ProxyFix(application, x_for=2, x_host=1)
        served = set_up(kind, wrap(fix), replace_proxy_fix=True)
        assert {name: getattr(fix, name) for name in ALL_ZERO} == ALL_ZERO
        assert client_of(served) == "203.0.113.9"
        [said] = [r for r in caplog.records if "ProxyFix" in r.getMessage()]
        assert said.levelname == "INFO"
        assert said.getMessage() == (
            "ProxyFix is switched off, since replace_proxy_fix is True: x_for=2, x_proto=1, "
            "x_host=1 are 0 now. TRUST_PROXY and TRUST_PROXY_HEADERS replace them"
        )

    def test_each_of_several_is_switched_off(self, kind):
        fixes = [ProxyFix(application)]
        fixes.append(ProxyFix(Layer(fixes[0], "application"), x_for=2))
        served = set_up(kind, Layer(fixes[1], "wrapped"), replace_proxy_fix=True)
        assert [fix.x_for for fix in fixes] == [0, 0]
        assert client_of(served) == "203.0.113.9"

    def test_a_start_that_fails_leaves_it_as_it_was(self, kind, monkeypatch):
        fix = ProxyFix(application)
        arguments = {"probe_key": "short"} if kind == "plain" else {}
        monkeypatch.setenv("TRUST_PROXY_PROBE_KEY", "short")
        with pytest.raises(SettingError, match="^TRUST_PROXY_PROBE_KEY"):
            set_up(kind, fix, replace_proxy_fix=True, **arguments)
        assert (fix.x_for, fix.x_proto) == (1, 1)

    @pytest.mark.parametrize("wrap", [Endless, MagicMock], ids=["links", "a mock"])
    def test_a_chain_without_an_end_ends(self, kind, wrap):
        assert set_up(kind, wrap(application)) is not None


def test_a_proxy_that_stands_for_the_current_app_is_no_obstacle():
    app = Flask(__name__)
    app.wsgi_app = Layer(app.wsgi_app, "application")
    app.wsgi_app.app = current_app
    TrustProxy(app)
    assert app.wsgi_app is app.extensions["trustproxy"]


@pytest.mark.parametrize("where", ["TrustProxy", "init_app"])
def test_the_argument_is_taken_in_both_places(where):
    app = Flask(__name__)
    app.wsgi_app = fix = ProxyFix(app.wsgi_app)
    if where == "TrustProxy":
        TrustProxy(replace_proxy_fix=True).init_app(app)
    else:
        TrustProxy().init_app(app, replace_proxy_fix=True)
    assert fix.x_for == 0


def test_the_plain_middleware_finds_it_inside_a_flask_app():
    app = Flask(__name__)
    app.wsgi_app = Layer(ProxyFix(app.wsgi_app), "application")
    with pytest.raises(SettingError, match="remove ProxyFix"):
        TrustProxyMiddleware(app)


class Package:
    """Applications that make a ProxyFix in their own package, as their users meet them."""

    @staticmethod
    def pgadmin():
        """pgAdmin makes one even if all of its counts are 0, with ReverseProxied around it."""
        app = Flask("pgadmin")
        app.wsgi_app = Layer(ProxyFix(app.wsgi_app, 1, 1, 0, 1, 0), "app")
        return app

    @staticmethod
    def changedetection():
        app = Flask("changedetection")
        app.wsgi_app = ProxyFix(app.wsgi_app, 1, 1, 1, 1, 1)
        return app

    @staticmethod
    def isso():
        """No Flask: a WSGI application in which a wrapper keeps the ProxyFix."""
        return Layer(ProxyFix(application, x_for=1, x_prefix=1), "application")


@pytest.mark.parametrize("make", [Package.pgadmin, Package.changedetection])
def test_an_app_whose_package_makes_a_proxyfix(make):
    app = make()
    app.config["TRUST_PROXY"] = "127.0.0.1, 10.0.0.1"
    with pytest.raises(SettingError, match="replace_proxy_fix"):
        TrustProxy(app)
    TrustProxy(app, replace_proxy_fix=True)
    app.add_url_rule("/", view_func=lambda: f"{request.client_ip} {request.remote_addr}")
    assert client_of(app) == "203.0.113.9 203.0.113.9"


@pytest.mark.parametrize("how", ["by arguments", "by the environment"])
def test_an_application_without_flask_that_makes_a_proxyfix(how, monkeypatch):
    make, trust = TrustProxyMiddleware, {"trust": "127.0.0.1, 10.0.0.1"}
    if how == "by the environment":
        monkeypatch.setenv("TRUST_PROXY", trust.pop("trust"))
        make = TrustProxyMiddleware.from_environ
    call = re.escape(f"call {make.__qualname__}(app, replace_proxy_fix=True)")
    with pytest.raises(SettingError, match=call):
        make(Package.isso(), **trust)
    served = make(Package.isso(), **trust, replace_proxy_fix=True)
    assert client_of(served) == "203.0.113.9"


def test_links_are_followed_from_the_outside_to_the_inside():
    inner = Layer(application, "app")
    outer = Layer(inner, "application", "wrapped")
    assert list(links(outer)) == [outer, inner, application]
    assert list(links(outer, but=[inner])) == [outer]
    assert list(links(None)) == []


@pytest.mark.parametrize(
    ("link", "name"),
    [
        pytest.param(Layer(None), "Layer", id="an object is named by its class"),
        pytest.param(application, "application", id="a function"),
        pytest.param(Flask("name").wsgi_app, "Flask.wsgi_app", id="a method"),
        pytest.param(partial(application), "partial", id="a partial"),
    ],
)
def test_the_name_of_a_link(link, name):
    assert name_of(link) == name
