"""What of a request shows that a set-up is wrong.

A request of an honest set-up costs a few comparisons; all else is computed only if one of
them does not hold. The texts are in :mod:`~flask_trustproxy.report.messages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.addresses import UNIX
from ..core.environ import ORIGINAL
from ..core.forwarded import ElementReader, entries
from ..core.headers import Header
from ..core.resolution import Resolution
from ..core.trust import is_local
from .client_suspicions import OTHER_CLIENTS, of_client
from .phrases import node_name, quote, suggest
from .suspicion import Suspicion
from .url_suspicions import URL_PARTS, of_ignored, of_url

#: Other headers that were removed are suspicious only if one that is read is missing.
_TELLING = frozenset((*URL_PARTS, *OTHER_CLIENTS))


def is_usual(resolution: Resolution, environ: Mapping[str, Any]) -> bool:
    """Say whether a request is like most, so that nothing is suspicious of it.

    Each request is asked this, so it only compares.

    :param environ: after the rewrite.
    """
    policy = resolution.policy
    if (
        resolution.ignored
        or resolution.unbracketed is not None
        or policy.trust.count
        or not policy.clean_headers
        or "werkzeug.proxy_fix.orig" in environ
        or (resolution.removed and not _TELLING.isdisjoint(resolution.removed))
    ):
        return False
    if resolution.stopped != "untrusted":  # no forwarding header came, or it is unusual
        return not (
            resolution.stopped != "end"
            or resolution.behind
            or resolution.believed
            or resolution.removed
        )
    if not resolution.trusted_hops:
        return True
    if resolution.scheme != "https" and "scheme" not in resolution.believed:
        return False
    original = environ[ORIGINAL]
    for header in policy.headers.values:
        if header.key in original:  # it held more, or something else, than was believed
            break
    else:
        return True
    return False


def suspicions(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[Suspicion]:
    """Find what is suspicious of a request.

    :param environ: after the rewrite.
    """
    trust = resolution.policy.trust
    if "werkzeug.proxy_fix.orig" in environ:
        yield Suspicion("proxy_fix", {})
    if trust.count and "mod_wsgi.version" in environ:
        yield Suspicion("mod_wsgi_count", {"count": trust.count})
    if resolution.missed == "not_trusted" and resolution.ignored:
        yield from _of_untrusted(resolution, environ)
    if resolution.trusted_hops or resolution.stopped == "count_not_reached":
        yield from of_client(resolution, environ)
    if resolution.trusted_hops and resolution.ignored:
        yield from of_ignored(resolution)
    if resolution.missed is None:
        yield from of_url(resolution, environ)


def _of_untrusted(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[Suspicion]:
    """A peer that is not trusted, and a count that is not reached."""
    peer, ignored = resolution.peer, resolution.ignored[0]
    client = resolution.policy.headers.client
    if resolution.stopped == "count_not_reached":
        if client and ignored.header == client.name and ignored.value.strip(" \t"):
            count = resolution.policy.trust.count
            yield Suspicion("count_not_reached", {"count": count, "header": client.name})
        return
    if resolution.stopped == "no_secret" or not is_local(peer):
        return
    who = {"peer": node_name(peer)}
    if (
        client is not None
        and ignored.header == client.name
        and _names(client, ignored.value, peer)
    ):
        yield Suspicion("server_decided", {**who, "header": client.name}, peer)
        return
    given = environ[ORIGINAL].get("REMOTE_ADDR", environ.get("REMOTE_ADDR"))
    # Servers leave REMOTE_ADDR out for a socket.
    trusted = suggest(resolution.policy, UNIX if given is None else peer)
    if trusted:
        yield Suspicion("untrusted_peer", {**who, "trust": repr(trusted)}, peer)
    else:
        yield Suspicion("peer_without_address", {**who, "given": quote(str(given))}, peer)


def _names(client: Header, value: str, node: str) -> bool:
    """Say whether a list begins or ends with this node.

    A server that reads the list by itself takes either the last entry that it does not
    trust, or the first.
    """
    read = ElementReader(()).node if client.is_forwarded else client.parse
    last = next(entries(value, client.says), "")
    first = value.partition(",")[0]
    return node not in ("", UNIX) and node in (read(last), read(first))
