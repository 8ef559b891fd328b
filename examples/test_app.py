"""Tests of app.py: who its client is, and that nobody can forge it.

The fixtures ``proxied_client`` and ``trust_proxy`` come with Flask-TrustProxy; all that
they need is a fixture named ``app``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app import app as example_app
from flask_trustproxy.testing import ProxiedClient, assert_unforgeable


@pytest.fixture
def app() -> Flask:
    example_app.config["TRUST_PROXY"] = "10.0.0.0/8"
    return example_app


def test_the_client_is_seen(proxied_client: Callable[..., ProxiedClient]) -> None:
    client = proxied_client(client="203.0.113.9", via=["10.0.0.5"])
    assert client.get("/").json == {
        "ip": "203.0.113.9",
        "ips": ["203.0.113.9", "10.0.0.5"],
        "secure": True,
    }


def test_what_the_client_writes_is_not_believed(
    proxied_client: Callable[..., ProxiedClient],
) -> None:
    honest = proxied_client().get("/").json
    assert proxied_client(forged="198.51.100.66").get("/").json == honest


def test_a_stranger_is_believed_nothing(
    proxied_client: Callable[..., ProxiedClient],
) -> None:
    client = proxied_client(client="192.0.2.7", peer="192.0.2.7", forged="198.51.100.66")
    assert client.get("/").json == {"ip": "192.0.2.7", "ips": [], "secure": True}


def test_behind_another_proxy(
    trust_proxy: Callable[..., None], proxied_client: Callable[..., ProxiedClient]
) -> None:
    trust_proxy("192.0.2.10", headers="Forwarded")
    client = proxied_client(client="2001:db8::9", host="www.example.com")
    response = client.get("/d", follow_redirects=True)
    assert response.json == {"index": "https://www.example.com/"}


def test_nothing_can_be_forged(app: Flask) -> None:
    assert_unforgeable(app, "/")
