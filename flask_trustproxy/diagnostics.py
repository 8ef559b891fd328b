"""A Resolution or Settings in words.

The log speaks through this module, and so does everything else that explains.
It decides nothing: it words what the walk decided. Nothing here lets a
stranger write more than one line per cause into the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from .addresses import UNIX
from .headers import CDN_HEADERS
from .settings import Settings
from .walk import Resolution

logger = logging.getLogger("flask_trustproxy")

#: The causes that were warned of in this process. Causes are counted by us,
#: never by what a client writes.
_warned: set[str] = set()


def warn_once(cause: str, message: str, *args: object) -> None:
    """Log a warning, the first time that this process has this cause."""
    if cause not in _warned:
        _warned.add(cause)
        logger.warning(message, *args)


def quote(text: str, limit: int = 200) -> str:
    """Cut and escape text that a stranger may have written, for one line."""
    cut = text[:limit]
    return ascii(cut) + ("..." if len(text) > limit else "")


def node_name(node: str) -> str:
    """A node in words."""
    return {"": "a peer without an address", UNIX: "a unix-domain socket"}.get(node, node)


def announce(settings: Settings, trusted_hosts: bool) -> None:
    """Log the settings in force, and warn of those that are dangerous.

    :param trusted_hosts: whether the app has a list of hosts that it serves.
    """
    logger.info(
        "%s",
        ", ".join(f"{name}={value!r} ({o})" for name, (value, o) in settings.given.items()),
    )
    for written, network in settings.trust.rewritten():
        logger.info("TRUST_PROXY: %s read as %s", written, network)
    for warning in setting_warnings(settings, trusted_hosts):
        warn_once(warning, "%s", warning)


def setting_warnings(settings: Settings, trusted_hosts: bool) -> Iterator[str]:
    """Word each danger of the settings, with the mend."""
    trust, headers = settings.trust, settings.headers
    if trust.trusts_strangers():
        value, origin = settings.given["TRUST_PROXY"]
        yield (
            f"TRUST_PROXY={quote(str(value))} ({origin}) trusts strangers: anyone can forge "
            "the client's address. Name the addresses or networks of your proxies"
        )
    if headers.says("host") and not trusted_hosts:
        yield (
            "TRUST_PROXY_HEADERS lets a header say the host, and no list of trusted hosts is "
            "set: where a proxy passes that header on, a client chooses the host of every URL. "
            "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts"
        )
    if headers.client and headers.client.name in CDN_HEADERS and trust.trusts_local():
        yield (
            f"TRUST_PROXY_HEADERS names {headers.client.name}, which only the CDN overwrites, "
            "while TRUST_PROXY trusts local addresses: your own proxy must overwrite it on "
            "connections that are not the CDN's, or read X-Forwarded-For with the CDN's "
            "networks trusted"
        )


def in_words(resolution: Resolution) -> str:
    """The walk in one line, from the client to the app."""
    hops = [
        node_name(node) + (" peer" if index == 0 else "") + _trusted_by(resolution, node, index)
        for index, node in enumerate(resolution.nodes)
    ]
    parts = [
        f"client {resolution.client_ip}: {' -> '.join(reversed(hops))} -> app",
        f"stopped: {resolution.stopped}",
        f"scheme {resolution.scheme}",
        *(f"{what} {quote(value)}" for what, value in resolution.believed.items()),
        *(f"ignored {name} {quote(value)}: {why}" for name, value, why in resolution.ignored),
    ]
    return "; ".join(parts)


def _trusted_by(resolution: Resolution, node: str, hop: int) -> str:
    if hop >= resolution.trusted_hops:
        return ""
    return f" (trusted: {resolution.settings.trust.rule(node, hop)})"


#: Proxies commonly write these, and the default does not read them.
_OFTEN_MISSED = {
    "HTTP_X_FORWARDED_HOST": "X-Forwarded-Host",
    "HTTP_X_FORWARDED_PORT": "X-Forwarded-Port",
    "HTTP_X_FORWARDED_PREFIX": "X-Forwarded-Prefix",
}


def log_request(
    resolution: Resolution, environ: Mapping[str, Any], removed: Iterable[str]
) -> None:
    """Log the walk of a request, and warn of what looks like a mistake.

    :param environ: after the rewrite.
    :param removed: the keys of what is gone from it.
    """
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s", in_words(resolution))
    if "werkzeug.proxy_fix.orig" in environ:
        warn_once(
            "proxy fix",
            "ProxyFix has rewritten the request before TrustProxy saw it, so the peer is not "
            "the peer any more. Remove ProxyFix",
        )
    if resolution.settings.trust.count and "mod_wsgi.version" in environ:
        warn_once(
            "mod_wsgi count",
            "TRUST_PROXY counts hops under mod_wsgi, where the web server is no hop: "
            "REMOTE_ADDR is already its client. Name addresses, or count one less",
        )
    if resolution.trusted_hops:
        for key in removed:
            if key in _OFTEN_MISSED:
                name = _OFTEN_MISSED[key]
                warn_once(
                    f"removed {name}",
                    "%s was removed though a trusted peer sent it: if your proxy writes it, "
                    "add it to TRUST_PROXY_HEADERS",
                    name,
                )
    if resolution.ignored:
        _warn_of_ignored(resolution)


def _warn_of_ignored(resolution: Resolution) -> None:
    peer, ignored = resolution.nodes[0], resolution.ignored[0]
    if resolution.stopped == "not_an_address":
        warn_once(
            "not an address",
            "%s written by the trusted %s is no address, so the walk ended there: %s",
            ignored.header,
            node_name(resolution.nodes[-1]),
            quote(ignored.value),
        )
    elif resolution.stopped == "count_not_reached":
        if ignored.value.strip(" \t"):
            warn_once(
                "count not reached",
                "TRUST_PROXY counts %s hops, but %s has fewer entries: a request came past a "
                "proxy, or the count is wrong. Nothing was believed of it",
                resolution.settings.trust.count,
                ignored.header,
            )
    elif resolution.trusted_hops == 0 and "untrusted peer" not in _warned and _is_local(peer):
        warn_once(
            "untrusted peer",
            "%s sent forwarded headers but is not trusted, so its client and scheme were not "
            "believed. If this is your proxy, set TRUST_PROXY = %r",
            node_name(peer),
            _suggest(resolution.settings, peer),
        )


def _is_local(peer: str) -> bool:
    """Say whether a peer cannot be a stranger on the internet."""
    return peer in ("", UNIX) or not ip_address(peer).is_global


def _suggest(settings: Settings, peer: str) -> str:
    """A value of TRUST_PROXY that trusts this peer as well."""
    mend = peer if peer not in ("", UNIX) else "unix"
    if settings.trust.kind != "addresses":
        return mend
    return ", ".join(map(str, (*settings.trust.elements, mend)))
