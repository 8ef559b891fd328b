from flask import Flask
from flask_sock import Server, Sock

from flask_trustproxy import TrustProxy, request

app = Flask(__name__)
sock = Sock(app)
TrustProxy(app)


@sock.route("/whoami")
def whoami(ws: Server) -> None:
    ws.send(f"{request.remote_addr} {request.scheme}")
