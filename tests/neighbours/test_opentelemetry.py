"""OpenTelemetry: spans, metrics, and what is left when it is taken off again."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flask_trustproxy import TrustProxy, request

from .visitor import CLIENT, FORGERY, OTHER, PROXY, Visitor, recipe

SPANS = InMemorySpanExporter()
DELTA = dict.fromkeys((Counter, Histogram, UpDownCounter), AggregationTemporality.DELTA)
METRICS = InMemoryMetricReader(preferred_temporality=DELTA)
PAST_THE_PROXY = {"proxy": None, "address": OTHER, "scheme": "http", "headers": FORGERY}


@pytest.fixture(scope="module", autouse=True)
def providers() -> None:
    """Set what is set once in a process."""
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(SPANS))
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(MeterProvider([METRICS]))


def span(app: Any, **how: Any) -> tuple[object, ...]:
    SPANS.clear()
    assert Visitor(app, **how).get("/").status_code == 200
    (finished,) = SPANS.get_finished_spans()
    attributes = finished.attributes
    assert attributes is not None
    return attributes["net.peer.ip"], attributes["http.scheme"], attributes["http.host"]


def metric_scheme(app: Any, **how: Any) -> object:
    METRICS.get_metrics_data()
    assert Visitor(app, **how).get("/").status_code == 200
    data = METRICS.get_metrics_data()
    assert data is not None
    (point,) = [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "http.server.duration"
        for point in metric.data.data_points
    ]
    return point.attributes["http.scheme"]


HOST = "www.example.com"


@pytest.mark.parametrize(
    ("how", "without", "expected"),
    [
        pytest.param({}, (PROXY, "http", HOST), (CLIENT, "https", HOST), id="proxied"),
        pytest.param(
            {"headers": FORGERY}, (PROXY, "http", HOST), (CLIENT, "https", HOST), id="forged"
        ),
        pytest.param(
            PAST_THE_PROXY,
            (OTHER, "http", HOST),
            (OTHER, "http", HOST),
            id="forged, past the proxy",
        ),
    ],
)
def test_a_span_is_about_the_client(how: Any, without: object, expected: object):
    assert span(recipe("telemetry", fixed=False).app, **how) == without
    assert span(recipe("telemetry").app, **how) == expected


def trustproxy_first() -> Any:
    app = recipe("telemetry", fixed=False).app
    FlaskInstrumentor().uninstrument_app(app)
    TrustProxy(app)
    FlaskInstrumentor().instrument_app(app)
    return app


def test_the_order_decides_about_metrics_alone():
    assert metric_scheme(recipe("telemetry", fixed=False).app) == "http"
    assert metric_scheme(recipe("telemetry").app) == "https"
    # Its own middleware counts before ours is asked; its spans begin later.
    assert metric_scheme(trustproxy_first()) == "http"
    assert span(trustproxy_first()) == (CLIENT, "https", HOST)


def whoami() -> dict[str, object]:
    return {
        "ip": request.remote_addr,
        "route": list(request.access_route),
        "url": request.url,
    }


@pytest.mark.parametrize(
    "deploy",
    [
        pytest.param(lambda: recipe("telemetry").app, id="TrustProxy last"),
        pytest.param(trustproxy_first, id="TrustProxy first"),
    ],
)
def test_taking_it_off_opens_nothing(deploy: Any, caplog: pytest.LogCaptureFixture):
    app = deploy()
    app.config["TRUST_PROXY_REQUIRED"] = True
    app.get("/whoami")(whoami)
    # It restores app.wsgi_app as it found it, and takes away what came later.
    FlaskInstrumentor().uninstrument_app(app)
    forger = Visitor(app, headers=FORGERY)
    url = "https://www.example.com/whoami"
    assert forger.get("/whoami").json == {"ip": CLIENT, "route": [CLIENT], "url": url}
    for _ in range(2):
        assert Visitor(app, **PAST_THE_PROXY).get("/whoami").status_code == 403


def test_a_middleware_that_was_taken_away_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    app = recipe("telemetry").app
    FlaskInstrumentor().uninstrument_app(app)
    with caplog.at_level(logging.WARNING, "flask_trustproxy"):
        for _ in range(2):
            Visitor(app).get("/")
    (said,) = [record.getMessage() for record in caplog.records]
    assert "Create TrustProxy last" in said
