from flask import Flask
from flask_behind_proxy import FlaskBehindProxy

app = Flask(__name__)
FlaskBehindProxy(app)
