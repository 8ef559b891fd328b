"""The two lists of hops, read from the right: X-Forwarded-For and Forwarded.

Both readers are lazy: an entry is cut off only when it is asked for, so what
stands left of the client, who may have written it, is never looked at. A node
is what :func:`~flask_trustproxy.addresses.parse_node` makes of an entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, Optional

from .addresses import parse_node


def list_entries(
    value: str, read: Callable[[str], str] = str, known: Collection[str] = ()
) -> Iterator[str]:
    """Cut the entries off a comma-separated value, from the right.

    X-Forwarded-For knows no quotes. Spaces and tabs around an entry go; a
    value that is blank as a whole has no entries, and an empty entry is one.

    :param read: what is made of each entry.
    :param known: entries that are left as they are.
    """
    if not value.strip(" \t"):
        return
    end = len(value)
    while end >= 0:
        comma = value.rfind(",", 0, end)
        text = value[comma + 1 : end].strip(" \t")
        yield text if text in known else read(text)
        end = comma


def nth_value(value: str, n: int) -> Optional[str]:
    """The n-th value of a comma-separated header from the right, if it has one.

    The values are those of :func:`list_entries`.
    """
    end = len(value)
    while n > 1:
        end = value.rfind(",", 0, end)
        if end < 0:
            return None
        n -= 1
    text = value[value.rfind(",", 0, end) + 1 : end].strip(" \t")
    return text if text or value.strip(" \t") else None


def list_nodes(value: str, known: Collection[str] = ()) -> Iterator[str]:
    """The nodes of an X-Forwarded-For header, from the right.

    :param known: canonical addresses, which need not be read again.
    """
    return list_entries(value, parse_node, known)


class Element(NamedTuple):
    """What one element of a Forwarded header says (RFC 7239 section 4).

    :param node: the node of ``for``, ``""`` where it names none.
    :param proto: as written, ``""`` where it is not there.
    :param host: as written, ``""`` where it is not there.
    """

    node: str = ""
    proto: str = ""
    host: str = ""


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


class ForwardedReader:
    """The nodes of a Forwarded header, from the right.

    :param value: the header's value.
    :param known: canonical addresses, which need not be read again.

    :attr:`element` is the one that was read last; it names the client when
    the walk has ended.
    """

    def __init__(self, value: str, known: Collection[str] = ()) -> None:
        self.element: Element = SILENT
        self._texts = element_texts(value)
        self._known = known

    def __iter__(self) -> ForwardedReader:
        return self

    def __next__(self) -> str:
        self.element = parse_element(next(self._texts), self._known)
        return self.element.node


def element_texts(value: str) -> Iterator[str]:
    """Cut the elements off a Forwarded header, from the right.

    A comma inside a quoted string separates nothing. Quotes are paired from
    the right, where the proxies wrote, so that one which a client left open
    swallows nothing. A quote that has no partner makes all that is left one
    malformed element. Linear in what is read.
    """
    if not value.strip(" \t"):
        return
    end = len(value)
    while end >= 0:
        comma = _separator(value, end)
        yield value[comma + 1 : end]
        end = comma


def _separator(value: str, end: int) -> int:
    """Where the comma left of the element that ends here stands, else -1."""
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
    """Where the quote that opens the string that closes here stands, else -1."""
    opening = value.rfind('"', 0, closing)
    while opening > 0 and value[opening - 1] == "\\":  # escaped, or it would close
        opening = value.rfind('"', 0, opening)
    return opening


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
        parameters[name] = _unescape(r"\1", quoted) if bare is None else bare
    node = parameters.get("for", "")
    if node not in known:
        node = parse_node(_obfuscated_port("", node))
    return Element(node, parameters.get("proto", ""), parameters.get("host", ""))


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
    # an IPv6 address stands in brackets (RFC 7239 section 6).
    return f'"{value}"' if ":" in value else value
