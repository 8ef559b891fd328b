"""The laws: what holds for every request, whatever a client writes."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import pytest
from flask import Flask, request, url_for
from hypothesis import assume, example, given
from hypothesis import strategies as st
from werkzeug.test import run_wsgi_app

from flask_trustproxy import TrustProxy
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.core.headers import KNOWN, environ_key
from flask_trustproxy.core.resolution import Resolution
from flask_trustproxy.core.values import parse_host
from helpers import (
    CLIENT,
    PEER,
    attacker_text,
    cleaned,
    dressed_addresses,
    environ_of,
    resolved,
    settings_of,
    split_host,
)

XFF, PROTO, HOST = "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"
PORT, PREFIX = "X-Forwarded-Port", "X-Forwarded-Prefix"
VALUES = [PROTO, HOST, PORT, PREFIX]
LISTS = [XFF, "Forwarded", *VALUES]
NAMES = [header.name for header in KNOWN.values()]

# What a client writes in front: text rich in syntax, or what looks honest.
forged = st.one_of(
    attacker_text,
    st.lists(
        st.sampled_from(
            ["10.0.0.9", CLIENT, "unix:", "for=10.0.0.9;proto=https;host=evil.example"]
            + ['for="', "https", "evil.example", "8443", "/evil", "", "on"]
        ),
        max_size=4,
    ).map(", ".join),
)
commas = st.sampled_from([",", ", "])

# What trusted hops wrote: nodes near those of the policies below, or text.
nodes = st.one_of(
    st.sampled_from(["10.0.0.3", "10.0.0.4:80", "::ffff:10.0.0.5", "unix:", CLIENT, "", "x"]),
    dressed_addresses.map(lambda dressed: dressed[0]),
)
hosts = st.sampled_from(
    [
        "a.example",
        "B.example:81",
        "[2001:db8::1]:443",
        "xn--bcher-kva.example",
        "a b",
        "",
        "a,b",
    ]
)
schemes = st.sampled_from(["http", "https", "WSS", "on", "", "x"])
values = {
    PROTO: schemes,
    HOST: hosts.map(lambda host: host.replace(",", "")),
    PORT: st.sampled_from(["80", "443", "8443", "0", "", "99999"]),
    PREFIX: st.sampled_from(["/app", "/a/b/", "/", "//a", "", "/../a"]),
}
trusts = st.sampled_from(["10.0.0.0/8, unix", "10.0.0.0/8", True, False, 1, 2, 3])
peers = st.sampled_from([PEER, "unix:", CLIENT, "?"])


# Prefixes that are believed, and some that are near them.
prefixes = st.lists(
    st.one_of(
        st.text("ab@:!$&'()*+;=~", min_size=1, max_size=4),
        st.sampled_from(
            ["our%20team", "caf%C3%A9", "%C2%A0", "%E2%80%AE", "%C2%85", "%2F", "%5C"]
        ),
        st.sampled_from(
            ["..", "%2e%2E", "%09", "evil.example.com", ":80", "@evil.example.com"]
        ),
    ),
    min_size=1,
    max_size=3,
).map(lambda segments: "/" + "/".join(segments))


@st.composite
def forwarded_elements(draw: st.DrawFn) -> str:
    """An element that a trusted hop wrote, quoted as it should be."""
    pairs = [("for", draw(nodes)), ("proto", draw(schemes)), ("host", draw(hosts))]
    return ";".join(f'{name}="{value}"' for name, value in draw(st.permutations(pairs)))


@st.composite
def requests(draw: st.DrawFn) -> dict[str, object]:
    """Settings, a peer and headers: the client's header, and those of values."""
    client = draw(st.sampled_from([XFF, "Forwarded"]))
    entries = nodes if client == XFF else forwarded_elements()
    named = [PORT, PREFIX] if client == "Forwarded" else VALUES
    n = draw(st.integers(1, 2))
    headers = {name: draw(st.lists(values[name], min_size=n, max_size=3)) for name in named}
    trust = draw(trusts)
    reach = trust if type(trust) is int else 16
    names = [client, *(f"{name}:{min(n, reach)}" for name in named)]
    return {
        "settings": settings_of(trust, names, max_hops=draw(st.sampled_from([reach, 16]))),
        "peer": draw(peers),
        "n": n,
        "headers": {
            client: ", ".join(draw(st.lists(entries, min_size=1, max_size=4))),
            **{name: ",".join(texts) for name, texts in headers.items()},
        },
    }


