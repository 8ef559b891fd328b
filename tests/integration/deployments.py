"""The deployments that the documentation shows, and what is special about each."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Union

import pytest

from .cases import CASES, Case, asked, truth
from .client import HOST, Endpoint
from .proxies import APACHE, CADDY, ENVOY, HAPROXY, NGINX, NGINX_DEBIAN, Family
from .servers import CARELESS, UWSGI, Server
from .stack import DEPLOY, Stack, replace

# The proxy in front, as the files of an inner one name it, and as it is in a test.
EDGE, EDGE_HERE, INNER_HERE = "192.0.2.10", "127.0.0.1", "127.0.0.2"


@dataclass(frozen=True)
class Front:
    """An address that clients reach, and the proxies behind it but for the last.

    `nameless` is the host that the application sees where the client named none.
    """

    at: Endpoint
    nameless: str
    hops: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """A proxy with its documented file, before an application with the settings in it.

    `fronts` are where clients reach it; `refused` are the cases that it answers by
    itself, with a status or with no TLS; `nameless` is the host where none was named, in
    the words of the file.
    """

    name: str
    family: Family
    file: str
    fronts: tuple[str, ...]
    at: str = "127.0.0.1"
    server: Server = CARELESS
    refused: Mapping[str, Union[int, type[OSError]]] = field(default_factory=dict, hash=False)
    nameless: str = HOST
    edge: Optional[Deployment] = None

    @property
    def documented(self) -> str:
        """The file as readers copy it."""
        return (DEPLOY / self.file).read_text()

    @property
    def settings(self) -> dict[str, str]:
        """What the file says that the application is to set."""
        return dict(re.findall(r'(TRUST_PROXY\w*) = "(.*?)"', self.documented))

    @property
    def documented_hops(self) -> tuple[str, ...]:
        """The proxies in front of this one, as the page shows them."""
        return () if self.edge is None else (EDGE,)

    @property
    def edge_here(self) -> str:
        """The address of the proxy in front, in a test."""
        return EDGE_HERE

    def start(self, stack: Stack, documented: str) -> dict[str, Front]:
        """Start everything, with this text for the file."""
        if self.edge is None:
            app = stack.app(self.settings, at=self.at, server=self.server)
            proxy = stack.proxy(self.family, documented, app.endpoint)
            nameless = self.nameless.replace("127.0.0.1:8000", str(app.endpoint))
            return {name: Front(getattr(proxy, name), nameless) for name in self.fronts}
        here = {EDGE_HERE: INNER_HERE, EDGE: EDGE_HERE}
        settings = {name: replace(value, here) for name, value in self.settings.items()}
        app = stack.app(settings, server=self.server)
        inner = stack.proxy(
            self.family, documented.replace(EDGE, EDGE_HERE), app.endpoint, source=INNER_HERE
        )
        edge = stack.proxy(self.edge.family, self.edge.documented, inner.http)
        fronts = {
            name: Front(getattr(edge, name), self.nameless, (EDGE_HERE,))
            for name in self.edge.fronts
        }
        return {**fronts, "past the edge": Front(inner.http, self.nameless)}

    def check(self, case: Case, front: Front) -> None:
        """Send the case; an AssertionError where the application believes an untruth."""
        past_the_edge = self.edge is not None and not front.hops
        refused = None if past_the_edge else self.refused.get(case.sentence)
        if isinstance(refused, type):
            with pytest.raises(refused):
                asked(case, front.at)
            return
        answer = asked(case, front.at)
        if refused is not None:
            assert answer.status == refused
            return
        believed = answer.believed
        del believed["headers"], believed["original"]
        assert believed == self._truth(case, front)

    def _truth(self, case: Case, front: Front) -> dict[str, Any]:
        true = truth(front.at, front.hops, case.host or front.nameless)
        if self.settings["TRUST_PROXY"] == "false":
            true["client_ips"] = []
        return true


def _behind(edge: Deployment, nginx: Family) -> Deployment:
    return Deployment(
        f"{edge.name} -> {nginx.name}",
        nginx,
        "nginx/behind_another.conf",
        (*edge.fronts, "past the edge"),
        refused=edge.refused,
        edge=edge,
    )


IPV4 = ("http", "https")
HTTP = ("http", "http_ipv6")
HTTPS = ("https", "https_ipv6")

_HAPROXY = Deployment(
    "HAProxy",
    HAPROXY,
    "haproxy/haproxy.cfg",
    HTTP + HTTPS,
    # It sends no Host either, and the server's own name stands in.
    nameless="127.0.0.1",
)
_APACHE = Deployment("Apache", APACHE, "apache/app.conf", HTTP + HTTPS)
_CADDY = Deployment(
    "Caddy",
    CADDY,
    "caddy/Caddyfile",
    HTTPS,
    # It has no certificate for a client that names no host.
    refused={"no Host": ssl.SSLError},
)
_ENVOY = Deployment(
    "Envoy",
    ENVOY,
    "envoy/envoy.yaml",
    # To Envoy, ::1 is the machine itself, and it writes the machine's own address.
    IPV4,
    refused={
        "a Connection header that names them": 400,
        "a Connection header that names them in odd case": 400,
        "a Connection header that names Host": 400,
        "a WebSocket upgrade": 403,
        "HTTP/1.0": 426,
        "no Host": 426,
    },
)


def _nginx(nginx: Family) -> list[Deployment]:
    tls = Deployment(f"{nginx.name}, TLS", nginx, "nginx/tls.conf", HTTPS)
    return [
        Deployment(nginx.name, nginx, "nginx/tcp.conf", HTTP),
        Deployment(f"{nginx.name}, unix", nginx, "nginx/unix.conf", HTTP, at="unix"),
        tls,
        *(_behind(edge, nginx) for edge in (tls, _HAPROXY, _APACHE, _CADDY)),
    ]


DEPLOYMENTS = [
    *_nginx(NGINX),
    *_nginx(NGINX_DEBIAN),
    Deployment(
        "nginx, uwsgi_pass",
        NGINX_DEBIAN,
        "nginx/uwsgi.conf",
        HTTP + HTTPS,
        at="unix",
        server=UWSGI,
    ),
    _APACHE,
    _HAPROXY,
    _CADDY,
    _ENVOY,
]


def cases(deployments: Sequence[Deployment]) -> list[Any]:
    """Every case at every front of these deployments: rows for a test."""
    return [
        pytest.param(deployment, front, case, id=f"{deployment.name}, {front}: {case.sentence}")
        for deployment in deployments
        for front in deployment.fronts
        for case in CASES
    ]
