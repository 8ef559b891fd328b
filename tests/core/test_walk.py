"""The walk: who the client is, why it stopped there, and what is believed."""

from __future__ import annotations

import pytest

from flask_trustproxy.core import addresses as module
from flask_trustproxy.core.addresses import parse_node
from flask_trustproxy.core.forwarded import list_comma
from flask_trustproxy.core.headers import KNOWN
from flask_trustproxy.core.resolution import Hop, Ignored, resolve
from flask_trustproxy.core.walk import make_walk
from helpers import CLIENT, PEER, TRUSTED, Watched, keyed, resolved, settings_of

XFF, PROTO, HOST = "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"
SINGLE = [header.name for header in KNOWN.values() if header.kind == "address"]
SCHEMES = [header.name for header in KNOWN.values() if header.says == "scheme"]


def trusts_private(address: str, hop: int) -> bool:
    return address.startswith("10.")


@pytest.mark.parametrize(
    ("peer", "nodes", "max_hops", "result"),
    [
        pytest.param(CLIENT, (), 9, ([CLIENT], 0, "untrusted"), id="an untrusted peer"),
        pytest.param(PEER, (CLIENT,), 9, ([PEER, CLIENT], 1, "untrusted"), id="one proxy"),
        pytest.param(
            PEER,
            ("10.0.0.3", CLIENT),
            9,
            ([PEER, "10.0.0.3", CLIENT], 2, "untrusted"),
            id="two proxies",
        ),
        pytest.param(PEER, ("",), 9, ([PEER], 1, "not_an_address"), id="no address"),
        pytest.param(
            PEER,
            ("10.0.0.3", ""),
            9,
            ([PEER, "10.0.0.3"], 2, "not_an_address"),
            id="no address further on",
        ),
        pytest.param(
            PEER, ("10.0.0.3",), 1, ([PEER, "10.0.0.3"], 1, "max_hops"), id="one hop at most"
        ),
        pytest.param(
            PEER, (CLIENT,), 1, ([PEER, CLIENT], 1, "untrusted"), id="the last allowed"
        ),
    ],
)
@pytest.mark.parametrize("known", [(), (PEER, "10.0.0.3")], ids=["none known", "known hops"])
def test_reads_nothing_left_of_the_client(peer, nodes, max_hops, result, known):
    written = "".join(f", {node}" for node in reversed(nodes))
    value = Watched(f"10.0.0.6{written}")
    walk = make_walk(trusts_private, max_hops, list_comma, known)
    behind, trusted, stopped = walk(peer, value, parse_node)
    assert ([peer, *behind], trusted, stopped) == result
    assert value.lowest == len(value) - len(written)


def test_ends_with_the_list():
    walk = make_walk(trusts_private, 9, list_comma)
    assert walk(PEER, "10.0.0.3", parse_node) == (["10.0.0.3"], 2, "end")


def test_a_long_list_of_trusted_hops_ends_at_the_limit():
    value = Watched("10.0.0.3," * 999 + "10.0.0.3")
    walk = make_walk(trusts_private, 16, list_comma)
    behind, trusted, stopped = walk(PEER, value, parse_node)
    assert (len(behind), trusted, stopped) == (16, 16, "max_hops")
    assert value.lowest == len(value) - len(",10.0.0.3" * 16)


def test_a_proxy_that_is_known_is_not_read_again(monkeypatch):
    settings, headers = settings_of(), {XFF: "10.0.0.4, 10.0.0.3"}
    first = resolved(settings, headers)
    for reader in ("_pack_ipv4", "_pack_ipv6"):
        monkeypatch.setattr(module, reader, lambda text: pytest.fail(text))
    assert resolve(settings.policy, PEER, "http", keyed(headers)) == first


def test_an_address_alone_is_no_element():
    for trust, k in (TRUSTED, 1), (True, 1):
        settings = settings_of(trust, "Forwarded")
        resolved(settings, {"Forwarded": "for=10.0.0.3"})  # known from now on
        resolution = resolved(settings, {"Forwarded": f"for={CLIENT}, 10.0.0.3"})
        assert (resolution.nodes, resolution.trusted_hops) == ((PEER,), k)
        assert resolution.stopped == "not_an_address"


