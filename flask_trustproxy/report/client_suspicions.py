"""The client that was found is likely a proxy: each cause has its condition here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ..core.addresses import UNIX
from ..core.headers import CDN_HEADERS, KNOWN, PASSED_ON_HEADERS, Header, environ_key
from ..core.resolution import Resolution
from ..core.trust import is_local
from .phrases import node_name, quote
from .suspicion import Suspicion, received, unread
from .words import left_of

#: A platform writes these about the address that connected to it.
_OF_PLATFORM = ("Fly-Client-IP", "DO-Connecting-IP", "X-Appengine-User-IP")

#: What is sent and not read, by environ key: the client, as TRUST_PROXY_HEADERS names it.
_CLIENT_ITEMS = {
    **{header.key: header.name for header in KNOWN.values() if header.names_client},
    **{
        environ_key(name): f"{name}=address"
        for name in ("Client-IP", "X-ProxyUser-Ip", "WL-Proxy-Client-IP", "Proxy-Client-IP")
    },
}

OTHER_CLIENTS = {environ_key(name): name for name in (*CDN_HEADERS, *_OF_PLATFORM)}


def of_client(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[Suspicion]:
    """A client that is a proxy, for whichever reason."""
    policy, stopped = resolution.policy, resolution.stopped
    client = policy.headers.client
    if client is None or stopped == "not_an_address":
        return
    if not resolution.behind:
        if stopped != "untrusted" and not received(environ, client.key):
            yield from _of_unread_client(resolution, environ)
        return
    ended = None
    if policy.trust.count:
        ended = _of_count(resolution, environ, client)
    elif stopped != "untrusted" and policy.trust.kind == "addresses":
        ended = _of_end(resolution, environ, client)
    if ended is not None:
        yield ended
    else:
        yield from _of_other_clients(resolution, environ, client)


def _of_count(
    resolution: Resolution, environ: Mapping[str, Any], client: Header
) -> Optional[Suspicion]:
    """A count found an address that is likely a proxy's."""
    found = resolution.nodes[-1]
    if found == UNIX or not is_local(found) or not _left(client, resolution, environ):
        return None
    count = resolution.policy.trust.count
    values = {"count": count, "client": found, "header": client.name}
    return Suspicion("count_too_low", values)


def _of_end(
    resolution: Resolution, environ: Mapping[str, Any], client: Header
) -> Optional[Suspicion]:
    """All hops that were found are trusted, the client included."""
    policy, nodes = resolution.policy, resolution.nodes
    found = nodes[-1]
    rule = policy.trust.rule(found, len(nodes) - 1)
    if rule is None or found == UNIX:
        return None
    values = {"client": found, "header": client.name, "rule": rule}
    if resolution.stopped == "max_hops" and _left(client, resolution, environ):
        return Suspicion("max_hops", {**values, "max_hops": policy.max_hops}, found)
    if is_local(found):
        return None
    return Suspicion("client_is_a_proxy", {**values, "writer": node_name(nodes[-2])}, found)


def _left(client: Header, resolution: Resolution, environ: Mapping[str, Any]) -> str:
    """What is left of the client in its list."""
    return left_of(client, received(environ, client.key), len(resolution.nodes) - 1)


def _of_unread_client(
    resolution: Resolution, environ: Mapping[str, Any]
) -> Iterator[Suspicion]:
    """The client came under another name than the one that is read."""
    sent = unread(resolution, environ, _CLIENT_ITEMS)
    usable = [name for name in sent if name not in PASSED_ON_HEADERS]
    if not sent:
        return
    client = resolution.policy.headers.client
    values = {
        "peer": node_name(resolution.peer),
        "header": client and client.name,
        "names": " and ".join(name.partition("=")[0] for name in usable or sent),
        "item": (usable or sent)[0],
    }
    name = "client_header_not_read" if usable else "client_header_passed_on"
    yield Suspicion(name, values, resolution.peer)


def _of_other_clients(
    resolution: Resolution, environ: Mapping[str, Any], client: Header
) -> Iterator[Suspicion]:
    """A CDN or a platform names a client that is none of the hops."""
    for name in unread(resolution, environ, OTHER_CLIENTS):
        header = KNOWN[name.lower()]
        other = header.parse(received(environ, header.key))
        if other and other not in resolution.nodes:
            cause = "another_client" if name in CDN_HEADERS else "another_client_of_platform"
            values = {
                "peer": node_name(resolution.peer),
                "header": client.name,
                "client": node_name(resolution.nodes[-1]),
                "name": name,
                "value": quote(other),
            }
            yield Suspicion(cause, values, resolution.peer, name)
