"""TRUST_PROXY_REQUIRED: the app is reached through its proxies only."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from flask import Flask, request_started, session
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import (
    SettingError,
    TrustProxy,
    TrustProxyMiddleware,
    get_client_ip,
    request,
)
from helpers import preprocess

STRANGER = {"REMOTE_ADDR": "198.51.100.7"}
BODY = b"This app is reached through its proxies only.\n"


def make_app(required=True, **config):
    app = Flask(__name__)
    app.config.update({"TRUST_PROXY_REQUIRED": required, **config})
    TrustProxy(app)
    add_views(app)
    return app


def add_views(app):
    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def view(path):
        return f"view of {path}"


def call(application, path="/", **keys):
    """The status, the headers and the body, of a request of a stranger."""
    environ = create_environ("/", "http://app.example.com")
    environ["PATH_INFO"] = path
    environ.update({**STRANGER, **keys})
    body, status, headers = run_wsgi_app(application, environ)
    return int(status[:3]), dict(headers), b"".join(body)


@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", BODY), ("POST", BODY), ("OPTIONS", BODY), ("PROPFIND", BODY), ("HEAD", b"")],
)
def test_the_refusal(method, body):
    assert call(make_app(), REQUEST_METHOD=method) == (
        403,
        {"Content-Type": "text/plain; charset=utf-8", "Content-Length": "46"},
        body,
    )


@pytest.mark.parametrize(
    ("trust", "peer", "status"),
    [
        pytest.param("loopback", "127.0.0.1", 200, id="a trusted peer"),
        pytest.param("loopback", "::1", 200, id="another one"),
        pytest.param("loopback", "::ffff:127.0.0.1", 200, id="as a dual-stack server has it"),
        pytest.param("10.0.0.0/8", "127.0.0.1", 403, id="loopback itself is not exempt"),
        pytest.param("loopback", "10.0.0.1", 403, id="a neighbour"),
        pytest.param("loopback", "unix:", 200, id="a socket that loopback includes"),
        pytest.param("loopback", "", 200, id="a socket that is named by nothing"),
        pytest.param("unix", "unix:", 200, id="a socket, trusted by name"),
        pytest.param("unix", None, 200, id="no REMOTE_ADDR where unix is trusted"),
        pytest.param("loopback", None, 403, id="no REMOTE_ADDR where it is not"),
        pytest.param("10.0.0.1", "unix:", 403, id="a socket that nobody trusts"),
        pytest.param("unix", "127.0.0.1", 403, id="TCP where a socket is trusted"),
        pytest.param("loopback", "127.0.0.1:80", 403, id="an address with a port is text"),
        pytest.param("loopback", "127.0.0.1 ", 403, id="an address with a space is text"),
        pytest.param(lambda address, hop: hop == 0, "192.0.2.1", 200, id="a callable says yes"),
        pytest.param(lambda address, hop: False, "127.0.0.1", 403, id="a callable says no"),
        pytest.param(
            lambda address, hop: True, "text", 403, id="a callable is not asked about text"
        ),
    ],
)
@pytest.mark.parametrize("lost", [False, True], ids=["", "the middleware was lost"])
def test_whom_it_lets_in(trust, peer, status, lost):
    app = Flask(__name__)
    app.config.update(TRUST_PROXY=trust, TRUST_PROXY_REQUIRED=True)
    bare = app.wsgi_app
    TrustProxy(app)
    add_views(app)
    if lost:
        app.wsgi_app = bare
    environ = create_environ("/")
    if peer is not None:
        environ["REMOTE_ADDR"] = peer
    assert run_wsgi_app(app, environ)[1][:3] == str(status)


def test_forged_headers_open_nothing():
    forged = {
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_FORWARDED": "for=127.0.0.1",
        "HTTP_X_REAL_IP": "127.0.0.1",
        "HTTP_X_ORIGINAL_URL": "/healthz",
    }
    assert call(make_app("/healthz"), **forged)[0] == 403


def test_nothing_of_the_app_runs():
    ran = []

    class Sessions(SecureCookieSessionInterface):
        def open_session(self, app, request):
            ran.append("open_session")

    class App(Flask):
        def create_url_adapter(self, request):
            ran.append("create_url_adapter")
            return super().create_url_adapter(request)

        def make_response(self, rv):
            ran.append("make_response")
            return super().make_response(rv)

    app = App(__name__)
    app.session_interface = Sessions()
    app.config["TRUST_PROXY_REQUIRED"] = True
    TrustProxy(app)
    app.before_request(lambda: ran.append("before_request"))
    app.after_request(lambda response: ran.append("after_request") or response)
    app.teardown_request(lambda error: ran.append("teardown_request"))
    app.teardown_appcontext(lambda error: ran.append("teardown_appcontext"))
    app.url_value_preprocessor(lambda endpoint, values: ran.append("preprocessor"))
    app.register_error_handler(403, lambda error: ran.append("error handler") or "error")
    app.add_url_rule("/", view_func=lambda: ran.append("view") or "view")
    if find_spec("blinker"):  # Flask 2.2 does without
        request_started.connect(lambda sender: ran.append("signal"), app, weak=False)
    assert call(app)[0] == 403
    assert ran == []
    call(app, REMOTE_ADDR="127.0.0.1")
    assert "create_url_adapter" in ran  # the witnesses were there
    assert "view" in ran


ONE = "/healthz"
UMLAUT = "/gr\u00fcn"
UMLAUT_AS_WSGI_HAS_IT = UMLAUT.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("required", "path", "is_open"),
    [
        pytest.param(ONE, "/healthz", True, id="the path itself"),
        pytest.param(ONE, "/", False, id="the root"),
        pytest.param(ONE, "", False, id="no path at all"),
        pytest.param(ONE, "/healthz/", False, id="a trailing slash"),
        pytest.param(ONE, "//healthz", False, id="two slashes"),
        pytest.param(ONE, "/healthz/..", False, id="something below it"),
        pytest.param(ONE, "/x/../healthz", False, id="dots are not resolved"),
        pytest.param(ONE, "/./healthz", False, id="one dot is not resolved"),
        pytest.param(ONE, "/healthzz", False, id="a longer name"),
        pytest.param(ONE, "/health", False, id="a shorter name"),
        pytest.param(ONE, "/HEALTHZ", False, id="another case"),
        pytest.param(ONE, "/healthz ", False, id="a space behind"),
        pytest.param(ONE, "/healthz\n", False, id="a newline behind"),
        pytest.param(ONE, "/healthz;x", False, id="a path parameter"),
        pytest.param(ONE, "/healthz?x", False, id="a question mark that was encoded"),
        pytest.param(ONE, "healthz", False, id="no leading slash"),
        pytest.param("/healthz, /metrics", "/metrics", True, id="the second of a string"),
        pytest.param("/healthz,\t/metrics ", "/metrics", True, id="with a tab before it"),
        pytest.param("/healthz, /metrics", "/healthz, /metrics", False, id="no list is a path"),
        pytest.param(["/healthz", "/metrics"], "/healthz", True, id="a list"),
        pytest.param({"/a", "/b"}, "/b", True, id="a set"),
        pytest.param(["/a,b"], "/a,b", True, id="a comma within a list's path"),
        pytest.param("/", "/", True, id="the root alone"),
        pytest.param("/", "/x", False, id="the root alone opens nothing below it"),
        pytest.param(["/a/"], "/a/", True, id="a slash at the end that is asked for"),
        pytest.param(["/a/"], "/a", False, id="a slash at the end that is missing"),
        pytest.param([UMLAUT], UMLAUT_AS_WSGI_HAS_IT, True, id="not ASCII"),
        pytest.param(UMLAUT, UMLAUT_AS_WSGI_HAS_IT, True, id="not ASCII, from a string"),
        pytest.param([UMLAUT], UMLAUT, False, id="not ASCII, not as WSGI has it"),
        pytest.param([UMLAUT], "/gr%C3%BCn", False, id="not ASCII, encoded twice"),
        pytest.param(["/%61"], "/a", False, id="the setting is no encoded text"),
        pytest.param(True, "/healthz", False, id="True opens nothing"),
    ],
)
@pytest.mark.parametrize("lost", [False, True], ids=["", "the middleware was lost"])
def test_open_paths_are_exact(required, path, is_open, lost):
    app = Flask(__name__)
    app.config["TRUST_PROXY_REQUIRED"] = required
    bare = app.wsgi_app
    TrustProxy(app)
    app.before_request(lambda: "reached")  # no route may redirect or be missing
    if lost:
        app.wsgi_app = bare
    status, _, body = call(app, path)
    assert (status, body) == ((200, b"reached") if is_open else (403, BODY))


def test_an_encoded_path_is_compared_decoded():
    """Servers decode PATH_INFO, so /%68ealthz is the same resource."""
    client = make_app(ONE).test_client()
    assert client.get("/%68ealthz", environ_overrides=STRANGER).status_code == 200


def test_a_query_string_is_no_part_of_the_path():
    client = make_app(ONE).test_client()
    assert client.get("/healthz?x=/", environ_overrides=STRANGER).status_code == 200
    assert client.get("/?/healthz", environ_overrides=STRANGER).status_code == 403


def test_nothing_is_believed_on_an_open_path():
    app = Flask(__name__)
    app.config["TRUST_PROXY_REQUIRED"] = ONE
    TrustProxy(app)
    app.add_url_rule(ONE, view_func=lambda: f"{get_client_ip()} {request.scheme}")
    forged = {"HTTP_X_FORWARDED_FOR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}
    assert call(app, ONE, **forged)[2] == b"198.51.100.7 http"


def test_a_missing_path_is_the_root_of_no_list():
    environ = {**create_environ("/"), **STRANGER}
    del environ["PATH_INFO"]
    middleware = TrustProxyMiddleware(make_app(False), required=["/"])
    assert run_wsgi_app(middleware, environ)[1] == "403 Forbidden"


@pytest.mark.parametrize(
    ("trust", "shown"),
    [
        pytest.param(True, "True", id="everybody"),
        pytest.param("true", "'true'", id="everybody, as text"),
        pytest.param(False, "False", id="nobody"),
        pytest.param([], r"\[\]", id="an empty list"),
        pytest.param(2, "2", id="a count"),
        pytest.param("2", "'2'", id="a count, as text"),
        pytest.param(0, "0", id="a count of none"),
    ],
)
@pytest.mark.parametrize("required", [True, "/healthz"], ids=["on", "with open paths"])
def test_it_is_a_mistake_where_it_would_let_in_everyone_or_no_one(trust, shown, required):
    with pytest.raises(
        SettingError,
        match=rf"^TRUST_PROXY_REQUIRED={required!r} \(from app\.config\): expected False while "
        rf"TRUST_PROXY is {shown}, which would let in (everyone|no one): name the addresses "
        r"of the proxies",
    ):
        make_app(required, TRUST_PROXY=trust)


@pytest.mark.parametrize(
    "required",
    [
        pytest.param([], id="an empty list"),
        pytest.param("", id="an empty string"),
        pytest.param(" ", id="a blank string"),
        pytest.param(",", id="two empty paths"),
        pytest.param("/a,", id="an empty path behind a comma"),
        pytest.param("healthz", id="no leading slash"),
        pytest.param(["/a", "b"], id="no leading slash in a list"),
        pytest.param(["/a", 1], id="a number in a list"),
        pytest.param({"/a": True}, id="a dict"),
        pytest.param(2, id="a number"),
        pytest.param(1.0, id="a float"),
        pytest.param(object, id="an object"),
    ],
)
def test_what_is_no_list_of_paths(required):
    with pytest.raises(SettingError) as caught:
        make_app(required)
    assert str(caught.value) == (
        f"TRUST_PROXY_REQUIRED={required!r} (from app.config): expected True, False or a list "
        "of paths, each with a leading slash"
    )


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv("TRUST_PROXY_REQUIRED", "/healthz, /metrics")
    app = make_app(None)
    assert call(app, "/metrics")[0] == 200
    assert call(app, "/")[0] == 403


def test_it_follows_the_config():
    app = make_app(False)
    assert call(app)[0] == 200
    app.config["TRUST_PROXY_REQUIRED"] = True
    assert call(app)[0] == 403
    app.config["TRUST_PROXY_REQUIRED"] = ["/"]
    assert call(app)[0] == 200
    app.config["TRUST_PROXY"] = "198.51.100.0/24"
    assert call(app, "/x")[0] == 200


def test_below_a_dispatcher_the_path_is_what_the_app_sees():
    inner = make_app(ONE)
    application = DispatcherMiddleware(make_app(False), {"/b": inner})
    assert call(application, "/b/healthz")[0] == 200
    assert call(application, "/b/b/healthz")[0] == 403
    assert call(application, "/b")[0] == 403
    assert call(application, "/healthz")[2] == b"view of healthz"


def test_around_a_dispatcher_the_path_is_the_whole_one():
    application = TrustProxyMiddleware(
        DispatcherMiddleware(make_app(False), {"/b": make_app(False)}), required=["/b/healthz"]
    )
    assert call(application, "/b/healthz")[2] == b"view of healthz"
    assert call(application, "/healthz")[0] == 403


@pytest.mark.parametrize(
    ("outer", "inner", "path", "status"),
    [
        pytest.param(False, True, "/x", 403, id="the inner one refuses"),
        pytest.param(True, False, "/x", 403, id="the outer one refuses"),
        pytest.param("/x", True, "/x", 403, id="open outside, refused inside"),
        pytest.param(True, "/x", "/x", 403, id="refused outside, open inside"),
        pytest.param("/x", "/x", "/x", 200, id="open in both"),
        pytest.param(False, False, "/x", 200, id="neither is asked for"),
    ],
)
@pytest.mark.parametrize("lost", [False, True], ids=["", "the inner middleware was lost"])
def test_an_inner_one_has_its_own(outer, inner, path, status, lost):
    app = Flask(__name__)
    app.config["TRUST_PROXY_REQUIRED"] = inner
    bare = app.wsgi_app
    TrustProxy(app)
    add_views(app)
    if lost:
        app.wsgi_app = bare
    assert call(TrustProxyMiddleware(app, required=outer), path)[0] == status


@pytest.mark.parametrize(
    ("outer", "inner", "status"),
    [
        pytest.param("198.51.100.7", "loopback", 200, id="outside trusts, inside does not"),
        pytest.param("loopback", "198.51.100.7", 403, id="inside trusts, outside does not"),
        pytest.param(False, "198.51.100.7", 403, id="outside trusts nobody"),
    ],
)
def test_an_inner_one_asks_the_outers_result(outer, inner, status):
    app = make_app(True, TRUST_PROXY=inner)
    assert call(TrustProxyMiddleware(app, trust=outer))[0] == status


def test_an_inner_one_is_asked_of_the_outers_peer_and_not_of_the_client():
    """REMOTE_ADDR is the client by then, and 127.0.0.1 may be its text."""
    app = make_app(True, TRUST_PROXY="loopback")
    stack = TrustProxyMiddleware(app, trust="198.51.100.7")
    assert call(stack, HTTP_X_FORWARDED_FOR="203.0.113.9")[0] == 200


def behind_a_function(application):
    """What nothing at the start can look behind."""
    return lambda environ, start_response: application(environ, start_response)


REFUSED_START = (
    "expected the addresses of the proxies: the TrustProxy inside has TRUST_PROXY_REQUIRED, "
    "and this value would let in everyone"
)


@pytest.mark.parametrize("trust", [True, "true", 1, "2"])
class TestBehindOneThatTrustsAnyone:
    """The outer one decides who is trusted, and it asks for no address."""

    @pytest.mark.parametrize("required", [True, "/healthz"])
    def test_the_start_is_refused_around_an_app(self, trust, required):
        with pytest.raises(SettingError) as caught:
            TrustProxyMiddleware(make_app(required), trust=trust)
        assert str(caught.value) == (
            f"TRUST_PROXY={trust!r} (from the argument trust): {REFUSED_START}"
        )

    def test_the_start_is_refused_around_the_plain_middleware(self, trust):
        app = Flask(__name__)
        app.wsgi_app = TrustProxyMiddleware(app.wsgi_app, required=True)
        app.config["TRUST_PROXY"] = trust
        with pytest.raises(SettingError) as caught:
            TrustProxy(app)
        assert str(caught.value) == f"TRUST_PROXY={trust!r} (from app.config): {REFUSED_START}"
        assert "trustproxy" not in app.extensions

    def test_the_start_is_not_refused_around_one_without_it(self, trust):
        TrustProxyMiddleware(make_app(False), trust=trust)

    @pytest.mark.parametrize("lost", [False, True], ids=["", "the inner middleware was lost"])
    def test_a_request_is_refused_if_the_outer_was_not_seen(self, trust, lost, caplog):
        app = Flask(__name__)
        app.config["TRUST_PROXY_REQUIRED"] = ONE
        bare = app.wsgi_app
        TrustProxy(app)
        add_views(app)
        if lost:
            app.wsgi_app = bare
        stack = TrustProxyMiddleware(behind_a_function(app), trust=trust)
        forwarded = {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 203.0.113.9"}
        caplog.clear()
        for _ in range(3):
            assert call(stack, **forwarded)[::2] == (403, BODY)
        assert call(stack, ONE, **forwarded)[2] == b"view of healthz"
        assert [r.getMessage() for r in caplog.records if "was refused" in r.getMessage()] == [
            "TRUST_PROXY_REQUIRED: a request was refused, since the TrustProxy around this one "
            "trusts a count or everybody, and so cannot tell a proxy from a stranger. Name the "
            "addresses of the proxies there"
        ]

    def test_a_request_is_refused_if_it_was_switched_on_later(self, trust):
        app = make_app(False)
        stack = TrustProxyMiddleware(app, trust=trust)
        forwarded = {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 203.0.113.9"}
        assert call(stack, **forwarded)[0] == 200
        app.config["TRUST_PROXY_REQUIRED"] = True
        assert call(stack, **forwarded)[0] == 403


SECRET = "X-Edge: 0123456789abcdef"


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        pytest.param({"edge_secret": SECRET}, {}, id="outside"),
        pytest.param({}, {"TRUST_PROXY_EDGE_SECRET": SECRET}, id="inside"),
    ],
)
def test_a_secret_tells_a_proxy_from_a_stranger_behind_a_count(outer, inner):
    stack = TrustProxyMiddleware(make_app(True, **inner), trust=1, **outer)
    forwarded = {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    assert call(stack, **forwarded)[0] == 403
    assert call(stack, **forwarded, HTTP_X_EDGE="0123456789abcdef")[0] == 200


class Rewriting:
    """A middleware that makes another path of the one that came."""

    def __init__(self, app, path, script_name=""):
        self.app, self.path, self.script_name = app, path, script_name

    def __call__(self, environ, start_response):
        environ.update(PATH_INFO=self.path, SCRIPT_NAME=self.script_name)
        return self.app(environ, start_response)


class TestAPathThatChangesInside:
    def make_app(self, path, required=ONE, wrap=lambda app: app, script_name=""):
        app = Flask(__name__)
        app.config["TRUST_PROXY_REQUIRED"] = required
        app.wsgi_app = Rewriting(app.wsgi_app, path, script_name)
        TrustProxy(app)
        add_views(app)
        app.wsgi_app = wrap(app.wsgi_app)
        return app

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            pytest.param("/admin", 403, id="into a path that is not open"),
            pytest.param("", 403, id="into no path"),
            pytest.param("/metrics", 200, id="into another open path"),
            pytest.param("/healthz", 200, id="into the same one"),
        ],
    )
    @pytest.mark.parametrize(
        "wrap",
        [
            pytest.param(lambda app: app, id=""),
            pytest.param(behind_a_function, id="behind a function"),
        ],
    )
    def test_the_path_is_asked_for_again_where_flask_routes_it(self, path, status, wrap):
        app = self.make_app(path, ["/healthz", "/metrics"], wrap)
        assert call(app, ONE)[0] == status

    def test_a_part_that_became_the_script_name_is_no_part_of_it(self):
        app = self.make_app("/healthz", ["/b/healthz"], script_name="/b")
        assert call(app, "/b/healthz")[0] == 403
        app.config["TRUST_PROXY_REQUIRED"] = ["/b/healthz", "/healthz"]
        assert call(app, "/b/healthz")[0] == 200

    def test_the_refusal_is_logged_and_no_middleware_was_lost(self, caplog):
        app = self.make_app("/admin", wrap=behind_a_function)
        caplog.clear()
        call(app, ONE)
        around, refused = (r.getMessage() for r in caplog.records)
        assert "<lambda> is around TrustProxy" in around
        assert refused == (
            "TRUST_PROXY_REQUIRED: a request of 198.51.100.7 was refused, since it is not "
            "trusted. If it came through your proxies, correct TRUST_PROXY or "
            "TRUST_PROXY_EDGE. If not, all is well"
        )

    def test_a_request_through_a_proxy_goes_anywhere(self):
        app = self.make_app("/admin")
        assert call(app, ONE, REMOTE_ADDR="127.0.0.1")[2] == b"view of admin"


class Shell:
    """A middleware that answers some requests by itself, as Socket.IO's and WhiteNoise do."""

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/shell":
            start_response("200 OK", [])
            return [b"answered outside"]
        return self.application(environ, start_response)


