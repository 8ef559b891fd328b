"""Flask-Login: a stolen session cookie is of no use elsewhere."""

from __future__ import annotations

from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from .visitor import CLIENT, FORGED, Visitor, recipe

THIEF = FORGED


def stolen(app: Any, **forgery: Any) -> str:
    """What the app takes a thief for who has the cookie of the user."""
    user = Visitor(app, CLIENT)
    user.post("/login")
    assert user.get("/").text == "alice"
    thief = Visitor(app, THIEF, **forgery)
    thief.set_cookie(
        "session", user.get_cookie("session", "www.example.com").value, domain="www.example.com"
    )
    return thief.get("/").text


def test_a_thief_elsewhere_is_a_stranger():
    assert stolen(recipe("login").app) == "a stranger"


def test_a_thief_behind_the_same_proxy_cannot_claim_to_be_the_user():
    # Session protection reads the first entry, which the thief writes.
    without = recipe("login", fixed=False).app
    assert stolen(without, headers={"X-Forwarded-For": CLIENT}) == "alice"
    without.wsgi_app = ProxyFix(without.wsgi_app)
    assert stolen(without, headers={"X-Forwarded-For": CLIENT}) == "alice"

    assert stolen(recipe("login").app, headers={"X-Forwarded-For": CLIENT}) == "a stranger"


def test_a_thief_past_the_proxy_cannot_either():
    forgery = {"headers": {"X-Forwarded-For": CLIENT}, "proxy": None}
    assert stolen(recipe("login", fixed=False).app, **forgery) == "alice"
    assert stolen(recipe("login").app, **forgery) == "a stranger"
