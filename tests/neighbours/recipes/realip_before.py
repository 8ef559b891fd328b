from flask import Flask
from flask_realip import RealIP

app = Flask(__name__)
RealIP(app, trusted_proxies=["10.0.0.2"])
