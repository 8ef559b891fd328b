from flask import Flask
from flask_dance.contrib.github import make_github_blueprint

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.secret_key = "change me"
github = make_github_blueprint(client_id="my-app", client_secret="change me")
app.register_blueprint(github, url_prefix="/login")
TrustProxy(app)
