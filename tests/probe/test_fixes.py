"""The lines that the probe prints for the proxies; integration/ puts them into real ones."""

from __future__ import annotations

import pytest

from flask_trustproxy.probe.fixes import lines_that_protect


def lines_of(*arguments):
    return {each.proxy: each.lines for each in lines_that_protect(*arguments)}


def test_one_line_for_each_proxy_removes_a_header():
    assert lines_of(["Remote-User"]) == {
        "nginx": ('proxy_set_header Remote-User "";',),
        "Caddy": ("header_up -Remote-User",),
        "HAProxy": ("http-request del-header Remote-User",),
        "Apache": ("RequestHeader unset Remote-User early",),
        "Traefik": ('Remote-User: ""',),
        "Envoy": ("- {remove: Remote-User}",),
    }


def test_a_secret_is_overwritten_and_its_value_is_left_to_the_operator():
    assert lines_of([], "X-Origin-Verify") == {
        "nginx": ('proxy_set_header X-Origin-Verify "SECRET";',),
        "Caddy": ('header_up X-Origin-Verify "SECRET"',),
        "HAProxy": ("http-request set-header X-Origin-Verify SECRET",),
        "Apache": (
            "RequestHeader edit* Connection (?i)X-Origin-Verify x early",
            "RequestHeader set X-Origin-Verify SECRET",
        ),
        "Traefik": ('X-Origin-Verify: "SECRET"',),
        "Envoy": (
            "- {append: {header: {key: X-Origin-Verify, value: SECRET}, "
            "append_action: OVERWRITE_IF_EXISTS_OR_ADD}}",
        ),
    }


@pytest.mark.parametrize(
    ("proxy", "lines"),
    [
        ("nginx", ("underscores_in_headers off;",)),
        ("HAProxy", ("http-request del-header _ -m sub",)),
        (
            "Caddy",
            ("header_up -X-Auth_User", "header_up -X_Auth-User", "header_up -X_Auth_User"),
        ),
    ],
)
def test_names_with_underscores_go_all_at_once_or_each(proxy, lines):
    assert lines_of(["X_Auth_User"])[proxy] == lines


def test_nothing_to_protect_needs_no_line():
    assert lines_that_protect([]) == []
