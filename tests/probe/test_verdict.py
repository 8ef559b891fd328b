"""What the probe concludes of what came back, and what it recommends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import settings as hsettings
from hypothesis import strategies as st

from flask_trustproxy.probe.observations import Url

from .worlds import (
    APPENDS,
    DECIDED,
    DEEP,
    EDGE,
    INNER,
    JOINS,
    ORIGIN,
    PROBER,
    SETS,
    VERIFIED,
    Proxy,
    World,
)


@pytest.mark.parametrize(
    ("world", "verdict", "client", "chain"),
    [
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="one proxy that appends, and is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, SETS),), {"trust": EDGE}),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="one proxy that replaces",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": f"{EDGE}, {INNER}"}),
            "safe",
            PROBER,
            [PROBER, EDGE, INNER],
            id="two proxies, both trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": INNER}),
            "misconfigured",
            EDGE,
            [PROBER, EDGE, INNER],
            id="two proxies, one trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": 3}),
            "forgeable",
            INNER,
            [PROBER, EDGE, INNER],
            id="two proxies and a count of three",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": True}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="everybody is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": "0.0.0.0/0"}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="every address is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE),), {"trust": EDGE}),
            "forgeable",
            EDGE,
            [EDGE],
            id="a proxy that passes everything on",
        ),
        pytest.param(
            World((Proxy(INNER),), {"trust": False}),
            "misconfigured",
            INNER,
            [INNER],
            id="a proxy that passes everything on, and is not trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, {"X-Forwarded-For": "absent"}),), {"trust": EDGE}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="a proxy that writes where nothing stands",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": f"{EDGE}, {PROBER}"}),
            "inconclusive",
            PROBER,
            [PROBER, EDGE],
            id="the prober is trusted",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),),
                {"trust": lambda address, hop: address in (EDGE, PROBER)},
            ),
            "inconclusive",
            PROBER,
            [PROBER, EDGE],
            id="the prober is trusted by a callable",
        ),
        pytest.param(
            World((Proxy(EDGE, JOINS),), {"trust": f"{EDGE}, {PROBER}"}),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="the prober is trusted, and anybody can forge the scheme",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, refuses=("X-Forwarded-For",)),
            "inconclusive",
            PROBER,
            [PROBER, EDGE],
            id="a canary in a believed header was refused",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),), {"trust": EDGE}, refuses=("Forwarded", "Connection")
            ),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="canaries in other headers were refused",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, SETS)), {"trust": f"{EDGE}, {INNER}"}),
            "misconfigured",
            EDGE,
            [EDGE, INNER],
            id="the inner proxy loses the client",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),),
                {"trust": EDGE},
                url=Url("https", "www.example.com", ""),
            ),
            "safe",
            PROBER,
            [PROBER, EDGE],
            id="https at the proxy",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, JOINS),), {"trust": EDGE}, url=Url("https", "www.example.com", "")
            ),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="https that the client may say, and the proxy does not",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS, "internal"),), {"trust": EDGE}),
            "misconfigured",
            PROBER,
            [PROBER, EDGE],
            id="an internal host",
        ),
        pytest.param(World((), {"trust": "loopback"}), "safe", PROBER, [PROBER], id="no proxy"),
        pytest.param(
            World((), {"trust": True}),
            "forgeable",
            PROBER,
            [PROBER],
            id="no proxy, all trusted",
        ),
        pytest.param(
            World((), {}, prober="127.0.0.1", here=("127.0.0.1", 50000), there="127.0.0.1"),
            "inconclusive",
            "127.0.0.1",
            ["127.0.0.1"],
            id="no proxy, on the app's own machine",
        ),
        pytest.param(
            World((Proxy("unix:", APPENDS),), {"trust": "unix"}),
            "safe",
            PROBER,
            [PROBER, "unix:"],
            id="a proxy on a unix-domain socket",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, folds=True),
            "forgeable",
            PROBER,
            [PROBER, EDGE],
            id="a server that takes underscores for hyphens",
        ),
        pytest.param(
            World(
                (Proxy("172.18.0.2", APPENDS),),
                {"trust": "172.18.0.2"},
                prober="172.18.0.1",
                here=("127.0.0.1", 50000),
                there="127.0.0.1",
            ),
            "safe",
            "172.18.0.1",
            ["172.18.0.1", "172.18.0.2"],
            id="an address that was translated on the way into a container",
        ),
    ],
)
def test_verdicts(world, verdict, client, chain):
    report = world.probe()
    assert (report.verdict, report.client_ip, report.chain) == (verdict, client, chain)
    assert report.requests <= 65
    assert (report.forged != []) == (verdict == "forgeable")


def to_client(environ):
    """As uvicorn and Tornado do: the last entry of the list becomes the peer."""
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", environ["REMOTE_ADDR"])
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = forwarded.split(", ")[-1], "0"


def to_client_and_remove(environ):
    """As Apache's mod_remoteip does: the list is gone too."""
    to_client(environ)
    environ.pop("HTTP_X_FORWARDED_FOR", None)


