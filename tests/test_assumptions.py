"""What docs/security-model.rst says that TrustProxy assumes, as far as it can be shown."""

from __future__ import annotations

import pytest

from flask_trustproxy import TrustProxyMiddleware
from helpers import CLIENT, environ_of

FORWARDED = {"X-Forwarded-For": CLIENT}


def client_of(trust, peer, **more):
    """Who is the client of a request that this peer hands on."""
    environ = environ_of(FORWARDED, peer=peer, **more)
    TrustProxyMiddleware(lambda environ, start_response: [], trust)(environ, print)
    return environ["REMOTE_ADDR"]


@pytest.mark.parametrize("peer", ["fe80::1", "fe80::1%eth0", "fe80::1%eth1", "fe80::1%25lan"])
@pytest.mark.parametrize("trust", ["linklocal", "fe80::1"])
def test_link_local_trust_holds_on_every_interface(trust, peer):
    assert client_of(trust, peer) == CLIENT


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        pytest.param("192.0.2.1", CLIENT, id="the IPv4 address itself"),
        pytest.param("::ffff:192.0.2.1", CLIENT, id="mapped, as a dual-stack socket has it"),
        pytest.param("64:ff9b::192.0.2.1", "64:ff9b::c000:201", id="through NAT64"),
        pytest.param("64:ff9b:1::c000:201", "64:ff9b:1::c000:201", id="a local NAT64 prefix"),
        pytest.param("::ffff:0:192.0.2.1", "::ffff:0:c000:201", id="through SIIT"),
        pytest.param("2002:c000:201::1", "2002:c000:201::1", id="through 6to4"),
    ],
)
def test_a_translated_peer_never_matches_ipv4_trust(peer, client):
    assert client_of("192.0.2.1", peer) == client


def test_a_translated_peer_is_trusted_by_its_ipv6_address():
    assert client_of("64:ff9b::c000:201", "64:ff9b::192.0.2.1") == CLIENT


def test_an_address_that_is_no_text_is_not_trusted():
    assert client_of("192.0.2.1", b"192.0.2.1") == ""


def test_a_header_that_is_no_text_fails_instead_of_being_believed():
    with pytest.raises(TypeError):
        client_of("192.0.2.1", "192.0.2.1", HTTP_X_FORWARDED_FOR=CLIENT.encode())
