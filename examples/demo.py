"""An app behind a proxy: alone, with ProxyFix, and with TrustProxy.

``python examples/demo.py`` starts three apps on real sockets. Each is behind a small
proxy that appends its client's address to ``X-Forwarded-For``, as nginx's
``$proxy_add_x_forwarded_for`` does. An honest and a forged request go through
each. It exits with 1 if an app saw something else than the table promises.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from threading import Thread

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import make_server

from flask_trustproxy import TrustProxy

# The proxy's client. A proxy reads it off the connection; on this machine that
# would be 127.0.0.1 again, so this proxy writes an address from elsewhere.
CLIENT = "203.0.113.9"
FORGED = "198.51.100.66"


def app(name: str) -> Flask:
    """An app that answers with what it sees of the client."""
    flask = Flask(name)

    @flask.get("/")
    def index() -> dict[str, object]:
        return {
            "remote_addr": request.remote_addr,
            "access_route[0]": request.access_route[0],
            "is_secure": request.is_secure,
        }

    return flask


alone = app("Flask alone")

counting = app("ProxyFix")
counting.wsgi_app = ProxyFix(counting.wsgi_app)  # type: ignore[method-assign]  # Flask's own way

trusting = app("TrustProxy")
trusting.config["TRUST_PROXY"] = "127.0.0.1"  # the proxy
TrustProxy(trusting)


def fetch(port: int, headers: dict[str, str]) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers=headers)
        return connection.getresponse().read()
    finally:
        connection.close()


def proxy_to(port: int) -> HTTPServer:
    """A proxy that ends TLS for CLIENT and forwards requests to *port*."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came = self.headers.get_all("X-Forwarded-For", [])
            forwarded = ", ".join([*came, CLIENT])
            body = fetch(
                port,
                {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"},
            )
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Proxy)


@contextmanager
def running(server: HTTPServer) -> Generator[int, None, None]:
    """Serve in a thread; gives the port."""
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answers(app: Flask) -> list[dict[str, object]]:
    """The answers of *app*, behind a proxy, to an honest and a forged request."""
    requests: list[dict[str, str]] = [{}, {"X-Forwarded-For": FORGED}]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    with running(server) as port, running(proxy_to(port)) as proxy:
        return [json.loads(fetch(proxy, headers)) for headers in requests]


#: For each app and key, the values that are promised for the two requests.
PROMISED: list[tuple[Flask, dict[str, list[object]]]] = [
    (
        alone,
        {
            "remote_addr": ["127.0.0.1", "127.0.0.1"],
            "access_route[0]": [CLIENT, FORGED],
            "is_secure": [False, False],
        },
    ),
    (
        counting,
        {
            "remote_addr": [CLIENT, CLIENT],
            "access_route[0]": [CLIENT, FORGED],
            "is_secure": [True, True],
        },
    ),
    (
        trusting,
        {
            "remote_addr": [CLIENT, CLIENT],
            "access_route[0]": [CLIENT, CLIENT],
            "is_secure": [True, True],
        },
    ),
]


def main() -> int:
    # Werkzeug would log each request.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    print(f"A client at {CLIENT} speaks TLS to a proxy, the proxy HTTP to the app.")
    print(f"The forged request says X-Forwarded-For: {FORGED}. The app sees:\n")
    line = "{:12} {:16} {:15} {}".format
    print(line("", "", "honest request", "forged request"))
    kept = True
    for app, promised in PROMISED:
        seen = answers(app)
        for key, values in promised.items():
            believed = [answer[key] for answer in seen]
            kept = kept and believed == values
            print(line(app.name, key, *map(str, believed)))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
