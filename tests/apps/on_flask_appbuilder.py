"""An application on Flask-AppBuilder, which limits logins by Flask-Limiter."""

from __future__ import annotations

import re

from .sites import OTHER, OWNER, PROXY, THIEF, Application, Attack, Site, Start

GUNICORN = f"@bin@/gunicorn --bind 127.0.0.1:@port@ --forwarded-allow-ips {PROXY}"


def log_in(site: Site, source: str) -> int:
    """Try to log in with a wrong password."""
    visitor = site.visitor(source)
    page = visitor.get("/login/").text
    (token,) = re.findall(r'name="csrf_token"[^>]*value="(.+?)"', page) or [""]
    wrong = {"username": "somebody", "password": "wrong", "csrf_token": token}
    return visitor.post("/login/", data=wrong).status_code


def lock_out(site: Site) -> str:
    """Who may still try to log in after one client failed too often."""
    tried = [log_in(site, THIEF) for _ in range(4)]
    assert tried == [302, 302, 302, 429], tried
    return {
        302: "only the attacker has to wait",
        429: "nobody can log in for 5 minutes",
    }[log_in(site, OTHER)]


def honest(site: Site) -> None:
    assert site.visitor(OWNER).get("/whoami").text == OWNER
    assert "; Secure" in site.visitor(OWNER).get("/login/").headers["Set-Cookie"]


APPLICATION = Application(
    "flask-appbuilder",
    "Flask-AppBuilder",
    usual=Start(f"{GUNICORN} --pythonpath @here@/usual fab_app:app"),
    trusting=Start(f"{GUNICORN} --pythonpath @here@/not_yours,@here@/usual fab_trusting:app"),
    honest=honest,
    attacks=(
        Attack("enters a wrong password four times, and 3 in 5 minutes are allowed", lock_out),
    ),
    path="/whoami",
    made="fab_trusting:app",
)
