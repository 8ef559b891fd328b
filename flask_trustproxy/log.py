"""A Resolution or Settings in words.

The log speaks through this module, and so do the commands. It decides nothing:
it words what the walk decided. Nothing here lets a stranger write more than
one line per cause into the log.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

from .core.addresses import UNIX, parse_network
from .core.edge import Missed
from .core.environ import ORIGINAL
from .core.headers import CDN_HEADERS
from .core.trust import is_local
from .core.walk import Resolution
from .settings import Settings, cut

logger: logging.Logger = logging.getLogger("flask_trustproxy")

#: How many networks of each sort a cause that is about one peer is logged for.
_MOST_NETWORKS = 10


class Warned:
    """The causes that one app was warned of.

    Its size has a limit that no client can move: causes are texts of ours, and
    a cause that is about a peer counts for a small number of networks.

    Threads share it without a lock. Each access to the sets is one step of the
    interpreter. Two threads that race can log one cause twice, at worst.
    """

    def __init__(self) -> None:
        self._causes: set[str] = set()
        self._networks: dict[tuple[str, bool], set[str]] = {}

    def once(self, cause: str, message: str, *args: object) -> None:
        """Log a warning, the first time that the app has this cause."""
        if cause not in self._causes:
            self._causes.add(cause)
            logger.warning(message, *args)

    def once_per_network(self, cause: str, node: str, message: str, *args: object) -> None:
        """Log a warning about a peer, the first time that its network has this cause.

        A network is an IPv4 /24 or an IPv6 /48. Public and other networks are
        counted apart, ten of each, so that strangers cannot use up the
        warning for a proxy.

        :param node: the peer's node.
        """
        networks = self._networks.setdefault((cause, is_local(node)), set())
        if len(networks) >= _MOST_NETWORKS:
            return
        network = node
        if node not in ("", UNIX):
            network = str(parse_network(f"{node}/{48 if ':' in node else 24}"))
        if network not in networks:
            networks.add(network)
            logger.warning(message, *args)


def quote(text: str, limit: int = 200) -> str:
    """Cut and escape text that a stranger may have written, for one line."""
    return ascii(text[:limit]) + ("..." if len(text) > limit else "")


def node_name(node: str) -> str:
    """A node in words."""
    return {"": "a peer without an address", UNIX: "a unix-domain socket"}.get(node, node)


#: Why a request did not come through the edge.
MISSED_IN_WORDS: Mapping[Missed, str] = {
    "not_trusted": "it is not trusted",
    "no_edge_hop": "no trusted hop is in TRUST_PROXY_EDGE",
    "no_secret": "the header of TRUST_PROXY_EDGE_SECRET is missing or wrong",
}


class Caution(NamedTuple):
    """What is dangerous or likely a mistake, and how to fix it.

    :param code: names it for programs.
    :param message: what is the matter.
    :param fix: what to do about it.
    """

    code: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.message}. {self.fix}"


def announce(settings: Settings, trusted_hosts: bool, warned: Warned) -> None:
    """Log the settings in force, and warn of those that are dangerous.

    :param trusted_hosts: whether the app has a list of hosts that it serves.
    :param warned: knows which warnings the app had before.
    """
    logger.info("%s", ", ".join(settings_in_words(settings, 200)))
    for written, network in settings.trust.rewritten():
        logger.info("TRUST_PROXY: %s read as %s", written, network)
    for file in settings.trust.files:
        logger.info("TRUST_PROXY: %r has %s addresses and networks", file.path, file.count)
    for caution in setting_warnings(settings, trusted_hosts):
        warned.once(str(caution), "%s", caution)


def settings_in_words(settings: Settings, limit: int = sys.maxsize) -> list[str]:
    """Each setting in force, and where it came from.

    :param limit: how many characters of a value are shown.
    """
    return [
        f"{name}={cut(repr(value), limit)} ({origin})"
        for name, (value, origin) in settings.given.items()
    ]


def setting_warnings(settings: Settings, trusted_hosts: bool) -> Iterator[Caution]:
    """Word each danger of the settings."""
    trust, headers = settings.trust, settings.headers
    if trust.trusts_strangers():
        yield Caution(
            "strangers",
            f"{trust_given(settings)} trusts strangers: anyone can forge the client's address",
            "Name the addresses or networks of your proxies",
        )
    if headers.says("host") and not trusted_hosts:
        yield Caution(
            "host_without_trusted_hosts",
            "TRUST_PROXY_HEADERS lets a header say the host, and no list of trusted hosts is "
            "set: where a proxy passes that header on, a client chooses the host of every URL",
            "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts",
        )
    if headers.client and headers.client.name in CDN_HEADERS and trust.trusts_local():
        yield Caution(
            "cdn_header",
            f"TRUST_PROXY_HEADERS names {headers.client.name}, which only the CDN overwrites, "
            "while TRUST_PROXY trusts local addresses",
            "Your own proxy must overwrite it on connections that are not the CDN's, or read "
            "X-Forwarded-For with the CDN's networks trusted",
        )


def trust_given(settings: Settings) -> str:
    """``TRUST_PROXY`` as it was given, and where."""
    value, origin = settings.given["TRUST_PROXY"]
    return f"TRUST_PROXY={quote(str(value))} ({origin})"


def in_words(resolution: Resolution) -> str:
    """The walk in one line, from the client to the app."""
    parts = [
        f"client {resolution.client_ip}: {' -> '.join(hops_in_words(resolution))} -> app",
        f"stopped: {resolution.stopped}",
        f"scheme {resolution.scheme}",
        *(f"{what} {quote(value)}" for what, value in resolution.believed.items()),
        *(f"ignored {name} {quote(value)}: {why}" for name, value, why in resolution.ignored),
    ]
    return "; ".join(parts)


def rule_of(resolution: Resolution, hop: int) -> Optional[str]:
    """Name what trusts a hop, ``None`` where nothing does."""
    if hop >= resolution.trusted_hops:
        return None
    return resolution.settings.trust.rule(resolution.nodes[hop], hop)


def hops_in_words(resolution: Resolution) -> list[str]:
    """Each hop in words, the peer last."""
    words: list[str] = []
    for hop, node in enumerate(resolution.nodes):
        rule = rule_of(resolution, hop)
        trusted = "" if rule is None else f" (trusted: {rule})"
        words.append(f"{node_name(node)}{'' if hop else ' peer'}{trusted}")
    return words[::-1]


#: Proxies commonly write these, and the default does not read them.
_OFTEN_MISSED = {
    "HTTP_X_FORWARDED_HOST": "X-Forwarded-Host",
    "HTTP_X_FORWARDED_PORT": "X-Forwarded-Port",
    "HTTP_X_FORWARDED_PREFIX": "X-Forwarded-Prefix",
}


def log_request(resolution: Resolution, environ: Mapping[str, Any], warned: Warned) -> None:
    """Log the walk of a request, and warn of a likely mistake.

    :param environ: after the rewrite.
    :param warned: knows which warnings the app had before.
    """
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s", in_words(resolution))
    if "werkzeug.proxy_fix.orig" in environ:
        warned.once(
            "proxy fix",
            "ProxyFix has rewritten the request before TrustProxy saw it, so the peer is not "
            "the peer any more. Remove ProxyFix",
        )
    if resolution.settings.trust.count and "mod_wsgi.version" in environ:
        warned.once(
            "mod_wsgi count",
            "TRUST_PROXY counts hops under mod_wsgi, where the web server is no hop: "
            "REMOTE_ADDR is already its client. Name addresses, or count one less",
        )
    for key in resolution.removed if resolution.trusted_hops else ():
        name = _OFTEN_MISSED.get(key)
        if name is not None:
            warned.once(
                f"removed {name}",
                "%s was removed though a trusted peer sent it: if your proxy writes it, add it "
                "to TRUST_PROXY_HEADERS",
                name,
            )
    if resolution.unbracketed is not None:
        writer = resolution.nodes[resolution.unbracketed - 1]
        warned.once_per_network(
            "unbracketed",
            writer,
            "Forwarded: %s wrote the IPv6 address %s without brackets, so a port behind it is "
            'read as a part of it. Let this proxy write for="[2001:db8::1]", or no port',
            node_name(writer),
            resolution.nodes[resolution.unbracketed],
        )
    if resolution.ignored:
        given = environ[ORIGINAL].get("REMOTE_ADDR", environ.get("REMOTE_ADDR"))
        _warn_of_ignored(resolution, given, warned)


def _warn_of_ignored(resolution: Resolution, given: object, warned: Warned) -> None:
    peer, ignored = resolution.nodes[0], resolution.ignored[0]
    if resolution.stopped == "not_an_address":
        warned.once_per_network(
            "not an address",
            resolution.nodes[-1],
            "%s: %s, which is trusted, wrote no address, so the walk ended there: %s",
            ignored.header,
            node_name(resolution.nodes[-1]),
            quote(ignored.value),
        )
    elif resolution.stopped == "count_not_reached":
        client = resolution.settings.headers.client
        if client and ignored.header == client.name and ignored.value.strip(" \t"):
            warned.once(
                "count not reached",
                "TRUST_PROXY counts %s hops, but %s has fewer addresses: a request came past a "
                "proxy, or the count is wrong. Nothing was believed of it",
                resolution.settings.trust.count,
                ignored.header,
            )
    elif resolution.missed == "not_trusted" and is_local(peer):
        # Servers leave REMOTE_ADDR out for a socket.
        trusted = suggest(resolution.settings, UNIX if given is None else peer)
        warned.once_per_network(
            "untrusted peer",
            peer,
            "%s sent forwarded headers but is not trusted, so its client and scheme were not "
            "believed. %s",
            node_name(peer),
            f"If this is your proxy, set TRUST_PROXY = {trusted!r}"
            if trusted
            else f"The server says REMOTE_ADDR = {quote(str(given))}, which is no address. Let "
            "it give the address alone, without a port and brackets",
        )


def suggest(settings: Settings, peer: str) -> Optional[str]:
    """A value of TRUST_PROXY that trusts this peer as well.

    :param peer: its node.
    :returns: ``None`` for a peer without an address, which nothing names.
    """
    if not peer:
        return None
    element = "unix" if peer == UNIX else peer
    if settings.trust.kind != "addresses":
        return element
    elements = (str(each).strip(" \t") for each in settings.trust.elements)
    return ", ".join(dict.fromkeys((*elements, element)))
