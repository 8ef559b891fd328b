from pgAdmin4 import app

from flask_trustproxy import TrustProxy

TrustProxy(app, replace_proxy_fix=True)