# Another port: the connection to the app is not the prober's.
LOCAL = {"prober": "127.0.0.1", "here": ("127.0.0.1", 50001), "there": "127.0.0.1"}
REFUSES = "TRUST_PROXY_REQUIRED answers 403 to an honest request that came this way."
TRUSTS_NONE = "The app trusts no hop, though a proxy is there: it treats its peer, "


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        pytest.param(
            World((Proxy("127.0.0.1", APPENDS),), {"trust": False}, **LOCAL),
            f"{TRUSTS_NONE}127.0.0.1, as the client",
            id="the proxy is not trusted, and shares a machine with the prober",
        ),
        pytest.param(
            World(
                (Proxy("::1", APPENDS),),
                {"trust": "10.0.0.1"},
                prober="::1",
                here=("::1", 50001),
                there="::1",
            ),
            f"{TRUSTS_NONE}::1, as the client",
            id="the same over IPv6",
        ),
        pytest.param(
            World((Proxy("unix:", APPENDS),), {"trust": "10.0.0.1"}),
            f"{TRUSTS_NONE}a unix-domain socket, as the client",
            id="the proxy's socket is not trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": "10.0.0.1", "required": True}),
            REFUSES,
            id="REQUIRED refuses the honest request",
        ),
        pytest.param(
            World((), {"trust": "10.0.0.1", "required": True}),
            REFUSES,
            id="REQUIRED refuses a prober that no proxy is in front of",
        ),
        pytest.param(
            World((Proxy(INNER, APPENDS),), {"trust": "loopback"}, decides=to_client),
            DECIDED,
            id="the server made the client the peer",
        ),
        pytest.param(
            World((Proxy(INNER, APPENDS),), {"trust": 1}, decides=to_client),
            DECIDED,
            id="the server made the client the peer, and the app counts",
        ),
        pytest.param(
            World(
                (Proxy(INNER, APPENDS),), {"trust": "loopback"}, decides=to_client_and_remove
            ),
            DECIDED,
            id="the server made the client the peer, and removed the header",
        ),
    ],
)
def test_never_safe_but_misconfigured_with_the_reason(world, reason):
    report = world.probe()
    assert (report.verdict, report.forged) == ("misconfigured", [])
    assert [told.startswith(reason) for told in report.reasons].count(True) == 1
    if reason == DECIDED:
        assert report.recommend.settings() == {}


def test_an_open_path_of_required_is_not_refused():
    settings = {"trust": EDGE, "required": "/"}
    assert World((Proxy(EDGE, APPENDS),), settings).probe().verdict == "safe"


SHOP = Url("http", "www.example.com", "", "/shop/x")


@pytest.mark.parametrize(
    ("url", "path", "wrong"),
    [
        pytest.param(SHOP, "/x", [("prefix", "", "/shop")], id="a prefix that is lost"),
        pytest.param(SHOP, "", [("prefix", "", "/shop/x")], id="all of the path is lost"),
        pytest.param(SHOP, "/shop/x", [], id="no prefix"),
        pytest.param(SHOP, "/elsewhere", [], id="a path that was rewritten"),
        pytest.param(SHOP, "/op/x", [], id="a rewritten path that ends alike"),
        pytest.param(
            SHOP._replace(path="/shop/"), "/", [("prefix", "", "/shop")], id="its root"
        ),
        pytest.param(SHOP._replace(path="/"), "", [], id="an empty path"),
    ],
)
def test_a_lost_prefix_is_misconfigured(url, path, wrong):
    report = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, url, path=path).probe()
    assert [each[:3] for each in report.misconfigured] == wrong
    assert report.verdict == ("misconfigured" if wrong else "safe")
    assert any("X-Forwarded-Prefix" in fix for fix in report.fixes) == bool(wrong)