def rows(*rows: tuple[object, ...]):
    return [pytest.param(*row, id=sentence) for sentence, *row in rows]


@pytest.mark.parametrize(
    ("value", "client_ips", "k", "stopped"),
    rows(
        ("a forged prefix is not read", f"6.6.6.6, {CLIENT}", [CLIENT], 1, "untrusted"),
        ("nor a forged proxy", f"6.6.6.6, 10.9.9.9,{CLIENT}", [CLIENT], 1, "untrusted"),
        ("two proxies", f"x, {CLIENT}, 10.0.0.3", [CLIENT, "10.0.0.3"], 2, "untrusted"),
        ("all trusted", "10.0.0.4, 10.0.0.3", ["10.0.0.4", "10.0.0.3"], 3, "end"),
        ("never past junk", f"{CLIENT}, junk, 10.0.0.3", ["10.0.0.3"], 2, "not_an_address"),
        ("junk at once", f"{CLIENT}, unknown", [], 1, "not_an_address"),
        ("an empty entry", f"{CLIENT},,10.0.0.3", ["10.0.0.3"], 2, "not_an_address"),
        ("a comma behind the last", f"{CLIENT}, ", [], 1, "not_an_address"),
        ("a comma alone", ",", [], 1, "not_an_address"),
        ("a comma before the first", ",10.0.0.3", ["10.0.0.3"], 2, "not_an_address"),
        ("a letter alone", "X", [], 1, "not_an_address"),
        ("other white space alone", "\xa0", [], 1, "not_an_address"),
        ("a blank header", " \t", [], 1, "end"),
        ("no header", None, [], 1, "end"),
        ("a port", f"{CLIENT}:4711", [CLIENT], 1, "untrusted"),
        ("a proxy with a port", f"{CLIENT}, 10.0.0.3:80", [CLIENT, "10.0.0.3"], 2, "untrusted"),
        ("IPv6 in brackets", "[2001:DB8::1]:4711", ["2001:db8::1"], 1, "untrusted"),
        ("IPv6 with a zone", "fe80::1%eth0", ["fe80::1"], 1, "untrusted"),
        ("a mapped proxy", f"{CLIENT}, ::ffff:10.0.0.3", [CLIENT, "10.0.0.3"], 2, "untrusted"),
        ("a mapped client", f"::ffff:{CLIENT}", [CLIENT], 1, "untrusted"),
        ("a socket", f"{CLIENT}, unix:", [CLIENT], 2, "untrusted"),
        ("sockets alone", "unix:, unix:", [], 3, "end"),
        ("behind a socket junk", "junk, unix:, 10.0.0.3", ["10.0.0.3"], 3, "not_an_address"),
        ("no socket in another case", f"{CLIENT}, UNIX:", [], 1, "not_an_address"),
        ("leading zeros", "010.0.0.3", [], 1, "not_an_address"),
        ("a number", "167772163", [], 1, "not_an_address"),
        ("other digits", "\u0661.2.3.4", [], 1, "not_an_address"),
        ("other white space", f"\xa0{CLIENT}", [], 1, "not_an_address"),
        ("quotes", f'"{CLIENT}"', [], 1, "not_an_address"),
    ),
)
def test_a_list(value, client_ips, k, stopped):
    resolution = resolved(settings_of(), {} if value is None else {XFF: value})
    assert resolution.client_ips == tuple(client_ips)
    assert resolution.client_ip == (client_ips[0] if client_ips else PEER)
    assert (resolution.trusted_hops, resolution.stopped) == (k, stopped)


