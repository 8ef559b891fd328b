"""The walk over the hops: from the peer towards the client, while they are trusted.

Takes strings and a question, returns values. It knows no headers: how entries are cut
off and read, whom to trust and how far to go is decided once, when the policy is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, Optional

from .forwarded import CommaBefore
from .headers import Read
from .trust import Trusts, TrustsAsWritten, has_to_be_read

#: Why a walk ended.
Stopped = Literal[
    "untrusted", "end", "not_an_address", "max_hops", "count_not_reached", "no_secret"
]

#: Walks from a peer through a header, whose entries it reads; see :func:`make_walk`.
#: The nodes behind the peer, hop 1 first, how many hops are trusted, and why it ended.
Walk = Callable[[str, str, Read], tuple[list[str], int, Stopped]]


def make_walk(
    trusts: Trusts,
    max_hops: int,
    comma_before: Optional[CommaBefore] = None,
    known: Collection[str] = (),
    trusts_as_written: TrustsAsWritten = has_to_be_read,
) -> Walk:
    """Make the function that walks.

    :param trusts: says which hops are trusted.
    :param max_hops: the largest number of hops that are trusted.
    :param comma_before: cuts off an entry; ``None``: each comma does.
    :param known: entries that are the canonical addresses of trusted hops.
    :param trusts_as_written: says of an entry that needs no reading whether it is
        trusted, at whichever hop; ``None``: it has to be read.
    """

    def walk(peer: str, value: str, read: Read) -> tuple[list[str], int, Stopped]:
        """Go from the peer towards the client while the hops are trusted.

        The next entry is cut off only after a trusted hop, so nothing that is left of
        the client is ever looked at.

        :param peer: the node of hop 0.
        :param value: the header that names hop 1 and on, from the right.
        :param read: makes a node of an entry, ``""`` of anything that is neither an
            address nor a socket; such a one ends the walk.
        """
        behind: list[str] = []
        if peer not in known and not trusts(peer, 0):
            return behind, 0, "untrusted"
        hop = 0
        # As entries() cuts them; with that generator the walk takes half as long again.
        end = len(value) if value else -1
        while end >= 0:
            hop += 1
            comma = comma_before(value, end) if comma_before else value.rfind(",", 0, end)
            node = value[comma + 1 : end].strip(" \t")
            end = comma
            if node in known:
                behind.append(node)
            else:
                trusted = trusts_as_written(node)
                if trusted is None:
                    node = read(node) or ""
                    if not node:
                        is_blank = hop == 1 and not value.strip(" \t")
                        return behind, hop, "end" if is_blank else "not_an_address"
                    trusted = trusts(node, hop)
                behind.append(node)
                if not trusted:
                    return behind, hop, "untrusted"
            if hop == max_hops:
                return behind, hop, "max_hops"
        return behind, hop + 1, "end"

    return walk


def reach_count(walk: Walk, count: int, reads_list: bool) -> Walk:
    """Make a walk that believes nothing unless it reaches a count of hops.

    :param walk: trusts the hops below the count.
    :param reads_list: whether a header names the hops. If it has too few, the request
        did not pass all proxies, or the count is wrong.
    """

    def counted(peer: str, value: str, read: Read) -> tuple[list[str], int, Stopped]:
        behind, trusted, stopped = walk(peer, value, read)
        if stopped == "untrusted":
            return behind, trusted, stopped
        return ([], 0, "count_not_reached") if reads_list else (behind, count, stopped)

    return counted


def stay_at_peer(peer: str, value: str, read: Read) -> tuple[list[str], int, Stopped]:
    """The walk of a request that lacks the secret, if nothing else tells who is the edge."""
    return [], 0, "no_secret"
