"""The live probe's command: what it sends, and what it takes for an answer.

Speaks HTTP by itself, since it must send what well-behaved clients refuse to.
It asks one question at a time, and forges nothing before two honest requests
were answered. A forgery that is not answered costs that forgery alone: an honest
request at the end tells whether this machine was banned meanwhile.
"""

from __future__ import annotations

import errno
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
from .forgeries import Forgery, few, forgeries
from .observations import Exchange, Observations, Url
from .report import OverHttp, Report
from .verdict import conclude

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

    :param why: what happened, and what to do.
    :param requests: how many requests were sent.
    :param status: the status of what came back, 0 for nothing.
    :param stopped: whether somebody stopped it.
    """

    def __init__(self, why: str, requests: int, status: int = 0, stopped: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.requests = requests
        self.status = status
        self.stopped = stopped


class Target(NamedTuple):
    """What is probed.

    :param url: what the URL says of itself.
    :param netloc: its host and port, as they stand there.
    :param path: its path and query.
    :param dial: the host and port to connect to.
    :param insecure: whether any certificate, or none, will do.
    :param timeout: how many seconds the server may be silent.
    :param source: the address of the prober's own end, ``""`` for any.
    """

    url: Url
    netloc: str
    path: str
    dial: tuple[str, int]
    insecure: bool = False
    timeout: float = 10.0
    source: str = ""

    @property
    def is_dialled_elsewhere(self) -> bool:
        """Whether the connection does not go where the URL leads."""
        port = int(self.url.port or _PORTS[self.url.scheme])
        return self.dial != (self.url.host.strip("[]"), port)


def parse_target(
    text: str,
    connect: Optional[str] = None,
    insecure: bool = False,
    timeout: float = 10.0,
    source: str = "",
) -> Target:
    """Read the URL to probe.

    :param connect: ``HOST:PORT`` to dial instead of the URL's own.
    :param insecure: whether any certificate will do, and http to other machines.
    :param timeout: in seconds.
    :param source: the address of the prober's own end, ``""`` for any.
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
        source,
    )


