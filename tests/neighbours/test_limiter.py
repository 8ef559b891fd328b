"""Flask-Limiter: who shares a limit with whom."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_limiter import Limiter

from flask_trustproxy import TrustProxy, get_client_ip

from .visitor import CLIENT, FORGED, OTHER, Visitor, recipe


def statuses(app: Any, visitors: list[Visitor]) -> list[int]:
    return [visitor.get("/").status_code for visitor in visitors]


def test_a_limit_is_the_clients_own():
    def one_then_another(app: Any) -> list[int]:
        return statuses(app, [Visitor(app), Visitor(app), Visitor(app), Visitor(app, OTHER)])

    # All who come through the proxy share the limit of the proxy.
    assert one_then_another(recipe("limiter", fixed=False).app) == [200, 200, 429, 429]
    assert one_then_another(recipe("limiter").app) == [200, 200, 429, 200]


def test_a_forged_address_buys_no_new_limit():
    def always_someone_else(app: Any, proxied: bool) -> list[int]:
        proxy = {} if proxied else {"proxy": None}
        forged = [f"198.51.100.{number}" for number in range(4)]
        return statuses(
            app, [Visitor(app, headers={"X-Forwarded-For": ip}, **proxy) for ip in forged]
        )

    app = recipe("limiter").app
    assert always_someone_else(app, proxied=True) == [200, 200, 429, 429]
    # Past the proxy, the same client has what was left of the same limit: nothing.
    assert always_someone_else(app, proxied=False) == [429, 429, 429, 429]


def test_nobody_uses_up_the_limit_of_another():
    app = recipe("limiter").app
    forgers = [Visitor(app, headers={"X-Forwarded-For": FORGED}) for _ in range(3)]
    assert statuses(app, forgers) == [200, 200, 429]
    assert statuses(app, [Visitor(app, FORGED)]) == [200]


def test_one_ipv6_customer_has_one_limit():
    def a_hundred_addresses(app: Any) -> list[int]:
        addresses = [f"2001:db8:1:2::{number:x}" for number in range(1, 101)]
        return statuses(app, [Visitor(app, address) for address in addresses])

    assert a_hundred_addresses(recipe("limiter").app) == [200] * 100
    app = recipe("limiter_network").app
    assert a_hundred_addresses(app) == [200] * 2 + [429] * 98
    # The neighbour in the next network, and one with IPv4, have their own.
    others = ["2001:db8:1:3::1", CLIENT]
    assert statuses(app, [Visitor(app, address) for address in others]) == [200, 200]


def test_who_has_no_address_is_limited_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRUST_PROXY", "unix")

    def socket(app: Any) -> list[int]:
        # A health check of the proxy itself, over its unix-domain socket.
        return [
            app.test_client().get("/", environ_base={"REMOTE_ADDR": ""}).status_code
            for _ in range(4)
        ]

    unlimited = Flask("unlimited")
    limiter = Limiter(lambda: get_client_ip() or "", app=unlimited, storage_uri="memory://")
    unlimited.get("/")(limiter.limit("2 per hour")(lambda: "ok"))
    TrustProxy(unlimited)
    # An empty key is no key.
    assert socket(unlimited) == [200, 200, 200, 200]
    assert socket(recipe("limiter_network").app) == [200, 200, 429, 429]
