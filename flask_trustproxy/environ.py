"""The rewrite: a WSGI environ in place, once, from what was received to what
was believed.

Here lives which keys change, and which headers are removed so that nobody
else reads what was forged. What is believed was decided by the walk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from .diagnostics import log_request
from .forwarded import write_forwarded
from .headers import DEFAULT_PORTS, Says, join_host
from .peer import read_peer, read_scheme
from .settings import Settings
from .walk import Resolution, resolve

#: Holds the Resolution. No header can make a value of that type.
RESOLUTION = "flask_trustproxy.resolution"
#: Holds what stood in the environ before, by key; None: nothing.
ORIGINAL = "flask_trustproxy.original"

#: What each key is to hold; None: nothing.
Changes = dict[str, Optional[str]]

# The host that the client asked for need not be one that we would believe.
_split_host = re.compile(r"(?P<name>\[[^\]]*\]|[^][:/?#@,\s]+):?(?P<port>[0-9]*)").fullmatch


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
    done = environ.get(RESOLUTION)
    if isinstance(done, Resolution):
        return done
    trust = settings.trust
    peer = read_peer(environ, trust.unix_by_name, trust.known)
    resolution = resolve(settings, peer, read_scheme(environ), environ.get)
    changes = _cleaned(resolution, environ) if settings.clean_headers else {}
    changes["REMOTE_ADDR"] = resolution.client_ip or ""
    changes["wsgi.url_scheme"] = resolution.scheme
    if resolution.client_ips:  # these were the peer's
        changes["REMOTE_PORT"] = changes["REMOTE_HOST"] = None
    if resolution.believed:
        _change_url(changes, resolution, environ)
    original: dict[str, Any] = {}
    removed: list[str] = []
    for key, value in changes.items():
        before = environ.get(key)
        if before != value:
            original[key] = before
            if value is None:
                del environ[key]
                removed.append(key)
            else:
                environ[key] = value
    environ[ORIGINAL] = original
    environ[RESOLUTION] = resolution
    log_request(resolution, environ, removed)
    return resolution


def _cleaned(resolution: Resolution, environ: dict[str, Any]) -> Changes:
    """Every forwarding header that is there: what was believed of it, or gone."""
    plan = resolution.settings.headers
    changes: Changes = {}
    if not plan.unnamed.isdisjoint(environ):
        changes.update(dict.fromkeys(plan.unnamed.intersection(environ)))
    believed = resolution.believed
    for header in plan.values:
        value = believed.get(header.says)
        changes[header.key] = None if value is None else header.write(value)
    if plan.client is not None:
        text = ", ".join(resolution.client_ips)
        if plan.client.says == "forwarded":
            text = write_forwarded(
                resolution.client_ips, believed.get("scheme"), believed.get("host")
            )
        changes[plan.client.key] = text or None
    return changes


def _change_url(changes: Changes, resolution: Resolution, environ: dict[str, Any]) -> None:
    """Host, port and prefix, so that no two keys of the environ disagree."""
    believed = resolution.believed
    if "prefix" in believed:
        changes["SCRIPT_NAME"] = believed["prefix"].rstrip("/")
    own = environ.get("HTTP_HOST") or ""
    default = DEFAULT_PORTS[resolution.scheme]
    if "host" in believed or "port" in believed:
        _change_host(changes, believed, own, default)
    elif "scheme" in believed and not (":" in own and _name_and_port(own)[1]):
        changes["SERVER_PORT"] = default


def _change_host(
    changes: Changes, believed: Mapping[Says, str], own: str, default: str
) -> None:
    name, port = _name_and_port(believed.get("host", own))
    if "host" in believed:
        changes["SERVER_NAME"] = name
    port = believed.get("port", port)
    if name:
        changes["HTTP_HOST"] = join_host(name, "" if port == default else port)
    if port:
        changes["SERVER_PORT"] = port
    elif "scheme" in believed:
        changes["SERVER_PORT"] = default


def _name_and_port(host: str) -> tuple[str, str]:
    """The name and the port of a host, as far as they are there."""
    match = _split_host(host)
    return (match["name"], match["port"]) if match else ("", "")
