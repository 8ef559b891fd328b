"""The live probe through real proxies: what it finds, and that its advice is good.

The prober is on 127.0.0.1; the proxy that speaks to the application does so from
127.0.0.2, and one in front of it from 127.0.0.3.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

import pytest
from click.testing import CliRunner

from flask_trustproxy.cli import trust_proxy
from flask_trustproxy.conclusions import Report
from flask_trustproxy.prober import Unanswered, parse_target, probe

from .client import HOST, Endpoint, ask
from .proxies import APACHE, CADDY, HAPROXY, NGINX, NGINX_DEBIAN, Family
from .stack import DEPLOY, Stack
from .test_forgeable import STOCK

KEY = "a key of these tests, of 32 characters and more"
HERE, INNER, EDGE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
DEFAULT_HEADERS = "X-Forwarded-For, X-Forwarded-Proto"

NGINX_BARE = (STOCK / "nginx.conf").read_text()
NGINX_PARAMS = (STOCK / "nginx_proxy_params.conf").read_text()
NGINX_TCP = (DEPLOY / "nginx" / "tcp.conf").read_text()
NGINX_TLS = (DEPLOY / "nginx" / "tls.conf").read_text()
NGINX_UNIX = (DEPLOY / "nginx" / "unix.conf").read_text()
NGINX_INNER = (DEPLOY / "nginx" / "behind_another.conf").read_text()
APACHE_DOCUMENTED = (DEPLOY / "apache" / "app.conf").read_text()
HAPROXY_STOCK = (STOCK / "haproxy_forwardfor.cfg").read_text()
HAPROXY_DOCUMENTED = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
CADDY_STOCK = (STOCK / "Caddyfile").read_text()

# What the page of Apache in many guides shows, with the line that it forgets: a client that
# names X-Forwarded-Proto in Connection has it removed again.
APACHE_SET = """
ProxyPass / http://127.0.0.1:8000/
ProxyPreserveHost On
RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}
<VirtualHost *:80>
    ServerName www.example.com
</VirtualHost>
<VirtualHost *:443>
    ServerName www.example.com
    SSLEngine On
    SSLCertificateFile /etc/ssl/private/www.example.com.pem
    SSLCertificateKeyFile /etc/ssl/private/www.example.com.pem
</VirtualHost>
"""
APACHE_HTTP = "ProxyPreserveHost On\n" + (STOCK / "apache.conf").read_text()
# Its `proxy_bind`: an address of its own, so that the prober is none of the proxies.
CADDY_BOUND = CADDY_STOCK.replace(
    "reverse_proxy 127.0.0.1:8000",
    "reverse_proxy 127.0.0.1:8000 {\n\t\ttransport http {\n\t\t\tlocal_address 127.0.0.2\n\t\t}\n\t}",
)


@dataclass(frozen=True)
class Way:
    """The proxies in front of the application, with their files."""

    family: Family
    text: str
    at: str = "127.0.0.1"
    scheme: str = "http"
    edge: Optional[Family] = None
    edge_text: str = ""

    def front(self, stack: Stack, settings: Mapping[str, str]) -> Endpoint:
        """Where clients reach it, with these settings in the application."""
        app = stack.app({"TRUST_PROXY_PROBE_KEY": KEY, **settings}, at=self.at)
        source = INNER if self.at != "unix" else ""
        text = self.text.replace("192.0.2.10", EDGE)
        proxy = stack.proxy(self.family, text, app.endpoint, source=source)
        if self.edge is not None:
            proxy = stack.proxy(self.edge, self.edge_text, proxy.http, source=EDGE)
        return getattr(proxy, self.scheme)

    def probe(self, stack: Stack, settings: Mapping[str, str]) -> Report:
        front = self.front(stack, settings)
        target = parse_target(f"{self.scheme}://{HOST}/", str(front), insecure=True)
        return probe(target, KEY.encode(), lambda number, total, title: None)


def forged(report: Report) -> set[tuple[str, str]]:
    return {(each.output, each.header) for each in report.forged}


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
        "Have the outermost proxy write X-Forwarded-For." in mend for mend in report.mends
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
    assert (report.verdict, report.mends) == ("safe", [])
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
    assert [tuple(wrong) for wrong in report.misconfigured] == [("client_ip", EDGE, HERE)]
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
    assert (after.verdict, after.client_ip, after.mends) == ("safe", HERE, [])
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
    assert any("RFC 9110 section 7.6.1" in mend for mend in report.mends)
