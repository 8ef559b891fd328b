from flask import Flask
from flask_debugtoolbar import DebugToolbarExtension

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.secret_key = "change me"
app.debug = True
DebugToolbarExtension(app)
app.config["DEBUG_TB_PANELS"] += ("flask_trustproxy.debugtoolbar.TrustProxyPanel",)
TrustProxy(app)


@app.get("/")
def index() -> str:
    return "<html><body>ok</body></html>"
