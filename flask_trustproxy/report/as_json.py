"""Settings and a Resolution as JSON.

Here lives the form that programs read: ``check --json``, ``explain --json`` and the
probe's answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..core.addresses import UNIX
from ..core.resolution import Resolution
from ..core.trust import TrustPolicy
from ..settings import Settings
from .words import all_ignored, believed_headers, files_of, removed_headers, spelled_out

#: The report of settings that cannot be used.
NO_REPORT: Mapping[str, object] = {
    "settings": {},
    "networks": [],
    "files": [],
    "headers": {"believed": [], "removed": []},
}


def settings_report(settings: Settings) -> dict[str, object]:
    """The settings as ``check --json`` has them."""
    return {
        "settings": {
            name: {"value": plain(value), "origin": origin}
            for name, (value, origin) in settings.given.items()
        },
        "networks": trusted_networks(settings.policy.trust),
        "files": [
            {"path": path, "count": count, "age_seconds": age}
            for path, count, age in files_of(settings.policy.trust)
        ],
        "headers": {
            "believed": believed_headers(settings.policy.headers),
            "removed": removed_headers(settings.policy),
        },
    }


def trusted_networks(trust: TrustPolicy) -> list[str]:
    """The networks that are trusted, merged, and ``"unix:"`` for a socket.

    Counts and callables name none.
    """
    if trust.kind == "everybody":
        return ["0.0.0.0/0", "::/0", UNIX]
    networks = spelled_out(trust.all_networks())
    return [*networks, UNIX] if trust.unix else networks


def plain(value: object) -> object:
    """A value of a setting as JSON can hold it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, cast("Iterable[object]", value)))
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Iterable[object]", value)]
    return str(value)


def explanation(resolution: Resolution, received: Mapping[str, Any]) -> dict[str, object]:
    """A Resolution as ``explain --json`` has it.

    :param received: the environ as it was before the rewrite.
    """
    nodes = resolution.nodes
    return {
        "client_ip": resolution.client_ip,
        "client_ips": list(resolution.client_ips),
        "through_edge": resolution.through_edge,
        "missed": resolution.missed,
        "scheme": resolution.scheme,
        "host": resolution.host,
        "port": resolution.port,
        "prefix": resolution.prefix,
        "hops": [
            {
                "hop": hop,
                "address": node or None,
                "written_by": nodes[hop - 1] or None if hop else None,
                "trusted": hop < resolution.trusted_hops,
                "rule": resolution.rule(hop),
            }
            for hop, node in enumerate(nodes)
        ],
        "stopped": resolution.stopped,
        "ignored": [
            {"header": name, "value": value, "reason": why}
            for name, value, why in all_ignored(resolution, received)
        ],
    }
