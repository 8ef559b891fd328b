"""The command that explains a request again: ``flask trust-proxy explain ...``.

It is one printable line that a POSIX shell reads. It has no secret, and no header that says
who the user is.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ..core.addresses import UNIX
from ..core.environ import ORIGINAL
from ..core.headers import NAMES
from ..core.peer import read_scheme
from ..core.resolution import Resolution

#: How many characters of a header are repeated. The walk reads from the right, so the last
#: ones count.
_LONGEST = 1000


def explain_command(resolution: Resolution, environ: Mapping[str, Any]) -> Optional[str]:
    """The command that repeats a request, as far as its forwarding headers go.

    :param environ: after the rewrite.
    :returns: ``None`` if the peer has no address, since the command takes no such peer.
    """
    peer = resolution.nodes[0]
    if not peer:
        return None
    received = {**environ, **environ[ORIGINAL]}
    words = ["flask trust-proxy explain --peer", "unix" if peer == UNIX else peer]
    if read_scheme(received) == "https":
        words.append("--scheme https")
    for line in _lines(resolution, received):
        words += ["-H", _quote(line)]
    return " ".join(words)


def _lines(resolution: Resolution, received: Mapping[str, Any]) -> Iterator[str]:
    """The header lines that were received."""
    policy = resolution.policy
    named = {header.key: header.name for header in policy.headers.named}
    secret = policy.edge.secret
    if secret is not None and resolution.missed != "no_secret":
        yield f"{secret.name}: SECRET"
    for key, name in {"HTTP_HOST": "Host", **NAMES, **named}.items():
        value = received.get(key)
        if isinstance(value, str) and key not in policy.identity:
            yield f"{name}: {value[-_LONGEST:]}"


def _quote(text: str) -> str:
    """Quote one word for a shell, all of it printable.

    The bytes of a header are characters here (PEP 3333). The words of a command line are
    bytes, so those that are not ASCII are written by ``printf``.
    """
    if text.isascii() and text.isprintable():
        return shlex.quote(text)
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in "%\\" else f"\\{byte:03o}"
        for byte in text.encode("latin-1", "replace")
    )
    return f'"$(printf {shlex.quote(escaped)})"'
