"""The request as an app sees it: ``client_ip``, ``client_ips`` and functions for both.

Here lives what is read off a resolution. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Optional, cast

import flask

from .core.addresses import behind_nat64, parse_network
from .core.environ import resolution_of
from .core.resolution import Resolution


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


get_current_request: Callable[[], flask.Request] = cast(Any, flask.request)._get_current_object

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


def publish(current: flask.Request, resolution: Resolution) -> None:
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