def shell_function(application):
    def shell(environ, start_response):
        return application(environ, start_response)

    return shell


class TestWhatIsAroundIt:
    def warnings(self, caplog, wrap, required=True, requests=3):
        app = make_app(required)
        app.wsgi_app = wrap(app.wsgi_app)
        caplog.clear()
        for _ in range(requests):
            call(app, REMOTE_ADDR="127.0.0.1")
        return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]

    @pytest.mark.parametrize(
        ("wrap", "names"),
        [
            pytest.param(Shell, "Shell", id="a middleware"),
            pytest.param(
                lambda app: DispatcherMiddleware(Shell(app)),
                "DispatcherMiddleware, Shell",
                id="two of them",
            ),
            pytest.param(shell_function, "shell_function.<locals>.shell", id="a function"),
            pytest.param(
                lambda app: Shell(shell_function(app)),
                "Shell, shell_function.<locals>.shell",
                id="a middleware around a function",
            ),
            pytest.param(
                lambda app: Shell(TrustProxyMiddleware(app)),
                "Shell",
                id="another TrustProxy answers nothing by itself",
            ),
        ],
    )
    def test_the_first_request_names_it(self, caplog, wrap, names):
        assert self.warnings(caplog, wrap) == [
            f"{names} is around TrustProxy in app.wsgi_app: it sees each request first, and "
            "TRUST_PROXY_REQUIRED does not cover the requests that it answers itself. Create "
            "TrustProxy last, after everything that replaces app.wsgi_app"
        ]

    @pytest.mark.parametrize(
        ("wrap", "required"),
        [
            pytest.param(lambda app: app, True, id="nothing is around it"),
            pytest.param(TrustProxyMiddleware, True, id="another TrustProxy alone"),
            pytest.param(Shell, False, id="it is off"),
        ],
    )
    def test_nothing_is_said(self, caplog, wrap, required):
        assert self.warnings(caplog, wrap, required) == []

    def test_it_is_said_when_it_is_switched_on_later(self, caplog):
        app = make_app(False)
        app.wsgi_app = Shell(app.wsgi_app)
        call(app)
        assert "is around TrustProxy" not in caplog.text
        app.config["TRUST_PROXY_REQUIRED"] = True
        call(app)
        assert "Shell is around TrustProxy" in caplog.text

    def test_it_is_true(self):
        app = make_app()
        app.wsgi_app = Shell(app.wsgi_app)
        assert call(app, "/shell")[::2] == (200, b"answered outside")
        assert call(app, "/other")[0] == 403


