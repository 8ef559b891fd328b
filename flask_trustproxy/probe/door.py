"""The live probe's door in the app, and the format of question and answer.

A question is a GET or HEAD with a signed token in a header, which only holders
of ``TRUST_PROXY_PROBE_KEY`` can make; the key itself never travels. The answer
tells what the app received and believed of this one request, and nothing else:
it stays short, however long the trust files are. It never holds the edge's secret.
A token is good for one use. Whatever is not signed as it should be was never asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Literal, NamedTuple, Optional

from itsdangerous import BadSignature, Signer

from ..core.environ import ORIGINAL, missed_edge
from ..core.headers import HeaderPlan, environ_key, parse_headers
from ..core.peer import read_scheme
from ..core.resolution import Resolution
from ..core.values import split_host
from ..report.as_json import explanation, plain
from ..report.words import header_names
from ..settings import Settings

#: Holds the token of a question, and the signature of an answer.
HEADER = "X-Trust-Proxy-Probe"
TOKEN = environ_key(HEADER)
#: The query parameter that makes every question a URL of its own.
PARAMETER = "trust-proxy-probe"
#: How many seconds a token is valid, before its time stamp and after.
WINDOW = 60
#: Changes with the answer's form.
FORMAT = 3

#: What an app believes of a request; ``identity`` is who the user is.
Output = Literal["client_ip", "scheme", "host", "port", "prefix", "identity"]

_LONGEST_TOKEN = 256
_METHODS = ("GET", "HEAD")
#: The tokens that were used in this process, and until when they are valid. Only
#: who holds the key adds one. No lock: a child that is forked could inherit it held.
#: ``copy``, ``pop`` and ``setdefault`` are each one operation of a dict, which every build
#: of Python makes whole: of two threads with one token, one finds its own entry.
_used: dict[str, float] = {}


def _signer(key: bytes, salt: str) -> Signer:
    return Signer(key, f"flask-trustproxy.{salt}", key_derivation="hmac", digest_method=sha256)


def make_token(key: bytes, nonce: str, method: str, parameter: str) -> str:
    """Sign a question.

    :param key: ``TRUST_PROXY_PROBE_KEY``.
    :param nonce: what the answer has to repeat.
    :param method: the request's method.
    :param parameter: the random value of its :data:`PARAMETER`.
    """
    question = f"{int(time.time())}.{nonce}.{method}.{parameter}"
    return _signer(key, "question").sign(question).decode()


def read_token(key: bytes, token: str, environ: Mapping[str, Any]) -> Optional[str]:
    """Say which nonce was asked, ``None`` if nobody asked.

    That is if the token was not signed with this key, for this method and
    query, within :data:`WINDOW`, or if the method is neither GET nor HEAD.

    :param environ: the request's.
    """
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        question = _signer(key, "question").unsign(token).decode()
    except BadSignature:
        return None
    parts = question.split(".")
    if len(parts) != 4 or not parts[0].isdigit():
        return None
    stamp, nonce, method, parameter = parts
    if (
        abs(time.time() - int(stamp)) > WINDOW
        or method not in _METHODS
        or method != environ.get("REQUEST_METHOD")
        or f"{PARAMETER}={parameter}" not in environ.get("QUERY_STRING", "").split("&")
    ):
        return None
    return nonce


def _is_first_use(token: str) -> bool:
    """Say whether a valid token comes for the first time, and remember it."""
    now = time.time()
    for each, until in _used.copy().items():
        if until < now:
            _used.pop(each, None)
    # A stamp may be one window ahead, and is valid for one more.
    until = now + 2 * WINDOW + 1
    return _used.setdefault(token, until) is until


def answer(
    settings: Settings,
    token: str,
    environ: dict[str, Any],
    resolution: Resolution,
    refused: bool,
) -> Optional[tuple[bytes, list[tuple[str, str]]]]:
    """Answer a question, if it is one.

    :param settings: the settings in force, with a key.
    :param token: what came in :data:`HEADER`.
    :param environ: after the rewrite.
    :param refused: whether ``TRUST_PROXY_REQUIRED`` refuses the request.
    :returns: the body, which is empty for HEAD, and the headers of the response;
        ``None`` if the request is to be served as if there were no token.
    """
    key = settings.probe_key
    nonce = None if key is None else read_token(key, token, environ)
    if key is None or nonce is None or not _is_first_use(token):
        return None
    content = _content(nonce, settings, environ, resolution, refused)
    body = json.dumps(content, default=str).encode()
    return b"" if environ["REQUEST_METHOD"] == "HEAD" else body, [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        (HEADER, _signer(key, "answer").get_signature(body).decode()),
    ]


def _content(
    nonce: str,
    settings: Settings,
    environ: dict[str, Any],
    resolution: Resolution,
    refused: bool,
) -> dict[str, object]:
    original, plan = environ[ORIGINAL], resolution.policy.headers
    received = {
        key: value for key, value in {**environ, **original}.items() if value is not None
    }
    missed, secret = (
        missed_edge(resolution, settings.policy, environ),
        settings.policy.edge.secret,
    )
    identity = {**resolution.policy.identity, **settings.policy.identity}
    return {
        "format": FORMAT,
        "nonce": nonce,
        "server": environ.get("SERVER_SOFTWARE", ""),
        "version": own_version(),
        "received": {
            "peer": received.get("REMOTE_ADDR"),
            "peer_port": received.get("REMOTE_PORT"),
            "scheme": read_scheme(received),
            "host": received.get("HTTP_HOST"),
            "headers": {
                name: received[environ_key(name)] for name in header_names(plan, received)
            },
        },
        "believed": {
            "client_ip": resolution.client_ip,
            "scheme": resolution.scheme,
            "host": environ.get("HTTP_HOST"),
            "port": environ.get("SERVER_PORT"),
            "prefix": environ.get("SCRIPT_NAME", ""),
            "path": environ.get("PATH_INFO", ""),
        },
        "identity": {
            name: {"received": received.get(key), "kept": environ.get(key)}
            for key, name in identity.items()
        },
        "secret": secret and {"name": secret.name, "arrived": missed != "no_secret"},
        "missed": missed,
        "refused": refused,
        "trusts": resolution.policy.trust.kind,
        "resolution": explanation(resolution, received),
        "reads": plain(settings.given["TRUST_PROXY_HEADERS"].value),
    }


@cache
def own_version() -> str:
    """The version of this package; its metadata is a file."""
    return version("Flask-TrustProxy")


def read_answer(key: bytes, body: bytes, signature: str) -> Optional[dict[str, Any]]:
    """Read an answer, ``None`` if nobody who holds the key signed it."""
    if not _signer(key, "answer").verify_signature(body, signature):
        return None
    content: dict[str, Any] = json.loads(body)
    return content


class Answer(NamedTuple):
    """One answer of the app.

    :param peer: the peer's node, ``None`` if it has no address.
    :param peer_port: its port, as the server gave it.
    :param scheme: the scheme of the connection.
    :param host: the Host header as it arrived.
    :param headers: the forwarding and identity headers as they arrived, by name.
    :param believed: what the app believed.
    :param identity: what the identity headers hold after the rewrite, by name;
        ``None``: nothing.
    :param secret: the name of the header with the edge's secret, ``""`` for none.
    :param has_secret: whether it arrived with a right value.
    :param missed: why the request did not come through the edge, ``None`` if it did.
    :param hops: address and trust of each hop that was walked, the peer first.
    :param path: the path that the app was asked for, as PATH_INFO has it.
    :param refused: whether ``TRUST_PROXY_REQUIRED`` refuses such a request.
    :param trusts: what sort of ``TRUST_PROXY`` is in force.
    :param plan: the headers that are believed.
    :param software: the server, and the version of Flask-TrustProxy.
    """

    peer: Optional[str]
    peer_port: str
    scheme: str
    host: str
    headers: Mapping[str, str]
    believed: Mapping[Output, str]
    identity: Mapping[str, Optional[str]]
    secret: str
    has_secret: bool
    missed: Optional[str]
    hops: list[tuple[Optional[str], bool]]
    path: str
    refused: bool
    trusts: str
    plan: HeaderPlan
    software: str


def read_content(content: Mapping[str, Any]) -> Answer:
    """Read the content of an answer, which was signed."""
    received, believed = content["received"], content["believed"]
    hops = [(hop["address"], hop["trusted"]) for hop in content["resolution"]["hops"]]
    host, port = split_netloc(believed["host"] or "")
    identity = content["identity"]
    secret: Mapping[str, Any] = content["secret"] or {}
    arrived = {name: each["received"] for name, each in identity.items() if each["received"]}
    server = content["server"] or "an unnamed server"
    return Answer(
        peer=hops[0][0],
        peer_port=str(received["peer_port"]),
        scheme=received["scheme"],
        host=received["host"] or "",
        headers={**received["headers"], **arrived},
        believed={
            "client_ip": believed["client_ip"] or "",
            "scheme": believed["scheme"],
            "host": host,
            "port": port,
            "prefix": believed["prefix"],
        },
        identity={name: each["kept"] for name, each in identity.items()},
        secret=secret.get("name", ""),
        has_secret=secret.get("arrived", True),
        missed=content["missed"],
        hops=hops,
        path=believed["path"],
        refused=content["refused"],
        trusts=content["trusts"],
        plan=parse_headers(content["reads"]),
        software=f"{server}, Flask-TrustProxy {content['version']}",
    )


def split_netloc(text: str) -> tuple[str, str]:
    """Split a host from its port, ``""`` if there is none."""
    name, port = split_host(text.lower())
    return (name, port) if name else (text, "")
