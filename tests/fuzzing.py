"""What holds for any bytes: one function for each target of the fuzzer.

A target raises where a law is broken. ``fuzz.py`` looks for bytes that make one
raise; ``test_corpus.py`` replays those in ``corpus/``, which has a folder for each.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

from flask import Flask, request, url_for
from werkzeug.test import run_wsgi_app

from flask_trustproxy import TrustProxy
from flask_trustproxy import log as diagnostics
from flask_trustproxy.core.addresses import UNIX, parse_address, parse_node
from flask_trustproxy.core.environ import ORIGINAL, RESOLUTION, rewrite
from flask_trustproxy.core.forwarded import entries, nth_value
from flask_trustproxy.core.headers import KNOWN, NAMES, environ_key
from flask_trustproxy.core.policy import Policy
from flask_trustproxy.core.resolution import Resolution
from flask_trustproxy.report import cautions, phrases
from flask_trustproxy.settings import SETTINGS, SettingError, Settings, read_settings
from helpers import CLIENT, Watched, cleaned, environ_of, settings_of, split_host

XFF, PROTO, HOST = "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"
PORT, PREFIX = "X-Forwarded-Port", "X-Forwarded-Prefix"


def canonical(address: str) -> str:
    """The one text of an address, as the standard library has it."""
    parsed = ip_address(address.partition("%")[0])
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


# RFC 7239 section 4 as it stands there, to be read from the left
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_PAIR = rf"{_TOKEN}=(?:{_TOKEN}|{_QUOTED})"
_ELEMENT = rf"{_PAIR}(?:;{_PAIR})*"
find_pairs = re.compile(rf"({_TOKEN})=({_TOKEN}|{_QUOTED})").findall
find_elements = re.compile(_ELEMENT).findall
is_rfc_7239 = re.compile(rf"[ \t]*{_ELEMENT}(?:[ \t]*,[ \t]*{_ELEMENT})*[ \t]*").fullmatch


def parameters(element: str) -> list[tuple[str, str]]:
    return [
        (name.lower(), re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else value)
        for name, value in find_pairs(element)
    ]


# The laws of every rewrite


def check(environ: dict[str, Any], settings: Settings) -> Resolution:
    """Rewrite an environ, and hold what is promised of any."""
    before = dict(environ)
    resolution = rewrite(environ, settings.policy)
    check_client(resolution, environ)
    for says, value in resolution.believed.items():
        check_value(says, value)
    # Whoever lays the originals over it has the environ back.
    back = {**environ, **environ[ORIGINAL]}
    del back[RESOLUTION], back[ORIGINAL]
    assert {key: value for key, value in back.items() if value is not None} == before
    if settings.policy.clean_headers:
        check_left(environ, resolution)
        check_fed_back(before, environ, resolution)
    after = dict(environ)
    assert rewrite(environ, settings.policy) is resolution
    assert environ == after
    return resolution


def check_client(resolution: Resolution, environ: Mapping[str, Any]) -> None:
    """A client is a canonical address, and the environ says the same."""
    client, ips = resolution.client_ip, resolution.client_ips
    for address in ips if client is None else (client, *ips):
        assert parse_address(address) == address == canonical(address)
    assert list(ips) == [node for node in resolution.nodes[:0:-1] if node != UNIX]
    assert not ips or ips[0] == client
    assert environ["REMOTE_ADDR"] == (client or "")
    assert environ["wsgi.url_scheme"] == resolution.scheme
    assert resolution.scheme in ("http", "https")


def check_value(says: str, value: str) -> None:
    """A believed value is what a URL may have there."""
    if says == "scheme":
        assert value in ("http", "https")
    elif says == "port":
        assert 1 <= int(value) <= 65535
        assert value == str(int(value))
    elif says == "prefix":
        assert len(value) <= 255
        assert re.fullmatch(r"/|(/[A-Za-z0-9._~!$&'()*+;=:@%-]+)+", value)
        decoded = [unquote(part, errors="strict") for part in value.split("/")[1:]]
        assert value == "/" or not {"", ".", ".."} & set(decoded)
        assert not set("\\/%?#") & set("".join(decoded))
    else:
        name, port = split_host(value)
        assert value == (f"{name}:{port}" if port else name)
        assert re.fullmatch(r"[a-z0-9.-]{1,253}|\[[0-9a-f:]+\]", name)
        assert not name.startswith("[") or canonical(name[1:-1]) == name[1:-1]
        assert not port or 1 <= int(port) <= 65535


def forwarding_keys(policy: Policy) -> set[str]:
    return {*NAMES, *(header.key for header in policy.headers.named)}


def check_left(environ: Mapping[str, Any], resolution: Resolution) -> None:
    """A forwarding header is gone, or is what was believed."""
    believed = resolution.believed
    named = {header.key: header for header in resolution.policy.headers.named}
    for key in forwarding_keys(resolution.policy).intersection(environ):
        assert resolution.trusted_hops
        header, value = named[key], environ[key]
        if header.says == "forwarded":
            assert is_rfc_7239(value)
            elements = [dict(parameters(element)) for element in find_elements(value)]
            nodes = [node for e in elements if (node := e.pop("for", "").strip("[]"))]
            said = {"proto": believed.get("scheme"), "host": believed.get("host")}
            assert nodes == list(resolution.client_ips)
            assert elements[0] == {name: text for name, text in said.items() if text}
            assert not any(elements[1:])
        elif header.says in ("client", "client list"):
            assert value == ", ".join(resolution.client_ips)
            assert value
        else:
            assert value == header.write(believed[header.says])
            assert header.parse(value) == believed[header.says]


def check_fed_back(
    before: Mapping[str, Any], environ: Mapping[str, Any], resolution: Resolution
) -> None:
    """What was written back says the same again."""
    policy = resolution.policy
    if policy.trust.count and UNIX in resolution.nodes[1:]:
        return  # a count needs its entries, and a socket has no address to be written
    keys = forwarding_keys(policy)
    fed = {key: value for key, value in before.items() if key not in keys}
    fed.update((key, environ[key]) for key in keys.intersection(environ))
    again = rewrite(fed, policy)
    assert (again.client_ip, again.client_ips) == (resolution.client_ip, resolution.client_ips)
    # A second value from the right is the first that is left.
    if all(header.n == 1 for header in policy.headers.values):
        assert again.believed == resolution.believed


# Headers: one text as the value of each


PLANS = [
    settings_of(headers=[XFF, PROTO, HOST, PORT, PREFIX]),
    settings_of(headers=["Forwarded", PORT, PREFIX]),
    settings_of(headers=["X-Real-IP", "X-Forwarded-Ssl", "X-Original-Host"]),
    settings_of(True, [XFF, f"{PROTO}:2", f"{HOST}:2"], max_hops=10**6),
    settings_of(True, "Forwarded", max_hops=10**6),
]
TO_THE_END = {XFF: PLANS[3], "Forwarded": PLANS[4]}
HONEST = {
    XFF: f"{CLIENT}, 10.0.0.3",
    "Forwarded": 'for="[2001:db8::1]:4711";host="a.example:81";proto=https, for=10.0.0.3',
    PROTO: "https",
    HOST: "a.example:81",
    PORT: "8443",
    PREFIX: "/app",
}
BELIEVED = [(settings, cleaned(settings, environ_of(HONEST))) for settings in PLANS[:2]]


def headers(data: bytes) -> None:
    """Bytes as the value of every header: what a wire carries, and what it cannot."""
    for text in {data.decode("latin-1"), data.decode("utf-8", "surrogateescape")}:
        check_values(text)
        check_lists(text)
        check_growth(text)
        for settings in PLANS:
            names = [header.name for header in settings.policy.headers.named]
            check(environ_of(dict.fromkeys(names, text)), settings)
        # A client writes it in front of what trusted hops wrote.
        attacked = {name: f"{text}, {honest}" for name, honest in HONEST.items()}
        for settings, believed in BELIEVED:
            assert cleaned(settings, environ_of(attacked)) == believed


_dressed = re.compile(
    r"\[(?P<inner>[^]]*)\](?::(?P<port>[0-9]{1,5}))?|(?P<bare>[0-9a-fA-F.:]+):(?P<glued>[0-9]{1,5})",
    re.ASCII,
).fullmatch


def check_node(text: str) -> None:
    """A node is the address that the standard library finds in the text."""
    plain, node = parse_address(text), parse_node(text)
    with suppress(ValueError):
        if "%" not in text:
            assert canonical(text) == plain
    assert plain in (None, node)
    if plain is None and node not in ("", UNIX):
        dressed = _dressed(text)
        if dressed is None:
            assert "%" in text
            assert node == canonical(text)
        else:
            assert node == canonical(dressed["inner"] or dressed["bare"])
            assert int(dressed["port"] or dressed["glued"] or 0) <= 65535


def check_values(text: str) -> None:
    for header in KNOWN.values():
        if header.says in ("scheme", "host", "port", "prefix"):
            value = header.parse(text)
            if value is not None:
                assert text.isascii()
                check_value(header.says, value)
                assert header.parse(header.write(value)) == value


def check_lists(text: str) -> None:
    """What is read from the right is what a second reader finds from the left."""
    found = [entry.strip(" \t") for entry in text.split(",")] if text.strip(" \t") else []
    assert list(entries(text)) == found[::-1]
    for entry in {text, *found}:
        check_node(entry)
    for n in range(1, 4):
        assert nth_value(text, n) == (found[-n] if n <= len(found) else None)
    assert walked(XFF, text) == until_text(map(parse_node, found[::-1]))
    if is_rfc_7239(text):
        elements = find_elements(text)[::-1]
        assert list(entries(text, "forwarded")) == elements
        assert walked("Forwarded", text) == until_text(map(node_of, elements))


def walked(name: str, text: str) -> list[str]:
    """The nodes of a header that is believed as far as it goes."""
    return list(rewrite(environ_of({name: text}), TO_THE_END[name].policy).nodes[1:])


def until_text(nodes: Iterable[str]) -> list[str]:
    listed = [*nodes, ""]
    return listed[: listed.index("")]


def node_of(element: str) -> str:
    """The node of an element; a parameter that stands there twice spoils it."""
    pairs = parameters(element)
    said = dict(pairs)
    port = re.compile(r":_[A-Za-z0-9._-]+\Z")
    return parse_node(port.sub("", said.get("for", ""))) if len(said) == len(pairs) else ""


def check_growth(text: str) -> None:
    """Of a text that is repeated, nothing is read more often."""
    long = text * max(256 // (len(text) + 1), 1)
    for says in ("client list", "forwarded"):
        watched = Watched(long)
        assert sum(map(len, entries(watched, says))) <= len(long)
        assert watched.looked <= 6 * len(long) + 6
    for name, settings in TO_THE_END.items():
        watched = Watched(long)
        rewrite(environ_of({name: watched}), settings.policy)
        # What ended the walk is looked for once more, to be told.
        assert watched.looked <= 12 * len(long) + 12


# Settings: a line NAME=value for each


def read_text(data: bytes) -> str:
    """Any text: a lone surrogate too, which JSON can hold."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def settings(data: bytes) -> None:
    """Bytes as environment variables, as config, and as Flask's prefixed environment."""
    lines = [line.partition(b"=")[::2] for line in data.split(b"\n")]
    given = {name.decode("latin-1"): value for name, value in lines}
    given = {name: given[name] for name in SETTINGS if name in given}
    environment = {name: v.decode("utf-8", "surrogateescape") for name, v in given.items()}
    check_settings({}, environment)
    config: dict[str, Any] = {name: read_text(value) for name, value in given.items()}
    check_settings(config, {})
    for name, value in config.items():
        with suppress(ValueError, RecursionError):
            config[name] = json.loads(value)
    check_settings(config, {})


