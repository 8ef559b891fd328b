"""TrustProxy: one answer everywhere that a request is, for any number of apps."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import threading
from collections import Counter
from importlib.util import find_spec

import flask
import pytest
from flask import Flask, Response, redirect, stream_with_context, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ

from flask_trustproxy import (
    ProxiedRequest,
    SettingError,
    TrustProxy,
    get_client_ip,
    get_client_ips,
    get_client_network,
    get_resolution,
    request,
)
from helpers import forks, in_a_child, preprocess

# Flask 2.2 has signals only where blinker is installed, and async views need asgiref.
HAS_SIGNALS = find_spec("blinker") is not None
HAS_ASYNC = find_spec("asgiref") is not None
READS_TRUSTED_HOSTS = "TRUSTED_HOSTS" in Flask.default_config  # Flask 3.1

HOST_TOO = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"
PEER = {"REMOTE_ADDR": "10.0.0.2"}
STRANGER = {"REMOTE_ADDR": "198.51.100.7"}
HEADERS = {
    "Host": "backend:8000",
    "X-Forwarded-For": "6.6.6.6, 2001:DB8:1:2::9, 10.0.0.1:4711",
    "X-Forwarded-Proto": "http, HTTPS",
    "X-Forwarded-Host": "evil.example.com, Shop.example.com",
    "X-Real-IP": "6.6.6.6",
}


def warnings_of(caplog):
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


def see():
    """All that says who the client is, and how it came."""
    return {
        "client_ip": request.client_ip,
        "client_ips": request.client_ips,
        "get_client_ip": get_client_ip(),
        "get_client_ips": get_client_ips(),
        "get_client_network": get_client_network(),
        "resolution": (get_resolution().client_ip, get_resolution().client_ips),
        "remote_addr": flask.request.remote_addr,
        "REMOTE_ADDR": flask.request.environ["REMOTE_ADDR"],
        "access_route": list(flask.request.access_route),
        "scheme": flask.request.scheme,
        "is_secure": flask.request.is_secure,
        "host_url": flask.request.host_url,
        "url": flask.request.url,
        "original": flask.request.environ["flask_trustproxy.original"].get("REMOTE_ADDR"),
    }


def expected(path="/"):
    return {
        "client_ip": "2001:db8:1:2::9",
        "client_ips": ["2001:db8:1:2::9", "10.0.0.1"],
        "get_client_ip": "2001:db8:1:2::9",
        "get_client_ips": ["2001:db8:1:2::9", "10.0.0.1"],
        "get_client_network": "2001:db8:1:2::/64",
        "resolution": ("2001:db8:1:2::9", ("2001:db8:1:2::9", "10.0.0.1")),
        "remote_addr": "2001:db8:1:2::9",
        "REMOTE_ADDR": "2001:db8:1:2::9",
        "access_route": ["2001:db8:1:2::9", "10.0.0.1"],
        "scheme": "https",
        "is_secure": True,
        "host_url": "https://shop.example.com/",
        "url": f"https://shop.example.com{path}",
        "original": "10.0.0.2",
    }


def configure(app, **config):
    app.secret_key = "for tests"
    app.config.update(TRUST_PROXY="10.0.0.0/8", TRUST_PROXY_HEADERS=HOST_TOO, **config)
    return app


def make_app(**config):
    app = configure(Flask(__name__), **config)
    TrustProxy(app)
    app.add_url_rule("/", view_func=see)
    return app


# Each place adds itself to an app, and calls `record` when a request comes by.


def session_opening(app, record):
    class Sessions(SecureCookieSessionInterface):
        def open_session(self, app, request):
            record()
            return super().open_session(app, request)

    app.session_interface = Sessions()


def session_saving(app, record):
    class Sessions(SecureCookieSessionInterface):
        def save_session(self, app, session, response):
            record()

    app.session_interface = Sessions()


def hook(name):
    def place(app, record):
        getattr(app, name)(lambda *arguments: record())

    return place


def after_request(app, record):
    app.after_request(lambda response: record() or response)


def a_hook_that_another_extension_puts_in_front(app, record):
    app.before_request_funcs.setdefault(None, []).insert(0, record)


def view(app, record):
    app.add_url_rule("/place", view_func=lambda: record() or "ok")


def async_view(app, record):
    async def place():
        record()
        return "ok"

    app.add_url_rule("/place", view_func=place)


def async_before_request(app, record):
    async def place():
        record()

    app.before_request(place)


def blueprint(app, record):
    shop = flask.Blueprint("shop", __name__)
    shop.before_request(record)
    shop.add_url_rule("/place", view_func=lambda: record() or "ok")
    app.register_blueprint(shop)


def streamed(app, record):
    def place():
        def generate():
            yield "a"
            record()
            yield "b"

        return Response(stream_with_context(generate()))

    app.add_url_rule("/place", view_func=place)


def thread(app, record):
    def place():
        worker = threading.Thread(target=flask.copy_current_request_context(record))
        worker.start()
        worker.join()
        return "ok"

    app.add_url_rule("/place", view_func=place)


def not_found(app, record):
    app.register_error_handler(404, lambda error: record() or ("gone", 404))


def server_error(app, record):
    app.add_url_rule("/place", view_func=lambda: 1 / 0)
    app.register_error_handler(500, lambda error: record() or ("broken", 500))


def exception_handler(app, record):
    app.add_url_rule("/place", view_func=lambda: 1 / 0)
    app.register_error_handler(ZeroDivisionError, lambda error: record() or "fixed")


def template(app, record):
    app.context_processor(lambda: record() or {})
    app.add_url_rule("/place", view_func=lambda: flask.render_template_string("ok"))


def url_defaults(app, record):
    app.add_url_rule("/place", "place", lambda: url_for("place"))
    app.url_defaults(lambda endpoint, values: record())


def after_this_request(app, record):
    def place():
        flask.after_this_request(lambda response: record() or response)
        return "ok"

    app.add_url_rule("/place", view_func=place)


def signal(name):
    def place(app, record):
        # The app keeps the receiver, which a signal holds weakly.
        app.receiver = lambda sender, **values: record()
        getattr(flask, name).connect(app.receiver, app)

    return place


PLACES = {
    "session opening": session_opening,
    "session saving": session_saving,
    "url_value_preprocessor": hook("url_value_preprocessor"),
    "before_request": hook("before_request"),
    "a hook in front of ours": a_hook_that_another_extension_puts_in_front,
    "after_request": after_request,
    "teardown_request": hook("teardown_request"),
    "a view": view,
    "a blueprint": blueprint,
    "a stream": streamed,
    "a thread": thread,
    "the 404 handler": not_found,
    "the 500 handler": server_error,
    "an exception's handler": exception_handler,
    "a template": template,
    "url_defaults": url_defaults,
    "after_this_request": after_this_request,
    **(
        {
            "the signal request_started": signal("request_started"),
            "the signal request_finished": signal("request_finished"),
            "the signal request_tearing_down": signal("request_tearing_down"),
        }
        if HAS_SIGNALS
        else {}
    ),
    **(
        {"an async view": async_view, "an async hook": async_before_request}
        if HAS_ASYNC
        else {}
    ),
}


@pytest.mark.parametrize("late", [False, True], ids=["set up before", "set up after"])
@pytest.mark.parametrize("place", PLACES)
def test_all_agree_everywhere_that_a_request_is(place, late):
    seen = []
    app = configure(Flask(__name__))
    if late:
        PLACES[place](app, lambda: seen.append(see()))
        TrustProxy(app)
    else:
        TrustProxy(app)
        PLACES[place](app, lambda: seen.append(see()))
    app.test_client().get("/place", headers=HEADERS, environ_overrides=PEER).get_data()
    assert seen
    assert seen == [expected("/place")] * len(seen)


@pytest.mark.parametrize("place", PLACES)
def test_all_agree_where_the_middleware_was_lost(place):
    """The request class does it all: nothing of Flask comes before it."""
    seen = []
    app = configure(Flask(__name__))
    bare = app.wsgi_app
    TrustProxy(app)
    app.wsgi_app = bare
    PLACES[place](app, lambda: seen.append(see()))
    app.test_client().get("/place", headers=HEADERS, environ_overrides=PEER).get_data()
    assert seen
    assert seen == [expected("/place")] * len(seen)


def test_before_there_is_a_request_the_environ_is_right():
    """The application context comes first: only the environ can be asked then."""
    seen = []

    class App(Flask):
        def app_context(self):
            seen.append(environ["REMOTE_ADDR"])
            return super().app_context()

        def request_context(self, environ):
            seen.append(environ["REMOTE_ADDR"])
            return super().request_context(environ)

    app = configure(App(__name__))
    TrustProxy(app)
    environ = {**create_environ("/"), **PEER, "HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    app(environ, lambda status, headers, exc_info=None: None)
    assert set(seen) == {"203.0.113.9"}


if HAS_SIGNALS:  # Flask 2.2 does without

    def test_appcontext_pushed_sees_the_environ_of_the_client():
        seen = []
        app = make_app()
        environ = {**create_environ("/"), **PEER, "HTTP_X_FORWARDED_FOR": "203.0.113.9"}

        def receiver(sender, **values):
            seen.append(environ["REMOTE_ADDR"])
            if flask.has_request_context():
                seen.append(get_client_ip())

        flask.appcontext_pushed.connect(receiver, app)
        app(environ, lambda status, headers, exc_info=None: None)
        assert set(seen) == {"203.0.113.9"}


def test_in_a_test_client():
    client = make_app().test_client()
    assert client.get("/", headers=HEADERS, environ_overrides=PEER).get_json() == {
        **expected(),
        "resolution": ["2001:db8:1:2::9", ["2001:db8:1:2::9", "10.0.0.1"]],
    }


@pytest.mark.parametrize("processed", [False, True], ids=["", "after preprocess_request"])
def test_in_a_test_request_context(processed, caplog):
    app = make_app()
    with app.test_request_context("/x", headers=HEADERS, environ_overrides=PEER) as context:
        if processed:
            assert preprocess(app, context) is None
        assert see() == expected("/x")
        assert url_for("see", _external=True) == "https://shop.example.com/"
    assert [w for w in warnings_of(caplog) if "middleware" in w] == []


def test_in_a_test_request_context_of_an_environ():
    app = make_app()
    environ = {**create_environ("/"), **PEER, "HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    with app.request_context(environ):
        assert request.client_ip == "203.0.113.9"
    with app.request_context(environ):  # again, as a retry has it
        assert request.client_ip == "203.0.113.9"
        assert request.environ["flask_trustproxy.original"]["REMOTE_ADDR"] == "10.0.0.2"


def test_in_a_test_request_context_without_any_address():
    """Werkzeug gives no REMOTE_ADDR there."""
    with make_app().test_request_context(headers=HEADERS):
        assert (request.client_ip, request.client_ips) == (None, [])
        assert flask.request.remote_addr == ""
        assert flask.request.environ["REMOTE_ADDR"] == ""
        assert get_client_network() == "unknown"
        assert list(flask.request.access_route) == [""]
        assert flask.request.scheme == "http"


def test_an_untrusted_peer_leaves_nothing_forged_to_anyone():
    with make_app().test_request_context("/", headers=HEADERS, environ_overrides=STRANGER):
        seen = see()
        headers = [name for name, _ in flask.request.headers]
    assert seen == {
        **dict.fromkeys(["client_ip", "get_client_ip", "remote_addr"], "198.51.100.7"),
        **dict.fromkeys(["client_ips", "get_client_ips"], []),
        "get_client_network": "198.51.100.7/32",
        "resolution": ("198.51.100.7", ()),
        "REMOTE_ADDR": "198.51.100.7",
        "access_route": ["198.51.100.7"],
        "scheme": "http",
        "is_secure": False,
        "host_url": "http://backend:8000/",
        "url": "http://backend:8000/",
        "original": None,
    }
    assert headers == ["Host"]


class TestUrls:
    """Flask binds its URLs before any function of the app runs."""

    @pytest.fixture
    def app(self):
        app = make_app()
        app.add_url_rule("/d/", "directory", lambda: url_for("see", _external=True))
        app.add_url_rule("/to", view_func=lambda: redirect(url_for("see", _external=True)))
        return app

    @pytest.mark.parametrize(
        ("peer", "path", "location"),
        [
            pytest.param(PEER, "/d", "https://shop.example.com/d/", id="a missing slash"),
            pytest.param(PEER, "/d?q=1", "https://shop.example.com/d/?q=1", id="with a query"),
            pytest.param(PEER, "/to", "https://shop.example.com/", id="url_for in a redirect"),
            pytest.param(STRANGER, "/d", "http://backend:8000/d/", id="a stranger's slash"),
            pytest.param(STRANGER, "/to", "http://backend:8000/", id="a stranger's redirect"),
        ],
    )
    def test_redirects(self, app, peer, path, location):
        response = app.test_client().get(path, headers=HEADERS, environ_overrides=peer)
        assert (response.status_code // 100, response.headers["Location"]) == (3, location)

    def test_url_for(self, app):
        response = app.test_client().get("/d/", headers=HEADERS, environ_overrides=PEER)
        assert response.text == "https://shop.example.com/"

    def test_a_prefix(self):
        app = make_app()
        app.config["TRUST_PROXY_HEADERS"] = f"{HOST_TOO}, X-Forwarded-Prefix"
        app.add_url_rule("/d/", "directory", lambda: url_for("see", _external=True))
        headers = {**HEADERS, "X-Forwarded-Prefix": "/shop/"}
        client = app.test_client()
        slash = client.get("/d", headers=headers, environ_overrides=PEER)
        assert slash.headers["Location"] == "https://shop.example.com/shop/d/"
        response = client.get("/d/", headers=headers, environ_overrides=PEER)
        assert response.text == "https://shop.example.com/shop/"


@pytest.mark.parametrize(
    ("peer", "status"),
    [
        pytest.param(PEER, 200, id="a believed host is matched"),
        pytest.param(STRANGER, 404, id="a forged one is not"),
    ],
)
class TestHosts:
    def test_host_matching(self, peer, status):
        app = configure(Flask(__name__, host_matching=True, static_host="static.example.com"))
        TrustProxy(app)
        app.add_url_rule("/", view_func=see, host="shop.example.com")
        response = app.test_client().get("/", headers=HEADERS, environ_overrides=peer)
        assert response.status_code == status

    def test_subdomain_matching(self, peer, status):
        app = configure(
            Flask(__name__, subdomain_matching=True, static_folder=None),
            SERVER_NAME="example.com",
        )
        TrustProxy(app)
        app.add_url_rule("/", view_func=see, subdomain="shop")
        headers = {**HEADERS, "Host": "backend.example.com"}
        response = app.test_client().get("/", headers=headers, environ_overrides=peer)
        assert response.status_code == status

    # Flask 2.2 to 3.0 warn of the other host that it is.
    @pytest.mark.filterwarnings("ignore:Current server name:UserWarning")
    def test_server_name(self, peer, status):
        """Flask 2.2 to 3.0 serves no other host, so the believed one must be there."""
        app = make_app(SERVER_NAME="shop.example.com")
        response = app.test_client().get("/", headers=HEADERS, environ_overrides=peer)
        assert response.status_code == (200 if READS_TRUSTED_HOSTS else status)


if READS_TRUSTED_HOSTS:

    class TestTrustedHosts:
        """Flask 3.1 judges HTTP_HOST when it binds the URLs."""

        @pytest.mark.parametrize(
            ("trusted", "peer", "status"),
            [
                pytest.param("shop.example.com", PEER, 200, id="the believed one is trusted"),
                pytest.param("backend", PEER, 400, id="the believed one is not"),
                pytest.param("backend", STRANGER, 200, id="a forged one is not looked at"),
                pytest.param("shop.example.com", STRANGER, 400, id="a forged one is no help"),
            ],
        )
        def test_the_believed_host_is_judged(self, trusted, peer, status):
            app = make_app(TRUSTED_HOSTS=[trusted])
            response = app.test_client().get("/", headers=HEADERS, environ_overrides=peer)
            assert response.status_code == status

        @pytest.mark.parametrize("lost", [False, True], ids=["", "the middleware was lost"])
        def test_the_400_handler_knows_the_client(self, lost):
            app = configure(Flask(__name__), TRUSTED_HOSTS=["other.example.com"])
            bare = app.wsgi_app
            TrustProxy(app)
            if lost:
                app.wsgi_app = bare
            app.before_request(lambda: seen.append(request.client_ip))
            app.register_error_handler(400, lambda error: (str(request.client_ips), 400))
            seen = []
            response = app.test_client().get("/", headers=HEADERS, environ_overrides=PEER)
            assert response.text == "['2001:db8:1:2::9', '10.0.0.1']"
            assert seen == ["2001:db8:1:2::9"]


CHAIN = {"X-Forwarded-For": "203.0.113.1, 192.168.1.100", "X-Forwarded-Proto": "https"}


def client_of(app, peer="127.0.0.1", headers=CHAIN, path="/"):
    response = app.test_client().get(
        path, headers=headers, environ_overrides={"REMOTE_ADDR": peer}
    )
    assert response.status_code == 200
    return response.text


def plain_app(**config):
    app = Flask(__name__)
    app.config.update(config)
    TrustProxy(app)
    app.add_url_rule("/", "client", lambda: f"{request.client_ip} {request.scheme}")
    return app


class TestLaterChangesOfTheConfig:
    @pytest.mark.parametrize(
        ("before", "after", "clients"),
        [
            pytest.param(
                "loopback", False, ["192.168.1.100 https", "127.0.0.1 http"], id="another value"
            ),
            pytest.param(
                True, 1, ["203.0.113.1 https", "192.168.1.100 https"], id="True is not 1"
            ),
            pytest.param(
                1, True, ["192.168.1.100 https", "203.0.113.1 https"], id="1 is not True"
            ),
            pytest.param(
                0, False, ["127.0.0.1 http", "127.0.0.1 http"], id="0 and False say the same"
            ),
            pytest.param(
                False, 0.0, ["127.0.0.1 http", None], id="0.0 equals False and is a mistake"
            ),
            pytest.param(
                "192.0.2.1", None, ["127.0.0.1 http", "192.168.1.100 https"], id="None is unset"
            ),
            pytest.param(
                ["127.0.0.1"],
                ["127.0.0.1", "192.168.0.0/16"],
                ["192.168.1.100 https", "203.0.113.1 https"],
                id="a list is replaced",
            ),
        ],
    )
    def test_a_value_that_was_replaced(self, before, after, clients):
        app = plain_app(TRUST_PROXY=before)
        assert client_of(app) == clients[0]
        app.config["TRUST_PROXY"] = after
        if clients[1] is None:
            with pytest.raises(SettingError):
                client_of(app)
        else:
            assert client_of(app) == clients[1]
        app.config["TRUST_PROXY"] = before
        assert client_of(app) == clients[0]

    @pytest.mark.parametrize(
        ("name", "value", "client"),
        [
            ("TRUST_PROXY_HEADERS", "none", "127.0.0.1 http"),
            ("TRUST_PROXY_HEADERS", "X-Forwarded-For", "203.0.113.1 http"),
            ("TRUST_PROXY_MAX_HOPS", 1, "192.168.1.100 https"),
        ],
    )
    def test_each_setting(self, name, value, client):
        app = plain_app(TRUST_PROXY="loopback, uniquelocal")
        assert client_of(app) == "203.0.113.1 https"
        app.config[name] = value
        assert client_of(app) == client

    def test_clean_headers(self):
        app = plain_app()
        app.add_url_rule("/h", "h", lambda: str(flask.request.headers.get("X-Real-IP")))
        headers = {"X-Real-IP": "6.6.6.6"}
        assert client_of(app, headers=headers, path="/h") == "None"
        app.config["TRUST_PROXY_CLEAN_HEADERS"] = False
        assert client_of(app, headers=headers, path="/h") == "6.6.6.6"

    def test_a_value_that_was_removed(self, monkeypatch):
        monkeypatch.setenv("TRUST_PROXY", "192.0.2.1")
        app = plain_app(TRUST_PROXY="loopback")
        assert client_of(app) == "192.168.1.100 https"
        del app.config["TRUST_PROXY"]
        assert client_of(app) == "127.0.0.1 http"
        assert client_of(app, "192.0.2.1") == "192.168.1.100 https"

    def test_a_whole_config_that_was_replaced(self):
        app = plain_app()
        app.config = flask.Config(app.root_path, {**app.config, "TRUST_PROXY": False})
        assert client_of(app) == "127.0.0.1 http"

    def test_values_that_another_thread_replaces_meanwhile_are_not_mixed(self):
        one = {"TRUST_PROXY": "192.0.2.1", "TRUST_PROXY_HEADERS": "X-Forwarded-For"}
        other = {"TRUST_PROXY": "192.0.2.2", "TRUST_PROXY_HEADERS": "X-Real-IP"}

        class Replaced(flask.Config):
            def get(self, key, default=None):
                value = super().get(key, default)
                if key == "TRUST_PROXY":
                    self.update(other if value == one[key] else one)
                return value

        app = plain_app()
        app.config = Replaced(app.root_path, {**app.config, **one})
        settings = app.extensions["trustproxy"].settings
        assert {name: settings.given[name].value for name in one} in (one, other)

    def test_the_environment_is_read_once(self, monkeypatch):
        app = plain_app()
        monkeypatch.setenv("TRUST_PROXY", "loopbck")
        assert client_of(app) == "192.168.1.100 https"
        app.config["TRUST_PROXY_MAX_HOPS"] = 2
        assert client_of(app) == "192.168.1.100 https"

    def test_they_are_compiled_once(self, caplog):
        caplog.set_level("INFO", "flask_trustproxy")
        app = plain_app()
        state = app.extensions["trustproxy"]
        first = state.settings
        for _ in range(3):
            client_of(app)
        assert state.settings is first
        assert len(caplog.records) == 1

    def test_a_mistake_raises_on_each_request_until_it_is_fixed(self):
        app = plain_app()
        app.config["TRUST_PROXY"] = "loopbck"
        for _ in range(3):
            with pytest.raises(SettingError) as caught:
                client_of(app)
            assert str(caught.value) == (
                "TRUST_PROXY='loopbck' (from app.config): expected an address, a network or a "
                "name ('loopback', 'linklocal', 'uniquelocal', 'unix'). Did you mean "
                "'loopback'?"
            )
        with pytest.raises(SettingError):
            app.test_request_context()
        app.config["TRUST_PROXY_MAX_HOPS"] = 2  # mends nothing
        with pytest.raises(SettingError):
            client_of(app)
        app.config["TRUST_PROXY"] = "loopback"
        assert client_of(app) == "192.168.1.100 https"

    @pytest.mark.parametrize("lost", ["middleware", "both"])
    def test_a_mistake_raises_where_the_middleware_was_lost(self, lost):
        app = Flask(__name__)
        bare = app.wsgi_app
        TrustProxy(app)
        app.add_url_rule("/", view_func=lambda: "reached")
        app.wsgi_app = bare
        if lost == "both":
            app.request_class = Flask.request_class
        app.testing = True  # Flask hands on what its functions raise
        app.config["TRUST_PROXY"] = "loopbck"
        with pytest.raises(SettingError):
            app.test_client().get("/")

    def test_two_that_make_no_sense_together(self):
        app = plain_app(TRUST_PROXY=3)
        app.config["TRUST_PROXY_MAX_HOPS"] = 2
        with pytest.raises(SettingError, match="^TRUST_PROXY=3 "):
            client_of(app)
        app.config["TRUST_PROXY"] = 2
        assert client_of(app) == "203.0.113.1 https"

    def test_they_are_swapped_as_one_object(self):
        """What changes while one snapshot is compiled counts from the next request."""
        app = plain_app(TRUST_PROXY_MAX_HOPS=1)
        state = app.extensions["trustproxy"]

        class Meddling:
            @property
            def __signature__(self):
                app.config["TRUST_PROXY_MAX_HOPS"] = 5
                raise ValueError("none")

            def __call__(self, address, hop):
                return True

        app.config["TRUST_PROXY"] = meddling = Meddling()
        settings = state.settings
        assert settings.given["TRUST_PROXY"].value is meddling
        assert settings.policy.max_hops == settings.given["TRUST_PROXY_MAX_HOPS"].value == 1
        assert state.settings.policy.max_hops == 5

    def test_a_change_during_a_request_counts_from_the_next(self):
        app = plain_app()

        def change():
            app.config["TRUST_PROXY"] = False
            app.config["TRUST_PROXY_REQUIRED"] = False

        app.url_value_preprocessor(lambda endpoint, values: change())
        assert client_of(app) == "192.168.1.100 https"
        assert client_of(app) == "127.0.0.1 http"

    def test_a_test_that_overrides_a_factorys_config(self, monkeypatch):
        app = plain_app(TRUST_PROXY="192.0.2.1")
        with monkeypatch.context() as patch:
            patch.setitem(app.config, "TRUST_PROXY", "loopback")
            assert client_of(app) == "192.168.1.100 https"
        assert client_of(app) == "127.0.0.1 http"


class Slow:
    """A policy that is compiled when a test says so, and remembers how often."""

    def __init__(self):
        self.compiled = 0
        self.started, self.go_on = threading.Event(), threading.Event()

    @property
    def __signature__(self):
        self.compiled += 1
        self.started.set()
        assert self.go_on.wait(20)
        raise ValueError("none")

    def __call__(self, address, hop):
        return False


class Asked(flask.Config):
    """A config that tells when a certain thread asks for its values."""

    def __init__(self, config, thread_name):
        super().__init__("", config)
        self._thread_name, self.asked = thread_name, threading.Event()

    def get(self, key, default=None):
        if threading.current_thread().name == self._thread_name:
            self.asked.set()
        return super().get(key, default)


def answer(app):
    """Who the client is, or the setting that has a mistake."""
    try:
        return client_of(app)
    except SettingError as error:
        return error.setting


class TestManyThreads:
    """A setting was replaced, and many requests come at once."""

    @contextlib.contextmanager
    def compiling(self, app, slow):
        """One thread compiles meanwhile; gives what it answers in the end."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(answer(app)))
        thread.start()
        try:
            assert slow.started.wait(20)
            yield answers
        finally:
            slow.go_on.set()
            thread.join(20)

    def test_one_compiles_and_the_others_go_on_with_the_settings_in_force(self):
        app, slow = plain_app(), Slow()
        app.config["TRUST_PROXY"] = slow
        with self.compiling(app, slow) as first:
            assert [client_of(app) for _ in range(8)] == ["192.168.1.100 https"] * 8
        assert first == ["127.0.0.1 http"]
        assert client_of(app) == "127.0.0.1 http"
        assert slow.compiled == 1

    def test_what_was_replaced_meanwhile_is_compiled_after_it(self):
        app, slow = plain_app(), Slow()
        app.config["TRUST_PROXY"] = slow
        with self.compiling(app, slow):
            app.config["TRUST_PROXY"] = "192.0.2.1"
            assert client_of(app) == "192.168.1.100 https"
        assert client_of(app, "192.0.2.1") == "192.168.1.100 https"

    def test_nobody_goes_on_once_a_mistake_is_known(self):
        app, slow = plain_app(), Slow()
        app.config.update(TRUST_PROXY=slow, TRUST_PROXY_MAX_HOPS="many")
        slow.go_on.set()
        assert answer(app) == "TRUST_PROXY_MAX_HOPS"
        slow.go_on.clear()
        slow.started.clear()
        app.config = config = Asked(app.config, "second")
        second = []
        waiting = threading.Thread(target=lambda: second.append(answer(app)), name="second")
        with self.compiling(app, slow) as first:
            waiting.start()
            assert config.asked.wait(20)
            assert second == []
        waiting.join(20)
        assert first + second == ["TRUST_PROXY_MAX_HOPS"] * 2

    def test_a_mistake_that_was_fixed_meanwhile_stops_nobody(self):
        app, slow = plain_app(), Slow()
        app.config.update(TRUST_PROXY=slow, TRUST_PROXY_MAX_HOPS="many")
        slow.go_on.set()
        assert answer(app) == "TRUST_PROXY_MAX_HOPS"
        slow.go_on.clear()
        slow.started.clear()
        app.config = config = Asked(app.config, "second")
        second = []
        waiting = threading.Thread(target=lambda: second.append(answer(app)), name="second")
        with self.compiling(app, slow) as first:
            config["TRUST_PROXY_MAX_HOPS"] = 2
            waiting.start()
            assert config.asked.wait(20)
        waiting.join(20)
        assert (first, second) == (["TRUST_PROXY_MAX_HOPS"], ["127.0.0.1 http"])

    def test_a_log_that_asks_for_the_settings_does_not_wait_for_itself(self):
        app = plain_app(TRUST_PROXY_MAX_HOPS="3")
        seen = []

        class Asking(logging.Handler):
            def emit(self, record):
                seen.append(app.extensions["trustproxy"].settings.policy.max_hops)

        handler, logger = Asking("INFO"), logging.getLogger("flask_trustproxy")
        app.config["TRUST_PROXY"] = True
        logger.addHandler(handler)
        try:
            assert client_of(app) == "203.0.113.1 https"
        finally:
            logger.removeHandler(handler)
        assert set(seen) == {3}


