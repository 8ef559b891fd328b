"""httpbin: it tells its clients what it sees of them. gunicorn serves it."""

from __future__ import annotations

from collections.abc import Mapping

from integration.client import HOST

from .sites import FORGED, OWNER, PROXY, Application, Attack, Site, Start


def told(site: Site, headers: Mapping[str, str] = {}) -> str:
    origin: str = site.visitor(OWNER, headers).get("/ip").json()["origin"]
    return origin


def origin(site: Site) -> str:
    first = told(site, {"X-Forwarded-For": FORGED}).split(", ")[0]
    words = {FORGED: "the made-up address comes first", OWNER: "only its real address"}
    return words.get(first, first)


def honest(site: Site) -> None:
    assert told(site) == OWNER
    assert site.visitor(OWNER).get("/get").json()["url"] == f"https://{HOST}/get"


# Its own manual starts it so, and gunicorn's says to name a proxy on another machine.
GUNICORN = f"@bin@/gunicorn --bind 127.0.0.1:@port@ --forwarded-allow-ips {PROXY}"

APPLICATION = Application(
    "httpbin",
    "httpbin",
    usual=Start(f"{GUNICORN} httpbin:app"),
    trusting=Start(f"{GUNICORN} --config @here@/not_yours/gunicorn.conf.py httpbin:app"),
    honest=honest,
    attacks=(Attack("asks ``/ip`` with a made-up address in ``X-Forwarded-For``", origin),),
    path="/ip",
    made="in_process:make_httpbin",
)