def test_a_prefix_that_a_header_says_is_recommended_and_makes_it_safe():
    proxy = Proxy(EDGE, {**APPENDS, "X-Forwarded-Prefix": "set"})
    url = Url("http", "www.example.com", "", "/app/x")
    world = World((proxy,), {"trust": EDGE}, url, path="/x")
    report = world.probe()
    assert [each[:3] for each in report.misconfigured] == [("prefix", "", "/app")]
    assert report.recommend.headers == (
        "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Prefix"
    )
    assert world.with_(report.recommend).probe().verdict == "safe"


HTTPS = Url("https", "www.example.com", "")
#: A proxy that ends TLS, and says nothing of it.
MUTE = Proxy(EDGE, {"X-Forwarded-For": "append", "X-Forwarded-Proto": "drop"})


def test_an_unset_scheme_is_wrong_and_told():
    report = World((MUTE,), {"trust": EDGE}, HTTPS).probe()
    assert report.verdict == "misconfigured"
    assert [wrong[:3] for wrong in report.misconfigured] == [("scheme", "http", "https")]
    assert report.fixes[0] == (
        "No proxy says for certain that this is https. Have the outermost one write "
        "X-Forwarded-Proto, and the others pass it on. If all your clients use https, "
        "TRUST_PROXY_SCHEME = 'https' does it without a header."
    )


def test_settings_that_would_make_a_fault_permanent_wait_for_the_proxy():
    world = World((MUTE,), {"trust": EDGE}, HTTPS)
    first = world.probe().recommend
    # Without the header, the scheme would be wrong for ever.
    assert first.headers == "X-Forwarded-For, X-Forwarded-Proto"
    assert first.when == "after_proxy_change"
    second = world.after_proxy_change().with_(first).probe()
    assert (second.verdict, second.recommend.when) == ("safe", "now")


@pytest.mark.parametrize("headers", ["X-Forwarded-For", "X-Forwarded-For, X-Forwarded-Proto"])
def test_a_scheme_that_a_setting_says_needs_no_header(headers):
    settings = {"trust": EDGE, "scheme": "https", "headers": headers}
    report = World((MUTE,), settings, HTTPS).probe()
    assert report.verdict == "safe"
    assert not any("scheme" in fix or "X-Forwarded-Proto" in fix for fix in report.fixes)
    assert (report.recommend.headers, report.recommend.when) == ("X-Forwarded-For", "now")


@pytest.mark.parametrize(
    ("world", "when"),
    [
        pytest.param(World((Proxy(EDGE, APPENDS),), {"trust": False}), "now", id="trust alone"),
        pytest.param(
            World((Proxy(EDGE, JOINS),), {"trust": EDGE}),
            "now",
            id="a header that is passed on, and not needed",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS, "internal"),), {"trust": EDGE}),
            "after_proxy_change",
            id="the host is lost",
        ),
        pytest.param(
            World((), {"trust": "loopback"}), "if_direct", id="no proxy, or one that is silent"
        ),
        pytest.param(
            World((), {"trust": "loopback"}, here=(PROBER, 50000)),
            "now",
            id="certainly no proxy",
        ),
    ],
)
def test_when_the_settings_may_be_written(world, when):
    assert world.probe().recommend.when == when


@pytest.mark.parametrize(
    ("url", "host"),
    [
        pytest.param(Url("http", "www.example.com", "8080"), "", id="a port that arrives"),
        pytest.param(
            Url("https", "www.example.com", ""), "", id="the scheme's own port, not told"
        ),
        pytest.param(Url("https", "www.example.com", ""), "www.example.com:443", id="and told"),
    ],
)
def test_a_port_that_is_right(url, host):
    proxy = Proxy(EDGE, APPENDS, host)
    assert World((proxy,), {"trust": EDGE}, url).probe().misconfigured == []


def test_a_port_that_is_lost():
    proxy = Proxy(EDGE, APPENDS, "www.example.com")
    report = World((proxy,), {"trust": EDGE}, Url("http", "www.example.com", "8080")).probe()
    assert [wrong[:3] for wrong in report.misconfigured] == [("port", "", "8080")]


@pytest.mark.parametrize(
    ("does", "headers"),
    [
        pytest.param(APPENDS, "X-Forwarded-For, X-Forwarded-Proto", id="the default"),
        pytest.param(JOINS, "X-Forwarded-For", id="no scheme is written"),
        pytest.param(
            {"Forwarded": "append"}, "Forwarded", id="the other standard, which says the scheme"
        ),
        pytest.param({"X-Real-IP": "set"}, "X-Real-IP", id="one address"),
        pytest.param(
            {"X-Forwarded-For": "append", "X-Forwarded-Ssl": "set"},
            "X-Forwarded-For, X-Forwarded-Ssl",
            id="another name for the scheme",
        ),
        pytest.param(
            {**APPENDS, "X-Forwarded-Prefix": "set", "X-Forwarded-Host": "set"},
            "X-Forwarded-For, X-Forwarded-Proto",
            id="a wrong prefix is written, and the host is right without a header",
        ),
        pytest.param(
            {"X-Forwarded-For": "absent", "X-Real-IP": "set"},
            "X-Real-IP",
            id="a list that the client may begin",
        ),
    ],
)
def test_only_headers_that_the_proxies_write_are_recommended(does, headers):
    assert World((Proxy(EDGE, does),), {"trust": EDGE}).probe().recommend.headers == headers


