"""Flask-Admin: where it sends the user back to."""

from __future__ import annotations

from typing import Any

import pytest

from .test_wtf import FROM_NGINX
from .visitor import Visitor, recipe

INDEX = "https://www.example.com/admin/"
LIST = "https://www.example.com/admin/user/?page=2"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(LIST, LIST, id="its own page"),
        pytest.param("https://evil.example/", INDEX, id="another site"),
        pytest.param("http://127.0.0.1:8000/admin/", INDEX, id="the address behind the proxy"),
    ],
)
def test_it_goes_back_to_its_own_pages_only(url: str, expected: str):
    def location(app: Any, **how: Any) -> str:
        visitor = Visitor(app, proxy_headers=FROM_NGINX, **how)
        return visitor.get("/admin/done", query_string={"url": url}).location

    without = recipe("admin", fixed=False).app
    without.config["TRUSTED_HOSTS"] = None
    inside = "http://127.0.0.1:8000/admin/"
    assert location(without) == (url if url == inside else inside)

    app = recipe("admin").app
    assert location(app) == expected
    assert location(app, headers={"X-Forwarded-Host": "evil.example"}) == expected
