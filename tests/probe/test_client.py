"""What the probe sends, and what it takes for an answer."""

from __future__ import annotations

import socket
import threading
import time
from datetime import datetime, timezone
from email.utils import format_datetime
from http.client import HTTPException

import pytest

from flask_trustproxy import TrustProxyMiddleware
from flask_trustproxy.probe import client as prober
from flask_trustproxy.probe.client import Unanswered, probe
from flask_trustproxy.probe.door import (
    HEADER,
    PARAMETER,
    WINDOW,
    make_token,
)
from flask_trustproxy.probe.wire import parse_target

from .worlds import ALL, KEY, NONCES, TARGET, THERE, Losing, Script, page, respond


def date(ahead):
    return format_datetime(datetime.fromtimestamp(time.time() + ahead, timezone.utc))


UNSIGNED = (
    "not signed by the app. Check in this order: (1) the app calls TrustProxy(app); (2) it has "
    "the same TRUST_PROXY_PROBE_KEY, and was restarted; (3) the URL leads to this app; (4) no "
    "proxy removes X-Trust-Proxy-Probe."
)


class TestRun:
    def test_an_app_without_a_proxy(self, serve):
        url = serve(TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY))
        seen = []
        report = probe(parse_target(url), KEY.encode(), lambda *progress: seen.append(progress))
        assert (report.verdict, report.chain) == ("safe", ["127.0.0.1"])
        assert report.recommend.settings() == {
            "TRUST_PROXY": "false",
            "TRUST_PROXY_HEADERS": "none",
        }
        assert [number for number, _, _ in seen] == list(range(1, report.requests + 1))
        assert seen[:2] == [(1, 0, "an honest request"), (2, 0, "an honest request")]
        assert seen[2] == (3, report.requests, "X-Forwarded-For")

    def test_on_the_apps_own_machine_nobody_can_tell(self, serve):
        url = serve(TrustProxyMiddleware(page, probe_key=KEY))
        report = probe(parse_target(url), KEY.encode(), lambda *progress: None)
        assert (report.verdict, report.forged, report.misconfigured) == ("inconclusive", [], [])

    def test_every_request_is_a_url_of_its_own_and_two_are_honest_first(self, serve):
        requests = []

        def recording(environ, start_response):
            requests.append(dict(environ))
            return door(environ, start_response)

        door = TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY)
        report = probe(parse_target(serve(recording)), KEY.encode(), lambda *progress: None)
        assert len(requests) == report.requests == ALL
        assert len({environ["QUERY_STRING"] for environ in requests}) == ALL
        assert {environ["HTTP_CACHE_CONTROL"] for environ in requests} == {"no-store"}
        forged = [
            [key for key in environ if "FORWARDED" in key or "SCHEME" in key and "HTTP_" in key]
            for environ in requests
        ]
        assert forged[:3] == [[], [], ["HTTP_X_FORWARDED_FOR"]]
        assert all(KEY not in str(environ) for environ in requests)

    def test_no_answer_at_all(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            target = parse_target(f"http://127.0.0.1:{port}/", timeout=0.2)
            with pytest.raises(Unanswered) as caught:
                probe(target, KEY.encode(), lambda *progress: None)
        assert caught.value.why == (
            "Request 1 (an honest request): no answer in time; --timeout gives it longer."
        )
        with pytest.raises(Unanswered, match="Request 1 .*: no answer: .*refused"):
            probe(target, KEY.encode(), lambda *progress: None)

    def test_an_answer_stands_whose_connection_is_reset(self):
        """As where a request is refused, and the rest of it never read."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def refuse():
                connection, _ = listener.accept()
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nno")
                connection.close()

            thread = threading.Thread(target=refuse)
            thread.start()
            where = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            target = parse_target(where, timeout=0.5)
            with pytest.raises(Unanswered) as caught:
                probe(target, KEY.encode(), lambda *progress: None)
            thread.join()
        assert caught.value.why == f"Request 1 (an honest request): HTTP 400, {UNSIGNED}"

    def test_plain_http_to_another_machine_is_not_spoken(self, monkeypatch):
        class Connection:
            getsockname = staticmethod(lambda: ("192.0.2.7", 50000))
            getpeername = staticmethod(lambda: ("192.0.2.1", 80))
            __enter__ = __exit__ = lambda self, *exception: None

        monkeypatch.setattr(socket, "create_connection", lambda *args: Connection())
        monkeypatch.setattr(Connection, "__enter__", lambda self: self)
        with pytest.raises(Unanswered, match="Probe https://, or give --insecure.$"):
            probe(parse_target("http://www.example.com/"), KEY.encode(), lambda *progress: None)


class TestUnanswered:
    @pytest.mark.parametrize(
        ("at", "response", "why"),
        [
            pytest.param(
                1,
                respond(200),
                f"Request 1 (an honest request): HTTP 200, {UNSIGNED}",
                id="a page",
            ),
            pytest.param(
                2,
                respond(404),
                f"Request 2 (an honest request): HTTP 404, {UNSIGNED}",
                id="no page",
            ),
            pytest.param(
                1,
                respond(
                    308, location=f"https://www.example.com/?a=b&{PARAMETER}=0123456789abcdef"
                ),
                "Request 1 (an honest request): HTTP 308, a redirect. Probe "
                "'https://www.example.com/?a=b'.",
                id="a redirect of a proxy, to the same page",
            ),
            pytest.param(
                1,
                respond(302, location=f"/login?next=%2F&{PARAMETER}=0123456789abcdef"),
                "Request 1 (an honest request): HTTP 302, a redirect to '/login?next=%2F', "
                f"{UNSIGNED}",
                id="a redirect of the app, which has no TrustProxy or no key",
            ),
            pytest.param(
                1,
                respond(302, location="https://[::1/"),
                "Request 1 (an honest request): HTTP 302, a redirect to 'https://[::1/', "
                f"{UNSIGNED}",
                id="a redirect to no URL",
            ),
            pytest.param(
                1,
                lambda: respond(200, date=date(WINDOW + 40)),
                "Request 1 (an honest request): HTTP 200, not signed by the app. The server's "
                "clock is 100 seconds ahead of this one, and a question is valid for 60: set "
                "the clocks.",
                id="a clock that is ahead",
            ),
            pytest.param(
                1,
                lambda: respond(200, date=date(WINDOW - 10)),
                f"Request 1 (an honest request): HTTP 200, {UNSIGNED}",
                id="a clock that is ahead a little",
            ),
            pytest.param(
                1,
                respond(200, date="yesterday"),
                f"Request 1 (an honest request): HTTP 200, {UNSIGNED}",
                id="a date that is none",
            ),
            pytest.param(
                2,
                respond(502),
                "Request 2 (an honest request): HTTP 502: the proxy does not reach the app.",
                id="a proxy alone",
            ),
            pytest.param(
                2,
                respond(429),
                f"Request 2 (an honest request): HTTP 429, {UNSIGNED}",
                id="a rate limit",
            ),
            pytest.param(
                2,
                ConnectionResetError("reset by\npeer"),
                "Request 2 (an honest request): no answer: reset by peer.",
                id="a connection that was cut",
            ),
            pytest.param(
                1,
                HTTPException(),
                "Request 1 (an honest request): no answer: HTTPException.",
                id="no HTTP",
            ),
        ],
    )
    def test_the_run_ends_there_and_says_why(self, monkeypatch, at, response, why):
        script = Script(at, response)
        monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
        monkeypatch.setattr(prober, "send", script)
        with pytest.raises(Unanswered) as caught:
            probe(TARGET, KEY.encode(), lambda *progress: None)
        assert (caught.value.why, caught.value.requests) == (why, at)
        assert len(script.sent) == at

    def test_one_dropped_connection_costs_nothing(self, monkeypatch):
        script = Script(3, ConnectionResetError("reset by peer"))
        monkeypatch.setattr(prober, "send", script)
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert (report.verdict, report.reasons, report.fixes) == ("safe", [], [])
        assert report.requests == len(script.sent) == ALL + 1

    @pytest.mark.parametrize(
        ("response", "why"),
        [
            pytest.param(respond(502), "HTTP 502: the proxy does not reach the app", id="502"),
            pytest.param(respond(500), f"HTTP 500, {UNSIGNED}"[:-1], id="500"),
            pytest.param(OSError("cut"), "no answer: cut", id="a dropped connection"),
        ],
    )
    def test_what_is_lost_costs_that_trick_and_not_the_verdict(
        self, monkeypatch, response, why
    ):
        monkeypatch.setattr(prober, "send", Losing("X-Real-IP", response))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert (report.verdict, report.headers["X-Real-IP"]) == ("safe", "unanswered")
        assert report.fixes == ["Not tried, since nothing came back: X-Real-IP. Probe again."]

        monkeypatch.setattr(prober, "send", Losing("X-Forwarded-Proto", response))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "inconclusive"
        (reason,) = report.reasons
        assert reason.startswith("X-Forwarded-Proto was not answered (Request ")
        assert why in reason

    @pytest.mark.parametrize(
        "response",
        [
            pytest.param(respond(403), id="a 403"),
            pytest.param(respond(429), id="a rate limit"),
            pytest.param(respond(200), id="a page that asks for a human"),
            pytest.param(ConnectionResetError("reset"), id="dropped connections"),
        ],
    )
    def test_a_prober_that_is_banned_halfway_is_never_told_safe(self, monkeypatch, response):
        script = Script(range(12, 1000), response)
        monkeypatch.setattr(prober, "send", script)
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "inconclusive"
        assert report.reasons[0].startswith("Honest requests were answered at first")
        assert len(script.sent) == report.requests < 21  # it stops soon

    def test_what_was_forged_before_a_ban_stays(self, monkeypatch):
        script = Script(range(12, 1000), respond(403))
        script.door = TrustProxyMiddleware(page, trust=True, probe_key=KEY)
        monkeypatch.setattr(prober, "send", script)
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "forgeable"
        assert ("client_ip", "X-Forwarded-For") in {each[:2] for each in report.forged}
        assert report.reasons[0].startswith("Honest requests were answered at first")

    def test_a_ban_that_only_the_last_request_shows(self, monkeypatch):
        monkeypatch.setattr(prober, "send", Script(range(ALL, 1000), respond(403)))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.verdict == "inconclusive"

    def test_an_answer_to_another_question(self, monkeypatch):
        script = Script()
        first = script(TARGET, self.question())
        script = Script(2, first)
        monkeypatch.setattr(prober, "send", script)
        with pytest.raises(
            Unanswered, match="Request 2 .*: a cache answered what was asked before"
        ):
            probe(TARGET, KEY.encode(), lambda *progress: None)

    def test_an_answer_in_another_form(self, monkeypatch):
        monkeypatch.setattr(prober, "send", Script())
        monkeypatch.setattr(prober, "FORMAT", 0)
        with pytest.raises(Unanswered, match="the app has another version of Flask-TrustProxy"):
            probe(TARGET, KEY.encode(), lambda *progress: None)

    def question(self):
        token = make_token(KEY.encode(), str(next(NONCES)), "GET", "1")
        return f"GET /?{PARAMETER}=1 HTTP/1.1\r\n{HEADER}: {token}\r\n\r\n".encode()

    @pytest.mark.parametrize("status", [301, 400, 403, 431])
    def test_a_forgery_that_is_refused_does_not_end_it(self, monkeypatch, status):
        monkeypatch.setattr(prober, "send", Script(3, respond(status)))
        report = probe(TARGET, KEY.encode(), lambda *progress: None)
        assert report.headers["X-Forwarded-For"] == "refused"
        assert report.headers["Forwarded"] == "passed"
        assert (report.verdict, report.requests) == ("inconclusive", ALL)
        assert report.reasons == [
            "X-Forwarded-For was refused on the way, so nobody knows what the app would "
            "believe of it."
        ]
        assert report.fixes == [
            "Let this machine's requests pass while the probe runs, and probe again."
        ]

    def test_a_request_without_host_may_meet_another_page(self, monkeypatch):
        monkeypatch.setattr(prober, "send", Script(ALL - 1, respond(200)))
        assert probe(TARGET, KEY.encode(), lambda *progress: None).verdict == "safe"


class Redirecting(Script):
    """Answers over https alone; over http, what is given."""

    def __init__(self, response):
        super().__init__()
        self.over_http, self.targets = response, []

    def __call__(self, target, request):
        self.targets.append(target)
        if target.url.scheme == "http":
            if isinstance(self.over_http, Exception):
                raise self.over_http
            return self.over_http
        return super().__call__(target, request)


class TestHttpBesideHttps:
    def probe(self, monkeypatch, send, **options):
        monkeypatch.setattr(prober, "send", send)
        target = parse_target("https://www.example.com/", "192.0.2.1:8443")
        return probe(target, KEY.encode(), lambda *progress: None, **options)

    @pytest.mark.parametrize(
        ("response", "over_http"),
        [
            pytest.param(respond(301), "redirected", id="a redirect"),
            pytest.param(respond(404), "another", id="another app"),
            pytest.param(ConnectionRefusedError("refused"), "no_answer", id="nothing"),
            pytest.param(TimeoutError("timed out"), "no_answer", id="a firewall"),
        ],
    )
    def test_one_request_tells_that_the_app_is_not_there(
        self, monkeypatch, response, over_http
    ):
        report = self.probe(monkeypatch, Redirecting(response), http_port=80)
        assert (report.over_http, report.requests) == (over_http, ALL + 1)

    def test_a_few_requests_are_sent_where_the_app_answers(self, monkeypatch):
        script = Script()
        report = self.probe(monkeypatch, script, http_port=8080)
        assert (report.over_http, report.requests) == ("probed", ALL + 5)
        assert report.requests <= 65
        over_http = [request.decode() for request in script.sent[ALL:]]
        assert ["X-Forwarded-For:" in request for request in over_http] == [
            *(False, True, False, True, False)
        ]

    def test_they_go_to_the_address_that_answered_over_https(self, monkeypatch):
        script = Redirecting(respond(301))
        self.probe(monkeypatch, script, http_port=8080)
        assert script.targets[-1].dial == (THERE[0], 8080)

    def test_nothing_is_sent_unless_a_port_is_given(self, monkeypatch):
        report = self.probe(monkeypatch, Script())
        assert (report.over_http, report.requests) == ("left_out", ALL)

    def test_nothing_is_sent_after_a_ban(self, monkeypatch):
        script = Script(range(12, 1000), respond(403))
        assert self.probe(monkeypatch, script, http_port=80).over_http == "left_out"

    def test_an_http_url_has_nothing_beside_it(self, monkeypatch):
        monkeypatch.setattr(prober, "send", Script())
        report = probe(TARGET, KEY.encode(), lambda *progress: None, 80)
        assert (report.over_http, report.requests) == ("itself", ALL)
