from flask import Flask
from flask_talisman import Talisman

from flask_trustproxy import TrustProxy

app = Flask(__name__)
Talisman(app)
TrustProxy(app)


@app.get("/")
def index() -> str:
    return "ok"
