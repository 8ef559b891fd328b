"""The policy: whom to believe, and what, compiled once from the settings.

Here is all that the core knows of settings, under no setting's name. What does not
depend on a request is decided here: how the hops are walked, and what removes trust.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Optional

from .addresses import parse_node
from .edge import Edge
from .forwarded import commas_of
from .headers import Header, HeaderPlan, Read
from .trust import TrustPolicy, Trusts
from .values import DEFAULT_PORTS
from .walk import Walk, make_walk, reach_count, stay_at_peer


@dataclass(frozen=True)
class Policy:
    """Whom to believe, and what.

    :param trust: which hops are trusted.
    :param headers: the headers that are read.
    :param max_hops: the largest number of hops that are trusted.
    :param clean_headers: whether only what is believed is left in the environ.
    :param edge: the outermost proxies.
    :param identity: the headers that say who the user is: each name, by its key in a
        WSGI environ.
    :param assumed_scheme: the scheme of a request that came through the edge and has
        no header that says it.

    Decided here, so that no request decides it again: ``reads_elements``, whether
    ``Forwarded`` is read; ``read``, which reads an entry of another header; ``values``, the
    headers that say scheme, host, port and prefix, each with the texts that need no
    reading; ``says_where``, whether a header can say host, port or prefix; ``hides``, whether
    a secret or a user's name is kept from the app; ``trusts``, the question that the walk
    asks; ``walk``, which goes from the peer to the client; ``walk_without_secret``, which does
    so for a request that lacks the edge's secret.
    """

    trust: TrustPolicy
    headers: HeaderPlan
    max_hops: int
    clean_headers: bool
    edge: Edge
    identity: Mapping[str, str]
    assumed_scheme: Optional[str]
    reads_elements: bool = field(init=False, repr=False, compare=False)
    read: Read = field(init=False, repr=False, compare=False)
    values: tuple[tuple[Header, Collection[str]], ...] = field(
        init=False, repr=False, compare=False
    )
    says_where: bool = field(init=False, repr=False, compare=False)
    hides: bool = field(init=False, repr=False, compare=False)
    trusts: Trusts = field(init=False, repr=False, compare=False)
    walk: Walk = field(init=False, repr=False, compare=False)
    walk_without_secret: Walk = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        headers, trusts = self.headers, self.trust.trusts
        client = headers.client
        if client is not None and client.is_single:
            trusts = _trusts_peer_only(trusts)
        without: Walk = stay_at_peer
        if self.edge.proxies is not None:
            without = self._make_walk(self.edge.distrust(trusts), remembers=False)
        says_where = headers.says("host") or headers.says("port") or headers.says("prefix")
        for name, value in (
            ("reads_elements", client is not None and client.is_forwarded),
            ("read", parse_node if client is None else client.parse),
            ("values", tuple((header, _words(header)) for header in headers.values)),
            ("says_where", says_where),
            ("hides", bool(self.identity or self.edge.secret)),
            ("trusts", trusts),
            ("walk", self._make_walk(trusts)),
            ("walk_without_secret", without),
        ):
            object.__setattr__(self, name, value)  # frozen for all others

    def _make_walk(self, trusts: Trusts, remembers: bool = True) -> Walk:
        client, count = self.headers.client, self.trust.count
        if client is not None and not client.is_list:
            walk = make_walk(trusts, self.max_hops, commas_of(client.says))
        elif remembers:  # a bare address is no element of Forwarded
            known, as_written = self.trust.known, self.trust.trusts_as_written
            walk = make_walk(trusts, self.max_hops, None, known, as_written)
        else:
            walk = make_walk(trusts, self.max_hops)
        return walk if count is None else reach_count(walk, count, client is not None)


def _words(header: Header) -> frozenset[str]:
    """The texts that mean themselves if they are the whole value of a header."""
    return frozenset(
        text
        for text in DEFAULT_PORTS
        if header.n == 1 and header.parse(text) == header.write(text, text) == text
    )


def _trusts_peer_only(trusts: Trusts) -> Trusts:
    """Only the peer is asked about if a header names one address: hop 1 is the client."""
    return lambda address, hop: hop == 0 and trusts(address, hop)
