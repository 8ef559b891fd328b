from flask import Flask

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.config["TRUST_PROXY"] = "10.0.0.2"
TrustProxy(app)
