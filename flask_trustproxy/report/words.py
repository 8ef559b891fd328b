"""Settings and a Resolution explained at length, in words.

What the commands say that is too much for the log. Like the log it decides
nothing: a fact is read off the Settings, the Resolution, or the environ as it
was before the rewrite.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from time import time
from typing import Any, Optional

from ..core.addresses import UNIX, Network, NetworkSet
from ..core.forwarded import commas_of
from ..core.headers import NAMES, Header, HeaderPlan, Says
from ..core.policy import Policy
from ..core.resolution import Ignored, Resolution
from ..core.trust import TrustPolicy
from .phrases import MISSED_IN_WORDS, hops_in_words, node_name, suggest

#: The answer to a request that does not come through the proxies.
REFUSED = "The request is answered 403, since TRUST_PROXY_REQUIRED is on."


def trusted_in_words(trust: TrustPolicy) -> str:
    """Whom a policy trusts; of a file, that there is one."""
    if trust.kind == "everybody":
        return "everybody"
    if trust.kind == "callable":
        return "whom the callable says yes to"
    if trust.count:
        return f"the first {trust.count} hops, whatever their addresses"
    named = [*spelled_out([trust.networks]), *([node_name(UNIX)] if trust.unix else [])]
    if trust.files:
        named.append("what the files hold")
    return ", ".join(named) or "nobody"


def spelled_out(sets: Iterable[NetworkSet]) -> list[str]:
    """The networks of several sets, merged, IPv4 before IPv6."""
    merged = NetworkSet(span for each in sets for span in each.ranges())
    return [
        str(Network(int(part.network_address), part.prefixlen, width))
        for first, last, width in merged.ranges()
        for part in _summarize(first, last, width)
    ]


def _summarize(first: int, last: int, width: int) -> Iterator[Any]:
    if width == 32:
        return summarize_address_range(IPv4Address(first), IPv4Address(last))
    return summarize_address_range(IPv6Address(first), IPv6Address(last))


def files_in_words(trust: TrustPolicy) -> list[str]:
    """Each file, how many addresses and networks it holds, and how old it is."""
    return [
        f"{path} (entries: {count}, changed {_ago(age)})"
        for path, count, age in files_of(trust)
    ]


def files_of(trust: TrustPolicy) -> Iterator[tuple[str, int, int]]:
    """The path of each file, its number of entries, and its age in seconds."""
    for file in trust.files:
        yield file.path, file.count, int(time() - file.signature.modified / 1e9)


def _ago(seconds: int) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return "less than 2 minutes ago"


def believed_headers(plan: HeaderPlan) -> list[str]:
    """The headers that are believed, as ``TRUST_PROXY_HEADERS`` has them."""
    return [header.item for header in plan.named]


def header_names(plan: HeaderPlan, keys: Iterable[str]) -> list[str]:
    """The names of the forwarding headers among environ keys, in order."""
    names = {**NAMES, **{header.key: header.name for header in plan.named}}
    return sorted((names[key] for key in keys if key in names), key=str.lower)


def removed_headers(policy: Policy) -> list[str]:
    """The forwarding headers that are removed from each request, in order."""
    if not policy.clean_headers:
        return []
    return header_names(policy.headers, policy.headers.unnamed)


def picture(resolution: Resolution) -> list[tuple[str, bool]]:
    """Each hop in words and whether it is trusted, the peer last."""
    client, hops = client_hop(resolution), reversed(range(len(resolution.nodes)))
    return [
        (f"client {text}" if hop == client else text, hop < resolution.trusted_hops)
        for hop, text in zip(hops, hops_in_words(resolution))
    ]


def client_hop(resolution: Resolution) -> Optional[int]:
    """Which hop is the client, ``None`` if no hop has an address."""
    hops = enumerate(resolution.nodes)
    return max((hop for hop, node in hops if node not in ("", UNIX)), default=None)


def outputs(resolution: Resolution) -> Iterator[tuple[str, str, str]]:
    """What the app is told: the name of each value, the value, and its origin if it has one.

    A value that no header says is ``"not changed"``.
    """
    client = resolution.policy.headers.client
    origin = client.name if client and resolution.client_ips else "the connection"
    yield "client_ip", resolution.client_ip or "None, since no hop has an address", origin
    client_ips = ", ".join(resolution.client_ips)
    yield "client_ips", client_ips or "none", origin if client_ips else ""
    missed = why_missed(resolution)
    yield "through_edge", "True" if missed is None else f"False, since {missed}", ""
    scheme = said_by(resolution, "scheme") or "the connection"
    if resolution.is_scheme_assumed:
        scheme = "TRUST_PROXY_SCHEME"
    yield "scheme", resolution.scheme, scheme
    for what, else_from in _REST.items():
        said = said_by(resolution, what)
        if said:
            yield what, resolution.believed[what], said
        else:
            yield what, "not changed", else_from


#: Where the rest of a URL comes from if no header says it.
_REST: Mapping[Says, str] = {
    "host": "the Host header",
    "port": "the Host header",
    "prefix": "the server",
}


def why_missed(resolution: Resolution) -> Optional[str]:
    """Why a request did not come through the edge, ``None`` if it did."""
    if resolution.missed != "not_trusted":
        return MISSED_IN_WORDS.get(resolution.missed)
    if resolution.stopped == "count_not_reached":
        return "the list does not reach the count"
    return "the peer is not trusted"


def all_ignored(resolution: Resolution, received: Mapping[str, Any]) -> list[Ignored]:
    """The headers that were not believed: the named ones, then all others."""
    unnamed = resolution.policy.headers.unnamed
    return [
        *resolution.ignored,
        *(
            Ignored(NAMES[key], received[key], "not in TRUST_PROXY_HEADERS")
            for key in sorted(unnamed.intersection(received))
        ),
    ]


def never_read(
    resolution: Resolution, received: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The entries to the left of the accepted ones, by header: anyone may have written them."""
    plan, trusted = resolution.policy.headers, resolution.trusted_hops
    for header in plan.named if trusted else ():
        count = header.n
        if header is plan.client:
            count = len(resolution.nodes) - 1 + (resolution.stopped == "not_an_address")
        rest = left_of(header, received.get(header.key) or "", count)
        if rest and trusted >= header.n:
            yield header.name, rest


