"""Which settings to write: the narrowest that reach the prober.

Only headers that no forgery could change are recommended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import NamedTuple, Optional

from ..core.addresses import UNIX, parse_address
from ..core.forwarded import entries, parse_element
from ..core.headers import Says, parse_headers
from ..core.values import DEFAULT_PORTS, parse_scheme
from .answers import Output, Url, split_netloc
from .observations import Client, Observations


class Wrong(NamedTuple):
    """What the app believes of an honest request, and should not.

    :param output: which of its beliefs.
    :param believed: what it believes, ``""`` for nothing.
    :param expected: what is true, ``None`` where the probe cannot know.
    """

    output: Output
    believed: str
    expected: Optional[str]


@dataclass(frozen=True)
class Recommendation:
    """Settings that reach the prober and trust nobody else; ``None``: there are none.

    :param trust: ``TRUST_PROXY``.
    :param headers: ``TRUST_PROXY_HEADERS``.
    :param max_hops: ``TRUST_PROXY_MAX_HOPS``.
    :param count: what ``TRUST_PROXY`` could be instead, as a count.
    """

    trust: Optional[str] = None
    headers: Optional[str] = None
    max_hops: Optional[int] = None
    count: Optional[int] = None

    def settings(self) -> dict[str, object]:
        """The settings to write, by name."""
        settings = {
            "TRUST_PROXY": self.trust,
            "TRUST_PROXY_HEADERS": self.headers,
            "TRUST_PROXY_MAX_HOPS": self.max_hops,
        }
        return {name: value for name, value in settings.items() if value is not None}


def wrong_url(url: Url, scheme: str, host: str, port: str) -> Iterator[Wrong]:
    """What differs from the URL that was probed."""
    if scheme != url.scheme:
        yield Wrong("scheme", scheme, url.scheme)
    if port == DEFAULT_PORTS[url.scheme]:
        port = ""
    if host != url.host:
        yield Wrong("host", host, url.host)
    elif port != url.port:
        yield Wrong("port", port, url.port)


def wrong_prefix(seen: Observations, prefix: str) -> Iterator[Wrong]:
    """What differs from the path that was probed, if the app was asked for a part of it."""
    expected = _expected_prefix(seen)
    if expected is not None and prefix != expected:
        yield Wrong("prefix", prefix, expected)


def _expected_prefix(seen: Observations) -> Optional[str]:
    """The prefix of the probed URL; ``None`` if a proxy rewrote the path."""
    url, path = seen.url.path, seen.honest.path
    if not url.endswith(path) or not (path.startswith("/") or not path):
        return None
    return url[: len(url) - len(path)].rstrip("/")


def recommend(seen: Observations) -> Recommendation:
    """The narrowest settings that reach the prober and say as much as can be said."""
    if seen.peer_is_client:  # the peer would be trusted as a proxy, and it is the client
        return Recommendation()
    if seen.is_direct:
        return Recommendation("false", "none", None, 0)
    recommendations = [
        _recommend(seen, client)
        for client in seen.usable
        if all(node == UNIX or parse_address(node) for node in client.proxies)
    ]
    return min(
        recommendations,
        key=lambda each: len(list(left_wrong(seen, each))),
        default=Recommendation(),
    )


def _recommend(seen: Observations, client: Client) -> Recommendation:
    prober, hops = client.chain[0], len(client.chain) - 1
    single = client.header.says == "client"
    headers = [client.header.item]
    whats: tuple[Says, ...] = ("scheme", "host", "port", "prefix")
    for what in whats:
        if client.header.says != "forwarded" or what in ("port", "prefix"):
            headers += _naming(seen, what, 1 if single else hops)
    trust = dict.fromkeys(_trusting(proxy, prober) for proxy in client.proxies)
    return Recommendation(", ".join(trust), ", ".join(headers), hops, hops)


def left_wrong(seen: Observations, recommendation: Recommendation) -> Iterator[Wrong]:
    """What an honest request's URL would still be seen wrongly with these settings."""
    plan = parse_headers(recommendation.headers or "none")
    said: dict[Says, str] = {}
    for header in plan.values:
        said[header.says] = seen.value(header, header.n) or ""
    if plan.client is not None and plan.client.says == "forwarded":
        *_, outermost = entries(seen.honest.headers["Forwarded"], "forwarded")
        element = parse_element(outermost)
        said["scheme"], said["host"] = parse_scheme(element.proto) or "", element.host
    host, port = split_netloc(said.get("host") or seen.honest.host)
    yield from wrong_url(
        seen.url,
        said.get("scheme") or seen.honest.scheme,
        host,
        said.get("port") or port,
    )
    own = "" if seen.honest.plan.says("prefix") else seen.honest.believed["prefix"]
    yield from wrong_prefix(seen, (said.get("prefix") or own).rstrip("/"))


def _trusting(proxy: str, prober: str) -> str:
    """What ``TRUST_PROXY`` calls a proxy; not by a name that is the prober's too."""
    if proxy == UNIX:
        return "unix"
    if is_loopback(proxy) and not is_loopback(prober):
        return "loopback"
    return proxy


def _naming(seen: Observations, what: Says, reach: int) -> Iterator[str]:
    """The header that says this truly, if one is needed and the prober cannot change it."""
    url, honest = seen.url, seen.honest
    host, port = split_netloc(honest.host)
    prefix = _expected_prefix(seen)
    if (what == "host" and host == url.host) or (what == "port" and port == url.port):
        return
    for header in seen.headers.values():
        for n in range(1, reach + 1) if header.says == what else ():
            value = seen.value(header, n)
            said = split_netloc(value)[0] if value and what == "host" else value
            if said is not None and said == {
                "scheme": url.scheme,
                "host": url.host,
                "port": url.port,
                "prefix": prefix if prefix is not None else said,
            }.get(what, said):
                yield replace(header, n=n).item
                return


def is_loopback(address: str) -> bool:
    """Say whether this is the address of the app's own machine."""
    return parse_address(address) is not None and ip_address(address).is_loopback
