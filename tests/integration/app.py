"""The application behind every proxy of these tests: it answers what it believes.

Its settings come from the environment, as a deployment's do.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, session, url_for

from flask_trustproxy import TrustProxy, request

app = Flask(__name__)
app.secret_key = "a secret of these tests"
TrustProxy(app)


@app.get("/")
@app.get("/d/")  # and /d is redirected there, by its whole URL
def believed() -> dict[str, Any]:
    environ = request.environ
    return {
        "client_ip": request.client_ip,
        "client_ips": request.client_ips,
        "remote_addr": request.remote_addr,
        "access_route": list(request.access_route),
        "scheme": request.scheme,
        "is_secure": request.is_secure,
        "host": request.host,
        "url": request.url,
        "external": url_for("believed", _external=True),
        "headers": {
            key: value
            for key, value in environ.items()
            if key.startswith("HTTP_") and key != "HTTP_CONNECTION"
        },
        "original": environ.get("flask_trustproxy.original"),
    }


# A request to upgrade to WebSocket, which some proxies pass on, has routes of its own.
app.add_url_rule("/", "socket", believed, websocket=True)


@app.after_request
def not_for_the_next_client(response: Response) -> Response:
    response.cache_control.no_store = True  # some of the proxies are caches
    return response


@app.get("/sign-in")
def sign_in() -> str:
    session["user"] = "alice"
    return "signed in"
