"""The everyday deployment: a client, nginx, gunicorn, an application."""

from __future__ import annotations

import time

import pytest

from .client import CLIENT, ask
from .proxies import NGINX, NGINX_DEBIAN, Family
from .stack import DEPLOY, App, Proxy, Stack


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("127.0.0.1", "127.0.0.1", "tcp.conf"), id="over TCP"),
        pytest.param(("unix", "unix", "unix.conf"), id="over a unix socket"),
    ],
)
def served(request: pytest.FixtureRequest, stack: Stack) -> tuple[App, str]:
    at, trust, name = request.param
    app = stack.app({"TRUST_PROXY": trust}, at=at)
    return app, (DEPLOY / "nginx" / name).read_text()


@pytest.fixture(params=[NGINX, NGINX_DEBIAN], ids=lambda family: family.name)
def proxy(request: pytest.FixtureRequest, stack: Stack, served: tuple[App, str]) -> Proxy:
    app, documented = served
    return stack.proxy(request.param, documented, app.endpoint)


@pytest.fixture(params=[NGINX, NGINX_DEBIAN], ids=lambda family: family.name)
def tls_proxy(request: pytest.FixtureRequest, stack: Stack) -> Proxy:
    app = stack.app({"TRUST_PROXY": "127.0.0.1"})
    documented = (DEPLOY / "nginx" / "tls.conf").read_text()
    return stack.proxy(request.param, documented, app.endpoint)


def test_the_app_knows_its_client(proxy: Proxy) -> None:
    believed = ask(proxy.http).believed
    original = believed.pop("original")
    assert believed == {
        "client_ip": CLIENT,
        "client_ips": [CLIENT],
        "remote_addr": CLIENT,
        "access_route": [CLIENT],
        "scheme": "http",
        "is_secure": False,
        "host": "www.example.com",
        "url": "http://www.example.com/",
        "external": "http://www.example.com/d/",
        "headers": {
            "HTTP_HOST": "www.example.com",
            "HTTP_X_FORWARDED_FOR": CLIENT,
            "HTTP_X_FORWARDED_PROTO": "http",
        },
    }
    assert original["REMOTE_ADDR"] in ("127.0.0.1", "")


def test_the_app_knows_an_ipv6_client(proxy: Proxy) -> None:
    assert ask(proxy.http_ipv6).believed["client_ip"] == "::1"


FORGED = (
    "X-Forwarded-For: 6.6.6.6, 127.0.0.1",
    "X-Forwarded-For: 10.0.0.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 666",
    "X-Forwarded-Prefix: /evil",
    "X-Real-IP: 6.6.6.6",
    "Forwarded: for=6.6.6.6;proto=https;host=evil.example",
)


def test_a_client_that_forges_everything_is_seen_as_one_that_forges_nothing(
    proxy: Proxy,
) -> None:
    honest, forged = ask(proxy.http).believed, ask(proxy.http, *FORGED).believed
    removed = {key for key, value in forged.pop("original").items() if value is not None}
    honest.pop("original")
    assert forged == honest
    assert {
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PORT",
        "HTTP_X_FORWARDED_PREFIX",
        "HTTP_X_REAL_IP",
        "HTTP_FORWARDED",
    } <= removed


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="the client says nothing"),
        pytest.param(["X-Forwarded-Proto: http"], id="the client says http"),
        pytest.param(["X-Forwarded-Proto: gopher"], id="the client says gopher"),
    ],
)
def test_behind_tls_the_scheme_is_https(tls_proxy: Proxy, lines: list[str]) -> None:
    believed = ask(tls_proxy.https, *lines).believed
    assert believed["client_ip"] == CLIENT
    assert (believed["scheme"], believed["is_secure"]) == ("https", True)
    assert believed["url"] == "https://www.example.com/"
    assert believed["external"] == "https://www.example.com/d/"


@pytest.mark.parametrize("nginx", [NGINX, NGINX_DEBIAN], ids=lambda family: family.name)
def test_a_public_port_can_be_told_with_the_host(stack: Stack, nginx: Family) -> None:
    documented = (DEPLOY / "nginx" / "tcp.conf").read_text()
    assert "$host:$server_port" in documented
    told = documented.replace("Host $host;", "Host $host:$server_port;")
    proxy = stack.proxy(nginx, told, stack.app({"TRUST_PROXY": "127.0.0.1"}).endpoint)
    host = f"www.example.com:{proxy.http.port}"
    believed = ask(proxy.http, host=host).believed
    assert (believed["host"], believed["external"]) == (host, f"http://{host}/d/")


def test_a_redirect_leads_to_where_the_client_came_from(proxy: Proxy, tls_proxy: Proxy) -> None:
    plain, secure = ask(proxy.http, target="/d"), ask(tls_proxy.https, target="/d")
    assert (plain.status, plain.headers["Location"]) == (308, "http://www.example.com/d/")
    assert (secure.status, secure.headers["Location"]) == (308, "https://www.example.com/d/")


def test_the_session_cookie_is_secure_behind_tls_alone(proxy: Proxy, tls_proxy: Proxy) -> None:
    plain, secure = (
        ask(endpoint, target="/sign-in").headers.get_all("Set-Cookie", [])
        for endpoint in (proxy.http, tls_proxy.https)
    )
    assert [cookie.split("; ").count("Secure") for cookie in plain] == [0]
    assert [cookie.split("; ").count("Secure") for cookie in secure] == [1]


def test_the_servers_access_log_shows_the_client(proxy: Proxy, served: tuple[App, str]) -> None:
    app, _ = served
    target = f"/?seen-through={proxy.http.port}"
    ask(proxy.http, *FORGED, target=target)
    end = time.monotonic() + 5
    while f"GET {target} " not in app.process.output and time.monotonic() < end:
        time.sleep(0.02)
    (line,) = [line for line in app.process.output.splitlines() if f"GET {target} " in line]
    assert line.split()[0] == CLIENT
