"""Settings and a Resolution as JSON."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest

from flask_trustproxy.report.as_json import explanation, plain, trusted_networks
from helpers import CLIENT, environ_of, resolved, settings_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="nothing"),
        pytest.param(True, True, id="a bool"),
        pytest.param({"b", "a"}, ["a", "b"], id="a set has an order"),
        pytest.param((1, ip_network("10.0.0.0/8")), [1, "10.0.0.0/8"], id="a tuple"),
        pytest.param(object, "<class 'object'>", id="anything else"),
    ],
)
def test_any_value_of_a_setting_can_be_json(value: object, expected: object):
    assert plain(value) == expected
    json.dumps(plain(value))


@pytest.mark.parametrize(
    ("trust", "networks"),
    [
        pytest.param(True, ["0.0.0.0/0", "::/0", "unix:"], id="everybody"),
        pytest.param(False, [], id="nobody"),
        pytest.param(2, [], id="a count names none"),
        pytest.param("10.0.0.0/9, 10.128.0.0/9, unix", ["10.0.0.0/8", "unix:"], id="merged"),
    ],
)
def test_the_networks_that_are_trusted(trust: object, networks: list[str]):
    assert trusted_networks(settings_of(trust).policy.trust) == networks


def test_a_hop_has_its_rule_and_its_writer():
    sent = {"X-Forwarded-For": f"6.6.6.6, {CLIENT}"}
    told = explanation(resolved(settings_of("10.0.0.0/8"), sent), environ_of(sent))
    assert told["hops"] == [
        {
            "hop": 0,
            "address": "10.0.0.2",
            "written_by": None,
            "trusted": True,
            "rule": "10.0.0.0/8",
        },
        {
            "hop": 1,
            "address": CLIENT,
            "written_by": "10.0.0.2",
            "trusted": False,
            "rule": None,
        },
    ]
    assert (told["client_ip"], told["stopped"]) == (CLIENT, "untrusted")
