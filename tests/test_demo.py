"""The examples do what their texts say, on every Python and Flask."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python, with no setting in the environment but *environment*."""
    clean = {name: value for name, value in os.environ.items() if "TRUST_PROXY" not in name}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def example_app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("TRUST_PROXY", request.param)
    return runpy.run_path(str(EXAMPLES / "app.py"))["app"]


def test_demo_shows_what_is_promised():
    demo = run(EXAMPLES / "demo.py")
    rows = [line.rsplit(maxsplit=3) for line in demo.stdout.splitlines()[-9:]]
    assert rows == [
        ["Flask alone", "remote_addr", "127.0.0.1", "127.0.0.1"],
        ["Flask alone", "access_route[0]", "203.0.113.9", "198.51.100.66"],
        ["Flask alone", "is_secure", "False", "False"],
        ["ProxyFix", "remote_addr", "203.0.113.9", "203.0.113.9"],
        ["ProxyFix", "access_route[0]", "203.0.113.9", "198.51.100.66"],
        ["ProxyFix", "is_secure", "True", "True"],
        ["TrustProxy", "remote_addr", "203.0.113.9", "203.0.113.9"],
        ["TrustProxy", "access_route[0]", "203.0.113.9", "203.0.113.9"],
        ["TrustProxy", "is_secure", "True", "True"],
    ]
    assert demo.returncode == 0


def test_demo_fails_if_the_promise_is_not_kept():
    assert run(EXAMPLES / "demo.py", TRUST_PROXY_HEADERS="X-Real-IP").returncode == 1


def test_a_mistake_stops_the_start_with_one_sentence_as_the_last_line():
    arguments = ["-m", "flask", "--app", EXAMPLES / "app.py", "run"]
    flask = run(*arguments, TRUST_PROXY="loopbck")
    _, _, sentence = flask.stderr.splitlines()[-1].partition("SettingError: ")
    assert sentence == (
        "TRUST_PROXY='loopbck' (from the environment): expected an address, a network or a "
        "name ('loopback', 'linklocal', 'uniquelocal', 'unix'). Did you mean 'loopback'?"
    )
    assert flask.returncode == 1


@pytest.mark.parametrize(
    ("example_app", "peer", "forwarded", "answer"),
    [
        pytest.param(
            "True",
            "127.0.0.1",
            "203.0.113.1, 192.168.1.100",
            {"ip": "203.0.113.1", "ips": ["203.0.113.1", "192.168.1.100"], "secure": True},
            id="trusting everybody, the client is the leftmost entry",
        ),
        pytest.param(
            "False",
            "192.168.1.100",
            "203.0.113.1",
            {"ip": "192.168.1.100", "ips": [], "secure": False},
            id="trusting nobody, the client is the peer",
        ),
        pytest.param(
            "192.0.2.10",
            "192.0.2.10",
            "198.51.100.66, 203.0.113.9",
            {"ip": "203.0.113.9", "ips": ["203.0.113.9"], "secure": True},
            id="trusting the proxy, the client is whom it names",
        ),
    ],
    indirect=["example_app"],
)
def test_app_answers_who_asks(
    example_app: Flask, peer: str, forwarded: str, answer: dict[str, object]
):
    response = example_app.test_client().get(
        "/",
        environ_base={"REMOTE_ADDR": peer},
        headers={"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"},
    )
    assert response.json == answer


@pytest.mark.parametrize("example_app", ["loopback"], indirect=True)
def test_app_builds_urls_as_the_client_sees_them(example_app: Flask):
    headers = {"Host": "www.example.com", "X-Forwarded-Proto": "https"}
    client = example_app.test_client()
    redirect = client.get("/d", headers=headers)
    assert redirect.headers["Location"] == "https://www.example.com/d/"
    assert client.get("/d/", headers=headers).json == {"index": "https://www.example.com/"}
