"""Flask-Dance and Authlib: where the provider sends the user back to."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from oauthlib.oauth2 import InsecureTransportError
from requests.adapters import BaseAdapter
from werkzeug.test import TestResponse

from .visitor import FORGERY, Visitor, recipe


class Provider(BaseAdapter):
    """A provider that gives everyone a token, without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, list[str]]] = []

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        self.asked.append(parse_qs(body))
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.url = request.url
        response._content = json.dumps({"access_token": "t", "token_type": "bearer"}).encode()
        return response

    def close(self) -> None:
        pass


def query(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


RECIPES = [
    pytest.param("dance", "/login/github", "/login/github/authorized", id="Flask-Dance"),
    pytest.param("authlib_client", "/login", "/callback", id="Authlib"),
]


@pytest.mark.parametrize(("name", "login", "callback"), RECIPES)
def test_the_user_comes_back_by_https(name: str, login: str, callback: str):
    def redirect_uri(app: Any, **how: Any) -> str:
        return query(Visitor(app, **how).get(login).location)["redirect_uri"]

    without, app = recipe(name, fixed=False).app, recipe(name).app
    assert redirect_uri(without) == f"http://www.example.com{callback}"
    assert redirect_uri(app) == f"https://www.example.com{callback}"
    # The proxy overwrites the scheme, and no header that it does not write is read.
    assert redirect_uri(app, headers=FORGERY) == f"https://www.example.com{callback}"
    past = {"proxy": None, "scheme": "http", "headers": FORGERY}
    assert redirect_uri(app, **past) == f"http://www.example.com{callback}"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Put a provider where requests would open a connection."""
    provider = Provider()
    monkeypatch.setattr(requests.Session, "get_adapter", lambda self, url: provider)
    return provider


def sign_in(app: Any, login: str, callback: str) -> TestResponse:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    visitor = Visitor(app)
    state = query(visitor.get(login).location)["state"]
    return visitor.get(callback, query_string={"code": "c", "state": state})


def test_flask_dance_takes_the_code(provider: Provider):
    urls = ("/login/github", "/login/github/authorized")
    # Unless OAUTHLIB_INSECURE_TRANSPORT lets everything in.
    with pytest.raises(InsecureTransportError):
        sign_in(recipe("dance", fixed=False).app, *urls)
    assert provider.asked == []

    response = sign_in(recipe("dance").app, *urls)
    assert (response.status_code, response.location) == (302, "/")
    (asked,) = provider.asked
    assert asked["redirect_uri"] == ["https://www.example.com/login/github/authorized"]


def test_authlib_takes_the_code(provider: Provider):
    for fixed in False, True:
        app = recipe("authlib_client", fixed=fixed).app
        assert sign_in(app, "/login", "/callback").json == {"token": "t"}
    # A real provider compares it with the one that was registered, and refuses.
    assert [asked["redirect_uri"] for asked in provider.asked] == [
        ["http://www.example.com/callback"],
        ["https://www.example.com/callback"],
    ]
