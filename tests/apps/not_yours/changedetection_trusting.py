from changedetectionio import main
from flask_socketio import SocketIO

from flask_trustproxy import TrustProxy

run = SocketIO.run


def run_trusting(self, app, *args, **kwargs):
    TrustProxy(app)
    run(self, app, *args, **kwargs)


SocketIO.run = run_trusting

if __name__ == "__main__":
    main()
