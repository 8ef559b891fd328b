"""What a resolution tells to those who explain it."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import resolved, settings_of


@pytest.mark.parametrize(
    ("trust", "sent", "rules"),
    [
        pytest.param(
            "loopback, 10.0.0.0/8, 10.0.0.3",
            "198.51.100.66, 203.0.113.9, 127.0.0.1, 10.0.0.3",
            ["10.0.0.0/8", "10.0.0.0/8", "loopback", None],
            id="the first element that holds the address",
        ),
        pytest.param(
            "10.0.0.2, unix, 2001:db8::/32",
            "203.0.113.9, 2001:db8::7, unix:",
            ["10.0.0.2", "unix", "2001:db8::/32", None],
            id="a socket and IPv6",
        ),
        pytest.param(
            2, "203.0.113.9, 192.0.2.1", ["the count 2", "the count 2", None], id="a count"
        ),
        pytest.param(2, "203.0.113.9", [None], id="a count that is not reached"),
        pytest.param(True, "203.0.113.9", ["True", "True"], id="everybody"),
        pytest.param(False, "203.0.113.9", [None], id="nobody"),
        pytest.param("192.0.2.1", "203.0.113.9", [None], id="an untrusted peer"),
    ],
)
def test_a_rule_is_what_trusts_a_hop(trust: object, sent: str, rules: list[str | None]):
    resolution = resolved(settings_of(trust), {"X-Forwarded-For": sent})
    assert [resolution.rule(hop.index) for hop in resolution.hops] == rules


def test_the_rule_of_a_file_is_the_file(tmp_path: Path):
    file = tmp_path / "proxies.txt"
    file.write_text("10.0.0.0/8\n")
    resolution = resolved(settings_of(f"file:{file}"), {"X-Forwarded-For": "203.0.113.9"})
    assert [resolution.rule(0), resolution.rule(1)] == [f"file:{file}", None]


def test_a_callable_is_not_asked_again():
    asked: list[str] = []

    def trusts(address: str, hop: int) -> bool:
        asked.append(address)
        return hop == 0

    resolution = resolved(settings_of(trusts), {"X-Forwarded-For": "203.0.113.9"})
    assert [resolution.rule(0), resolution.rule(1)] == ["the callable", None]
    assert asked == ["10.0.0.2", "203.0.113.9"]
