"""pgAdmin 4 in server mode. gunicorn serves it, as its manual says.

The package makes a ProxyFix, and reads X-Script-Name and X-Scheme by itself.
"""

from __future__ import annotations

import re

import httpx

from .sites import OWNER, PROXY, Application, Attack, Site, Start, theft

GUNICORN = (
    f"@bin@/gunicorn --bind 127.0.0.1:@port@ --forwarded-allow-ips {PROXY} --workers 1 "
    "--threads 25 --chdir @packages@/pgadmin4 --pythonpath @here@/usual,@here@/not_yours"
)
ENVIRON = {
    "PGADMIN_SETUP_EMAIL": "owner@example.com",
    "PGADMIN_SETUP_PASSWORD": "a password of these tests",
}


def log_in(visitor: httpx.Client) -> httpx.Response:
    """Log in as the administrator."""
    page = visitor.get("/login").text
    found = re.search(r'csrfToken"?: ?"(.+?)"|name="csrf_token"[^>]* value="(.+?)"', page)
    assert found is not None, page
    form = {
        "email": ENVIRON["PGADMIN_SETUP_EMAIL"],
        "password": ENVIRON["PGADMIN_SETUP_PASSWORD"],
        "csrf_token": found[1] or found[2],
        "internal_button": "Login",
    }
    return visitor.post("/authenticate/login", data=form)


def honest(site: Site) -> None:
    owner = site.visitor(OWNER)
    assert "; Secure" in log_in(owner).headers["Set-Cookie"]
    assert owner.get("/browser/").status_code == 200


APPLICATION = Application(
    "pgadmin4",
    "pgAdmin 4",
    usual=Start(f"{GUNICORN} pgAdmin4:app", ENVIRON),
    trusting=Start(f"{GUNICORN} pgadmin_trusting:app", ENVIRON),
    honest=honest,
    attacks=(
        Attack(
            "has the cookie of a user's session, and sends the user's address in "
            "``X-Forwarded-For``",
            lambda site: theft(site, log_in, "/browser/"),
        ),
    ),
    path="/login",
    made="in_process:make_pgadmin4",
)
