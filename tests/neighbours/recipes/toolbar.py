from flask import Flask
from flask_debugtoolbar import DebugToolbarExtension

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.secret_key = "change me"
app.config["DEBUG_TB_ENABLED"] = True
app.config["DEBUG_TB_HOSTS"] = ["127.0.0.1"]
DebugToolbarExtension(app)
TrustProxy(app)


@app.get("/")
def index() -> str:
    return "<html><body>ok</body></html>"
