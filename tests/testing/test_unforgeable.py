"""The assertion that nothing can be forged: when it passes, and its failures in full."""

from __future__ import annotations

import logging

import pytest
from flask import request
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_trustproxy.core.headers import NAMES
from flask_trustproxy.log import logger
from flask_trustproxy.testing import assert_unforgeable
from testing.test_client import EVERYTHING, LIST, make_app


@pytest.fixture(autouse=True)
def _default_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TRUST_PROXY", raising=False)


@pytest.mark.parametrize(
    ("trust", "more"),
    [
        pytest.param(None, {}, id="the defaults"),
        pytest.param("loopback, 10.0.0.0/8, unix", {}, id="names and networks"),
        pytest.param("203.0.113.9, 198.51.100.7", {}, id="clients of ours as proxies"),
        pytest.param("10.0.0.0/8", {"headers": "Forwarded"}, id="Forwarded"),
        pytest.param(None, {"headers": "CF-Connecting-IP"}, id="a single address"),
        pytest.param(None, {"headers": "none"}, id="no header"),
        pytest.param(None, {"headers": EVERYTHING}, id="every kind of header"),
        pytest.param(
            None, {"headers": f"{LIST}, X-Forwarded-Host:2"}, id="the second from the right"
        ),
        pytest.param("192.0.2.10", {"required": True}, id="refusing strangers"),
        pytest.param(False, {}, id="nobody"),
        pytest.param(0, {}, id="a count of none"),
        pytest.param(2, {}, id="a count"),
        pytest.param(lambda address, hop: address == "127.0.0.1", {}, id="a callable"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/leftmost", "/nowhere"])
def test_nothing_can_be_forged(trust: object, more: dict[str, object], path: str):
    status = 404 if path == "/nowhere" else None
    assert_unforgeable(make_app(trust, **more), path, status=status)


STRANGERS = "name the addresses or networks of your proxies"
CLEAN = "set TRUST_PROXY_CLEAN_HEADERS = True"


@pytest.mark.parametrize(
    ("trust", "more", "output", "lines", "mend"),
    [
        pytest.param(
            True, {}, "client_ip", "X-Forwarded-For: '192.0.2.66'", STRANGERS, id="everybody"
        ),
        pytest.param(
            "0.0.0.0/0, ::/0",
            {"headers": "Forwarded"},
            "client_ip",
            "Forwarded: 'for=192.0.2.66;proto=http;host=canary.example.com'",
            STRANGERS,
            id="every address",
        ),
        pytest.param(
            lambda address, hop: True,
            {},
            "client_ip",
            "X-Forwarded-For: '192.0.2.66'",
            "trusts the client",
            id="a callable that says yes",
        ),
        pytest.param(
            None,
            {"clean_headers": False},
            "the header X-Forwarded-For",
            "X-Forwarded-For: '192.0.2.66'",
            CLEAN,
            id="what is left for others",
        ),
        pytest.param(
            False,
            {"clean_headers": False, "headers": "X-Acme-Client=address"},
            "the header X-Forwarded-For",
            "X-Forwarded-For: '192.0.2.66'",
            CLEAN,
            id="past the proxies too",
        ),
    ],
)
def test_what_can_be_forged_is_told(trust, more, output, lines, mend):
    with pytest.raises(AssertionError) as failure:
        assert_unforgeable(make_app(trust, **more))
    first, second, third, walk, last = str(failure.value).splitlines()
    assert first.startswith(f"A client can forge {output}: it is ")
    assert second.strip() == lines
    assert third.startswith("and ")
    assert walk.startswith("The walk: client ")
    assert last.startswith("Fix: ")
    assert mend in last


def test_the_explanation_as_a_whole():
    with pytest.raises(AssertionError) as failure:
        assert_unforgeable(make_app(True))
    assert str(failure.value) == (
        "A client can forge client_ip: it is '192.0.2.66' after\n"
        "    X-Forwarded-For: '192.0.2.66'\n"
        "and '203.0.113.9' without.\n"
        "The walk: client 192.0.2.66: 192.0.2.66 (trusted: True) -> 203.0.113.9 (trusted: "
        "True) -> 10.0.0.5 peer (trusted: True) -> app; stopped: end; scheme https; "
        "scheme 'https'\n"
        "Fix: name the addresses or networks of your proxies, and nobody else's: "
        "TRUST_PROXY='True' (from app.config) trusts the client"
    )


def test_a_view_that_reads_headers_itself_is_seen_by_its_response():
    app = make_app(clean_headers=False)
    with pytest.raises(AssertionError, match="can forge the response: .*192.0.2.66"):
        assert_unforgeable(app, "/leftmost")
    with pytest.raises(AssertionError, match=r"can forge believed\(response\): .*192.0.2.66"):
        assert_unforgeable(app, "/leftmost", believed=lambda response: response.text)
    # Nobody else is asked then: this view believes the right one.
    assert_unforgeable(app, "/", believed=lambda response: response.json["ip"])
    app.config["TRUST_PROXY_CLEAN_HEADERS"] = True
    assert_unforgeable(app, "/leftmost", believed=lambda response: response.text)


def test_a_forged_scheme_is_seen_past_the_proxies():
    app = make_app(clean_headers=False)

    @app.get("/secure")
    def secure() -> str:
        return str(request.is_secure or request.headers.get("X-Forwarded-Proto") == "https")

    with pytest.raises(
        AssertionError, match=r"(?s)it is 'True' after.*Proto: 'https'.*'False'"
    ):
        assert_unforgeable(app, "/secure", believed=lambda response: response.text)


def test_who_reads_the_headers_too_early_is_seen():
    app = make_app()
    inner = app.wsgi_app

    def early(environ, start_response):
        client = environ.get("HTTP_X_REAL_IP", "nobody")

        def answer(status, headers, *rest):
            return start_response(status, [*headers, ("X-Client", client)], *rest)

        return inner(environ, answer)

    app.wsgi_app = early
    with pytest.raises(
        AssertionError, match="(?s)can forge the response.*create TrustProxy last"
    ):
        assert_unforgeable(app)


def test_who_believes_the_headers_too_early_is_seen():
    app = make_app()
    app.wsgi_app = ProxyFix(app.wsgi_app)
    with pytest.raises(AssertionError, match="(?s)can forge client_ips?: .*remove ProxyFix"):
        assert_unforgeable(app)


def test_who_changes_the_address_behind_it_is_seen():
    app = make_app(clean_headers=False)
    trust = app.wsgi_app
    inner = trust.app

    def leftmost(environ, start_response):
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", environ["REMOTE_ADDR"])
        environ["REMOTE_ADDR"] = forwarded.split(",")[0]
        return inner(environ, start_response)

    trust.app = leftmost
    with pytest.raises(AssertionError, match=f"(?s)can forge remote_addr: .*{CLEAN}"):
        assert_unforgeable(app)


def test_an_app_that_answers_in_another_way_each_time_tells_nothing():
    app = make_app()
    answers = iter(range(100))
    app.add_url_rule("/token", view_func=lambda: str(next(answers)))
    with pytest.raises(ValueError, match="/told is answered in another way each time"):
        assert_unforgeable(app, "/told", believed=lambda response: next(answers))
    # Without it, such a response does not matter.
    assert_unforgeable(app, "/token")


def test_requests_that_trust_proxy_never_saw_tell_nothing():
    app = make_app()
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(dict(environ), start_response)
    with pytest.raises(RuntimeError, match="TrustProxy did not see the request"):
        assert_unforgeable(app)


def test_an_error_is_an_answer_and_logs_say_nothing(caplog: pytest.LogCaptureFixture):
    app = make_app()
    with caplog.at_level(logging.DEBUG):
        assert_unforgeable(app, "/strict")  # past the proxies, it raises
    assert caplog.records == []
    assert (app.config["PROPAGATE_EXCEPTIONS"], logger.disabled) == (None, False)
    assert app.logger.disabled is False
    with pytest.raises(KeyError):
        app.test_client().get("/strict")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/broken", 500, id="an error"),
        pytest.param("/nowhere", 404, id="a page that is not there"),
    ],
)
@pytest.mark.parametrize(
    ("trust", "who"),
    [
        pytest.param("loopback", "behind the proxies", id="behind proxies"),
        pytest.param(False, "that connects", id="without proxies"),
    ],
)
def test_it_fails_and_says_so_where_the_honest_request_does_not_succeed(
    path: str, status: int, trust: object, who: str
):
    app = make_app(trust)
    with pytest.raises(AssertionError) as failure:
        assert_unforgeable(app, path)
    assert str(failure.value) == (
        f"GET {path} is answered {status} to an honest client {who}, so nothing was tested.\n"
        f"Fix: give a path that succeeds, or status={status} if that is right"
    )
    with pytest.raises(AssertionError, match="nothing was tested"):
        assert_unforgeable(app, path, status=status + 1)
    assert_unforgeable(app, path, status=status)


def test_a_stranger_may_be_refused_where_the_proxies_are_required():
    assert_unforgeable(make_app("10.0.0.2", required=True))


def test_it_forges_every_forwarding_header():
    app, sent = make_app(), set()
    inner = app.wsgi_app

    def recording(environ, start_response):
        sent.update(key for key in environ if key.startswith("HTTP_"))
        return inner(environ, start_response)

    app.wsgi_app = recording
    assert_unforgeable(app)
    assert set(NAMES) <= sent


def test_each_request_is_a_new_visit():
    app = make_app()
    app.config["TRUST_PROXY_SECURE_COOKIES"] = "all"
    assert_unforgeable(app, "/old")
    assert_unforgeable(app, "/told", believed=lambda response: response.json["session"])
