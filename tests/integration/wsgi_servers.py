"""The WSGI servers, each as its example starts it, and what is special about each."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Optional

from . import wsgi_apache
from .client import Endpoint, Unix, ask
from .process import installed
from .servers import HERE, PYUWSGI, Server
from .stack import replace as replace_words

EXAMPLES = HERE.parents[1] / "examples" / "servers"

# One socket that takes IPv4 clients for IPv6, as [::] does, and that stays on loopback.
DUAL = "::ffff:127.0.0.1"

# Where the programs of the examples are, and their app.
_ENVIRON = (
    f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}",
    f"PYTHONPATH={HERE}",
    "PYTHONUNBUFFERED=1",
)


@dataclass(frozen=True)
class WsgiServer(Server):
    """A WSGI server, and what it makes of a request before the application sees it.

    `places` are where it can listen. `mapped` is REMOTE_ADDR of 127.0.0.2 on a dual-stack
    socket, `unix` that of a unix-domain socket, None where it is missing. `joint` stands
    between the values of two lines, None where the last line wins. `twin` says what a line
    X_Forwarded_For after X-Forwarded-For does. `keeps_alive`: it takes a second request on
    a connection. `log`: whose address its access log shows, '' where it has none. `sizes`:
    how long a value may be, how long not, and the status that answers it, 0 for none.
    """

    places: tuple[str, ...] = ("127.0.0.1", "::1", DUAL, "unix")
    mapped: str = "::ffff:127.0.0.2"
    unix: Optional[str] = ""
    joint: Optional[str] = ","
    twin: str = "is dropped"
    keeps_alive: bool = True
    log: str = "peer"
    sizes: tuple[int, int, int] = (64_000, 66_000, 431)


def example(
    file: str, edit: Callable[[str], str] = str
) -> Callable[[str, Endpoint], list[str]]:
    """The commands in a file of examples: the first for TCP, the second for a unix socket."""
    text = (EXAMPLES / file).read_text().replace("\\\n", " ")
    commands = edit(text).split("\n\n")

    def command(program: str, at: Endpoint) -> list[str]:
        values = {"/srv/app/venv": sys.prefix}
        if isinstance(at, Unix):
            values["/run/app/app.sock"] = str(at.path)
        else:
            values.update({"127.0.0.1:8000": str(at), "127.0.0.1": at.host})
            values["8000"] = str(at.port)
        text = commands[isinstance(at, Unix)]
        return ["env", *_ENVIRON, *shlex.split(replace_words(text, values))]

    return command


@cache  # the same options are the same server
def with_options(server: WsgiServer, options: str) -> WsgiServer:
    """The server with more options."""

    def command(program: str, at: Endpoint) -> list[str]:
        words = server.command(program, at)
        # waitress takes options in front of the app alone.
        place = -1 if "waitress-serve" in words else len(words)
        return [*words[:place], *shlex.split(options), *words[place:]]

    return replace(server, name=f"{server.name} {options}", command=command)


def _packages(names: str) -> Callable[[], Optional[str]]:
    """The interpreter that has these packages."""
    return lambda: sys.executable if all(map(find_spec, names.split())) else None


GUNICORN = WsgiServer(
    "gunicorn",
    installed("gunicorn"),
    "pip install gunicorn gevent",
    example("gunicorn.txt"),
    log="client",
    sizes=(8_100, 8_300, 431),
)
WAITRESS = WsgiServer(
    "waitress",
    installed("waitress-serve"),
    "pip install waitress",
    example("waitress.txt"),
    places=("127.0.0.1", "::1", "unix"),
    unix="localhost",
    joint=", ",
    log="",
    sizes=(130_000, 300_000, 431),
)
UWSGI = WsgiServer(
    "uWSGI --http-socket",
    installed("uwsgi"),
    PYUWSGI,
    example("uwsgi.txt"),
    mapped="127.0.0.2",
    unix="0.0.0.0",
    joint=", ",
    twin="is appended",
    keeps_alive=False,
    sizes=(64_000, 66_000, 0),
)
UWSGI_HTTP = replace(
    UWSGI,
    name="uWSGI --http",
    command=example("uwsgi.txt", lambda text: text.replace("--http-socket", "--http")),
    mapped="::ffff:127.0.0.2",
    sizes=(61_000, 66_000, 0),
)
FLASK_RUN = WsgiServer(
    "flask run",
    installed("flask"),
    "pip install flask",
    example("flask_run.txt"),
    unix="<local>",
    keeps_alive=False,
    log="client",
)
CHEROOT = WsgiServer(
    "cheroot",
    installed("cheroot"),
    "pip install cheroot",
    example("cheroot.txt"),
    joint=None,
    twin="wins",
    log="",
    # It has no limit.
    sizes=(1_100_000, 0, 0),
)
GEVENT = WsgiServer(
    "gevent",
    _packages("gevent"),
    "pip install gevent",
    example("gevent.txt"),
    unix=None,
    sizes=(64_000, 66_000, 400),
)
GRANIAN = WsgiServer(
    "granian",
    installed("granian"),
    "pip install granian",
    example("granian.txt"),
    twin="wins",
    sizes=(300_000, 1_100_000, 431),
)
UVICORN = WsgiServer(
    "uvicorn and a2wsgi",
    _packages("uvicorn a2wsgi"),
    "pip install uvicorn a2wsgi",
    example("uvicorn.txt"),
    places=("127.0.0.1", "::1", "unix"),
    unix=None,
    twin="is appended",
    # More than 64 KiB it takes only where one read of 256 KiB ends the request.
    sizes=(64_000, 300_000, 400),
)
HYPERCORN = WsgiServer(
    "hypercorn",
    installed("hypercorn"),
    "pip install hypercorn",
    example("hypercorn.txt"),
    unix=None,
    twin="is appended",
)
BJOERN = WsgiServer(
    "bjoern",
    _packages("bjoern"),
    PYUWSGI.replace("pyuwsgi", "bjoern-binary"),
    example("bjoern.txt"),
    places=("127.0.0.1",),
    joint="",
    log="",
    sizes=(64_000, 130_000, 400),
)


def mod_wsgi(directives: str = "") -> WsgiServer:
    """Apache with the documented file, and more directives after it."""
    return WsgiServer(
        f"mod_wsgi {directives}".rstrip(),
        wsgi_apache.binary,
        "apt-get install apache2 libapache2-mod-wsgi-py3",
        lambda program, at: wsgi_apache.command(at, directives),
        places=("127.0.0.1", "::1"),
        joint=", ",
        sizes=(8_100, 8_300, 400),
    )


MOD_WSGI = mod_wsgi()

SERVERS = [
    replace(with_options(GUNICORN, "--worker-class sync"), keeps_alive=False),
    with_options(GUNICORN, "--worker-class gthread"),
    with_options(GUNICORN, "--worker-class gevent"),
    WAITRESS,
    UWSGI,
    UWSGI_HTTP,
    FLASK_RUN,
    CHEROOT,
    GEVENT,
    GRANIAN,
    UVICORN,
    HYPERCORN,
    BJOERN,
    MOD_WSGI,
]


@cache
def over_tls(server: WsgiServer, options: str) -> WsgiServer:
    """The server with options that make it speak TLS."""
    server = with_options(server, options)
    return replace(server, ready=lambda at: ask(replace(at, tls=True)))
