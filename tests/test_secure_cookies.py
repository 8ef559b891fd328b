"""TRUST_PROXY_SECURE_COOKIES: which cookies get Secure on a request that is https."""

from __future__ import annotations

import sys

import pytest
from flask import Flask, make_response, session
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import TrustProxy, TrustProxyMiddleware

HTTPS = {"X-Forwarded-Proto": "https"}


def make_app(**config):
    """An app that sets the session's cookie, and another one."""
    app = Flask(__name__)
    app.secret_key = "for tests"
    app.config.update(config)
    TrustProxy(app)

    @app.get("/")
    def index():
        session["user"] = "u"
        response = make_response("ok")
        response.set_cookie("theme", "dark")
        return response

    @app.get("/out")
    def out():
        session.clear()
        response = make_response("out")
        response.delete_cookie("theme")
        return response

    return app


def secure_names(response):
    """The cookies of a response that are Secure, each marked exactly once."""
    names = []
    for cookie in response.headers.getlist("Set-Cookie"):
        pair, *attributes = cookie.split(";")
        marks = [a for a in attributes if a.partition("=")[0].strip().lower() == "secure"]
        assert len(marks) <= 1
        names += [pair.partition("=")[0]] * len(marks)
    return sorted(names)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param({}, ["session"], id="the default is the session's cookie"),
        pytest.param({"TRUST_PROXY_SECURE_COOKIES": "session"}, ["session"], id="session"),
        pytest.param({"TRUST_PROXY_SECURE_COOKIES": "ALL"}, ["session", "theme"], id="all"),
        pytest.param({"TRUST_PROXY_SECURE_COOKIES": False}, [], id="False"),
        pytest.param({"TRUST_PROXY_SECURE_COOKIES": "off"}, [], id="a word for off"),
        pytest.param(
            {"SESSION_COOKIE_SECURE": True}, ["session"], id="Flask marks it by itself"
        ),
        pytest.param(
            {"TRUST_PROXY_SECURE_COOKIES": False, "SESSION_COOKIE_SECURE": True},
            ["session"],
            id="False never lowers",
        ),
        pytest.param(
            {"SESSION_COOKIE_NAME": "__Host-sid"}, ["__Host-sid"], id="another session cookie"
        ),
        pytest.param(
            {"SESSION_COOKIE_NAME": "theme-of-session"},
            ["theme-of-session"],
            id="a name that begins as another cookie's does",
        ),
        pytest.param(
            {"SESSION_COOKIE_NAME": "them"}, ["them"], id="a name that another one begins with"
        ),
        pytest.param(
            {"SESSION_COOKIE_HTTPONLY": False, "SESSION_COOKIE_SAMESITE": "Lax"},
            ["session"],
            id="whatever else it says",
        ),
    ],
)
def test_which_cookies_of_a_flask_app(setting, expected):
    response = make_app(**setting).test_client().get("/", headers=HTTPS)
    assert len(response.headers.getlist("Set-Cookie")) == 2
    assert secure_names(response) == expected


@pytest.mark.parametrize(
    ("peer", "headers", "base_url", "expected"),
    [
        pytest.param("127.0.0.1", HTTPS, "http://a.example.com", True, id="a trusted https"),
        pytest.param("127.0.0.1", {}, "https://a.example.com", True, id="https itself"),
        pytest.param("127.0.0.1", {}, "http://a.example.com", False, id="http itself"),
        pytest.param(
            "127.0.0.1",
            {"X-Forwarded-Proto": "http"},
            "https://a.example.com",
            False,
            id="a trusted http over https: the client's own connection counts",
        ),
        pytest.param(
            "127.0.0.1",
            {"X-Forwarded-Proto": "wss"},
            "http://a.example.com",
            True,
            id="wss is https",
        ),
        pytest.param("198.51.100.7", HTTPS, "http://a.example.com", False, id="a forged https"),
    ],
)
def test_only_on_a_request_that_is_https(peer, headers, base_url, expected):
    response = (
        make_app(TRUST_PROXY_SECURE_COOKIES="all")
        .test_client()
        .get("/", headers=headers, base_url=base_url, environ_overrides={"REMOTE_ADDR": peer})
    )
    assert secure_names(response) == (["session", "theme"] if expected else [])


