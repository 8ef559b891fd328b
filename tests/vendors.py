"""A server on this machine that answers in the providers' formats.

The shapes are those of real answers. The addresses are nobody's.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional, Union
from urllib.parse import urlsplit

from flask_trustproxy.commands.providers import PROVIDERS

AMAZON = {
    "syncToken": "1700000000",
    "createDate": "2026-11-24-00-00-00",
    "prefixes": [
        {
            "ip_prefix": prefix,
            "region": region,
            "service": service,
            "network_border_group": region,
        }
        for prefix, region, service in (
            ("203.0.113.0/24", "us-east-1", "AMAZON"),
            ("203.0.113.0/25", "us-east-1", "EC2"),
            ("192.0.2.0/25", "GLOBAL", "CLOUDFRONT"),
            ("198.51.100.0/26", "us-east-1", "CLOUDFRONT_ORIGIN_FACING"),
            ("198.51.100.64/26", "GLOBAL", "CLOUDFRONT_ORIGIN_FACING"),
        )
    ],
    "ipv6_prefixes": [
        {
            "ipv6_prefix": prefix,
            "region": "GLOBAL",
            "service": service,
            "network_border_group": "GLOBAL",
        }
        for prefix, service in (
            ("2001:db8::/40", "AMAZON"),
            ("2001:db8:c0::/48", "CLOUDFRONT_ORIGIN_FACING"),
        )
    ],
}
GOOGLE = {
    "Status": 0,
    "TC": False,
    "RD": True,
    "RA": True,
    "AD": False,
    "CD": False,
    "Question": [{"name": "_cloud-eoips.googleusercontent.com.", "type": 16}],
    "Answer": [
        {
            "name": "_cloud-eoips.googleusercontent.com.",
            "type": 16,
            "TTL": 300,
            "data": "v=spf1 ip4:198.51.100.0/25 ip4:203.0.113.0/26 ip6:2001:db8:4::/48 ~all",
        }
    ],
    "Comment": "Response from 192.0.2.53.",
}
#: What each provider gives, one after the other for its URLs, and the networks in it.
RECORDED: dict[str, tuple[list[bytes], str]] = {
    "bunny": (
        # Lines end as on Windows.
        [b"192.0.2.10\r\n198.51.100.7\r\n", b"2001:db8:b::1\r\n2001:db8:b:0:1::2\r\n"],
        "192.0.2.10/32 198.51.100.7/32 2001:db8:b::1/128 2001:db8:b:0:1::2/128",
    ),
    "cloudflare": (
        # The last line does not end.
        [b"198.51.100.0/24\n203.0.113.128/25", b"2001:db8:1::/48\n2001:db8:2::/48"],
        "198.51.100.0/24 203.0.113.128/25 2001:db8:1::/48 2001:db8:2::/48",
    ),
    "cloudfront": (
        [json.dumps(AMAZON, indent=2).encode()],
        "198.51.100.0/26 198.51.100.64/26 2001:db8:c0::/48",
    ),
    "fastly": (
        [b'{"addresses":["203.0.113.0/24"],"ipv6_addresses":["2001:db8:3::/48"]}'],
        "203.0.113.0/24 2001:db8:3::/48",
    ),
    "gcore": (
        [b'{"addresses": ["192.0.2.19/32"], "addresses_v6": ["2001:db8:191:2801::8/128"]}'],
        "192.0.2.19/32 2001:db8:191:2801::8/128",
    ),
    "google": (
        [json.dumps(GOOGLE).encode()],
        "198.51.100.0/25 203.0.113.0/26 2001:db8:4::/48",
    ),
}
#: An answer: a body with status 200, or what a handler of the request does itself.
Answer = Union[bytes, Callable[[BaseHTTPRequestHandler], None]]


def content(networks: str) -> bytes:
    """The file with these networks."""
    return "".join(f"{network}\n" for network in networks.split()).encode()


class Vendors:
    """A server, and its answer for each path; 404 for any other.

    :param url: where it is, without a slash at the end.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        for name, (bodies, _) in RECORDED.items():
            self.answers.update(zip(self.paths(name), bodies))

    def paths(self, provider: str) -> list[str]:
        """The paths of a provider's URLs."""
        split = map(urlsplit, PROVIDERS[provider].urls)
        return [f"{url.path}?{url.query}".rstrip("?") for url in split]

    def urls(self, provider: str) -> list[str]:
        """The options that let a provider's lists be asked for here."""
        return [
            word for path in self.paths(provider) for word in ("--url", f"{self.url}{path}")
        ]


@contextmanager
def serve(context: Optional[ssl.SSLContext] = None) -> Iterator[Vendors]:
    """Answer on a port of 127.0.0.1, over TLS with a *context*."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            vendors.asked.append(self.path)
            answer = vendors.answers.get(self.path, not_found)
            if callable(answer):
                answer(self)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            pass  # a client that went away

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        # The handshake is in the thread of its request, which survives a client that goes away.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if context is None else "https"
    vendors = Vendors(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield vendors
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def status(code: int, **headers: str) -> Answer:
    """An answer with this status and a page of HTML."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if code >= 300:
            handler.wfile.write(b"<!doctype html><title>Not this</title>")

    return answer


not_found = status(404)
