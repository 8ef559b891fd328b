"""The log: the lines at the start, the line of a request, and each warning once.

Here lives what is logged, and how often. The words are in
:mod:`~flask_trustproxy.report.phrases`. Nothing here lets a stranger write more than
one line per cause into the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .core.addresses import UNIX, parse_network
from .core.environ import ORIGINAL
from .core.resolution import Resolution
from .core.trust import is_local
from .report.cautions import setting_warnings
from .report.phrases import in_words, node_name, quote, settings_in_words, suggest
from .settings import Settings

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


def announce(settings: Settings, trusted_hosts: bool, warned: Warned) -> None:
    """Log the settings in force, and warn of those that are dangerous.

    :param trusted_hosts: whether the app has a list of hosts that it serves.
    :param warned: knows which warnings the app had before.
    """
    logger.info("%s", ", ".join(settings_in_words(settings, 200)))
    for written, network in settings.policy.trust.rewritten():
        logger.info("TRUST_PROXY: %s read as %s", written, network)
    for file in settings.policy.trust.files:
        logger.info("TRUST_PROXY: %r has %s addresses and networks", file.path, file.count)
    for caution in setting_warnings(settings, trusted_hosts):
        warned.once(str(caution), "%s", caution)


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
    if resolution.policy.trust.count and "mod_wsgi.version" in environ:
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
        client = resolution.policy.headers.client
        if client and ignored.header == client.name and ignored.value.strip(" \t"):
            warned.once(
                "count not reached",
                "TRUST_PROXY counts %s hops, but %s has fewer addresses: a request came past a "
                "proxy, or the count is wrong. Nothing was believed of it",
                resolution.policy.trust.count,
                ignored.header,
            )
    elif resolution.missed == "not_trusted" and is_local(peer):
        # Servers leave REMOTE_ADDR out for a socket.
        trusted = suggest(resolution.policy, UNIX if given is None else peer)
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
