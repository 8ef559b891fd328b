"""Two things that servers say in their own way: eventlet's sockets, and uWSGI's scheme."""

from __future__ import annotations

import sys

import pytest

from .client import CLIENT, Endpoint, Unix, ask
from .proxies import NGINX, NGINX_DEBIAN
from .servers import HERE, UWSGI, Server
from .stack import DEPLOY, Stack

EVENTLET_APP = """
import sys, socket, eventlet, eventlet.wsgi
sys.path.insert(0, {here!r})
from app import app
at, family = {at!r}, {family}
eventlet.wsgi.server(eventlet.listen(at, family), app)
"""


def _eventlet(program: str, at: Endpoint) -> list[str]:
    where = str(at.path) if isinstance(at, Unix) else (at.host, at.port)
    family = "socket.AF_UNIX" if isinstance(at, Unix) else "socket.AF_INET"
    return [program, "-c", EVENTLET_APP.format(here=str(HERE), at=where, family=family)]


EVENTLET = Server("eventlet", lambda: sys.executable, "pip install eventlet", _eventlet)
FORGED = ("X-Forwarded-For: 6.6.6.6, 127.0.0.1", "X-Forwarded-Proto: https")


@pytest.mark.parametrize("lines", [(), FORGED], ids=["honest", "forged"])
@pytest.mark.parametrize(
    ("trust", "at", "file", "peer"),
    [
        pytest.param("unix", "unix", "unix.conf", "unix", id="a socket, named"),
        pytest.param("loopback", "unix", "unix.conf", "unix", id="a socket is loopback"),
        pytest.param("127.0.0.2", "127.0.0.1", "tcp.conf", "127.0.0.2", id="TCP"),
    ],
)
def test_eventlet_has_a_name_of_its_own_for_a_socket(
    stack: Stack, trust: str, at: str, file: str, peer: str, lines: tuple[str, ...]
) -> None:
    app = stack.app({"TRUST_PROXY": trust}, at=at, server=EVENTLET)
    source = "" if at == "unix" else "127.0.0.2"
    documented = (DEPLOY / "nginx" / file).read_text()
    proxy = stack.proxy(NGINX, documented, app.endpoint, source=source)
    believed = ask(proxy.http, *lines).believed
    assert (believed["client_ip"], believed["client_ips"]) == (CLIENT, [CLIENT])
    assert believed["scheme"] == "http"
    assert believed["original"]["REMOTE_ADDR"] == peer


SAYS_HTTPS = "include uwsgi_params;\n        uwsgi_param UWSGI_SCHEME https;"


@pytest.mark.parametrize(
    ("params", "scheme"),
    [
        pytest.param("include uwsgi_params;", "http", id="nginx does not say it"),
        pytest.param(SAYS_HTTPS, "https", id="nginx says it"),
    ],
)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="honest"),
        pytest.param(
            ("UWSGI_SCHEME: https", "UWSGI-SCHEME: https", "HTTPS: on", *FORGED), id="forged"
        ),
        pytest.param(("UWSGI-SCHEME: http", "X-Forwarded-Proto: http"), id="forged http"),
    ],
)
def test_nginx_alone_says_uwsgis_scheme(
    stack: Stack, params: str, scheme: str, lines: tuple[str, ...]
) -> None:
    documented = (DEPLOY / "nginx" / "uwsgi.conf").read_text()
    assert "include uwsgi_params;" in documented
    app = stack.app({"TRUST_PROXY": "false"}, at="unix", server=UWSGI)
    text = documented.replace("include uwsgi_params;", params)
    believed = ask(stack.proxy(NGINX_DEBIAN, text, app.endpoint).http, *lines).believed
    assert (believed["client_ip"], believed["scheme"]) == (CLIENT, scheme)
    assert believed["external"] == f"{scheme}://www.example.com/d/"
