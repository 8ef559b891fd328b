"""What of a request shows that a set-up is wrong.

Here lives the condition of each warning that a request can cause. A request of an honest
set-up costs a few comparisons; all else is computed only if one of them holds. The texts are
in :mod:`~flask_trustproxy.report.messages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

from ..core.addresses import UNIX
from ..core.environ import ORIGINAL
from ..core.forwarded import ElementReader, entries
from ..core.headers import CDN_HEADERS, KNOWN, PASSED_ON_HEADERS, Header, environ_key
from ..core.resolution import Resolution
from ..core.trust import is_local
from ..core.values import DEFAULT_PORTS, split_host
from .phrases import node_name, quote, suggest
from .words import left_of

_CLIENT = ("client list", "forwarded", "client")
#: A platform writes these about the address that connected to it.
_OF_PLATFORM = ("Fly-Client-IP", "DO-Connecting-IP", "X-Appengine-User-IP")

#: What is sent and not read, by environ key: the client, as TRUST_PROXY_HEADERS names it.
_CLIENT_ITEMS = {
    **{header.key: header.name for header in KNOWN.values() if header.says in _CLIENT},
    **{
        environ_key(name): f"{name}=address"
        for name in ("Client-IP", "X-ProxyUser-Ip", "WL-Proxy-Client-IP", "Proxy-Client-IP")
    },
}
_SCHEMES = {header.key: header.name for header in KNOWN.values() if header.says == "scheme"}
_OTHER_CLIENTS = {environ_key(name): name for name in (*CDN_HEADERS, *_OF_PLATFORM)}
_URL_PARTS = {
    "HTTP_X_FORWARDED_HOST": "X-Forwarded-Host",
    "HTTP_X_FORWARDED_PORT": "X-Forwarded-Port",
    "HTTP_X_FORWARDED_PREFIX": "X-Forwarded-Prefix",
}
#: What a header is expected to hold.
_EXPECTED = {
    "scheme": "http or https",
    "host": "a host name or an address, and a port if need be",
    "port": "a number from 1 to 65535",
    "prefix": "a path such as /shop",
}


class Suspicion(NamedTuple):
    """A cause for a warning.

    :param name: the name of its message.
    :param values: what the message names in braces.
    :param peer: the node that the cause is about; ``None``: it is about none.
    :param of: what else tells two causes apart, such as a header.
    """

    name: str
    values: Mapping[str, object]
    peer: Optional[str] = None
    of: str = ""


#: Other headers that were removed are suspicious only if one that is read is missing.
_TELLING = frozenset((*_URL_PARTS, *_OTHER_CLIENTS))


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
        yield from _of_client(resolution, environ)
    if resolution.trusted_hops and resolution.ignored:
        yield from _of_ignored(resolution)
    if resolution.missed is None:
        yield from _of_url(resolution, environ)


def _received(environ: Mapping[str, Any], key: str) -> str:
    """What a header held before the rewrite, without blanks around."""
    text = environ[ORIGINAL].get(key, environ.get(key))
    return text.strip(" \t") if isinstance(text, str) else ""


def _unread(
    resolution: Resolution, environ: Mapping[str, Any], names: Mapping[str, str]
) -> list[str]:
    """The names of those headers that were received, hold anything and are not read."""
    policy = resolution.policy
    keys = resolution.removed if policy.clean_headers else policy.headers.unnamed
    if names.keys().isdisjoint(keys):
        return []
    return [name for key, name in names.items() if key in keys and _received(environ, key)]


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


def _of_client(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[Suspicion]:
    """A client that is a proxy, for whichever reason."""
    policy, stopped = resolution.policy, resolution.stopped
    client = policy.headers.client
    if client is None or stopped == "not_an_address":
        return
    if not resolution.behind:
        if stopped != "untrusted" and not _received(environ, client.key):
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
    return left_of(client, _received(environ, client.key), len(resolution.nodes) - 1)


def _of_unread_client(
    resolution: Resolution, environ: Mapping[str, Any]
) -> Iterator[Suspicion]:
    """The client came under another name than the one that is read."""
    sent = _unread(resolution, environ, _CLIENT_ITEMS)
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
    for name in _unread(resolution, environ, _OTHER_CLIENTS):
        header = KNOWN[name.lower()]
        other = header.parse(_received(environ, header.key))
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


def _of_ignored(resolution: Resolution) -> Iterator[Suspicion]:
    """What a trusted hop wrote, and nobody understands."""
    peer = resolution.peer
    for ignored in resolution.ignored:
        text = ignored.value.strip(" \t")
        values = {"header": ignored.header, "value": quote(ignored.value)}
        if ignored.why.startswith("no address"):
            writer = resolution.nodes[-1]
            yield Suspicion("not_an_address", {**values, "writer": node_name(writer)}, writer)
        expected = next((w for s, w in _EXPECTED.items() if ignored.why == f"no {s}"), None)
        if expected is not None and text:
            values = {**values, "peer": node_name(peer), "expected": expected}
            yield Suspicion("not_understood", values, peer, ignored.header)


def _of_url(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[Suspicion]:
    """Scheme, host, port and prefix."""
    original, policy = environ[ORIGINAL], resolution.policy
    if resolution.unbracketed is not None:
        nodes = resolution.nodes
        writer, address = nodes[resolution.unbracketed - 1], nodes[resolution.unbracketed]
        values = {"writer": node_name(writer), "address": address}
        yield Suspicion("unbracketed", values, writer)
    if resolution.scheme == "http" and "scheme" not in resolution.believed:
        yield from _of_missing_scheme(resolution, environ)
    for header in policy.headers.values:
        if header.says in resolution.believed and (
            header.key in original or not policy.clean_headers
        ):
            yield from _of_several_values(header, resolution, _received(environ, header.key))
    for name in _unread(resolution, environ, _URL_PARTS) if policy.clean_headers else ():
        text = _received(environ, environ_key(name))
        if not _is_known(name, text, environ):
            values = {"header": name, "value": quote(text), "peer": node_name(resolution.peer)}
            yield Suspicion("removed", values, resolution.peer, name)


def _of_missing_scheme(
    resolution: Resolution, environ: Mapping[str, Any]
) -> Iterator[Suspicion]:
    """A proxy names the client, or a scheme that is not read, and none that is."""
    plan, peer = resolution.policy.headers, resolution.peer
    client, name = plan.client, ""
    for header in plan.values:
        if header.says == "scheme":
            name = header.name
            if _received(environ, header.key):
                return
    unread = _unread(resolution, environ, _SCHEMES)
    if not unread and (client is None or not _received(environ, client.key)):
        return
    came = f", but {' and '.join(unread)}, which is not read" if unread else ""
    instead = f", or name {unread[0]} in its place if your proxy writes that" if unread else ""
    if client is not None and client.is_forwarded:
        name, instead = "proto in Forwarded", ""
        if any(each.header == "Forwarded proto" for each in resolution.ignored):
            return
    values = {"peer": node_name(peer), "header": name, "came": came, "instead": instead}
    yield Suspicion("scheme_not_read" if name else "scheme_not_named", values, peer)


def _of_several_values(
    header: Header, resolution: Resolution, received: str
) -> Iterator[Suspicion]:
    """One of several values was taken, though the header is not named with its number."""
    number = received.count(",") + 1
    values = [value.strip(" \t").lower() for value in received.split(",")]
    if number <= header.n or len(set(values)) == 1:
        return
    reach, more = min(number, resolution.trusted_hops), ""
    if reach > header.n:
        item = f"{header.item.rpartition(':')[0] if header.n > 1 else header.item}:{reach}"
        more = f". If {reach} of your proxies append to it, name {item} in TRUST_PROXY_HEADERS"
    yield Suspicion(
        "several_values",
        {
            "header": header.name,
            "number": number,
            "value": quote(received),
            "taken": quote(resolution.believed[header.says]),
            "n": header.n,
            "more": more,
        },
        resolution.peer,
        header.name,
    )


def _is_known(name: str, text: str, environ: Mapping[str, Any]) -> bool:
    """Say whether a header says only what the URL says without it."""
    values = {value.strip(" \t") for value in text.split(",")}
    if name == "X-Forwarded-Prefix":
        own = environ.get("SCRIPT_NAME") or ""
        return values <= {"", "/", own, f"{own}/"}
    default = DEFAULT_PORTS[environ["wsgi.url_scheme"]]
    host, port = split_host((environ.get("HTTP_HOST") or "").lower())
    if name == "X-Forwarded-Port":
        return values <= {port or default, default}
    known = {host, f"{host}:{default}"} if port in ("", default) else {f"{host}:{port}"}
    return {value.lower() for value in values} <= known
