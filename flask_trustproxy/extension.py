"""The Flask extension: one TrustProxy for any number of apps.

The middleware does the work. The request class has it done where the
middleware did not run (``app.test_request_context()``, or when something
restored ``app.wsgi_app``), and the ``before_request`` function is the guard
behind both: it would be too late alone, since sessions, signals, URL
preprocessors and the URL adapter come before it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Optional, cast

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import SecurityError

from .chain import around, find_proxy_fixes, links, name_of, switch_off
from .core.addresses import behind_nat64, parse_network
from .core.environ import resolution_of
from .core.resolution import Resolution
from .log import Warned, announce
from .middleware import FORBIDDEN, PASSED, TrustProxyMiddleware, refuse_anyone, with_secure
from .report.cautions import start_warnings
from .report.phrases import quote
from .report.words import said_by
from .settings import MAKE_KEY, SETTINGS, SettingError, Settings, read_settings
from .watch import ProcessLock, Watch, watch

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Published:
    """An attribute of the request that reads its resolution.

    It is no data descriptor, so that an app may set the attribute itself.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, request: Optional[flask.Request], owner: type) -> Any:
        if request is None:
            return self
        resolution = _resolution(request)
        if self._name == "client_ips":
            return list(resolution.client_ips)
        return resolution.client_ip


class ProxiedRequest(flask.Request):
    """Flask's request, with what TrustProxy adds to it."""

    if TYPE_CHECKING:
        client_ip: Optional[str]
        client_ips: list[str]
    else:
        #: The client's canonical address; ``None`` where no hop has one.
        client_ip = _Published()
        #: The client first, then each trusted hop, the peer left out; empty
        #: where the client is the peer (Express ``req.ips``).
        client_ips = _Published()


_get_current_request: Callable[[], flask.Request] = cast(Any, flask.request)._get_current_object

#: Flask's own ``request``, typed so that ``client_ip`` and ``client_ips`` check.
request: ProxiedRequest = cast(ProxiedRequest, flask.request)


def get_resolution() -> Resolution:
    """Return all that was decided about the current request.

    :raises RuntimeError: outside a request, or where TrustProxy is not set up.
    """
    return _resolution(flask.request)


def get_client_ip() -> Optional[str]:
    """Return the client's address, ``None`` where no hop has one.

    :raises RuntimeError: as :func:`get_resolution` does.
    """
    return get_resolution().client_ip


def get_client_ips() -> list[str]:
    """Return the client first, then each trusted hop, the peer left out.

    Empty where the client is the peer (Express ``req.ips``).

    :raises RuntimeError: as :func:`get_resolution` does.
    """
    return list(get_resolution().client_ips)


def get_client_network(ipv4_prefix: int = 32, ipv6_prefix: int = 64) -> str:
    """Return a key for rate limits that one IPv6 customer cannot walk around.

    >>> from flask import Flask
    >>> from flask_trustproxy import TrustProxy, get_client_network
    >>> app = Flask("shop")
    >>> proxies = TrustProxy(app)
    >>> with app.test_request_context(
    ...     environ_base={"REMOTE_ADDR": "127.0.0.1"},
    ...     headers={"X-Forwarded-For": "2001:db8:1:2::9"},
    ... ):
    ...     get_client_network()
    '2001:db8:1:2::/64'

    A client that came through NAT64, in ``64:ff9b::/96``, has the key of its IPv4
    address (RFC 6052).

    :param ipv4_prefix: how many bits of an IPv4 address count.
    :param ipv6_prefix: how many bits of an IPv6 address count.
    :returns: the client's network, such as ``"2001:db8:1:2::/64"`` or
        ``"203.0.113.9/32"``; ``"unknown"`` where there is no address, since
        limiters pass over an empty key.
    :raises ValueError: where a prefix is out of range.
    :raises RuntimeError: as :func:`get_resolution` does.
    """
    if not (0 <= ipv4_prefix <= 32 and 0 <= ipv6_prefix <= 128):
        raise ValueError("expected ipv4_prefix from 0 to 32 and ipv6_prefix from 0 to 128")
    address = get_client_ip()
    if address is None:
        return "unknown"
    address = behind_nat64(address)
    return str(parse_network(f"{address}/{ipv6_prefix if ':' in address else ipv4_prefix}"))


