from dash_app import server

from flask_trustproxy import TrustProxy

TrustProxy(server)
