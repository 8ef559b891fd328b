"""locust's web interface, with its login and with strong session protection.

Its server is inside the package, and the app exists only while it runs.
"""

from __future__ import annotations

from .sites import OWNER, Application, Attack, Site, Start, theft


def honest(site: Site) -> None:
    visitor = site.visitor(OWNER)
    assert "; Secure" in visitor.post("/sign-in").headers["Set-Cookie"]
    assert visitor.get("/whoami").text == OWNER


LOCUST = "@bin@/locust --web-login --web-host 127.0.0.1 --web-port @port@ --locustfile "

APPLICATION = Application(
    "locust",
    "locust",
    usual=Start(f"{LOCUST} @here@/usual/locustfile.py"),
    trusting=Start(f"{LOCUST} @here@/usual/locustfile.py,@here@/not_yours/locust_trusting.py"),
    honest=honest,
    attacks=(
        Attack(
            "has the cookie of a user's session, and sends the user's address in "
            "``X-Forwarded-For``",
            lambda site: theft(site, lambda owner: owner.post("/sign-in"), "/stats/requests"),
        ),
    ),
    path="/login",
    made="in_process:make_locust",
)
