from flask import Flask

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.config["TRUST_PROXY"] = "10.0.0.2"
app.config["TRUST_PROXY_HEADERS"] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
]
app.config["TRUSTED_HOSTS"] = ["www.example.com"]
TrustProxy(app)
