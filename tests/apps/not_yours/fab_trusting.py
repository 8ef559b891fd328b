from fab_app import app

from flask_trustproxy import TrustProxy

TrustProxy(app)
