"""A small application of one's own, with the limit on logins that the manual tells of."""

from pathlib import Path

from flask import Flask, request
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class

app = Flask(__name__)
app.config.update(
    SECRET_KEY="a secret of these tests",
    SQLALCHEMY_DATABASE_URI=f"sqlite:///{Path('app.db').absolute()}",
    RATELIMIT_ENABLED=True,
    AUTH_RATE_LIMITED=True,
    AUTH_RATE_LIMIT="3 per 5 minutes",
)
db = get_sqla_class()(app)
with app.app_context():
    AppBuilder(app, db.session)


@app.get("/whoami")
def whoami():
    return request.remote_addr
