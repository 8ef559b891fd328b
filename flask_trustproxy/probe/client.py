"""The live probe's command: what it sends, and what it takes for an answer.

Speaks HTTP by itself, since it must send what well-behaved clients refuse to.
It asks one question at a time, and forges nothing before two honest requests
were answered. A forgery that is not answered costs that forgery alone: an honest
request at the end tells whether this machine was banned meanwhile.
"""

from __future__ import annotations

import re
import secrets
import shlex
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import NamedTuple, Optional
from urllib.parse import unquote_to_bytes, urlsplit

from ..report.phrases import quote
from .door import (
    FORMAT,
    HEADER,
    PARAMETER,
    WINDOW,
    make_token,
    read_answer,
    read_content,
    split_netloc,
)
from .forgeries import Forgery, forgeries
from .observations import Exchange, Observations, Url
from .verdict import Report, conclude

#: Told before each request: its number, how many there will be (0: not known
#: yet), and what it tries.
Progress = Callable[[int, int, str], None]

_PORTS = {"http": 80, "https": 443}
_LONGEST_BODY = 1 << 20
#: After so many forgeries in a row without an answer, an honest request is sent.
_MANY = 3
_without_parameter = re.compile(rf"[?&]{PARAMETER}=[0-9a-f]+").sub


class Unanswered(Exception):
    """The probe could not be carried through.

    :param why: what happened, and the mend.
    :param requests: how many requests were sent.
    """

    def __init__(self, why: str, requests: int) -> None:
        super().__init__(why)
        self.why = why
        self.requests = requests


class Target(NamedTuple):
    """What is probed.

    :param url: what the URL says of itself.
    :param netloc: its host and port, as they stand there.
    :param path: its path and query.
    :param dial: the host and port to connect to.
    :param insecure: whether any certificate, or none, will do.
    :param timeout: how many seconds the server may be silent.
    """

    url: Url
    netloc: str
    path: str
    dial: tuple[str, int]
    insecure: bool = False
    timeout: float = 10.0


def parse_target(
    text: str, connect: Optional[str] = None, insecure: bool = False, timeout: float = 10.0
) -> Target:
    """Read the URL to probe.

    :param connect: ``HOST:PORT`` to dial instead of the URL's own.
    :raises ValueError: what was expected.
    """
    expected = "expected a URL such as https://www.example.com/"
    try:
        parts = urlsplit(text)
        port, name = parts.port, parts.hostname or ""
        parts.netloc.encode("ascii")
    except ValueError:
        raise ValueError(expected) from None
    printable = text.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in _PORTS or not name or "@" in parts.netloc or not printable:
        raise ValueError(expected)
    default = _PORTS[parts.scheme]
    host, _ = split_netloc(parts.netloc)
    dial = (name, port or default)
    if connect is not None:
        there, digits = split_netloc(connect)
        if not there or not digits or int(digits) > 65535:
            raise ValueError("expected HOST:PORT")
        dial = (there.strip("[]"), int(digits))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    own = "" if port in (None, default) else str(port)
    return Target(
        Url(parts.scheme, host, own, unquote_to_bytes(parts.path or "/").decode("latin-1")),
        host if not own else f"{host}:{own}",
        path,
        dial,
        insecure,
        timeout,
    )


class Response(NamedTuple):
    """What came back, and the two ends of the connection."""

    status: int
    signature: str
    location: str
    date: str
    body: bytes
    here: tuple[str, int]
    there: tuple[str, int]


def probe(target: Target, key: bytes, progress: Progress) -> Report:
    """Probe an app through its proxies.

    :param key: its ``TRUST_PROXY_PROBE_KEY``.
    :raises Unanswered: where that did not succeed.
    """
    prober = _Prober(target, key, progress)
    report = conclude(prober.run())
    return replace(report, requests=prober.sent)


class _Prober:
    """One run of the probe."""

    def __init__(self, target: Target, key: bytes, progress: Progress) -> None:
        self._target = target
        self._key = key
        self._progress = progress
        self.sent = 0
        self._total = 0

    def run(self) -> Observations:
        target = self._target
        first = self._ask(None)
        # Every further request goes to the address that answered the first.
        self._target = target._replace(dial=self._ends.there)
        here, there = self._ends.here, self._ends.there[0]
        exchanges = [first, self._ask(None)]
        honest = first.answer
        if honest is not None:
            tries = list(forgeries(honest.plan, honest.believed["scheme"], honest.headers))
            self._total = len(exchanges) + len(tries) + 1
            exchanges += self._forge(tries)
        return Observations(target.url, here, there, exchanges)

    def _forge(self, tries: Iterable[Forgery]) -> Iterator[Exchange]:
        """Send forgeries, and honest requests when it looks as if nothing passes any more."""
        unanswered = 0
        for forgery in tries:
            exchange = self._try(forgery)
            yield exchange
            unanswered = 0 if exchange.answer else unanswered + 1
            if unanswered == _MANY:
                honest = self._try(None)
                yield honest
                if honest.answer is None:
                    return
                unanswered = 0
        yield self._try(None)

    def _try(self, forgery: Optional[Forgery]) -> Exchange:
        """Send a request that need not be answered; twice, if nothing comes back."""
        with suppress(Unanswered):  # one connection may break by chance
            return self._ask(forgery)
        self._total += 1
        try:
            return self._ask(forgery)
        except Unanswered as error:
            return Exchange(forgery, None, error.why)

    def _ask(self, forgery: Optional[Forgery]) -> Exchange:
        """Send one request, and find out what it was answered."""
        self.sent += 1
        title = forgery.title if forgery else "an honest request"
        self._progress(self.sent, self._total, title)
        nonce, parameter = secrets.token_hex(8), secrets.token_hex(8)
        token = make_token(self._key, nonce, "GET", parameter)
        try:
            response = _send(self._target, _request(self._target, token, parameter, forgery))
        except (OSError, HTTPException, ValueError) as error:
            raise self._unanswered(title, _why_no_response(error)) from error
        self._ends = response
        content = read_answer(self._key, response.body, response.signature)
        if content is not None and content["nonce"] != nonce:
            raise self._unanswered(
                title,
                "a cache answered what was asked before. Have it heed Cache-Control: no-store, "
                "and tell URLs apart by their query",
            )
        if content is not None and content["format"] != FORMAT:
            raise self._unanswered(title, "the app has another version of Flask-TrustProxy")
        if content is not None:
            return Exchange(forgery, read_content(content))
        if forgery is not None and _is_refusal(response, forgery):
            return Exchange(forgery, None)
        raise self._unanswered(title, _why_unsigned(response))

    def _unanswered(self, title: str, why: str) -> Unanswered:
        return Unanswered(f"Request {self.sent} ({title}): {why}.", self.sent)


