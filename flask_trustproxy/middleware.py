"""The WSGI middleware: rewrite, answer the probe, refuse, and mark the cookies.

It can be put around any WSGI application; the extension puts one around
every app.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Optional

from .chain import find_proxy_fixes, links, switch_off
from .core.environ import RESOLUTION, has_other_values, missed_edge, resolution_of, rewrite
from .core.policy import Policy
from .core.resolution import Resolution
from .log import Warned, announce, log_request
from .report.cautions import start_warnings, unknown_names
from .report.phrases import MISSED_IN_WORDS, node_name
from .settings import (
    SettingError,
    Settings,
    refuse_session_cookie,
    settings_from_arguments,
    settings_from_environment,
)
from .watch import watch

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Holds the innermost middleware that a request has passed. If an open path let the
#: request in, a tuple of it: a middleware inside may change the path.
PASSED = "flask_trustproxy.middleware"

FORBIDDEN = "This app is reached through its proxies only.\n"


class Middleware(ABC):
    """What goes around an application, whatever its settings come from.

    :param app: the application inside.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self._warned = Warned()

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """The settings in force."""

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        settings = self.settings
        token = None
        if settings.probe_key is not None:
            token = _take_token(settings.probe_key, environ)
        resolution = self.believe(environ, settings, True, token is not None)
        environ[PASSED] = self
        if token is not None:
            answered = _answer(settings, token, environ, resolution)
            if answered is not None:
                body, headers = answered
                start_response("200 OK", headers)
                return [body]
        if settings.required:
            if self.refuses(resolution, settings, environ):
                return _forbid(environ, start_response)
            if not came_through_proxies(resolution, settings, environ):
                environ[PASSED] = (self,)
        if settings.secure_cookies and resolution.scheme == "https":
            start_response = partial(_start_secured, start_response, (self, settings))
        return self.app(environ, start_response)

    def believe(
        self,
        environ: WSGIEnvironment,
        settings: Settings,
        entering: bool = False,
        is_probe: bool = False,
    ) -> Resolution:
        """Rewrite an environ and log the walk, unless an outer TrustProxy did.

        :param entering: whether a request comes in here. Then an environ that was
            rewritten here, and has another request's values by now, is rewritten again.
        :param is_probe: whether the live probe sent it.
        """
        if RESOLUTION not in environ:
            resolution = rewrite(environ, settings.policy)
            log_request(resolution, environ, self._warned, is_probe)
            return resolution
        done = resolution_of(environ)
        is_another = (
            done is not None
            and entering
            and done.policy is settings.policy
            and has_other_values(environ, done)
        )
        resolution = rewrite(environ, settings.policy, again=is_another)
        if done is None or is_another:
            log_request(resolution, environ, self._warned, is_probe)
        return resolution

    def refuses(
        self, resolution: Resolution, settings: Settings, environ: WSGIEnvironment
    ) -> bool:
        """Say whether a request is answered 403, and log it once."""
        refused = is_refused(resolution, settings, environ)
        missed = missed_edge(resolution, settings.policy, environ) if refused else None
        if refused and missed is None:
            self._warned.warn("refused_behind_count")
        elif refused:
            peer = resolution.nodes[0]
            values = {"peer": node_name(peer), "why": MISSED_IN_WORDS[missed]}
            self._warned.warn("refused", values, peer, str(missed))
        return refused

    def __getattr__(self, name: str) -> Any:
        """Read an attribute of the application inside, where some apps keep their state.

        :raises AttributeError: if it has no such attribute, and for special
            names, which ask about this object alone.
        """
        if name == "app" or name.startswith("__") or hasattr(type(self), name):
            # A property of ours that fails must not become another object's.
            return object.__getattribute__(self, name)
        return getattr(self.app, name)

    def cookie(self, settings: Settings) -> Optional[str]:
        """The name of the one cookie that is made secure, ``None`` for all."""
        return None


