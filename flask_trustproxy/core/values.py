"""What a scheme, a host, a port and a prefix may be.

Here lives how one value of a header becomes canonical text, and the only place
that splits a host from its port. Each function costs time that is linear in the
length of its text. Nothing here knows the names of headers, or whom to believe.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Optional
from urllib.parse import unquote_to_bytes

from .addresses import parse_address

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_WITH_SSL = {**_SCHEMES, "ssl": "https"}
_SWITCHES = {
    **dict.fromkeys(("on", "1", "true", "yes"), "https"),
    **dict.fromkeys(("off", "0", "false", "no"), "http"),
}
_ALL_SCHEMES = {**_WITH_SSL, **_SWITCHES}


def parse_scheme(text: str) -> Optional[str]:
    """Read ``http`` or ``https``, any case; ``ws`` and ``wss`` are theirs."""
    return _SCHEMES.get(text.lower())


def parse_scheme_or_ssl(text: str) -> Optional[str]:
    """Read a scheme, or ``ssl``, which is ``https``."""
    return _WITH_SSL.get(text.lower())


def parse_switch(text: str) -> Optional[str]:
    """Read ``on`` or ``off`` of TLS, or a word for it, as a scheme."""
    return _SWITCHES.get(text.lower())


def write_switch(scheme: str, _: str) -> str:
    """Write a scheme as ``on`` or ``off``."""
    return "on" if scheme == "https" else "off"


def parse_any_scheme(text: str) -> Optional[str]:
    """Read a scheme, ``ssl``, or a word for on or off."""
    return _ALL_SCHEMES.get(text.lower())


def write_any_scheme(scheme: str, written: str) -> str:
    """Write a scheme, or the word that said it, which other readers know."""
    word = written.lower()
    return word if word not in _SCHEMES and _ALL_SCHEMES.get(word) == scheme else scheme


# RFC 8259 section 2 allows white space between the tokens of an object.
_visitor = re.compile(
    r'\{[ \t]*"scheme"[ \t]*:[ \t]*"(?P<scheme>https?)"[ \t]*\}',
).fullmatch


def parse_visitor(text: str) -> Optional[str]:
    """Read a JSON object with one member, ``scheme``."""
    match = _visitor(text)
    return match["scheme"] if match else None


def write_visitor(scheme: str, _: str) -> str:
    """Write a scheme as a JSON object with one member."""
    return f'{{"scheme":"{scheme}"}}'


#: The port that a URL of each scheme leaves out.
DEFAULT_PORTS = {"http": "80", "https": "443"}

#: A longer host is not taken apart. A name has 253 characters at most.
_LONGEST_HOST = 1024

# RFC 3986 section 3.2: host [ ":" port ]. A name holds no colon, so there is one
# way to match.
_split_host = re.compile(r"(?P<name>\[[^][]*\]|[^][:/?#@,\s]+)(?::(?P<port>[0-9]*))?").fullmatch
# RFC 3986 section 3.2.2 with RFC 1123 section 2.1 for the labels
_is_name = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*").fullmatch
_is_port = re.compile(r"[1-9][0-9]{0,4}").fullmatch


def split_host(text: str) -> tuple[str, str]:
    """Split a host, as a client may write it, from its port.

    :returns: the name, an IPv6 address in its brackets, and the port, which may
        be empty; both are empty if the text is no host or has more than 1,024
        characters.
    """
    match = _split_host(text) if len(text) <= _LONGEST_HOST else None
    return (match["name"], match["port"] or "") if match else ("", "")


def join_host(name: str, port: Optional[str]) -> str:
    """Write a host and its port, if it has one."""
    return f"{name}:{port}" if port else name


def parse_host(text: str) -> Optional[str]:
    """Read a host that Flask can build a URL from, with an optional port.

    :returns: the host in lower case, an IPv6 address canonical and in brackets;
        ``None`` if the text is anything else.
    """
    # The Kelvin sign, which is not ASCII, is a k in lower case.
    name, port = split_host(text.lower()) if text.isascii() else ("", "")
    if (port or text.endswith(":")) and parse_port(port) is None:
        return None
    if name.startswith("["):
        address = parse_address(name[1:-1]) if ":" in name else None
        if address is None:
            return None
        name = f"[{address}]" if ":" in address else address
    elif not _can_be_in_a_url(name):
        return None
    return join_host(name, port)


def _can_be_in_a_url(name: str) -> bool:
    if len(name) > 253 or not _is_name(name):
        return False
    labels = name.split(".")
    # A last label of digits makes it an IPv4 address (URL Standard, "ends in a number").
    if labels[-1].isdigit() and parse_address(name) is None:
        return False
    return "xn--" not in name or all(map(_can_be_shown, labels)) or _shows_every_name()


def _can_be_shown(label: str) -> bool:
    """Say whether Werkzeug 2.3 and later can put a label into a URL.

    It decodes the label by the codec of the standard library and goes on after a
    UnicodeDecodeError, which Python 3.13 raises. Older ones raise its base class.
    """
    try:
        label.encode("ascii").decode("idna")
    except UnicodeDecodeError:
        return True
    except UnicodeError:
        return False
    return True


@cache
def _shows_every_name() -> bool:
    """Say whether the installed Werkzeug is 2.2, which leaves such a label as it is."""
    try:
        return version("werkzeug").startswith("2.2.")
    except PackageNotFoundError:  # nothing is lost but these names
        return False


def parse_port(text: str) -> Optional[str]:
    """Read a port from 1 to 65535."""
    return text if _is_port(text) and int(text) <= 65535 else None


# RFC 3986 section 3.3: segments of pchar. A comma ends a value, so it is left out.
_is_prefix = re.compile(
    r"(?:/(?:[A-Za-z0-9._~!$&'()*+;=:@-]|%[0-9A-Fa-f]{2})+)*/?", re.ASCII
).fullmatch
# These end a path, change it, or make markup of it; C0 and C1 are control characters.
_is_unsafe = re.compile(r"[/\\%?#<>\"\x00-\x1f\x7f-\x9f]").search


def parse_prefix(text: str) -> Optional[str]:
    """Read a path prefix of at most 255 characters; ``/`` means none.

    :returns: the prefix as it was written, without a trailing slash; ``/`` for
        none; ``None`` if the text is anything else.
    """
    if not text or len(text) > 255 or not _is_prefix(text):
        return None
    try:
        segments = [unquote_to_bytes(part).decode() for part in text.split("/")[1:] if part]
    except UnicodeDecodeError:
        return None
    if any(segment in (".", "..") or _is_unsafe(segment) for segment in segments):
        return None
    return text.rstrip("/") or "/"


def compose_prefix(prefix: str, script_name: str) -> str:
    """Put a prefix in front of a SCRIPT_NAME, unless it is there already.

    :param prefix: as :func:`parse_prefix` returns it.
    :param script_name: as the server, or a mount, made it.
    :returns: the new SCRIPT_NAME, decoded (PEP 3333: UTF-8 read as Latin-1).
    """
    front = unquote_to_bytes(prefix).decode("latin-1").rstrip("/")
    if not front or script_name == front or script_name.startswith(f"{front}/"):
        return script_name
    rest = script_name.strip("/")
    return f"{front}/{rest}" if rest else front
