"""What docs/design.rst states and no other test asserts."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import pytest

import flask_trustproxy

PACKAGE = Path(flask_trustproxy.__file__).parent


def networks(text: str) -> list[str]:
    """The networks that stand in a text."""
    found = []
    for word in re.findall(r"[0-9A-Fa-f:.]+/[0-9]+", text):
        with suppress(ValueError):
            found.append(str(ip_network(word)))
    return found


@pytest.mark.parametrize(
    "module", sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
)
def test_no_ranges_of_a_cdn_are_in_the_package(module: str):
    shown = map(ip_network, networks((PACKAGE / module).read_text("utf-8")))
    found = {str(each) for each in shown if each.is_global and each.prefixlen}
    assert found <= {"64:ff9b::/96"}  # that of RFC 6052


def test_the_package_has_ranges_to_look_at():
    assert "10.0.0.0/8" in networks((PACKAGE / "core/trust.py").read_text("utf-8"))
