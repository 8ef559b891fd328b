"""elastic-apm, and the function by which ddtrace finds a client."""

from __future__ import annotations

from typing import Any

import elasticapm
import pytest
from ddtrace.contrib.internal import trace_utils
from elasticapm.transport.base import Transport
from flask import Flask

from flask_trustproxy import TrustProxy, request

from .visitor import CLIENT, FORGED, FORGERY, OTHER, PROXY, Visitor, recipe

PAST_THE_PROXY = {"proxy": None, "address": OTHER, "scheme": "http"}


class Kept(Transport):
    """Keeps transactions instead of sending them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.transactions: list[Any] = []

    def start_thread(self, pid: int | None = None) -> None:
        pass

    def queue(self, event_type: str, data: Any, flush: bool = False) -> None:
        if event_type == "transaction":
            self.transactions.append(data)


@pytest.fixture
def elastic(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TRANSPORT_CLASS": f"{Kept.__module__}.Kept",
        "CENTRAL_CONFIG": "false",
        "CLOUD_PROVIDER": "none",
        "METRICS_INTERVAL": "0s",
        "SERVICE_NAME": "recipe",
    }.items():
        monkeypatch.setenv(f"ELASTIC_APM_{name}", value)


@pytest.mark.usefixtures("elastic")
@pytest.mark.parametrize(
    ("how", "without", "expected"),
    [
        pytest.param({}, (PROXY, "http"), (CLIENT, "https"), id="proxied"),
        pytest.param({"headers": FORGERY}, (PROXY, "http"), (CLIENT, "https"), id="forged"),
        pytest.param(
            {"headers": FORGERY, **PAST_THE_PROXY},
            (OTHER, "http"),
            (OTHER, "http"),
            id="forged, past the proxy",
        ),
    ],
)
def test_an_elastic_transaction_is_about_the_client(how: Any, without: Any, expected: Any):
    def seen(module: Any) -> tuple[str, str]:
        client = module.apm.client
        try:
            Visitor(module.app, **how).get("/").close()
            (transaction,) = client._transport.transactions
        finally:
            client.close()
            elasticapm.uninstrument()
            elasticapm.base.set_client(None)
        told = transaction["context"]["request"]
        return told["socket"]["remote_address"], told["url"]["full"].partition(":")[0]

    assert seen(recipe("elastic", fixed=False)) == without
    assert seen(recipe("elastic")) == expected


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the addresses of documentation pass for the public ones they stand for."""
    monkeypatch.setattr(trace_utils, "ip_is_global", lambda ip: ip != PROXY)


def datadog(fixed: bool, **how: Any) -> str:
    app = Flask("datadog")

    @app.get("/")
    def index() -> str:
        # As it is asked inside Flask.wsgi_app, where the tracer stands.
        return trace_utils._get_request_header_client_ip(request.headers, request.remote_addr)

    if fixed:
        TrustProxy(app)
    return Visitor(app, **how).get("/").text


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("name", trace_utils.IP_PATTERNS)
def test_ddtrace_believes_no_forged_header(name: str):
    forgery = {name: f"for={FORGED}" if name == "forwarded" else FORGED}
    assert datadog(False, headers=forgery, **PAST_THE_PROXY) == FORGED
    assert datadog(True, headers=forgery, **PAST_THE_PROXY) == OTHER
    assert datadog(True, headers=forgery) == CLIENT


@pytest.mark.usefixtures("public")
def test_ddtrace_takes_the_first_entry_of_a_list():
    forgery = {"X-Forwarded-For": FORGED}
    assert datadog(False, headers=forgery) == FORGED
    assert datadog(True, headers=forgery) == CLIENT
