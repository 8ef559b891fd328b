"""sentry-sdk: whom an event is about, and at which address."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from .visitor import CLIENT, FORGED, FORGERY, OTHER, Visitor, recipe

PAST_THE_PROXY = {"proxy": None, "address": OTHER, "scheme": "http", "headers": FORGERY}


class Kept(Transport):
    """Keeps events instead of sending them."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)


@pytest.fixture(autouse=True)
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("SENTRY_DSN", "https://key@sentry.example.com/1")
    init = sentry_sdk.init
    monkeypatch.setattr(sentry_sdk, "init", partial(init, transport=Kept))
    yield
    sentry_sdk.get_client().close()
    monkeypatch.delenv("SENTRY_DSN")
    init()


def event(application: Any, **how: Any) -> Any:
    assert Visitor(application, **how).get("/").text == "ok"
    transport = sentry_sdk.get_client().transport
    assert isinstance(transport, Kept)
    return transport.events.pop()


def believed(application: Any, **how: Any) -> tuple[str, str]:
    told = event(application, **how)
    return told["user"]["ip_address"], told["request"]["url"]


HTTP, HTTPS = "http://www.example.com/", "https://www.example.com/"


def test_it_stands_outside_the_app_and_believes_anyone():
    # It wraps Flask.__call__, which nothing inside the app can precede.
    module = recipe("sentry_outside")
    for app in recipe("sentry_outside", fixed=False).app, module.app:
        assert believed(app, headers=FORGERY) == (FORGED, HTTP)
        assert believed(app, **PAST_THE_PROXY) == (FORGED, HTTP)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param({}, (CLIENT, HTTPS), id="through the proxy"),
        pytest.param({"headers": FORGERY}, (CLIENT, HTTPS), id="with forged headers"),
        pytest.param(PAST_THE_PROXY, (OTHER, HTTP), id="past the proxy"),
    ],
)
def test_the_middleware_around_the_app_mends_all_of_it(how: Any, expected: tuple[str, str]):
    told = event(recipe("sentry_outside").application, **how)
    assert (told["user"]["ip_address"], told["request"]["url"]) == expected
    assert told["request"]["env"]["REMOTE_ADDR"] == expected[0]
    assert FORGED not in str(told)
    assert "evil.example" not in str(told)


@pytest.mark.parametrize(
    ("how", "ip"),
    [
        pytest.param({}, CLIENT, id="through the proxy"),
        pytest.param({"headers": FORGERY}, CLIENT, id="with forged headers"),
        pytest.param(PAST_THE_PROXY, OTHER, id="past the proxy"),
    ],
)
def test_setting_the_user_mends_the_user_alone(how: Any, ip: str):
    assert believed(recipe("sentry_user").app, **how) == (ip, HTTP)
