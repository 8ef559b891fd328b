"""The WSGI servers: how each is told to serve the application at an address."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .client import CLIENT, Endpoint, Unix, ask
from .process import installed

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Server:
    """One family of WSGI servers.

    `binary` says where the program is, or None; `install` how to get it; `command` makes
    its command line for an address. It is ready when `ready` raises no OSError.
    """

    name: str
    binary: Callable[[], Optional[str]]
    install: str
    command: Callable[[str, Endpoint], list[str]]
    ready: Callable[[Endpoint], object] = ask


def _gunicorn(name: str, options: str) -> Server:
    # Apache's children are another user than gunicorn: any may use the socket.
    words = f"--umask 0 --access-logfile - --pythonpath {HERE} {options} app:app".split()
    return Server(
        name,
        installed("gunicorn"),
        "pip install gunicorn",
        lambda program, at: [program, "--bind", str(at), *words],
    )


GUNICORN = _gunicorn("gunicorn", "")

# The least that a server does for us, as many are by default: X_Forwarded_For counts as
# X-Forwarded-For, and no header is taken for an answer of the server's own.
CARELESS = _gunicorn(
    "gunicorn that folds names",
    "--header-map dangerous --forwarded-allow-ips 192.0.2.1",
)


def _uwsgi(program: str, at: Endpoint) -> list[str]:
    options = "--master --die-on-term --need-app --chmod-socket=666 --module app:app"
    where = f"--virtualenv {sys.prefix} --pythonpath {HERE}"
    socket = str(at.path) if isinstance(at, Unix) else str(at)
    return [program, *options.split(), *where.split(), "--socket", socket]


def _accepts(at: Endpoint) -> None:
    with at.connect(CLIENT, None):
        pass


#: How to get it. It has no wheels for Python 3.15, and it compiles long.
PYUWSGI = f"{'' if sys.version_info < (3, 15) else 'Python 3.14, '}pip install pyuwsgi"

# It speaks its own protocol, to nginx alone.
UWSGI = Server("uWSGI", installed("uwsgi"), PYUWSGI, _uwsgi, ready=_accepts)
