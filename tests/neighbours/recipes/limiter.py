from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from flask_trustproxy import TrustProxy

app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
TrustProxy(app)


@app.get("/")
@limiter.limit("2 per hour")
def index() -> str:
    return "ok"
