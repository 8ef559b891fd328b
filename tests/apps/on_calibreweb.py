"""Calibre-Web, by its own command: its server, Tornado, is inside the package."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from .sites import FORGED, OWNER, Application, Attack, Site, Start, theft

OPTIONS = "-p @folder@/app.db -o @folder@/calibre-web.log -i 127.0.0.1"
ENVIRON = {"CALIBRE_PORT": "@port@"}


def log_in(visitor: httpx.Client, password: str = "admin123") -> httpx.Response:
    """Log in as the administrator."""
    (token,) = re.findall(r'name="csrf_token" value="(.+?)"', visitor.get("/login").text)
    form = {"username": "admin", "password": password, "csrf_token": token}
    return visitor.post("/login", data=form)


def logged(site: Site, headers: Mapping[str, str] = {}) -> str:
    """The address that is in the log after a wrong password."""
    log_in(site.visitor(OWNER, headers), "wrong")
    text = (site.folder / "calibre-web.log").read_text()
    return re.findall(r"Login failed for user \S+ IP-address: (.+)", text)[-1]


def first_logged(site: Site) -> str:
    first = logged(site, {"X-Forwarded-For": FORGED}).split(", ")[0]
    words = {FORGED: "the made-up address", OWNER: "the real address"}
    return f"the log shows {words[first]}"


def honest(site: Site) -> None:
    assert logged(site) == OWNER
    assert "; Secure" in site.visitor(OWNER).get("/login").headers["Set-Cookie"]


APPLICATION = Application(
    "calibreweb",
    "Calibre-Web",
    usual=Start(f"@bin@/cps {OPTIONS}", ENVIRON),
    trusting=Start(f"@bin@/python @here@/not_yours/calibre_web_trusting.py {OPTIONS}", ENVIRON),
    honest=honest,
    attacks=(
        Attack(
            "has the cookie of the administrator's session, and sends the administrator's "
            "address in ``X-Forwarded-For``",
            lambda site: theft(site, log_in, "/admin/dbconfig"),
        ),
        Attack("tries a password with a made-up address in ``X-Forwarded-For``", first_logged),
    ),
    path="/login",
    made="in_process:make_calibre_web",
    nginx="proxy_set_header X-Scheme $scheme;\n        ",
)
