from flask import Flask
from flask_socketio import SocketIO, emit

from flask_trustproxy import TrustProxy, request

app = Flask(__name__)
socketio = SocketIO(app, async_mode="threading")
TrustProxy(app)  # after SocketIO, so that it is asked first


@socketio.on("whoami")
def whoami() -> None:
    emit("you", {"ip": request.remote_addr, "secure": request.is_secure})
