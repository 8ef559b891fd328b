"""A proxy that signs users in by a header, as the page on apps that are not yours has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from .on_pgadmin4 import APPLICATION, ENVIRON
from .sites import OWNER, THIEF, Site, running

SIGNED_IN = "proxy_set_header X-Forwarded-User alice@example.com;\n        "


@pytest.fixture(scope="module")
def pgadmin4(pem: Path, ours: str) -> Iterator[Site]:
    """pgAdmin 4 behind an nginx that says of every request that alice sent it."""
    environ = {
        **ENVIRON,
        "SINGLE_SIGN_ON": "yes",
        "TRUST_PROXY_IDENTITY_HEADERS": "X-Forwarded-User",
    }
    trusting = replace(APPLICATION.trusting, environ=environ)
    with running(replace(APPLICATION, trusting=trusting, nginx=SIGNED_IN), pem, ours) as site:
        yield site


def test_pgadmin4_believes_the_proxy(pgadmin4: Site) -> None:
    visitor = pgadmin4.visitor(OWNER)
    visitor.get("/login")
    assert visitor.get("/browser/").status_code == 200


def test_pgadmin4_does_not_believe_who_comes_directly(pgadmin4: Site) -> None:
    forged = {"X-Forwarded-User": "alice@example.com", "X-Forwarded-For": OWNER}
    visitor = pgadmin4.visitor(THIEF, forged, directly=True)
    visitor.get("/login")
    assert visitor.get("/browser/").status_code == 302