def said(resolution: Resolution) -> tuple[object, ...]:
    """All that is believed, and how it was found."""
    return astuple(replace(resolution, ignored=(), policy=None)), resolution.hops


@given(
    requests(), st.dictionaries(st.sampled_from([XFF, "Forwarded", *VALUES]), forged), commas
)
def test_prefix_independence(asked, prefixes, comma):
    """Whatever a client writes in front of an honest header changes nothing."""
    settings, headers = asked["settings"], asked["headers"]
    honest = resolved(settings, headers, asked["peer"])
    # The honest header reaches a hop that is not trusted.
    assume(honest.stopped in ("untrusted", "not_an_address", "max_hops"))
    attacked = {
        name: f"{prefixes[name]}{comma}{value}" if name in prefixes else value
        for name, value in headers.items()
    }
    assert said(resolved(settings, attacked, asked["peer"])) == said(honest)
    environ = cleaned(settings, environ_of(headers, asked["peer"]))
    assert cleaned(settings, environ_of(attacked, asked["peer"])) == environ


@given(requests(), st.dictionaries(st.sampled_from(NAMES), forged))
def test_headers_that_are_not_named_change_nothing(asked, unnamed):
    settings, headers = asked["settings"], asked["headers"]
    named = {header.name for header in settings.policy.headers.named}
    more = {name: value for name, value in unnamed.items() if name not in named}
    assert said(resolved(settings, {**more, **headers})) == said(resolved(settings, headers))
    environ = cleaned(settings, environ_of(headers))
    assert cleaned(settings, environ_of({**more, **headers})) == environ


def is_canonical(address: str) -> bool:
    parsed = ip_address(address)
    if parsed.version == 6 and parsed.ipv4_mapped:
        return False
    return str(parsed) == address


@given(requests())
def test_the_result_parses_to_itself(asked):
    settings, peer = asked["settings"], asked["peer"]
    environ = environ_of(asked["headers"], peer)
    resolution = rewrite(environ, settings.policy)
    assert all(map(is_canonical, resolution.client_ips))
    assert environ["REMOTE_ADDR"] == (resolution.client_ip or "")
    assert resolution.client_ip is None or is_canonical(resolution.client_ip)
    parse = {header.says: header.parse for header in KNOWN.values() if header.says != "scheme"}
    parse["scheme"] = KNOWN["x-forwarded-proto"].parse
    for says, value in resolution.believed.items():
        assert parse[says](value) == value


@given(requests())
def test_what_was_cleaned_gives_the_same_result(asked):
    settings, peer = asked["settings"], asked["peer"]
    before = resolved(settings, asked["headers"], peer)
    environ = cleaned(settings, environ_of(asked["headers"], peer))
    again = resolved(
        settings,
        {name: environ[key] for name in NAMES if (key := environ_key(name)) in environ},
        peer,
    )
    # A count needs its entries, and a socket has no address to be written; a
    # second value from the right is the first that is left.
    lost = settings.policy.trust.count and "unix:" in before.nodes[1:]
    if not lost:
        assert (again.client_ip, again.client_ips) == (before.client_ip, before.client_ips)
        k = before.trusted_hops
        assert again.trusted_hops == k - before.nodes[1:k].count("unix:")
    if not lost and asked["n"] == 1:
        assert again.believed == before.believed


@given(requests())
def test_the_client_is_nobody_who_is_trusted(asked):
    settings = asked["settings"]
    resolution = resolved(settings, asked["headers"], asked["peer"])
    nodes, k, stopped = resolution.nodes, resolution.trusted_hops, resolution.stopped
    assert all(settings.policy.trusts(node, hop) for hop, node in enumerate(nodes[:k]))
    if stopped == "untrusted":
        assert len(nodes) == k + 1
        assert not settings.policy.trusts(nodes[-1], k)
    elif stopped == "max_hops":
        assert len(nodes) == k + 1 == settings.policy.max_hops + 1
    elif stopped == "count_not_reached":
        assert (len(nodes), k) == (1, 0)
    else:
        assert len(nodes) == k <= settings.policy.max_hops
    hops = [node for node in nodes[1:] if node != "unix:"]
    assert resolution.client_ips == tuple(hops[::-1])


#: What a naive reader takes of a header: its leftmost entry, or parameter.
NAIVE = {
    "": re.compile(r"[ \t]*([^,]*)").match,
    "client": re.compile(r'for="?\[?([^]",;]*)').search,
    "scheme": re.compile(r"proto=([^,;]*)").search,
    "host": re.compile(r'host="?([^",;]*)').search,
}


