"""The walk from the WSGI server to the client, and what it lets us believe.

Takes strings and a question, returns values. The only place that decides who
the client is, and which scheme, host, port and prefix are believed: the
rewrite, the log, the explanations and the probe all read its
:class:`Resolution`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal, NamedTuple, Optional

from ..settings import Settings
from .addresses import UNIX, parse_node
from .edge import ANY_EDGE, Missed
from .forwarded import (
    SILENT,
    CommaBefore,
    ElementReader,
    commas_of,
    entries,
    nth_value,
    write_forwarded,
)
from .headers import KNOWN, Header, Read, Says
from .trust import Trusts
from .values import parse_host, parse_scheme

Stopped = Literal[
    "untrusted", "end", "not_an_address", "max_hops", "count_not_reached", "no_secret"
]


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
    :param nodes: the nodes of the hops, the peer first.
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
    :param settings: the settings in force.
    :param cleaned: what named headers hold, by environ key, when only what is
        believed is left, where they hold anything else; ``None``: nothing.
    :param unbracketed: the nearest hop whose IPv6 address is in ``Forwarded``
        without brackets, so that a port may be glued to it; ``None``: there is none.
    :param removed: the environ keys of the forwarding headers that were removed
        because ``TRUST_PROXY_HEADERS`` does not name them.
    :param inner: the settings of each inner TrustProxy, and why the request did not
        come through its edge.
    """

    client_ip: Optional[str]
    client_ips: tuple[str, ...]
    nodes: tuple[str, ...]
    trusted_hops: int
    stopped: Stopped
    missed: Missed
    scheme: str
    believed: Mapping[Says, str]
    ignored: tuple[Ignored, ...]
    settings: Settings
    cleaned: dict[str, Optional[str]] = field(repr=False, compare=False)
    unbracketed: Optional[int] = None
    removed: Collection[str] = field(default=(), repr=False, compare=False)
    inner: tuple[tuple[Settings, Missed], ...] = field(default=(), repr=False, compare=False)

    @property
    def hops(self) -> list[Hop]:
        """The hops that were walked, the peer first."""
        return [
            Hop(index, _address(node), index < self.trusted_hops)
            for index, node in enumerate(self.nodes)
        ]

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
            and self.settings.assumed_scheme is not None
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


def walk(
    peer: str,
    value: str,
    comma_before: CommaBefore,
    read: Read,
    trusts: Trusts,
    max_hops: int,
    known: Collection[str] = (),
) -> tuple[list[str], int, Stopped]:
    """Go from the peer towards the client while the hops are trusted.

    The next entry is cut off only after a trusted hop, so nothing that stands
    left of the client is ever looked at.

    :param peer: the node of hop 0.
    :param value: the header that names hop 1 and on, from the right.
    :param comma_before: cuts off an entry.
    :param read: makes a node of it, ``""`` of anything that is neither an address
        nor a socket; such a one ends the walk.
    :param trusts: the trust policy.
    :param max_hops: at most so many hops are trusted.
    :param known: entries that are the canonical addresses of trusted hops.
    :returns: the nodes walked, how many of them are trusted, and why the walk
        ended.
    """
    walked = [peer]
    if peer not in known and not trusts(peer, 0):
        return walked, 0, "untrusted"
    hop = 0
    # As entries() cuts them; with that generator the walk takes half as long again.
    end = len(value) if value.strip(" \t") else -1
    while end >= 0:
        hop += 1
        comma = comma_before(value, end)
        node = value[comma + 1 : end].strip(" \t")
        end = comma
        if node in known:
            walked.append(node)
        else:
            node = read(node) or ""
            if not node:
                return walked, hop, "not_an_address"
            walked.append(node)
            if not trusts(node, hop):
                return walked, hop, "untrusted"
        if hop == max_hops:
            return walked, hop, "max_hops"
    return walked, hop + 1, "end"


