"""What a client can forge behind each proxy: forgeable.csv, which the documentation shows.

forgeable: what the client wrote arrives as it is, and is believed where the header is
named. appended: it arrives, and what the proxy adds to it is the last. replaced: only
what the proxy says arrives. removed: nothing arrives.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest

from .client import Endpoint, ask
from .proxies import APACHE, CADDY, ENVOY, HAPROXY, NGINX, NGINX_DEBIAN, Family
from .stack import DEPLOY, Stack

STOCK = Path(__file__).parent / "stock"
CONFIGURATIONS = {
    ("nginx", "proxy_pass alone"): STOCK / "nginx.conf",
    ("nginx", "with Debian's proxy_params"): STOCK / "nginx_proxy_params.conf",
    ("nginx", "the documented file"): DEPLOY / "nginx" / "tcp.conf",
    ("Apache", "ProxyPass alone"): STOCK / "apache.conf",
    ("Apache", "the documented file"): DEPLOY / "apache" / "app.conf",
    ("HAProxy", "no option"): STOCK / "haproxy.cfg",
    ("HAProxy", "option forwardfor"): STOCK / "haproxy_forwardfor.cfg",
    ("HAProxy", "the documented file"): DEPLOY / "haproxy" / "haproxy.cfg",
    # The documented file holds no more than this, for HTTPS.
    ("Caddy", "reverse_proxy alone"): STOCK / "Caddyfile",
    ("Envoy", "no option"): STOCK / "envoy.yaml",
    ("Envoy", "use_remote_address"): STOCK / "envoy_remote_address.yaml",
    ("Envoy", "the documented file"): DEPLOY / "envoy" / "envoy.yaml",
}
FAMILIES = {
    "nginx": [NGINX, NGINX_DEBIAN],
    "Apache": [APACHE],
    "HAProxy": [HAPROXY],
    "Caddy": [CADDY],
    "Envoy": [ENVOY],
}
LISTED = (
    "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix"
)
EVIL = "198.51.100.66"


class Forgery(NamedTuple):
    """What a client writes into a header, and the sign that it was believed."""

    value: str
    believed: Callable[[dict[str, Any]], bool]
    headers: str = LISTED


FORGERIES = {
    "X-Forwarded-For": Forgery(EVIL, lambda it: it["client_ip"] == EVIL),
    "X-Forwarded-Proto": Forgery("wss", lambda it: it["scheme"] == "https"),
    "X-Forwarded-Host": Forgery("evil.example", lambda it: "evil.example" in it["host"]),
    "X-Forwarded-Port": Forgery("666", lambda it: ":666/" in it["url"]),
    "X-Forwarded-Prefix": Forgery("/evil", lambda it: "/evil/" in it["external"]),
    "Forwarded": Forgery(f"for={EVIL}", lambda it: it["client_ip"] == EVIL, "Forwarded"),
    "X-Real-IP": Forgery(EVIL, lambda it: it["client_ip"] == EVIL, "X-Real-IP"),
}


def arrived(at: Endpoint, header: str, *lines: str) -> Optional[str]:
    """What an application that believes nobody found in the header, before cleaning."""
    key = "HTTP_" + header.upper().replace("-", "_")
    original: dict[str, Optional[str]] = ask(at, *lines).believed["original"]
    return original.get(key)


def word(at: Endpoint, header: str, value: str) -> str:
    """What becomes of a header that the client wrote, in a word of the table."""
    honest, forged = arrived(at, header), arrived(at, header, f"{header}: {value}")
    if forged is None:
        return "removed"
    if forged == value:
        return "forgeable"
    assert honest is not None
    assert forged.endswith(honest)
    return "replaced" if forged == honest else "appended"


def front(stack: Stack, family: Family, configuration: Path, **settings: str) -> Endpoint:
    """Where clients reach the proxy that stands before an application with these settings."""
    app = stack.app(settings)
    return stack.proxy(family, configuration.read_text(), app.endpoint).http


with (Path(__file__).parent / "forgeable.csv").open(newline="") as file:
    TABLE = {(row.pop("proxy"), row.pop("configuration")): row for row in csv.DictReader(file)}


def test_the_table_has_every_configuration_and_header() -> None:
    assert list(TABLE) == list(CONFIGURATIONS)
    assert {tuple(row) for row in TABLE.values()} == {tuple(FORGERIES)}


@pytest.mark.parametrize("header", FORGERIES)
@pytest.mark.parametrize(
    ("family", "key"),
    [
        pytest.param(family, key, id=f"{family.name}, {key[1]}")
        for key in CONFIGURATIONS
        for family in FAMILIES[key[0]]
    ],
)
def test_the_table_is_true(
    stack: Stack, family: Family, key: tuple[str, str], header: str
) -> None:
    forgery = FORGERIES[header]
    configuration = CONFIGURATIONS[key]
    unbelieving = front(stack, family, configuration, TRUST_PROXY="false")
    assert word(unbelieving, header, forgery.value) == TABLE[key][header]

    settings = {"TRUST_PROXY": "127.0.0.1", "TRUST_PROXY_HEADERS": forgery.headers}
    at = front(stack, family, configuration, **settings)
    believed = ask(at, f"{header}: {forgery.value}").believed
    assert forgery.believed(believed) == (TABLE[key][header] == "forgeable")
