"""The live probe's door: whom it opens to, what it tells, and that the key stays hidden."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import flask
import pytest
from flask import Flask, request
from hypothesis import given
from itsdangerous import Signer
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import SettingError, TrustProxy, TrustProxyMiddleware
from flask_trustproxy.probe.door import (
    FORMAT,
    HEADER,
    PARAMETER,
    TOKEN,
    make_token,
    read_answer,
)
from flask_trustproxy.report import as_json
from flask_trustproxy.report.cautions import environment_warnings
from flask_trustproxy.report.phrases import settings_in_words
from flask_trustproxy.settings import MAKE_KEY, read_settings
from helpers import attacker_text

KEY = "a key of these tests, of 32 characters and more"
OTHER = "another key of 32 characters and of some more"
RANDOM = "fedcba9876543210"


def make_app(**config):
    app = Flask(__name__)
    app.config.update({"TRUST_PROXY_PROBE_KEY": KEY, **config})
    TrustProxy(app)

    @app.get("/")
    @app.post("/")
    @app.get("/other")
    def seen():
        return {
            "seen": sorted(key for key in request.environ if key == TOKEN),
            "original": sorted(request.environ["flask_trustproxy.original"]),
        }

    return app


def token_of(key=KEY, method="GET", parameter=RANDOM, at=None, monkeypatch=None):
    """A token, made now or at another time."""
    if at is None:
        return make_token(key.encode(), secrets.token_hex(8), method, parameter)
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: at)
        return make_token(key.encode(), secrets.token_hex(8), method, parameter)


def ask(app, token=None, path=f"/?{PARAMETER}={RANDOM}", method="GET", **environ):
    headers = {} if token is None else {HEADER: token}
    return app.test_client().open(
        path, method=method, headers=headers, environ_overrides=environ
    )


def content(response, key=KEY):
    """What a response tells whoever holds the key, or None."""
    return read_answer(key.encode(), response.data, response.headers.get(HEADER, ""))


def test_a_signed_question_is_answered():
    token = token_of()
    response = ask(
        make_app(
            TRUST_PROXY="10.0.0.2", TRUST_PROXY_HEADERS="X-Forwarded-For, X-Forwarded-Host"
        ),
        token,
        REMOTE_ADDR="10.0.0.2",
        REMOTE_PORT="40000",
        SERVER_SOFTWARE="server/1.0",
        HTTP_X_FORWARDED_FOR="198.51.100.66, 203.0.113.9",
        HTTP_X_FORWARDED_HOST="www.example.com",
        HTTP_X_REAL_IP="198.51.100.66",
    )
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"
    told = content(response)
    assert told == json.loads(response.data)
    resolution = told.pop("resolution")
    assert told == {
        "format": FORMAT,
        "nonce": token.split(".")[1],
        "server": "server/1.0",
        "version": importlib.metadata.version("Flask-TrustProxy"),
        "received": {
            "peer": "10.0.0.2",
            "peer_port": "40000",
            "scheme": "http",
            "host": "localhost",
            "headers": {
                "X-Forwarded-For": "198.51.100.66, 203.0.113.9",
                "X-Forwarded-Host": "www.example.com",
                "X-Real-IP": "198.51.100.66",
            },
        },
        "believed": {
            "client_ip": "203.0.113.9",
            "scheme": "http",
            "host": "www.example.com",
            "port": "80",
            "prefix": "",
            "path": "/",
        },
        "identity": {},
        "secret": None,
        "missed": None,
        "refused": False,
        "trusts": "addresses",
        "reads": "X-Forwarded-For, X-Forwarded-Host",
    }
    assert (resolution["client_ip"], resolution["host"]) == ("203.0.113.9", "www.example.com")
    assert [hop["address"] for hop in resolution["hops"]] == ["10.0.0.2", "203.0.113.9"]


SECRET = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("peer", "sent", "kept", "arrived", "missed"),
    [
        pytest.param("10.0.0.2", SECRET, "alice", True, None, id="through the edge"),
        pytest.param("10.0.0.2", "another", None, False, "no_secret", id="a wrong secret"),
        pytest.param("10.0.0.2", "", None, False, "no_secret", id="no secret"),
        pytest.param("192.0.2.1", SECRET, None, True, "not_trusted", id="a stranger"),
    ],
)
def test_it_tells_who_the_user_is_and_never_the_secret(peer, sent, kept, arrived, missed):
    app = make_app(
        TRUST_PROXY="10.0.0.2",
        TRUST_PROXY_IDENTITY_HEADERS="Remote-User, X-Auth-Email",
        TRUST_PROXY_EDGE_SECRET=f"X-Origin-Verify: {SECRET}",
    )
    environ = {"REMOTE_ADDR": peer, "HTTP_REMOTE_USER": "alice"}
    if sent:
        environ["HTTP_X_ORIGIN_VERIFY"] = sent
    response = ask(app, token_of(), **environ)
    told = content(response)
    assert told["identity"] == {
        "Remote-User": {"received": "alice", "kept": kept},
        "X-Auth-Email": {"received": None, "kept": None},
    }
    assert told["secret"] == {"name": "X-Origin-Verify", "arrived": arrived}
    assert told["missed"] == missed
    assert SECRET not in response.text
    assert "another" not in response.text


def test_the_edge_of_an_inner_trustproxy_is_asked_too():
    inner = TrustProxyMiddleware(
        Flask(__name__),
        trust="10.0.0.2",
        probe_key=KEY,
        edge_secret=f"X-Origin-Verify: {SECRET}",
        identity_headers="Remote-User",
    )
    outer = TrustProxyMiddleware(inner, trust="10.0.0.2")
    environ = create_environ(f"/?{PARAMETER}={RANDOM}", headers={HEADER: token_of()})
    environ.update({"REMOTE_ADDR": "10.0.0.2", "HTTP_REMOTE_USER": "alice"})
    body, _, _ = run_wsgi_app(outer, environ)
    told = json.loads(b"".join(body))
    assert told["identity"] == {"Remote-User": {"received": "alice", "kept": None}}
    assert (told["secret"]["arrived"], told["missed"]) == (False, "no_secret")


class TestManyNetworks:
    """However long a list is, the answer is short and costs little."""

    NETWORKS = [f"10.{i >> 8}.{i & 255}.0/25" for i in range(40_000)]

    @pytest.fixture(
        params=[
            pytest.param(lambda path: f"10.255.0.1, file:{path}", id="a trust file"),
            pytest.param(lambda path: TestManyNetworks.NETWORKS, id="a list"),
            pytest.param(lambda path: ",".join(TestManyNetworks.NETWORKS), id="text"),
        ]
    )
    def app(self, request, tmp_path):
        path = tmp_path / "networks.txt"
        path.write_text("\n".join(self.NETWORKS))
        return make_app(TRUST_PROXY=request.param(path))

    def test_the_answer_holds_no_list_of_networks(self, app):
        response = ask(app, token_of(), REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="x")
        assert content(response)["believed"]["client_ip"] == "192.0.2.1"
        assert len(response.data) < 2_000
        assert "/25" not in response.text

    def test_an_answer_costs_about_as_much_as_with_one_network(self, app):
        def cost(app):
            times = []
            for _ in range(5):
                token = token_of()
                began = time.thread_time()
                assert content(ask(app, token, REMOTE_ADDR="192.0.2.1")) is not None
                times.append(time.thread_time() - began)
            return min(times)

        assert cost(app) < 20 * cost(make_app(TRUST_PROXY="10.0.0.2"))


@pytest.mark.parametrize(
    ("peer", "path", "refused"),
    [
        pytest.param("198.51.100.7", "/", True, id="a stranger"),
        pytest.param("198.51.100.7", "/open", False, id="a stranger on an open path"),
        pytest.param("10.0.0.2", "/", False, id="the proxy"),
    ],
)
def test_it_tells_whether_required_refuses_the_request(peer, path, refused):
    app = make_app(TRUST_PROXY="10.0.0.2", TRUST_PROXY_REQUIRED="/open")
    response = ask(app, token_of(), f"{path}?{PARAMETER}={RANDOM}", REMOTE_ADDR=peer)
    assert content(response)["refused"] is refused


class TestOneUse:
    def test_a_token_is_good_for_one_use_in_a_process(self):
        app, token = make_app(), token_of()
        assert content(ask(app, token)) is not None
        again = ask(app, token)
        assert again.json == {"seen": [], "original": []}
        assert HEADER not in again.headers

    def test_another_app_of_the_process_does_not_answer_it_either(self):
        token = token_of()
        assert content(ask(make_app(), token)) is not None
        assert content(ask(make_app(), token)) is None

    def test_what_was_not_answered_was_not_used(self):
        app, token = make_app(), token_of()
        assert content(ask(app, token, "/")) is None
        assert content(ask(app, token, method="POST")) is None
        assert content(ask(app, token)) is not None

    @pytest.mark.parametrize("skew", [-59, 0, 59])
    def test_it_is_remembered_as_long_as_it_is_valid(self, monkeypatch, skew):
        app, now = make_app(), time.time()
        token = token_of(at=now + skew, monkeypatch=monkeypatch)
        monkeypatch.setattr(time, "time", lambda: now)
        assert content(ask(app, token)) is not None
        for later in range(0, 130, 10):
            monkeypatch.setattr(time, "time", lambda later=later: now + later)
            assert content(ask(app, token_of())) is not None  # the others are forgotten
            assert content(ask(app, token)) is None

    def test_threads_use_it_once_together(self):
        app, token = make_app(), token_of()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: content(ask(app, token)), range(16)))
        assert len([answer for answer in answers if answer]) == 1


class TestMethods:
    def test_head_is_answered_without_a_body(self):
        app = make_app()
        response = ask(app, token_of(method="HEAD"), method="HEAD")
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers[HEADER]
        assert int(response.headers["Content-Length"]) > 100

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"])
    def test_other_methods_are_not_answered(self, method):
        environ = create_environ(f"/?{PARAMETER}={RANDOM}", method=method)
        environ["REQUEST_METHOD"] = method
        environ[TOKEN] = token_of(method=method)
        assert served_by(environ) == b"app"


def served_by(environ):
    """Who answers: ``b"app"``, or the door."""

    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"app"]

    body, _, _ = run_wsgi_app(TrustProxyMiddleware(application, probe_key=KEY), environ)
    return b"".join(body)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(f"{{now}}.GET.{RANDOM}", id="three parts"),
        pytest.param(f"{{now}}.a.b.GET.{RANDOM}", id="five parts"),
        pytest.param("", id="nothing"),
        pytest.param("...", id="four empty parts"),
        pytest.param(f"soon.a.GET.{RANDOM}", id="a stamp of letters"),
        pytest.param(f"-1.a.GET.{RANDOM}", id="a negative stamp"),
        pytest.param(f"1e9.a.GET.{RANDOM}", id="a stamp with an exponent"),
        pytest.param(f"{{now}} .a.GET.{RANDOM}", id="a stamp with a space"),
        pytest.param(f"{'9' * 150}.a.GET.{RANDOM}", id="a stamp of 150 digits"),
        pytest.param(f"\u0661.a.GET.{RANDOM}", id="a stamp of other digits"),
        pytest.param(f"{{now}}.a.GET.{RANDOM}{'x' * 9000}", id="a huge parameter"),
    ],
)
def test_a_signed_token_of_another_form_never_raises(question):
    signer = Signer(
        KEY, "flask-trustproxy.question", key_derivation="hmac", digest_method=sha256
    )
    environ = create_environ(f"/?{PARAMETER}={RANDOM}")
    token = signer.sign(question.replace("{now}", str(int(time.time()))))
    environ[TOKEN] = token.decode("utf-8").encode("utf-8").decode("latin-1")
    assert served_by(environ) == b"app"


def test_a_request_without_method_or_query_never_raises():
    environ = create_environ("/")
    del environ["REQUEST_METHOD"], environ["QUERY_STRING"]
    environ[TOKEN] = token_of()
    assert served_by(environ) == b"app"


def test_nothing_of_the_app_runs():
    app = make_app()

    @app.before_request
    def never():
        pytest.fail("the app was asked")

    assert content(ask(app, token_of())) is not None


def test_it_is_answered_before_the_proxies_are_required():
    app = make_app(TRUST_PROXY="10.0.0.2", TRUST_PROXY_REQUIRED=True)
    assert ask(app, REMOTE_ADDR="198.51.100.7").status_code == 403
    told = content(ask(app, token_of(), REMOTE_ADDR="198.51.100.7"))
    assert told["believed"]["client_ip"] == "198.51.100.7"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        pytest.param(f"/other?{PARAMETER}={RANDOM}", "GET", id="a path of the app's own"),
        pytest.param(f"/?a=1&{PARAMETER}={RANDOM}&b=2", "GET", id="among other parameters"),
        pytest.param(
            f"/no/such/page?{PARAMETER}={RANDOM}", "GET", id="a page that is not there"
        ),
    ],
)
def test_any_path_of_the_app_will_do(path, method):
    assert content(ask(make_app(), token_of(), path, method)) is not None


@pytest.mark.parametrize(
    "skew",
    [
        pytest.param(0, id="clocks agree"),
        pytest.param(-59, id="the asker's clock is 59 seconds slow"),
        pytest.param(59, id="the asker's clock is 59 seconds fast"),
    ],
)
def test_clocks_may_differ_a_little(skew, monkeypatch):
    now = time.time()
    token = token_of(at=now + skew, monkeypatch=monkeypatch)
    monkeypatch.setattr(time, "time", lambda: now)
    assert content(ask(make_app(), token)) is not None


def tampered(at):
    """A token whose stamp was put forward after signing."""
    stamp, rest = at.split(".", 1)
    return f"{int(stamp) + 1}.{rest}"


# How a token is made, and the request that it comes with.
NOT_ASKED = [
    pytest.param(lambda m: None, {}, id="no token"),
    pytest.param(lambda m: "", {}, id="an empty token"),
    pytest.param(lambda m: "Basic dXNlcjpwYXNz", {}, id="text"),
    pytest.param(lambda m: token_of(OTHER), {}, id="signed with another key"),
    pytest.param(
        lambda m: token_of(at=time.time() - 62, monkeypatch=m),
        {},
        id="replayed after the window",
    ),
    pytest.param(
        lambda m: token_of(at=time.time() + 62, monkeypatch=m),
        {},
        id="stamped after the window",
    ),
    pytest.param(lambda m: tampered(token_of()), {}, id="a tampered stamp"),
    pytest.param(lambda m: token_of()[:-1], {}, id="a signature cut short"),
    pytest.param(lambda m: token_of().rpartition(".")[0], {}, id="no signature"),
    pytest.param(lambda m: token_of() + " " * 65536, {}, id="a token of 64 KB"),
    pytest.param(lambda m: "." * 65536, {}, id="64 KB of dots"),
    pytest.param(lambda m: "é" * 100, {}, id="letters that are not ASCII"),
    pytest.param(lambda m: token_of(), {"path": "/"}, id="replayed on another URL"),
    pytest.param(
        lambda m: token_of(),
        {"path": f"/?{PARAMETER}={RANDOM}0"},
        id="a parameter that goes on",
    ),
    pytest.param(
        lambda m: token_of(),
        {"path": f"/?x{PARAMETER}={RANDOM}"},
        id="another parameter's name",
    ),
    pytest.param(lambda m: token_of(), {"method": "POST"}, id="replayed with another method"),
]


@pytest.mark.parametrize(("make", "sent"), NOT_ASKED)
def test_without_a_valid_signature_it_is_as_if_nothing_were_there(make, sent, monkeypatch):
    app = make_app()
    plain = ask(app, **sent)
    response = ask(app, make(monkeypatch), **sent)
    assert response.json == {"seen": [], "original": []}
    assert (response.status, response.data, list(response.headers)) == (
        plain.status,
        plain.data,
        list(plain.headers),
    )


@given(attacker_text)
def test_no_text_opens_the_door_or_breaks_it(text):
    environ = create_environ(f"/?{PARAMETER}={RANDOM}")
    environ[TOKEN] = text
    seen = []

    def application(environ, start_response):
        seen.append(TOKEN in environ)
        start_response("200 OK", [])
        return [b"app"]

    middleware = TrustProxyMiddleware(application, probe_key=KEY)
    body, _, _ = run_wsgi_app(middleware, environ)
    assert (list(body), seen) == ([b"app"], [False])


@pytest.mark.parametrize("length", [256, 257])
def test_a_token_is_read_up_to_256_characters(length):
    """A long parameter, whose signature is valid, makes the token as long as it takes."""
    parameter = "x" * (length - len(token_of(parameter="")))
    token = token_of(parameter=parameter)
    assert len(token) == length
    answered = content(ask(make_app(), token, f"/?{PARAMETER}={parameter}"))
    assert (answered is None) == (length > 256)


def test_a_long_token_is_refused_unread(monkeypatch):
    monkeypatch.setattr(Signer, "unsign", lambda *args: pytest.fail("it was read"))
    assert content(ask(make_app(), "." * 257)) is None


def test_unset_there_is_no_such_door():
    app = make_app(TRUST_PROXY_PROBE_KEY=None)
    response = ask(app, token_of())
    assert content(response) is None
    assert HEADER not in response.headers


def test_a_key_that_is_unset_later_closes_the_door():
    app = make_app()
    assert content(ask(app, token_of())) is not None
    app.config["TRUST_PROXY_PROBE_KEY"] = None
    assert content(ask(app, token_of())) is None


def test_the_plain_middleware_has_the_door_too():
    def application(environ, start_response):
        pytest.fail("the app was asked")

    environ = create_environ(f"/?{PARAMETER}={RANDOM}")
    environ[TOKEN] = environ_token = token_of()
    body, status, headers = run_wsgi_app(
        TrustProxyMiddleware(application, probe_key=KEY), environ
    )
    told = read_answer(KEY.encode(), b"".join(body), headers[HEADER])
    assert (status, told["nonce"]) == ("200 OK", environ_token.split(".")[1])


def test_behind_another_middleware_it_tells_what_that_one_received():
    app = make_app()
    app.wsgi_app = TrustProxyMiddleware(app.wsgi_app, trust="10.0.0.2")
    response = ask(
        app,
        token_of(),
        REMOTE_ADDR="10.0.0.2",
        HTTP_X_FORWARDED_FOR="198.51.100.66, 203.0.113.9",
    )
    told = content(response)
    assert told["received"]["peer"] == "10.0.0.2"
    assert told["received"]["headers"] == {"X-Forwarded-For": "198.51.100.66, 203.0.113.9"}
    assert told["believed"]["client_ip"] == "203.0.113.9"


def test_an_answer_that_was_changed_is_none():
    response = ask(make_app(), token_of())
    signature = response.headers[HEADER]
    assert read_answer(KEY.encode(), response.data + b" ", signature) is None
    assert read_answer(OTHER.encode(), response.data, signature) is None
    assert read_answer(KEY.encode(), response.data, "") is None


def test_a_question_cannot_be_taken_for_an_answer():
    question, _, signature = token_of().rpartition(".")
    assert read_answer(KEY.encode(), question.encode(), signature) is None


class TestTheKey:
    @pytest.mark.parametrize(
        ("value", "key"),
        [
            pytest.param(KEY, KEY, id="text"),
            pytest.param(f"{KEY}\n", KEY, id="text with the end of a file's line"),
            pytest.param("k" * 32, "k" * 32, id="32 characters"),
            pytest.param(int("9" * 32), "9" * 32, id="digits that became a number"),
        ],
    )
    def test_values(self, value, key):
        assert read_settings({"TRUST_PROXY_PROBE_KEY": value}, {}).probe_key == key.encode()

    def test_an_all_digit_key_of_a_prefixed_environment_is_its_text(self, monkeypatch):
        key = "1234567890" * 4
        monkeypatch.setenv("FLASK_TRUST_PROXY_PROBE_KEY", key)
        app = Flask(__name__)
        app.config.from_prefixed_env()
        TrustProxy(app)
        assert isinstance(app.config["TRUST_PROXY_PROBE_KEY"], int)
        assert content(ask(app, token_of(key)), key) is not None

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("k" * 31, id="31 characters"),
            pytest.param(" " * 40, id="blanks"),
            pytest.param("", id="an empty text"),
            pytest.param(True, id="a switch"),
            pytest.param(int("9" * 31), id="31 digits"),
            pytest.param(1.5e40, id="a fraction"),
            pytest.param(b"k" * 32, id="bytes"),
        ],
    )
    def test_mistakes(self, value):
        with pytest.raises(SettingError) as caught:
            read_settings({"TRUST_PROXY_PROBE_KEY": value}, {})
        assert str(caught.value) == (
            "TRUST_PROXY_PROBE_KEY=<secret> (from app.config): expected a text of at least 32 "
            f"characters. This makes one: {MAKE_KEY}"
        )
        assert "k" * 31 not in repr(caught.value)

    @pytest.mark.parametrize(
        "config",
        [
            pytest.param({"SECRET_KEY": KEY}, id="the secret key"),
            pytest.param({"SECRET_KEY": KEY.encode()}, id="the secret key as bytes"),
            pytest.param(
                {"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ["old", KEY]}, id="a former one"
            ),
        ],
    )
    def test_it_is_not_the_apps_secret_key(self, config):
        with pytest.raises(SettingError) as caught:
            make_app(**config)
        assert str(caught.value) == (
            "TRUST_PROXY_PROBE_KEY=<secret> (from app.config): expected a key of its own, "
            f"which anyone who probes may know, and not SECRET_KEY. This makes one: {MAKE_KEY}"
        )

    def test_another_secret_key_is_right(self):
        assert make_app(SECRET_KEY=OTHER, SECRET_KEY_FALLBACKS=[OTHER, b"x"])

    def test_the_command_in_the_error_makes_one(self):
        program = MAKE_KEY.split("'")[1]
        printed = []
        exec(program, {"print": printed.append})
        assert read_settings({"TRUST_PROXY_PROBE_KEY": printed[0]}, {}).probe_key

    def test_it_is_shown_nowhere(self, caplog, monkeypatch):
        caplog.set_level(logging.DEBUG)
        monkeypatch.setenv("TRUST_PROXY_PROBE_KEY", OTHER)
        app = make_app()
        token = token_of()
        response = ask(app, token, HTTP_X_FORWARDED_FOR="junk, x")
        settings = app.extensions["trustproxy"].settings
        shown = [
            caplog.text,
            repr(settings),
            repr(settings.given),
            response.get_data(as_text=True),
            *settings_in_words(settings),
            json.dumps(as_json.settings_report(settings)),
            *map(str, environment_warnings(settings, {"TRUST_PROXY_PROBE_KEY": OTHER})),
        ]
        assert "TRUST_PROXY_PROBE_KEY=<secret> (from app.config)" in caplog.text
        for text in shown:
            assert KEY not in text
            assert OTHER not in text
            assert token not in text

    @pytest.mark.parametrize(
        ("environment", "codes"),
        [
            pytest.param({"TRUST_PROXY_PROBE_KEY": KEY}, [], id="the same"),
            pytest.param(
                {"TRUST_PROXY_PROBE_KEY": OTHER}, ["environment_overridden"], id="another"
            ),
            pytest.param({"FLASK_TRUST_PROXY_PROBE_KEY": KEY}, [], id="loaded"),
            pytest.param(
                {"FLASK_TRUST_PROXY_PROBE_KEY": OTHER}, ["not_loaded"], id="another, not loaded"
            ),
        ],
    )
    def test_the_check_compares_it_with_the_environment(self, environment, codes):
        settings = read_settings({"TRUST_PROXY_PROBE_KEY": KEY}, {})
        cautions = list(environment_warnings(settings, environment))
        assert [caution.code for caution in cautions] == codes


def test_flask_is_not_asked_for_a_request_that_is_answered():
    app = make_app()
    app.full_dispatch_request = lambda *args: pytest.fail("dispatched")
    assert isinstance(ask(app, token_of()), flask.Response)
