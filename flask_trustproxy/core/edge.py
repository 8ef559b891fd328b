"""The edge: the outermost proxies, through which every real request comes.

Here lives whether a request came through them: by a trusted hop that is one of
them, and by a secret that only they know. Nothing here knows of settings, or
of what follows if a request did not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Literal, Optional, cast

from .headers import environ_key
from .trust import TrustPolicy, Trusts, compile_trust

#: Why a request did not come through the edge; ``None``: it did.
Missed = Optional[Literal["not_trusted", "no_edge_hop", "no_secret"]]

#: The shortest secret, in characters.
_SHORTEST = 16

# RFC 9110 section 5.6.2: token. Without underscores, which WSGI could not tell
# from hyphens.
_is_name = re.compile(r"[A-Za-z0-9-]+").fullmatch
# Visible ASCII but a comma, which separates two lines of one header.
_is_secret = re.compile(rf"[!-+\--~]{{{_SHORTEST},}}").fullmatch
# These belong to the request itself, and a WSGI environ has two of them elsewhere.
_TAKEN = frozenset(("host", "cookie", "authorization", "content-type", "content-length"))


@dataclass(frozen=True)
class EdgeSecret:
    """A header that only the edge can write.

    :param name: the name of the header.
    :param key: its key in a WSGI environ.
    :param values: the values that are right; several while one is replaced.
    """

    name: str
    key: str
    values: tuple[bytes, ...] = field(repr=False)

    def is_in(self, environ: Mapping[str, Any]) -> bool:
        """Say whether the header has one of the values, in constant time.

        The whole header is compared, so a second line of a client makes it
        wrong.
        """
        text = environ.get(self.key)
        if not isinstance(text, str):
            return False
        sent = text.encode("utf-8", "surrogatepass")
        # The sum compares each value, so that the time does not tell which was right.
        return sum(compare_digest(sent, value) for value in self.values) > 0

    def shares_a_value(self, other: Optional[EdgeSecret]) -> bool:
        """Say whether another secret has the same header and one of the values."""
        return (
            other is not None
            and other.key == self.key
            and not set(self.values).isdisjoint(other.values)
        )


@dataclass(frozen=True)
class Edge:
    """The outermost proxies.

    :param proxies: their addresses; ``None``: any trusted hop is one.
    :param secret: the header that they add; ``None``: there is none.
    """

    proxies: Optional[TrustPolicy] = None
    secret: Optional[EdgeSecret] = None

    def missed(self, trusted: Sequence[str], has_secret: bool) -> Missed:
        """Say why a request did not come through the edge, if it did not.

        :param trusted: the nodes of the trusted hops.
        :param has_secret: whether the request has the secret, if there is one.
        """
        if not has_secret:
            return "no_secret"
        if not trusted:
            return "not_trusted"
        if self.proxies is not None and not any(
            self.proxies.trusts(node, hop) for hop, node in enumerate(trusted)
        ):
            return "no_edge_hop"
        return None

    def distrust(self, trusts: Trusts) -> Trusts:
        """Trust everybody that is trusted, but not the edge.

        For a request without the secret: the address is the edge's, but another
        customer of the same CDN may have sent it.
        """
        proxies = self.proxies
        if proxies is None:
            return lambda node, hop: False
        return lambda node, hop: not proxies.trusts(node, hop) and trusts(node, hop)


#: There are no settings of an edge: each trusted hop is one.
ANY_EDGE = Edge()


def compile_edge(value: object, directory: str = "") -> Optional[TrustPolicy]:
    """Compile a value of ``TRUST_PROXY_EDGE``, ``None`` for none.

    :param value: names, addresses, networks and files, as ``TRUST_PROXY`` has them.
    :param directory: where the paths of files start that are not absolute.
    :raises ValueError: what was expected, if it is anything else.
    """
    if value is None:
        return None
    policy = compile_trust(value, directory)
    if policy.kind != "addresses":
        raise ValueError(
            "expected the names, addresses, networks or files of the outermost proxies"
        )
    return policy


def parse_edge_secret(value: object) -> Optional[EdgeSecret]:
    """Read ``"Name: value"``, or a list of such lines with one name.

    :param value: a list, a line, or lines with commas between them; ``None`` for none.
    :raises ValueError: what was expected, without the value itself.
    """
    if value is None:
        return None
    lines = list(_items(value))
    names = {_secret_name(line) for line in lines}
    if not lines or None in names:
        raise ValueError(
            f"expected 'Name: value' with at least {_SHORTEST} visible ASCII characters in the "
            "value, none of them a space or a comma"
        )
    if len({name.lower() for name in names if name}) != 1:
        raise ValueError("expected lines that all have one name")
    name = str(_secret_name(lines[0]))
    if name.lower() in _TAKEN:
        raise ValueError(f"expected a header of its own, not {name}")
    values = tuple(line.partition(":")[2].strip(" \t").encode() for line in lines)
    return EdgeSecret(name, environ_key(name), values)


def _secret_name(line: str) -> Optional[str]:
    """The name of the header in a line, ``None`` if it is no such line."""
    name, _, secret = line.partition(":")
    return name if _is_name(name) and _is_secret(secret.strip(" \t")) else None


def parse_identity_headers(value: object) -> dict[str, str]:
    """Read the names of headers that say who the user is.

    :param value: a list or a comma-separated string; ``None`` for none.
    :returns: the name of each header, by its key in a WSGI environ.
    :raises ValueError: what was expected, if it is anything else.
    """
    names = [] if value is None else list(_items(value))
    for name in names:
        if not _is_name(name):
            raise ValueError(
                "expected names of headers, with hyphens and no underscores, such as "
                f"'Remote-User, X-Forwarded-Email', got {name!r}"
            )
        if name.lower() in _TAKEN:
            raise ValueError(f"expected headers that a proxy adds, not {name}")
    return {environ_key(name): name for name in names}


def _items(value: object) -> Iterable[str]:
    """The items of a list or a comma-separated string, without spaces around."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("expected a text or a list of texts")
    for item in cast("Iterable[object]", value):
        if not isinstance(item, str):
            raise ValueError("expected a text or a list of texts")
        yield item.strip(" \t")