def test_the_setting_and_the_cookies_name_follow_the_config():
    app = make_app()
    client = app.test_client()
    assert secure_names(client.get("/", headers=HTTPS)) == ["session"]
    app.config["SESSION_COOKIE_NAME"] = "sid"
    assert secure_names(client.get("/", headers=HTTPS)) == ["sid"]
    app.config["TRUST_PROXY_SECURE_COOKIES"] = "all"
    assert secure_names(client.get("/", headers=HTTPS)) == ["sid", "theme"]
    app.config["TRUST_PROXY_SECURE_COOKIES"] = False
    assert secure_names(client.get("/", headers=HTTPS)) == []


def test_deleting_a_cookie_is_marked_as_well():
    """A browser lets only a Secure cookie take a Secure cookie's place."""
    client = make_app(TRUST_PROXY_SECURE_COOKIES="all").test_client()
    url = "https://a.example.com"
    client.get("/", headers=HTTPS, base_url=url)
    response = client.get("/out", headers=HTTPS, base_url=url)
    assert secure_names(response) == ["session", "theme"]
    assert all("Max-Age=0" in cookie for cookie in response.headers.getlist("Set-Cookie"))


class PlainSession(dict, SessionMixin):
    pass


class OwnSessions(SessionInterface):
    """Writes its cookie by hand, whatever Flask's own interface would do."""

    def open_session(self, app, request):
        return PlainSession()

    def save_session(self, app, session, response):
        response.headers.add("Set-Cookie", f"{self.get_cookie_name(app)}=MQ==; Path=/")


class RenamedSessions(SecureCookieSessionInterface):
    def get_cookie_name(self, app):
        return "renamed"


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        pytest.param(OwnSessions(), ["session"], id="one that writes its cookie by hand"),
        pytest.param(RenamedSessions(), ["renamed"], id="one that names its cookie itself"),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["set before", "set after"])
def test_any_session_interface(interface, expected, late):
    app = Flask(__name__)
    app.secret_key = "for tests"
    if late:
        TrustProxy(app)
        app.session_interface = interface
    else:
        app.session_interface = interface
        TrustProxy(app)

    @app.get("/")
    def index():
        session["user"] = "u"
        return "ok"

    assert secure_names(app.test_client().get("/", headers=HTTPS)) == expected


def test_several_apps_have_their_own_cookies():
    trust = TrustProxy()
    names = []
    for name in ("one", "two"):
        app = Flask(__name__)
        app.secret_key = "for tests"
        app.config["SESSION_COOKIE_NAME"] = name
        trust.init_app(app)
        app.add_url_rule("/", view_func=lambda: session.update(user="u") or "ok")
        names.append(secure_names(app.test_client().get("/", headers=HTTPS)))
    assert names == [["one"], ["two"]]


@pytest.mark.parametrize("outer", ["all", False])
@pytest.mark.parametrize(
    ("inner", "expected"),
    [("all", ["session", "theme"]), ("session", ["session"]), (False, [])],
)
def test_an_inner_trustproxy_marks_its_own(outer, inner, expected):
    app = make_app(TRUST_PROXY_SECURE_COOKIES=inner, TRUST_PROXY=False)
    app.wsgi_app = TrustProxyMiddleware(app.wsgi_app, secure_cookies=outer)
    response = app.test_client().get("/", headers=HTTPS)
    assert secure_names(response) == (["session", "theme"] if outer else expected)


class Replacing:
    """A function of the app that answers with another response."""

    def __init__(self, app):
        self.app = app

    def __call__(self, response):
        other = self.app.response_class(response.get_data())
        other.set_cookie("other", "1")
        return other


