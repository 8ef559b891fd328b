"""The documented files for a proxy behind a CDN. The CDN is a real proxy that appends."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Union

from .cases import CASES, EVIL, Case
from .client import HOST
from .deployments import EDGE, HTTP, HTTPS, Deployment, Front
from .more_proxies import TRAEFIK
from .proxies import APACHE, CADDY, ENVOY, HAPROXY, NGINX, NGINX_DEBIAN, Family
from .stack import DEPLOY, Stack
from .stack import replace as replace_all

# The networks of the CDN, as `flask trust-proxy fetch` writes them, and one of its servers.
NETWORKS = "127.0.3.0/24\n2001:db8:3::/48\n"
CDN_HERE = "127.0.3.10"

# It appends to the list, as CDNs do, and knows the scheme of its client. It also passes on
# X_Forwarded_For, as some may.
CDN = """
server {
    listen 80;
    listen [::]:80;
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name www.example.com;
    underscores_in_headers on;
    ssl_certificate /etc/ssl/private/www.example.com.pem;
    ssl_certificate_key /etc/ssl/private/www.example.com.pem;
    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
"""

CDN_CASES = [
    *CASES,
    Case("a forged list that ends in the CDN", (f"X-Forwarded-For: {EVIL}, {CDN_HERE}",)),
]

PEM = "/etc/ssl/private/www.example.com.pem"

# The line of a file that takes the output of its command, if that has no file of its own.
EXAMPLE = '            - {address_prefix: "192.0.2.0", prefix_len: 24}'


@dataclass(frozen=True)
class BehindCdn(Deployment):
    """A documented file behind the CDN, and reached directly too.

    ``refused`` are the cases that the proxy answers by itself if they come directly.
    """

    @property
    def command(self) -> str:
        """The command in the file that prepares the networks; empty: there is none."""
        found = re.search(r"^#   \$ (.+)$", self.documented, re.M)
        return found[1] if found else ""

    @property
    def documented_hops(self) -> tuple[str, ...]:
        """The server of the CDN, as the page shows it."""
        return (EDGE,)

    @property
    def edge_here(self) -> str:
        """The server of the CDN, in a test."""
        return CDN_HERE

    def start(self, stack: Stack, documented: str) -> dict[str, Front]:
        """Start everything, with this text for the file."""
        folder = stack.folder(self.name)

        def here(text: str) -> str:
            return re.sub(
                r"/etc/(?:\w+/)?(cdn\.\w+|app\.yaml)", lambda it: str(folder / it[1]), text
            )

        settings = {name: here(value) for name, value in self.settings.items()}

        def write_once(name: str, text: str) -> None:
            # A file that is written again would be read again, by the app or the proxy.
            if not (folder / name).exists():
                (folder / name).write_text(text)

        write_once("cdn.txt", NETWORKS)
        app = stack.app(settings, server=self.server)
        here_too = {"http://127.0.0.1:8000": f"http://{app.endpoint}", PEM: str(stack.pem)}
        traefik = (DEPLOY / "traefik/app.yaml").read_text()
        write_once("app.yaml", replace_all(traefik, here_too))
        if self.command:
            command = ["sh", "-ec", here(self.command)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            if printed:
                assert self.documented.count(EXAMPLE) == 1
                documented = documented.replace(EXAMPLE, printed.rstrip("\n"))
        origin = stack.proxy(self.family, here(documented), app.endpoint)
        cdn = stack.proxy(NGINX, CDN, origin.http, source=CDN_HERE)
        nameless = self.nameless.replace("127.0.0.1:8000", str(app.endpoint))
        fronts = {name: Front(getattr(cdn, name), HOST, (CDN_HERE,)) for name in HTTP + HTTPS}
        return {**fronts, "directly": Front(origin.http, nameless)}

    def check(self, case: Case, front: Front) -> None:
        """Send the case; an AssertionError if the application believes an untruth."""
        own = {} if front.hops else self.refused
        Deployment.check(replace(self, refused=own), case, front)


# Other ports than 80 and 443. Caddy has one place for all its options.
_CADDY = replace(
    CADDY,
    main="behind_cdn.Caddyfile",
    command=CADDY.command.replace("/Caddyfile", "/behind_cdn.Caddyfile"),
    replaced={
        "{\n\tservers {": "{\n\tadmin off\n\tpersist_config off\n\thttp_port @http@\n"
        "\thttps_port @https@\n\tdefault_bind 127.0.0.1 [::1]\n\tservers {"
    },
)
_TRAEFIK = replace(
    TRAEFIK,
    main="behind_cdn.sh",
    command="sh @folder@/behind_cdn.sh",
    replaced={
        "exec traefik": "exec @binary@",
        "address=:80": "address=127.0.0.1:@http@",
        "address=:443": "address=127.0.0.1:@https@",
    },
)
_FRONTS = (*HTTP, *HTTPS, "directly")


def _behind(
    family: Family,
    file: str,
    nameless: str = HOST,
    refused: Mapping[str, Union[int, type[OSError]]] = {},
) -> BehindCdn:
    name = f"CDN -> {family.name}"
    return BehindCdn(name, family, file, _FRONTS, nameless=nameless, refused=refused)


BEHIND_CDN = [
    _behind(NGINX, "nginx/behind_cdn.conf"),
    _behind(NGINX_DEBIAN, "nginx/behind_cdn.conf"),
    _behind(APACHE, "apache/behind_cdn.conf"),
    _behind(HAPROXY, "haproxy/behind_cdn.cfg", nameless="127.0.0.1"),
    _behind(_CADDY, "caddy/behind_cdn.Caddyfile", nameless="127.0.0.1:8000"),
    _behind(
        ENVOY,
        "envoy/behind_cdn.yaml",
        refused={
            "a Connection header that names them": 400,
            "a Connection header that names them in odd case": 400,
            "a Connection header that names Host": 400,
            "a WebSocket upgrade": 403,
            "HTTP/1.0": 426,
            "no Host": 426,
        },
    ),
]
BEHIND_CDN_MORE = [
    _behind(_TRAEFIK, "traefik/behind_cdn.sh", refused={"no Host": 404}),
]