@pytest.mark.parametrize(
    ("trust", "peer", "value", "client_ip", "client_ips"),
    rows(
        ("an untrusted peer", "10.0.0.0/8", CLIENT, "6.6.6.6", CLIENT, []),
        ("nobody", False, PEER, "6.6.6.6", PEER, []),
        ("everybody", True, PEER, f"6.6.6.6, {CLIENT}", "6.6.6.6", ["6.6.6.6", CLIENT]),
        ("everybody stops at text", True, PEER, f"x, {CLIENT}", CLIENT, [CLIENT]),
        ("everybody, and a peer of text", True, "?", CLIENT, CLIENT, [CLIENT]),
        ("a peer of text", "10.0.0.0/8, unix", "?", CLIENT, None, []),
        ("a socket in front", "unix", "unix:", CLIENT, CLIENT, [CLIENT]),
        ("a socket is not trusted", "10.0.0.0/8", "unix:", CLIENT, None, []),
        ("a client on a socket", "10.0.0.0/8", PEER, "1.2.3.4, unix:", PEER, []),
        (
            "a client on a socket behind a proxy",
            "10.0.0.0/8",
            PEER,
            "1.2.3.4, unix:, 10.0.0.3",
            "10.0.0.3",
            ["10.0.0.3"],
        ),
        ("sockets all the way", "unix", "unix:", "unix:", None, []),
    ),
)
def test_whom_to_trust(trust, peer, value, client_ip, client_ips):
    resolution = resolved(settings_of(trust), {XFF: value}, peer)
    assert (resolution.client_ip, resolution.client_ips) == (client_ip, tuple(client_ips))


@pytest.mark.parametrize(
    ("count", "value", "client_ips", "k", "stopped"),
    rows(
        ("0 hops", 0, CLIENT, [], 0, "untrusted"),
        ("1 hop", 1, f"6.6.6.6, {CLIENT}", [CLIENT], 1, "untrusted"),
        ("2 hops", 2, f"6.6.6.6, {CLIENT}, 192.0.2.1", [CLIENT, "192.0.2.1"], 2, "untrusted"),
        ("2 hops, 1 entry", 2, CLIENT, [], 0, "count_not_reached"),
        ("1 hop, none", 1, None, [], 0, "count_not_reached"),
        ("1 hop, a blank header", 1, " ", [], 0, "count_not_reached"),
        ("text where the client was", 1, f"{CLIENT}, x", [], 0, "count_not_reached"),
        ("text on the way", 2, f"{CLIENT}, x", [], 0, "count_not_reached"),
        ("text left of the client", 1, f"x, {CLIENT}", [CLIENT], 1, "untrusted"),
        ("an empty entry is counted", 2, f"{CLIENT}, , 192.0.2.1", [], 0, "count_not_reached"),
        ("a socket on the way", 2, f"{CLIENT}, unix:", [CLIENT], 2, "untrusted"),
        ("a socket is the client", 2, "unix:, 192.0.2.1", ["192.0.2.1"], 2, "untrusted"),
        ("a socket alone", 1, "unix:", [], 1, "untrusted"),
        ("as many as the limit", 16, ",".join([CLIENT] * 17), [CLIENT] * 16, 16, "untrusted"),
    ),
)
def test_a_count(count, value, client_ips, k, stopped):
    headers = {PROTO: "https"} if value is None else {XFF: value, PROTO: "https"}
    resolution = resolved(settings_of(count), headers)
    assert resolution.client_ips == tuple(client_ips)
    assert (resolution.trusted_hops, resolution.stopped) == (k, stopped)
    assert resolution.scheme == ("https" if k else "http")


def test_a_count_without_a_client_header_is_k():
    resolution = resolved(settings_of(2, f"{HOST}:2"), {HOST: "a.example, b.example"})
    assert (resolution.trusted_hops, resolution.host) == (2, "a.example")
    assert (resolution.client_ip, resolution.client_ips) == (PEER, ())
    assert resolved(settings_of(0, HOST), {HOST: "a.example"}).host is None


def test_no_client_header():
    settings = settings_of(headers=PROTO)
    trusted = resolved(settings, {XFF: CLIENT, PROTO: "https"})
    assert (trusted.client_ip, trusted.scheme, trusted.trusted_hops) == (PEER, "https", 1)
    untrusted = resolved(settings, {XFF: "6.6.6.6", PROTO: "https"}, CLIENT)
    assert (untrusted.client_ip, untrusted.scheme) == (CLIENT, "http")


