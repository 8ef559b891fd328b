"""TrustProxyMiddleware around any WSGI application."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle

import pytest
from flask import Flask
from flask import request as flask_request
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import (
    SettingError,
    TrustProxy,
    TrustProxyMiddleware,
    get_client_ip,
    get_client_ips,
    get_client_network,
)
from flask_trustproxy.probe.door import PARAMETER, TOKEN, make_token

SEEN = ("REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme", "HTTP_X_FORWARDED_FOR")


def environ_of(path="/", **keys):
    """An environ as a server behind the proxy 127.0.0.1 makes it."""
    environ = create_environ(path, "http://app.example.com")
    environ.update(
        {
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "40000",
            "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9",
            "HTTP_X_FORWARDED_PROTO": "https",
            **keys,
        }
    )
    return environ


class Application:
    """A WSGI application that keeps what it was called with."""

    def __init__(self, body=(b"ok",)):
        self.calls = []
        self.body = body

    def __call__(self, environ, start_response):
        self.calls.append((environ, {key: environ.get(key) for key in SEEN}, start_response))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self.body


def test_the_signature_is_as_documented():
    parameters = list(inspect.signature(TrustProxyMiddleware).parameters.values())
    assert [(p.name, p.default) for p in parameters][:7] == [
        ("app", inspect.Parameter.empty),
        ("trust", "loopback"),
        ("headers", "X-Forwarded-For, X-Forwarded-Proto"),
        ("max_hops", 16),
        ("clean_headers", True),
        ("secure_cookies", False),
        ("required", False),
    ]


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        pytest.param(
            "127.0.0.1",
            ("203.0.113.9", None, "https", "203.0.113.9"),
            id="a trusted peer is believed, the forged entry is gone",
        ),
        pytest.param(
            "198.51.100.7",
            ("198.51.100.7", "40000", "http", None),
            id="of another peer nothing is believed and nothing is left",
        ),
        pytest.param(
            "::FFFF:198.51.100.7",
            ("198.51.100.7", "40000", "http", None),
            id="the peer's own address is made canonical",
        ),
        pytest.param("evil text", ("", "40000", "http", None), id="text is no address"),
        pytest.param(None, ("", "40000", "http", None), id="no address at all"),
        pytest.param(
            "",
            ("203.0.113.9", None, "https", "203.0.113.9"),
            id="a unix-domain socket is loopback",
        ),
    ],
)
def test_what_the_application_sees(peer, expected):
    application = Application()
    environ = environ_of(REMOTE_ADDR=peer)
    if peer is None:
        del environ["REMOTE_ADDR"]
    run_wsgi_app(TrustProxyMiddleware(application), environ)
    [(_, seen, _)] = application.calls
    assert tuple(seen.values()) == expected


def test_the_environ_is_rewritten_in_place_for_the_access_log():
    application = Application()
    environ = environ_of()
    TrustProxyMiddleware(application)(environ, lambda status, headers, exc_info=None: None)
    assert application.calls[0][0] is environ
    assert environ["REMOTE_ADDR"] == "203.0.113.9"


def test_the_originals_of_all_that_was_replaced_or_removed():
    environ = environ_of(HTTP_X_REAL_IP="6.6.6.6", HTTP_ACCEPT="*/*", REMOTE_HOST="localhost")
    del environ["wsgi.url_scheme"]
    run_wsgi_app(TrustProxyMiddleware(app := Application(), headers="X-Forwarded-For"), environ)
    assert app.calls[0][0]["flask_trustproxy.original"] == {
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "REMOTE_HOST": "localhost",
        "wsgi.url_scheme": None,
        "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_REAL_IP": "6.6.6.6",
    }


def test_a_request_that_needs_no_change_has_no_originals():
    application = Application()
    environ = create_environ("/")
    environ["REMOTE_ADDR"] = "198.51.100.7"
    before = dict(environ)
    run_wsgi_app(TrustProxyMiddleware(application), environ)
    after = dict(application.calls[0][0])
    assert after["flask_trustproxy.original"] == {}
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param("yes", id="a string"),
        pytest.param({"client_ip": "6.6.6.6"}, id="a dict"),
        pytest.param(("6.6.6.6",), id="a tuple"),
        pytest.param(None, id="None"),
    ],
)
def test_no_header_and_no_other_type_marks_an_environ_as_resolved(forged):
    application = Application()
    environ = environ_of(
        **{
            "flask_trustproxy.resolution": forged,
            "HTTP_FLASK_TRUSTPROXY_RESOLUTION": "yes",
            "HTTP_FLASK_TRUSTPROXY.RESOLUTION": "yes",
        }
    )
    run_wsgi_app(TrustProxyMiddleware(application), environ)
    assert application.calls[0][1]["REMOTE_ADDR"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        pytest.param("127.0.0.1", "203.0.113.9", "203.0.113.9", id="inner trusts more"),
        pytest.param("127.0.0.1, 203.0.113.9", "127.0.0.1", "6.6.6.6", id="outer trusts more"),
        pytest.param(False, True, "127.0.0.1", id="outer trusts nobody, inner everybody"),
        pytest.param(True, False, "6.6.6.6", id="outer trusts everybody, inner nobody"),
    ],
)
def test_the_outermost_decides(outer, inner, expected):
    application = Application()
    stack = TrustProxyMiddleware(TrustProxyMiddleware(application, trust=inner), trust=outer)
    run_wsgi_app(stack, environ_of())
    environ, seen, _ = application.calls[0]
    assert seen["REMOTE_ADDR"] == expected
    assert environ.get("flask_trustproxy.original").get("HTTP_X_FORWARDED_PROTO") == (
        None if outer else "https"
    )


def test_an_inner_one_leaves_the_originals_of_the_outer():
    application = Application()
    run_wsgi_app(TrustProxyMiddleware(TrustProxyMiddleware(application)), environ_of())
    assert application.calls[0][0]["flask_trustproxy.original"]["REMOTE_ADDR"] == "127.0.0.1"


def test_the_response_goes_through_as_it_is():
    class Body(list):
        closed = False

        def close(self):
            self.closed = True

    def start_response(status, headers, exc_info=None):
        return None

    application = Application(Body([b"a", b"b"]))
    got = TrustProxyMiddleware(application)(environ_of(), start_response)
    assert got is application.body
    # Without secure cookies, the server's own function too.
    assert application.calls[0][2] is start_response


TRUSTED, STRANGER = {}, {"REMOTE_ADDR": "198.51.100.7"}
PROBE_KEY = "a key of the probe, of 32 characters"


def a_signed_question():
    token = make_token(PROBE_KEY.encode(), "0" * 32, "GET", "1" * 32)
    return {TOKEN: token, "QUERY_STRING": f"{PARAMETER}={'1' * 32}"}


@pytest.mark.parametrize(
    ("arguments", "keys", "status", "served"),
    [
        pytest.param({}, TRUSTED, "200 OK", 1, id="no cookie is marked"),
        pytest.param({"secure_cookies": "all"}, TRUSTED, "200 OK", 1, id="cookies are marked"),
        pytest.param({"required": True}, STRANGER, "403 Forbidden", 0, id="our own refusal"),
        pytest.param({"probe_key": PROBE_KEY}, None, "200 OK", 0, id="the probe's answer"),
    ],
)
def test_a_server_whose_start_response_takes_two_arguments(arguments, keys, status, served):
    """As in Azure Functions' adapter; PEP 3333 has the third one for errors alone."""
    given = []
    keys = a_signed_question() if keys is None else keys
    application = Application()

    def start_response(status, headers):
        given.append(status)

    middleware = TrustProxyMiddleware(application, **arguments)
    list(middleware(environ_of(**keys), start_response))
    assert given == [status]
    assert len(application.calls) == served