class TestWhereTheMiddlewareWasLost:
    @pytest.fixture
    def lose(self):
        def lose(*what, **config):
            bare, request_class = Flask(__name__).wsgi_app, Flask.request_class
            app = make_app(**config)
            app.wsgi_app = bare.__func__.__get__(app)
            if "request class" in what:
                app.request_class = request_class
            return app

        return lose

    def names(self, app, headers=HTTPS, path="/"):
        return secure_names(app.test_client().get(path, headers=headers))

    @pytest.mark.parametrize(
        ("setting", "expected"),
        [("session", ["session"]), ("all", ["session", "theme"]), (False, [])],
    )
    @pytest.mark.parametrize("what", [(), ("request class",)], ids=["", "and the class"])
    def test_the_cookies_are_marked_all_the_same(self, lose, what, setting, expected):
        app = lose(*what, TRUST_PROXY_SECURE_COOKIES=setting)
        for _ in range(3):
            assert self.names(app) == expected

    def test_no_cookie_is_marked_on_http(self, lose):
        assert self.names(lose(), {}) == []

    def test_nothing_forged_marks_a_cookie(self, lose):
        assert self.names(lose(TRUST_PROXY="192.0.2.1")) == []

    def test_of_a_response_that_a_function_of_the_app_made(self, lose):
        app = lose(TRUST_PROXY_SECURE_COOKIES="all")
        app.after_request(Replacing(app))
        assert self.names(app) == ["other", "session"]

    def test_of_an_error_page(self, lose):
        app = lose()

        @app.errorhandler(404)
        def not_found(error):
            session["lost"] = "yes"
            return "not found", 404

        assert self.names(app, path="/nowhere") == ["session"]

    def test_of_any_session_interface(self, lose):
        app = lose()
        app.session_interface = OwnSessions()
        assert self.names(app) == ["session"]

    def test_the_functions_of_the_app_all_run_and_in_their_order(self, lose):
        app, ran = lose(), []
        for name in ("first", "second"):
            app.after_request(lambda response, n=name: ran.append(n) or response)
        for _ in range(2):
            assert self.names(app) == ["session"]
        assert ran == ["second", "first"] * 2

    def test_once_it_is_back_each_cookie_is_marked_once(self, lose):
        app = lose()
        assert self.names(app) == ["session"]
        app.wsgi_app = app.extensions["trustproxy"]
        assert self.names(app) == ["session"]

    def test_behind_an_outer_one_the_inner_setting_counts(self, lose):
        app = lose(TRUST_PROXY=False)
        stack = TrustProxyMiddleware(app)
        environ = create_environ(environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
        environ["HTTP_X_FORWARDED_PROTO"] = "https"
        cookies = run_wsgi_app(stack, environ)[2].getlist("Set-Cookie")
        assert [c.partition("=")[0] for c in cookies if c.endswith("; Secure")] == ["session"]


def respond(headers, **arguments):
    """What a server is given by the middleware around an application."""
    given = []

    def application(environ, start_response):
        start_response("200 OK", headers)
        return [b"ok"]

    environ = create_environ("/", "https://a.example.com")
    environ["REMOTE_ADDR"] = "198.51.100.7"
    TrustProxyMiddleware(application, secure_cookies="all", **arguments)(
        environ,
        lambda status, headers, exc_info=None: given.append((status, headers, exc_info)),
    )
    return given


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        pytest.param("a=1", "a=1; Secure", id="no attributes"),
        pytest.param("a=1; Path=/; HttpOnly", "a=1; Path=/; HttpOnly; Secure", id="attributes"),
        pytest.param("a=1; Secure", None, id="there already"),
        pytest.param("a=1; secure", None, id="in lower case"),
        pytest.param("a=1; SECURE; Path=/", None, id="in upper case, in the middle"),
        pytest.param("a=1; Secure ;Path=/", None, id="with a space behind it"),
        pytest.param("a=1;Secure", None, id="without a space"),
        pytest.param("a=1;\tSecure\t;", None, id="between tabs"),
        pytest.param("a=1; Secure=", None, id="with an empty value, which browsers drop"),
        pytest.param("a=1; Secure=false", None, id="with a value, which browsers drop"),
        pytest.param("a=1; secure = 1", None, id="with spaces around the equals sign"),
        pytest.param("a=secure", "a=secure; Secure", id="secure is the value"),
        pytest.param("secure=1", "secure=1; Secure", id="secure is the name"),
        pytest.param("Secure", "Secure; Secure", id="a cookie without an equals sign"),
        pytest.param(
            "a=1; Path=/secure", "a=1; Path=/secure; Secure", id="a path of that name"
        ),
        pytest.param(
            "a=1; Comment=Secure", "a=1; Comment=Secure; Secure", id="another's value"
        ),
        pytest.param("a=1; Secured", "a=1; Secured; Secure", id="a longer word"),
        pytest.param("a=1; insecure", "a=1; insecure; Secure", id="the opposite word"),
        pytest.param(
            'a="x; Secure"',
            'a="x; Secure"; Secure',
            id="a quote that hides nothing: to a browser the attribute is 'Secure\"'",
        ),
        pytest.param('a="x; Secure; y"', None, id="within quotes, which browsers do not know"),
        pytest.param(r'a="x\073 Secure"', r'a="x\073 Secure"; Secure', id="an escaped one"),
        pytest.param("a==;=; Path", "a==;=; Path; Secure", id="a value of equals signs"),
    ],
)
def test_attributes_are_parsed_as_browsers_do(cookie, expected):
    """RFC 6265 section 5.2: split at each semicolon, a name up to the equals sign."""
    [(_, headers, _)] = respond([("Set-Cookie", cookie)])
    assert headers == [("Set-Cookie", expected or cookie)]


