"""nginx that listens on a unix-domain socket, where a client has no address."""

from __future__ import annotations

import pytest

from .client import CLIENT, ask
from .proxies import NGINX, NGINX_DEBIAN, Family
from .stack import DEPLOY, Stack

FORGED = ("X-Forwarded-For: 6.6.6.6, unix:", "X-Forwarded-Proto: https")


def documented(name: str) -> str:
    """A documented file of nginx, which listens on a unix socket as well."""
    text = (DEPLOY / "nginx" / name).read_text()
    return text.replace("listen 80;", "listen 80;\n    listen unix:/run/nginx/www.sock;")


@pytest.fixture(params=[NGINX, NGINX_DEBIAN], ids=lambda family: family.name)
def nginx(request: pytest.FixtureRequest) -> Family:
    family: Family = request.param
    return family


def test_the_client_is_the_nearest_hop_that_has_an_address(stack: Stack, nginx: Family) -> None:
    app = stack.app({"TRUST_PROXY": "loopback"})
    proxy = stack.proxy(nginx, documented("tcp.conf"), app.endpoint)
    believed = ask(proxy.unix, *FORGED).believed
    assert (believed["client_ip"], believed["remote_addr"]) == ("127.0.0.1", "127.0.0.1")
    assert (believed["client_ips"], believed["scheme"]) == ([], "http")


def test_no_client_has_an_address_where_no_hop_has_one(stack: Stack, nginx: Family) -> None:
    app = stack.app({"TRUST_PROXY": "unix"}, at="unix")
    proxy = stack.proxy(nginx, documented("unix.conf"), app.endpoint)
    believed = ask(proxy.unix, *FORGED).believed
    assert (believed["client_ip"], believed["remote_addr"]) == (None, "")
    assert (believed["client_ips"], believed["scheme"]) == ([], "http")


@pytest.mark.parametrize("lines", [(), FORGED], ids=["honest", "forged"])
def test_a_unix_socket_between_two_proxies_is_a_hop(
    stack: Stack, nginx: Family, lines: tuple[str, ...]
) -> None:
    app = stack.app({"TRUST_PROXY": "127.0.0.1, unix"})
    text = documented("behind_another.conf").replace("192.0.2.10", "unix:")
    inner = stack.proxy(nginx, text, app.endpoint)
    outer = stack.proxy(nginx, (DEPLOY / "nginx" / "tls.conf").read_text(), inner.unix)
    believed = ask(outer.https, *lines).believed
    assert (believed["client_ip"], believed["client_ips"]) == (CLIENT, [CLIENT])
    assert (believed["scheme"], believed["host"]) == ("https", "www.example.com")
