"""For the tests of an app: requests that come through proxies, and forgeries.

A request is built as it arrives: on the left what the client wrote, behind it
what the proxies write, in the headers that the app believes. What real proxies
do with a header is not known here; the live probe finds that out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union, cast

from flask import Flask
from flask.testing import EnvironBuilder, FlaskClient
from werkzeug.test import TestResponse

from .core.addresses import UNIX, parse_node
from .core.environ import resolution_of
from .core.forwarded import write_forwarded
from .core.headers import KNOWN, NAMES, Header, environ_key
from .core.walk import Resolution
from .extension import chain
from .log import in_words, logger, quote, trust_given
from .middleware import TrustProxyMiddleware
from .probe.forgeries import ANOTHER, CLIENT, HOST, IPV6, Forgery, forgeries
from .settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from flask.sessions import SessionMixin
    from werkzeug.datastructures import Headers

__all__ = ["ProxiedClient", "assert_unforgeable", "proxied_client"]

#: Where a client may be: addresses that are nobody's (RFC 5737, RFC 3849).
_CLIENTS = ("203.0.113.9", "198.51.100.7", "2001:db8::9")
#: Where a proxy may be, if the settings name no address.
_PROXIES = ("10.0.0.5", "172.16.0.5", "192.168.0.5", "127.0.0.1", "fd00::5", "::1", UNIX)
_ADDRESSES = {32: IPv4Address, 128: IPv6Address}


class ProxiedClient(FlaskClient):
    """Flask's test client, whose requests arrive through proxies.

    It may be ``app.test_client_class``, or a base of that.

    The proxies append to ``X-Forwarded-For``, ``Forwarded`` and ``Name:n``, and
    overwrite each other header that ``TRUST_PROXY_HEADERS`` names. They pass
    on the rest, and ask the app by http.

    :param client: the client's address.
    :param via: the hops between the client and the peer, the outermost first,
        ``"unix"`` for a socket. ``None``: as many as a count or ``Name:n``
        asks for, mostly none.
    :param peer: the proxy that asks the app, ``"unix"`` for a socket. The
        client's own address: it came past the proxies. ``None``: one that the
        app trusts, or the client itself where it trusts nobody.
    :param scheme: by which the client asks, where a request does not say.
    :param host: whom the client asks, where a request does not say. ``None``:
        as with Flask's test client.
    :param forged: what the client writes in front of what the proxies write:
        a value of the header that names the client, or headers by name. Those
        that are given with a request are the client's as well.
    :raises ValueError: where ``client``, ``via`` or ``peer`` is no address.
    """

    def __init__(
        self,
        *args: Any,
        client: str = _CLIENTS[0],
        via: Optional[Iterable[str]] = None,
        peer: Optional[str] = None,
        scheme: str = "https",
        host: Optional[str] = None,
        forged: Union[str, Mapping[str, str], None] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._way = _Way(
            _node(client),
            None if via is None else tuple(map(_node, via)),
            None if peer is None else _node(peer),
            forged or {},
        )
        self._scheme = scheme
        self._host = host
        #: The environ of the last request, as the app left it.
        self.last_environ: WSGIEnvironment = {}

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request, as :meth:`flask.testing.FlaskClient.open` does."""
        args, kwargs = self._located(args, kwargs)
        return super().open(*args, **kwargs)

    @contextmanager
    def session_transaction(
        self, *args: Any, **kwargs: Any
    ) -> Generator[SessionMixin, None, None]:
        """Change the session that the client has."""
        args, kwargs = self._located(args, kwargs)
        environ = EnvironBuilder(self.application, *args, **kwargs).get_environ()
        kwargs["environ_overrides"] = self._way.go(environ, settings_of(self.application))
        with super().session_transaction(*args, **kwargs) as session:
            yield session

    def _located(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a request, with our scheme and host where it has none."""
        path = args[0] if args else kwargs.pop("path", "/")
        if not isinstance(path, str) or len(args) > 1 or kwargs.get("base_url"):
            return (path, *args[1:]), kwargs
        scheme = kwargs.pop("url_scheme", None) or self._scheme
        is_local = path.startswith("/") and not path.startswith("//")
        if self._host and is_local and not kwargs.get("subdomain"):
            return (f"{scheme}://{self._host}{path}",), kwargs
        return (path,), {**kwargs, "url_scheme": scheme}

    def run_wsgi_app(
        self, environ: WSGIEnvironment, buffered: bool = False
    ) -> tuple[Iterable[bytes], str, Headers]:
        """Send one request; each of a row of redirects comes here.

        :meta private:
        """
        app = self.application

        def proxies(sent: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            self.last_environ = self._way.go(sent, settings_of(app))
            return app(self.last_environ, start_response)

        # The client keeps its cookies, and follows redirects, by the URL that it knows.
        client = copy(self)
        cast(Any, client).application = proxies
        return super(ProxiedClient, client).run_wsgi_app(environ, buffered)


class _Way(NamedTuple):
    """The way that requests take; see :class:`ProxiedClient`."""

    client: str
    via: Optional[tuple[str, ...]]
    peer: Optional[str]
    forged: Union[str, Mapping[str, str]]

    def go(self, sent: Mapping[str, Any], settings: Settings) -> WSGIEnvironment:
        """Make the environ that the app's server has of what the client sent."""
        forged = self.forged
        if isinstance(forged, str):
            forged = {(settings.headers.client or KNOWN["x-forwarded-for"]).name: forged}
        lines = {environ_key(name): value for name, value in forged.items()}
        peer = self.peer or _trusted(settings, 0) or self.client
        environ = {**lines, **sent, "REMOTE_ADDR": "" if peer == UNIX else peer}
        if parse_node(peer) == parse_node(self.client):
            return environ
        for header in settings.headers.named:
            written, before = self._written(header, sent, settings), environ.get(header.key)
            appends = header.n > 1 or header.says in ("client list", "forwarded")
            keeps = appends and before is not None
            environ[header.key] = f"{before}, {written}" if keeps else written
        return {**environ, "wsgi.url_scheme": "http", "SERVER_PORT": "80", "SCRIPT_NAME": ""}

    def _written(self, header: Header, sent: Mapping[str, Any], settings: Settings) -> str:
        """What the proxies write into a header, all of them together."""
        nodes = [self.client, *(_proxies(settings) if self.via is None else self.via)]
        scheme, host = sent["wsgi.url_scheme"], sent["HTTP_HOST"]
        if header.says == "client list":
            return ", ".join(nodes)
        if header.says == "forwarded":
            return write_forwarded(nodes, scheme, host)
        value: str = {
            "client": self.client,
            "scheme": scheme,
            "host": host,
            "port": sent["SERVER_PORT"],
            "prefix": sent["SCRIPT_NAME"] or "/",
        }[header.says]
        return ", ".join([header.write(value)] * header.n)


def _node(text: str) -> str:
    if text != "unix" and not parse_node(text):
        raise ValueError(f"expected an address or 'unix', got {text!r}")
    return UNIX if text == "unix" else text


def settings_of(app: Flask) -> Settings:
    """The settings that decide who an app's client is.

    :raises RuntimeError: where the app has no TrustProxy.
    """
    for link in (*chain(app), app.extensions.get("trustproxy")):
        if isinstance(link, TrustProxyMiddleware):
            return link.settings
    raise RuntimeError("This app has no TrustProxy: call TrustProxy(app) where it is made.")


def _trusted(settings: Settings, hop: int) -> Optional[str]:
    """An address that is trusted as this hop, ``None`` where there is none."""
    named = (
        str(_ADDRESSES[width](first + (first < last)))
        for networks in settings.trust.all_networks()
        for first, last, width in networks.ranges()
    )
    for addresses in (named, _PROXIES):
        for address in addresses:
            if settings.trusts(address, hop):
                return address
    if settings.trust.kind == "callable" and hop == 0:
        raise ValueError(
            f"expected a peer, since {trust_given(settings)} trusts none of "
            f"{', '.join(_PROXIES)}"
        )
    return None


def _depth(settings: Settings) -> int:
    """How many proxies there must be for all that is named to be believed."""
    return max([settings.trust.count or 1, *(header.n for header in settings.headers.values)])


def _proxies(settings: Settings) -> list[str]:
    """Trusted hops between the client and the peer, as many as there must be."""
    hops = [_trusted(settings, hop) for hop in range(_depth(settings) - 1, 0, -1)]
    return [hop for hop in hops if hop is not None]


def proxied_client(
    app: Flask,
    client: str = _CLIENTS[0],
    via: Optional[Iterable[str]] = None,
    peer: Optional[str] = None,
    scheme: str = "https",
    host: Optional[str] = None,
    forged: Union[str, Mapping[str, str], None] = None,
    **kwargs: Any,
) -> ProxiedClient:
    """Make a test client of an app, whose requests arrive through proxies.

    It is of the app's own ``test_client_class`` as well. The parameters are
    those of :class:`ProxiedClient`.

    :param kwargs: what ``app.test_client()`` takes.
    """
    base = app.test_client_class or FlaskClient
    if not issubclass(base, ProxiedClient):
        base = cast("type[ProxiedClient]", type(base.__name__, (ProxiedClient, base), {}))
    return base(
        app,
        app.response_class,
        client=client,
        via=via,
        peer=peer,
        scheme=scheme,
        host=host,
        forged=forged,
        **kwargs,
    )


#: What no honest response tells. A port of four digits may be there by chance.
_TELLTALES = (CLIENT, ANOTHER, IPV6, HOST)
_PROPAGATES = "PROPAGATE_EXCEPTIONS"


def assert_unforgeable(
    app: Flask,
    path: str = "/",
    *,
    believed: Optional[Callable[[TestResponse], object]] = None,
    peer: Optional[str] = None,
) -> None:
    """Assert that no client can forge what an app believes.

    Sends the forgeries of the live probe from a client behind trusted proxies
    and, where only some addresses are trusted, from one that comes past them.
    What the app believes must be what it believes without the forgery: the
    client, scheme, host, port and prefix of the request. Neither may anything
    forged be left in the forwarding headers, where others read it, nor be told
    by the response.

    :param path: what is asked for, by GET, about seventy times.
    :param believed: tells from a response what its view believes, for views
        that read headers themselves. Asked instead of the last two.
    :param peer: the trusted proxy that asks the app; ``None``: one from its
        settings. Needed where a callable trusts no likely address.
    :raises AssertionError: what can be forged, by which header, and the mend.
    :raises ValueError: where ``believed`` tells something else each time.
    """
    __tracebackhide__ = True
    with _as_served(app):
        for client in _clients(app, peer):
            honest = _beliefs(client, path, (), believed)
            if _beliefs(client, path, (), believed) != honest:
                raise ValueError(f"{path} is answered in another way each time")
            resolution = _resolution(client)
            for forgery in forgeries(resolution.settings.headers, resolution.scheme, {}):
                forged = _beliefs(client, path, forgery.lines, believed)
                for name, value in forged.items():
                    if value != honest[name]:
                        raise AssertionError(
                            _explain(client, forgery, name, honest[name], value)
                        )


@contextmanager
def _as_served(app: Flask) -> Generator[None, None, None]:
    """Answer errors as a server does, and log nothing of what is provoked."""
    config = cast("dict[str, object]", app.config)
    loggers = (logger, app.logger)
    propagates = config[_PROPAGATES]
    disabled = [each.disabled for each in loggers]
    config[_PROPAGATES] = False
    logger.disabled = app.logger.disabled = True
    try:
        yield
    finally:
        config[_PROPAGATES] = propagates
        for each, value in zip(loggers, disabled):
            each.disabled = value


def _clients(app: Flask, peer: Optional[str]) -> Iterator[ProxiedClient]:
    """A client behind trusted proxies, and one that comes past them."""
    settings = settings_of(app)
    if peer or _trusted(settings, 0):
        outside = _stranger(settings, _depth(settings)) or _CLIENTS[0]
        yield proxied_client(app, outside, peer=peer, use_cookies=False)
    stranger = _stranger(settings, 0)
    if stranger is not None:
        yield proxied_client(app, stranger, peer=stranger, scheme="http", use_cookies=False)


def _stranger(settings: Settings, hop: int) -> Optional[str]:
    """An address that is not trusted as this hop, ``None`` where all are."""
    return next((each for each in _CLIENTS if not settings.trusts(each, hop)), None)


def _resolution(client: ProxiedClient) -> Resolution:
    resolution = resolution_of(client.last_environ)
    if resolution is None:
        raise RuntimeError(
            "TrustProxy did not see the request: something around app.wsgi_app answered it, or "
            "asked with another environ. Create TrustProxy last"
        )
    return resolution


def _beliefs(
    client: ProxiedClient,
    path: str,
    lines: Sequence[tuple[str, str]],
    believed: Optional[Callable[[TestResponse], object]],
) -> dict[str, object]:
    """What is believed of one request, by name."""
    response = client.get(path, headers=lines, buffered=True)
    environ, resolution = client.last_environ, _resolution(client)
    beliefs: dict[str, object] = {
        "client_ip": resolution.client_ip,
        "client_ips": resolution.client_ips,
        "remote_addr": environ["REMOTE_ADDR"],
        "scheme": environ["wsgi.url_scheme"],
        "host": environ["HTTP_HOST"],
        "port": environ["SERVER_PORT"],
        "prefix": environ["SCRIPT_NAME"],
    }
    if believed is not None:
        return {**beliefs, "believed(response)": believed(response)}
    told = str(response.headers).encode() + response.get_data()
    beliefs["the response"] = [text for text in _TELLTALES if text.encode() in told]
    plan = resolution.settings.headers
    for key, name in {**NAMES, **{header.key: header.name for header in plan.named}}.items():
        beliefs[f"the header {name}"] = environ.get(key)
    return beliefs


def _explain(
    client: ProxiedClient, forgery: Forgery, name: str, honest: object, forged: object
) -> str:
    """What can be forged, how, and the mend."""
    resolution = _resolution(client)
    return "\n".join(
        (
            f"A client can forge {name}: it is {quote(str(forged))} after",
            *(f"    {header}: {quote(value)}" for header, value in forgery.lines),
            f"and {quote(str(honest))} without.",
            f"The walk: {in_words(resolution)}",
            f"Mend: {_mend(client, resolution, name)}",
        )
    )


def _mend(client: ProxiedClient, resolution: Resolution, name: str) -> str:
    settings = resolution.settings
    if name not in ("client_ip", "client_ips", "scheme", "host", "port", "prefix"):
        if not settings.clean_headers:
            return (
                "set TRUST_PROXY_CLEAN_HEADERS = True, so that nobody finds there what was not "
                "believed, and read request.client_ip"
            )
        return (
            "read request.client_ip, and create TrustProxy last, since something around "
            "app.wsgi_app reads the headers before they are cleaned"
        )
    if not resolution.trusted_hops or "werkzeug.proxy_fix.orig" in client.last_environ:
        return (
            "create TrustProxy last, and remove ProxyFix, since something believed the headers "
            "before TrustProxy was asked"
        )
    return (
        "name the addresses or networks of your proxies, and nobody else's: "
        f"{trust_given(settings)} trusts the client"
    )
