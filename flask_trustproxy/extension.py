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
from typing import Any, Optional, cast

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import SecurityError

from .chain import around, find_proxy_fixes, links, name_of, switch_off
from .core.environ import resolution_of
from .core.resolution import Resolution
from .log import announce
from .middleware import FORBIDDEN, PASSED, Middleware, refuse_anyone, with_secure
from .report.cautions import start_warnings
from .report.phrases import quote
from .report.words import said_by
from .request import ProxiedRequest, get_current_request, publish
from .settings import MAKE_KEY, SETTINGS, SettingError, Settings, read_settings
from .watch import ProcessLock, Watch, watch

#: Reads a value of a config, and says whether it has none of some names.
_Reads = tuple[Callable[[str], object], Callable[[frozenset[str]], bool]]
#: The values of all settings in app.config, by name.
_Snapshot = tuple[tuple[str, object], ...]


#: Settings, what compiles them anew if a trust file changes, and what they were compiled
#: from: a config, the values that it has, and the names that it has not. A plain tuple, since
#: each request takes it apart.
_Compiled = tuple[
    Settings, Optional[Watch], Mapping[str, object], _Snapshot, frozenset[str], _Reads
]


class AppTrust(Middleware):
    """The middleware of one Flask app, whose settings follow ``app.config``.

    Threads share it. They read the compiled settings as one tuple from one
    attribute, which is never changed but replaced, so they see an old tuple or a
    new one. One thread at a time compiles, under a lock. The last mistake is
    written under that lock too, and a thread that reads an older one only
    waits for the lock, or goes on with the settings in force. This needs no
    global lock of the interpreter.
    """

    def __init__(self, app: flask.Flask) -> None:
        super().__init__(app.wsgi_app)
        self._flask: Any = app
        self._environment = {name: os.environ.get(name, "") for name in SETTINGS}
        self._compiling = ProcessLock()
        self._outermost: object = self
        # A plain function: Flask takes long to see that a method is no coroutine.
        self._hook = lambda: self.guard()
        # The config that was tried last if it has a mistake, and the mistake.
        self._mistake: Optional[tuple[_Snapshot, SettingError]] = None
        self._compiled = self._compile()
        self._request_class: object = app.request_class
        self._announce(self._compiled[0])

    @property
    def settings(self) -> Settings:
        """The settings in force; a value replaced in ``app.config`` counts at once.

        A trust file that changes counts soon after.

        :raises SettingError: until a mistake made there is fixed.
        """
        settings, watched, config, snapshot, absent, (get, has_none) = self._compiled
        app = self._flask
        if app.request_class is not self._request_class:
            self.stand_guard()
        if app.config is config and has_none(absent):
            for name, value in snapshot:
                if get(name) is not value:
                    break
            else:
                return settings if watched is None else watched.settings
        settings, watched, *_ = self._follow_config()
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
            if not self._is_config(_snapshot(self._compiled)):
                self._compiled = self._compile()
                self._announce(self._compiled[0])
                self.stand_guard()
            return self._compiled
        finally:
            lock.release()

    def _is_config(self, snapshot: _Snapshot) -> bool:
        return all(self._flask.config.get(name) is value for name, value in snapshot)

    def _compile(self) -> _Compiled:
        # One call, so that no other thread replaces a value between two of them.
        config: dict[str, object] = dict(self._flask.config)
        snapshot = tuple((name, config.get(name)) for name in SETTINGS)
        absent = frozenset(SETTINGS.keys() - config.keys())
        try:
            settings = read_settings(dict(snapshot), self._environment, self._flask.root_path)
            _refuse_secret_key(settings, config)
        except SettingError as error:
            self._mistake = snapshot, SettingError(*error.args)  # without its traceback
            raise
        self._mistake = None
        given = tuple(each for each in snapshot if each[0] not in absent)
        live, watched = self._flask.config, watch(settings, self._announce)
        return settings, watched, live, given, absent, (live.get, live.keys().isdisjoint)

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

    def cookie(self, settings: Settings) -> Optional[str]:
        """The name of the one cookie that is made secure, ``None`` for all."""
        if settings.secure_cookies == "all":
            return None
        return cast(str, self._flask.session_interface.get_cookie_name(self._flask))

    def derive(self, base: type[flask.Request]) -> type[flask.Request]:
        """Derive a request class whose instances are resolved from the start."""
        trust = self

        def __init__(self: flask.Request, environ: Any, *args: Any, **kwargs: Any) -> None:
            if PASSED not in environ:
                trust.believe(environ, trust.settings, True)
                trust.stand_guard()
            # super() finds the same one, and takes twice as long.
            base.__init__(self, environ, *args, **kwargs)

        bases = (base,) if issubclass(base, ProxiedRequest) else (ProxiedRequest, base)
        names = ("__module__", "__qualname__", "__doc__")
        namespace = {name: getattr(base, name) for name in names}
        derived: type[flask.Request] = type(
            base.__name__, bases, {**namespace, "__init__": __init__}
        )
        self._request_class = derived
        return derived

    def stand_guard(self) -> None:
        """Have :meth:`guard` asked about each request, before any other function is.

        Flask takes ten times as long to see that it is no coroutine function as it
        takes itself, so it is there only while something may be wrong.
        """
        functions = self._flask.before_request_funcs
        others = functions.get(None, [])
        if self._hook not in others:
            # A new list, since another thread may be in the middle of the old one.
            functions[None] = [self._hook, *others]

    def _stand_down(self) -> None:
        if self.settings.required or self.has_trusted_hosts():
            return  # it refuses requests, and tells of hosts that the app refused
        functions = self._flask.before_request_funcs
        functions[None] = [each for each in functions[None] if each is not self._hook]

    def guard(self) -> Optional[flask.Response]:
        """Do what is left where the request class or the middleware was lost.

        If an open path let the request in, the path is asked for again: a
        middleware inside may have changed it.
        """
        current = get_current_request()
        environ = current.environ
        if isinstance(current.routing_exception, SecurityError):
            self._warn_of_refused_host(environ)
        passed = environ.get(PASSED)
        if passed is self and isinstance(current, ProxiedRequest):
            self._stand_down()  # anything that finds a fault calls it back
            return None
        settings = self.settings
        late = resolution_of(environ) is None
        resolution = self.believe(environ, settings)
        if late or not isinstance(current, ProxiedRequest):
            publish(current, resolution)
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
        environ = get_current_request().environ
        resolution, settings = self.believe(environ, self.settings), self.settings
        if (
            environ.get(PASSED) not in (self, (self,))
            and settings.secure_cookies
            and resolution.scheme == "https"
        ):
            # The session is saved after this function, so its cookie is not there yet. Only
            # this one response is changed, hence a method of the object is replaced.
            get_headers, cookie = response.get_wsgi_headers, self.cookie(settings)
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
        names = [name_of(x) for x in outside if not isinstance(x, Middleware)]
        if names:
            self._warned.warn("around", {"names": ", ".join(names)}, of=str(names))


def _snapshot(compiled: _Compiled) -> _Snapshot:
    """The values of all settings that were compiled, ``None`` for those not there."""
    _, _, _, given, absent, _ = compiled
    return (*given, *((name, None) for name in absent))


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
        trust.stand_guard()
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
