"""A test client whose requests come through proxies.

A request is built as it arrives: on the left what the client wrote, behind it
what the proxies write, in the headers that the app believes. What real proxies
do with a header is not known here; the live probe finds that out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from copy import copy
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union, cast
from urllib.parse import quote as quote_path
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import EnvironBuilder, FlaskClient
from werkzeug.test import Client, TestResponse

from ..chain import links
from ..core.addresses import UNIX, parse_node
from ..core.forwarded import write_forwarded
from ..core.headers import KNOWN, Header, environ_key
from ..middleware import Middleware
from ..report.phrases import trust_given
from ..settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask.sessions import SessionMixin
    from werkzeug.datastructures import Headers

#: Where a client may be: addresses that are nobody's (RFC 5737, RFC 3849).
CLIENTS = ("203.0.113.9", "198.51.100.7", "2001:db8::9")
#: Where a proxy may be, if the settings name no address.
_PROXIES = ("10.0.0.5", "172.16.0.5", "192.168.0.5", "127.0.0.1", "fd00::5", "::1", UNIX)
_ADDRESSES = {32: IPv4Address, 128: IPv6Address}
#: What a prefix may hold as it is (RFC 3986 section 3.3, without the comma).
_IN_PREFIX = "/!$&'()*+;=:@"


class ProxiedClient(FlaskClient):
    """Flask's test client, whose requests arrive through proxies.

    It may be ``app.test_client_class``, or a base of that. It also takes any WSGI
    application that has :class:`~flask_trustproxy.TrustProxyMiddleware` in its chain,
    and is a plain test client then.

    The proxies append to ``X-Forwarded-For``, ``Forwarded`` and ``Name:n``, and
    overwrite each other header that ``TRUST_PROXY_HEADERS`` names. They pass
    on the rest, and ask the app by http. One of them is in ``TRUST_PROXY_EDGE``, and
    adds the header of ``TRUST_PROXY_EDGE_SECRET``.

    :param client: the client's address.
    :param via: the hops between the client and the peer, the outermost first,
        ``"unix"`` for a socket. ``None``: as many as a count or ``Name:n``
        asks for, mostly none.
    :param peer: the proxy that asks the app, ``"unix"`` for a socket. The
        client's own address: it came directly, without the proxies. ``None``: one that the
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
        client: str = CLIENTS[0],
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
        if _is_flask(self.application):
            return super().open(*args, **kwargs)
        return Client.open(self, *args, **_plain(kwargs, args[0]))

    @contextmanager
    def session_transaction(
        self, *args: Any, **kwargs: Any
    ) -> Generator[SessionMixin, None, None]:
        """Change the session that the client has.

        :raises TypeError: if the application is not a Flask app.
        """
        if not _is_flask(self.application):
            raise TypeError("expected a Flask app: a plain WSGI application has no session")
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
            forged = {(settings.policy.headers.client or KNOWN["x-forwarded-for"]).name: forged}
        lines = {environ_key(name): value for name, value in forged.items()}
        peer = self.peer or trusted_address(settings, 0) or self.client
        environ = {**lines, **sent, "REMOTE_ADDR": "" if peer == UNIX else peer}
        if parse_node(peer) == parse_node(self.client):
            return environ
        secret = settings.policy.edge.secret
        if secret is not None:
            environ[secret.key] = secret.values[0].decode()
        via = _proxies(settings, peer) if self.via is None else self.via
        for header in settings.policy.headers.named:
            written, before = self._written(header, sent, via), environ.get(header.key)
            appends = header.n > 1 or header.says in ("client list", "forwarded")
            keeps = appends and before is not None
            environ[header.key] = f"{before}, {written}" if keeps else written
        return {**environ, "wsgi.url_scheme": "http", "SERVER_PORT": "80", "SCRIPT_NAME": ""}

    def _written(self, header: Header, sent: Mapping[str, Any], via: Iterable[str]) -> str:
        """What the proxies write into a header, all of them together."""
        nodes = [self.client, *via]
        scheme, host = sent["wsgi.url_scheme"], sent["HTTP_HOST"]
        if header.says == "client list":
            return ", ".join(nodes)
        if header.says == "forwarded":
            return write_forwarded(nodes, scheme, host)
        value: str = {
            # Some headers hold an address that always has a port.
            "client": self.client if header.parse(self.client) else f"{self.client}:443",
            "scheme": scheme,
            "host": host,
            "port": sent["SERVER_PORT"],
            "prefix": quote_path(sent["SCRIPT_NAME"], _IN_PREFIX, "latin-1") or "/",
        }[header.says]
        return ", ".join([header.write(value)] * header.n)