def _resolution(current: flask.Request) -> Resolution:
    resolution = resolution_of(current.environ)
    if resolution is None:
        raise RuntimeError("This app has no TrustProxy: call TrustProxy(app) where it is made.")
    return resolution


#: The values of all settings in app.config, by name.
_Snapshot = tuple[tuple[str, object], ...]
#: What was compiled from it.
_Compiled = tuple[_Snapshot, Settings, Optional[Watch]]


class AppTrust(TrustProxyMiddleware):
    """The middleware of one Flask app, whose settings follow ``app.config``.

    Threads share it. They read the compiled settings as one tuple from one
    attribute, which is never changed but replaced, so they see an old tuple or a
    new one. One thread at a time compiles, under a lock. The last mistake is
    written under that lock too, and a thread that reads an older one only
    waits for the lock, or goes on with the settings in force. This needs no
    global lock of the interpreter.
    """

    def __init__(self, app: flask.Flask) -> None:
        self.app: WSGIApplication = app.wsgi_app
        self._flask: Any = app
        self._warned = Warned()
        self._environment = {name: os.environ.get(name, "") for name in SETTINGS}
        self._compiling = ProcessLock()
        self._outermost: object = self
        # The config that was tried last if it has a mistake, and the mistake.
        self._mistake: Optional[tuple[_Snapshot, SettingError]] = None
        self._compiled = self._compile()
        self._announce(self._compiled[1])

    @property
    def settings(self) -> Settings:
        """The settings in force; a value replaced in ``app.config`` counts at once.

        A trust file that changes counts soon after.

        :raises SettingError: until a mistake made there is fixed.
        """
        snapshot, settings, watched = self._compiled
        get = self._flask.config.get
        for name, value in snapshot:
            if get(name) is not value:
                _, settings, watched = self._follow_config()
                break
        return settings if watched is None else watched.settings

    def _follow_config(self) -> _Compiled:
        """Compile a config that was replaced, in one thread.

        The others go on with the settings in force. If the last try found a
        mistake, they wait and share what comes of this one.
        """
        lock = self._compiling()
        busy = not lock.acquire(blocking=False)
        if busy:
            if self._mistake is None:
                return self._compiled
            lock.acquire()
        try:
            if busy and self._mistake is not None and self._is_config(self._mistake[0]):
                raise SettingError(*self._mistake[1].args)
            # One assignment, so that no request sees two halves.
            if not self._is_config(self._compiled[0]):
                self._compiled = self._compile()
                self._announce(self._compiled[1])
            return self._compiled
        finally:
            lock.release()

    def _is_config(self, snapshot: _Snapshot) -> bool:
        return all(self._flask.config.get(name) is value for name, value in snapshot)

    def _compile(self) -> _Compiled:
        # One call, so that no other thread replaces a value between two of them.
        config: dict[str, object] = dict(self._flask.config)
        snapshot = tuple((name, config.get(name)) for name in SETTINGS)
        try:
            settings = read_settings(dict(snapshot), self._environment, self._flask.root_path)
            _refuse_secret_key(settings, config)
        except SettingError as error:
            self._mistake = snapshot, SettingError(*error.args)  # without its traceback
            raise
        self._mistake = None
        return snapshot, settings, watch(settings, self._announce)

    def _announce(self, settings: Settings) -> None:
        warnings = start_warnings(
            settings, self.has_trusted_hosts(), os.environ, dict(self._flask.config)
        )
        announce(settings, warnings, self._warned)

    def has_trusted_hosts(self) -> bool:
        """Say whether the app has a list of the hosts that it serves."""
        app = self._flask
        # Flask 3.1 reads TRUSTED_HOSTS from the config, older ones do not.
        configured = "TRUSTED_HOSTS" in app.default_config and app.config["TRUSTED_HOSTS"]
        return bool(configured or app.request_class.trusted_hosts)

    def _cookie(self, settings: Settings) -> Optional[str]:
        if settings.secure_cookies == "all":
            return None
        return cast(str, self._flask.session_interface.get_cookie_name(self._flask))

    def derive(self, base: type[flask.Request]) -> type[flask.Request]:
        """Derive a request class whose instances are resolved from the start."""
        trust = self

        def __init__(self: flask.Request, environ: Any, *args: Any, **kwargs: Any) -> None:
            if PASSED not in environ:
                trust.believe(environ, trust.settings, entering=True)
            super(derived, self).__init__(environ, *args, **kwargs)

        bases = (base,) if issubclass(base, ProxiedRequest) else (ProxiedRequest, base)
        names = ("__module__", "__qualname__", "__doc__")
        namespace = {name: getattr(base, name) for name in names}
        derived: type[flask.Request] = type(
            base.__name__, bases, {**namespace, "__init__": __init__}
        )
        return derived

    def guard(self) -> Optional[flask.Response]:
        """Do what is left where the request class or the middleware was lost.

        If an open path let the request in, the path is asked for again: a
        middleware inside may have changed it.
        """
        current = _get_current_request()
        environ = current.environ
        if isinstance(current.routing_exception, SecurityError):
            self._warn_of_refused_host(environ)
        passed = environ.get(PASSED)
        if passed is self and isinstance(current, ProxiedRequest):
            return None
        settings = self.settings
        late = resolution_of(environ) is None
        resolution = self.believe(environ, settings)
        if late or not isinstance(current, ProxiedRequest):
            _publish(current, resolution)
        if passed is self:
            return None
        if passed != (self,):
            self._stand_in()
        if self.refuses(resolution, settings, environ):
            return cast(
                flask.Response,
                self._flask.response_class(FORBIDDEN, 403, mimetype="text/plain"),
            )
        return None

    def _stand_in(self) -> None:
        """See to the rest of the middleware's work, and say so if it was lost."""
        if self not in chain(self._flask):
            self._warned.warn("lost_middleware")
        # The first of the list runs last. The list is replaced as a whole, since other
        # threads may be going through it.
        functions = self._flask.after_request_funcs
        if self._mark_late not in functions.get(None, ()):
            functions[None] = [self._mark_late, *functions.get(None, ())]

    def _mark_late(self, response: flask.Response) -> flask.Response:
        """Have a response mark its cookies if the middleware does not see it.

        Flask sets the session's cookie after all functions of the app have run.
        """
        environ = _get_current_request().environ
        resolution, settings = self.believe(environ, self.settings), self.settings
        if (
            environ.get(PASSED) not in (self, (self,))
            and settings.secure_cookies
            and resolution.scheme == "https"
        ):
            # The session is saved after this function, so its cookie is not there yet. Only
            # this one response is changed, hence a method of the object is replaced.
            get_headers, cookie = response.get_wsgi_headers, self._cookie(settings)
            response.get_wsgi_headers = lambda environ: Headers(  # type: ignore[method-assign]
                with_secure(get_headers(environ), cookie)
            )
        return response

    def refuses(
        self, resolution: Resolution, settings: Settings, environ: dict[str, Any]
    ) -> bool:
        """Say whether a request is answered 403, and warn of what is not asked."""
        outermost = self._flask.wsgi_app
        if settings.required and outermost is not self._outermost:
            self._outermost = outermost
            self._warn_of_those_around()
        return super().refuses(resolution, settings, environ)

    def _warn_of_refused_host(self, environ: dict[str, Any]) -> None:
        """Say that the app does not serve a host that a header was believed to say."""
        resolution = resolution_of(environ)
        if resolution is not None and resolution.host is not None:
            values = {"header": said_by(resolution, "host"), "host": quote(resolution.host)}
            self._warned.warn("host_refused", values, resolution.nodes[0])

    def _warn_of_those_around(self) -> None:
        outside = around(chain(self._flask), self)
        if outside is None:  # a function hides the rest
            outside = list(chain(self._flask))
        # Another of ours answers nothing by itself.
        names = [name_of(x) for x in outside if not isinstance(x, TrustProxyMiddleware)]
        if names:
            self._warned.warn("around", {"names": ", ".join(names)}, of=str(names))


