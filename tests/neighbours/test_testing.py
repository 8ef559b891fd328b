"""Flask-Login's session protection, asserted by an app's own tests."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, session
from flask_login import LoginManager, UserMixin, login_user
from werkzeug.test import TestResponse

from flask_trustproxy import TrustProxy
from flask_trustproxy.testing import assert_unforgeable, proxied_client

from .visitor import FORGED


def make_app(clean_headers: bool) -> Flask:
    """An app that tells what session protection binds a session to."""
    app = Flask("protected")
    app.config.update(SECRET_KEY="a key for tests", TRUST_PROXY_CLEAN_HEADERS=clean_headers)
    LoginManager(app).session_protection = "strong"

    @app.get("/login")
    def login() -> str:
        user: Any = UserMixin()
        user.id = "alice"
        login_user(user)
        return session["_id"]

    TrustProxy(app)
    return app


def told(response: TestResponse) -> str:
    return response.text


def test_nobody_can_claim_the_session_of_another():
    assert_unforgeable(make_app(True), "/login")
    assert_unforgeable(make_app(True), "/login", believed=told)


def test_it_is_seen_where_headers_are_not_cleaned():
    mend = r"(?s)X-Forwarded-For: .*set TRUST_PROXY_CLEAN_HEADERS = True"
    with pytest.raises(AssertionError, match=mend):
        assert_unforgeable(make_app(False), "/login", believed=told)
    # Nobody has to tell: the header is left for Flask-Login to read.
    with pytest.raises(AssertionError, match=mend):
        assert_unforgeable(make_app(False), "/login")


def test_a_session_is_bound_to_the_client_behind_the_proxies():
    app = make_app(True)
    here, there = proxied_client(app), proxied_client(app, client=FORGED)
    assert here.get("/login").text != there.get("/login").text
    forging = proxied_client(app, forged=FORGED)
    assert here.get("/login").text == forging.get("/login").text
