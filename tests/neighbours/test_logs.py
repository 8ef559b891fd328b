"""Structured logs: what stands in them, and what a client cannot write there."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from .visitor import CLIENT, FORGERY, OTHER, PROXY, Visitor, recipe

RECIPES = ["json_logs", "struct_logs"]
INJECTION = {"X-Forwarded-For": f'{CLIENT}"}} {{"client": "{CLIENT}'}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(
    ("how", "without", "expected"),
    [
        pytest.param({}, PROXY, CLIENT, id="through the proxy"),
        pytest.param({"headers": FORGERY}, PROXY, CLIENT, id="forged"),
        pytest.param({"headers": INJECTION}, PROXY, CLIENT, id="text that would be a line"),
        pytest.param(
            {"headers": FORGERY, "proxy": None, "address": OTHER},
            OTHER,
            OTHER,
            id="forged, past the proxy",
        ),
    ],
)
def test_a_line_names_the_client(
    capsys: pytest.CaptureFixture[str],
    name: str,
    how: dict[str, Any],
    without: str,
    expected: str,
):
    def line(fixed: bool) -> Any:
        logging.getLogger(f"recipe_{name}").handlers.clear()
        Visitor(recipe(name, fixed=fixed).app, **how).get("/")
        captured = capsys.readouterr()
        (line,) = (captured.out + captured.err).splitlines()
        return json.loads(line)

    assert line(fixed=False)["client"] == without
    assert line(fixed=True)["client"] == expected


def test_the_url_is_the_one_that_was_asked_for(capsys: pytest.CaptureFixture[str]):
    logging.getLogger("recipe_json_logs").handlers.clear()
    module = recipe("json_logs")
    Visitor(module.app).get("/")
    module.app.logger.warning("started")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        {"message": "asked", "client": CLIENT, "url": "https://www.example.com/"},
        {"message": "started", "client": None, "url": None},
    ]
