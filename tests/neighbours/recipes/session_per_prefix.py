from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface

from flask_trustproxy import TrustProxy


class SessionPerPrefix(SecureCookieSessionInterface):
    """A session for each prefix under which the app is."""

    def get_cookie_path(self, app: Flask) -> str:
        return request.script_root or "/"


app = Flask(__name__)
app.secret_key = "change me"
app.session_interface = SessionPerPrefix()
app.config["TRUST_PROXY_HEADERS"] = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix"
TrustProxy(app)


@app.get("/")
def index() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])
