import sentry_sdk
from flask import Flask

from flask_trustproxy import TrustProxy, get_client_ip

sentry_sdk.init(data_collection={"user_info": True})  # the DSN is in the environment

app = Flask(__name__)
TrustProxy(app)


@app.before_request
def tell_sentry() -> None:
    sentry_sdk.get_isolation_scope().set_user({"ip_address": get_client_ip()})


@app.get("/")
def index() -> str:
    sentry_sdk.capture_message("seen")
    return "ok"
