"""Which values of a request are believed: client, scheme, host, port and prefix.

Takes strings and a policy, returns values. The only place that decides it: the
rewrite, the log, the explanations and the probe all read its :class:`Resolution`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple, Optional

from .addresses import UNIX
from .edge import ANY_EDGE, Missed
from .forwarded import ElementReader, entries, nth_value
from .headers import KNOWN, Header, Says
from .policy import Policy
from .values import parse_host, parse_scheme
from .walk import Stopped


@dataclass(frozen=True)
class Hop:
    """One address on the way from the WSGI server to the client.

    Hop 0 is the peer; hop *i* is the *i*-th entry from the right of the
    forwarded list and was written down by hop *i - 1*.

    :param index: which hop it is.
    :param address: its canonical address; ``None`` for a unix-domain socket
        and for a peer that has none.
    :param trusted: whether it is trusted.
    """

    index: int
    address: Optional[str]
    trusted: bool


class Ignored(NamedTuple):
    """A header, or an entry of one, that was not believed, and why."""

    header: str
    value: str
    why: str


@dataclass  # a frozen one costs twice as much to make
class Resolution:
    """Who the client is, and what else was believed, for one request.

    :param client_ip: the client's canonical address; ``None`` where no hop
        has an address.
    :param client_ips: the client first, then each trusted hop, the peer left
        out (Express ``req.ips``); empty where the client is the peer.
    :param peer: the node of the peer.
    :param behind: the nodes of the hops behind it, hop 1 first.
    :param trusted_hops: how many hops from the peer on are trusted; 0 where
        nothing is believed.
    :param stopped: why the walk ended.
    :param missed: why the request did not come through the edge: no hop is trusted
        (``"not_trusted"``), none of the trusted hops is in ``TRUST_PROXY_EDGE``
        (``"no_edge_hop"``), or the secret is missing or wrong (``"no_secret"``).
        ``None``: it came through.
    :param scheme: ``"http"`` or ``"https"``, as the client sees it.
    :param believed: what the headers were believed to say, as canonical text:
        ``scheme``, ``host``, ``port`` and ``prefix``, as far as they were.
    :param ignored: the headers that are named but were not believed.
    :param policy: the policy in force.
    :param unbracketed: the nearest hop whose IPv6 address is in ``Forwarded``
        without brackets, so that a port may be glued to it; ``None``: there is none.
    :param removed: the environ keys of the forwarding headers that were removed
        because ``TRUST_PROXY_HEADERS`` does not name them.
    :param inner: the policy of each inner TrustProxy, and why the request did not
        come through its edge.
    """

    client_ip: Optional[str]
    client_ips: tuple[str, ...]
    peer: str
    behind: tuple[str, ...]
    trusted_hops: int
    stopped: Stopped
    missed: Missed
    scheme: str
    believed: Mapping[Says, str]
    ignored: tuple[Ignored, ...]
    policy: Policy
    # Without defaults, which make each one slower.
    unbracketed: Optional[int]
    removed: Collection[str] = field(repr=False, compare=False)
    inner: tuple[tuple[Policy, Missed], ...] = field(repr=False, compare=False)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes of the hops, the peer first."""
        return (self.peer, *self.behind)

    @property
    def hops(self) -> list[Hop]:
        """The hops that were walked, the peer first."""
        return [
            Hop(index, _address(node), index < self.trusted_hops)
            for index, node in enumerate(self.nodes)
        ]

    def rule(self, hop: int) -> Optional[str]:
        """Name what trusts a hop: the very network, name, file or count.

        It is found anew for each call. A callable is not called again.

        :param hop: which hop it is, 0 for the peer.
        :returns: ``None`` if the hop is not trusted.
        """
        if hop >= self.trusted_hops:
            return None
        return self.policy.trust.rule(self.nodes[hop], hop)

    @property
    def through_edge(self) -> bool:
        """Whether the request came through the outermost proxies.

        Without ``TRUST_PROXY_EDGE`` and ``TRUST_PROXY_EDGE_SECRET`` each trusted
        hop is an edge.
        """
        return self.missed is None

    @property
    def is_scheme_assumed(self) -> bool:
        """Whether ``TRUST_PROXY_SCHEME`` is the scheme, since no header says it."""
        return (
            self.missed is None
            and self.policy.assumed_scheme is not None
            and "scheme" not in self.believed
        )

    @property
    def host(self) -> Optional[str]:
        """The host that was believed, with its port where it has one."""
        return self.believed.get("host")

    @property
    def port(self) -> Optional[int]:
        """The port that was believed."""
        return int(self.believed["port"]) if "port" in self.believed else None

    @property
    def prefix(self) -> Optional[str]:
        """The path prefix that was believed, ``"/"`` for none."""
        return self.believed.get("prefix")


