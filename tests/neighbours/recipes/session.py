from cachelib import SimpleCache
from flask import Flask, session
from flask_session import Session

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.config["SESSION_TYPE"] = "cachelib"
app.config["SESSION_CACHELIB"] = SimpleCache()
Session(app)
TrustProxy(app)


@app.get("/")
def index() -> dict[str, int]:
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"]}
