import sentry_sdk
from flask import Flask

from flask_trustproxy import TrustProxy, TrustProxyMiddleware

sentry_sdk.init(data_collection={"user_info": True})  # the DSN is in the environment

app = Flask(__name__)
app.config["TRUST_PROXY"] = "10.0.0.2"
TrustProxy(app)

# What the WSGI server serves.
application = TrustProxyMiddleware(app, trust=app.config["TRUST_PROXY"])


@app.get("/")
def index() -> str:
    sentry_sdk.capture_message("seen")
    return "ok"