class TestForkWhileOneCompiles:
    pytestmark = forks

    @pytest.mark.parametrize("mistake", [False, True], ids=["", "a mistake is known"])
    def test_a_child_compiles_for_itself(self, mistake):
        app, slow = plain_app(), Slow()
        if mistake:
            app.config["TRUST_PROXY"] = "loopbck"
            assert answer(app) == "TRUST_PROXY"
        app.config["TRUST_PROXY"] = slow

        def child():
            app.config["TRUST_PROXY"] = False
            return client_of(app)

        with TestManyThreads().compiling(app, slow):
            assert in_a_child(child) == "127.0.0.1 http"


class TestSeveralApps:
    def test_one_trustproxy_for_apps_with_their_own_settings(self):
        trust = TrustProxy()
        apps = []
        for value in (True, 1, False):
            app = Flask(__name__)
            app.config["TRUST_PROXY"] = value
            trust.init_app(app)
            app.add_url_rule("/", view_func=lambda: request.client_ip)
            apps.append(app)
        assert [client_of(app) for app in apps] == ["203.0.113.1", "192.168.1.100", "127.0.0.1"]
        apps[0].config["TRUST_PROXY"] = False
        assert [client_of(app) for app in apps] == ["127.0.0.1", "192.168.1.100", "127.0.0.1"]
        assert len({id(app.extensions["trustproxy"]) for app in apps}) == 3

    @pytest.mark.parametrize("again", ["the same object", "another object", "the constructor"])
    def test_init_app_twice_is_once(self, again, caplog):
        trust = TrustProxy()
        app = configure(Flask(__name__))
        trust.init_app(app)
        before = (app.wsgi_app, app.request_class, app.extensions["trustproxy"])
        hooks = list(app.before_request_funcs[None])
        caplog.set_level("INFO", "flask_trustproxy")
        caplog.clear()
        if again == "the same object":
            trust.init_app(app)
        elif again == "another object":
            TrustProxy().init_app(app)
        else:
            TrustProxy(app)
        assert (app.wsgi_app, app.request_class, app.extensions["trustproxy"]) == before
        assert app.before_request_funcs[None] == hooks
        assert caplog.records == []

    def test_the_state_holds_the_settings(self):
        app = make_app()
        settings = app.extensions["trustproxy"].settings
        assert settings.given["TRUST_PROXY"] == ("10.0.0.0/8", "from app.config")
        assert settings.policy.max_hops == 16

    def test_an_app_that_is_dropped_is_not_kept(self):
        """A factory that each test calls must not fill the memory."""
        trust = TrustProxy()
        counts = []
        for _ in range(3):
            app = Flask(__name__)
            trust.init_app(app)
            client_of_app = app.test_client()
            client_of_app.get("/")
            del app, client_of_app
            gc.collect()
            counts.append(Counter(type(each).__name__ for each in gc.get_objects())["AppTrust"])
        assert len(set(counts)) == 1

    def test_after_the_first_request(self):
        app = Flask(__name__)
        app.add_url_rule("/", view_func=lambda: str(flask.request.remote_addr))
        assert client_of(app) == "127.0.0.1"
        TrustProxy(app)
        assert client_of(app) == "192.168.1.100"


