"""A request explained, as the boxes and sections of a page.

Here lives which facts of a Resolution the panel and ``explain --html`` show, and in
which order. The words come from :mod:`~flask_trustproxy.report.words`, and the
layout from :mod:`~flask_trustproxy.report.picture`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

from ..core.resolution import Resolution
from ..settings import Settings, cut
from .facts import HIDDEN, HeaderFact, header_facts
from .messages import Caution
from .phrases import node_name, quote
from .picture import Box, Kind, Section
from .repeat import explain_command
from .words import REFUSED, client_hop, never_read, outputs, why_missed, why_stopped


def boxes(resolution: Resolution, received: Mapping[str, Any]) -> list[Box]:
    """The chain of a request, from what the client may have written to the app.

    :param resolution: what was decided.
    :param received: the environ as it was before the rewrite.
    """
    hops = reversed(range(len(resolution.nodes)))
    missed = why_missed(resolution)
    edge = "through the edge" if missed is None else f"not through the edge, since {missed}"
    return [
        *_entries_that_are_no_hops(resolution, received),
        *(_hop(resolution, hop, received) for hop in hops),
        Box("app", "app", f"client_ip {resolution.client_ip}", (edge,)),
    ]


def sections(
    settings: Optional[Settings],
    resolution: Resolution,
    environ: dict[str, Any],
    cautions: Iterable[Caution] = (),
    refused: bool = False,
) -> Iterator[Section]:
    """What is told below the chain: why it ends there, and each value and its origin.

    :param settings: the settings that decided; ``None``: they are not known here.
    :param resolution: what was decided.
    :param environ: the environ after the rewrite.
    :param cautions: what is dangerous in the settings.
    :param refused: whether the request is answered 403.
    """
    why = [why_stopped(resolution)]
    yield Section("Why it ends there", [*why, REFUSED] if refused else why)
    headers = [_header_row(fact) for fact in header_facts(resolution, environ)]
    yield Section(
        "Headers",
        [] if headers else ["No forwarding header arrived."],
        ("Header", "Arrived", "Believed", "Removed"),
        headers,
    )
    yield Section("The app sees", (), ("Attribute", "Value", "From"), list(outputs(resolution)))
    if settings is None:
        yield Section("Settings", [_NOT_KNOWN])
    else:
        yield Section(
            "Settings",
            [f"Warning: {caution}." for caution in cautions],
            ("Setting", "Value", "From"),
            [(name, cut(repr(value), 500), at) for name, (value, at) in settings.given.items()],
        )
    command = explain_command(resolution, environ)
    if command is not None:
        text = [_ASK_AGAIN]
        if resolution.policy.edge.secret is not None:
            text.append("If the word SECRET is in it, put the secret in its place.")
        yield Section("Ask again", text, code=command)


_ASK_AGAIN = "This command explains the same request. Try other settings with its options."
_NOT_KNOWN = "A TrustProxy around this app decided. Its settings cannot be read from here."


def _header_row(fact: HeaderFact) -> tuple[str, str, str, str]:
    if fact.left is None:
        removed = f"all of it: {fact.why}"
    elif fact.left != fact.arrived:
        removed = fact.why or "nothing, but it is in canonical form"
    else:
        removed = f"nothing, but not believed: {fact.why}" if fact.why else "nothing"
    believed = "nothing" if fact.believed is None else _value(fact.believed)
    return fact.name, _value(fact.arrived), believed, removed


def _value(text: str) -> str:
    return text if text == HIDDEN else quote(text)


def _entries_that_are_no_hops(
    resolution: Resolution, received: Mapping[str, Any]
) -> Iterator[Box]:
    """What was never read of the header that says the client, and what ended the walk."""
    client = resolution.policy.headers.client
    if client is None:
        return
    for name, rest in never_read(resolution, received):
        if name == client.name:
            yield Box(
                "unread", "never read", quote(rest), (name, "the client may have written it")
            )
    for name, value, why in resolution.ignored:
        if name != client.name or not value.strip(" \t"):
            continue
        if resolution.trusted_hops:
            writer = node_name(resolution.nodes[-1])
            yield Box(
                "refused", "no address", quote(value), (f"{name}, written by {writer}", why)
            )
        else:
            yield Box("unread", "not believed", quote(value), (name, f"since {why}"))


def _hop(resolution: Resolution, hop: int, received: Mapping[str, Any]) -> Box:
    nodes, rule = resolution.nodes, resolution.rule(hop)
    kind: Kind = "other" if rule is None else "trusted"
    role = "not trusted" if rule is None else "trusted proxy"
    if hop == client_hop(resolution):
        kind, role = "client", "client"
    if hop:
        said = f"written by {node_name(nodes[hop - 1])}"
    else:
        role, said = f"{role}, the peer", _said_of_peer(received)
    trust = "not trusted" if rule is None else f"trusted: {rule}"
    return Box(kind, role, node_name(nodes[hop]), (trust, said))


def _said_of_peer(received: Mapping[str, Any]) -> str:
    said = received.get("REMOTE_ADDR")
    if said is None:
        return "the server gives no REMOTE_ADDR"
    return f"REMOTE_ADDR: {quote(str(said))}"
