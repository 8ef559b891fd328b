"""Async views, streams and threads see the client of the request they serve."""

from __future__ import annotations

from typing import Any

import pytest

from .visitor import CLIENT, FORGERY, OTHER, PROXY, Visitor, recipe


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("/async", "{0}", id="an async view"),
        pytest.param("/stream", "one {0}\ntwo {0}\n", id="a stream"),
        pytest.param("/thread", "{0}", id="a thread with a copy of the context"),
    ],
)
def test_the_client_is_seen(path: str, text: str):
    def seen(app: Any, **how: Any) -> str:
        return Visitor(app, **how).get(path).text

    without, module = recipe("contexts", fixed=False), recipe("contexts")
    past = {"proxy": None, "address": OTHER}
    assert seen(without.app) == text.format(PROXY)
    assert seen(module.app) == text.format(CLIENT)
    assert seen(module.app, headers=FORGERY) == text.format(CLIENT)
    assert seen(module.app, headers=FORGERY, **past) == text.format(OTHER)
    for deployed in without, module:
        deployed.pool.shutdown()