def test_an_application_that_gives_no_exc_info_by_name_needs_no_third_argument():
    given = []

    def application(environ, start_response):
        start_response("200 OK", [], exc_info=None)
        return []

    def start_response(*arguments):
        given.append(len(arguments))

    TrustProxyMiddleware(application, secure_cookies="all")(environ_of(), start_response)
    assert given == [2]


class Stateful(Application):
    """An application that keeps what others ask for, as Calibre-Web's ReverseProxied does."""

    script_name = "/books"

    @property
    def is_proxied(self):
        return bool(self.calls)


def set_up(kind, application):
    """The object that an app finds in its ``wsgi_app``, around an application."""
    if kind == "plain":
        return TrustProxyMiddleware(application)
    app = Flask(__name__)
    app.wsgi_app = application
    TrustProxy(app)
    return app.wsgi_app


@pytest.mark.parametrize("kind", ["plain", "of an app"])
class TestAttributes:
    def test_unknown_ones_are_those_of_the_application_inside(self, kind):
        middleware = set_up(kind, Stateful())
        assert middleware.script_name == "/books"
        assert middleware.is_proxied is False
        middleware.app.calls.append("one")
        assert middleware.is_proxied is True

    def test_they_pass_through_any_number_of_ours(self, kind):
        assert set_up(kind, TrustProxyMiddleware(Stateful())).script_name == "/books"

    def test_one_that_nobody_has_is_missing(self, kind):
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = set_up(kind, Stateful()).no_such_name

    def test_our_own_come_first(self, kind):
        application = Stateful()
        application.settings = application.app = "the application's"
        middleware = set_up(kind, application)
        assert middleware.app is application
        assert middleware.settings.policy.max_hops == 16

    def test_special_names_ask_about_the_object_itself(self, kind):
        application = Stateful()
        application.__wrapped__ = application.__deepcopy__ = print
        middleware = set_up(kind, application)
        assert not hasattr(middleware, "__wrapped__")
        assert not hasattr(middleware, "__deepcopy__")

    def test_a_copy_without_state_has_no_attributes_and_does_not_recurse(self, kind):
        middleware = set_up(kind, Stateful())
        bare = type(middleware).__new__(type(middleware))
        for name in ("app", "script_name", "settings", "__setstate__"):
            with pytest.raises(AttributeError):
                getattr(bare, name)

    def test_it_can_be_copied(self, kind):
        assert copy.copy(set_up(kind, Stateful())).script_name == "/books"