class OwnRequest(flask.Request):
    """An app's own."""

    greeting = "hello"

    def __init__(self, environ, *args, **kwargs):
        self.seen = environ["REMOTE_ADDR"]
        super().__init__(environ, *args, **kwargs)

    @property
    def doubled(self):
        return self.greeting * 2


class OwnProxiedRequest(ProxiedRequest):
    greeting = "hello"

    @property
    def loud(self):
        return f"{self.client_ip}!"


class TestRequestClasses:
    def test_one_that_was_set_before_is_kept_as_a_base(self):
        app = Flask(__name__)
        app.request_class = OwnRequest
        TrustProxy(app)
        app.add_url_rule(
            "/", view_func=lambda: f"{request.client_ip} {request.seen} {request.doubled}"
        )
        # Its own __init__ finds the environ rewritten.
        assert client_of(app) == "192.168.1.100 192.168.1.100 hellohello"
        assert issubclass(app.request_class, OwnRequest)
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            assert getattr(app.request_class, name) == getattr(OwnRequest, name)
        assert not hasattr(OwnRequest, "client_ip")  # which other apps may use

    def test_ours_is_kept_as_a_base(self):
        app = Flask(__name__)
        app.request_class = OwnProxiedRequest
        TrustProxy(app)
        app.add_url_rule("/", view_func=lambda: request.loud)
        assert client_of(app) == "192.168.1.100!"

    @pytest.mark.parametrize("lost", [False, True], ids=["", "the middleware was lost too"])
    @pytest.mark.parametrize("replacement", [OwnRequest, OwnProxiedRequest, flask.Request])
    def test_one_that_replaced_ours_later(self, lost, replacement):
        app = Flask(__name__)
        bare = app.wsgi_app
        TrustProxy(app)
        app.request_class = replacement
        if lost:
            app.wsgi_app = bare
        seen = []

        def record(*arguments):
            seen.append(
                (
                    request.client_ip,
                    request.client_ips,
                    get_client_ip(),
                    flask.request.remote_addr,
                    flask.request.scheme,
                    flask.request.is_secure,
                    flask.request.environ["REMOTE_ADDR"],
                )
            )
            return "ok"

        app.before_request_funcs[None].append(lambda: record() and None)
        app.add_url_rule("/", view_func=record)
        app.teardown_request(record)
        assert client_of(app) == "ok"
        ip = "192.168.1.100"
        assert seen == [(ip, [ip], ip, ip, "https", True, ip)] * 3

    def test_a_hook_that_was_registered_before_is_not_first(self):
        """Ours is first in line, so that all others find the attributes."""
        seen = []
        app = Flask(__name__)
        app.before_request(lambda: seen.append(request.client_ip))
        TrustProxy(app)
        app.before_request(lambda: seen.append(request.client_ip))
        app.request_class = flask.Request
        app.add_url_rule("/", view_func=lambda: "ok")
        client_of(app)
        assert seen == ["192.168.1.100", "192.168.1.100"]

    def test_an_attribute_of_a_later_class_is_its_own_choice(self):
        class Stubborn(flask.Request):
            @property
            def client_ip(self):
                return "my own"

        app = Flask(__name__)
        TrustProxy(app)
        app.request_class = Stubborn
        app.add_url_rule("/", view_func=lambda: f"{request.client_ip} {request.client_ips}")
        assert client_of(app) == "my own ['192.168.1.100']"

    def test_apps_may_share_one(self):
        first, second = Flask("first"), Flask("second")
        second.config["TRUST_PROXY"] = False
        TrustProxy(first)
        second.request_class = first.request_class
        bare = second.wsgi_app
        TrustProxy(second)
        second.wsgi_app = bare  # so that the request class has to do it
        for app in (first, second):
            app.add_url_rule("/", view_func=lambda: request.client_ip)
        assert [client_of(first), client_of(second)] == ["192.168.1.100", "127.0.0.1"]

    @pytest.mark.parametrize("name", ["client_ip", "client_ips"])
    @pytest.mark.parametrize(
        ("base", "inherited"),
        [
            pytest.param(flask.Request, False, id="in Flask's own"),
            pytest.param(flask.Request, True, id="inherited"),
            pytest.param(ProxiedRequest, False, id="instead of ours"),
        ],
    )
    @pytest.mark.parametrize(
        "value", [property(lambda self: 1), "text", None], ids=["property", "text", "None"]
    )
    def test_an_attribute_of_our_name_is_a_mistake_at_the_start(
        self, name, base, inherited, value
    ):
        own = type("Own", (base,), {name: value})
        if inherited:
            own = type("Derived", (own,), {})
        app = Flask(__name__)
        app.request_class = own
        with pytest.raises(SettingError) as caught:
            TrustProxy(app)
        assert str(caught.value) == (
            f"app.request_class={own!r} (set by the app): expected a class without an "
            f"attribute {name!r}, which TrustProxy adds. Remove or rename it"
        )

    def test_an_annotation_is_no_attribute(self):
        class Annotated(flask.Request):
            client_ip: str | None

        app = Flask(__name__)
        app.request_class = Annotated
        TrustProxy(app)
        app.add_url_rule("/", view_func=lambda: request.client_ip)
        assert client_of(app) == "192.168.1.100"