def resolve(
    settings: Settings, peer: str, scheme: str, environ: Mapping[str, Any]
) -> Resolution:
    """Find the client of a request, and what else is believed.

    :param settings: the settings in force.
    :param peer: the peer's node.
    :param scheme: the scheme of the connection.
    :param environ: holds the headers by their keys in a WSGI environ.
    """
    get, edge = environ.get, settings.edge
    client = settings.headers.client
    value = None if client is None else get(client.key)
    has_secret = edge.secret is None or edge.secret.is_in(environ)
    elements = None
    if client is not None and client.says == "forwarded":
        elements = ElementReader(settings.trust.known)
    walked, trusted, stopped = _find_client(settings, peer, elements, value or "", has_secret)
    missed: Missed = None if trusted else "not_trusted"
    if edge is not ANY_EDGE:
        missed = edge.missed(walked[:trusted], has_secret)
    client_ips = tuple(walked[:0:-1])
    if UNIX in client_ips:
        client_ips = tuple(node for node in client_ips if node != UNIX)
    believed: dict[Says, str] = {}
    ignored: list[Ignored] = []
    cleaned: dict[str, Optional[str]] = {}
    if client is not None and value is not None:
        if trusted == 0:
            ignored.append(Ignored(client.name, value, _WHY_NOTHING[stopped]))
        elif stopped == "not_an_address":
            entry = next(islice(entries(value, client.says), len(walked) - 1, None))
            ignored.append(Ignored(client.name, entry, "no address, so the walk ends"))
        text = ", ".join(client_ips)
        if elements is not None:
            element = elements.element if trusted else SILENT
            for header, said in zip(_IN_FORWARDED, (element.proto, element.host)):
                if said and missed is None:
                    _believe(header, said, believed, ignored)
                elif said and trusted:
                    ignored.append(Ignored(header.name, said, _WHY_MISSED[missed]))
            text = write_forwarded(client_ips, believed.get("scheme"), believed.get("host"))
        elif text and client.says == "client":
            text = client.write(text, value)
        if not text or text != value:
            cleaned[client.key] = text or None
    for header in settings.headers.values:
        value = get(header.key)
        if value is None:
            continue
        nth = nth_value(value, header.n) if missed is None and trusted >= header.n else None
        meant = None
        if nth is None:
            why = _WHY_MISSED.get(missed) or _why_not(header.n, trusted, stopped)
            ignored.append(Ignored(header.name, value, why))
        else:
            meant = _believe(header, nth, believed, ignored)
        written = None if meant is None or nth is None else header.write(meant, nth)
        if written != value:
            cleaned[header.key] = written
    return Resolution(  # by position: by keyword it costs twice as much
        client_ips[0] if client_ips else _address(peer),
        client_ips,
        tuple(walked),
        trusted,
        stopped,
        missed,
        believed.get("scheme")
        or (settings.assumed_scheme if missed is None else None)
        or scheme,
        believed,
        tuple(ignored),
        settings,
        cleaned,
        elements.unbracketed if elements is not None and trusted else None,
    )


def _find_client(
    settings: Settings,
    peer: str,
    elements: Optional[ElementReader],
    value: str,
    has_secret: bool,
) -> tuple[list[str], int, Stopped]:
    """Walk, and ask whether a count was reached.

    :param elements: reads the elements of ``Forwarded``, if it says the client.
    :param value: the header that says the client.
    :param has_secret: whether the request has the edge's secret, if there is one.
    """
    client = settings.headers.client
    known, trusts = settings.trust.known, settings.trusts
    if not has_secret:
        if settings.edge.proxies is None:
            return [peer], 0, "no_secret"
        known, trusts = (), settings.edge.distrust(trusts)
    says: Says = "client list" if client is None else client.says
    read = parse_node if client is None else client.parse
    walked, trusted, stopped = walk(
        peer,
        value,
        commas_of(says),
        read if elements is None else elements.node,
        trusts,
        settings.max_hops,
        # A bare address is no element, and a single one is the client's.
        known if says == "client list" else (),
    )
    count = settings.trust.count
    if count is not None and stopped != "untrusted":
        if client is not None:  # the request came past a proxy, or the count is wrong
            return [peer], 0, "count_not_reached"
        trusted = count
    return walked, trusted, stopped


def _believe(
    header: Header, text: str, believed: dict[Says, str], ignored: list[Ignored]
) -> Optional[str]:
    """Believe a value that a trusted hop wrote, if it is one."""
    value = header.parse(text)
    if value is None:
        ignored.append(Ignored(header.name, text, f"no {header.says}"))
    else:
        believed[header.says] = value
    return value


def _why_not(n: int, trusted: int, stopped: Stopped) -> str:
    if trusted == 0:
        return _WHY_NOTHING[stopped]
    return f"only {trusted} hops are trusted" if trusted < n else f"no value {n} from the right"
