from flask import Flask
from flask_limiter import Limiter

from flask_trustproxy import TrustProxy, get_client_network

app = Flask(__name__)
limiter = Limiter(get_client_network, app=app, storage_uri="memory://")
TrustProxy(app)


@app.get("/")
@limiter.limit("2 per hour")
def index() -> str:
    return "ok"