class Link:
    """A WSGI middleware whose next one is in an attribute."""

    def __init__(self, inner, name):
        setattr(self, name, inner)
        self.inner = inner

    def __call__(self, environ, start_response):
        return self.inner(environ, start_response)


def a_broken_class():
    class Final(flask.Request):
        def __init_subclass__(cls):
            raise TypeError("Final has no subclasses")

    return Final


class TestAFailingStart:
    @pytest.mark.parametrize(
        "wrap",
        [
            pytest.param(lambda fix: fix, id="the outermost"),
            pytest.param(lambda fix: Link(fix, "app"), id="behind .app"),
            pytest.param(lambda fix: Link(fix, "wsgi_app"), id="behind .wsgi_app"),
            pytest.param(
                lambda fix: Link(Link(Link(fix, "wsgi_app"), "app"), "wsgi_app"), id="deep"
            ),
            pytest.param(lambda fix: ProxyFix(fix), id="two of them"),
            pytest.param(lambda fix: DispatcherMiddleware(fix), id="within a dispatcher"),
            pytest.param(lambda fix: Link(fix, "application"), id="behind .application"),
            pytest.param(lambda fix: Link(fix, "wrapped"), id="behind .wrapped"),
            pytest.param(
                lambda fix: Link(fix, "__wrapped__"), id="behind __wrapped__ of an object"
            ),
            pytest.param(
                lambda fix: functools.wraps(fix)(lambda *request: fix(*request)),
                id="behind a function that wraps it",
            ),
        ],
    )
    def test_a_proxyfix_is_refused_with_the_mend(self, wrap):
        app = Flask(__name__)
        fix = ProxyFix(app.wsgi_app)
        app.wsgi_app = wrap(fix)
        first = app.wsgi_app if isinstance(app.wsgi_app, ProxyFix) else fix
        with pytest.raises(SettingError) as caught:
            TrustProxy(app)
        assert str(caught.value) == (
            f"app.wsgi_app={first!r} (set by the app): remove ProxyFix: TrustProxy replaces "
            "it, and both together can be forged. If a package makes it, call TrustProxy(app, "
            "replace_proxy_fix=True). How to convert your numbers: "
            "https://flask-trustproxy.example.com/migrating/#from-proxyfix"
        )

    def test_a_subclass_of_proxyfix_is_one(self):
        app = Flask(__name__)
        app.wsgi_app = type("Fix", (ProxyFix,), {})(app.wsgi_app)
        with pytest.raises(SettingError, match="remove ProxyFix"):
            TrustProxy(app)

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda app: Link(app.wsgi_app, "app"), id="a middleware"),
            pytest.param(lambda app: Link(app, "app"), id="one that links to the app itself"),
            pytest.param(lambda app: DispatcherMiddleware(app.wsgi_app), id="a dispatcher"),
            pytest.param(lambda app: Link(None, "app"), id="one that ends"),
        ],
    )
    def test_other_middlewares_are_not_refused(self, make):
        app = Flask(__name__)
        app.wsgi_app = make(app)
        TrustProxy(app)
        assert app.wsgi_app is app.extensions["trustproxy"]

    def test_a_chain_that_bites_its_tail(self):
        app = Flask(__name__)
        first, second = Link(None, "app"), Link(None, "app")
        first.app, second.app = second, first
        app.wsgi_app = first
        TrustProxy(app)
        assert app.wsgi_app is app.extensions["trustproxy"]

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            pytest.param({"config": {"TRUST_PROXY": "loopbck"}}, SettingError, id="a setting"),
            pytest.param(
                {"config": {"TRUST_PROXY": 1, "TRUST_PROXY_REQUIRED": True}},
                SettingError,
                id="two settings together",
            ),
            pytest.param({"proxy_fix": True}, SettingError, id="a ProxyFix"),
            pytest.param(
                {"request_class": type("Own", (flask.Request,), {"client_ip": None})},
                SettingError,
                id="a request class with our attribute",
            ),
            pytest.param(
                {"request_class": a_broken_class()},
                TypeError,
                id="a request class that cannot be derived from",
            ),
        ],
    )
    def test_the_app_is_left_as_it_was(self, change, error):
        app = Flask(__name__)
        app.before_request(lambda: None)
        app.config.update(change.get("config", {}))
        app.request_class = change.get("request_class", app.request_class)
        if change.get("proxy_fix"):
            app.wsgi_app = ProxyFix(app.wsgi_app)

        def state():
            return (
                app.wsgi_app,
                app.request_class,
                dict(app.extensions),
                {key: list(value) for key, value in app.before_request_funcs.items()},
                dict(app.config),
            )

        before = state()
        for _ in range(2):  # nor does a second try think that it is done
            with pytest.raises(error):
                TrustProxy(app)
            assert state() == before

    def test_the_constructor_without_an_app_asks_for_nothing(self, monkeypatch):
        monkeypatch.setenv("TRUST_PROXY", "loopbck")
        TrustProxy()


