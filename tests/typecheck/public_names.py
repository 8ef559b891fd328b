"""What mypy and pyright take the public names for; checked by both, never run."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Optional

import flask
from flask import Flask
from markupsafe import Markup
from typing_extensions import assert_type
from werkzeug.datastructures import MultiDict

from flask_trustproxy import (
    Hop,
    Ignored,
    Policy,
    ProxiedRequest,
    Resolution,
    SettingError,
    TrustProxy,
    TrustProxyMiddleware,
    get_client_ip,
    get_client_ips,
    get_client_network,
    get_resolution,
    request,
)
from flask_trustproxy.core.environ import before_rewrite
from flask_trustproxy.report.explained import boxes
from flask_trustproxy.report.facts import HeaderFact, header_facts
from flask_trustproxy.report.picture import Box, picture
from flask_trustproxy.report.words import why_stopped

app = Flask(__name__)
assert_type(TrustProxy(app), TrustProxy)
assert_type(TrustProxy().init_app(app), None)


@app.get("/")
def index() -> dict[str, object]:
    # What the extension adds, and what is Flask's still.
    assert_type(request, ProxiedRequest)
    assert_type(request.client_ip, Optional[str])
    assert_type(request.client_ips, list[str])
    assert_type(request.args, MultiDict[str, str])

    assert_type(get_client_ip(), Optional[str])
    assert_type(get_client_ips(), list[str])
    assert_type(get_client_network(), str)
    assert_type(get_client_network(ipv4_prefix=24, ipv6_prefix=56), str)

    resolution = get_resolution()
    assert_type(resolution, Resolution)
    assert_type(resolution.client_ip, Optional[str])
    assert_type(resolution.client_ips, tuple[str, ...])
    assert_type(resolution.hops, list[Hop])
    assert_type(resolution.hops[0].index, int)
    assert_type(resolution.hops[0].address, Optional[str])
    assert_type(resolution.hops[0].trusted, bool)
    assert_type(resolution.rule(0), Optional[str])
    assert_type(resolution.trusted_hops, int)
    assert_type(resolution.scheme, str)
    assert_type(resolution.host, Optional[str])
    assert_type(resolution.port, Optional[int])
    assert_type(resolution.prefix, Optional[str])
    assert_type(resolution.ignored, tuple[Ignored, ...])
    assert_type(resolution.ignored[0].why, str)
    assert_type(resolution.policy, Policy)
    assert_type(resolution.policy.max_hops, int)

    # What a panel of somebody else asks.
    facts = list(header_facts(resolution, request.environ))
    assert_type(facts, list[HeaderFact])
    assert_type(facts[0].believed, Optional[str])
    assert_type(why_stopped(resolution), str)
    shown = boxes(resolution, before_rewrite(request.environ))
    assert_type(shown, list[Box])
    assert_type(picture(shown), Markup)

    # Flask's own name does not know it, and a slip is seen.
    flask.request.client_ip  # type: ignore[attr-defined]  # noqa: B018  # as said
    request.clinet_ip  # type: ignore[attr-defined]  # noqa: B018  # as said
    return {"ip": request.client_ip}


try:
    TrustProxy(app)
except SettingError as error:
    assert_type(error.setting, str)
    assert_type(error.origin, str)
    assert_type(error.value, object)
    assert_type(error.expected, str)


def is_mine(address: str, hop: int) -> bool:
    return hop == 0 and address == "192.0.2.10"


def trusting(trust: Iterable[object]) -> list[TrustProxyMiddleware]:
    """Any application, and each kind of trust."""
    kinds = [True, 2, "loopback", ["loopback", ip_network("10.0.0.0/8")], is_mine, *trust]
    return [TrustProxyMiddleware(app.wsgi_app, trust=kind) for kind in kinds]


assert_type(
    TrustProxyMiddleware(
        app.wsgi_app,
        "192.0.2.10",
        headers=["X-Forwarded-For"],
        max_hops=1,
        clean_headers=False,
        secure_cookies="all",
        required="/healthz",
    ),
    TrustProxyMiddleware,
)