def left_of(header: Header, value: str, count: int) -> str:
    """The entries to the left of the last ``count`` of a header."""
    comma_before, end = commas_of(header.says), len(value)
    while count and end >= 0:
        end = comma_before(value, end)
        count -= 1
    return value[: max(end, 0)].strip(" \t")


def said_by(resolution: Resolution, what: Says) -> Optional[str]:
    """The header that was believed to say this, ``None`` where none was."""
    if what not in resolution.believed:
        return None
    for header in resolution.policy.headers.values:
        if header.says == what:
            return header.name
    return "Forwarded"


def why_stopped(resolution: Resolution) -> str:
    """Why the walk ended, and what follows, in whole sentences."""
    policy, hop = resolution.policy, len(resolution.nodes) - 1
    client, count = policy.headers.client, policy.trust.count
    who = "it is the client"
    if resolution.nodes[-1] == UNIX:
        who = "the client is the nearest hop towards the app that has an address"
    if resolution.stopped == "count_not_reached":
        return (
            f"TRUST_PROXY expects {count} proxies, and the list has fewer valid addresses. "
            "The request bypassed a proxy, or the number is too high. All forwarding headers "
            "of this request are ignored."
        )
    if resolution.stopped == "no_secret":
        return (
            "TRUST_PROXY_EDGE_SECRET is set, and the request does not have that header with a "
            "right value. Nothing is believed."
        )
    if resolution.stopped == "not_an_address":
        return (
            f"Entry {hop + 1} from the right, which {node_name(resolution.nodes[-1])} wrote "
            "down, is no address. The walk never goes past one: the client is the last hop "
            "that has an address."
        )
    if resolution.stopped == "max_hops":
        return f"TRUST_PROXY_MAX_HOPS={policy.max_hops} ends the walk at hop {hop}, so {who}."
    if resolution.stopped == "end" and client is None:
        return "No header that names the client is read: the walk ends at the peer."
    if resolution.stopped == "end" and client is not None and hop == 0:
        return f"{client.name} has no entry: the walk ends at the peer."
    if resolution.stopped == "end":
        return f"The list ends at hop {hop}, and every hop is trusted, so {who}."
    if hop == 0 and policy.trust.kind == "callable":
        return "The peer is not trusted, so no header is believed."
    if hop == 0:
        trusted = suggest(policy, resolution.nodes[0])
        return "The peer is not trusted, so no header is believed." + (
            f" If it is your proxy, set TRUST_PROXY = {trusted!r}."
            if trusted
            else " The server gives no address for it, so none can be named."
        )
    because = "is not trusted"
    if count is not None:
        because = f"is behind the hops that are counted ({count})"
    elif client is not None and client.is_single:
        because = f"is the one that {client.name} names"
    return f"Hop {hop} {because}, so {who}."
