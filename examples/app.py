"""The everyday use: an app whose request knows its client.

``flask --app examples/app.py run`` serves it. The environment variable
``TRUST_PROXY`` says whom it trusts; the default is ``loopback``.
"""

from __future__ import annotations

from flask import Flask, url_for

from flask_trustproxy import TrustProxy, request

app = Flask(__name__)
TrustProxy(app)


@app.get("/")
def index() -> dict[str, object]:
    return {
        "ip": request.client_ip,
        "ips": request.client_ips,
        "secure": request.is_secure,
    }


# Asked for as /d, Flask redirects here, by a URL that it builds itself.
@app.get("/d/")
def directory() -> dict[str, str]:
    return {"index": url_for("index", _external=True)}
