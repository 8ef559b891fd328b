"""A cause for a warning that a request shows, and how its headers are asked for.

Nothing here decides what is suspicious.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

from ..core.environ import ORIGINAL
from ..core.resolution import Resolution


class Suspicion(NamedTuple):
    """A cause for a warning.

    :param name: the name of its message.
    :param values: what the message names in braces.
    :param peer: the node that the cause is about; ``None``: it is about none.
    :param of: what else tells two causes apart, such as a header.
    """

    name: str
    values: Mapping[str, object]
    peer: Optional[str] = None
    of: str = ""


def received(environ: Mapping[str, Any], key: str) -> str:
    """What a header held before the rewrite, without blanks around."""
    text = environ[ORIGINAL].get(key, environ.get(key))
    return text.strip(" \t") if isinstance(text, str) else ""


def unread(
    resolution: Resolution, environ: Mapping[str, Any], names: Mapping[str, str]
) -> list[str]:
    """The names of those headers that were received, hold anything and are not read."""
    policy = resolution.policy
    keys = resolution.removed if policy.clean_headers else policy.headers.unnamed
    if names.keys().isdisjoint(keys):
        return []
    return [name for key, name in names.items() if key in keys and received(environ, key)]
