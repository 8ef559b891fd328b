"""Makes applications without a server, for `assert_unforgeable`.

Their packages are only in their own environments.
"""

from __future__ import annotations

import runpy
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace


def make_httpbin() -> object:
    from httpbin import app

    worker = SimpleNamespace(wsgi=app)
    hooks = runpy.run_path(str(Path(__file__).parent / "not_yours" / "gunicorn.conf.py"))
    hooks["post_worker_init"](worker)
    return worker.wsgi


def make_locust() -> object:
    from locust import events
    from locust.env import Environment

    for name in ("locustfile", "locust_trusting"):
        import_module(name)
    environment = Environment(events=events)
    ui = environment.create_web_ui("127.0.0.1", web_login=True, delayed_start=True)
    events.init.fire(environment=environment, runner=None, web_ui=ui)
    return ui.app


def make_calibre_web() -> object:
    import calibre_web_trusting
    import cps

    sys.argv += ["-p", str(Path("app.db").absolute())]
    cps.web_server.start = lambda: True
    with suppress(SystemExit):
        calibre_web_trusting.calibre_web.main()
    return cps.app


def make_pgadmin4() -> object:
    import pgadmin4

    sys.path.extend(pgadmin4.__path__)
    return import_module("pgadmin_trusting").app


def make_changedetection_io() -> object:
    from flask_socketio import SocketIO

    served: list[object] = []
    SocketIO.run = lambda self, app, *args, **kwargs: served.append(app)
    sys.argv += ["-d", str(Path("data").absolute()), "-C", "-P", "true"]
    with suppress(SystemExit):
        import_module("changedetection_trusting").main()
    return served[0]
