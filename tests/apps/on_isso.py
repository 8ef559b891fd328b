"""isso: comments for a web site. Its mails have links by which the moderator decides.

It is no Flask app. It has a ProxyFix inside, and reads X-Script-Name by itself.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from integration.client import HOST

from .sites import OWNER, PROXY, Application, Attack, Site, Start

GUNICORN = f"@bin@/gunicorn --bind 127.0.0.1:@port@ --forwarded-allow-ips {PROXY}"
ENVIRON = {"ISSO_SETTINGS": "@here@/usual/isso.cfg"}


def comment(site: Site, headers: dict[str, str]) -> str:
    """Write a comment; returns the link to delete it, as the moderator gets it."""
    words = {"text": "A comment of some words.", "author": "somebody", "title": "a page"}
    visitor = site.visitor(OWNER, headers)
    assert visitor.post("/new", params={"uri": "/page"}, json=words).status_code == 201
    link: str = re.findall(r"Delete comment: (\S+)", site.app.output)[-1]
    return link


def links(site: Site) -> str:
    """Where the moderator is led to by comments with a header of their own."""
    forged = ("X-Forwarded-Prefix", "X-Script-Name")
    made = [comment(site, {name: "/evil"}) for name in forged]
    if all(link.startswith("https://www.example.com/evil/id/") for link in made):
        return "the links lead to ``/evil/id/...``"
    assert all(link.startswith("https://www.example.com/id/") for link in made), made
    return "the links lead to isso"


def honest(site: Site) -> None:
    assert comment(site, {}).startswith(f"https://{HOST}/id/")
    with closing(sqlite3.connect(site.folder / "comments.db")) as db:
        ((address,),) = db.execute("SELECT remote_addr FROM comments ORDER BY id DESC LIMIT 1")
    # isso stores the network of an address.
    assert address == re.sub(r"\d+$", "0", OWNER)


APPLICATION = Application(
    "isso",
    "isso",
    usual=Start(f"{GUNICORN} isso.run", ENVIRON),
    trusting=Start(f"{GUNICORN} --pythonpath @here@/not_yours isso_trusting", ENVIRON),
    honest=honest,
    attacks=(
        Attack(
            "writes a comment with ``X-Forwarded-Prefix: /evil`` or ``X-Script-Name: /evil``, "
            "and the moderator gets a mail",
            links,
        ),
    ),
    path="/info",
    made="isso_trusting:application",
)
