"""The forgeries of the live probe, sent to an app through the test client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Optional, cast

from flask import Flask
from werkzeug.test import TestResponse

from ..chain import links
from ..core.environ import resolution_of
from ..core.headers import NAMES
from ..core.resolution import Resolution
from ..log import logger
from ..probe.forgeries import ANOTHER, CLIENT, HOST, IPV6, Forgery, forgeries
from ..report.phrases import in_words, quote, trust_given
from ..settings import Settings
from .client import CLIENTS, ProxiedClient, depth, proxied_client, settings_of, trusted_address

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: What no honest response tells. A port of four digits may be there by chance.
_TELLTALES = (CLIENT, ANOTHER, IPV6, HOST)
_PROPAGATES = "PROPAGATE_EXCEPTIONS"


def assert_unforgeable(
    app: WSGIApplication,
    path: str = "/",
    *,
    believed: Optional[Callable[[TestResponse], object]] = None,
    peer: Optional[str] = None,
    status: Optional[int] = None,
) -> None:
    """Assert that no client can forge what an app believes.

    Sends the forgeries of the live probe from a client behind trusted proxies
    and, where only some addresses are trusted, from one that comes past them.
    What the app believes must be what it believes without the forgery: the
    client, scheme, host, port and prefix of the request. Neither may anything
    forged be left in the forwarding headers, where others read it, nor be told
    by the response.

    Without a forgery the request behind the proxies has to succeed, or nothing
    would be proven. A client that comes directly may be refused.

    :param app: a Flask app, or any WSGI application with
        :class:`~flask_trustproxy.TrustProxyMiddleware` in its chain.
    :param path: what is asked for, by GET, about a hundred times.
    :param believed: tells from a response what its view believes, for views
        that read headers themselves. Asked instead of the last two.
    :param peer: the trusted proxy that asks the app; ``None``: one from its
        settings. Needed where a callable trusts no likely address.
    :param status: the status of a success, if it is neither 2xx nor 3xx.
    :raises AssertionError: what can be forged, by which header, and the fix; or
        that the request failed without a forgery.
    :raises ValueError: where ``believed`` tells something else each time.
    """
    __tracebackhide__ = True
    with _as_served(app):
        for number, client in enumerate(_clients(app, peer)):
            if not number:
                _assert_success(client, path, status)
            honest = _beliefs(client, path, (), believed)
            if _beliefs(client, path, (), believed) != honest:
                raise ValueError(f"{path} is answered in another way each time")
            resolution = _resolution(client)
            for forgery in forgeries(resolution.policy.headers, resolution.scheme, {}):
                forged = _beliefs(client, path, forgery.lines, believed)
                for name, value in forged.items():
                    if value != honest[name]:
                        raise AssertionError(
                            _explain(client, forgery, name, honest[name], value)
                        )


def _assert_success(client: ProxiedClient, path: str, status: Optional[int]) -> None:
    """Assert that an honest request is served, and not by an error page."""
    __tracebackhide__ = True
    got = client.get(path, buffered=True).status_code
    if got != status and not 200 <= got < 400:
        who = "behind the proxies" if _resolution(client).trusted_hops else "that connects"
        raise AssertionError(
            f"GET {path} is answered {got} to an honest client {who}, so nothing was tested.\n"
            f"Fix: give a path that succeeds, or status={got} if that is right"
        )


@contextmanager
def _as_served(app: WSGIApplication) -> Generator[None, None, None]:
    """Answer errors as a server does, and log nothing of what is provoked."""
    apps = [link for link in links(app) if isinstance(link, Flask)]
    configs = [cast("dict[str, object]", each.config) for each in apps]
    loggers = (logger, *(each.logger for each in apps))
    propagates = [config[_PROPAGATES] for config in configs]
    disabled = [each.disabled for each in loggers]
    for config in configs:
        config[_PROPAGATES] = False
    for each in loggers:
        each.disabled = True
    try:
        yield
    finally:
        for config, before in zip(configs, propagates):
            config[_PROPAGATES] = before
        for each, value in zip(loggers, disabled):
            each.disabled = value


def _clients(app: WSGIApplication, peer: Optional[str]) -> Iterator[ProxiedClient]:
    """A client behind trusted proxies, and one that comes past them."""
    settings = settings_of(app)
    if peer or trusted_address(settings, 0):
        outside = _stranger(settings, depth(settings)) or CLIENTS[0]
        yield proxied_client(app, outside, peer=peer, use_cookies=False)
    stranger = _stranger(settings, 0)
    if stranger is not None:
        yield proxied_client(app, stranger, peer=stranger, scheme="http", use_cookies=False)


def _stranger(settings: Settings, hop: int) -> Optional[str]:
    """An address that is not trusted as this hop, ``None`` where all are."""
    return next((each for each in CLIENTS if not settings.policy.trusts(each, hop)), None)


def _resolution(client: ProxiedClient) -> Resolution:
    resolution = resolution_of(client.last_environ)
    if resolution is None:
        raise RuntimeError(
            "TrustProxy did not see the request: something around it answered the request, or "
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
    plan = resolution.policy.headers
    for key, name in {**NAMES, **{header.key: header.name for header in plan.named}}.items():
        beliefs[f"the header {name}"] = environ.get(key)
    return beliefs


def _explain(
    client: ProxiedClient, forgery: Forgery, name: str, honest: object, forged: object
) -> str:
    """What can be forged, how, and the fix."""
    resolution = _resolution(client)
    return "\n".join(
        (
            f"A client can forge {name}: it is {quote(str(forged))} after",
            *(f"    {header}: {quote(value)}" for header, value in forgery.lines),
            f"and {quote(str(honest))} without.",
            f"The walk: {in_words(resolution)}",
            f"Fix: {_fix(client, resolution, name)}",
        )
    )


def _fix(client: ProxiedClient, resolution: Resolution, name: str) -> str:
    settings = settings_of(client.application)
    if name not in ("client_ip", "client_ips", "scheme", "host", "port", "prefix"):
        if not settings.policy.clean_headers:
            return (
                "set TRUST_PROXY_CLEAN_HEADERS = True, so that nobody finds there what was not "
                "believed, and read request.client_ip"
            )
        return (
            "read request.client_ip, and create TrustProxy last, since something around "
            "it reads the headers before they are cleaned"
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