class Portable(TrustProxyMiddleware):
    """One that pickles, unlike ours: its settings hold functions."""

    def __reduce__(self):
        return (_remake, (), {"app": self.app})


def _remake():
    return Portable.__new__(Portable)


def test_it_can_be_unpickled_before_it_has_an_application():
    made = pickle.loads(pickle.dumps(Portable(Stateful())))
    assert made.script_name == "/books"


def test_a_property_of_ours_that_fails_is_not_read_from_the_inner_one():
    """An inner TrustProxy has settings as well, which must never count for the outer."""

    class Failing(TrustProxyMiddleware):
        @property
        def settings(self):
            raise AttributeError("broken by the app")

    with pytest.raises(AttributeError, match="^broken by the app$"):
        _ = Failing(TrustProxyMiddleware(Application(), trust=True)).settings


def test_what_the_application_raises_goes_through():
    class Broken(Exception):
        pass

    def application(environ, start_response):
        raise Broken(environ["REMOTE_ADDR"])

    with pytest.raises(Broken, match=r"^203\.0\.113\.9$"):
        run_wsgi_app(TrustProxyMiddleware(application), environ_of())


def test_what_a_callable_raises_goes_through():
    def trust(address, hop):
        raise LookupError(f"{address} {hop}")

    with pytest.raises(LookupError, match=r"^127\.0\.0\.1 0$"):
        run_wsgi_app(TrustProxyMiddleware(Application(), trust=trust), environ_of())


