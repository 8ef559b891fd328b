"""An application below a prefix, told by the old header names that it reads by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from .on_calibreweb import APPLICATION
from .sites import OWNER, THIEF, Site, running

# The lines of its own manual, for a prefix.
NGINX = "".join(
    f"proxy_set_header {header};\n        "
    for header in ("X-Scheme $scheme", "X-Script-Name /books")
)
HEADERS = "X-Forwarded-For,X-Scheme,X-Script-Name"


@pytest.fixture(scope="module")
def calibre_web(pem: Path, ours: str) -> Iterator[Site]:
    """Calibre-Web below a prefix, with the headers named that its manual has nginx send."""
    environ = {**APPLICATION.trusting.environ, "TRUST_PROXY_HEADERS": HEADERS}
    trusting = replace(APPLICATION.trusting, environ=environ)
    with running(replace(APPLICATION, trusting=trusting, nginx=NGINX), pem, ours) as site:
        yield site


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({}, id="honest"),
        pytest.param({"X-Script-Name": "/evil", "X-Scheme": "http"}, id="the same names"),
        pytest.param({"X-Forwarded-Prefix": "/evil", "X-Forwarded-Proto": "http"}, id="others"),
    ],
)
def test_calibre_web_has_the_prefix_that_nginx_writes(
    calibre_web: Site, forged: dict[str, str]
) -> None:
    visitor = calibre_web.visitor(OWNER, forged)
    sent_to = visitor.get("/books/admin/view").headers["Location"]
    assert sent_to.partition("?")[0] == "/books/admin/dbconfig"
    page = visitor.get("/books/login")
    assert {"Path=/books", "Secure"} <= set(page.headers["Set-Cookie"].split("; "))
    assert '"/books/static/' in page.text
    assert "/evil" not in page.text


def test_calibre_web_takes_no_prefix_from_who_comes_directly(calibre_web: Site) -> None:
    visitor = calibre_web.visitor(THIEF, {"X-Script-Name": "/evil"}, directly=True)
    answer = visitor.get("/login")
    assert answer.status_code == 200
    assert "/evil" not in answer.text
    assert "Path=/" in answer.headers["Set-Cookie"].split("; ")
