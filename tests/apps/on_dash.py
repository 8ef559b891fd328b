"""A Dash app, whose callback tells what it sees. gunicorn serves it."""

from __future__ import annotations

from collections.abc import Mapping

from .sites import FORGED, OWNER, PROXY, Application, Attack, Site, Start


def seen(site: Site, headers: Mapping[str, str] = {}) -> list[str]:
    """What the callback writes into the page."""
    asked = {
        "output": "seen.children",
        "outputs": {"id": "seen", "property": "children"},
        "inputs": [{"id": "who", "property": "n_clicks", "value": 1}],
        "changedPropIds": ["who.n_clicks"],
    }
    answer = site.visitor(OWNER, headers).post("/_dash-update-component", json=asked).json()
    words: str = answer["response"]["seen"]["children"]
    return words.split()


def route(site: Site) -> str:
    first = seen(site, {"X-Forwarded-For": FORGED})[1]
    words = {FORGED: "the made-up address comes first", OWNER: "only its real address"}
    return words.get(first, first)


def honest(site: Site) -> None:
    assert seen(site) == [OWNER, OWNER]


GUNICORN = f"@bin@/gunicorn --bind 127.0.0.1:@port@ --forwarded-allow-ips {PROXY}"

APPLICATION = Application(
    "dash",
    "An app on Dash",
    usual=Start(f"{GUNICORN} --pythonpath @here@/usual dash_app:server"),
    trusting=Start(
        f"{GUNICORN} --pythonpath @here@/not_yours,@here@/usual dash_trusting:server"
    ),
    honest=honest,
    attacks=(
        Attack(
            "has a callback read ``access_route``, with a made-up address in "
            "``X-Forwarded-For``",
            route,
        ),
    ),
    path="/",
    made="dash_trusting:server",
)
