"""Flask-Session: the cookie of a session that is kept on the server."""

from __future__ import annotations

from typing import Any

import pytest

from .visitor import Visitor, recipe


def cookie_is_secure(app: Any, **how: Any) -> bool:
    visitor = Visitor(app, **how)
    first = visitor.get("/")
    assert [first.json, visitor.get("/").json] == [{"visits": 1}, {"visits": 2}]
    (cookie,) = first.headers.getlist("Set-Cookie")
    assert cookie.startswith("session=")
    return "Secure" in cookie.split("; ")


PAST_THE_PROXY = {
    "proxy": None,
    "scheme": "http",
    "headers": {"X-Forwarded-Proto": "https"},
}


@pytest.mark.parametrize(
    ("how", "secure"),
    [
        pytest.param({}, True, id="https to the proxy"),
        pytest.param({"scheme": "http"}, False, id="http to the proxy"),
        pytest.param(PAST_THE_PROXY, False, id="http past the proxy, which claims to be https"),
    ],
)
def test_a_cookie_that_came_by_https_stays_there(how: dict[str, Any], secure: bool):
    assert cookie_is_secure(recipe("session", fixed=False).app, **how) is False
    assert cookie_is_secure(recipe("session").app, **how) is secure