@given(requests(), st.dictionaries(st.sampled_from(NAMES), forged))
def test_a_naive_reader_finds_nothing_or_what_is_believed(asked, more):
    settings = asked["settings"]
    environ = environ_of({**more, **asked["headers"]}, asked["peer"])
    resolution = rewrite(environ, settings.policy)
    believed = {**resolution.believed, "client": resolution.client_ip}
    for header in KNOWN.values():
        value = environ.get(header.key)
        if value is None:
            continue
        assert header in [replace(named, n=1) for named in settings.policy.headers.named]
        if header.says == "forwarded":
            for says in ("client", "scheme", "host"):
                found = NAIVE[says](value)
                assert found is None or found[1] == believed[says]
        else:
            says = "client" if header.says == "client list" else header.says
            assert NAIVE[""](value)[1] == believed[says]


hostile = st.one_of(
    st.none(), st.text(max_size=20), attacker_text, st.integers(), st.binary(max_size=4)
)


@given(
    requests(),
    st.dictionaries(
        st.sampled_from(
            "REMOTE_ADDR REMOTE_PORT REMOTE_HOST SERVER_NAME SERVER_PORT SCRIPT_NAME PATH_INFO "
            "wsgi.url_scheme HTTPS uwsgi.version gunicorn.socket".split()
        ),
        hostile,
    ),
    st.dictionaries(
        st.sampled_from(["HTTP_HOST", *map(environ_key, NAMES)]), st.text() | attacker_text
    ),
    st.sets(st.sampled_from(["REMOTE_ADDR", "SERVER_PORT", "SCRIPT_NAME", "wsgi.url_scheme"])),
)
def test_no_environ_makes_it_raise(asked, of_the_server, headers, missing):
    environ = {**environ_of(asked["headers"], asked["peer"]), **of_the_server, **headers}
    for key in missing:
        del environ[key]
    resolution = rewrite(environ, asked["settings"].policy)
    assert environ["wsgi.url_scheme"] in ("http", "https")
    assert environ["REMOTE_ADDR"] == "" or is_canonical(environ["REMOTE_ADDR"])
    assert environ["REMOTE_ADDR"] == (resolution.client_ip or "")


# Hosts that some part of Flask or Werkzeug might stumble over.
labels = st.one_of(
    st.sampled_from(["a" * 63, "a" * 64, "-", "xn--", "xn--bcher-kva", "1", "0x7f", "_"]),
    st.text("abcxyz019-", min_size=1, max_size=8).map("xn--{}".format),
    st.text(max_size=6).map(lambda text: text.encode("punycode").decode()).map("xn--{}".format),
    st.text("aZ0-", max_size=5),
)
strange_hosts = st.builds(
    "{}{}".format,
    st.one_of(
        st.lists(labels, min_size=1, max_size=6).map(".".join),
        st.sampled_from(
            ["[::1]", "[::ffff:192.0.2.1]", "[v1.a]", "[::1%25a]", "1.2", "[", "@"]
        ),
        attacker_text,
    ),
    st.sampled_from(["", ":80", ":443", ":65535", ":0", ":", ":65536", ":\u0661", ":8080"]),
)
own_hosts = st.sampled_from(
    [None, "own.example.com", "own.example.com:8000", "[2001:db8::1]:81"]
)


def an_app(headers: list[str]) -> Flask:
    app = Flask(__name__)
    app.config.update(TRUST_PROXY="10.0.0.0/8", TRUST_PROXY_HEADERS=headers)
    TrustProxy(app)

    @app.get("/page/")
    def page() -> dict[str, str]:
        return {
            "url": request.url,
            "base": request.base_url,
            "root": request.url_root,
            "host": request.host_url,
            "page": url_for("page", _external=True),
            "own": request.host,
        }

    return app


APPS = [an_app([XFF, PROTO, HOST, PORT, PREFIX]), an_app(["Forwarded", PORT, PREFIX])]


