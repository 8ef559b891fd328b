"""The rewrite: a WSGI environ in place, once, from what was received to what
was believed.

Here lives which keys change, and which headers are removed so that nobody
else reads what was forged. What is believed was decided by the walk.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from .diagnostics import log_request
from .forwarded import write_forwarded
from .headers import Header, join_host, split_host
from .peer import read_peer, read_scheme
from .settings import Settings
from .walk import Resolution, resolve

#: Holds the Resolution. No header can make a value of that type.
RESOLUTION = "flask_trustproxy.resolution"
#: Holds what stood in the environ before, by key; None: nothing.
ORIGINAL = "flask_trustproxy.original"

_DEFAULT_PORTS = {"http": "80", "https": "443"}

# The host that the client asked for, which need not be one that we would believe
_split_own_host = re.compile(r"(?P<name>\[[^\]]*\]|[^][:/?#@,\s]+):?(?P<port>[0-9]*)").fullmatch


def resolution_of(environ: dict[str, Any]) -> Optional[Resolution]:
    """The resolution of an environ that was rewritten."""
    resolution = environ.get(RESOLUTION)
    return resolution if isinstance(resolution, Resolution) else None


def rewrite(environ: dict[str, Any], settings: Settings) -> Resolution:
    """Make a WSGI environ say what is believed, in place.

    An environ that was rewritten before is left alone: the outermost decides
    who the client is.

    :param environ: the environ as the server made it.
    :param settings: the settings in force.
    """
    done = resolution_of(environ)
    if done is not None:
        return done
    peer = read_peer(environ, settings.trust.unix_by_name)
    resolution = resolve(settings, peer, read_scheme(environ), environ.get)
    changes: dict[str, Optional[str]] = {
        "REMOTE_ADDR": resolution.client_ip or "",
        "wsgi.url_scheme": resolution.scheme,
    }
    if resolution.client_ips:  # these were the peer's
        changes["REMOTE_PORT"] = changes["REMOTE_HOST"] = None
    if resolution.believed:
        changes.update(_url_changes(resolution, environ))
    if settings.clean_headers:
        changes.update(_cleaned(resolution, environ))
    original: dict[str, Any] = {}
    for key, value in changes.items():
        before = environ.get(key)
        if before != value:
            original[key] = before
            if value is None:
                del environ[key]
            else:
                environ[key] = value
    environ[ORIGINAL] = original
    environ[RESOLUTION] = resolution
    log_request(resolution, environ, [key for key in original if key not in environ])
    return resolution


def _url_changes(resolution: Resolution, environ: dict[str, Any]) -> dict[str, Optional[str]]:
    """Host, port and prefix, so that no two keys of the environ disagree."""
    believed = resolution.believed
    changes: dict[str, Optional[str]] = {}
    if "prefix" in believed:
        changes["SCRIPT_NAME"] = believed["prefix"].rstrip("/")
    default = _DEFAULT_PORTS[resolution.scheme]
    own = _split_own_host(environ.get("HTTP_HOST") or "")
    host = split_host(believed.get("host", ""))
    name, port = host or ((own["name"], own["port"]) if own else ("", ""))
    port = believed.get("port") or port
    if host:
        changes["SERVER_NAME"] = name
    if host or "port" in believed:
        if name:
            changes["HTTP_HOST"] = join_host(name, "" if port == default else port)
        if port:
            changes["SERVER_PORT"] = port
    if not port and "scheme" in believed:
        changes["SERVER_PORT"] = default
    return changes


def _cleaned(resolution: Resolution, environ: dict[str, Any]) -> dict[str, Optional[str]]:
    """Every forwarding header that is there: what was believed of it, or gone."""
    plan = resolution.settings.headers
    if plan.forwarding_keys.isdisjoint(environ):
        return {}
    changes: dict[str, Optional[str]] = dict.fromkeys(
        plan.forwarding_keys.intersection(environ)
    )
    if resolution.trusted_hops:
        for header in plan.values:
            value = resolution.believed.get(header.says)
            if value is not None:
                changes[header.key] = header.write(value)
        if plan.client is not None:
            changes[plan.client.key] = _client_text(plan.client, resolution) or None
    return changes


def _client_text(client: Header, resolution: Resolution) -> str:
    if client.says == "forwarded":
        believed = resolution.believed
        return write_forwarded(
            resolution.client_ips, believed.get("scheme", ""), believed.get("host", "")
        )
    return ", ".join(resolution.client_ips)
