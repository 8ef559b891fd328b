"""What an app behind a proxy believes, with TrustProxy and without.

``python examples/demo.py`` starts two apps on real sockets, each behind a small
proxy that appends its client's address to ``X-Forwarded-For``, as nginx's
``$proxy_add_x_forwarded_for`` does. An honest and a forged request go through
both. It exits with 1 where an app did not believe what is promised.
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
from werkzeug.serving import make_server

from app import app

# The proxy's client. A proxy reads it off the connection; on this machine that
# would be 127.0.0.1 again, so this proxy writes an address from elsewhere.
CLIENT = "203.0.113.9"
FORGED = "198.51.100.66"

# The proxy, and nobody else.
app.config["TRUST_PROXY"] = "127.0.0.1"

bare = Flask("bare")


@bare.get("/")
def index() -> dict[str, object]:
    return {
        "remote_addr": request.remote_addr,
        "leftmost": request.headers["X-Forwarded-For"].split(",")[0],
        "secure": request.is_secure,
    }


def fetch(port: int, headers: dict[str, str]) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers=headers)
        return connection.getresponse().read()
    finally:
        connection.close()


def proxy_to(port: int) -> HTTPServer:
    """A proxy that ends TLS for CLIENT and asks the app on *port*."""

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


def ask(app: Flask) -> list[dict[str, object]]:
    """What *app*, behind a proxy, believed of an honest and a forged request."""
    requests: list[dict[str, str]] = [{}, {"X-Forwarded-For": FORGED}]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    with running(server) as port, running(proxy_to(port)) as proxy:
        return [json.loads(fetch(proxy, headers)) for headers in requests]


def main() -> int:
    # Werkzeug would log each request.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    without, with_it = ask(bare), ask(app)

    # What is shown, where it is read, and what is promised for both requests.
    rows = [
        ("bare: request.remote_addr", without, "remote_addr", ["127.0.0.1"] * 2),
        ("bare: leftmost X-Forwarded-For", without, "leftmost", [CLIENT, FORGED]),
        ("bare: request.is_secure", without, "secure", [False, False]),
        ("TrustProxy: request.client_ip", with_it, "ip", [CLIENT, CLIENT]),
        ("TrustProxy: request.client_ips", with_it, "ips", [[CLIENT]] * 2),
        ("TrustProxy: request.is_secure", with_it, "secure", [True, True]),
    ]
    print(f"A client at {CLIENT} speaks TLS to a proxy, the proxy HTTP to the app.")
    print(f"The forged request says X-Forwarded-For: {FORGED}. The app believed:\n")
    line = "{:32} {:18} {}".format
    print(line("", "honest request", "forged request"))
    kept = True
    for label, answers, key, promised in rows:
        believed = [answer[key] for answer in answers]
        kept = kept and believed == promised
        print(line(label, *map(str, believed)))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
