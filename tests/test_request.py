"""What the request offers: ``client_ip``, ``client_ips`` and the functions for both."""

from __future__ import annotations

import flask
import pytest
from flask import Flask

import flask_trustproxy
from flask_trustproxy import (
    ProxiedRequest,
    get_client_ip,
    get_client_ips,
    get_client_network,
    get_resolution,
    request,
)
from test_extension import HEADERS, PEER, make_app


class TestTheAttributes:
    def test_an_app_may_assign_them(self):
        with make_app().test_request_context(headers=HEADERS, environ_overrides=PEER):
            request.client_ip = "192.0.2.77"
            request.client_ips = ["192.0.2.77"]
            assert (request.client_ip, request.client_ips) == ("192.0.2.77", ["192.0.2.77"])
            # What was decided stays.
            assert get_client_ip() == "2001:db8:1:2::9"
            del request.client_ip
            assert request.client_ip == "2001:db8:1:2::9"

    def test_a_list_that_was_changed_changes_nothing(self):
        with make_app().test_request_context(headers=HEADERS, environ_overrides=PEER):
            request.client_ips.clear()
            get_client_ips().append("6.6.6.6")
            assert type(request.client_ips) is type(get_client_ips()) is list
            assert request.client_ips == ["2001:db8:1:2::9", "10.0.0.1"]
            assert get_client_ips() == ["2001:db8:1:2::9", "10.0.0.1"]

    def test_the_typed_request_is_flasks_own(self):
        assert request is flask.request
        assert flask_trustproxy.request is flask.request

    def test_the_class_documents_itself(self):
        assert ProxiedRequest.client_ip is vars(ProxiedRequest)["client_ip"]

    def test_the_request_is_of_our_class(self):
        with make_app().test_request_context():
            assert isinstance(flask.request._get_current_object(), ProxiedRequest)

    def test_hasattr_and_getattr(self):
        with make_app().test_request_context():
            assert hasattr(request, "client_ip")
            assert getattr(request, "client_ips", None) == []


FUNCTIONS = [get_client_ip, get_client_ips, get_client_network, get_resolution]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
class TestWithoutARequest:
    def test_outside_of_a_request(self, function):
        with pytest.raises(RuntimeError, match="^Working outside of request context"):
            function()

    def test_in_an_app_context(self, function):
        # The words are Flask's, and differ between its versions.
        with make_app().app_context(), pytest.raises(RuntimeError, match="request") as caught:
            function()
        assert "TrustProxy" not in str(caught.value)

    def test_in_an_app_without_trustproxy(self, function):
        with Flask(__name__).test_request_context(), pytest.raises(RuntimeError) as caught:
            function()
        assert str(caught.value) == (
            "This app has no TrustProxy: call TrustProxy(app) where it is made."
        )


def test_our_request_class_alone_says_what_is_missing():
    app = Flask(__name__)
    app.request_class = ProxiedRequest
    with app.test_request_context(), pytest.raises(RuntimeError, match="^This app has no Tru"):
        request.client_ip  # noqa: B018  # reading it is the test


IPV4, IPV6, NOBODY = "203.0.113.9", "2001:db8:1:2:3:4:5:6", None


@pytest.mark.parametrize(
    ("client", "prefixes", "network"),
    [
        pytest.param(IPV4, {}, "203.0.113.9/32", id="IPv4"),
        pytest.param(IPV6, {}, "2001:db8:1:2::/64", id="IPv6: what one customer has"),
        pytest.param("::ffff:203.0.113.9", {}, "203.0.113.9/32", id="mapped is IPv4"),
        pytest.param(IPV4, {"ipv4_prefix": 24}, "203.0.113.0/24", id="an IPv4 network"),
        pytest.param(IPV4, {"ipv4_prefix": 0}, "0.0.0.0/0", id="IPv4 0"),
        pytest.param(IPV4, {"ipv4_prefix": 32}, "203.0.113.9/32", id="IPv4 32"),
        pytest.param(IPV4, {"ipv6_prefix": 0}, "203.0.113.9/32", id="the other is no matter"),
        pytest.param(IPV6, {"ipv6_prefix": 48}, "2001:db8:1::/48", id="an IPv6 network"),
        pytest.param(IPV6, {"ipv6_prefix": 0}, "::/0", id="IPv6 0"),
        pytest.param(IPV6, {"ipv6_prefix": 63}, "2001:db8:1:2::/63", id="IPv6 63"),
        pytest.param(IPV6, {"ipv6_prefix": 128}, f"{IPV6}/128", id="IPv6 128"),
        pytest.param(IPV6, {"ipv4_prefix": 0}, "2001:db8:1:2::/64", id="nor the other way"),
        pytest.param("64:ff9b::cb00:7109", {}, "203.0.113.9/32", id="NAT64 has the IPv4 key"),
        pytest.param(
            "64:ff9b::cb00:7109", {"ipv4_prefix": 24}, "203.0.113.0/24", id="NAT64, a network"
        ),
        pytest.param("64:ff9b:1::1", {}, "64:ff9b:1::/64", id="another prefix of NAT64"),
        pytest.param("2002:cb00:7109:2::1", {}, "2002:cb00:7109:2::/64", id="6to4 is IPv6"),
        pytest.param(NOBODY, {}, "unknown", id="no address"),
        pytest.param(NOBODY, {"ipv4_prefix": 0, "ipv6_prefix": 0}, "unknown", id="still"),
        pytest.param("text", {}, "unknown", id="text is no key"),
    ],
)
def test_the_network_of_a_client(client, prefixes, network):
    overrides = {} if client is None else {"REMOTE_ADDR": client}
    with make_app().test_request_context(environ_overrides=overrides):
        assert get_client_network(**prefixes) == network


@pytest.mark.parametrize(
    "prefixes",
    [
        pytest.param({"ipv4_prefix": -1}, id="IPv4 below"),
        pytest.param({"ipv4_prefix": 33}, id="IPv4 above"),
        pytest.param({"ipv6_prefix": -1}, id="IPv6 below"),
        pytest.param({"ipv6_prefix": 129}, id="IPv6 above"),
    ],
)
@pytest.mark.parametrize("client", [IPV4, IPV6, NOBODY], ids=["IPv4", "IPv6", "no address"])
def test_a_prefix_out_of_range_shows_whoever_asks(client, prefixes):
    """Not only when the first IPv6 client comes, years later."""
    overrides = {} if client is None else {"REMOTE_ADDR": client}
    with (
        make_app().test_request_context(environ_overrides=overrides),
        pytest.raises(ValueError, match="^expected ipv4_prefix from 0 to 32 and ipv6_prefix "),
    ):
        get_client_network(**prefixes)