def test_a_host_that_the_proxy_tells_by_a_header():
    proxy = Proxy(EDGE, {**APPENDS, "X-Forwarded-Host": "set"}, "internal")
    report = World((proxy,), {"trust": EDGE}).probe()
    assert report.recommend.headers == "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"
    # But for the request that names no host, which is not the prober's doing.
    assert (
        "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts beside these settings."
        in report.fixes
    )


BALANCED = Proxy(INNER, APPENDS, also=DEEP)


@pytest.mark.parametrize(
    ("proxies", "trust", "hops"),
    [
        pytest.param((BALANCED,), f"{INNER}, {DEEP}", 1, id="in front of the app"),
        pytest.param(
            (BALANCED, Proxy("127.0.0.1", APPENDS)),
            f"loopback, {INNER}, {DEEP}",
            2,
            id="in front of another proxy",
        ),
    ],
)
def test_all_addresses_of_a_load_balancer_are_recommended(proxies, trust, hops):
    world = World(proxies, {"trust": f"loopback, {INNER}"})
    first = world.probe()
    # Half of the requests are seen wrongly, and none is believed to be what it forged.
    assert (first.verdict, first.forged) == ("misconfigured", [])
    assert [wrong[:3] for wrong in first.misconfigured] == [("client_ip", DEEP, PROBER)]
    assert set(first.recommend.trust.split(", ")) == set(trust.split(", "))
    assert first.recommend.max_hops == first.recommend.count == hops
    assert world.with_(first.recommend).probe().verdict == "safe"


@pytest.mark.parametrize(
    ("proxies", "trust", "asked"),
    [
        pytest.param((Proxy("127.0.0.1", APPENDS),), "loopback", None, id="on the app's host"),
        pytest.param((Proxy("unix:", APPENDS),), "unix", None, id="on a unix-domain socket"),
        pytest.param(
            (Proxy("10.0.0.5", APPENDS),), "10.0.0.5", "which subnet is this in?", id="private"
        ),
        pytest.param(
            (Proxy("100.64.0.1", APPENDS),),
            "100.64.0.1",
            "which subnet is this in?",
            id="shared",
        ),
        pytest.param((Proxy("9.9.9.9", APPENDS),), "9.9.9.9", "If it is a CDN's", id="public"),
        pytest.param(
            (Proxy("10.0.0.5", APPENDS), Proxy("127.0.0.1", APPENDS)),
            "loopback, 10.0.0.5",
            "10.0.0.5: which subnet",
            id="two, the nearest first",
        ),
    ],
)
def test_whom_it_recommends_to_trust(proxies, trust, asked):
    report = World(proxies, {"trust": False}).probe()
    assert report.recommend.settings()["TRUST_PROXY"] == trust
    assert report.recommend.max_hops == report.recommend.count == len(proxies)
    questions = [mend for mend in report.fixes if "subnet" in mend or "public address" in mend]
    assert [asked in question for question in questions] == ([True] if asked else [])


@pytest.mark.parametrize(
    ("world", "mend"),
    [
        pytest.param(
            World((Proxy(EDGE, JOINS),), {"trust": EDGE}),
            "X-Forwarded-Proto: the proxies pass on what a client wrote.",
            id="a header that is passed on",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": True}),
            "X-Forwarded-For: TRUST_PROXY trusts more than the proxies, so the app accepts",
            id="too many hops are trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, folds=True),
            "X_Forwarded_For: the server treats it as X-Forwarded-For.",
            id="a server that folds names",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, JOINS),),
                {"trust": EDGE, "headers": "X-Forwarded-For"},
                obeys="X-Scheme",
            ),
            "X-Scheme is believed, but TRUST_PROXY_HEADERS does not name it:",
            id="a server that believes by itself",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),),
                {"trust": EDGE},
                Url("https", "www.example.com", ""),
                strips=True,
            ),
            "Connection: a client that names a proxy's header there has it removed again",
            id="a proxy that removes what Connection names",
        ),
        pytest.param(
            World((Proxy(INNER),), {"trust": False}),
            "No proxy says who its client is, so all clients look like one.",
            id="a proxy that says nothing",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, SETS)), {"trust": f"{EDGE}, {INNER}"}),
            f"{EDGE} is not this machine: a proxy replaced the list that another one had",
            id="a proxy that loses the client",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS, "internal"),), {"trust": EDGE}),
            "Have the proxies pass on the Host header as the client wrote it, with its port.",
            id="an internal host",
        ),
        pytest.param(
            World((), {"trust": "loopback"}),
            f"The app sees no proxy, and {PROBER} as its client.",
            id="no proxy to be seen",
        ),
    ],
)
def test_what_is_wrong_is_told_with_the_mend(world, mend):
    assert sum(told.startswith(mend) for told in world.probe().fixes) == 1


