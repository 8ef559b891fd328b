from flask import Flask

from flask_trustproxy import TrustProxy, get_client_ip

app = Flask(__name__)
app.config["TRUST_PROXY"] = "10.0.0.2"
TrustProxy(app)


@app.get("/")
def index() -> str:
    return str(get_client_ip())
