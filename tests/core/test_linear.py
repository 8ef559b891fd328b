"""No value of a request costs more than time in proportion to its length."""

from __future__ import annotations

import logging
from itertools import product
from time import thread_time

import pytest

from flask_trustproxy import TrustProxyMiddleware
from helpers import CLIENT, environ_of

pytestmark = pytest.mark.slow

#: One repeated text for each way in which a reader could go back and forth.
TEXTS = {
    "digits": "1",
    "hexadecimal digits": "a",
    "colons": ":",
    "digits and colons": "1:",
    "dots": ".",
    "labels": "a.",
    "labels with xn--": "xn--a.",
    "digits and dots": "1.",
    "brackets that open": "[",
    "brackets that close": "]",
    "commas": ",",
    "values": "a,",
    "addresses": "10.0.0.3,",
    "quotes": '"',
    "escapes": "\\",
    "escaped quotes": '\\"',
    "strings": '"a",',
    "pairs": "a=b;",
    "nodes": 'for="10.0.0.3",',
    "semicolons": ";",
    "obfuscated ports": ":_a",
    "an obfuscated port": "_",
    "spaces": " ",
    "tabs": "\t",
    "zones": "%",
    "slashes": "/",
    "segments": "/a",
    "dotted segments": "/..",
    "escaped letters": "%41",
    "braces": "{",
    "members": '{"scheme":',
    "letters beyond ASCII": "\xe9",
    "NULs": "\0",
}
#: What may come in front of it and behind it.
FRAMES = {
    "alone": ("", ""),
    "and no end of a host": ("", "/"),
    "and a port": ("", ":80"),
    "behind for=": ("for=", "!"),
    "in a string": ('for="', '"'),
    "in a string without an end": ('for="', ""),
    "in brackets": ("[", "]:80"),
    "behind a slash": ("/", "\n"),
    "in an object": ('{"scheme":"', '"}'),
}
#: Every key whose value is read on a request, or may be.
KEYS = (
    "HTTP_HOST HTTP_X_FORWARDED_FOR HTTP_FORWARDED HTTP_X_REAL_IP "
    "HTTP_CLOUDFRONT_VIEWER_ADDRESS HTTP_X_FORWARDED_PROTO HTTP_X_FORWARDED_PROTOCOL "
    "HTTP_X_FORWARDED_SSL HTTP_CF_VISITOR HTTP_X_ACME_SCHEME HTTP_X_FORWARDED_HOST "
    "HTTP_X_FORWARDED_PORT HTTP_X_FORWARDED_PREFIX HTTP_X_SCRIPT_NAME HTTP_CLIENT_IP "
    "HTTP_X_ACME HTTP_COOKIE HTTP_X_TRUST_PROXY_PROBE REMOTE_ADDR REMOTE_PORT SERVER_NAME "
    "SERVER_PORT SCRIPT_NAME PATH_INFO QUERY_STRING wsgi.url_scheme HTTPS UWSGI_SCHEME"
).split()
#: Together they name a header of every kind and form.
PLANS = [
    "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, "
    "X-Forwarded-Prefix",
    "Forwarded, X-Forwarded-Port:2, X-Script-Name:2",
    "X-Real-IP, X-Forwarded-Ssl, X-Forwarded-Port",
    "CloudFront-Viewer-Address, CF-Visitor, X-Forwarded-Port",
    "X-Forwarded-For, X-Acme-Scheme=scheme, X-Forwarded-Port",
    "X-Forwarded-For, X-Forwarded-Protocol, X-Forwarded-Prefix:2",
]
SHORT, LONG = 4_000, 16_000


def ask(middleware: TrustProxyMiddleware, key: str, value: str) -> float:
    """The time that one request takes, without that of other threads."""
    headers = {
        **{"X-Forwarded-For": CLIENT, "Forwarded": f"for={CLIENT}", "X-Real-IP": CLIENT},
        **{"CloudFront-Viewer-Address": f"{CLIENT}:80", "X-Forwarded-Port": "8443, 8443"},
    }
    environ = {**environ_of(headers), "QUERY_STRING": "", key: value}
    before = thread_time()
    middleware(environ, lambda status, headers, exc_info=None: None)
    return thread_time() - before


def grows_too_fast(middlewares: list[TrustProxyMiddleware], key: str, text: str) -> bool:
    """Say whether four times the text takes far more than four times as long.

    A reader that goes back for each character takes 16 times as long. What takes
    less than two milliseconds in all is not measured.
    """
    for _ in range(3):  # the machine may be busy
        long = sum(ask(middleware, key, framed(text, LONG)) for middleware in middlewares)
        if long < 0.002:
            return False
        short = sum(ask(middleware, key, framed(text, SHORT)) for middleware in middlewares)
        if long < 9 * short:
            return False
    return True


def framed(text: str, length: int) -> str:
    front, part, behind = text.split("|")
    return f"{front}{part * (length // len(part))}{behind}"


def an_application(environ, start_response):
    start_response("200 OK", [("Set-Cookie", "session=1")])
    return [b""]


@pytest.fixture(params=[logging.WARNING, logging.DEBUG], ids=["warnings", "debug"])
def middlewares(request, caplog):
    caplog.set_level(request.param, "flask_trustproxy")
    return [
        TrustProxyMiddleware(
            an_application,
            trust="10.0.0.0/8, unix",
            headers=plan,
            max_hops=1_000_000,
            secure_cookies="all",
            required="/healthz",
            probe_key="k" * 32,
        )
        for plan in PLANS
    ]


@pytest.mark.parametrize("key", KEYS)
def test_no_value_of_a_request_costs_more_than_linear_time(middlewares, key):
    for (name, text), (frame, (front, behind)) in product(TEXTS.items(), FRAMES.items()):
        assert not grows_too_fast(middlewares, key, f"{front}|{text}|{behind}"), (name, frame)