def test_no_header_at_all():
    resolution = resolved(settings_of(headers="none"), {XFF: CLIENT, PROTO: "https"})
    assert (resolution.client_ip, resolution.client_ips) == (PEER, ())
    assert (resolution.nodes, resolution.trusted_hops) == ((PEER,), 1)
    assert (resolution.stopped, resolution.scheme, resolution.ignored) == ("end", "http", ())


def test_a_callable_is_asked_once_about_each_hop():
    asked = []

    def trusts(address: str, hop: int) -> bool:
        asked.append((address, hop))
        return hop < 4

    value = f"6.6.6.6, {CLIENT}, [2001:DB8::1]:80, unix:, ::ffff:10.0.0.3"
    resolution = resolved(settings_of(trusts), {XFF: value, PROTO: "https"}, "::FFFF:10.0.0.2")
    assert asked == [
        ("10.0.0.2", 0),
        ("10.0.0.3", 1),
        ("unix:", 2),
        ("2001:db8::1", 3),
        (CLIENT, 4),
    ]
    assert resolution.client_ips == (CLIENT, "2001:db8::1", "10.0.0.3")


def test_a_callable_is_asked_about_no_address_nobody_has():
    settings = settings_of(lambda address, hop: pytest.fail("asked"))
    assert resolved(settings, {XFF: CLIENT}, "?").client_ip is None


@pytest.mark.parametrize("answer", [None, 1, 0, "yes", "", [PEER]])
def test_a_callable_answers_true_or_false(answer):
    with pytest.raises(TypeError, match=r"expected True or False$"):
        resolved(settings_of(lambda address, hop: answer), {})


def test_what_a_callable_raises_propagates():
    def trusts(address: str, hop: int) -> bool:
        raise LookupError(address)

    with pytest.raises(LookupError, match="10.0.0.2"):
        resolved(settings_of(trusts), {XFF: CLIENT})


@pytest.mark.parametrize("name", [*SINGLE, "X-Acme-Client=address"])
@pytest.mark.parametrize(
    ("value", "client_ip", "stopped"),
    rows(
        ("one address", f" {CLIENT}\t", CLIENT, "untrusted"),
        ("one address with a port", f"{CLIENT}:80", CLIENT, "untrusted"),
        ("a trusted one", "10.0.0.9", "10.0.0.9", "untrusted"),
        ("two", f"6.6.6.6, {CLIENT}", PEER, "not_an_address"),
        ("the same twice", f"{CLIENT},{CLIENT}", PEER, "not_an_address"),
        ("one and an empty one", f"{CLIENT},", PEER, "not_an_address"),
        ("text", "unknown", PEER, "not_an_address"),
        ("a letter in front", f"X{CLIENT}", PEER, "not_an_address"),
        ("other white space", f"\xa0{CLIENT}", PEER, "not_an_address"),
        ("a socket", "unix:", PEER, "untrusted"),
        ("a blank value", " ", PEER, "end"),
    ),
)
def test_a_header_of_one_address(name, value, client_ip, stopped):
    header, _, _ = name.partition("=")
    resolution = resolved(settings_of(headers=[name]), {header: value, XFF: "6.6.6.6"})
    assert (resolution.client_ip, resolution.stopped) == (client_ip, stopped)
    assert resolution.trusted_hops == 1
    assert resolution.client_ips == ((client_ip,) if client_ip != PEER else ())
    assert resolved(settings_of(headers=[name]), {header: value}, CLIENT).client_ips == ()


def test_one_address_asks_about_the_peer_alone():
    asked = []

    def trusts(address: str, hop: int) -> bool:
        asked.append((address, hop))
        return True

    for trust, asked_about in (trusts, [(PEER, 0)]), (True, []), (1, []):
        resolution = resolved(settings_of(trust, "X-Real-IP"), {"X-Real-IP": "10.0.0.9"})
        assert (resolution.client_ips, resolution.trusted_hops) == (("10.0.0.9",), 1)
        assert asked == asked_about
        asked.clear()


