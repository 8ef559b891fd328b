from flask import Flask
from opentelemetry.instrumentation.flask import FlaskInstrumentor

from flask_trustproxy import TrustProxy

app = Flask(__name__)
FlaskInstrumentor().instrument_app(app)
TrustProxy(app)  # after the instrumentation, so that its metrics agree


@app.get("/")
def index() -> str:
    return "ok"