def curl(target: Target, forgery: Forgery) -> str:
    """The command that sends a forgery again."""
    words = ["curl"]
    if target.insecure and target.url.scheme == "https":
        words.append("--insecure")
    if target.dial != (
        target.url.host.strip("[]"),
        int(target.url.port or _PORTS[target.url.scheme]),
    ):
        host, port = target.dial
        words += ["--connect-to", f"::[{host}]:{port}" if ":" in host else f"::{host}:{port}"]
    if forgery.hostless:
        words += ["--http1.0", "-H", "Host:"]
    for name, value in forgery.lines:
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    return shlex.join([*words, f"{target.url.scheme}://{target.netloc}{target.path}"])


def _is_refusal(response: Response, forgery: Forgery) -> bool:
    """Say whether a proxy answered by itself, since it took offence."""
    return forgery.hostless or (200 <= response.status < 500 and response.status != 429)


def _request(target: Target, token: str, parameter: str, forgery: Optional[Forgery]) -> bytes:
    lines = forgery.lines if forgery else ()
    mark = "&" if "?" in target.path else "?"
    version = "1.0" if forgery and forgery.hostless else "1.1"
    head = [f"GET {target.path}{mark}{PARAMETER}={parameter} HTTP/{version}"]
    if version == "1.1":
        head.append(f"Host: {target.netloc}")
    if not any(name == "Connection" for name, _ in lines):
        head.append("Connection: close")
    head += [
        "User-Agent: Flask-TrustProxy",
        "Accept: application/json",
        "Cache-Control: no-store",
        f"{HEADER}: {token}",
        *(f"{name}: {value}" for name, value in lines),
    ]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


def _send(target: Target, request: bytes) -> Response:
    """Send one request on a connection of its own.

    :raises OSError: where nothing answers; :class:`HTTPException` where it is
        no HTTP; :class:`ValueError` where it must not be sent.
    """
    with socket.create_connection(target.dial, target.timeout) as plain:
        here, there = plain.getsockname()[:2], plain.getpeername()[:2]
        if target.url.scheme == "https":
            context = ssl.create_default_context()
            if target.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            sock: socket.socket = context.wrap_socket(
                plain, server_hostname=target.url.host.strip("[]")
            )
        elif target.insecure or ip_address(there[0].partition("%")[0]).is_loopback:
            sock = plain
        else:
            raise ValueError(
                "http:// tells everybody on the way what the app answers: probe https://, or "
                "give --insecure"
            )
        with sock, HTTPResponse(sock, method="GET") as response:
            sock.sendall(request)
            response.begin()
            body = b""
            # A proxy that refuses a request before it has read the whole of it
            # resets the connection; what it said first stands.
            with suppress(ConnectionResetError):
                body = response.read(_LONGEST_BODY)
            return Response(
                response.status,
                response.headers.get(HEADER, ""),
                response.headers.get("Location", ""),
                response.headers.get("Date", ""),
                body,
                here,
                there,
            )


def _why_no_response(error: Exception) -> str:
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate is not valid: {error.verify_message}. If it is yours all the "
            "same, give --insecure"
        )
    if isinstance(error, socket.timeout):  # on Python 3.9 no TimeoutError
        return "no answer in time; --timeout gives it longer"
    return f"no answer: {' '.join(str(error).split()) or type(error).__name__}"


def _why_unsigned(response: Response) -> str:
    """Why a response is not the app's answer, as far as it shows."""
    status = f"HTTP {response.status}"
    if 300 <= response.status < 400:
        location = _without_parameter("", response.location)
        return f"{status}, a redirect. Probe {quote(location)}"
    skew = _skew(response.date)
    if abs(skew) > WINDOW:
        return (
            f"{status}, not signed by the app. The server's clock is {abs(skew)} seconds "
            f"{'ahead of' if skew > 0 else 'behind'} this one, and a question is valid for "
            f"{WINDOW}: set the clocks"
        )
    if response.status in (502, 503, 504):
        return f"{status}: the proxy does not reach the app"
    return (
        f"{status}, not signed by the app. TRUST_PROXY_PROBE_KEY is unset there or another "
        f"one, or a proxy removes {HEADER}, or this is another app"
    )


def _skew(date: str) -> int:
    """How many seconds the server's clock is ahead of ours."""
    try:
        return round(parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0
