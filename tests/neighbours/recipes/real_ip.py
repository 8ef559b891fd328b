from flask import Flask, request

from flask_trustproxy import TrustProxy

app = Flask(__name__)
inside = app.wsgi_app


def with_real_ip(environ, start_response):
    environ["HTTP_X_REAL_IP"] = environ["REMOTE_ADDR"]
    return inside(environ, start_response)


app.wsgi_app = with_real_ip
TrustProxy(app)


@app.get("/")
def index() -> str:
    return request.headers["X-Real-IP"]
