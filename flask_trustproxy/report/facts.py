"""What became of a request's headers, as values for anyone who shows them.

Here lives what is read off an environ after the rewrite. No value of a secret or of an
identity header is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

from ..core.environ import before_rewrite, believed_text
from ..core.resolution import Resolution
from .phrases import quote
from .words import all_ignored, header_names, never_read

#: Stands for the value of an identity header.
HIDDEN = "(not shown)"


class HeaderFact(NamedTuple):
    """What became of one header.

    :param name: its name.
    :param arrived: its value as it arrived.
    :param believed: what was believed of it, in canonical form; ``None``: nothing.
    :param left: what the app sees of it; ``None``: nothing.
    :param why: why a part of it, or all of it, was not believed; empty if all of it was.
    """

    name: str
    arrived: str
    believed: Optional[str]
    left: Optional[str]
    why: str


def header_facts(resolution: Resolution, environ: dict[str, Any]) -> Iterator[HeaderFact]:
    """Say of each forwarding and identity header that arrived what became of it.

    Those that ``TRUST_PROXY_HEADERS`` names come first, in its order.

    :param resolution: what was decided.
    :param environ: the environ after the rewrite.
    """
    received, plan = before_rewrite(environ), resolution.policy.headers
    unread = list(never_read(resolution, received))
    ignored = all_ignored(resolution, received)
    named = {header.key: header for header in plan.named}
    for key in [*named, *sorted(plan.unnamed)]:
        if key not in received:
            continue
        arrived = received[key]
        (name,) = header_names(plan, [key])
        why = [f"{quote(rest)} was never read" for header, rest in unread if header == name]
        for header, value, reason in ignored:
            if header.partition(" ")[0] == name:  # "Forwarded proto" is a part of Forwarded
                why.append(reason if value == arrived else f"{quote(value)}: {reason}")
        believed = None
        if key in named:
            believed = believed_text(resolution, named[key], arrived)
        if believed is None and not why:
            why.append("it is empty")
        yield HeaderFact(name, arrived, believed, environ.get(key), "; ".join(why))
    yield from _identity_facts(resolution, received, environ)


def _identity_facts(
    resolution: Resolution, received: Mapping[str, Any], environ: Mapping[str, Any]
) -> Iterator[HeaderFact]:
    identity = dict(resolution.policy.identity)
    for inner, _ in resolution.inner:
        identity.update(inner.identity)
    for key, name in identity.items():
        if key in received:
            kept = HIDDEN if key in environ else None
            why = "" if kept else "the request did not come through the edge"
            yield HeaderFact(name, HIDDEN, kept, kept, why)
