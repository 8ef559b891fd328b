"""What several tests need to resolve a request that never was on a wire."""

from __future__ import annotations

from flask_trustproxy.core.addresses import parse_address
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.core.headers import environ_key
from flask_trustproxy.core.walk import Resolution, resolve
from flask_trustproxy.settings import Settings, read_settings

#: The proxies of the tests, and a client that is none of them.
TRUSTED = "10.0.0.0/8, unix"
PEER = "10.0.0.2"
CLIENT = "203.0.113.9"


def settings_of(trust: object = TRUSTED, headers: object = None, **more: object) -> Settings:
    """Compile settings: ``max_hops=2`` is ``TRUST_PROXY_MAX_HOPS``."""
    config = {f"TRUST_PROXY_{name.upper()}": value for name, value in more.items()}
    return read_settings({**config, "TRUST_PROXY": trust, "TRUST_PROXY_HEADERS": headers}, {})


def keyed(headers: dict[str, str]) -> dict[str, str]:
    """Headers as a WSGI environ has them."""
    return {environ_key(name): value for name, value in headers.items()}


def resolved(
    settings: Settings, headers: dict[str, str], peer: str = PEER, scheme: str = "http"
) -> Resolution:
    """Resolve headers that came from a peer."""
    node = parse_address(peer) or ("unix:" if peer == "unix:" else "")
    return resolve(settings, node, scheme, keyed(headers))


def split_host(host: str) -> tuple[str, str]:
    """The name and the port of a host in canonical form."""
    bracket = host.rfind("]") + 1
    name, _, port = host[bracket:].partition(":")
    return host[:bracket] + name, port


def environ_of(headers: dict[str, str], peer: str = PEER, **more: object) -> dict[str, object]:
    """An environ as a server makes it, with ``more`` laid over it."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "own.example.com",
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        **keyed(headers),
        **more,
    }


def cleaned(settings: Settings, environ: dict[str, object]) -> dict[str, object]:
    """What :func:`rewrite` leaves in an environ, our own keys aside."""
    rewrite(environ, settings)
    return {
        key: value for key, value in environ.items() if not key.startswith("flask_trustproxy.")
    }


class Watched(str):
    """A header that remembers how far to the left it was read.

    :attr:`lowest` is the leftmost index that was looked at, :attr:`looked`
    how many characters were.
    """

    def __init__(self, text: str) -> None:
        self.lowest = len(text)
        self.looked = 0

    def rfind(self, text: str, start: int = 0, end: int | None = None) -> int:
        stop = len(self) if end is None else min(end, len(self))
        found = super().rfind(text, start, stop)
        self._look(start if found < 0 else found, stop)
        return found

    def __getitem__(self, index: int | slice) -> str:
        start, stop, _ = (
            index if isinstance(index, slice) else slice(index, index + 1)
        ).indices(len(self))
        self._look(start, stop)
        return super().__getitem__(index)

    def _look(self, start: int, stop: int) -> None:
        if start < stop:
            self.lowest = min(self.lowest, start)
            self.looked += stop - start


def _forbidden(name: str) -> object:
    def method(self: Watched, *args: object) -> object:
        raise AssertionError(f"str.{name} reads the whole header")

    return method


# Whatever reads a header as a whole reads what a client wrote. strip() is used
# to see that a header is not blank: it stops at the first character that is.
for _name in (
    "__add__ __contains__ __eq__ __iter__ count endswith find index lower partition "
    "replace rindex rpartition rsplit split splitlines startswith upper encode"
).split():
    setattr(Watched, _name, _forbidden(_name))
Watched.__hash__ = None
