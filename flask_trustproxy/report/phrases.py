"""Short phrases: a value, a node, a hop, the walk in one line.

The log and all reports share them. They decide nothing: they word what the walk
decided.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Optional

from ..core.addresses import UNIX
from ..core.edge import Missed
from ..core.policy import Policy
from ..core.resolution import Resolution
from ..settings import Settings, cut


def quote(text: str, limit: int = 200) -> str:
    """Cut and escape text that a stranger may have written, for one line."""
    return ascii(text[:limit]) + ("..." if len(text) > limit else "")


def printable(text: str) -> str:
    """Escape each character that would not be seen as it is.

    So nothing that comes from outside changes the direction of a text, moves a
    cursor or begins a line.
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def node_name(node: str) -> str:
    """A node in words."""
    return {"": "a peer without an address", UNIX: "a unix-domain socket"}.get(node, node)


#: Why a request did not come through the edge.
MISSED_IN_WORDS: Mapping[Missed, str] = {
    "not_trusted": "it is not trusted",
    "no_edge_hop": "no trusted hop is in TRUST_PROXY_EDGE",
    "no_secret": "the header of TRUST_PROXY_EDGE_SECRET is missing or wrong",
}


def settings_in_words(settings: Settings, limit: int = sys.maxsize) -> list[str]:
    """Each setting in force, and where it came from.

    :param limit: how many characters of a value are shown.
    """
    return [
        f"{name}={cut(repr(value), limit)} ({origin})"
        for name, (value, origin) in settings.given.items()
    ]


def trust_given(settings: Settings) -> str:
    """``TRUST_PROXY`` as it was given, and where."""
    value, origin = settings.given["TRUST_PROXY"]
    return f"TRUST_PROXY={quote(str(value))} ({origin})"


def hops_in_words(resolution: Resolution) -> list[str]:
    """Each hop in words, the peer last."""
    words: list[str] = []
    for hop, node in enumerate(resolution.nodes):
        rule = resolution.rule(hop)
        trusted = "" if rule is None else f" (trusted: {rule})"
        words.append(f"{node_name(node)}{'' if hop else ' peer'}{trusted}")
    return words[::-1]


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


def suggest(policy: Policy, peer: str) -> Optional[str]:
    """A value of TRUST_PROXY that trusts this peer as well.

    :param peer: its node.
    :returns: ``None`` for a peer without an address, which nothing names.
    """
    if not peer:
        return None
    element = "unix" if peer == UNIX else peer
    if policy.trust.kind != "addresses":
        return element
    elements = (str(each).strip(" \t") for each in policy.trust.elements)
    return ", ".join(dict.fromkeys((*elements, element)))
