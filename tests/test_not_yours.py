"""The page on apps that are not yours: the files that need no application to be tested.

All others are started by tests/apps, each with its application.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Optional

import pytest
from flask import Flask, request

NOT_YOURS = Path(__file__).parent / "apps" / "not_yours"


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        pytest.param("192.0.2.10", "203.0.113.9", 200, id="through the proxy"),
        pytest.param("192.0.2.10", None, 200, id="from the proxy itself"),
        pytest.param("203.0.113.9", None, 403, id="directly"),
        pytest.param("203.0.113.9", "192.0.2.10", 403, id="directly, with the proxy's address"),
        pytest.param("203.0.113.9", "192.0.2.10, 192.0.2.10", 403, id="directly, twice"),
    ],
)
def test_an_own_check_asks_for_the_address_of_the_peer(
    monkeypatch: pytest.MonkeyPatch, peer: str, forwarded: Optional[str], status: int
) -> None:
    monkeypatch.setenv("TRUST_PROXY", "192.0.2.10")
    client = runpy.run_path(str(NOT_YOURS / "own_check.py"))["app"].test_client()
    headers = {"X-Forwarded-User": "alice"}
    if forwarded is not None:
        headers["X-Forwarded-For"] = forwarded
    answer = client.get("/", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.status_code == status
    assert (answer.text == "Hello, alice!") == (status == 200)


def test_a_configuration_hook_gets_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Superset calls it: with the app, and with no regard to what comes back."""
    monkeypatch.setenv("TRUST_PROXY", "192.0.2.10")
    app = Flask("superset")
    app.add_url_rule("/", view_func=lambda: str(request.remote_addr))
    runpy.run_path(str(NOT_YOURS / "superset_config.py"))["FLASK_APP_MUTATOR"](app)
    answer = app.test_client().get(
        "/",
        headers={"X-Forwarded-For": "198.51.100.66, 203.0.113.9"},
        environ_base={"REMOTE_ADDR": "192.0.2.10"},
    )
    assert answer.text == "203.0.113.9"
