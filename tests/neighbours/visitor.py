"""A visitor, the proxy before the app, and the recipe that is visited.

The visitors of one app share no connection: each request is a WSGI environ as
a server makes it, with the proxy or the visitor as its peer.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import Client, TestResponse

RECIPES = Path(__file__).parent / "recipes"
MEND = re.compile(r"^ *TrustProxy\(app\).*\n", re.MULTILINE)

PROXY = "10.0.0.2"  # what TRUST_PROXY names in these tests
CLIENT = "203.0.113.9"
OTHER = "192.0.2.7"
FORGED = "198.51.100.66"  # what a visitor claims to be
HOST = "www.example.com"

#: What a client can send that somebody might believe.
FORGERY = {
    "X-Forwarded-For": FORGED,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Real-IP": FORGED,
    "X-Client-IP": FORGED,
    "Client-IP": FORGED,
    "Forwarded": f"for={FORGED};proto=https;host=evil.example",
}


class Visitor(Client):
    """Someone with cookies, who asks through the proxy or past it.

    :param application: the WSGI application behind the proxy.
    :param address: where the visitor is.
    :param headers: what the visitor sends with each request.
    :param scheme: how the proxy was asked, or the app itself.
    :param proxy: the proxy's address; ``None`` asks the app itself.
    :param proxy_headers: what the proxy writes beside X-Forwarded-For, to
        which it appends, and X-Forwarded-Proto, which it replaces.
    """

    def __init__(
        self,
        application: Any,
        address: str = CLIENT,
        *,
        headers: Any = (),
        scheme: str = "https",
        proxy: str | None = PROXY,
        proxy_headers: Any = (),
    ) -> None:
        super().__init__(application)
        self.address = address
        self.headers = headers
        self.scheme = scheme
        self.proxy = proxy
        self.proxy_headers = proxy_headers

    def open(self, path: str = "/", *, headers: Any = (), **kwargs: Any) -> TestResponse:
        sent = Headers(self.headers)
        sent.update(headers)
        scheme = self.scheme
        if self.proxy is not None:
            scheme = "http"  # from the proxy to the app
            entries = [*sent.getlist("X-Forwarded-For"), self.address]
            sent["X-Forwarded-For"] = ", ".join(entries)
            sent["X-Forwarded-Proto"] = self.scheme
            sent.update(self.proxy_headers)
        host = sent.pop("Host", HOST)
        return super().open(
            path,
            headers=sent,
            base_url=f"{scheme}://{host}",
            environ_overrides={"REMOTE_ADDR": self.proxy or self.address},
            **kwargs,
        )


def recipe(name: str, *, fixed: bool = True) -> Any:
    """Run a recipe as the documentation shows it, or without its TrustProxy."""
    path = RECIPES / f"{name}.py"
    source = path.read_text("utf-8")
    if not fixed:
        source, lines = MEND.subn("", source)
        assert lines == 1
    module = ModuleType(f"recipe_{name}")
    # Flask looks there for where the app is.
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(source, path, "exec"), vars(module))
    return module
