from authlib.integrations.flask_client import OAuth
from flask import Flask, url_for
from werkzeug.wrappers import Response

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.secret_key = "change me"
oauth = OAuth(app)
oauth.register(
    "provider",
    client_id="my-app",
    client_secret="change me",
    access_token_url="https://provider.example.com/token",
    authorize_url="https://provider.example.com/authorize",
)
TrustProxy(app)


@app.get("/login")
def login() -> Response:
    return oauth.provider.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback() -> dict[str, object]:
    return {"token": oauth.provider.authorize_access_token()["access_token"]}
