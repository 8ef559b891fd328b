"""The policy: whom to believe, and what, compiled once from the settings.

Here is all that the core knows of settings, under no setting's name. What does not
depend on a request is decided here: how the hops are walked, and what removes trust.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from .edge import ANY_EDGE, Edge
from .forwarded import commas_of
from .headers import HeaderPlan
from .trust import TrustPolicy, Trusts
from .walk import Walk, make_walk, reach_count, stay_at_peer


@dataclass(frozen=True)
class Policy:
    """Whom to believe, and what.

    :param trust: which hops are trusted.
    :param headers: the headers that are read.
    :param max_hops: at most so many hops are trusted.
    :param clean_headers: whether only what is believed is left in the environ.
    :param edge: the outermost proxies.
    :param identity: the headers that say who the user is: each name, by its key in a
        WSGI environ.
    :param assumed_scheme: the scheme of a request that came through the edge and has
        no header that says it.

    ``trusts`` is the question that the walk asks. ``walk`` goes from the peer to
    the client; ``walk_without_secret`` does so for a request that lacks the
    edge's secret.
    """

    trust: TrustPolicy
    headers: HeaderPlan
    max_hops: int
    clean_headers: bool
    edge: Edge = ANY_EDGE
    identity: Mapping[str, str] = field(default_factory=dict[str, str])
    assumed_scheme: Optional[str] = None
    trusts: Trusts = field(init=False, repr=False, compare=False)
    walk: Walk = field(init=False, repr=False, compare=False)
    walk_without_secret: Walk = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        trusts = self.trust.trusts
        if self.headers.client is not None and self.headers.client.is_single:
            trusts = _trusts_peer_only(trusts)
        without: Walk = stay_at_peer
        if self.edge.proxies is not None:
            without = self._make_walk(self.edge.distrust(trusts), remembers=False)
        for name, value in (
            ("trusts", trusts),
            ("walk", self._make_walk(trusts)),
            ("walk_without_secret", without),
        ):
            object.__setattr__(self, name, value)  # frozen for all others

    def _make_walk(self, trusts: Trusts, remembers: bool = True) -> Walk:
        client = self.headers.client
        # A bare address is no element, and a single one is the client's.
        is_list = client is None or client.is_list
        walk = make_walk(
            trusts,
            self.max_hops,
            commas_of("client list" if client is None else client.says),
            self.trust.known if is_list and remembers else (),
        )
        count = self.trust.count
        return walk if count is None else reach_count(walk, count, client is not None)


def _trusts_peer_only(trusts: Trusts) -> Trusts:
    """Only the peer is asked about if a header names one address: hop 1 is the client."""
    return lambda address, hop: hop == 0 and trusts(address, hop)
