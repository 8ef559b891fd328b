from flask import Flask, abort, request

from flask_trustproxy import TrustProxy, get_resolution

app = Flask(__name__)
TrustProxy(app)


@app.get("/")
def index():
    if get_resolution().hops[0].address != "192.0.2.10":
        abort(403)
    return f"Hello, {request.headers['X-Forwarded-User']}!"
