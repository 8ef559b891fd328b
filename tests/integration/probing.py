"""Ways to an application that are probed: proxies, and the files that they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from flask_trustproxy.probe.client import probe
from flask_trustproxy.probe.report import Report
from flask_trustproxy.probe.wire import parse_target

from .client import HOST, Endpoint
from .proxies import Family
from .servers import GUNICORN, Server
from .stack import DEPLOY, Proxy, Stack
from .test_forgeable import STOCK

KEY = "a key of these tests, of 32 characters and more"
HERE, INNER, EDGE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
DEFAULT_HEADERS = "X-Forwarded-For, X-Forwarded-Proto"

NGINX_BARE = (STOCK / "nginx.conf").read_text()
NGINX_PARAMS = (STOCK / "nginx_proxy_params.conf").read_text()
NGINX_TCP = (DEPLOY / "nginx" / "tcp.conf").read_text()
NGINX_TLS = (DEPLOY / "nginx" / "tls.conf").read_text()
NGINX_UNIX = (DEPLOY / "nginx" / "unix.conf").read_text()
NGINX_INNER = (DEPLOY / "nginx" / "behind_another.conf").read_text()
APACHE_DOCUMENTED = (DEPLOY / "apache" / "app.conf").read_text()
HAPROXY_STOCK = (STOCK / "haproxy_forwardfor.cfg").read_text()
HAPROXY_DOCUMENTED = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
CADDY_STOCK = (STOCK / "Caddyfile").read_text()

# What the page of Apache in many guides shows, with the line that it forgets: a client that
# names X-Forwarded-Proto in Connection has it removed again.
APACHE_SET = """
ProxyPass / http://127.0.0.1:8000/
ProxyPreserveHost On
RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}
<VirtualHost *:80>
    ServerName www.example.com
</VirtualHost>
<VirtualHost *:443>
    ServerName www.example.com
    SSLEngine On
    SSLCertificateFile /etc/ssl/private/www.example.com.pem
    SSLCertificateKeyFile /etc/ssl/private/www.example.com.pem
</VirtualHost>
"""
APACHE_HTTP = "ProxyPreserveHost On\n" + (STOCK / "apache.conf").read_text()
# Its `proxy_bind`: an address of its own, so that the prober is none of the proxies.
CADDY_BOUND = CADDY_STOCK.replace(
    "reverse_proxy 127.0.0.1:8000",
    """reverse_proxy 127.0.0.1:8000 {
        transport http {
            local_address 127.0.0.2
        }
    }""",
)


@dataclass(frozen=True)
class Way:
    """The proxies in front of the application, with their files."""

    family: Family
    text: str
    at: str = "127.0.0.1"
    scheme: str = "http"
    edge: Optional[Family] = None
    edge_text: str = ""

    server: Server = GUNICORN
    # The address from which the proxy speaks to the application, "" for any.
    bound: str = INNER

    def start(self, stack: Stack, settings: Mapping[str, str]) -> Proxy:
        """The outermost proxy, with these settings in the application."""
        settings = {"TRUST_PROXY_PROBE_KEY": KEY, **settings}
        app = stack.app(settings, at=self.at, server=self.server)
        source = self.bound if self.at != "unix" else ""
        text = self.text.replace("192.0.2.10", EDGE)
        proxy = stack.proxy(self.family, text, app.endpoint, source=source)
        if self.edge is not None:
            proxy = stack.proxy(self.edge, self.edge_text, proxy.http, source=EDGE)
        return proxy

    def front(self, stack: Stack, settings: Mapping[str, str]) -> Endpoint:
        """Where clients reach it, with these settings in the application."""
        front: Endpoint = getattr(self.start(stack, settings), self.scheme)
        return front

    def probe(
        self,
        stack: Stack,
        settings: Mapping[str, str],
        path: str = "/",
        source: str = "",
        over_http: bool = False,
    ) -> Report:
        """Probe it, from an address of this machine, and over http as well."""
        proxy = self.start(stack, settings)
        front = getattr(proxy, self.scheme)
        url = f"{self.scheme}://{HOST}{path}"
        target = parse_target(url, str(front), insecure=True, source=source)
        port = proxy.http.port if over_http else None
        return probe(target, KEY.encode(), lambda number, total, title: None, port)
