"""The two configurations that most pages on Flask behind a proxy show, as they stand.

Both name the application's host as `localhost`, which may be 127.0.0.1 or ::1: what the
application then sees as its peer is what TRUST_PROXY has to name.
"""

from __future__ import annotations

import pytest

from .client import CLIENT, ask
from .proxies import APACHE, NGINX, NGINX_DEBIAN, Family
from .stack import Proxy, Stack

NGINX_PAGE = """
server {
    listen 80;
    listen 443 ssl;
    ssl_certificate /etc/ssl/private/www.example.com.pem;
    ssl_certificate_key /etc/ssl/private/www.example.com.pem;

location / {
    proxy_pass http://localhost:PORT;
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
}

}
"""
APACHE_PAGE = """
<VirtualHost *:80>

ProxyPass / http://localhost:PORT/
ProxyPassReverse / http://localhost:PORT/
ProxyPreserveHost On
ProxyAddHeaders On

</VirtualHost>
"""
# What the page of Apache forgets. It is set for both schemes, or the client would say it.
APACHE_SCHEME = "RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}"

PAGES = [
    pytest.param(NGINX, NGINX_PAGE, id="nginx"),
    pytest.param(NGINX_DEBIAN, NGINX_PAGE, id="Debian's nginx"),
    pytest.param(APACHE, APACHE_PAGE, id="Apache"),
]
LISTS = [
    pytest.param([], id="no header"),
    pytest.param(["X-Forwarded-For: 6.6.6.6"], id="a forged address"),
    pytest.param(["X-Forwarded-For: 6.6.6.6, 127.0.0.1"], id="a forged list ends in the proxy"),
    pytest.param(["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: ::1"], id="two forged lines"),
    pytest.param(["X-Forwarded-For: 6.6.6.6,"], id="a trailing comma"),
    pytest.param(["X-Forwarded-For:"], id="an empty line"),
    pytest.param(["X-Real-IP: 6.6.6.6"], id="a header that is not named"),
    pytest.param(["Forwarded: for=6.6.6.6"], id="the other standard"),
]


def shown(stack: Stack, family: Family, page: str, at: str, **settings: str) -> Proxy:
    """The page's proxy before an application at this address."""
    if at == "::1":
        # What `localhost` is on a machine that asks for IPv6 first.
        page = page.replace("localhost:PORT", "127.0.0.1:8000")
    return stack.proxy(family, page, stack.app(settings, at=at).endpoint)


@pytest.mark.parametrize("lines", LISTS)
@pytest.mark.parametrize(("family", "page"), PAGES)
def test_the_client_is_known(stack: Stack, family: Family, page: str, lines: list[str]) -> None:
    proxy = shown(stack, family, page, "127.0.0.1", TRUST_PROXY="127.0.0.1")
    believed = ask(proxy.http, *lines).believed
    assert believed["client_ip"] == believed["remote_addr"] == CLIENT
    assert believed["client_ips"] == believed["access_route"] == [CLIENT]
    assert believed["host"] == "www.example.com"


@pytest.mark.parametrize(
    ("family", "page"),
    [
        pytest.param(NGINX, NGINX_PAGE, id="nginx"),
        pytest.param(NGINX_DEBIAN, NGINX_PAGE, id="Debian's nginx"),
        pytest.param(
            APACHE,
            APACHE_PAGE.replace("ProxyAddHeaders On", f"ProxyAddHeaders On\n{APACHE_SCHEME}"),
            id="Apache, with the line that it forgets",
        ),
    ],
)
def test_the_scheme_is_known(stack: Stack, family: Family, page: str) -> None:
    proxy = shown(stack, family, page, "127.0.0.1", TRUST_PROXY="127.0.0.1")
    believed = ask(proxy.http, "X-Forwarded-Proto: https").believed
    assert (believed["scheme"], believed["external"]) == ("http", "http://www.example.com/d/")
    if family is not APACHE:  # whose page has no TLS
        believed = ask(proxy.https, "X-Forwarded-Proto: http").believed
        assert (believed["scheme"], believed["external"]) == (
            "https",
            "https://www.example.com/d/",
        )


def test_apaches_page_lets_the_client_say_the_scheme(stack: Stack) -> None:
    proxy = shown(stack, APACHE, APACHE_PAGE, "127.0.0.1", TRUST_PROXY="127.0.0.1")
    assert ask(proxy.http).believed["scheme"] == "http"
    assert ask(proxy.http, "X-Forwarded-Proto: https").believed["scheme"] == "https"


def test_apaches_page_is_safe_where_no_scheme_is_read(stack: Stack) -> None:
    settings = {"TRUST_PROXY": "127.0.0.1", "TRUST_PROXY_HEADERS": "X-Forwarded-For"}
    proxy = shown(stack, APACHE, APACHE_PAGE, "127.0.0.1", **settings)
    believed = ask(proxy.http, "X-Forwarded-Proto: https").believed
    assert (believed["client_ip"], believed["scheme"]) == (CLIENT, "http")


@pytest.mark.parametrize(("family", "page"), PAGES)
def test_nothing_is_believed_where_localhost_turns_out_to_be_ipv6(
    stack: Stack, family: Family, page: str
) -> None:
    app = stack.app({"TRUST_PROXY": "127.0.0.1"}, at="::1")
    proxy = shown(stack, family, page, "::1", TRUST_PROXY="127.0.0.1")
    believed = ask(proxy.http, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https").believed
    assert (believed["client_ip"], believed["client_ips"]) == ("::1", [])
    assert (believed["scheme"], believed["access_route"]) == ("http", ["::1"])
    (warning,) = [line for line in app.process.output.splitlines() if "TRUST_PROXY =" in line]
    assert "::1" in warning


@pytest.mark.parametrize("trust", ["127.0.0.1, ::1", "loopback"])
@pytest.mark.parametrize(("family", "page"), PAGES)
def test_both_addresses_of_localhost_can_be_trusted(
    stack: Stack, family: Family, page: str, trust: str
) -> None:
    proxy = shown(stack, family, page, "::1", TRUST_PROXY=trust)
    assert ask(proxy.http).believed["client_ips"] == [CLIENT]
