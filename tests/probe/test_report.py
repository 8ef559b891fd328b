"""The report as JSON: always as the schema says, and in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flask_trustproxy.probe.report import Recommendation, Wrong, unprobed

from .worlds import APPENDS, EDGE, INNER, JOINS, PROBER, VERIFIED, Proxy, World

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/probe.schema.json").read_text("utf-8"))
IDENTITY = {"trust": EDGE, "identity_headers": "Remote-User"}


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(
            lambda: World((Proxy(EDGE, APPENDS),), {"trust": EDGE}).probe(), id="safe"
        ),
        pytest.param(lambda: World((Proxy(EDGE, JOINS),), IDENTITY).probe(), id="forgeable"),
        pytest.param(
            lambda: World(
                (Proxy(EDGE, APPENDS),), {"trust": EDGE, "edge_secret": VERIFIED}
            ).probe(),
            id="a secret that does not arrive",
        ),
        pytest.param(lambda: World((Proxy(INNER),), {"trust": False}).probe(), id="no client"),
        pytest.param(lambda: World((), {"trust": "loopback"}).probe(), id="no proxy"),
        pytest.param(
            lambda: World((Proxy("unix:", APPENDS),), {"trust": f"unix, {PROBER}"}).probe(),
            id="inconclusive",
        ),
        pytest.param(lambda: unprobed("Nothing came back.", 1, stopped=True), id="unprobed"),
    ],
)
def test_json_is_as_the_schema_says(report):
    # tox installs it; the other tests here do without.
    fastjsonschema = pytest.importorskip("fastjsonschema")
    told = json.loads(json.dumps(report().as_json()))
    assert fastjsonschema.validate(SCHEMA, told) == told


@pytest.mark.parametrize(
    ("wrong", "over_http", "words"),
    [
        pytest.param(
            Wrong("scheme", "http", "https", "https"),
            "probed",
            "scheme is 'http', and should be 'https'.",
            id="over the probed URL",
        ),
        pytest.param(
            Wrong("scheme", "https", "http", "http"),
            "probed",
            "scheme is 'https' over http, and should be 'http'.",
            id="over http beside it",
        ),
        pytest.param(
            Wrong("client_ip", "192.0.2.1", None, "http"),
            "itself",
            "client_ip is '192.0.2.1', which is not this machine.",
            id="nobody knows what is true",
        ),
    ],
)
def test_what_is_wrong_in_words(wrong, over_http, words):
    assert wrong.in_words(over_http) == words


def test_settings_that_are_not_recommended_are_left_out():
    assert Recommendation(None, "none", None).settings() == {"TRUST_PROXY_HEADERS": "none"}