PROXY_FIX = (
    "ProxyFix runs before TrustProxy and has already replaced the client's address, so "
    "TrustProxy cannot check it. Remove ProxyFix"
)


def test_a_proxyfix_that_is_put_on_later_is_warned_of_once(caplog):
    app = plain_app()
    app.wsgi_app = ProxyFix(app.wsgi_app)
    for _ in range(3):
        client_of(app, headers={})
    assert warnings_of(caplog) == [PROXY_FIX]


def mounted(outer, inner):
    """An app of which another one is a part, below /b."""
    apps = []
    for value in (outer, inner):
        app = Flask(__name__)
        app.config["TRUST_PROXY"] = value
        app.add_url_rule(
            "/", view_func=lambda: f"{request.client_ip} {request.scheme} {request.script_root}"
        )
        apps.append(app)
    return apps


class TestDispatchers:
    def test_outside_of_it_both_apps_are_covered_and_the_outer_decides(self):
        outer, inner = mounted(False, True)
        outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/b": inner})
        TrustProxy(outer)
        TrustProxy(inner)
        assert client_of(outer) == "127.0.0.1 http "
        assert client_of(outer, path="/b/") == "127.0.0.1 http /b"
        assert client_of(inner) == "203.0.113.1 https "

    def test_inside_of_it_each_app_decides_for_itself(self):
        outer, inner = mounted(False, True)
        TrustProxy(outer)
        TrustProxy(inner)
        outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/b": inner})
        assert client_of(outer) == "127.0.0.1 http "
        assert client_of(outer, path="/b/") == "203.0.113.1 https /b"

    def test_the_originals_are_those_of_the_outer(self):
        outer, inner = mounted("loopback", "loopback")
        outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/b": inner})
        TrustProxy(outer)
        TrustProxy(inner)
        inner.add_url_rule(
            "/o", "original", lambda: flask.request.environ["flask_trustproxy.original"]
        )
        original = client_of(outer, path="/b/o")
        assert '"REMOTE_ADDR":"127.0.0.1"' in original.replace(" ", "")

    def test_nobody_warns_of_a_lost_middleware(self, caplog):
        outer, inner = mounted("loopback", "loopback")
        TrustProxy(outer)
        TrustProxy(inner)
        outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/b": inner})
        client_of(outer)
        client_of(outer, path="/b/")
        assert warnings_of(caplog) == []

    def test_a_request_that_an_app_makes_of_its_own_has_its_own_answer(self):
        """A view that asks another app sends another environ."""
        outer, inner = mounted("loopback", False)
        TrustProxy(outer)
        TrustProxy(inner)
        outer.add_url_rule("/ask", "ask", lambda: client_of(inner, "192.0.2.1"))
        assert client_of(outer, path="/ask") == "192.0.2.1 http "


