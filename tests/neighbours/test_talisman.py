"""Flask-Talisman: who has to go to https."""

from __future__ import annotations

from typing import Any

import pytest

from .visitor import Visitor, recipe


def answer(app: Any, **how: Any) -> tuple[int, str | None, bool]:
    response = Visitor(app, **how).get("/")
    return (
        response.status_code,
        response.headers.get("Location"),
        "Strict-Transport-Security" in response.headers,
    )


SERVED = (200, None, True)
SENT_TO_HTTPS = (302, "https://www.example.com/", False)


def test_plain_http_past_the_proxy_is_not_taken_for_https():
    forgery = {"proxy": None, "scheme": "http", "headers": {"X-Forwarded-Proto": "https"}}
    # It reads the header by itself, from anyone.
    assert answer(recipe("talisman", fixed=False).app, **forgery) == SERVED
    assert answer(recipe("talisman").app, **forgery) == SENT_TO_HTTPS


def test_the_first_of_two_schemes_is_the_clients_own():
    # A proxy that appends, which one that was told to set does not.
    forgery = {"proxy_headers": {"X-Forwarded-Proto": "https, http"}}
    assert answer(recipe("talisman").app, **forgery) == SENT_TO_HTTPS


@pytest.mark.parametrize(("scheme", "expected"), [("https", SERVED), ("http", SENT_TO_HTTPS)])
def test_whoever_asked_the_proxy_is_taken_at_its_word(scheme: str, expected: object):
    assert answer(recipe("talisman").app, scheme=scheme) == expected
