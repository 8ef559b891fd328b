"""Scheme, host, port and prefix are likely wrong: each cause has its condition here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.environ import ORIGINAL
from ..core.headers import KNOWN, Header, environ_key
from ..core.resolution import Resolution
from ..core.values import DEFAULT_PORTS, split_host
from .phrases import node_name, quote
from .suspicion import Suspicion, received, unread

_SCHEMES = {header.key: header.name for header in KNOWN.values() if header.says == "scheme"}

URL_PARTS = {
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


def of_ignored(resolution: Resolution) -> Iterator[Suspicion]:
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


def of_url(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[Suspicion]:
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
            yield from _of_several_values(header, resolution, received(environ, header.key))
    for name in unread(resolution, environ, URL_PARTS) if policy.clean_headers else ():
        text = received(environ, environ_key(name))
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
            if received(environ, header.key):
                return
    names = unread(resolution, environ, _SCHEMES)
    if not names and (client is None or not received(environ, client.key)):
        return
    came = f", but {' and '.join(names)}, which is not read" if names else ""
    instead = f", or name {names[0]} in its place if your proxy writes that" if names else ""
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
