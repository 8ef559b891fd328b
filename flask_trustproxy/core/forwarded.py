"""The two lists of hops, read from the right: X-Forwarded-For and Forwarded.

A list is cut one entry at a time, when the entry is asked for, so what is
left of the client, who may have written it, is never looked at. A node is what
:func:`~flask_trustproxy.core.addresses.parse_node` makes of an entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, Optional

from .addresses import UNIX, parse_node
from .headers import Says

#: Finds the comma left of the entry that ends at an index, -1 if there is none.
CommaBefore = Callable[[str, int], int]


def list_comma(value: str, end: int) -> int:
    """Find the comma of a plain list, which knows no quotes (X-Forwarded-For)."""
    return value.rfind(",", 0, end)


def no_comma(value: str, end: int) -> int:
    """Find none, since the header holds one entry."""
    return -1


def forwarded_comma(value: str, end: int) -> int:
    """Find the comma of a Forwarded header.

    A comma inside a quoted string separates nothing. Quotes are paired from
    the right, where the proxies wrote, so that one which a client left open
    swallows nothing. A quote that has no partner makes all that is left one
    malformed element. Linear in what is read.
    """
    position = end
    comma = value.rfind(",", 0, position)
    while True:
        closing = value.rfind('"', comma + 1, position)
        if closing < 0:
            return comma
        position = _opening(value, closing)
        if position < 0:
            return -1
        if position < comma:  # the comma was inside the quotes
            comma = value.rfind(",", 0, position)


def _opening(value: str, closing: int) -> int:
    """The index of the quote that opens the string that closes here, else -1."""
    opening = value.rfind('"', 0, closing)
    while opening > 0 and value[opening - 1] == "\\":  # escaped, or it would close
        opening = value.rfind('"', 0, opening)
    return opening


def commas_of(says: Says) -> CommaBefore:
    """What finds the commas of a header that says this."""
    if says == "forwarded":
        return forwarded_comma
    return no_comma if says == "client" else list_comma


def entries(value: str, says: Says = "client list") -> Iterator[str]:
    """Cut the entries off a header that says this, from the right.

    Spaces and tabs around an entry go; a value that is blank as a whole has no
    entries, and an empty entry is one.
    """
    comma_before = commas_of(says)
    end = len(value) if value.strip(" \t") else -1
    while end >= 0:
        comma = comma_before(value, end)
        yield value[comma + 1 : end].strip(" \t")
        end = comma


def nth_value(value: str, n: int) -> Optional[str]:
    """The n-th value of a plain list from the right, if it has one.

    The values are those of :func:`entries`.
    """
    end = len(value)
    while n > 1:
        end = value.rfind(",", 0, end)
        if end < 0:
            return None
        n -= 1
    text = value[value.rfind(",", 0, end) + 1 : end].strip(" \t")
    return text if text or value.strip(" \t") else None


class Element(NamedTuple):
    """What one element of a Forwarded header says (RFC 7239 section 4).

    :param node: the node of ``for``, ``""`` where it names none.
    :param proto: as written, ``""`` where it is not there.
    :param host: as written, ``""`` where it is not there.
    :param unbracketed: whether the node is IPv6 and was written without brackets.
    """

    node: str = ""
    proto: str = ""
    host: str = ""
    unbracketed: bool = False


#: An element that is malformed, or not there, says nothing.
SILENT = Element()

# RFC 7239 section 4: forwarded-pair = token "=" ( token / quoted-string ). An
# unquoted value may hold what a sloppy proxy leaves bare: ":", "[" and "]".
_pair = re.compile(
    r"[ \t]*(?:(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^";, \t]*))[ \t]*)?(?:;|\Z)',
    re.DOTALL,
).match
_unescape = re.compile(r"\\(.)", re.DOTALL).sub
# RFC 7239 section 6.3: a port that was made unreadable
_obfuscated_port = re.compile(r":_[A-Za-z0-9._-]+\Z").sub


def parse_element(text: str, known: Collection[str] = ()) -> Element:
    """Read one element: parameters in any order and case.

    Spaces around ``;`` and empty parameters are passed over, unknown
    parameters too. An element with a parameter twice (RFC 7239 section 4), or
    with anything that is no parameter, is malformed and says nothing.

    :param known: canonical addresses, which need not be read again.
    """
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _pair(text, position)
        if match is None:
            return SILENT
        position = match.end()
        name, quoted, bare = match.groups()
        if name is None:
            continue
        name = name.lower()
        if name in parameters:
            return SILENT
        if bare is None:
            parameters[name] = _unescape(r"\1", quoted) if "\\" in quoted else quoted
        else:
            parameters[name] = bare
    node = written = parameters.get("for", "")
    if node not in known:
        node = parse_node(_obfuscated_port("", node) if ":_" in node else node)
    return Element(
        node,
        parameters.get("proto", ""),
        parameters.get("host", ""),
        # RFC 7239 section 6: an IPv6 address is in brackets.
        ":" in node and node != UNIX and not written.startswith("["),
    )


class ElementReader:
    """Reads elements of a Forwarded header when their nodes are asked for.

    :param known: canonical addresses, which need not be read again.

    :attr:`element` is the one that was read last; it names the client when
    the walk has ended. :attr:`unbracketed` is the nearest hop whose IPv6 address
    was written without brackets, if there is one.
    """

    def __init__(self, known: Collection[str]) -> None:
        self.element: Element = SILENT
        self.unbracketed: Optional[int] = None
        self._known = known
        self._hop = 0

    def node(self, text: str) -> str:
        """Read one element, and return its node."""
        self._hop += 1
        self.element = element = parse_element(text, self._known)
        if element.unbracketed and self.unbracketed is None:
            self.unbracketed = self._hop
        return element.node


def write_forwarded(addresses: Sequence[str], proto: Optional[str], host: Optional[str]) -> str:
    """Write a Forwarded header (RFC 7239 section 4).

    :param addresses: the client's first, then those of the trusted hops.
    :param proto: what the client's element says of the scheme, if anything.
    :param host: what it says of the host, if anything.
    :returns: ``""`` where there is nothing to say.
    """
    nodes = [f"for={_quoted(f'[{node}]' if ':' in node else node)}" for node in addresses]
    said = [f"proto={proto}"] if proto else []
    if host:
        said.append(f"host={_quoted(host)}")
    return ", ".join([";".join([*nodes[:1], *said]), *nodes[1:]])


def _quoted(value: str) -> str:
    # Of an address, a name and a port, only a colon is no token (RFC 9110 section 5.6.2);
    # an IPv6 address is in brackets (RFC 7239 section 6).
    return f'"{value}"' if ":" in value else value