def test_what_connection_takes_away_is_not_recommended():
    https = Url("https", "www.example.com", "")
    report = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, https, strips=True).probe()
    assert [each[:4] for each in report.forged] == [
        ("client_ip", "Connection", "close, X-Forwarded-For, X-Forwarded-Proto", EDGE),
        ("scheme", "Connection", "close, X-Forwarded-For, X-Forwarded-Proto", "http"),
    ]
    assert report.recommend.settings() == {}


def test_nobody_is_recommended_where_text_stands_among_the_hops():
    proxies = (Proxy("localhost", APPENDS), Proxy(INNER, APPENDS))
    report = World(proxies, {"trust": INNER}).probe()
    assert report.chain == [PROBER, "localhost", INNER]
    assert report.recommend.settings() == {}


ACTIONS = ("set", "append", "absent", "drop", "pass")
DOES = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(ACTIONS)
        for name in (
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "X-Forwarded-Ssl",
            "X-Forwarded-Prefix",
            "X-Real-IP",
            "Forwarded",
        )
    },
)
CHAINS = st.lists(
    st.tuples(DOES, st.sampled_from(["", "internal"])), min_size=1, max_size=3
).map(
    lambda chain: tuple(
        Proxy(address, {k: v for k, v in does.items() if v != "pass"}, host)
        for address, (does, host) in zip((EDGE, INNER, DEEP), chain)
    )
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "trust": st.sampled_from([True, False, 1, 2, DEEP, f"{INNER}, {EDGE}", "0.0.0.0/0"]),
        "headers": st.sampled_from(
            [
                "X-Forwarded-For, X-Forwarded-Proto",
                "Forwarded",
                "X-Forwarded-For, X-Forwarded-Host",
            ]
        ),
    },
)


@hsettings(max_examples=30)
@example(  # both schemes stand in the header, so neither alone tells who wrote it
    (
        Proxy(EDGE, {"X-Forwarded-For": "set", "X-Forwarded-Proto": "absent"}),
        Proxy(INNER, {"X-Forwarded-For": "append"}),
        Proxy(DEEP, {"X-Forwarded-Proto": "append"}),
    ),
    {},
    "https",
)
@given(CHAINS, SETTINGS, st.sampled_from(["http", "https"]))
def test_what_is_recommended_cannot_be_forged(proxies, settings, scheme):
    world = World(proxies, settings, Url(scheme, "www.example.com", ""))
    first = world.probe()
    if first.recommend.trust is None:
        return
    if first.recommend.when == "after_proxy_change":
        world = world.after_proxy_change()
    second = world.with_(first.recommend).probe()
    assert (second.forged, second.misconfigured, second.verdict) == ([], [], "safe")
    assert second.recommend.when == "now"
    if first.recommend.when == "now":
        assert second.recommend == first.recommend


IDENTITY = {"trust": EDGE, "identity_headers": "Remote-User, X-Auth-Email"}


