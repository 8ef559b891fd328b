"""Words of settings and of a walk that the reports share."""

from __future__ import annotations

import pytest

from flask_trustproxy.core.headers import KNOWN
from flask_trustproxy.report.words import (
    believed_headers,
    header_names,
    left_of,
    removed_headers,
    said_by,
)
from helpers import resolved, settings_of


def test_headers_are_named_by_their_names_in_order():
    plan = settings_of(headers="X-Acme-Client=address").policy.headers
    keys = ["HTTP_X_REAL_IP", "HTTP_X_ACME_CLIENT", "HTTP_ACCEPT", "HTTP_FORWARDED"]
    assert header_names(plan, keys) == ["Forwarded", "X-Acme-Client", "X-Real-IP"]
    assert believed_headers(plan) == ["X-Acme-Client=address"]


def test_no_header_is_removed_if_none_are_cleaned():
    assert removed_headers(settings_of(clean_headers=False).policy) == []
    assert "X-Real-IP" in removed_headers(settings_of().policy)
    assert "X-Forwarded-For" not in removed_headers(settings_of().policy)


@pytest.mark.parametrize(
    ("name", "value", "count", "left"),
    [
        pytest.param("x-forwarded-for", "a, b, c", 1, "a, b", id="one hop"),
        pytest.param("x-forwarded-for", "a, b, c", 3, "", id="all of them"),
        pytest.param("forwarded", 'for="a,b", for=c', 1, 'for="a,b"', id="a quoted comma"),
    ],
)
def test_the_rest_of_a_list_is_what_a_client_may_have_written(name, value, count, left):
    assert left_of(KNOWN[name], value, count).strip() == left


@pytest.mark.parametrize(
    ("headers", "sent", "what", "name"),
    [
        pytest.param(
            "X-Forwarded-For, X-Scheme", {"X-Scheme": "https"}, "scheme", "X-Scheme", id="own"
        ),
        pytest.param(
            "Forwarded",
            {"Forwarded": "for=203.0.113.9;proto=https"},
            "scheme",
            "Forwarded",
            id="in Forwarded",
        ),
        pytest.param("X-Forwarded-For", {}, "scheme", None, id="by none"),
    ],
)
def test_a_value_has_the_header_that_said_it(headers, sent, what, name):
    assert said_by(resolved(settings_of(headers=headers), sent), what) == name
