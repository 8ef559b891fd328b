"""flask-sock: who is at the other end of a WebSocket."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from websocket import create_connection

from .sockets import PROXIED, PROXY, STRANGER, served
from .visitor import CLIENT, recipe


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("peer", "without", "expected"),
    [
        pytest.param(PROXY, f"{PROXY} http", f"{CLIENT} https", id="through the proxy"),
        pytest.param(STRANGER, f"{STRANGER} http", f"{STRANGER} http", id="past the proxy"),
    ],
)
def test_a_websocket_is_with_the_client(peer: str, without: str, expected: str):
    def seen(app: Any) -> object:
        with served(app) as port:
            connection = socket.create_connection((PROXY, port), 10, source_address=(peer, 0))
            websocket = create_connection(
                f"ws://www.example.com:{port}/whoami",
                header=PROXIED,
                socket=connection,
                timeout=10,
            )
            try:
                return websocket.recv()
            finally:
                websocket.close()

    assert seen(recipe("sock", fixed=False).app) == without
    assert seen(recipe("sock").app) == expected
