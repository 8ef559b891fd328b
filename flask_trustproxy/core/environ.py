"""The rewrite: a WSGI environ in place, once, from what was received to what
was believed.

Here lives which keys change, and which headers are removed so that nobody
else reads what was forged. What is believed was decided by the walk.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Optional

from .edge import Missed
from .forwarded import nth_value, write_forwarded
from .headers import Header
from .peer import read_peer, read_scheme
from .policy import Policy
from .resolution import Resolution, resolve
from .values import DEFAULT_PORTS, compose_prefix, join_host, split_host

#: Holds the Resolution. No header can make a value of that type.
RESOLUTION = "flask_trustproxy.resolution"
#: Holds the original values of the environ, by key; None: there was none.
ORIGINAL = "flask_trustproxy.original"

#: A WSGI environ, or a part of one.
Environ = dict[str, Any]


def resolution_of(environ: Environ) -> Optional[Resolution]:
    """The resolution of an environ that was rewritten."""
    resolution = environ.get(RESOLUTION)
    return resolution if isinstance(resolution, Resolution) else None


def before_rewrite(environ: Environ) -> Environ:
    """Make a copy of an environ as it was before the rewrite, without the edge's secret."""
    original: Environ = environ.get(ORIGINAL) or {}
    return {key: val for key, val in {**environ, **original}.items() if val is not None}


def has_other_values(environ: Environ, done: Resolution) -> bool:
    """Say whether an environ differs from what the rewrite left in it.

    The rewrite is undone in a copy and done again. A dispatcher may have changed
    SCRIPT_NAME meanwhile.

    :param done: the resolution that the environ has.
    """
    original: Environ = environ.get(ORIGINAL) or {}
    again = before_rewrite(environ)
    secret = done.policy.edge.secret
    if secret is not None and secret.key in environ:  # it was removed
        return True
    if secret is not None and done.missed != "no_secret":
        again[secret.key] = secret.values[0].decode()
    resolution = rewrite(again, done.policy, again=True)
    for inner, _ in done.inner:
        missed_edge(resolution, inner, again)
    touched = (original.keys() | again[ORIGINAL].keys()) - {"SCRIPT_NAME"}
    return resolution != done or any(again.get(key) != environ.get(key) for key in touched)


def rewrite(environ: Environ, policy: Policy, again: bool = False) -> Resolution:
    """Make a WSGI environ say what is believed, in place.

    An environ that was rewritten before is left alone, unless ``again`` is on:
    the outermost decides who the client is.

    :param environ: the environ as the server made it.
    :param policy: the policy in force.
    :param again: whether what it says now is another request.
    """
    done: object = environ.get(RESOLUTION)
    if done is not None and not again and isinstance(done, Resolution):
        missed_edge(done, policy, environ)
        return done
    peer = received = environ.get("REMOTE_ADDR")
    if type(peer) is not str or peer not in policy.trust.known:  # those are read already
        peer = read_peer(environ, policy.trust.unix_by_name)
    resolution = resolve(policy, peer, read_scheme(environ), environ)
    original: Environ = {}
    address = resolution.client_ip or ""
    if address != received:
        original["REMOTE_ADDR"], environ["REMOTE_ADDR"] = received, address
    scheme, received = resolution.scheme, environ.get("wsgi.url_scheme")
    if scheme != received:
        original["wsgi.url_scheme"], environ["wsgi.url_scheme"] = received, scheme
    if resolution.client_ips:  # these were the peer's
        if "REMOTE_PORT" in environ:
            original["REMOTE_PORT"] = environ.pop("REMOTE_PORT")
        if "REMOTE_HOST" in environ:
            original["REMOTE_HOST"] = environ.pop("REMOTE_HOST")
    if resolution.believed or resolution.is_scheme_assumed:
        if policy.says_where or ":" in (environ.get("HTTP_HOST") or ""):
            _replace_url(environ, original, resolution)
        else:
            _replace(environ, original, "SERVER_PORT", DEFAULT_PORTS[scheme])
    if policy.hides:
        _keep_from_app(environ, original, policy, resolution.missed)
    if policy.clean_headers:
        _clean(environ, original, resolution)
    environ[ORIGINAL] = original
    environ[RESOLUTION] = resolution
    return resolution