# A function, since a part of a method takes half as long again.
def _start_secured(
    start_response: StartResponse,
    by: tuple[Middleware, Settings],
    status: str,
    headers: list[tuple[str, str]],
    exc_info: Any = None,
) -> Any:
    """Add ``Secure`` to the cookies that a response sets (RFC 6265 section 5.2).

    :param by: who marks them, and by which settings.
    """
    for name, _ in headers:
        if name.lower() == "set-cookie":
            middleware, settings = by
            headers = with_secure(headers, middleware.cookie(settings))
            break
    if exc_info is None:  # some adapters take no third argument
        return start_response(status, headers)
    return start_response(status, headers, exc_info)


class TrustProxyMiddleware(Middleware):
    """Tell any WSGI application who its client really is.

    :param app: the application.
    :param trust: whom to trust, as ``TRUST_PROXY`` has it.
    :param headers: exactly the headers that the proxies write.
    :param max_hops: the largest number of hops that are trusted.
    :param clean_headers: leave in the environ only what was believed.
    :param secure_cookies: ``"all"`` adds ``Secure`` to every cookie that is
        set on a request that is https.
    :param required: answer 403 where the peer is not trusted; a list of paths
        leaves these open.
    :param probe_key: a secret that switches the live probe on.
    :param edge: the outermost proxies, as ``TRUST_PROXY_EDGE`` has them.
    :param edge_secret: the header that they add, as ``TRUST_PROXY_EDGE_SECRET`` has it.
    :param identity_headers: headers that say who the user is.
    :param scheme: ``"https"`` if the proxies end TLS and send no header that says so.
    :param replace_proxy_fix: set the counts of each ProxyFix inside to 0.
    :raises SettingError: where an argument cannot be used, or a ProxyFix is inside.
    """

    def __init__(
        self,
        app: WSGIApplication,
        trust: object = "loopback",
        headers: object = "X-Forwarded-For, X-Forwarded-Proto",
        max_hops: object = 16,
        clean_headers: object = True,
        secure_cookies: object = False,
        required: object = False,
        probe_key: object = None,
        edge: object = None,
        edge_secret: object = None,
        identity_headers: object = None,
        scheme: object = None,
        *,
        replace_proxy_fix: bool = False,
    ) -> None:
        settings = settings_from_arguments(
            trust=trust,
            headers=headers,
            max_hops=max_hops,
            clean_headers=clean_headers,
            secure_cookies=secure_cookies,
            required=required,
            probe_key=probe_key,
            edge=edge,
            edge_secret=edge_secret,
            identity_headers=identity_headers,
            scheme=scheme,
        )
        refuse_session_cookie(settings)
        self._enclose(app, settings, "TrustProxyMiddleware", replace_proxy_fix)

    def _enclose(
        self, app: WSGIApplication, settings: Settings, made_by: str, replace: bool
    ) -> None:
        """Go around an application, once it is known that we can."""
        proxy_fixes = find_proxy_fixes(
            app,
            ("app", "from the argument app"),
            replace,
            f"{made_by}(app, replace_proxy_fix=True)",
        )
        refuse_anyone(settings, app)
        switch_off(proxy_fixes)
        super().__init__(app)
        self._settings = settings
        self._announce(settings)
        self._watch = watch(settings, self._announce)

    @classmethod
    def from_environ(
        cls, app: WSGIApplication, *, replace_proxy_fix: bool = False
    ) -> TrustProxyMiddleware:
        """Put the middleware around an application, with the settings of the environment.

        A plain application has no config. Each environment variable has the name
        of its setting, such as ``TRUST_PROXY``. An empty one is not set.

        :param app: the application.
        :param replace_proxy_fix: set the counts of each ProxyFix inside to 0.
        :raises SettingError: if a variable has a value that cannot be used, or a
            ProxyFix that counts is inside.
        """
        middleware = cls.__new__(cls)
        settings = settings_from_environment(os.environ)
        made_by = "TrustProxyMiddleware.from_environ"
        middleware._enclose(app, settings, made_by, replace_proxy_fix)
        for warning in unknown_names(os.environ):
            middleware._warned.say(warning)
        return middleware

    @property
    def settings(self) -> Settings:
        """The settings in force; a trust file that changes counts soon after."""
        return self._settings if self._watch is None else self._watch.settings

    def _announce(self, settings: Settings) -> None:
        announce(settings, start_warnings(settings, False, {}), self._warned)