LOST = (
    "TrustProxy's middleware is not in app.wsgi_app any more, so its work was done late. "
    "Create TrustProxy last, after everything that replaces app.wsgi_app"
)


def test_a_lost_middleware_is_said_once(caplog):
    app = Flask(__name__)
    bare = app.wsgi_app
    TrustProxy(app)
    app.add_url_rule("/", view_func=lambda: request.client_ip)
    assert client_of(app) == "192.168.1.100"
    assert warnings_of(caplog) == []
    app.wsgi_app = bare
    for _ in range(3):
        assert client_of(app) == "192.168.1.100"
    assert warnings_of(caplog) == [LOST]


def test_a_middleware_put_on_later_sees_what_the_server_sent():
    """It stands outside: only the environ that it hands on is rewritten."""
    seen = []
    app = plain_app()
    inner = app.wsgi_app

    def outside(environ, start_response):
        seen.append(environ["REMOTE_ADDR"])
        response = inner(environ, start_response)
        seen.append(environ["REMOTE_ADDR"])  # as an access log reads it
        return response

    app.wsgi_app = outside
    client_of(app)
    assert seen == ["127.0.0.1", "192.168.1.100"]


@pytest.mark.parametrize(
    ("trust", "peer", "ip", "ips"),
    [
        pytest.param(
            True, "127.0.0.1", "203.0.113.1", ["203.0.113.1", "192.168.1.100"], id="everybody"
        ),
        pytest.param(False, "192.168.1.100", "192.168.1.100", [], id="nobody"),
    ],
)
def test_the_two_answers_that_every_user_compares_with(trust, peer, ip, ips):
    app = Flask(__name__)
    app.config["TRUST_PROXY"] = trust
    TrustProxy(app)
    app.add_url_rule(
        "/", view_func=lambda: {"ip": request.client_ip, "ips": request.client_ips}
    )
    response = app.test_client().get(
        "/",
        headers={"X-Forwarded-For": "203.0.113.1, 192.168.1.100"},
        environ_overrides={"REMOTE_ADDR": peer},
    )
    assert response.get_json() == {"ip": ip, "ips": ips}