class TestIdentityHeaders:
    """For each name a client's own is sent; the app must not see it."""

    @pytest.mark.parametrize(
        ("does", "forged"),
        [
            pytest.param({}, ["Remote-User", "X-Auth-Email"], id="passed on"),
            pytest.param({"Remote-User": "set"}, ["X-Auth-Email"], id="one is overwritten"),
            pytest.param(
                {"Remote-User": "absent", "X-Auth-Email": "drop"},
                ["Remote-User"],
                id="set only if there is none",
            ),
            pytest.param(
                {"Remote-User": "append", "X-Auth-Email": "set"},
                ["Remote-User"],
                id="appended to",
            ),
            pytest.param({"Remote-User": "drop", "X-Auth-Email": "set"}, [], id="protected"),
        ],
    )
    def test_one_that_arrives_is_forgeable(self, does, forged):
        report = World((Proxy(EDGE, {**APPENDS, **does}),), IDENTITY).probe()
        assert [each[:4] for each in report.forged] == [
            ("identity", name, "canary", "canary") for name in forged
        ]
        assert report.verdict == ("forgeable" if forged else "safe")
        assert [each.proxy for each in report.configuration] == (PROGRAMS if forged else [])

    def test_the_table_says_what_the_proxies_do_with_them(self):
        report = World((Proxy(EDGE, {**APPENDS, "Remote-User": "set"}),), IDENTITY).probe()
        assert (report.headers["Remote-User"], report.headers["X-Auth-Email"]) == (
            "set",
            "passed",
        )
        assert {"Remote-User", "X-Auth-Email"} <= set(report.read)

    def test_underscores_are_tried_too(self):
        protected = {**APPENDS, "Remote-User": "drop", "X-Auth-Email": "drop"}
        settings = {**IDENTITY, "headers": "X-Real-IP"}
        proxy = Proxy(EDGE, {**protected, "X-Real-IP": "set"})
        report = World((proxy,), settings, folds=True).probe()
        holes = [each[:3] for each in report.forged if each.output == "identity"]
        assert holes == [
            ("identity", "Remote_User", "canary"),
            ("identity", "X_Auth_Email", "canary"),
        ]
        lines = {each.proxy: each.lines for each in report.configuration}
        assert lines["HAProxy"] == ("http-request del-header _ -m sub",)
        assert lines["Apache"] == (
            "RequestHeader unset Remote_User early",
            "RequestHeader unset X-Auth_Email early",
            "RequestHeader unset X_Auth-Email early",
            "RequestHeader unset X_Auth_Email early",
        )

    def test_a_request_that_misses_the_edge_forges_nobody(self):
        world = World((Proxy(EDGE, APPENDS),), {**IDENTITY, "trust": "10.0.0.1"})
        assert world.probe().forged == []

    def test_what_required_refuses_is_not_forged(self):
        settings = {**IDENTITY, "trust": "10.0.0.1", "required": True}
        report = World((Proxy(EDGE, APPENDS),), settings).probe()
        assert (report.verdict, report.forged) == ("misconfigured", [])

    def test_who_comes_directly_and_is_trusted_is_treated_as_a_proxy(self):
        settings = {"trust": "loopback", "identity_headers": "Remote-User"}
        here = {"prober": "127.0.0.1", "here": ("127.0.0.1", 50000), "there": "127.0.0.1"}
        report = World((), settings, **here).probe()
        assert (report.verdict, report.forged) == ("inconclusive", [])

    def test_one_that_is_refused_on_the_way_is_inconclusive(self):
        report = World((Proxy(EDGE, APPENDS),), IDENTITY, refuses=["Remote-User"]).probe()
        assert ("Remote-User", "refused") in report.headers.items()
        assert report.reasons == [
            "Remote-User was refused on the way, so nobody knows what the app would believe "
            "of it."
        ]

    def test_no_count_is_offered_beside_them(self):
        report = World((Proxy(EDGE, APPENDS),), IDENTITY).probe()
        assert report.recommend.settings() != {}
        assert report.recommend.count is None

    def test_the_settings_wait_for_the_proxy(self):
        report = World((Proxy(EDGE, APPENDS),), IDENTITY).probe()
        assert report.recommend.when == "after_proxy_change"


PROGRAMS = ["nginx", "Caddy", "HAProxy", "Apache", "Traefik", "Envoy"]
SECRET = {"trust": EDGE, "edge_secret": VERIFIED}
WRITES = {**APPENDS, "X-Origin-Verify": "set"}


