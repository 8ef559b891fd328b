"""A set-up that is wrong leaves one line in the log, and an honest one leaves none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from helpers import said_by_the_package

from .client import ask
from .deployments import DEPLOYMENTS, Deployment
from .proxies import NGINX_DEBIAN
from .stack import App, Stack


@contextmanager
def fresh() -> Iterator[Stack]:
    """A stack of its own: another test's forgeries would be in the log of the app."""
    stack = Stack()
    try:
        yield stack
    finally:
        stack.close()


def warnings(app: App) -> list[str]:
    """The names of the messages that an application has logged."""
    return said_by_the_package(app.process.output.splitlines())


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment.name)
def test_a_documented_file_leaves_no_line(deployment: Deployment) -> None:
    with fresh() as stack:
        fronts = deployment.start(stack, deployment.documented)
        for _ in range(2):
            for front in fronts.values():
                assert ask(front.at).status == 200
                assert ask(front.at, target="/d").status == 308
        (app,) = stack.apps
        assert warnings(app) == []


# Who connects to nginx: the client, or an edge of a CDN. Nothing here has such an address.
CLIENT, EDGE, RANGE = "203.0.113.9", "198.51.100.7", "198.51.100.0/24"

PAGE = """
server {{
    listen 80;
    return 204;
}}

server {{
    listen 443 ssl;
    ssl_certificate /etc/ssl/private/www.example.com.pem;
    ssl_certificate_key /etc/ssl/private/www.example.com.pem;
    # This stands for the address that connects.
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Connects;

    location / {{
        proxy_pass http://127.0.0.1:8000;
        proxy_set_header Host $host;
        {lines}
    }}
}}
"""
APPENDS = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
REPLACES = "proxy_set_header X-Forwarded-For $remote_addr;"
SCHEME = "proxy_set_header X-Forwarded-Proto $scheme;"
# nginx passes on what a client sends, so each of them is removed where it is not set.
NONE = "".join(
    f'proxy_set_header {name} "";'
    for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Connects")
)
CLOUDFLARE = (
    f"X-Connects: {EDGE}",
    f"X-Forwarded-For: {CLIENT}",
    f"CF-Connecting-IP: {CLIENT}",
    "X-Forwarded-Proto: https",
    'CF-Visitor: {"scheme":"https"}',
    "CF-Ray: 8f0000000000-TXL",
)
DIRECT = (f"X-Connects: {CLIENT}",)


@dataclass(frozen=True)
class SetUp:
    """Lines of nginx, settings of the app, and a request; and what the log says.

    `line` is a pattern for all of it; without one the log says nothing.
    """

    lines: str
    line: str = ""
    sent: tuple[str, ...] = DIRECT
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)


def only(name: str, value: str = "$remote_addr") -> SetUp:
    """A proxy that says the client or the scheme in one header only."""
    cause = (
        f"127.0.0.1, which is trusted, sent {name}, which is not read, and no X-Forwarded-For"
    )
    if value == "on":
        cause = f"127.0.0.1, which is trusted, sent no X-Forwarded-Proto, but {name}"
    line = f"{cause}.*{name}.*"
    return SetUp(f"{NONE} proxy_set_header {name} {value};", line)


BEHIND_CDN = {"TRUST_PROXY": f"loopback, {RANGE}", "TRUST_PROXY_MAX_HOPS": "2"}
SET_UPS = {
    "Cloudflare, then nginx, and the default settings": SetUp(
        f"{APPENDS} {SCHEME}",
        f".*CF-Connecting-IP: '{CLIENT}', but the client that was found is {EDGE}.*"
        "name a file of its networks in TRUST_PROXY.*",
        CLOUDFLARE,
    ),
    "the same, and nginx replaces the list": SetUp(
        f"{REPLACES} {SCHEME}",
        f".*CF-Connecting-IP: '{CLIENT}', but the client that was found is {EDGE}.*",
        CLOUDFLARE,
    ),
    "Cloudflare's ranges are trusted, and nginx replaces the list": SetUp(
        f"{REPLACES} {SCHEME}",
        f"The client that was found, {EDGE}, is itself trusted as a proxy.*127.0.0.1 replaced "
        r"X-Forwarded-For.*\$proxy_add_x_forwarded_for;",
        CLOUDFLARE,
        BEHIND_CDN,
    ),
    "Cloudflare, then nginx, and both are right": SetUp(
        f"{APPENDS} {SCHEME}", "", CLOUDFLARE, BEHIND_CDN
    ),
    "nginx that ends TLS and says no scheme": SetUp(
        APPENDS,
        "127.0.0.1, which is trusted, sent no X-Forwarded-Proto: .*redirect.*loop.*"
        "TRUST_PROXY_SCHEME = 'https'",
    ),
    "the same with TRUST_PROXY_SCHEME": SetUp(
        APPENDS, settings={"TRUST_PROXY_SCHEME": "https"}
    ),
    "only Forwarded": only("Forwarded", '"for=$remote_addr;proto=$scheme"'),
    "only X-Real-IP": only("X-Real-IP"),
    "only CF-Connecting-IP": only("CF-Connecting-IP"),
    "only DO-Connecting-IP": only("DO-Connecting-IP"),
    "only X-Forwarded-Ssl": only("X-Forwarded-Ssl", "on"),
    "a forger's X-Forwarded-Host": SetUp(
        f"{APPENDS} {SCHEME}",
        "X-Forwarded-Host: 'forged.example.com' was removed.*or a client.*"
        "If a client can write it, leave it out",
        (*DIRECT, "X-Forwarded-Host: forged.example.com"),
    ),
    "a platform that repeats the host and the port": SetUp(
        f"{APPENDS} {SCHEME} proxy_set_header X-Forwarded-Host $host; "
        "proxy_set_header X-Forwarded-Port 443;"
    ),
    **{
        f"{name} in the environment": SetUp(
            f"{APPENDS} {SCHEME}",
            f"{name} in the environment is no setting.*Did you mean {meant}.*",
            settings={name: "1"},
        )
        for name, meant in [
            ("TRUST_PROXIES", "TRUST_PROXY"),
            ("TRUST_PROXY_HEADER", "TRUST_PROXY_HEADERS"),
            ("TRUST_PROXY_MAX_HOP", "TRUST_PROXY_MAX_HOPS"),
        ]
    },
}


@pytest.mark.parametrize("name", SET_UPS)
def test_a_wrong_set_up_leaves_one_line_with_the_cause_and_the_fix(name: str) -> None:
    set_up = SET_UPS[name]
    with fresh() as stack:
        app = stack.app(set_up.settings)
        proxy = stack.proxy(NGINX_DEBIAN, PAGE.format(lines=set_up.lines), app.endpoint)
        for _ in range(3):
            assert ask(proxy.https, *set_up.sent).status == 200
        lines = [
            line
            for line in app.process.output.splitlines()
            if said_by_the_package([line]) != []
        ]
    assert len(lines) == (1 if set_up.line else 0), lines
    assert re.fullmatch(set_up.line, "".join(lines))
