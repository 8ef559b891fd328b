import logging

from flask import Flask, has_request_context
from pythonjsonlogger.json import JsonFormatter

from flask_trustproxy import TrustProxy, request


class WhoAsked(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        asked = has_request_context()
        record.client = request.remote_addr if asked else None
        record.url = request.url if asked else None
        return True


handler = logging.StreamHandler()
handler.addFilter(WhoAsked())
handler.setFormatter(JsonFormatter("{message}{client}{url}", style="{"))

app = Flask(__name__)
app.logger.addHandler(handler)
TrustProxy(app)


@app.get("/")
def index() -> str:
    app.logger.warning("asked")
    return "ok"