@pytest.mark.parametrize("app", APPS, ids=["X-Forwarded-*", "Forwarded"])
@given(
    scheme=schemes | forged,
    host=strange_hosts,
    port=values[PORT] | forged,
    prefix=values[PREFIX]
    | prefixes
    | attacker_text
    | st.lists(attacker_text).map("/{}/".format),
    own=own_hosts,
    mount=st.sampled_from(["", "/own", "/app", "/app/own", "/a b"]),
)
@example("https", "a" * 63 + ":65535", "", "", None, "")
@example("", "", "80", "", "[2001:db8::1]:81", "/own")
@example("https", "xn--strae-oqa.example", "", "", None, "")
@example("http", "xn--bcher-kva", "443", "/app", None, "")
@example("", ".".join(["a" * 63] * 3 + ["a" * 61]) + ":65535", "", "/" + "a" * 254, None, "/b")
def test_no_header_makes_a_url_raise_or_leave_the_host(
    app, scheme, host, port, prefix, own, mount
):
    quoted = host.replace("\\", "\\\\").replace('"', '\\"')
    environ = environ_of(
        {
            XFF: CLIENT,
            PROTO: scheme,
            HOST: host,
            "Forwarded": f'for={CLIENT};proto="{scheme}";host="{quoted}"',
            PORT: port,
            PREFIX: prefix,
        },
        HTTP_HOST=own,
        SCRIPT_NAME=mount,
        QUERY_STRING="a=b",
        **{"wsgi.errors": None},
    )
    if own is None:
        del environ["HTTP_HOST"]
    redirected = {**environ, "PATH_INFO": "/page"}
    environ["PATH_INFO"] = "/page/"

    with app.request_context(dict(environ)):
        urls = page_of(app)
    body, status, _ = run_wsgi_app(app, environ)
    assert status == "200 OK"
    _, status, headers = run_wsgi_app(app, redirected)
    assert status.upper() == "308 PERMANENT REDIRECT"

    resolution = rewrite(environ, app.extensions["trustproxy"].settings.policy)
    origin = f"{resolution.scheme}://{expected_host(resolution, own)}"
    root = unquote(resolution.prefix or "").rstrip("/")
    if not root or mount == root or mount.startswith(f"{root}/"):
        root = mount
    else:
        root += mount
    assert urls == {
        "url": f"{origin}{root}/page/?a=b",
        "base": f"{origin}{root}/page/",
        "root": f"{origin}{root}/",
        "host": f"{origin}/",
        "page": f"{origin}{root}/page/",
        "own": urlsplit(origin).netloc,
    }
    assert unquote(headers["Location"]) == f"{origin}{root}/page/?a=b"


@given(prefix=prefixes, mount=st.sampled_from(["", "/own", "/our team", "/a"]))
@example("/@evil.example.com", "")
@example("/%C2%A0/:80", "/own")
def test_a_believed_prefix_never_changes_the_host_of_a_url(prefix, mount):
    app = APPS[0]
    environ = environ_of(
        {XFF: CLIENT, PROTO: "https", PREFIX: prefix},
        HTTP_HOST="www.example.com",
        SCRIPT_NAME=mount,
        PATH_INFO="/page/",
    )
    with app.request_context(environ):
        rewritten = request.environ["SCRIPT_NAME"]
        for url in (*app.view_functions["page"]().values(), request.script_root):
            if "://" in url:
                assert url.startswith("https://www.example.com/")
        path = url_for("page")
        assert path[0] == "/" != path[1]
        assert (
            unquote(url_for("page", _external=True))
            == f"https://www.example.com{unquote(path)}"
        )
        assert unquote(urlsplit(request.url).path) == unquote(path)
        again = {**request.environ, "HTTP_X_FORWARDED_PREFIX": prefix, "REMOTE_ADDR": PEER}
    again = {key: again[key] for key in again if not key.startswith("flask_trustproxy.")}
    rewrite(again, app.extensions["trustproxy"].settings.policy)
    assert again["SCRIPT_NAME"] == rewritten


def page_of(app: Flask) -> dict[str, str]:
    """The URLs of a page, with the host in its ASCII form and the path decoded."""
    urls = app.view_functions["page"]().items()
    return {name: unquote(in_ascii(url) if "//" in url else url) for name, url in urls}


def in_ascii(url: str) -> str:
    """A URL with each label of its host as a Host header has it."""
    netloc = urlsplit(url).netloc
    name, port = split_host(netloc)
    labels = [
        label if label.isascii() else label.encode("idna").decode() for label in name.split(".")
    ]
    written = ".".join(labels) + (f":{port}" if port else "")
    return url.replace(netloc, written, 1)


def expected_host(resolution: Resolution, own: str | None) -> str:
    """The host that URLs have: the believed one, else the client's or the server's."""
    default = {"http": "80", "https": "443"}[resolution.scheme]
    served = "127.0.0.1" if "scheme" in resolution.believed else "127.0.0.1:8000"
    name, port = split_host(parse_host(resolution.host or own or served) or "")
    port = str(resolution.port or port)
    return name if port in ("", default) else f"{name}:{port}"