def _clean(environ: Environ, original: Environ, resolution: Resolution) -> None:
    """Leave in each forwarding header only what is believed, so that no reader is misled."""
    policy, get = resolution.policy, environ.get
    client, believed = policy.headers.client, resolution.believed
    if client is not None:
        written = get(client.key)
        is_more = written != resolution.client_ip or len(resolution.client_ips) != 1
        if written is not None and is_more:  # else it is clean
            text = believed_text(resolution, client, written)
            _replace(environ, original, client.key, text)
    for header, _ in policy.values:
        written = get(header.key)
        if written is not None and written != believed.get(header.says):
            text = believed_text(resolution, header, written)
            _replace(environ, original, header.key, text)
    unnamed = policy.headers.unnamed
    if not unnamed.isdisjoint(environ):
        resolution.removed = unnamed.intersection(environ)
        _remove(environ, original, resolution.removed)


def believed_text(resolution: Resolution, header: Header, written: str) -> Optional[str]:
    """Write a named header with the believed values alone.

    :param resolution: what was decided.
    :param header: the header.
    :param written: its value as it arrived.
    :returns: ``None`` if nothing of it is believed.
    """
    addresses, believed = resolution.client_ips, resolution.believed
    if header.is_list:
        return ", ".join(addresses) or None
    if header.is_single:
        return header.write(addresses[0], written) if addresses else None
    if header.is_forwarded:
        said = believed.get("scheme"), believed.get("host")
        return write_forwarded(addresses, *said) or None
    meant = believed.get(header.says)
    if meant is not None and meant != written:
        return header.write(meant, nth_value(written, header.n) or "")
    return meant


def missed_edge(resolution: Resolution, policy: Policy, environ: Environ) -> Missed:
    """Say why a request did not come through the edge of this policy, if it did not.

    An inner TrustProxy has an edge of its own. It is asked once, of the hops that
    the outermost one found. Its identity headers go if the request missed it.

    :param policy: that of the outermost TrustProxy, or of an inner one.
    :param environ: after the rewrite.
    """
    if policy is resolution.policy:
        return resolution.missed
    for asked, answer in resolution.inner:
        if asked is policy:
            return answer
    edge, outer = policy.edge, resolution.policy.edge.secret
    missed = edge.missed(
        resolution.nodes[: resolution.trusted_hops],
        edge.secret is None
        or edge.secret.is_in(environ)
        # The outermost one has removed this header, after it compared the value.
        or (resolution.missed != "no_secret" and edge.secret.shares_a_value(outer)),
    )
    resolution.inner = (*resolution.inner, (policy, missed))
    _keep_from_app(environ, environ.setdefault(ORIGINAL, {}), policy, missed)
    return missed


def _keep_from_app(environ: Environ, original: Environ, policy: Policy, missed: Missed) -> None:
    """Remove the secret, and the identity headers of a request that missed the edge."""
    if missed is not None and policy.identity:
        _remove(environ, original, policy.identity)
    if policy.edge.secret is not None:
        environ.pop(policy.edge.secret.key, None)


def _replace(environ: Environ, original: Environ, key: str, value: Optional[str]) -> None:
    """Let a key hold a value, ``None`` for nothing, and keep what it held."""
    before = environ.get(key)
    if before != value:
        original[key] = before
        if value is None:
            del environ[key]
        else:
            environ[key] = value


def _remove(environ: Environ, original: Environ, keys: Collection[str]) -> None:
    """Remove what keys hold, and keep it."""
    for key in keys:
        if key in environ:
            original[key] = environ.pop(key)


def _replace_url(environ: Environ, original: Environ, resolution: Resolution) -> None:
    """Host, port and prefix, so that no two keys of the environ disagree."""
    believed = resolution.believed
    host, port = believed.get("host"), believed.get("port")
    own, default = environ.get("HTTP_HOST") or "", DEFAULT_PORTS[resolution.scheme]
    name = stated = ""
    if host or port or ":" in own:
        # The host that the client asked for need not be one that we would believe.
        name, stated = split_host(host or own)
    if host and not port:
        port = stated
    if "prefix" in believed:
        own_path = environ.get("SCRIPT_NAME")
        path = compose_prefix(believed["prefix"], own_path if isinstance(own_path, str) else "")
        if path:
            _replace(environ, original, "SCRIPT_NAME", path)
    if host:
        _replace(environ, original, "SERVER_NAME", name)
    if name and (host or port):
        written = join_host(name, "" if port == default else port)
        _replace(environ, original, "HTTP_HOST", written)
    if port:
        _replace(environ, original, "SERVER_PORT", port)
    elif not stated and ("scheme" in believed or resolution.is_scheme_assumed):
        _replace(environ, original, "SERVER_PORT", default)