def _publish(current: flask.Request, resolution: Resolution) -> None:
    """Set on a request of another class what ours would have."""
    current.remote_addr = current.environ["REMOTE_ADDR"]
    current.scheme = resolution.scheme
    for name, value in (
        ("client_ip", resolution.client_ip),
        ("client_ips", list(resolution.client_ips)),
    ):
        # A class may have a property of that name: the app's own choice.
        with suppress(AttributeError):
            setattr(current, name, value)


def chain(app: flask.Flask) -> Iterator[object]:
    """The WSGI applications that a request of an app passes, the outermost first."""
    return links(app.wsgi_app, but=[app])


class TrustProxy:
    """Tell Flask apps who their client really is behind reverse proxies.

    One object serves any number of apps.

    :param app: the app to set up at once, if any; see :meth:`init_app`.
    :param replace_proxy_fix: as :meth:`init_app` has it, for each app.
    """

    def __init__(
        self, app: Optional[flask.Flask] = None, replace_proxy_fix: bool = False
    ) -> None:
        self._replace_proxy_fix = replace_proxy_fix
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask, replace_proxy_fix: bool = False) -> None:
        """Read the settings of an app and put the middleware around it.

        A second call for the same app does nothing.

        :param app: the app.
        :param replace_proxy_fix: set the counts of each ProxyFix in the chain of
            ``app.wsgi_app`` to 0, for apps that make one in their own package.
        :raises SettingError: where a setting cannot be used, a ProxyFix that
            counts is in the chain of ``app.wsgi_app``, or the app's request
            class has attributes of our names.
        """
        if "trustproxy" in app.extensions:
            return
        proxy_fixes = find_proxy_fixes(
            app.wsgi_app,
            ("app.wsgi_app", "set by the app"),
            replace_proxy_fix or self._replace_proxy_fix,
            "TrustProxy(app, replace_proxy_fix=True)",
        )
        _refuse_own_attributes(app.request_class)
        trust = AppTrust(app)
        refuse_anyone(trust.settings, app.wsgi_app)
        app.request_class = trust.derive(app.request_class)  # the last that can fail
        switch_off(proxy_fixes)
        app.wsgi_app = trust  # type: ignore[method-assign]  # the way that Flask documents
        # A plain function: Flask takes long to see that a method is no coroutine.
        app.before_request_funcs.setdefault(None, []).insert(0, lambda: trust.guard())
        app.extensions["trustproxy"] = trust


def _refuse_secret_key(settings: Settings, config: Mapping[str, Any]) -> None:
    for secret in (config.get("SECRET_KEY"), *(config.get("SECRET_KEY_FALLBACKS") or ())):
        text = secret.strip().encode() if isinstance(secret, str) else secret
        if settings.probe_key is not None and text == settings.probe_key:
            value, origin = settings.given["TRUST_PROXY_PROBE_KEY"]
            raise SettingError(
                "TRUST_PROXY_PROBE_KEY",
                origin,
                value,
                "expected a key of its own, which anyone who probes may know, and not "
                "SECRET_KEY. "
                f"This makes one: {MAKE_KEY}",
            )


def _refuse_own_attributes(base: type[flask.Request]) -> None:
    for owner in base.__mro__:
        for name in ("client_ip", "client_ips"):
            if owner is not ProxiedRequest and name in vars(owner):
                raise SettingError(
                    "app.request_class",
                    "set by the app",
                    base,
                    f"expected a class without an attribute {name!r}, which TrustProxy adds. "
                    "Remove or rename it",
                )