def http_beside(target: Target, port: int = 80) -> Target:
    """The same page over plain http.

    :param target: what is probed over https.
    :param port: where http is answered.
    """
    own = "" if port == _PORTS["http"] or target.is_dialled_elsewhere else str(port)
    host = target.url.host
    return target._replace(
        url=Url("http", host, own, target.url.path),
        netloc=f"{host}:{own}" if own else host,
        dial=(target.dial[0], port),
        insecure=True,
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


def probe(
    target: Target, key: bytes, progress: Progress, http_port: Optional[int] = None
) -> Report:
    """Probe an app through its proxies.

    If it is interrupted (Ctrl-C), it tells what was found so far.

    :param key: its ``TRUST_PROXY_PROBE_KEY``.
    :param progress: is told before each request.
    :param http_port: where an https run ends with requests over http; ``None``: nowhere.
    :raises Unanswered: if that did not succeed.
    """
    prober = _Prober(key, progress)
    stopped = ""
    try:
        prober.run(target, http_port)
    except KeyboardInterrupt:
        stopped = f"The probe was stopped after request {prober.sent}."
        if not prober.ways:
            raise Unanswered(stopped, prober.sent, stopped=True) from None
    return replace(conclude(prober.ways, prober.over_http, stopped), requests=prober.sent)


class _Prober:
    """One run of the probe: the ways that it went, and what came back."""

    def __init__(self, key: bytes, progress: Progress) -> None:
        self._key = key
        self._progress = progress
        self.ways: list[Observations] = []
        self.over_http: OverHttp = "left_out"
        self.sent = 0
        self._total = 0

    def run(self, target: Target, http_port: Optional[int]) -> None:
        """Probe the URL, and then a little over http, if that is another way."""
        if target.url.scheme == "http":
            self.over_http, http_port = "itself", None
        target, exchanges = self._enter(target)
        exchanges.append(self._ask(target, None))
        tries = self._tries(self.ways[0])
        chosen = [] if http_port is None else few(tries, self.ways[0].read)
        beside = 0 if http_port is None else len(chosen) + 2
        self._total = len(exchanges) + len(tries) + 1 + beside
        for exchange in self._forge(target, tries):
            exchanges.append(exchange)
        if http_port is not None and not self.ways[0].is_banned:
            self._probe_beside(http_beside(target, http_port))

    def _probe_beside(self, target: Target) -> None:
        """Try over http what tells most, if the same app answers there."""
        self.over_http = "no_answer"
        try:
            target, exchanges = self._enter(target)
        except Unanswered as error:
            if error.status:
                self.over_http = "redirected" if 300 <= error.status < 400 else "another"
            return
        self.over_http = "probed"
        way = self.ways[-1]
        for exchange in self._forge(target, few(self._tries(way), way.read)):
            exchanges.append(exchange)

    def _enter(self, target: Target) -> tuple[Target, list[Exchange]]:
        """Send an honest request; every further one goes to the address that answered it.

        :returns: the target at that address, and the list to record exchanges in.
        """
        exchanges = [self._ask(target, None)]
        here, there = self._ends.here, self._ends.there
        self.ways.append(Observations(target.url, here, there[0], exchanges))
        return target._replace(dial=there), exchanges

    def _tries(self, way: Observations) -> list[Forgery]:
        honest = way.honest
        return list(
            forgeries(
                honest.plan,
                honest.believed["scheme"],
                honest.headers,
                honest.identity,
                honest.secret,
            )
        )

    def _forge(self, target: Target, tries: Iterable[Forgery]) -> Iterator[Exchange]:
        """Send forgeries, and honest requests when it looks as if nothing passes any more."""
        unanswered = 0
        for forgery in tries:
            exchange = self._try(target, forgery)
            yield exchange
            unanswered = 0 if exchange.answer else unanswered + 1
            if unanswered == _MANY:
                honest = self._try(target, None)
                yield honest
                if honest.answer is None:
                    return
                unanswered = 0
        yield self._try(target, None)

    def _try(self, target: Target, forgery: Optional[Forgery]) -> Exchange:
        """Send a request that need not be answered; twice, if nothing comes back."""
        with suppress(Unanswered):  # one connection may break by chance
            return self._ask(target, forgery)
        self._total += 1
        try:
            return self._ask(target, forgery)
        except Unanswered as error:
            return Exchange(forgery, None, error.why)

    def _ask(self, target: Target, forgery: Optional[Forgery]) -> Exchange:
        """Send one request, and find out what it was answered."""
        self.sent += 1
        title = forgery.title if forgery else "an honest request"
        over = " over http" if self.over_http in ("no_answer", "probed") else ""
        self._progress(self.sent, self._total, f"{title}{over}")
        nonce, parameter = secrets.token_hex(8), secrets.token_hex(8)
        token = make_token(self._key, nonce, "GET", parameter)
        try:
            response = _send(target, _request(target, token, parameter, forgery))
        except (OSError, HTTPException, ValueError) as error:
            why = _why_no_response(error, target, is_first=self.sent == 1)
            raise self._unanswered(title, why) from error
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
        why = _why_unsigned(response, target)
        if self.sent == 1 and response.status == 400 and _speaks_tls(target):
            why = TLS_THERE
        raise self._unanswered(title, why, response.status)

    def _unanswered(self, title: str, why: str, status: int = 0) -> Unanswered:
        return Unanswered(f"Request {self.sent} ({title}): {why}.", self.sent, status)


def curl(target: Target, forgery: Forgery) -> str:
    """The command that sends a forgery again."""
    words = ["curl"]
    if target.insecure and target.url.scheme == "https":
        words.append("--insecure")
    if target.source:
        words += ["--interface", target.source]
    if target.is_dialled_elsewhere:
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
    with _connect(target) as plain:
        here, there = plain.getsockname()[:2], plain.getpeername()[:2]
        if target.url.scheme == "https":
            sock = _wrap(target, plain, target.insecure)
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


def _connect(target: Target) -> socket.socket:
    source = (target.source, 0) if target.source else None
    try:
        return socket.create_connection(target.dial, target.timeout, source)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL and target.source:
            raise ValueError(f"{target.source} is no address of this machine") from None
        raise


def _wrap(target: Target, plain: socket.socket, insecure: bool) -> socket.socket:
    """Speak TLS; with ``insecure`` any certificate will do."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=target.url.host.strip("[]"))


#: Why nothing came back if one end speaks TLS, and the other does not.
TLS_THERE = "this port speaks TLS, and the URL begins with http://. Probe https:// there"
NO_TLS_THERE = (
    "this port does not speak TLS, and the URL begins with https://. Probe http:// there"
)


def _speaks_tls(target: Target) -> bool:
    """Say whether a port that was asked in plain text answers in TLS."""
    if target.url.scheme != "http":
        return False
    try:
        with _connect(target) as plain, _wrap(target, plain, insecure=True):
            return True
    except (OSError, ValueError):
        return False


def _speaks_plain(target: Target) -> bool:
    """Say whether a port that was asked in TLS answers HTTP in plain text."""
    try:
        with _connect(target) as plain:
            plain.sendall(f"HEAD / HTTP/1.1\r\nHost: {target.netloc}\r\n\r\n".encode())
            return plain.recv(5) == b"HTTP/"
    except (OSError, ValueError):
        return False


def _why_no_response(error: Exception, target: Target, is_first: bool) -> str:
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate is not valid: {error.verify_message}. If it is yours all the "
            "same, give --insecure"
        )
    if is_first and isinstance(error, ssl.SSLError) and _speaks_plain(target):
        return NO_TLS_THERE
    if isinstance(error, ConnectionRefusedError):
        return f"no answer: {_in_a_line(error)}"
    if is_first and _speaks_tls(target):
        return TLS_THERE
    if isinstance(error, socket.timeout):  # on Python 3.9 no TimeoutError
        return "no answer in time; --timeout gives it longer"
    return f"no answer: {_in_a_line(error)}"


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _why_unsigned(response: Response, target: Target) -> str:
    """Why a response is not the app's answer, as far as it shows."""
    status = f"HTTP {response.status}"
    skew = _skew(response.date)
    if abs(skew) > WINDOW:
        return (
            f"{status}, not signed by the app. The server's clock is {abs(skew)} seconds "
            f"{'ahead of' if skew > 0 else 'behind'} this one, and a question is valid for "
            f"{WINDOW}: set the clocks"
        )
    if response.status in (502, 503, 504):
        return f"{status}: the proxy does not reach the app"
    if 300 <= response.status < 400:
        location = _without_parameter("", response.location)
        if _is_same_page(location, target):
            return f"{status}, a redirect. Probe {quote(location)}"
        status = f"{status}, a redirect to {quote(location)}"
    return (
        f"{status}, not signed by the app. Check in this order: (1) the app calls "
        "TrustProxy(app); (2) it has the same TRUST_PROXY_PROBE_KEY, and was restarted; "
        f"(3) the URL leads to this app; (4) no proxy removes {HEADER}"
    )


def _is_same_page(location: str, target: Target) -> bool:
    """Say whether a redirect leads to the same path by another scheme or host."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return False
    return bool(parts.netloc) and (parts.path or "/") == target.path.partition("?")[0]


def _skew(date: str) -> int:
    """How many seconds the server's clock is ahead of ours."""
    try:
        return round(parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0
