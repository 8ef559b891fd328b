from flask import Flask

from flask_trustproxy import TrustProxy, request

app = Flask(__name__)
TrustProxy(app)


@app.get("/")
@app.get("/healthz")
def index() -> dict[str, object]:
    return {"ip": request.client_ip, "user": request.headers.get("X-Forwarded-User")}