def _node(text: str) -> str:
    if text != "unix" and not parse_node(text):
        raise ValueError(f"expected an address or 'unix', got {text!r}")
    return UNIX if text == "unix" else text


def _is_flask(application: object) -> bool:
    return isinstance(application, Flask)


def _plain(kwargs: dict[str, Any], path: object) -> dict[str, Any]:
    """The arguments of a request, as Werkzeug has them where Flask takes a whole URL."""
    scheme = kwargs.pop("url_scheme", "http")
    if kwargs.get("base_url") or not isinstance(path, str):
        return kwargs
    url = urlsplit(path)
    return {**kwargs, "base_url": f"{url.scheme or scheme}://{url.netloc or 'localhost'}"}


def settings_of(app: WSGIApplication) -> Settings:
    """The settings that decide who the client of an application is.

    :param app: a Flask app, or any WSGI application around one or around the middleware.
    :raises RuntimeError: if the application has no TrustProxy, or it cannot be found.
    """
    passed = list(links(app))
    inside = [link.extensions.get("trustproxy") for link in passed if isinstance(link, Flask)]
    for link in (*passed, *inside):
        if isinstance(link, Middleware):
            return link.settings
    if inside:
        raise RuntimeError("This app has no TrustProxy: call TrustProxy(app) where it is made.")
    raise RuntimeError(
        f"No TrustProxyMiddleware was found in {app!r}. If a function around it hides it, test "
        "the application that TrustProxyMiddleware(...) returned."
    )


def trusted_address(settings: Settings, hop: int) -> Optional[str]:
    """An address that is trusted as this hop, ``None`` if there is none.

    It is one of the edge if the settings have an edge with addresses.
    """
    edge = settings.policy.edge.proxies
    named = (
        str(_ADDRESSES[width](first + (first < last)))
        for networks in (edge or settings.policy.trust).all_networks()
        for first, last, width in networks.ranges()
    )
    for addresses in (named, _PROXIES):
        for address in addresses:
            if settings.policy.trusts(address, hop) and (
                edge is None or edge.trusts(address, hop)
            ):
                return address
    if settings.policy.trust.kind == "callable" and hop == 0:
        raise ValueError(
            f"expected a peer, since {trust_given(settings)} trusts none of "
            f"{', '.join(_PROXIES)}"
        )
    return None


def depth(settings: Settings) -> int:
    """How many proxies there must be for all that is named to be believed."""
    policy = settings.policy
    return max([policy.trust.count or 1, *(header.n for header in policy.headers.values)])


def _proxies(settings: Settings, peer: str) -> list[str]:
    """Trusted hops between the client and the peer, as many as there must be."""
    edge, count = settings.policy.edge.proxies, depth(settings)
    if edge is not None and not edge.trusts(parse_node(peer), 0):
        count = max(count, 2)
    hops = [trusted_address(settings, hop) for hop in range(count - 1, 0, -1)]
    return [hop for hop in hops if hop is not None]


def proxied_client(
    app: WSGIApplication,
    client: str = CLIENTS[0],
    via: Optional[Iterable[str]] = None,
    peer: Optional[str] = None,
    scheme: str = "https",
    host: Optional[str] = None,
    forged: Union[str, Mapping[str, str], None] = None,
    **kwargs: Any,
) -> ProxiedClient:
    """Make a test client of an application, whose requests arrive through proxies.

    For a Flask app it is of the app's own ``test_client_class`` as well. The parameters
    are those of :class:`ProxiedClient`.

    :param app: a Flask app, or any WSGI application with the middleware in its chain.
    :param kwargs: what ``app.test_client()`` takes.
    """
    base: type[FlaskClient] = ProxiedClient
    if isinstance(app, Flask):
        base = app.test_client_class or FlaskClient
    if not issubclass(base, ProxiedClient):
        base = cast("type[ProxiedClient]", type(base.__name__, (ProxiedClient, base), {}))
    return base(
        app,
        app.response_class if isinstance(app, Flask) else None,
        client=client,
        via=via,
        peer=peer,
        scheme=scheme,
        host=host,
        forged=forged,
        **kwargs,
    )
