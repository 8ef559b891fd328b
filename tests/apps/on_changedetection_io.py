"""changedetection.io, by its own command: its server is inside the package.

Behind a proxy its manual says USE_X_SETTINGS, which makes a ProxyFix with 1 for each of its
numbers, and sets the path of the session's cookie. With TrustProxy that is left out.
"""

from __future__ import annotations

import re

from .sites import OTHER, OWNER, THIEF, Application, Attack, Site, Start

OPTIONS = "-d @folder@/data -C -P true -h 127.0.0.1 -p @port@"
ENVIRON = {"DISABLE_VERSION_CHECK": "yes"}


def cookie(site: Site, source: str) -> set[str]:
    """The attributes of the cookie that a new visitor gets."""
    return set(site.visitor(source).get("/login").headers["Set-Cookie"].split("; "))


def next_path(site: Site) -> str:
    assert "Path=/" in cookie(site, OTHER)
    site.visitor(THIEF, {"X-Forwarded-Prefix": "/evil"}).get("/login")
    if "Path=/evil" in cookie(site, OTHER):
        return "from then on everyone gets a cookie for ``/evil``, which browsers do not send"
    assert "Path=/" in cookie(site, OTHER)
    return "nothing changes for the others"


def honest(site: Site) -> None:
    assert {"Path=/", "Secure"} <= cookie(site, OWNER)
    assert re.findall(rf"{OWNER} - - .* \"GET /login ", site.app.output)


APPLICATION = Application(
    "changedetection-io",
    "changedetection.io",
    usual=Start(f"@bin@/changedetection.io {OPTIONS}", {**ENVIRON, "USE_X_SETTINGS": "1"}),
    trusting=Start(
        f"@bin@/python @here@/not_yours/changedetection_trusting.py {OPTIONS}", ENVIRON
    ),
    honest=honest,
    attacks=(Attack("sends one request with ``X-Forwarded-Prefix: /evil``", next_path),),
    path="/login",
    made="in_process:make_changedetection_io",
)
