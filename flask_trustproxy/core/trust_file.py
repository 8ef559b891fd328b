"""Trust files: an address or a network on each line, and a signature.

Here lives what such a file may hold, and what tells that it has changed.
Nothing here knows of settings, or of when a file is looked at: a mistake is a
:class:`ValueError` that names the file and the line.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple, Optional

from .addresses import Network, parse_network

#: The shortest prefix that a line may have, by the width of its addresses.
_SHORTEST = {32: 8, 128: 16}
#: How many lines a list may have, and how many bytes.
MOST_LINES = 1_000_000
MOST_BYTES = 64 << 20


class UnreadableFile(ValueError):
    """The file cannot be read at all, so nothing is known of its content."""


class Signature(NamedTuple):
    """What tells one state of a file from another.

    :param device: the device that it is on.
    :param inode: its number there, another one after an atomic replacement.
    :param modified: when its content was changed, in nanoseconds.
    :param changed: when anything of it was, its permissions too.
    :param size: its length in bytes.
    """

    device: int
    inode: int
    modified: int
    changed: int
    size: int


def sign(path: str) -> Optional[Signature]:
    """Ask for the signature of a file, ``None`` where there is none."""
    try:
        return _signature(os.stat(path))
    except OSError:
        return None


def _signature(status: os.stat_result) -> Signature:
    return Signature(
        status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
    )


def read_file(path: str) -> tuple[list[Network], Signature]:
    """Read a trust file, once and from its beginning.

    One address or network a line. Blank lines do not count, nor does what
    is behind a ``#``. Stricter than a setting, since a line may be cut in
    the middle of a write: host bits, and a prefix shorter than 8 (IPv6: 16),
    are mistakes.

    :returns: its networks as they are written there, and which state of it was read.
    :raises UnreadableFile: if the file cannot be read.
    :raises ValueError: what was expected, if it is empty, holds anything else,
        or is longer than a list may be.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("Not a regular file")
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # a ValueError also for what no path holds
        why = error.strerror if isinstance(error, OSError) else error
        raise UnreadableFile(f"expected a file that can be read at {path!r}: {why}") from None
    return parse_list(content, path), _signature(status)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file, without waiting for a pipe's other end."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has none


def parse_list(content: bytes, source: str) -> list[Network]:
    """Read the content of a trust file, from wherever it came.

    :param source: the file or URL that a mistake names.
    :returns: its networks, in its order.
    :raises ValueError: what was expected, if it is empty, holds anything else,
        or is longer than a list may be.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"expected at most {MOST_BYTES >> 20} MiB in {source!r}")
    if content.count(b"\n", 0, -1) >= MOST_LINES:
        raise ValueError(f"expected at most {MOST_LINES:,} lines in {source!r}")
    # The mark that some editors put in front is not part of the text.
    networks = _read_lines(source, content.decode("utf-8-sig", "surrogateescape"))
    if not networks:
        raise ValueError(f"expected at least one address or network in {source!r}")
    return networks


def _read_lines(source: str, text: str) -> list[Network]:
    networks: list[Network] = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.partition("#")[0].strip(" \t\r")
        if entry:
            try:
                networks.append(parse_entry(entry))
            except ValueError as error:
                raise ValueError(
                    f"{error} in {source!r}, line {number}, got {entry[:50]!a}"
                ) from None
    return networks


def parse_entry(text: str) -> Network:
    """Read one address or network of a list, as strictly as in a file.

    :raises ValueError: what was expected.
    """
    network = parse_network(text)
    if network.prefix < _SHORTEST[network.width]:
        raise ValueError(
            f"expected nothing wider than /{_SHORTEST[network.width]}, as {network} is,"
        )
    address, slash, _ = text.partition("/")
    if slash and parse_network(address).first != network.first:
        raise ValueError(f"expected no host bits, as in {network},")
    return network
