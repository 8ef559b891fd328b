"""The live probe through real proxies: what it finds, and that its advice is good.

The prober is on 127.0.0.1; the proxy that speaks to the application does so from
127.0.0.2, and one in front of it from 127.0.0.3.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flask_trustproxy.commands.app import trust_proxy
from flask_trustproxy.core.headers import parse_headers
from flask_trustproxy.probe.client import Unanswered, probe
from flask_trustproxy.probe.forgeries import forgeries
from flask_trustproxy.probe.report import Report
from flask_trustproxy.probe.wire import parse_target

from .client import HOST, Tcp, ask
from .probing import (
    APACHE_DOCUMENTED,
    APACHE_HTTP,
    APACHE_SET,
    CADDY_BOUND,
    DEFAULT_HEADERS,
    EDGE,
    HAPROXY_DOCUMENTED,
    HAPROXY_STOCK,
    HERE,
    INNER,
    KEY,
    NGINX_BARE,
    NGINX_INNER,
    NGINX_PARAMS,
    NGINX_TCP,
    NGINX_TLS,
    NGINX_UNIX,
    Way,
)
from .proxies import APACHE, CADDY, HAPROXY, NGINX, NGINX_DEBIAN, Family
from .servers import CARELESS
from .stack import Stack
from .test_forgeable import STOCK


def forged(report: Report) -> set[tuple[str, str]]:
    return {(each.output, each.header) for each in report.forged}


# What the documentation shows: the way, and the settings in the application.
SESSIONS = {
    "forgeable": (Way(HAPROXY, HAPROXY_STOCK), {"TRUST_PROXY": INNER}),
    "safe": (
        Way(HAPROXY, HAPROXY_STOCK),
        {
            "TRUST_PROXY": INNER,
            "TRUST_PROXY_HEADERS": "X-Forwarded-For",
            "TRUST_PROXY_MAX_HOPS": "1",
        },
    ),
    "misconfigured": (
        Way(NGINX, NGINX_INNER, edge=NGINX, edge_text=NGINX_TCP),
        {"TRUST_PROXY": INNER},
    ),
    "identity": (
        Way(NGINX, NGINX_TCP),
        {"TRUST_PROXY": INNER, "TRUST_PROXY_IDENTITY_HEADERS": "Remote-User"},
    ),
    "inconclusive": (Way(HAPROXY, HAPROXY_DOCUMENTED), {"TRUST_PROXY": "loopback"}),
    "json": (Way(HAPROXY, HAPROXY_STOCK), {"TRUST_PROXY": INNER}),
}
SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "probe"


def test_the_documentation_shows_a_session_of_each_kind() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(SESSIONS)


@pytest.mark.parametrize("name", SESSIONS)
def test_the_command_prints_what_the_documentation_shows(
    stack: Stack, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    way, settings = SESSIONS[name]
    front = way.front(stack, settings)
    assert isinstance(front, Tcp)
    connect = socket.create_connection
    # As if the name of the host led here.
    monkeypatch.setattr(
        socket,
        "create_connection",
        lambda address, timeout, source: connect((front.host, front.port), timeout, source),
    )
    session = (SNAPSHOTS / f"{name}.txt").read_text("utf-8")
    first, *_, last = session.splitlines()
    command = first.removeprefix("$ flask trust-proxy ").split()
    environ = {"COLUMNS": "80", "TRUST_PROXY_PROBE_KEY": KEY}
    result = CliRunner().invoke(trust_proxy, command, env=environ)
    assert f"{first}\n{result.output}$ echo $?\n{result.exit_code}\n" == session


@pytest.mark.parametrize("nginx", [NGINX, NGINX_DEBIAN], ids=lambda family: family.name)
def test_a_bare_proxy_pass_is_forgeable(stack: Stack, nginx: Family) -> None:
    report = Way(nginx, NGINX_BARE).probe(stack, {"TRUST_PROXY": INNER})
    assert (report.verdict, report.chain) == ("forgeable", [INNER])
    assert forged(report) == {("client_ip", "X-Forwarded-For"), ("scheme", "X-Forwarded-Proto")}
    assert report.headers["X-Forwarded-For"] == report.headers["X-Forwarded-Proto"] == "passed"
    assert [(wrong.output, wrong.expected) for wrong in report.misconfigured] == [
        ("client_ip", None),
        ("host", HOST),
    ]
    assert report.recommend.trust is None
    assert any(
        "Have the outermost proxy write X-Forwarded-For." in mend for mend in report.fixes
    )


DOCUMENTED = [
    pytest.param(Way(NGINX, NGINX_TCP), id="nginx"),
    pytest.param(Way(NGINX_DEBIAN, NGINX_TCP), id="Debian's nginx"),
    pytest.param(Way(NGINX, NGINX_TLS, scheme="https"), id="nginx, TLS"),
    pytest.param(Way(NGINX, NGINX_UNIX, at="unix"), id="nginx, unix"),
    pytest.param(Way(APACHE, APACHE_DOCUMENTED), id="Apache"),
    pytest.param(Way(APACHE, APACHE_DOCUMENTED, scheme="https"), id="Apache, TLS"),
    pytest.param(Way(HAPROXY, HAPROXY_DOCUMENTED), id="HAProxy"),
    pytest.param(Way(HAPROXY, HAPROXY_DOCUMENTED, scheme="https"), id="HAProxy, TLS"),
    pytest.param(Way(CADDY, CADDY_BOUND), id="Caddy"),
]


@pytest.mark.parametrize("way", DOCUMENTED)
def test_the_documented_configuration_is_safe(stack: Stack, way: Way) -> None:
    trust = "unix" if way.at == "unix" else INNER
    report = way.probe(stack, {"TRUST_PROXY": trust})
    assert (report.verdict, report.fixes) == ("safe", [])
    assert (report.client_ip, report.chain) == (
        HERE,
        [HERE, "unix:" if trust == "unix" else INNER],
    )
    assert report.recommend.settings() == {
        "TRUST_PROXY": trust,
        "TRUST_PROXY_HEADERS": DEFAULT_HEADERS,
        "TRUST_PROXY_MAX_HOPS": 1,
    }


def behind(edge: Family, text: str, scheme: str = "http") -> Way:
    return Way(NGINX, NGINX_INNER, scheme=scheme, edge=edge, edge_text=text)


def test_two_proxies_and_trust_for_one_is_misconfigured(stack: Stack) -> None:
    report = behind(NGINX, NGINX_TCP).probe(stack, {"TRUST_PROXY": INNER})
    assert (report.verdict, report.client_ip) == ("misconfigured", EDGE)
    assert report.chain == [HERE, EDGE, INNER]
    assert [wrong[:3] for wrong in report.misconfigured] == [("client_ip", EDGE, HERE)]
    assert report.recommend.settings() == {
        "TRUST_PROXY": f"{INNER}, {EDGE}",
        "TRUST_PROXY_HEADERS": DEFAULT_HEADERS,
        "TRUST_PROXY_MAX_HOPS": 2,
    }
    assert report.recommend.count == 2


@pytest.mark.parametrize(
    ("way", "settings", "verdict"),
    [
        pytest.param(
            behind(NGINX, NGINX_TLS, "https"),
            {"TRUST_PROXY": INNER},
            "misconfigured",
            id="nginx, nginx and trust for one",
        ),
        pytest.param(
            behind(HAPROXY, HAPROXY_DOCUMENTED),
            {"TRUST_PROXY": INNER},
            "misconfigured",
            id="HAProxy, nginx and trust for one",
        ),
        pytest.param(
            behind(APACHE, APACHE_DOCUMENTED, "https"),
            {"TRUST_PROXY": "3"},
            "misconfigured",
            id="Apache, nginx and a count of three",
        ),
        pytest.param(
            Way(NGINX, NGINX_PARAMS),
            {"TRUST_PROXY": "true"},
            "forgeable",
            id="nginx's proxy_params and trust for everybody",
        ),
        pytest.param(
            Way(NGINX_DEBIAN, NGINX_TCP),
            {"TRUST_PROXY": "false"},
            "misconfigured",
            id="nginx and trust for nobody",
        ),
        pytest.param(
            Way(NGINX, NGINX_PARAMS),
            {"TRUST_PROXY": INNER, "TRUST_PROXY_HEADERS": "Forwarded"},
            "forgeable",
            id="nginx and a header that it passes on",
        ),
        pytest.param(
            Way(NGINX, NGINX_UNIX, at="unix"),
            {"TRUST_PROXY": "2"},
            "misconfigured",
            id="nginx on a unix socket and a count of two",
        ),
        pytest.param(
            Way(HAPROXY, HAPROXY_STOCK),
            {"TRUST_PROXY": INNER},
            "forgeable",
            id="HAProxy's forwardfor, which leaves the scheme to the client",
        ),
        pytest.param(
            Way(APACHE, APACHE_HTTP),
            {"TRUST_PROXY": INNER},
            "forgeable",
            id="Apache's ProxyPass, which leaves the scheme to the client",
        ),
        pytest.param(
            Way(CADDY, CADDY_BOUND),
            {"TRUST_PROXY": INNER, "TRUST_PROXY_HEADERS": "X-Real-IP, X-Forwarded-Proto"},
            "forgeable",
            id="Caddy and a header that it passes on",
        ),
        pytest.param(
            Way(CADDY, CADDY_BOUND),
            {"TRUST_PROXY": "203.0.113.7"},
            "misconfigured",
            id="Caddy and trust for another",
        ),
    ],
)
def test_what_it_recommends_makes_it_safe(
    stack: Stack, way: Way, settings: Mapping[str, str], verdict: str
) -> None:
    before = way.probe(stack, settings)
    assert before.verdict == verdict
    recommended = {name: str(value) for name, value in before.recommend.settings().items()}
    after = way.probe(stack, recommended)
    assert (after.verdict, after.client_ip, after.fixes) == ("safe", HERE, [])
    assert after.recommend == before.recommend


def test_trust_for_everybody_is_forgeable(stack: Stack) -> None:
    report = Way(NGINX_DEBIAN, NGINX_PARAMS).probe(stack, {"TRUST_PROXY": "true"})
    assert (report.verdict, forged(report)) == ("forgeable", {("client_ip", "X-Forwarded-For")})
    assert report.headers["X-Forwarded-For"] == "appended"


def test_a_header_that_apache_sets_can_be_taken_away(stack: Stack) -> None:
    report = Way(APACHE, APACHE_SET, scheme="https").probe(stack, {"TRUST_PROXY": INNER})
    (hole,) = report.forged
    assert (hole.output, hole.header, hole.believed) == ("scheme", "Connection", "http")
    assert hole.sent.startswith("close, X-Forwarded-")
    assert report.headers["X-Forwarded-Proto"] == "set"
    assert any("RFC 9110 section 7.6.1" in mend for mend in report.fixes)


# Pages of a proxy that are not the application's: of another one, and of one that is down.
OTHERS = NGINX_TCP.replace(
    "    location / {",
    """    location /other { return 200 "another app"; }
    location /refused { return 403; }
    location /down { proxy_pass http://127.0.0.1:1; }

    location / {""",
)
# A cache that keeps everything, and tells URLs apart, or not, by their query.
CACHE = """
proxy_cache_path cache keys_zone=all:1m;
server {
    listen 80;
    server_name www.example.com;
    proxy_cache all;
    proxy_cache_key "KEY";
    proxy_cache_valid any 1h;
    proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;
    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
"""


class TestWhatCannotBeProbed:
    """It ends with 2, says at which request and why, and has forged nothing till then."""

    def why(self, stack: Stack, text: str, *options: str, **settings: str) -> str:
        way = Way(NGINX, text)
        front = way.front(stack, {"TRUST_PROXY": INNER, **settings})
        arguments = ["probe", f"http://{HOST}/", "--key", KEY, "--connect", str(front)]
        result = CliRunner().invoke(trust_proxy, [*arguments, *options])
        assert result.exit_code == 2, result.output
        (line,) = result.output.splitlines()
        return line

    def test_another_key(self, stack: Stack) -> None:
        other = "another key of 32 characters and of some more"
        assert self.why(stack, NGINX_TCP, "--key", other) == (
            "Error: Request 1 (an honest request): HTTP 200, not signed by the app. Check in "
            "this order: (1) the app calls TrustProxy(app); (2) it has the same "
            "TRUST_PROXY_PROBE_KEY, and was restarted; (3) the URL leads to this app; (4) no "
            "proxy removes X-Trust-Proxy-Probe."
        )

    def test_no_key_in_the_app(self, stack: Stack) -> None:
        line = self.why(stack, NGINX_TCP, TRUST_PROXY_PROBE_KEY="")
        assert "HTTP 200, not signed by the app. Check in this order: (1) the app" in line

    @pytest.mark.parametrize(
        ("skew", "words"),
        [
            pytest.param(-100, "seconds ahead of this one", id="our clock is slow"),
            pytest.param(100, "seconds behind this one", id="our clock is fast"),
        ],
    )
    def test_clocks_that_differ(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch, skew: int, words: str
    ) -> None:
        now = time.time
        # Started before the clock is moved.
        Way(NGINX, NGINX_TCP).front(stack, {"TRUST_PROXY": INNER})
        monkeypatch.setattr(time, "time", lambda: now() + skew)
        assert re.search(f"clock is (99|100|101) {words}", self.why(stack, NGINX_TCP))

    @pytest.mark.parametrize("skew", [-50, 50])
    def test_clocks_that_differ_a_little_do_not_matter(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch, skew: int
    ) -> None:
        way, settings = Way(NGINX, NGINX_TCP), {"TRUST_PROXY": INNER}
        way.front(stack, settings)
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + skew)
        assert way.probe(stack, settings).verdict == "safe"

    def test_a_url_that_redirects(self, stack: Stack) -> None:
        assert self.why(stack, NGINX_TLS) == (
            "Error: Request 1 (an honest request): HTTP 301, a redirect. Probe "
            f"'https://{HOST}/'."
        )

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            pytest.param("other", "HTTP 200, not signed by the app", id="another app"),
            pytest.param("refused", "HTTP 403, not signed by the app", id="a proxy's own page"),
            pytest.param("down", "HTTP 502: the proxy does not reach the app", id="no app"),
        ],
    )
    def test_a_page_that_is_not_the_apps(self, stack: Stack, path: str, words: str) -> None:
        front = Way(NGINX, OTHERS).front(stack, {"TRUST_PROXY": INNER})
        target = parse_target(f"http://{HOST}/{path}", str(front))
        with pytest.raises(Unanswered) as caught:
            probe(target, KEY.encode(), lambda *progress: None)
        assert caught.value.why.startswith(f"Request 1 (an honest request): {words}")
        assert caught.value.requests == 1

    def test_a_certificate_that_nobody_vouches_for(self, stack: Stack) -> None:
        front = Way(NGINX, NGINX_TLS, scheme="https").front(stack, {"TRUST_PROXY": INNER})
        target = parse_target(f"https://{HOST}/", str(front))
        with pytest.raises(Unanswered) as caught:
            probe(target, KEY.encode(), lambda *progress: None)
        assert caught.value.why == (
            "Request 1 (an honest request): the certificate is not valid: self-signed "
            "certificate. If it is yours all the same, give --insecure."
        )

    def test_a_cache_that_does_not_tell_urls_apart(self, stack: Stack) -> None:
        way = Way(NGINX, CACHE.replace("KEY", "$scheme$host$uri"))
        front = way.front(stack, {"TRUST_PROXY": INNER})
        target = parse_target(f"http://{HOST}/d/", str(front))
        with pytest.raises(Unanswered) as caught:
            probe(target, KEY.encode(), lambda *progress: None)
        assert caught.value.why == (
            "Request 2 (an honest request): a cache answered what was asked before. Have it "
            "heed Cache-Control: no-store, and tell URLs apart by their query."
        )


def test_nothing_forged_stays_in_a_cache(stack: Stack) -> None:
    settings = {
        "TRUST_PROXY": "true",
        "TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Host",
    }
    way = Way(NGINX, CACHE.replace("KEY", "$scheme$host$request_uri"))
    report = way.probe(stack, settings)
    assert forged(report) == {("client_ip", "X-Forwarded-For"), ("host", "X-Forwarded-Host")}
    for target in ("/", "/?", "/?trust-proxy-probe="):
        page = ask(way.front(stack, settings), target=target).body.decode()
        assert "canary" not in page
        assert "192.0.2." not in page


def test_the_command_ends_as_its_verdict_says(stack: Stack) -> None:
    way = Way(NGINX, NGINX_PARAMS)
    for trust, verdict, code in (
        (INNER, "safe", 0),
        ("true", "forgeable", 1),
        ("false", "misconfigured", 1),
        ("127.0.0.1, 127.0.0.2", "inconclusive", 2),
    ):
        front = way.front(stack, {"TRUST_PROXY": trust})
        arguments = ["probe", f"http://{HOST}/", "--key", KEY, "--connect", str(front)]
        told = CliRunner().invoke(trust_proxy, [*arguments, "--json"])
        assert (told.exit_code, json.loads(told.output)["verdict"]) == (code, verdict)
        shown = CliRunner().invoke(trust_proxy, arguments)
        assert shown.exit_code == code
        app = stack.app({"TRUST_PROXY_PROBE_KEY": KEY, "TRUST_PROXY": trust})
        assert KEY not in app.process.output
        assert shown.output.startswith(f"{verdict}: ")
        assert KEY not in told.output + shown.output


def test_all_that_json_has(stack: Stack) -> None:
    report = Way(NGINX, NGINX_PARAMS).probe(stack, {"TRUST_PROXY": "true"}).as_json()
    headers: dict[str, Any] = report.pop("headers")  # type: ignore[assignment]  # for object
    assert {name: headers[name] for name in ("X-Forwarded-For", "X-Real-IP", "X-Scheme")} == {
        "X-Forwarded-For": "appended",
        "X-Real-IP": "set",
        "X-Scheme": "passed",
    }
    fixes = report.pop("fixes")
    assert report == {
        "verdict": "forgeable",
        "headline": "A client can forge client_ip (with X-Forwarded-For).",
        "client_ip": HERE,
        "chain": [HERE, INNER],
        "forged": [
            {
                "output": "client_ip",
                "header": "X-Forwarded-For",
                "sent": "192.0.2.66",
                "believed": "192.0.2.66",
                "over": "http",
            }
        ],
        "misconfigured": [],
        "recommend": {
            "TRUST_PROXY": INNER,
            "TRUST_PROXY_HEADERS": DEFAULT_HEADERS,
            "TRUST_PROXY_MAX_HOPS": 1,
            "count": 1,
            "when": "now",
        },
        "over_http": "itself",
        "configuration": [],
        "stopped": False,
        "reasons": [],
        "requests": 3 + len(list(forgeries(parse_headers(DEFAULT_HEADERS), "http", {}))),
    }
    assert fixes == [
        "X-Forwarded-For: TRUST_PROXY trusts more than the proxies, so the app accepts an "
        "entry that a client wrote. Trust the addresses of the proxies only."
    ]


def test_the_prober_is_inside_of_what_is_trusted(stack: Stack) -> None:
    report = Way(HAPROXY, HAPROXY_DOCUMENTED).probe(stack, {"TRUST_PROXY": "loopback"})
    assert (report.verdict, report.forged) == ("inconclusive", [])
    assert report.reasons == [
        "The app trusts this machine, 127.0.0.1, as a proxy, so it accepts what is forged from "
        "here."
    ]
    assert report.fixes == [
        "Run the probe from another machine, or trust fewer addresses: apply the settings "
        "below, and probe again."
    ]
    assert report.recommend.trust == INNER


def test_a_request_without_host_lets_the_client_say_it_through_apache(stack: Stack) -> None:
    settings = {
        "TRUST_PROXY": INNER,
        "TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Host",
    }
    way = Way(APACHE, (STOCK / "apache.conf").read_text())
    report = way.probe(stack, settings)
    (hole,) = report.forged
    assert hole[:4] == ("host", "X-Forwarded-Host", "canary.example.com", "canary.example.com")
    assert hole.forgery.hostless
    # So it is not recommended, though the proxy writes it.
    assert report.headers["X-Forwarded-Host"] == "appended"
    assert report.recommend.headers == "X-Forwarded-For"


def test_underscores_that_the_server_takes_for_hyphens(stack: Stack) -> None:
    app = stack.app({"TRUST_PROXY": INNER, "TRUST_PROXY_PROBE_KEY": KEY}, server=CARELESS)
    proxy = stack.proxy(APACHE, APACHE_HTTP, app.endpoint, source=INNER)
    target = parse_target(f"http://{HOST}/", str(proxy.http))
    report = probe(target, KEY.encode(), lambda *progress: None)
    assert ("client_ip", "X_Forwarded_For") in forged(report)
    assert any("remove names with underscores" in mend for mend in report.fixes)