#: What Forwarded says beside the client, in the order of Element.
_IN_FORWARDED = (
    replace(KNOWN["forwarded"], name="Forwarded proto", says="scheme", parse=parse_scheme),
    replace(KNOWN["forwarded"], name="Forwarded host", says="host", parse=parse_host),
)

_WHY_NOTHING: Mapping[str, str] = {
    "untrusted": "the peer is not trusted",
    "count_not_reached": "the list does not reach the count",
    "no_secret": "the edge's secret is missing or wrong",
}

_WHY_MISSED: Mapping[Missed, str] = {
    "no_edge_hop": "no trusted hop is in TRUST_PROXY_EDGE",
    "no_secret": "the edge's secret is missing or wrong",
}


def _address(node: str) -> Optional[str]:
    return node if node and node != UNIX else None


def resolve(policy: Policy, peer: str, scheme: str, environ: Mapping[str, Any]) -> Resolution:
    """Find the client of a request, and what else is believed.

    :param policy: the policy in force.
    :param peer: the peer's node.
    :param scheme: the scheme of the connection.
    :param environ: holds the headers by their keys in a WSGI environ.
    """
    get, edge, client = environ.get, policy.edge, policy.headers.client
    value = None if client is None else get(client.key)
    elements, read, walk, has_secret = None, policy.read, policy.walk, True
    if policy.reads_elements:
        elements = ElementReader(policy.trust.known)
        read = elements.node
    if edge.secret is not None and not edge.secret.is_in(environ):
        walk, has_secret = policy.walk_without_secret, False
    found, trusted, stopped = walk(peer, value or "", read)
    missed: Missed = None if trusted else "not_trusted"
    if edge is not ANY_EDGE:
        missed = edge.missed((peer, *found)[:trusted], has_secret)
    behind = client_ips = tuple(found)
    if len(found) > 1:  # the client first
        client_ips = behind[::-1]
    if UNIX in behind:
        client_ips = tuple(node for node in client_ips if node != UNIX)
    believed: dict[Says, str] = {}
    ignored: tuple[Ignored, ...] = ()
    if client is not None and value is not None:
        if trusted == 0:
            ignored += (Ignored(client.name, value, _WHY_NOTHING[stopped]),)
        elif stopped == "not_an_address":
            entry = next(islice(entries(value, client.says), len(behind), None))
            ignored += (Ignored(client.name, entry, "no address, so the walk ends"),)
        if elements is not None and trusted:
            said = elements.element
            for header, text in zip(_IN_FORWARDED, (said.proto, said.host)):
                if text and missed is None:
                    ignored += _believe(header, text, believed)
                elif text:
                    ignored += (Ignored(header.name, text, _WHY_MISSED[missed]),)
    for header, words in policy.values:
        value = get(header.key)
        if value is None:
            continue
        if missed is None and trusted >= header.n:
            if len(value) < 6 and value in words:  # as most are
                believed[header.says] = value
                continue
            nth = nth_value(value, header.n)
            if nth is not None:
                ignored += _believe(header, nth, believed)
                continue
        why = _WHY_MISSED.get(missed) or _why_not(header.n, trusted, stopped)
        ignored += (Ignored(header.name, value, why),)
    if missed is None:
        scheme = believed.get("scheme") or policy.assumed_scheme or scheme
    return Resolution(  # by position: by keyword it costs twice as much
        client_ips[0] if client_ips else _address(peer),
        client_ips,
        peer,
        behind,
        trusted,
        stopped,
        missed,
        scheme,
        believed,
        ignored,
        policy,
        elements.unbracketed if elements is not None and trusted else None,
        (),
        (),
    )


def _believe(header: Header, text: str, believed: dict[Says, str]) -> tuple[Ignored, ...]:
    """Believe a value that a trusted hop wrote; if it is none, return why."""
    value = header.parse(text)
    if value is None:
        return (Ignored(header.name, text, f"no {header.says}"),)
    believed[header.says] = value
    return ()


def _why_not(n: int, trusted: int, stopped: Stopped) -> str:
    if trusted == 0:
        return _WHY_NOTHING[stopped]
    return f"only {trusted} hops are trusted" if trusted < n else f"no value {n} from the right"
