"""One request of the probe: where it goes, how it is sent, and why no answer came.

Speaks HTTP by itself, since it must send what well-behaved clients refuse to. It
knows nothing of what an answer means.
"""

from __future__ import annotations

import errno
import re
import shlex
import socket
import ssl
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from ipaddress import ip_address
from typing import NamedTuple, Optional
from urllib.parse import unquote_to_bytes, urlsplit

from ..report.phrases import quote
from .door import HEADER, PARAMETER, WINDOW, split_netloc
from .forgeries import Forgery
from .observations import Url

_PORTS = {"http": 80, "https": 443}
_LONGEST_BODY = 1 << 20
_without_parameter = re.compile(rf"[?&]{PARAMETER}=[0-9a-f]+").sub


class Target(NamedTuple):
    """What is probed.

    :param url: what the URL says of itself.
    :param netloc: its host and port, as they are written there.
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


def is_refusal(response: Response, forgery: Forgery) -> bool:
    """Say whether a proxy answered by itself, since it took offence."""
    return forgery.hostless or (200 <= response.status < 500 and response.status != 429)


def make_request(
    target: Target, token: str, parameter: str, forgery: Optional[Forgery]
) -> bytes:
    """The bytes of one request.

    :param target: what is probed.
    :param token: the signed question.
    :param parameter: the random value that makes the URL its own.
    :param forgery: ``None`` for an honest request.
    """
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


def send(target: Target, request: bytes) -> Response:
    """Send one request on a connection of its own.

    :raises OSError: if nothing answers; :class:`HTTPException` if it is
        no HTTP; :class:`ValueError` if it must not be sent.
    """
    with _connect(target) as plain:
        here, there = plain.getsockname()[:2], plain.getpeername()[:2]
        if target.url.scheme == "https":
            sock = _wrap(target, plain, target.insecure)
        elif target.insecure or ip_address(there[0].partition("%")[0]).is_loopback:
            sock = plain
        else:
            raise ValueError(
                "everyone on the way can read the app's answer over http://. Probe https://, "
                "or give --insecure"
            )
        with sock, HTTPResponse(sock, method="GET") as response:
            sock.sendall(request)
            response.begin()
            body = b""
            # A proxy that refuses a request before it has read the whole of it
            # resets the connection; what it said first counts.
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


def speaks_tls(target: Target) -> bool:
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


def why_no_response(error: Exception, target: Target, is_first: bool) -> str:
    """Why nothing came back.

    :param error: what was raised.
    :param target: what was asked.
    :param is_first: whether it was the first request. Then the port is tried the other
        way, with TLS or without.
    """
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
    if is_first and speaks_tls(target):
        return TLS_THERE
    if isinstance(error, socket.timeout):  # on Python 3.9 no TimeoutError
        return "no answer in time; --timeout gives it longer"
    return f"no answer: {_in_a_line(error)}"


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def why_unsigned(response: Response, target: Target) -> str:
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
