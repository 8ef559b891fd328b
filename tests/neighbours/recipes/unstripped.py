from flask import Flask, url_for

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.config["TRUST_PROXY_HEADERS"] = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix"
inside = app.wsgi_app


def without_prefix(environ, start_response):
    """Take the prefix off the path, since the proxy does not."""
    prefix, path = environ["SCRIPT_NAME"], environ["PATH_INFO"]
    if prefix and f"{path}/".startswith(f"{prefix}/"):
        environ["PATH_INFO"] = path[len(prefix) :]
    return inside(environ, start_response)


app.wsgi_app = without_prefix
TrustProxy(app)


@app.get("/")
@app.get("/page/")
def page() -> str:
    return url_for("page", _external=True)