class TestEdgeSecret:
    """The probe tells what becomes of a client's own line, and never the value."""

    def test_one_that_is_overwritten_is_safe(self):
        report = World((Proxy(EDGE, WRITES),), SECRET).probe()
        assert (report.verdict, report.headers["X-Origin-Verify"]) == ("safe", "set")
        assert "X-Origin-Verify" in report.read

    @pytest.mark.parametrize("does", ["append", "absent"])
    def test_a_clients_own_line_takes_the_secret_from_its_request(self, does):
        proxy = Proxy(EDGE, {**APPENDS, "X-Origin-Verify": does})
        report = World((proxy,), SECRET).probe()
        assert (report.verdict, report.headers["X-Origin-Verify"]) == ("forgeable", "passed")
        # So a client appears to be the proxy.
        assert [each[:4] for each in report.forged] == [
            ("client_ip", "X-Origin-Verify", "canary-and-no-secret", EDGE)
        ]
        assert report.fixes[0].startswith(
            "X-Origin-Verify: the proxies pass on a client's own line"
        )
        lines = {each.proxy: each.lines for each in report.configuration}
        assert lines["nginx"] == ('proxy_set_header X-Origin-Verify "SECRET";',)
        assert ORIGIN not in str(report)

    def test_unless_such_a_request_is_refused(self):
        proxy = Proxy(EDGE, {**APPENDS, "X-Origin-Verify": "append"})
        report = World((proxy,), {**SECRET, "required": True}).probe()
        assert (report.verdict, report.forged) == ("safe", [])

    def test_connection_takes_it_away(self):
        report = World((Proxy(EDGE, WRITES),), SECRET, strips=True).probe()
        assert report.verdict == "forgeable"
        assert {each.header for each in report.forged} == {"Connection"}
        assert "X-Origin-Verify" in report.forged[0].sent

    def test_one_that_does_not_arrive_is_misconfigured(self):
        report = World((Proxy(EDGE, APPENDS),), SECRET).probe()
        assert report.verdict == "misconfigured"
        assert report.headline == (
            "X-Origin-Verify did not arrive with the secret of TRUST_PROXY_EDGE_SECRET, so the "
            "app ignores what the proxies say of an honest request."
        )

    def test_who_comes_directly_needs_none(self):
        assert World((), SECRET).probe().verdict == "safe"


def test_who_comes_past_the_edge_is_told():
    settings = {"trust": f"{EDGE}, {INNER}", "edge": EDGE}
    report = World((Proxy(INNER, APPENDS),), settings, there=INNER, prober="10.0.0.9").probe()
    assert report.headline == (
        "An honest request came through no proxy of TRUST_PROXY_EDGE, so the app ignores its "
        "scheme, host, port and prefix."
    )


PLAIN = Url("http", "www.example.com", "")


class TestHttpBesideHttps:
    """Many proxies treat http otherwise than https, as a CDN that appends over TLS alone."""

    def world(self, over_http, settings=None, headers=None):
        settings = settings or {"trust": EDGE}
        beside = World((Proxy(EDGE, over_http),), settings, PLAIN)
        return World((Proxy(EDGE, APPENDS),), settings, HTTPS, beside=beside)

    def test_the_same_over_both_is_safe(self):
        assert self.world(APPENDS).probe().verdict == "safe"

    def test_a_list_that_is_passed_on_over_http_is_forgeable(self):
        report = self.world({"X-Forwarded-Proto": "set"}).probe()
        assert [(each.output, each.header, each.over) for each in report.forged] == [
            ("client_ip", "X-Forwarded-For", "http")
        ]
        assert report.headers["X-Forwarded-For"] == "appended"
        assert (
            "Have the outermost proxy redirect http to https by itself, or treat the headers "
            "over http as it does over https."
        ) in report.fixes
        assert report.recommend.when == "after_proxy_change"

    def test_a_hole_that_both_have_is_told_once(self):
        holes = {"X-Forwarded-For": "append"}
        world = self.world(holes)
        report = replace(world, proxies=(Proxy(EDGE, holes),)).probe()
        assert [(each.output, each.header, each.over) for each in report.forged] == [
            ("scheme", "X-Forwarded-Proto", "https"),
        ]

    def test_https_that_is_assumed_is_wrong_over_http(self):
        settings = {"trust": EDGE, "headers": "X-Forwarded-For", "scheme": "https"}
        report = self.world(APPENDS, settings).probe()
        assert report.verdict == "misconfigured"
        assert report.headline == "scheme is 'https' over http, and should be 'http'."

    def test_underscores_are_tried_over_http_too(self):
        world = self.world(APPENDS)
        report = replace(world, beside=replace(world.beside, folds=True)).probe()
        assert {each.over for each in report.forged} == {"http"}

    def test_an_honest_request_that_is_seen_wrongly(self):
        report = self.world({"X-Forwarded-For": "drop", "X-Forwarded-Proto": "set"}).probe()
        assert report.headline == (
            "client_ip is '8.8.8.10' over http, which is not this machine."
        )

    def test_what_is_refused_over_http_is_inconclusive(self):
        world = self.world(APPENDS)
        beside = replace(world.beside, refuses=["X-Forwarded-Proto"])
        report = replace(world, beside=beside).probe()
        assert report.headline == (
            "Over http: X-Forwarded-Proto was refused on the way, so nobody knows what the app "
            "would believe of it."
        )


