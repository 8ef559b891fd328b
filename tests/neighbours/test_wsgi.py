"""Recipes without an extension: X-Real-IP, a prefix on the path, a session per prefix."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import Client

from flask_trustproxy.testing import assert_unforgeable

from .visitor import CLIENT, FORGED, FORGERY, HOST, OTHER, PROXY, Visitor, recipe

DIRECTLY = {"proxy": None, "address": OTHER, "scheme": "http"}


def without(name: str) -> Any:
    return recipe(name, fixed=False).app


# An app that reads X-Real-IP


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param({}, CLIENT, id="through the proxy"),
        pytest.param({"headers": FORGERY}, CLIENT, id="who forges it"),
        pytest.param({**DIRECTLY, "headers": FORGERY}, OTHER, id="who connects directly"),
    ],
)
def test_an_app_that_reads_x_real_ip_gets_the_client(how: dict[str, Any], expected: str):
    assert Visitor(recipe("real_ip").app, **how).get("/").text == expected


def test_without_us_it_gets_the_proxy():
    assert Visitor(without("real_ip"), headers=FORGERY).get("/").text == PROXY


def test_without_the_three_lines_it_gets_nothing():
    module = recipe("real_ip")
    module.app.wsgi_app.app = module.inside
    assert Visitor(module.app).get("/", headers={"X-Real-IP": FORGED}).status_code == 500


def test_nothing_in_it_can_be_forged():
    assert_unforgeable(recipe("real_ip").app)


# A proxy that leaves the prefix on the path


@pytest.mark.parametrize(
    ("prefix", "path", "found"),
    [
        pytest.param("/team", "/team/page/", "/team/page/", id="it is taken off"),
        pytest.param("/team", "/team/", "/team/page/", id="it is all but a slash"),
        pytest.param("/team", "/page/", "/team/page/", id="the proxy has taken it off"),
        pytest.param("/team", "/teams/page/", None, id="another segment begins with it"),
        pytest.param("/team", "/team/team/page/", None, id="it is taken off once"),
        pytest.param("/a/b", "/a/b/page/", "/a/b/page/", id="two segments"),
        pytest.param(
            "/our%20caf%C3%A9", "/our%20caf%C3%A9/page/", "/our%20caf%C3%A9/page/", id="escapes"
        ),
        pytest.param("/", "/page/", "/page/", id="no prefix"),
        pytest.param("/../x", "/../x/page/", None, id="no prefix that is believed"),
    ],
)
def test_a_prefix_is_taken_off_the_path(prefix: str, path: str, found: str | None):
    visitor = Visitor(recipe("unstripped").app, proxy_headers={"X-Forwarded-Prefix": prefix})
    answer = visitor.get(path, follow_redirects=False)
    if found is None:
        assert answer.status_code == 404
    else:
        assert (answer.status_code, quote(answer.text, ":/")) == (200, f"https://{HOST}{found}")


@pytest.mark.parametrize("path", ["/team/page", "/team"])
def test_a_redirect_keeps_the_prefix(path: str):
    visitor = Visitor(recipe("unstripped").app, proxy_headers={"X-Forwarded-Prefix": "/team"})
    answer = visitor.get(path)
    assert (answer.status_code, answer.location) == (308, f"https://{HOST}{path}/")


def test_without_us_each_path_below_it_is_unknown():
    visitor = Visitor(without("unstripped"), proxy_headers={"X-Forwarded-Prefix": "/team"})
    assert visitor.get("/team/page/").status_code == 404


def test_a_stranger_takes_nothing_off():
    visitor = Visitor(recipe("unstripped").app, **DIRECTLY)
    headers = {"X-Forwarded-Prefix": "/team"}
    assert visitor.get("/team/page/", headers=headers).status_code == 404
    assert visitor.get("/page/", headers=headers).text == f"http://{HOST}/page/"


# A session for each prefix


def site(app: Flask) -> Client:
    """A browser of a site that has the app below several paths, and takes them off."""

    def proxy(environ: dict[str, Any], start_response: Any) -> Any:
        _, first, rest = environ["PATH_INFO"].split("/", 2)
        written = quote(f"/{first}", encoding="latin-1")
        environ.update(
            PATH_INFO=f"/{rest}",
            REMOTE_ADDR=PROXY,
            HTTP_X_FORWARDED_FOR=CLIENT,
            HTTP_X_FORWARDED_PROTO="https",
            HTTP_X_FORWARDED_PREFIX=written,
        )
        return app(environ, start_response)

    return Client(proxy)


def visits(client: Client, *paths: str) -> list[str]:
    return [client.get(path, base_url=f"https://{HOST}").text for path in paths]


PATHS = ("/library1/", "/library2/", "/library1/", "/library10/")


def test_each_prefix_has_a_session_of_its_own():
    client = site(recipe("session_per_prefix").app)
    assert visits(client, *PATHS) == ["1", "1", "2", "1"]
    # A browser compares the path as it is in the URL.
    for path, written in ("/library1/", "/library1"), ("/caf\u00e9/", "/caf%C3%A9"):
        cookie = client.get(path, base_url=f"https://{HOST}").headers["Set-Cookie"]
        assert {f"Path={written}", "Secure"} <= set(cookie.split("; "))


def test_without_us_they_share_one():
    assert visits(site(without("session_per_prefix")), *PATHS[:3]) == ["1", "2", "3"]


def test_a_stranger_does_not_choose_the_path_of_the_cookie():
    visitor = Visitor(recipe("session_per_prefix").app, **DIRECTLY)
    cookie = visitor.get("/", headers={"X-Forwarded-Prefix": "/evil"}).headers["Set-Cookie"]
    assert "Path=/" in cookie.split("; ")