def test_a_callable_is_asked_once_per_hop():
    asked = []

    def trust(address, hop):
        asked.append((address, hop))
        return hop == 0

    run_wsgi_app(
        TrustProxyMiddleware(TrustProxyMiddleware(Application(), trust=trust), trust=trust),
        environ_of(),
    )
    assert asked == [("127.0.0.1", 0), ("203.0.113.9", 1)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            {"trust": "loopbck"},
            "TRUST_PROXY='loopbck' (from the argument trust): expected an address, a network "
            "or a name ('loopback', 'linklocal', 'uniquelocal', 'unix'). Did you mean "
            "'loopback'?",
            id="trust",
        ),
        pytest.param(
            {"headers": "X-Forwarded-Fro"},
            "TRUST_PROXY_HEADERS='X-Forwarded-Fro' (from the argument headers): expected the "
            "names of forwarding headers that are known, or 'Name=kind' with one of the kinds "
            "address, address:port, scheme, host, port, prefix, got 'X-Forwarded-Fro'. Did you "
            "mean 'X-Forwarded-For'?",
            id="headers",
        ),
        pytest.param(
            {"max_hops": 0},
            "TRUST_PROXY_MAX_HOPS=0 (from the argument max_hops): expected a number of hops, 1 "
            "or more",
            id="max_hops",
        ),
        pytest.param(
            {"clean_headers": "maybe"},
            "TRUST_PROXY_CLEAN_HEADERS='maybe' (from the argument clean_headers): expected "
            "True or False",
            id="clean_headers",
        ),
        pytest.param(
            {"secure_cookies": "session"},
            "TRUST_PROXY_SECURE_COOKIES='session' (from the argument secure_cookies): expected "
            "'all' or False: a plain WSGI application has no session cookie",
            id="a plain application has no session",
        ),
        pytest.param(
            {"secure_cookies": True},
            "TRUST_PROXY_SECURE_COOKIES=True (from the argument secure_cookies): expected "
            "'session', 'all' or False",
            id="secure_cookies",
        ),
        pytest.param(
            {"required": "healthz"},
            "TRUST_PROXY_REQUIRED='healthz' (from the argument required): expected True, False "
            "or a list of paths, each with a leading slash",
            id="required",
        ),
    ],
)
def test_a_mistake_names_the_argument(arguments, sentence):
    with pytest.raises(SettingError) as caught:
        TrustProxyMiddleware(Application(), **arguments)
    assert str(caught.value) == sentence


def test_the_environment_is_not_read(monkeypatch):
    monkeypatch.setenv("TRUST_PROXY", "loopbck")
    monkeypatch.setenv("TRUST_PROXY_REQUIRED", "true")
    application = Application()
    run_wsgi_app(TrustProxyMiddleware(application), environ_of(REMOTE_ADDR="198.51.100.7"))
    assert application.calls[0][1]["REMOTE_ADDR"] == "198.51.100.7"


def test_the_settings_are_frozen():
    middleware = TrustProxyMiddleware(Application(), max_hops=3)
    assert middleware.settings.policy.max_hops == 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        middleware.settings.policy.max_hops = 4  # type: ignore[misc]  # that is the test


def flask_json(response):
    return json.loads(b"".join(response[0]))


def make_flask_app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return {
            "remote_addr": flask_request.remote_addr,
            "functions": [get_client_ip(), get_client_ips(), get_client_network()],
            "secure": flask_request.is_secure,
            "attribute": getattr(flask_request, "client_ip", "no attribute"),
        }

    return app


def test_around_a_flask_app_that_has_no_trustproxy_the_functions_work():
    response = run_wsgi_app(TrustProxyMiddleware(make_flask_app()), environ_of())
    assert response[1] == "200 OK"
    assert flask_json(response) == {
        "remote_addr": "203.0.113.9",
        "functions": ["203.0.113.9", ["203.0.113.9"], "203.0.113.9/32"],
        "secure": True,
        "attribute": "no attribute",
    }


def test_around_a_flask_app_object_with_its_own_trustproxy_the_outer_decides():
    app = make_flask_app()
    app.config["TRUST_PROXY"] = False
    TrustProxy(app)
    response = run_wsgi_app(TrustProxyMiddleware(app, trust="127.0.0.1"), environ_of())
    assert flask_json(response) == {
        "remote_addr": "203.0.113.9",
        "functions": ["203.0.113.9", ["203.0.113.9"], "203.0.113.9/32"],
        "secure": True,
        "attribute": "203.0.113.9",
    }


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(
            lambda inner: TrustProxyMiddleware(
                DispatcherMiddleware(Application(), {"/b": inner})
            ),
            id="outside of a dispatcher",
        ),
        pytest.param(
            lambda inner: DispatcherMiddleware(
                Application(), {"/b": TrustProxyMiddleware(inner)}
            ),
            id="inside of a dispatcher",
        ),
        pytest.param(
            lambda inner: TrustProxyMiddleware(
                DispatcherMiddleware(Application(), {"/b": TrustProxyMiddleware(inner)})
            ),
            id="on both sides",
        ),
    ],
)
def test_a_dispatcher_mounts_as_ever(wrap):
    application = Application()
    run_wsgi_app(wrap(application), environ_of("/b/x"))
    environ, seen, _ = application.calls[0]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/b", "/x")
    assert seen["REMOTE_ADDR"] == "203.0.113.9"
