"""The app of soak.py: it answers what it believes, while its settings are replaced.

``gunicorn 'soak_app:make_app()'`` serves it.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from itertools import count
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Any

from flask import Flask, session

from flask_trustproxy import ProxiedRequest, TrustProxy, request
from flask_trustproxy.core.environ import resolution_of
from flask_trustproxy.core.policy import Policy
from flask_trustproxy.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication

#: nginx as the app sees it, and the proxy in front of nginx.
PROXY, OUTER = "127.0.0.2", "127.0.0.10"

#: How long settings stay, in seconds.
STAY = 0.005


def _phase(
    trust: object,
    *headers: str,
    max_hops: int = 16,
    clean: bool = True,
    required: bool = False,
) -> dict[str, Any]:
    return {
        "TRUST_PROXY": trust,
        "TRUST_PROXY_HEADERS": list(headers),
        "TRUST_PROXY_MAX_HOPS": max_hops,
        "TRUST_PROXY_CLEAN_HEADERS": clean,
        "TRUST_PROXY_REQUIRED": required,
    }


#: The settings that fit the proxies: with these the client is known.
RIGHT = (
    _phase([PROXY, OUTER], "X-Forwarded-For", "X-Forwarded-Proto"),
    _phase([PROXY, OUTER], "X-Forwarded-Proto", "X-Forwarded-For", required=True),
    _phase(
        [PROXY, OUTER, *(f"10.0.{2 * number}.0/24" for number in range(99))],
        "X-Forwarded-For",
        "X-Forwarded-Proto",
    ),
    _phase(
        lambda address, hop: address in (PROXY, OUTER), "X-Forwarded-For", "X-Forwarded-Proto"
    ),
)

#: These do not: much that is forged is believed, but always the same.
WRONG = (
    _phase(False, "X-Forwarded-For"),
    _phase(True, "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port"),
    _phase(2, "X-Forwarded-For", "X-Forwarded-Proto", max_hops=2),
    _phase([PROXY], "Forwarded", "X-Forwarded-Prefix", clean=False),
    _phase([PROXY, OUTER], "X-Real-IP", "X-Forwarded-Ssl"),
)

#: In this order, so that neighbours have little in common. No two of them share an object
#: as TRUST_PROXY or as TRUST_PROXY_HEADERS, so that halves of two are no third.
PHASES = tuple(phase for pair in zip(WRONG, (*RIGHT, RIGHT[0])) for phase in pair)[:-1]


#: The name of a header that nobody sends ends in the number of the replacement.
MARK = "X-Replacement-"


def settings_of(number: int) -> dict[str, object]:
    """The settings of a replacement, which name a header with its number."""
    phase = PHASES[number % len(PHASES)]
    headers: list[str] = phase["TRUST_PROXY_HEADERS"]
    kind = "port" if "X-Forwarded-Prefix" in headers else "prefix"
    return {**phase, "TRUST_PROXY_HEADERS": [*headers, f"{MARK}{number}={kind}"]}


def _summary(policy: Policy) -> tuple[object, ...]:
    trust, named = policy.trust, [header.name for header in policy.headers.named]
    unmarked = [name for name in named if not name.startswith(MARK)]
    how = policy.max_hops, policy.clean_headers
    return trust.kind, trust.count, trust.elements, unmarked, *how


#: What each phase is compiled to.
_SUMMARIES = [_summary(read_settings(phase, {}).policy) for phase in PHASES]


def judged_by(policy: Policy) -> int:
    """The number of the replacement that was compiled to this policy; -1 for none."""
    (mark,) = (header.name for header in policy.headers.values if header.name.startswith(MARK))
    number = int(mark[len(MARK) :])
    return number if _summary(policy) == _SUMMARIES[number % len(PHASES)] else -1


def believed(request: ProxiedRequest) -> dict[str, Any]:
    """What a request says that a header could have changed."""
    environ = request.environ
    resolution = resolution_of(environ)
    assert resolution is not None
    kept = ("REMOTE_ADDR", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme")
    return {
        "client_ip": request.client_ip,
        "client_ips": request.client_ips,
        "remote_addr": request.remote_addr,
        "access_route": list(request.access_route),
        "url": request.url,
        "nodes": list(resolution.nodes),
        "stopped": resolution.stopped,
        "believed": dict(resolution.believed),
        "environ": {
            key: environ[key]
            for key in environ
            if key in kept or (key.startswith("HTTP_") and key != "HTTP_CONNECTION")
        },
    }


class Telling:
    """Tells by which settings each answer was judged, from outside of TrustProxy.

    ``X-Judged`` holds the number of their replacement, the newest one that an answer was
    judged by before the request came, how many were begun when it was answered, and the
    process. While one thread compiles new settings, the others go on with the old ones. So
    an answer may be behind, but never behind an earlier answer.
    """

    def __init__(self, app: Flask) -> None:
        self.app: WSGIApplication = app.wsgi_app
        self._config = app.config
        self._begun = self._newest = 0

    def replace(self) -> None:
        """Replace the settings again and again, all of them at once."""
        for number in count(1):
            sleep(STAY)
            self._begun = number
            # One call that runs no Python code, so no other thread sees a half.
            self._config.update(settings_of(number))

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        newest = self._newest

        def tell(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            resolution = resolution_of(environ)
            number = -1 if resolution is None else judged_by(resolution.policy)
            self._newest = max(self._newest, number)
            told = f"{number} {newest} {self._begun} {os.getpid()}"
            return start_response(status, [*headers, ("X-Judged", told)], exc_info)

        return self.app(environ, tell)


def make_app() -> Flask:
    """Make the app, and begin to replace its settings."""
    sys.setswitchinterval(1e-5)  # threads take turns in the middle of everything
    logging.basicConfig(format="%(process)d %(levelname)s %(name)s: %(message)s")
    app = Flask("soak")
    app.secret_key = "a secret of this benchmark"
    app.config.update(settings_of(0))
    TrustProxy(app)
    telling = Telling(app)
    app.wsgi_app = telling

    @app.before_request
    def set_cookie() -> None:
        session["user"] = "alice"

    @app.get("/")
    def index() -> dict[str, Any]:
        return believed(request)

    @app.get("/slow")
    def slow() -> dict[str, Any]:
        sleep(4 * STAY)  # other requests are judged meanwhile, by other settings
        return believed(request)

    @app.get("/raise")
    def fail() -> None:
        raise RuntimeError("as it was asked to")

    @app.get("/memory")
    def memory() -> dict[str, int]:
        # With the same settings in force as ever, since some take more than others.
        while judged_by(app.extensions["trustproxy"].settings.policy) % len(PHASES) != 0:
            sleep(STAY / 5)
        gc.collect()
        return {"pid": os.getpid(), "blocks": sys.getallocatedblocks()}

    @app.errorhandler(500)
    def failed(error: Exception) -> tuple[dict[str, Any], int]:
        return believed(request), 500

    Thread(target=telling.replace, daemon=True).start()
    return app
