"""Every recipe is deployed behind one proxy, which the environment names."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from .sockets import loopback as loopback
from .visitor import PROXY

# Read when they are imported: nobody calls home.
os.environ.update(
    DD_TRACE_ENABLED="false",
    DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
    DD_REMOTE_CONFIGURATION_ENABLED="false",
    OTEL_SDK_DISABLED="false",
    OTEL_TRACES_EXPORTER="none",
    OTEL_METRICS_EXPORTER="none",
)


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUST_PROXY", PROXY)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody goes further than loopback, not even in a thread that says nothing."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo
    refused: list[object] = []

    def refuse(host: object) -> None:
        if host not in ("127.0.0.1", "localhost"):
            refused.append(host)
            raise OSError(f"{host} is not loopback")

    def connect_to_loopback(self: socket.socket, address: Any) -> None:
        refuse(address[0])
        connect(self, address)

    def look_up_loopback(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connect_to_loopback)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_loopback)
    yield
    assert refused == []
