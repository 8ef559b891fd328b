from asgiref.wsgi import WsgiToAsgi
from canaille.hypercorn.app import create_app

from flask_trustproxy import TrustProxy

flask_app = create_app(wrap_asgi=False)
TrustProxy(flask_app)
app = WsgiToAsgi(flask_app)