class TestTheGuard:
    """A function before each request, which is there only while it may be needed."""

    @staticmethod
    def guards(app):
        return len(app.before_request_funcs[None])

    def ask(self, app):
        response = app.test_client().get(
            "/",
            headers={"X-Forwarded-For": "203.0.113.9"},
            environ_overrides={"REMOTE_ADDR": "10.0.0.2"},
        )
        return response.json["client_ip"], self.guards(app)

    def test_it_stands_down_after_a_healthy_request(self):
        app = make_app()
        assert self.guards(app) == 1
        assert self.ask(app) == ("203.0.113.9", 0)
        assert self.ask(app) == ("203.0.113.9", 0)

    def test_other_functions_stay(self):
        app = make_app()
        app.before_request(lambda: None)
        assert self.ask(app) == ("203.0.113.9", 1)

    def test_it_is_back_if_the_middleware_is_lost(self, caplog):
        app = make_app()
        plain = app.wsgi_app.app
        self.ask(app)
        app.wsgi_app = plain
        assert self.ask(app) == ("203.0.113.9", 1)
        assert "is not in app.wsgi_app any more" in caplog.text

    def test_it_is_back_if_the_request_class_is_lost(self):
        app = make_app()
        self.ask(app)
        app.request_class = flask.Request
        assert self.ask(app) == ("203.0.113.9", 1)

    def test_it_is_back_beside_functions_of_the_app(self):
        app = make_app()
        order = []
        app.before_request(lambda: order.append(request.client_ip))
        self.ask(app)
        app.request_class = flask.Request
        assert self.ask(app) == ("203.0.113.9", 2)
        assert order == ["203.0.113.9"] * 2

    @pytest.mark.parametrize(
        "config",
        [
            pytest.param({"TRUST_PROXY_REQUIRED": True}, id="proxies are required"),
            pytest.param({"TRUST_PROXY_REQUIRED": "/healthz"}, id="a path is open"),
        ],
    )
    def test_it_stays_while_it_refuses(self, config):
        assert self.ask(make_app(**config)) == ("203.0.113.9", 1)

    def test_it_stays_while_the_app_refuses_hosts(self):
        app = make_app()
        app.request_class.trusted_hosts = ["localhost"]
        assert self.ask(app) == ("203.0.113.9", 1)

    def test_it_is_back_if_settings_are_replaced(self):
        app = make_app()
        self.ask(app)
        app.config["TRUST_PROXY_REQUIRED"] = "/healthz"
        assert self.ask(app) == ("203.0.113.9", 1)

    def test_it_is_back_if_proxies_are_required_and_the_middleware_is_lost(self):
        app = make_app()
        plain = app.wsgi_app.app
        self.ask(app)
        app.config["TRUST_PROXY_REQUIRED"] = True
        app.wsgi_app = plain
        response = app.test_client().get("/", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
        assert response.status_code == 403
