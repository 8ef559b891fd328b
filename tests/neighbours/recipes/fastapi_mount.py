from a2wsgi import WSGIMiddleware
from fastapi import FastAPI
from flask import Flask, url_for

from flask_trustproxy import TrustProxy, request

app = Flask(__name__)
app.config["TRUST_PROXY_HEADERS"] = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix"
TrustProxy(app)


@app.get("/")
def index() -> dict[str, object]:
    return {"ip": request.client_ip, "url": url_for("index", _external=True)}


api = FastAPI()
# a2wsgi has types of its own for WSGI and ASGI.
api.mount("/shop", WSGIMiddleware(app))  # type: ignore[arg-type]
