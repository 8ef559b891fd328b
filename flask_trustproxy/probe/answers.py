"""The probe's answers: what the app told of one request, and for which one.

A door's JSON becomes values here; nothing is judged yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Optional

from ..core.headers import HeaderPlan, parse_headers
from ..core.values import split_host
from .forgeries import Forgery

#: What an app believes of a request.
Output = Literal["client_ip", "scheme", "host", "port", "prefix"]


class Url(NamedTuple):
    """What the probed URL says of itself.

    :param scheme: ``"http"`` or ``"https"``.
    :param host: in lower case, IPv6 in brackets.
    :param port: ``""`` for the scheme's own.
    :param path: decoded as a WSGI server does it (PEP 3333).
    """

    scheme: str
    host: str
    port: str
    path: str = "/"


class Answer(NamedTuple):
    """One answer of the app.

    :param peer: the peer's node, ``None`` where it has no address.
    :param peer_port: its port, as the server gave it.
    :param scheme: the scheme of the connection.
    :param host: the Host header as it arrived.
    :param headers: the forwarding headers as they arrived, by name.
    :param believed: what the app believed.
    :param hops: address and trust of each hop that was walked, the peer first.
    :param path: the path that the app was asked for, as PATH_INFO has it.
    :param refused: whether ``TRUST_PROXY_REQUIRED`` refuses such a request.
    :param trusts: what sort of ``TRUST_PROXY`` is in force.
    :param plan: the headers that are believed.
    """

    peer: Optional[str]
    peer_port: str
    scheme: str
    host: str
    headers: Mapping[str, str]
    believed: Mapping[Output, str]
    hops: list[tuple[Optional[str], bool]]
    path: str
    refused: bool
    trusts: str
    plan: HeaderPlan


def read_content(content: Mapping[str, Any]) -> Answer:
    """Read the content of an answer, which was signed."""
    received, believed = content["received"], content["believed"]
    hops = [(hop["address"], hop["trusted"]) for hop in content["resolution"]["hops"]]
    host, port = split_netloc(believed["host"] or "")
    return Answer(
        peer=hops[0][0],
        peer_port=str(received["peer_port"]),
        scheme=received["scheme"],
        host=received["host"] or "",
        headers=received["headers"],
        believed={
            "client_ip": believed["client_ip"] or "",
            "scheme": believed["scheme"],
            "host": host,
            "port": port,
            "prefix": believed["prefix"],
        },
        hops=hops,
        path=believed["path"],
        refused=content["refused"],
        trusts=content["trusts"],
        plan=parse_headers(content["reads"]),
    )


def split_netloc(text: str) -> tuple[str, str]:
    """Split a host from its port, ``""`` where there is none."""
    name, port = split_host(text.lower())
    return (name, port) if name else (text, "")


class Exchange(NamedTuple):
    """What was sent, and what came back.

    :param forgery: ``None`` for an honest request.
    :param answer: ``None`` if the app did not answer.
    :param lost: why there was no response, or a 5xx; ``""`` if it was answered, or
        refused on the way.
    """

    forgery: Optional[Forgery]
    answer: Optional[Answer]
    lost: str = ""