@pytest.mark.parametrize("name", SCHEMES)
def test_every_name_that_says_the_scheme(name):
    header = KNOWN[name.lower()]
    on, off = header.write("https"), header.write("http")
    two = settings_of(headers=f"{XFF}, {name}:2")
    one = settings_of(headers=f"{XFF}, {name}")
    chain = {XFF: f"{CLIENT}, 10.0.0.3"}
    for says, scheme in (on, "https"), (off, "http"):
        assert resolved(one, {XFF: CLIENT, name: says}).scheme == scheme
        assert resolved(one, {XFF: CLIENT, name: f"x, {says}\t"}).scheme == scheme
        assert resolved(two, {**chain, name: f"x, {says}, x"}).scheme == scheme
        # k is 1, though two values are there
        assert resolved(two, {XFF: CLIENT, name: f"{says}, {says}"}).believed == {}
        assert resolved(one, {XFF: CLIENT, name: says}, CLIENT).believed == {}
    for bad in ("", "x", f"{on}x", f'"{on}"', f"{on}, ", f"{on} {on}", f"{on};", "2"):
        assert resolved(one, {XFF: CLIENT, name: bad}, scheme="https").believed == {}
    assert resolved(two, {**chain, name: on}).believed == {}


@pytest.mark.parametrize(
    ("text", "scheme"), [("ws", "http"), ("WSS", "https"), ("wss, ws", "http")]
)
def test_the_scheme_of_a_web_socket(text, scheme):
    assert resolved(settings_of(), {PROTO: text}).believed == {"scheme": scheme}


@pytest.mark.parametrize(
    ("value", "client_ips", "believed"),
    rows(
        (
            "the client's element says it",
            f"for=6.6.6.6;proto=http;host=evil, for={CLIENT};proto=https;host=a.example",
            [CLIENT],
            {"scheme": "https", "host": "a.example"},
        ),
        (
            "not the elements to its right",
            f"for={CLIENT};proto=https, for=10.0.0.3;proto=http;host=inner.example",
            [CLIENT, "10.0.0.3"],
            {"scheme": "https"},
        ),
        (
            "the element whose node ended the walk says it",
            "for=6.6.6.6;proto=http, for=_hidden;proto=https, for=10.0.0.3;proto=http",
            ["10.0.0.3"],
            {"scheme": "https"},
        ),
        ("a malformed element says nothing", "for=1.2.3.4;proto=https;proto=https", [], {}),
        ("an element without a node", "for=1.2.3.4, proto=https", [], {"scheme": "https"}),
        ("a bad host is not set", f'for={CLIENT};host="a/b";proto=ftp', [CLIENT], {}),
        ("an empty header", "", [], {}),
        ("a blank header", " \t", [], {}),
    ),
)
def test_forwarded(value, client_ips, believed):
    resolution = resolved(settings_of(headers="Forwarded"), {"Forwarded": value})
    assert (resolution.client_ips, resolution.believed) == (tuple(client_ips), believed)
    untrusted = resolved(settings_of(headers="Forwarded"), {"Forwarded": value}, CLIENT)
    assert (untrusted.client_ips, untrusted.believed) == ((), {})


def test_forwarded_of_the_hop_at_the_limit():
    settings = settings_of(headers="Forwarded", max_hops=1)
    value = "for=6.6.6.6;proto=http, for=10.0.0.3;proto=https"
    resolution = resolved(settings, {"Forwarded": value})
    assert (resolution.client_ip, resolution.scheme) == ("10.0.0.3", "https")
    assert resolution.stopped == "max_hops"


def test_a_resolution_in_full():
    names = [XFF, f"{PROTO}:2", HOST, "X-Forwarded-Port", "X-Forwarded-Prefix"]
    values = {
        XFF: f"6.6.6.6, {CLIENT}, unix:",
        PROTO: "https, http",
        HOST: "evil.example, Own.Example:8443",
        "X-Forwarded-Port": "443, 8443",
        "X-Forwarded-Prefix": "/app/",
    }
    settings = settings_of(headers=names)
    resolution = resolved(settings, values)
    assert resolution.hops == [Hop(0, PEER, True), Hop(1, None, True), Hop(2, CLIENT, False)]
    assert resolution.nodes == (PEER, "unix:", CLIENT)
    assert resolution.believed == {
        "scheme": "https",
        "host": "own.example:8443",
        "port": "8443",
        "prefix": "/app",
    }
    assert (resolution.host, resolution.port) == ("own.example:8443", 8443)
    assert (resolution.prefix, resolution.scheme) == ("/app", "https")
    assert resolution.ignored == ()
    assert resolution.policy is settings.policy
    nothing = resolved(settings, {})
    assert (nothing.host, nothing.port, nothing.prefix) == (None, None, None)