LOCAL_DIRECT = {"prober": "127.0.0.1", "here": ("127.0.0.1", 50000), "there": "127.0.0.1"}


@pytest.mark.parametrize(
    ("world", "verdict", "headline"),
    [
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}),
            "safe",
            "Nothing that was forged was accepted, and honest requests are seen correctly.",
            id="nothing is wrong",
        ),
        pytest.param(
            World((Proxy(EDGE, JOINS),), {"trust": True}),
            "forgeable",
            "A client can forge client_ip (with X-Forwarded-For), scheme (with "
            "X-Forwarded-Proto).",
            id="two outputs",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), IDENTITY),
            "forgeable",
            "A client can forge identity (with Remote-User, X-Auth-Email).",
            id="who the user is",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE, "required": True}, folds=True),
            "forgeable",
            "A client can forge client_ip (with X_Forwarded_For), scheme (with "
            "X_Forwarded_Proto).",
            id="names with underscores",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": "10.0.0.1", "required": True}),
            "misconfigured",
            REFUSES,
            id="REQUIRED refuses an honest request",
        ),
        pytest.param(
            World((Proxy(INNER, APPENDS),), {"trust": "loopback"}, decides=to_client),
            "misconfigured",
            "The app's peer is 7.7.7.7, which is the client. The WSGI server has replaced the "
            "proxy's address, so TrustProxy cannot check who wrote the headers.",
            id="the server made the client the peer",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": False}),
            "misconfigured",
            "The app trusts no hop, though a proxy is there: it treats its peer, 8.8.8.10, as "
            "the client of every request.",
            id="no hop is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": INNER}),
            "misconfigured",
            "client_ip is '8.8.8.10', and should be '7.7.7.7'.",
            id="one proxy of two is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS), Proxy(INNER, SETS)), {"trust": f"{EDGE}, {INNER}"}),
            "misconfigured",
            "client_ip is '8.8.8.10', which is not this machine.",
            id="an inner proxy loses the client",
        ),
        pytest.param(
            World((MUTE,), {"trust": EDGE}, HTTPS),
            "misconfigured",
            "scheme is 'http', and should be 'https'.",
            id="the scheme is lost",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS, "internal"),), {"trust": EDGE}),
            "misconfigured",
            "host is 'internal', and should be 'www.example.com'.",
            id="the host is lost",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, SHOP, path="/x"),
            "misconfigured",
            "prefix is '', and should be '/shop'.",
            id="the prefix is lost",
        ),
        pytest.param(
            World((Proxy(INNER),), {"trust": False}),
            "misconfigured",
            "client_ip is '10.0.0.5', which is not this machine.",
            id="no proxy says who its client is",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), SECRET),
            "misconfigured",
            "X-Origin-Verify did not arrive with the secret of TRUST_PROXY_EDGE_SECRET, so the "
            "app ignores what the proxies say of an honest request.",
            id="the edge's secret does not arrive",
        ),
        pytest.param(
            World(
                (Proxy(EDGE, APPENDS),),
                {"trust": EDGE, "headers": "X-Forwarded-For", "scheme": "https"},
                HTTPS,
                beside=World(
                    (Proxy(EDGE, APPENDS),),
                    {"trust": EDGE, "headers": "X-Forwarded-For", "scheme": "https"},
                    PLAIN,
                ),
            ),
            "misconfigured",
            "scheme is 'https' over http, and should be 'http'.",
            id="http is seen as https",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, answers=20),
            "inconclusive",
            "Honest requests were answered at first, and then no more: this machine was banned "
            "on the way, or the app went down. What was not answered proves nothing.",
            id="this machine was banned halfway",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": True}, answers=20),
            "forgeable",
            "A client can forge client_ip (with X-Forwarded-For).",
            id="banned after something was found",
        ),
        pytest.param(
            World((), {"trust": "loopback"}, **LOCAL_DIRECT),
            "inconclusive",
            "The app trusts this machine, 127.0.0.1, as a proxy, so it accepts what is forged "
            "from here.",
            id="this machine is trusted",
        ),
        pytest.param(
            World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, refuses=["X-Forwarded-For"]),
            "inconclusive",
            "X-Forwarded-For was refused on the way, so nobody knows what the app would "
            "believe of it.",
            id="a header that is read was refused",
        ),
    ],
)
def test_the_first_line_says_why(world, verdict, headline):
    report = world.probe()
    assert (report.verdict, report.headline) == (verdict, headline)
