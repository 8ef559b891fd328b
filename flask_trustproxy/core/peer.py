"""What the WSGI server says of its connection: the peer and the scheme.

Neither is what it seems on every server; every server's quirk lives here and
nowhere else. Nothing that a client writes is believed here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .addresses import UNIX, parse_address

#: How servers name a peer on a unix-domain socket: gunicorn, cheroot and
#: granian; nginx (uwsgi_pass, fastcgi_pass); waitress; Werkzeug; uWSGI, whose
#: 0.0.0.0 no TCP peer can have; eventlet.
_UNIX_NAMES = frozenset(("", UNIX, "localhost", "<local>", "0.0.0.0", "unix"))


def read_peer(
    environ: Mapping[str, Any], missing_is_unix: bool, known: Collection[str] = ()
) -> str:
    """Read the peer's node.

    :param environ: the WSGI environ.
    :param missing_is_unix: whether a missing REMOTE_ADDR is a socket. Servers
        leave it out for one, but one server left it out over TCP as well.
    :param known: canonical addresses, which need not be read again.
    :returns: its canonical address, ``"unix:"``, or ``""`` for a peer that
        has no address: a server must not give a port, brackets or text.
    """
    peer = environ.get("REMOTE_ADDR")
    if peer is None:
        return UNIX if missing_is_unix else ""
    if not isinstance(peer, str):
        return ""
    if peer in known:
        return peer
    if peer in _UNIX_NAMES:
        return UNIX
    if "%" in peer:  # getpeername() adds the zone of fe80::1
        peer = peer.partition("%")[0]
        if ":" not in peer:
            return ""
    return parse_address(peer) or ""


def read_scheme(environ: Mapping[str, Any]) -> str:
    """Read the scheme of the connection itself, ``"http"`` or ``"https"``.

    gunicorn and uWSGI let forwarded headers, from some peers or from all,
    write ``wsgi.url_scheme``: there it is read from the socket, or from
    ``UWSGI_SCHEME`` and ``HTTPS``, which no header can write. As in uWSGI itself,
    the first of the two wins.
    """
    if "gunicorn.socket" in environ:
        return "https" if hasattr(environ["gunicorn.socket"], "getpeercert") else "http"
    if "uwsgi.version" in environ:
        said = str(environ.get("UWSGI_SCHEME")).lower()
        if said not in ("http", "https"):
            said = "https" if str(environ.get("HTTPS")).lower() in ("on", "1") else "http"
        return said
    return "https" if environ.get("wsgi.url_scheme") == "https" else "http"
