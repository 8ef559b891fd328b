from elasticapm.contrib.flask import ElasticAPM
from flask import Flask

from flask_trustproxy import TrustProxy

app = Flask(__name__)
apm = ElasticAPM(app)  # configured in the environment
TrustProxy(app)


@app.get("/")
def index() -> str:
    return "ok"
