"""Flask-SocketIO: which pages may connect, and whom the handlers see."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
import requests
import socketio as client_library
from flask_socketio import SocketIO
from requests.adapters import HTTPAdapter

from flask_trustproxy import TrustProxy

from .sockets import PROXIED, PROXY, STRANGER, served
from .visitor import CLIENT, FORGERY, OTHER, Visitor, recipe

OWN, EVIL = "https://www.example.com", "https://evil.example"
PAST_THE_PROXY = {"proxy": None, "address": OTHER, "scheme": "http", "headers": FORGERY}


def without() -> Any:
    return recipe("socket_io", fixed=False)


def trustproxy_first() -> Any:
    """The recipe in the wrong order."""
    module = recipe("socket_io", fixed=False)
    app = module.app
    app.wsgi_app = app.wsgi_app.wsgi_app  # as it was before SocketIO
    TrustProxy(app)
    SocketIO(app, async_mode="threading").on("whoami")(module.whoami)
    return module


def trustproxy_last() -> Any:
    return recipe("socket_io")


def status(app: Any, origin: str, **how: Any) -> int:
    url = "/socket.io/?EIO=4&transport=polling"
    return Visitor(app, **how).get(url, headers={"Origin": origin}).status_code


@pytest.mark.parametrize(
    ("origin", "how", "before", "wrong_order", "expected"),
    [
        pytest.param(OWN, {}, 200, 200, 200, id="an own page"),
        pytest.param(EVIL, {}, 400, 400, 400, id="another site"),
        pytest.param(
            EVIL, {"headers": FORGERY}, 200, 200, 400, id="another site, and a forged host"
        ),
        pytest.param(
            EVIL, PAST_THE_PROXY, 200, 200, 400, id="another site, forged, past the proxy"
        ),
    ],
)
def test_the_origin_check(origin: str, how: Any, before: int, wrong_order: int, expected: int):
    assert status(without().app, origin, **how) == before
    assert status(trustproxy_first().app, origin, **how) == wrong_order
    assert status(trustproxy_last().app, origin, **how) == expected


def whoami(app: Any, peer: str, transport: str) -> Any:
    """Ask a handler who is there, over a real connection from an address."""

    class From(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, source_address=(peer, 0), **kwargs)

    session = requests.Session()
    session.mount("http://", From())
    with ExitStack() as stack:
        host = f"127.0.0.1:{stack.enter_context(served(app))}"
        options = {"origin": f"https://{host}"}
        client = client_library.SimpleClient(
            http_session=session, websocket_extra_options=options
        )
        stack.enter_context(client)
        client.connect(f"http://{host}", PROXIED, transports=[transport])
        client.emit("whoami")
        event, answer = client.receive(timeout=10)
        assert event == "you"
        return answer


SECURE_CLIENT = {"ip": CLIENT, "secure": True}


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_handler_sees_the_client(transport: str):
    assert whoami(without().app, PROXY, transport) == {"ip": PROXY, "secure": False}
    assert whoami(trustproxy_last().app, PROXY, transport) == SECURE_CLIENT
    # The request class finds the client even where the middleware comes late.
    assert whoami(trustproxy_first().app, PROXY, transport) == SECURE_CLIENT


@pytest.mark.usefixtures("loopback")
def test_a_handler_does_not_believe_a_stranger():
    for app in without().app, trustproxy_first().app, trustproxy_last().app:
        assert whoami(app, STRANGER, "polling") == {"ip": STRANGER, "secure": False}
