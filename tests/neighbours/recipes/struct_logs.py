import structlog
from flask import Flask

from flask_trustproxy import TrustProxy, request

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.JSONRenderer(sort_keys=True),
    ]
)
log = structlog.get_logger()

app = Flask(__name__)
TrustProxy(app)


@app.before_request
def bind() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(client=request.remote_addr)


@app.get("/")
def index() -> str:
    log.warning("asked")
    return "ok"
