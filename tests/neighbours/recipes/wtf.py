from flask import Flask
from flask_wtf.csrf import CSRFProtect, generate_csrf

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.secret_key = "change me"
# What the nginx page of Flask's documentation has nginx write.
app.config["TRUST_PROXY_HEADERS"] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
]
app.config["TRUSTED_HOSTS"] = ["www.example.com"]
CSRFProtect(app)
TrustProxy(app)


@app.get("/token")
def token() -> str:
    return generate_csrf()


@app.post("/")
def post() -> str:
    return "posted"
