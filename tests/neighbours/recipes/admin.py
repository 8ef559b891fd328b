from flask import Flask
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.helpers import get_redirect_target
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from flask_trustproxy import TrustProxy


class Index(AdminIndexView):
    @expose("/done")
    def done(self) -> Response:
        return redirect(get_redirect_target() or self.get_url(".index", _external=True))


app = Flask(__name__)
# What the nginx page of Flask's documentation has nginx write.
app.config["TRUST_PROXY_HEADERS"] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
]
app.config["TRUSTED_HOSTS"] = ["www.example.com"]
Admin(app, index_view=Index())
TrustProxy(app)