class TestWhereTheMiddlewareWasLost:
    @pytest.fixture
    def app(self):
        app = Flask(__name__)
        app.secret_key = "for tests"
        app.config["TRUST_PROXY_REQUIRED"] = ONE
        bare = app.wsgi_app
        TrustProxy(app)
        add_views(app)
        app.wsgi_app = bare
        return app

    @pytest.mark.parametrize(
        ("method", "body"), [("GET", BODY), ("POST", BODY), ("DELETE", BODY), ("HEAD", b"")]
    )
    def test_the_refusal(self, app, method, body):
        status, headers, got = call(app, REQUEST_METHOD=method)
        assert (status, got) == (403, body)
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert headers["Content-Length"] == "46"

    def test_no_function_of_the_app_comes_before_it(self, app):
        ran = []
        app.before_request(lambda: ran.append("before_request"))
        app.add_url_rule("/view", view_func=lambda: ran.append("view") or "view")
        assert call(app, "/view")[2] == BODY
        assert ran == []

    def test_not_even_one_that_was_registered_earlier(self):
        ran = []
        app = Flask(__name__)
        app.config["TRUST_PROXY_REQUIRED"] = True
        app.before_request(lambda: ran.append("before_request"))
        bare = app.wsgi_app
        TrustProxy(app)
        app.wsgi_app = bare
        assert call(app)[2] == BODY
        assert ran == []

    def test_a_page_that_does_not_exist_is_refused_as_well(self, app):
        assert call(app, "/a/b", REQUEST_METHOD="DELETE")[2] == BODY

    def test_the_session_stays_as_it_is(self, app):
        app.add_url_rule("/in", view_func=lambda: session.update(user="u") or "in")
        client = app.test_client()
        client.get("/in", environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
        refused = client.get("/in", environ_overrides=STRANGER)
        assert refused.headers.getlist("Set-Cookie") == []

    def test_a_request_class_that_was_replaced_too(self, app):
        app.request_class = Flask.request_class
        assert call(app)[2] == BODY
        assert call(app, ONE)[2] == b"view of healthz"
        assert call(app, REMOTE_ADDR="127.0.0.1")[2] == b"view of "

    def test_an_app_made_of_its_own_responses(self, app):
        class Own(Flask.response_class):
            default_mimetype = "application/json"

        app.response_class = Own
        status, headers, body = call(app)
        assert (status, body) == (403, BODY)
        assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_in_a_test_request_context_preprocess_request_enforces_it():
    app = make_app()
    with app.test_request_context("/", environ_overrides=STRANGER) as context:
        assert preprocess(app, context).status_code == 403
    trusted = {"REMOTE_ADDR": "127.0.0.1"}
    with app.test_request_context("/", environ_overrides=trusted) as context:
        assert preprocess(app, context) is None


def test_one_warning_per_process_however_many_are_refused(caplog):
    app = make_app()
    caplog.clear()
    for number in range(300):
        call(app, f"/{number}", REMOTE_ADDR=f"198.51.100.{number % 256}")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        (
            "WARNING",
            "TRUST_PROXY_REQUIRED: a request of 198.51.100.0 was refused, since it is not "
            "trusted. If it came through your proxies, correct TRUST_PROXY or "
            "TRUST_PROXY_EDGE. If not, all is well",
        )
    ]
