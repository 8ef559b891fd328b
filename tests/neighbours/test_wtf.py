"""Flask-WTF: the strict referrer check, behind the nginx of Flask's documentation."""

from __future__ import annotations

from typing import Any

import pytest

from flask_trustproxy import TrustProxy

from .visitor import HOST, Visitor, recipe

# It sends no Host: nginx then sends what proxy_pass names.
FROM_NGINX = {
    "Host": "127.0.0.1:8000",
    "X-Forwarded-Host": HOST,
    "X-Forwarded-Prefix": "/",
}


def post(app: Any, referrer: str | None, **how: Any) -> str:
    """What becomes of a form that was sent from a page."""
    visitor = Visitor(app, **{"proxy_headers": FROM_NGINX, **how})
    headers = {"X-CSRFToken": visitor.get("/token").text}
    if referrer is not None:
        headers["Referer"] = referrer
    response = visitor.post("/", headers=headers)
    if response.status_code == 200:
        return response.text
    assert response.status_code == 400
    return response.text.partition("<p>")[2].partition("</p>")[0]


OWN = "https://www.example.com/form"
FOREIGN = "https://evil.example/form"
NO_MATCH = "The referrer does not match the host."
MISSING = "The referrer header is missing."


def test_without_us_the_check_is_passed_over():
    app = recipe("wtf", fixed=False).app
    app.config["TRUSTED_HOSTS"] = None
    assert [post(app, page) for page in (OWN, FOREIGN, None)] == ["posted"] * 3


def test_where_the_host_is_not_read_every_form_fails():
    app = recipe("wtf", fixed=False).app
    app.config["TRUSTED_HOSTS"] = app.config["TRUST_PROXY_HEADERS"] = None
    TrustProxy(app)
    assert [post(app, page) for page in (OWN, FOREIGN, None)] == [NO_MATCH, NO_MATCH, MISSING]


def test_an_nginx_that_passes_on_the_host_needs_no_setting():
    app = recipe("wtf", fixed=False).app
    app.config["TRUST_PROXY_HEADERS"] = None
    TrustProxy(app)
    pages = (OWN, FOREIGN, None)
    forms = [post(app, page, proxy_headers={"Host": HOST}) for page in pages]
    assert forms == ["posted", NO_MATCH, MISSING]


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [
        pytest.param(OWN, "posted", id="a form of one's own page"),
        pytest.param(FOREIGN, NO_MATCH, id="a form of another site"),
        pytest.param("http://www.example.com/form", NO_MATCH, id="a page that was not https"),
        pytest.param(None, MISSING, id="no referrer"),
    ],
)
def test_forms_are_taken_from_the_own_pages_only(referrer: str | None, expected: str):
    assert post(recipe("wtf").app, referrer) == expected
    # nginx overwrites what the client says of the host.
    forgery = {"X-Forwarded-Host": "evil.example"}
    assert post(recipe("wtf").app, referrer, headers=forgery) == expected


def test_a_forged_host_past_the_proxy_is_not_the_host():
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    app = recipe("wtf").app
    assert post(app, FOREIGN, headers=headers, proxy=None) == NO_MATCH
    assert post(app, OWN, headers=headers, proxy=None) == "posted"
