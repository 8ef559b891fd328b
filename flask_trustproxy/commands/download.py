"""Get what a URL gives, over verified TLS, within a time and a length.

Plain http is for loopback alone, where nobody is in between. Every request
is judged, so a redirect leads nowhere else.
"""

from __future__ import annotations

import re
import ssl
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from http.client import HTTPException, HTTPResponse
from importlib.metadata import version
from threading import Thread
from time import monotonic
from typing import cast
from urllib import request as urllib
from urllib.error import HTTPError, URLError

from ..core.addresses import NetworkSet, parse_address
from ..core.trust import PRESETS
from ..core.trust_file import MOST_BYTES

_LOOPBACK = NetworkSet(PRESETS["loopback"])
_CHUNK = 1 << 16
_CUT = "the connection was cut"
# RFC 3986 section 3, without user information: nothing that two readers split in two ways.
_url = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:[/?][!-~]*)?"
).fullmatch


class NothingGot(Exception):
    """The URL gave nothing that can be judged; says why."""


def check_url(text: str) -> str:
    """Say whether a URL may be asked.

    :returns: its scheme.
    :raises ValueError: what was expected, if it is neither https, nor http to
        this machine.
    """
    match = _url(text)
    if match is None or (match["scheme"] == "http" and not _is_loopback(match["host"])):
        raise ValueError(f"expected https://, or http:// to 127.0.0.1 or [::1], got {text!a}")
    return match["scheme"]


def _is_loopback(host: str) -> bool:
    address = parse_address(host.strip("[]"))
    return host == "localhost" or (address is not None and address in _LOOPBACK)


def get(url: str, end: float) -> bytes:
    """Get the body of an answer.

    :param end: when all must be there, by :func:`time.monotonic`. Looking up
        the name and following redirects count.
    :raises NothingGot: if there is no whole answer with status 200 by then.
    :raises ValueError: if it is longer than a list may be.
    """
    seconds = end - monotonic()
    answer: Future[bytes] = Future()

    def run() -> None:
        try:
            answer.set_result(_get(url, seconds))
        except Exception as error:
            answer.set_exception(error)

    try:
        if seconds <= 0:
            raise NotInTime
        # The timeout of a socket is for one step, and the lookup of a name has none.
        Thread(target=run, daemon=True).start()
        return answer.result(seconds)
    except NotInTime:
        why = "no whole answer came in time"
    except HTTPError as error:
        error.close()
        why = _wrong_status(error.code)
    except (OSError, HTTPException, UnicodeError) as error:
        why = _why_nothing(error)
    raise NothingGot(f"{why}, from {url}")


def _get(url: str, seconds: float) -> bytes:
    agent = {"User-Agent": f"Flask-TrustProxy/{version('Flask-TrustProxy')}"}
    question = urllib.Request(url, headers=agent)
    answer = cast("HTTPResponse", _opener(check_url(url)).open(question, timeout=seconds + 1))
    with answer:
        if answer.status != 200:
            raise URLError(_wrong_status(answer.status))
        body = bytearray()
        while chunk := answer.read(_CHUNK):
            body += chunk
            if len(body) > MOST_BYTES:
                raise ValueError(f"expected at most {MOST_BYTES >> 20} MiB in {url!r}")
        # read() with a length does not say that the connection was cut.
        if answer.length:
            raise URLError(_CUT)
    return bytes(body)


def _wrong_status(status: int) -> str:
    return f"expected HTTP status 200, got {status}"


def _opener(scheme: str) -> urllib.OpenerDirector:
    """The handlers of urllib that are needed, and no others."""
    opener = urllib.OpenerDirector()
    # Through a proxy, only TLS is the same from end to end.
    proxies = {name: url for name, url in urllib.getproxies().items() if name == "https"}
    for handler in (
        _Judge(scheme),
        urllib.ProxyHandler(proxies),
        urllib.HTTPHandler(),
        urllib.HTTPSHandler(context=ssl.create_default_context()),
        urllib.HTTPRedirectHandler(),
        urllib.HTTPDefaultErrorHandler(),
        urllib.HTTPErrorProcessor(),
        urllib.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


class _Judge(urllib.BaseHandler):
    """Judge each request before it is sent, those of redirects too.

    :param scheme: that of the first request. What began with TLS goes on so.
    """

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    def http_request(self, request: urllib.Request) -> urllib.Request:
        """Refuse what is not for this machine; urllib calls it before each request."""
        try:
            scheme = check_url(request.full_url)
        except ValueError:
            scheme = ""
        if scheme not in (self._scheme, "https"):
            raise URLError("it redirects to a URL that is not https")
        return request

    https_request = http_request


def _why_nothing(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({cause.verify_message})"
    if isinstance(cause, OSError):
        return cause.strerror or _CUT
    return cause if isinstance(cause, str) else _CUT