def test_every_cookie_in_its_place_and_no_other_header():
    before = [
        ("Content-Type", "text/plain"),
        ("set-cookie", "a=1"),
        ("X-Set-Cookie", "a=1"),
        ("SET-COOKIE", "b=1; Secure"),
        ("Set-Cookie2", "a=1"),
        ("Set-Cookie", "a=2; Path=/x"),
    ]
    application_list = list(before)
    [(status, headers, exc_info)] = respond(application_list)
    assert (status, exc_info) == ("200 OK", None)
    assert headers == [
        ("Content-Type", "text/plain"),
        ("set-cookie", "a=1; Secure"),
        ("X-Set-Cookie", "a=1"),
        ("SET-COOKIE", "b=1; Secure"),
        ("Set-Cookie2", "a=1"),
        ("Set-Cookie", "a=2; Path=/x; Secure"),
    ]
    assert type(headers) is list
    assert application_list == before


def test_a_second_start_response_is_marked_and_exc_info_goes_on():
    """PEP 3333: an error handler starts the response again, with exc_info."""
    given = []
    written = []

    def server(status, headers, exc_info=None):
        given.append((status, headers, exc_info))
        return written.append

    def application(environ, start_response):
        write = start_response("200 OK", [("Set-Cookie", "a=1")])
        write(b"head")
        try:
            raise LookupError("halfway")
        except LookupError:
            error = sys.exc_info()
            start_response("500 Oh", [("Set-Cookie", "b=1")], error)
            given.append(error)
        return []

    environ = create_environ("/", "https://a.example.com")
    TrustProxyMiddleware(application, secure_cookies="all")(environ, server)
    first, second, error = given
    assert first == ("200 OK", [("Set-Cookie", "a=1; Secure")], None)
    assert second == ("500 Oh", [("Set-Cookie", "b=1; Secure")], error)
    assert second[2] is error
    assert written == [b"head"]


def test_what_the_server_raises_goes_through():
    """A server raises exc_info again where the headers are sent already."""

    def server(status, headers, exc_info=None):
        raise exc_info[1]

    def application(environ, start_response):
        try:
            raise LookupError("sent already")
        except LookupError:
            start_response("500 Oh", [], sys.exc_info())
        return []

    with pytest.raises(LookupError, match="^sent already$"):
        TrustProxyMiddleware(application, secure_cookies="all")(
            create_environ("/", "https://a.example.com"), server
        )


def test_a_streamed_response_is_marked():
    app = Flask(__name__)
    app.config["TRUST_PROXY_SECURE_COOKIES"] = "all"
    TrustProxy(app)

    @app.get("/")
    def index():
        response = app.response_class(part for part in ("a", "b"))
        response.set_cookie("theme", "dark")
        return response

    body, _, headers = run_wsgi_app(app, create_environ("/", "https://a.example.com"))
    assert b"".join(body) == b"ab"
    assert headers.getlist("Set-Cookie") == ["theme=dark; Path=/; Secure"]