@pytest.mark.parametrize(
    ("trust", "headers", "values", "ignored"),
    rows(
        (
            "an untrusted peer",
            "192.0.2.1",
            f"{XFF}, {PROTO}",
            {XFF: "x, y", PROTO: "https"},
            [(XFF, "x, y", "the peer is not trusted")]
            + [(PROTO, "https", "the peer is not trusted")],
        ),
        (
            "a count that is not reached",
            2,
            f"{XFF}, {PROTO}",
            {XFF: CLIENT, PROTO: "https"},
            [(XFF, CLIENT, "the list does not reach the count")]
            + [(PROTO, "https", "the list does not reach the count")],
        ),
        (
            "the entry that ended the walk",
            "10.0.0.0/8",
            XFF,
            {XFF: "a, b, 10.0.0.3"},
            [(XFF, "b", "no address, so the walk ends")],
        ),
        (
            "the element that ended the walk",
            "10.0.0.0/8",
            "Forwarded",
            {"Forwarded": 'for="x,y";proto=z'},
            [("Forwarded", 'for="x,y";proto=z', "no address, so the walk ends")]
            + [("Forwarded proto", "z", "no scheme")],
        ),
        (
            "more than one address",
            "10.0.0.0/8",
            "X-Real-IP",
            {"X-Real-IP": "1.2.3.4, 1.2.3.4"},
            [("X-Real-IP", "1.2.3.4, 1.2.3.4", "no address, so the walk ends")],
        ),
        (
            "a value that is none",
            "10.0.0.0/8",
            f"{XFF}, {PROTO}, {HOST}",
            {PROTO: "gopher", HOST: "a.example, "},
            [(PROTO, "gopher", "no scheme"), (HOST, "", "no host")],
        ),
        (
            "too few hops",
            "10.0.0.0/8",
            f"{XFF}, {HOST}:2",
            {XFF: CLIENT, HOST: "a.example, b.example"},
            [(HOST, "a.example, b.example", "only 1 hops are trusted")],
        ),
        (
            "too few values",
            "10.0.0.0/8",
            f"{XFF}, {HOST}:2",
            {XFF: f"{CLIENT}, 10.0.0.3", HOST: "a.example"},
            [(HOST, "a.example", "no value 2 from the right")],
        ),
        ("headers that are not named", "10.0.0.0/8", XFF, {PROTO: "https"}, []),
    ),
)
def test_what_was_ignored_and_why(trust, headers, values, ignored):
    resolution = resolved(settings_of(trust, headers), values)
    assert resolution.ignored == tuple(Ignored(*row) for row in ignored)


@pytest.mark.parametrize(
    ("name", "honest", "peer"),
    rows(
        ("a list", XFF, f"{CLIENT}, 10.0.0.3", PEER),
        ("Forwarded", "Forwarded", f'for={CLIENT};host="a,b", for="10.0.0.3"', PEER),
        ("an untrusted peer", XFF, CLIENT, CLIENT),
        ("Forwarded of an untrusted peer", "Forwarded", "for=x", CLIENT),
        ("text", XFF, "unknown", PEER),
    ),
)
def test_what_a_client_writes_costs_nothing(name, honest, peer):
    def looked(forged: str) -> int:
        value = Watched(f"{forged}, {honest}")
        resolve(settings_of(headers=name).policy, peer, "http", keyed({name: value}))
        return value.looked

    short = looked("6.6.6.6")
    for pattern in ("x", "10.0.0.9, ", 'for="', "for=10.0.0.9,", "\\", ","):
        assert looked(pattern * (65536 // len(pattern))) == short
    assert short <= 4 * len(honest) + 8