def check_settings(config: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Settings that serve a request, or a mistake in one line."""
    try:
        settings = read_settings(config, environment)
    except SettingError as error:
        check_mistake(error)
    else:
        check_compiled(settings)


def check_mistake(error: SettingError) -> None:
    sentence = str(error)
    assert sentence.startswith(f"{error.setting}=")
    assert error.expected.startswith("expected ")
    assert sentence.isprintable()
    assert len(sentence) < 1000


def check_compiled(settings: Settings) -> None:
    for name in ("TRUST_PROXY", "TRUST_PROXY_HEADERS", "TRUST_PROXY_MAX_HOPS"):
        value = settings.given[name].value
        assert all(map(str.isascii, value if isinstance(value, list) else [str(value)]))
    assert all(map(str.isprintable, phrases.settings_in_words(settings)))
    for caution in cautions.setting_warnings(settings, trusted_hosts=False):
        check_line(str(caution))
    for written, network in settings.policy.trust.rewritten():
        check_line(f"{written} read as {network}")
    check(environ_of(HONEST), settings)


# The middleware: a configuration, and a line "Name: value" for each header


# What a server says of a connection; every other name is a header's.
OF_THE_SERVER = (
    "REMOTE_ADDR REMOTE_PORT REMOTE_HOST REQUEST_METHOD SERVER_NAME SERVER_PORT SCRIPT_NAME "
    "PATH_INFO QUERY_STRING wsgi.url_scheme HTTPS uwsgi.version mod_wsgi.version"
).split()


def an_app(**config: object) -> Flask:
    """An app that answers every request with its URLs."""
    app = Flask(__name__)
    app.config.update(config, PROPAGATE_EXCEPTIONS=True, SECRET_KEY="x")

    @app.route("/page/")
    @app.before_request
    def page() -> list[str]:
        urls = [request.url, request.base_url, request.root_url, request.host_url, request.host]
        return [*urls, url_for("page", _external=True), *request.access_route]

    return app


def a_proxied_app(trust: object, *names: str, **more: object) -> Flask:
    settings = {f"TRUST_PROXY_{name.upper()}": value for name, value in more.items()}
    app = an_app(TRUST_PROXY=trust, TRUST_PROXY_HEADERS=names, **settings)
    TrustProxy(app)
    return app


PLAIN = an_app()
# The first byte says which: "0" is the first of them.
APPS = [
    a_proxied_app("10.0.0.0/8, unix", XFF, PROTO, HOST, PORT, PREFIX),
    a_proxied_app("10.0.0.0/8, 2001:db8::/32", "Forwarded", PORT, PREFIX),
    a_proxied_app("loopback", XFF, PROTO, required="/page/", secure_cookies="all"),
    a_proxied_app(2, XFF, f"{PROTO}:2", f"{HOST}:2", PORT),
    a_proxied_app(True, "Forwarded", max_hops=3),
    a_proxied_app("unix", "X-Real-IP", "X-Forwarded-Ssl", "X-Original-Host", PREFIX),
    a_proxied_app(1, PROTO, HOST),
    a_proxied_app("10.0.0.0/8", XFF, PROTO, HOST, PORT, PREFIX, clean_headers=False),
]


def middleware(data: bytes) -> None:
    """Bytes as a request of one of several apps."""
    first, *lines = data.split(b"\n")
    app = APPS[sum(first[:1]) % len(APPS)]
    environ = environ_of({})
    del environ["REMOTE_ADDR"]
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        environ[name if name in OF_THE_SERVER else environ_key(name)] = value.strip(" \t")
    settings = app.extensions["trustproxy"].settings
    resolution = check(dict(environ), settings)
    check_log(environ, resolution)
    check_in_front(environ, resolution, data.decode("latin-1"))
    unnamed = forwarding_keys(settings.policy) - {
        header.key for header in settings.policy.headers.named
    }
    only_named = {key: value for key, value in environ.items() if key not in unnamed}
    assert rewrite(only_named, settings.policy) == resolution
    check_urls(app, environ, resolution)


class Lines(logging.Handler):
    """Holds the log to short lines of printable ASCII."""

    def emit(self, record: logging.LogRecord) -> None:
        check_line(record.getMessage())


LINES = Lines()


def check_line(line: str) -> None:
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 16_384


def check_log(environ: Mapping[str, Any], resolution: Resolution) -> None:
    """Whatever a client writes, the log has a line for each cause."""
    check_line(phrases.in_words(resolution))
    rewritten = dict(environ)
    again = rewrite(rewritten, resolution.policy)
    diagnostics.logger.addHandler(LINES)
    try:
        diagnostics.log_request(again, rewritten, diagnostics.Warned())
    finally:
        diagnostics.logger.removeHandler(LINES)


def check_in_front(environ: Mapping[str, Any], resolution: Resolution, text: str) -> None:
    """What stands in front of what trusted hops wrote changes nothing, and is not read."""
    attacked = {
        header.key: Watched(f"{text}, {value}")
        for header in resolution.policy.headers.named
        if (value := environ.get(header.key)) is not None and reaches(header, value, resolution)
    }
    again = rewrite({**environ, **attacked}, resolution.policy)
    assert replace(again, ignored=()) == replace(resolution, ignored=())
    assert all(value.lowest >= len(text) for value in attacked.values())


def reaches(header: Any, value: str, resolution: Resolution) -> bool:
    """Say whether a header reaches a hop that is not trusted, or the value that counts."""
    if header.says == "client list":
        return resolution.stopped in ("untrusted", "max_hops", "not_an_address")
    if header.says == "forwarded":  # a malformed element may hold an open quote
        return resolution.stopped in ("untrusted", "max_hops")
    return header.says != "client" and nth_value(value, header.n) is not None


def check_urls(app: Flask, environ: Mapping[str, Any], resolution: Resolution) -> None:
    """Every URL can be built: of a believed host always, else where a plain app can."""
    settings = app.extensions["trustproxy"].settings
    if settings.required and not resolution.trusted_hops:
        open_path = environ["PATH_INFO"] in settings.open_paths
        _, status, _ = run_wsgi_app(app, dict(environ))
        assert status.startswith("403") is not open_path
    elif not builds(app, environ):
        good = {"HTTP_HOST": "a.example"} if resolution.host else {}
        assert not builds(PLAIN, {**environ, **good})


def builds(app: Flask, environ: Mapping[str, Any]) -> bool:
    try:
        _, status, _ = run_wsgi_app(app, dict(environ))
    except Exception:  # Flask and Werkzeug raise several, of a wrong host
        return False
    return status == "200 OK"


TARGETS = {"headers": headers, "settings": settings, "middleware": middleware}
