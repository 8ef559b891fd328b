"""What other projects do with the same requests, in words.

``python -m neighbours.rivals`` in ``tests`` writes the table of the
documentation; a test compares the two. Every word was measured: an answer that
no word was meant for fails.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

from flask import Flask, g, request, session, url_for
from flask_behind_proxy import FlaskBehindProxy
from flask_realip import RealIP
from python_ipware import IpWare
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_trustproxy import TrustProxy

PROXY = "10.0.0.2"
SECOND_PROXY = "10.0.0.3"
STRANGER = "192.0.2.7"
CLIENT = "203.0.113.9"
FORGED = "198.51.100.66"
EXTRAS = "X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix"

Setup = Callable[[Flask, str], object]


class Seen(NamedTuple):
    """What an app saw of a request."""

    client: str | None
    scheme: str
    url: str
    remote_addr: str
    forwarded_for: str | None
    secure_cookie: bool


# Each as its own documentation sets it up for one proxy, or for proxies at
# these addresses.
def trustproxy(app: Flask, proxies: str) -> None:
    app.config["TRUST_PROXY"] = proxies
    app.config["TRUST_PROXY_HEADERS"] = f"X-Forwarded-For, X-Forwarded-Proto, {EXTRAS}"
    TrustProxy(app)


def trustproxy_forwarded(app: Flask, proxies: str) -> None:
    app.config.update(TRUST_PROXY=proxies, TRUST_PROXY_HEADERS="Forwarded")
    TrustProxy(app)


def proxy_fix(app: Flask, proxies: str) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_port=1, x_prefix=1)


class RealIPOfDocumentation(RealIP):
    """Lets the addresses of documentation pass for the public ones they stand for."""

    def _is_valid_routable_ip(self, ip_str: str) -> bool:
        documentation = ip_str.startswith(("192.0.2.", "198.51.100.", "203.0.113."))
        return documentation or super()._is_valid_routable_ip(ip_str)


def realip(app: Flask, proxies: str) -> None:
    RealIPOfDocumentation(app, trusted_proxies=proxies.split(", "))


def behind_proxy(app: Flask, proxies: str) -> None:
    FlaskBehindProxy(app)


def ipware(app: Flask, proxies: str) -> None:
    finder = IpWare(proxy_count=0)

    @app.before_request
    def find() -> None:
        address, _ = finder.get_client_ip(request.environ)
        g.client = None if address is None else str(address)


def see(
    setup: Setup,
    headers: dict[str, str],
    *,
    peer: str = PROXY,
    proxies: str = f"{PROXY}, {SECOND_PROXY}",
) -> Seen:
    """Ask an app that was set up so."""
    app = Flask("rival")
    app.secret_key = "secret"
    # Against the warning about a host header without it, not for the answers.
    app.config["TRUSTED_HOSTS"] = [".example.com"]

    @app.get("/")
    def index() -> dict[str, object]:
        session["seen"] = True
        # As an access log reads it, after the request too.
        return {
            "client": g.get("client", request.remote_addr),
            "scheme": request.scheme,
            "url": url_for("index", _external=True),
            "remote_addr": request.environ["REMOTE_ADDR"],
            "forwarded_for": request.headers.get("X-Forwarded-For"),
        }

    setup(app, proxies)
    response = app.test_client().get(
        "/",
        base_url="http://www.example.com",
        headers=headers,
        environ_base={"REMOTE_ADDR": peer},
    )
    assert response.status_code == 200, response.text
    return Seen(**response.json, secure_cookie="Secure" in response.headers["Set-Cookie"])


def entry(setup: Setup) -> str:
    chain = f"{FORGED}, {CLIENT}, {SECOND_PROXY}"
    return {
        FORGED: "the first from the left",
        CLIENT: "the first from the right that is not trusted",
        SECOND_PROXY: "the n-th from the right",
        PROXY: "not read",
    }[see(setup, {"X-Forwarded-For": chain}).client or ""]


def asks_who_sent(setup: Setup) -> str:
    client = see(setup, {"X-Forwarded-For": FORGED}, peer=STRANGER).client
    if see(setup, {"X-Forwarded-For": CLIENT}).client == PROXY:
        return "not read"
    return {STRANGER: "yes", FORGED: "no"}[client or ""]


def asks_for_the_scheme(setup: Setup) -> str:
    header = {"X-Forwarded-Proto": "https"}
    schemes = see(setup, header).scheme, see(setup, header, peer=STRANGER).scheme
    return {
        ("https", "http"): "yes",
        ("https", "https"): "no",
        ("http", "http"): "not read",
    }[schemes]


def networks(setup: Setup) -> str:
    header = {"X-Forwarded-For": CLIENT}
    if see(setup, header, peer=STRANGER).client == CLIENT:
        return "trusts no address"
    client = see(setup, header, proxies="10.0.0.0/8").client
    if see(setup, header).client == PROXY:
        return "not read"
    return {CLIENT: "yes", PROXY: "no"}[client or ""]


def client_of(text: str, words: dict[str | None, str]) -> Callable[[Setup], str]:
    def told(setup: Setup) -> str:
        if see(setup, {"X-Forwarded-For": CLIENT}).client == PROXY:
            return "not read"
        return words[see(setup, {"X-Forwarded-For": text}).client]

    return told


def other_scheme(setup: Setup) -> str:
    if see(setup, {"X-Forwarded-Proto": "https"}).scheme == "http":
        return "not read"
    scheme = see(setup, {"X-Forwarded-Proto": "gopher"}).scheme
    return {"http": "passed over", "gopher": "taken as it is"}[scheme]


def host(setup: Setup) -> str:
    headers = {"X-Forwarded-Host": "shop.example.com", "X-Forwarded-Prefix": "/shop"}
    return {
        "http://shop.example.com/shop/": "yes, opt in",
        "http://www.example.com/": "not read",
    }[see(setup, headers).url]


def prefix(setup: Setup) -> str:
    if host(setup) == "not read":
        return "not read"
    url = see(setup, {"X-Forwarded-Prefix": "shop and more"}).url
    return {"http://www.example.com/": "passed over"}.get(url, "taken as it is")


def forwarded(setup: Setup) -> str:
    header = {"Forwarded": f"for={CLIENT};proto=https"}
    if setup is trustproxy:
        setup = trustproxy_forwarded
    seen = see(setup, header)
    if seen.client == CLIENT:
        return "client and scheme" if seen.scheme == "https" else "client"
    return "not read"


def access_log(setup: Setup) -> str:
    seen = see(setup, {"X-Forwarded-For": CLIENT})
    return {CLIENT: "the client", PROXY: "the proxy"}[seen.remote_addr]


def urls(setup: Setup) -> str:
    headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}
    return {"https": "https", "http": "http"}[see(setup, headers).url.partition(":")[0]]


def left(setup: Setup) -> str:
    sent = f"{FORGED}, {CLIENT}"
    return {CLIENT: "what was believed", sent: "all that was sent"}[
        see(setup, {"X-Forwarded-For": sent}).forwarded_for or ""
    ]


def cookies(setup: Setup) -> str:
    headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}
    return "yes" if see(setup, headers).secure_cookie else "no"


COLUMNS: dict[str, Setup] = {
    "Flask-TrustProxy": trustproxy,
    "ProxyFix": proxy_fix,
    "Flask-RealIP": realip,
    "flask-behind-proxy": behind_proxy,
    "python-ipware": ipware,
}

ROWS: dict[str, Callable[[Setup], str]] = {
    "The client is the entry of ``X-Forwarded-For``": entry,
    "Asks who sent it": asks_who_sent,
    "Asks who sent ``X-Forwarded-Proto``": asks_for_the_scheme,
    "A network can be trusted": networks,
    "``203.0.113.9:4711`` is": client_of(
        f"{CLIENT}:4711",
        {CLIENT: "the address", f"{CLIENT}:4711": "taken as it is", PROXY: "passed over"},
    ),
    "``::ffff:203.0.113.9`` is": client_of(
        f"::ffff:{CLIENT}",
        {CLIENT: "IPv4", f"::ffff:{CLIENT}": "taken as it is", PROXY: "passed over"},
    ),
    "``unknown`` is": client_of(
        "unknown", {"unknown": "taken as it is", PROXY: "passed over", None: "passed over"}
    ),
    "A scheme that is neither http nor https is": other_scheme,
    "Host, port and prefix": host,
    "A prefix that is no path is": prefix,
    "``Forwarded`` (RFC 7239)": forwarded,
    "``url_for(_external=True)`` behind TLS": urls,
    "The access log shows": access_log,
    "Other code finds in the headers": left,
    "The session cookie is ``Secure`` on https": cookies,
}


def table() -> Iterator[list[str]]:
    yield ["", *COLUMNS]
    for title, measure in ROWS.items():
        yield [title, *map(measure, COLUMNS.values())]


def as_csv() -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table())
    return text.getvalue()


if __name__ == "__main__":
    print(as_csv(), end="")