#: Trust that asks for no address, and so cannot tell a proxy from a stranger.
_ANYONE = ("everybody", "count")


def _lets_in_anyone(outer: Policy, inner: Policy) -> bool:
    """Say whether what an inner TrustProxy requires is true of everyone."""
    has_secret = outer.edge.secret is not None or inner.edge.secret is not None
    return outer.trust.kind in _ANYONE and not has_secret


def refuse_anyone(settings: Settings, application: object) -> None:
    """Refuse to trust anyone around a TrustProxy that lets in proxies only.

    :param application: the one inside.
    :raises SettingError: if ``settings`` trust a count or everybody, and an inner
        TrustProxy has ``TRUST_PROXY_REQUIRED``, which asks for the outer's result.
    """
    if settings.policy.trust.kind not in _ANYONE:
        return
    for link in links(application):
        if not isinstance(link, Middleware):
            continue
        inner = link.settings
        if inner.required and _lets_in_anyone(settings.policy, inner.policy):
            value, origin = settings.given["TRUST_PROXY"]
            raise SettingError(
                "TRUST_PROXY",
                origin,
                value,
                "expected the addresses of the proxies: the TrustProxy inside has "
                "TRUST_PROXY_REQUIRED, and this value would let in everyone",
            )


def came_through_proxies(
    resolution: Resolution, settings: Settings, environ: dict[str, Any]
) -> bool:
    """Say whether a request came through the proxies that these settings require."""
    return missed_edge(resolution, settings.policy, environ) is None and not _lets_in_anyone(
        resolution.policy, settings.policy
    )


def is_refused(resolution: Resolution, settings: Settings, environ: dict[str, Any]) -> bool:
    """Say whether a request did not come through the proxies, though it must."""
    return (
        settings.required
        and not came_through_proxies(resolution, settings, environ)
        and environ.get("PATH_INFO") not in settings.open_paths
    )


def _take_token(key: bytes, environ: WSGIEnvironment) -> Optional[str]:
    """Take the probe's token out of a request, if it has one that is right."""
    from .probe import door  # only an app that has a key loads the probe

    token = environ.pop(door.TOKEN, None)
    return token if token is not None and door.read_token(key, token, environ) else None


def _answer(
    settings: Settings, token: str, environ: WSGIEnvironment, resolution: Resolution
) -> Optional[tuple[bytes, list[tuple[str, str]]]]:
    """Answer the probe; ``None`` if the token was used before."""
    from .probe import door

    refused = is_refused(resolution, settings, environ)
    return door.answer(settings, token, environ, resolution, refused)


def _forbid(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = FORBIDDEN.encode()
    start_response(
        "403 Forbidden",
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
        ],
    )
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def with_secure(
    headers: Iterable[tuple[str, str]], only: Optional[str]
) -> list[tuple[str, str]]:
    """Add ``Secure`` to the cookies that headers set (RFC 6265 section 5.2).

    :param only: the name of the one cookie that gets it, ``None`` for all.
    """
    return [
        (name, _with_secure(value, only) if name.lower() == "set-cookie" else value)
        for name, value in headers
    ]


def _with_secure(cookie: str, only: Optional[str]) -> str:
    pair, *attributes = cookie.split(";")
    if only is not None and pair.partition("=")[0].strip() != only:
        return cookie
    if any(name.partition("=")[0].strip().lower() == "secure" for name in attributes):
        return cookie
    return f"{cookie}; Secure"
