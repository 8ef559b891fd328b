"""Each rule of the probe once through a real proxy, and its advice as it is printed.

The prober is on 127.0.0.77, and the proxies and the application are on 127.0.0.1.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from functools import partial

import pytest

from flask_trustproxy.probe.client import Unanswered, probe
from flask_trustproxy.probe.fixes import lines_that_protect
from flask_trustproxy.probe.report import Report
from flask_trustproxy.probe.wire import NO_TLS_THERE, TLS_THERE, parse_target

from .client import CLIENT, HOST
from .probing import (
    APACHE_DOCUMENTED,
    CADDY_STOCK,
    HAPROXY_DOCUMENTED,
    KEY,
    NGINX_TCP,
    NGINX_TLS,
    Way,
)
from .proxies import APACHE, CADDY, ENVOY, HAPROXY, NGINX, NGINX_DEBIAN
from .stack import DEPLOY, Stack
from .wsgi_servers import WAITRESS, with_options

PROXY = "127.0.0.1"
#: Without a line that binds the proxy's own end, which not every program has.
unbound = partial(Way, bound="")
ORIGIN = "0123456789abcdef0123456789abcdef"
ENVOY_DOCUMENTED = (DEPLOY / "envoy" / "envoy.yaml").read_text()


@dataclass(frozen=True)
class Guard:
    """A way, and where in its file a line goes that the probe prints."""

    way: Way
    after: str
    indent: str = "        "
    end: str = ""

    def with_lines(self, *lines: str) -> Way:
        """The way with these lines in its file, as they were printed."""
        assert self.way.text.count(self.after) == 1
        added = "".join(f"\n{self.indent}{line}" for line in lines)
        text = self.way.text.replace(self.after, f"{self.after}{added}{self.end}", 1)
        return replace(self.way, text=text)


GUARDS = {
    "nginx": Guard(unbound(NGINX, NGINX_TCP), "proxy_set_header X-Forwarded-Proto $scheme;"),
    "Apache": Guard(unbound(APACHE, APACHE_DOCUMENTED), "ProxyPreserveHost On", ""),
    "HAProxy": Guard(
        unbound(HAPROXY, HAPROXY_DOCUMENTED), "http-request del-header X-Forwarded-For", "    "
    ),
    # Its block has to be there for the lines.
    "Caddy": Guard(
        unbound(CADDY, CADDY_STOCK.replace(":8000", ":8000 {")), ":8000 {", "\t\t", "\n\t}"
    ),
    "Envoy": Guard(unbound(ENVOY, ENVOY_DOCUMENTED), "- {remove: x-forwarded-for}", " " * 24),
}
each_guard = pytest.mark.parametrize("name", GUARDS)


def report_of(stack: Stack, way: Way, path: str = "/", **settings: str) -> Report:
    settings = {f"TRUST_PROXY{name}": value for name, value in settings.items()}
    return way.probe(stack, {"TRUST_PROXY": PROXY, **settings}, path, CLIENT)


def printed(report: Report, name: str) -> tuple[str, ...]:
    """The lines that the report has for a proxy."""
    return next(each.lines for each in report.configuration if each.proxy == name)


@each_guard
def test_the_recommended_settings_make_it_safe_as_they_are_printed(
    stack: Stack, name: str
) -> None:
    way = GUARDS[name].with_lines()
    before = way.probe(stack, {"TRUST_PROXY": "10.0.0.1"}, "/", CLIENT)
    assert before.verdict == "misconfigured"
    assert before.headline == (
        "The app trusts no hop, though a proxy is there: it treats its peer, 127.0.0.1, as the "
        "client of every request."
    )
    settings = {key: str(value) for key, value in before.recommend.settings().items()}
    after = way.probe(stack, settings, "/", CLIENT)
    assert (after.verdict, after.client_ip, after.fixes) == ("safe", CLIENT, [])
    assert after.recommend == before.recommend


IDENTITY = {"_IDENTITY_HEADERS": "Remote-User, X-Auth-Email"}


@each_guard
def test_the_line_that_removes_an_identity_header_makes_it_safe(
    stack: Stack, name: str
) -> None:
    guard = GUARDS[name]
    unguarded = report_of(stack, guard.with_lines(), **IDENTITY)
    assert unguarded.headline == (
        "A client can forge identity (with Remote-User, X-Auth-Email)."
    )
    lines = printed(unguarded, name)
    guarded = report_of(stack, guard.with_lines(*lines), **IDENTITY)
    assert (guarded.verdict, guarded.configuration) == ("safe", [])
    assert guarded.headers["Remote-User"] == "dropped"


@each_guard
def test_one_line_less_and_it_is_forgeable(stack: Stack, name: str) -> None:
    guard = GUARDS[name]
    email, _ = next(
        each.lines
        for each in lines_that_protect(["X-Auth-Email", "Remote-User"])
        if each.proxy == name
    )
    report = report_of(stack, guard.with_lines(email), **IDENTITY)
    assert (report.verdict, report.headline) == (
        "forgeable",
        "A client can forge identity (with Remote-User).",
    )
    assert report.headers["X-Auth-Email"] == "dropped"


SECRET = {"_EDGE_SECRET": f"X-Origin-Verify: {ORIGIN}"}


@each_guard
def test_the_lines_that_write_the_secret_overwrite_a_clients_own(
    stack: Stack, name: str
) -> None:
    guard = GUARDS[name]
    silent = report_of(stack, guard.with_lines(), **SECRET)
    assert silent.headline == (
        "X-Origin-Verify did not arrive with the secret of TRUST_PROXY_EDGE_SECRET, so the app "
        "ignores what the proxies say of an honest request."
    )
    lines = next(
        each.lines for each in lines_that_protect([], "X-Origin-Verify") if each.proxy == name
    )
    way = guard.with_lines(*(line.replace("SECRET", ORIGIN) for line in lines))
    report = report_of(stack, way, **SECRET)
    assert (report.verdict, report.headers["X-Origin-Verify"]) == ("safe", "set")
    assert ORIGIN not in str(report)


def test_a_secret_that_is_added_beside_a_clients_own_can_be_spoiled(stack: Stack) -> None:
    way = GUARDS["HAProxy"].with_lines(f"http-request add-header X-Origin-Verify {ORIGIN}")
    report = report_of(stack, way, **SECRET)
    assert report.headline == "A client can forge client_ip (with X-Origin-Verify)."
    assert report.headers["X-Origin-Verify"] == "passed"
    assert printed(report, "HAProxy") == ("http-request set-header X-Origin-Verify SECRET",)


def test_a_secret_that_connection_takes_away_from_apache(stack: Stack) -> None:
    way = GUARDS["Apache"].with_lines(f"RequestHeader set X-Origin-Verify {ORIGIN}")
    report = report_of(stack, way, **SECRET)
    assert report.headline == "A client can forge client_ip (with Connection)."


class TestNeverSafe:
    def test_where_required_refuses_an_honest_request(self, stack: Stack) -> None:
        settings = {"TRUST_PROXY": "10.0.0.1", "TRUST_PROXY_REQUIRED": "/"}
        report = unbound(NGINX, NGINX_TCP).probe(stack, settings, "/d/", CLIENT)
        assert (report.verdict, report.headline) == (
            "misconfigured",
            "TRUST_PROXY_REQUIRED answers 403 to an honest request that came this way.",
        )

    def test_where_the_server_made_the_client_the_peer(self, stack: Stack) -> None:
        options = f"--trusted-proxy={PROXY} --trusted-proxy-headers=x-forwarded-for"
        server = with_options(WAITRESS, options)
        report = report_of(stack, unbound(NGINX, NGINX_TCP, server=server))
        assert (report.verdict, report.headline) == (
            "misconfigured",
            f"The app's peer is {CLIENT}, which is the client. The WSGI server has replaced "
            "the proxy's address, so TrustProxy cannot check who wrote the headers.",
        )

    def test_where_the_prober_was_banned_halfway(self, stack: Stack) -> None:
        zone = "limit_req_zone $binary_remote_addr zone=few:1m rate=1r/m;\n"
        limit = "limit_req zone=few burst=20 nodelay; limit_req_status 403;"
        text = zone + NGINX_TCP.replace("location / {", f"location / {{\n        {limit}")
        report = report_of(stack, unbound(NGINX, text))
        assert report.verdict == "inconclusive"
        assert report.headline.startswith("Honest requests were answered at first")

    def test_where_the_prefix_is_lost(self, stack: Stack) -> None:
        text = NGINX_TCP.replace(
            "location / {", "location = / { return 204; }\n    location /shop/ {"
        ).replace("proxy_pass http://127.0.0.1:8000;", "proxy_pass http://127.0.0.1:8000/;")
        report = report_of(stack, unbound(NGINX, text), "/shop/")
        assert (report.verdict, report.headline) == (
            "misconfigured",
            "prefix is '', and should be '/shop'.",
        )

    def test_but_a_request_that_is_lost_costs_itself_alone(self, stack: Stack) -> None:
        text = NGINX_TCP.replace(
            "location / {", "location / {\n        if ($http_x_real_ip) { return 444; }"
        )
        report = report_of(stack, unbound(NGINX, text))
        assert (report.verdict, report.headers["X-Real-IP"]) == ("safe", "unanswered")
        assert report.fixes == ["Not tried, since nothing came back: X-Real-IP. Probe again."]


class TestHttpBesideHttps:
    def probe(self, stack: Stack, way: Way) -> Report:
        settings = {"TRUST_PROXY": PROXY}
        return replace(way, scheme="https").probe(stack, settings, "/", CLIENT, over_http=True)

    def test_nginx_redirects(self, stack: Stack) -> None:
        report = self.probe(stack, unbound(NGINX, NGINX_TLS))
        assert (report.verdict, report.over_http) == ("safe", "redirected")

    @pytest.mark.parametrize(
        "way",
        [
            pytest.param(unbound(HAPROXY, HAPROXY_DOCUMENTED), id="HAProxy"),
            pytest.param(unbound(APACHE, APACHE_DOCUMENTED), id="Apache"),
            pytest.param(unbound(ENVOY, ENVOY_DOCUMENTED), id="Envoy"),
        ],
    )
    def test_documented_configurations_are_safe_over_both(self, stack: Stack, way: Way) -> None:
        report = self.probe(stack, way)
        assert (report.verdict, report.over_http) == ("safe", "probed")
        assert report.requests <= 65

    def test_a_list_that_goes_on_over_tls_alone_is_forgeable(self, stack: Stack) -> None:
        text = HAPROXY_DOCUMENTED.replace(
            "http-request del-header X-Forwarded-For",
            "http-request del-header X-Forwarded-For if { ssl_fc }",
        ).replace(
            "option forwardfor", "http-request set-header X-Forwarded-For %[src] if { ssl_fc }"
        )
        report = self.probe(stack, unbound(HAPROXY, text))
        assert report.verdict == "forgeable"
        assert {(each.output, each.header, each.over) for each in report.forged} == {
            ("client_ip", "X-Forwarded-For", "http")
        }


TLS_WAYS = [
    pytest.param(unbound(NGINX, NGINX_TLS), id="nginx"),
    pytest.param(unbound(NGINX_DEBIAN, NGINX_TLS), id="Debian's nginx"),
    pytest.param(unbound(APACHE, APACHE_DOCUMENTED), id="Apache"),
    pytest.param(unbound(HAPROXY, HAPROXY_DOCUMENTED), id="HAProxy"),
    pytest.param(unbound(ENVOY, ENVOY_DOCUMENTED), id="Envoy"),
]


@pytest.mark.parametrize("way", TLS_WAYS)
@pytest.mark.parametrize(
    ("scheme", "told"), [("http", TLS_THERE), ("https", NO_TLS_THERE)], ids=["http", "https"]
)
def test_a_port_that_speaks_the_other_one_is_recognised(
    stack: Stack, way: Way, scheme: str, told: str
) -> None:
    proxy = way.start(stack, {"TRUST_PROXY": PROXY})
    other = proxy.https if scheme == "http" else proxy.http
    target = parse_target(f"{scheme}://{HOST}/", str(other), insecure=True)
    with pytest.raises(Unanswered) as caught:
        probe(target, KEY.encode(), lambda *progress: None)
    assert caught.value.why == f"Request 1 (an honest request): {told}."


def test_a_port_that_speaks_something_else_is_not_taken_for_one(stack: Stack) -> None:
    with socket.create_server((PROXY, 0)) as silent:
        target = parse_target(f"http://{PROXY}:{silent.getsockname()[1]}/", timeout=0.3)
        with pytest.raises(Unanswered, match="no answer in time; --timeout gives it longer"):
            probe(target, KEY.encode(), lambda *progress: None)
