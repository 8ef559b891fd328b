"""Flask-DebugToolbar: who sees it, and how our panel is added."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .visitor import Visitor, recipe

LOCAL = "127.0.0.1"


def test_only_the_machine_itself_sees_the_toolbar(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRUST_PROXY", "loopback")

    def shown(app: Any, **how: Any) -> bool:
        return "flDebug" in Visitor(app, **how).get("/").text

    without, app = recipe("toolbar", fixed=False).app, recipe("toolbar").app
    # A proxy on the same machine shows it to the whole world.
    assert shown(without, proxy=LOCAL) is True
    assert shown(app, proxy=LOCAL) is False
    assert shown(app, proxy=LOCAL, headers={"X-Forwarded-For": LOCAL}) is False
    assert shown(app, proxy=None, headers={"X-Forwarded-For": LOCAL}) is False
    assert shown(app, proxy=None, address=LOCAL) is True
    assert shown(app, proxy=LOCAL, address=LOCAL) is True


def test_the_panel_is_added_to_those_of_the_toolbar():
    app = recipe("toolbar_panel").app
    html = Visitor(app).get("/").text
    panels = re.findall(r'<li id="flDebug(\w+)Panel">', html)
    assert panels[-1] == "TrustProxy"
    assert {"ConfigVars", "Header"} <= set(panels)
    assert "<small>203.0.113.9, https</small>" in html
