"""What is read off recorded answers."""

from __future__ import annotations

from collections import Counter

import pytest

from flask_trustproxy.core.headers import NAMES, environ_key
from flask_trustproxy.probe.observations import Exchange, Observations
from flask_trustproxy.probe.verdict import conclude

from .worlds import APPENDS, DECIDED, EDGE, INNER, PROBER, Proxy, World


def to_leftmost(environ):
    environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR", "").split(", ")[0]


#: Those of the forwarding headers that say a prefix.
PREFIXES = {"X-Forwarded-Prefix", "X-Script-Name", "X-Ingress-Path", "X-Forwarded-Path"}


def test_each_observation_is_computed_once():
    asked = Counter()

    class Counting(dict):
        def get(self, name, default=None):
            asked[name] += 1
            return super().get(name, default)

    world = World((Proxy(EDGE, APPENDS), Proxy(INNER, APPENDS)), {"trust": INNER})
    exchanges = world.exchanges()
    honest = exchanges[0].answer
    exchanges[0] = Exchange(None, honest._replace(headers=Counting(honest.headers)))
    seen = Observations(world.url, world.here, world.there, exchanges)
    conclude([seen])
    before = asked["X-Forwarded-For"]
    conclude([seen])
    assert (before, asked["X-Forwarded-For"]) == (2, 2)


@pytest.mark.parametrize(
    ("does", "refuses", "behaviour"),
    [
        ("set", (), "set"),
        ("append", (), "appended"),
        ("pass", (), "passed"),
        ("absent", (), "passed"),
        ("drop", (), "dropped"),
        ("set", ("X-Forwarded-For", "X-Real-IP"), "refused"),
    ],
)
@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP"])
def test_what_the_proxies_do_with_a_header(name, does, refuses, behaviour):
    proxy = Proxy(EDGE, {name: does} if does != "pass" else {})
    report = World((proxy,), {"trust": EDGE, "headers": name}, refuses=refuses).probe()
    assert report.headers[name] == behaviour
    assert report.headers["X-Client-IP"] == "passed"
    assert report.headers["X-Forwarded-Server"] == "passed"
    assert set(report.headers) == set(NAMES.values())


def test_scheme_and_host_are_not_forged_by_a_prober_that_is_taken_for_a_proxy():
    world = World(
        (Proxy(EDGE, {"Forwarded": "append"}),),
        {"trust": f"{EDGE}, {PROBER}", "headers": "Forwarded"},
    )
    report = world.probe()
    assert (report.verdict, report.forged) == ("inconclusive", [])


@pytest.mark.parametrize("name", sorted(PREFIXES.intersection(NAMES.values())))
def test_a_prefix_that_is_believed_around_trustproxy_is_found(name):
    def reverse_proxied(environ):
        """Flask's old snippet, around TrustProxy."""
        environ["SCRIPT_NAME"] = environ.get(environ_key(name), "")

    world = World((Proxy(EDGE, APPENDS),), {"trust": EDGE}, decides=reverse_proxied)
    report = world.probe()
    assert [each[:4] for each in report.forged] == [("prefix", name, "/canary", "/canary")]
    assert report.fixes[0].startswith(
        f"{name} is believed, but TRUST_PROXY_HEADERS does not name it"
    )


def test_a_server_that_makes_what_was_forged_the_peer_is_forgeable():
    world = World((Proxy(INNER, APPENDS),), {"trust": "loopback"}, decides=to_leftmost)
    report = world.probe()
    assert (report.verdict, report.forged[0].output) == ("forgeable", "client_ip")
    assert any(reason.startswith(DECIDED) for reason in report.reasons)


def test_a_header_of_ones_own_stays():
    settings = {"trust": EDGE, "headers": "X-Acme-Client=address"}
    report = World((Proxy(EDGE, {"X-Acme-Client": "set"}),), settings).probe()
    assert (report.verdict, report.headers["X-Acme-Client"]) == ("safe", "set")
    assert report.recommend.headers == "X-Acme-Client=address"
