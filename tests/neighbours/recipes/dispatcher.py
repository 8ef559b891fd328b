from flask import Flask, url_for
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_trustproxy import TrustProxy, TrustProxyMiddleware, request

front = Flask("front")
api = Flask("api")
for app in front, api:
    TrustProxy(app)

    @app.get("/")
    def index() -> dict[str, object]:
        return {"ip": request.client_ip, "url": url_for("index", _external=True)}


# What the WSGI server serves. It asks before the dispatcher adds /api to the
# path at which the apps are, and the two that are inside leave it at that.
application = TrustProxyMiddleware(
    DispatcherMiddleware(front, {"/api": api}),
    trust="10.0.0.2",
    headers="X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix",
)
