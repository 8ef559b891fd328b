"""A server on loopback for what needs a connection of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from .visitor import CLIENT, FORGED

PROXY = "127.0.0.1"  # the client of the connection is the proxy
STRANGER = "127.0.0.2"

#: What a proxy sends for a client that had forged the first.
PROXIED = {"X-Forwarded-For": f"{FORGED}, {CLIENT}", "X-Forwarded-Proto": "https"}


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUST_PROXY", PROXY)


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve an app on a free port of loopback."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
