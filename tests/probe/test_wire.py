"""One request: where it goes, the curl line that repeats it, TLS, and its own end."""

from __future__ import annotations

import socket
import ssl

import pytest

from flask_trustproxy import TrustProxyMiddleware
from flask_trustproxy.probe.client import Unanswered, probe
from flask_trustproxy.probe.forgeries import Forgery
from flask_trustproxy.probe.observations import Url
from flask_trustproxy.probe.wire import curl, http_beside, parse_target

from .worlds import KEY, page


class TestTarget:
    @pytest.mark.parametrize(
        ("text", "connect", "expected"),
        [
            pytest.param(
                "https://www.example.com",
                None,
                (Url("https", "www.example.com", ""), "www.example.com", "/", 443),
                id="no path",
            ),
            pytest.param(
                "http://WWW.example.com:8080/a/b?c=d#e",
                None,
                (
                    Url("http", "www.example.com", "8080", "/a/b"),
                    "www.example.com:8080",
                    "/a/b?c=d",
                    8080,
                ),
                id="a port, a path and a query",
            ),
            pytest.param(
                "https://www.example.com:443/",
                None,
                (Url("https", "www.example.com", ""), "www.example.com", "/", 443),
                id="the scheme's own port",
            ),
            pytest.param(
                "https://[2001:db8::1]:8443/",
                None,
                (Url("https", "[2001:db8::1]", "8443"), "[2001:db8::1]:8443", "/", 8443),
                id="an IPv6 address",
            ),
        ],
    )
    def test_urls(self, text, connect, expected):
        target = parse_target(text, connect)
        assert (target.url, target.netloc, target.path, target.dial[1]) == expected
        assert target.dial[0] == expected[0].host.strip("[]")

    @pytest.mark.parametrize(
        ("connect", "dial"),
        [("192.0.2.1:8000", ("192.0.2.1", 8000)), ("[2001:db8::1]:80", ("2001:db8::1", 80))],
    )
    def test_another_address_to_connect_to(self, connect, dial):
        target = parse_target("https://www.example.com/", connect)
        assert (target.dial, target.netloc) == (dial, "www.example.com")

    @pytest.mark.parametrize(
        "text",
        [
            "www.example.com",
            "ftp://www.example.com/",
            "https:///path",
            "https://user:password@www.example.com/",
            "https://www.example.com:port/",
            "https://www.example.com:99999/",
            "https://www.example.com/ HTTP/1.1",
            "https://www.example.com/\r\nX: y",
            "https://bücher.example.com/",
            "https://[::1/",
            "",
        ],
    )
    def test_what_is_no_url(self, text):
        with pytest.raises(
            ValueError, match="^expected a URL such as https://www.example.com/$"
        ):
            parse_target(text)

    @pytest.mark.parametrize(
        "connect", ["192.0.2.1", ":80", "192.0.2.1:", "192.0.2.1:99999", ""]
    )
    def test_what_cannot_be_connected_to(self, connect):
        with pytest.raises(ValueError, match="^expected HOST:PORT$"):
            parse_target("https://www.example.com/", connect)


@pytest.mark.parametrize(
    ("forgery", "target", "command"),
    [
        pytest.param(
            Forgery("", "X-Forwarded-For", (("X-Forwarded-For", "192.0.2.66"),)),
            parse_target("https://www.example.com/"),
            "curl -H 'X-Forwarded-For: 192.0.2.66' https://www.example.com/",
            id="one header",
        ),
        pytest.param(
            Forgery("", "X-Forwarded-For", (("X-Forwarded-For", ""),)),
            parse_target("https://www.example.com/a?b=c&d"),
            "curl -H 'X-Forwarded-For;' 'https://www.example.com/a?b=c&d'",
            id="an empty header, and a URL that a shell would cut",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),)),
            parse_target("https://www.example.com/", source="192.0.2.7"),
            "curl --interface 192.0.2.7 -H 'X: y' https://www.example.com/",
            id="from another address of this machine",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),)),
            http_beside(parse_target("https://www.example.com:8443/a?b"), 80),
            "curl -H 'X: y' 'http://www.example.com/a?b'",
            id="over http beside https",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),)),
            http_beside(parse_target("https://www.example.com/"), 8080),
            "curl -H 'X: y' http://www.example.com:8080/",
            id="over http on another port",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),)),
            http_beside(parse_target("https://www.example.com/", "192.0.2.1:8443"), 8080),
            "curl --connect-to ::192.0.2.1:8080 -H 'X: y' http://www.example.com/",
            id="over http on another port of an address that was given",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),), hostless=True),
            parse_target("https://www.example.com:8443/", "192.0.2.1:80", insecure=True),
            "curl --insecure --connect-to ::192.0.2.1:80 --http1.0 -H Host: -H 'X: y' "
            "https://www.example.com:8443/",
            id="everything",
        ),
        pytest.param(
            Forgery("", "X", (("X", "y"),)),
            parse_target("http://www.example.com/", "[2001:db8::1]:80", insecure=True),
            "curl --connect-to '::[2001:db8::1]:80' -H 'X: y' http://www.example.com/",
            id="IPv6, and no certificate",
        ),
    ],
)
def test_the_line_that_shows_it(forgery, target, command):
    assert curl(target, forgery) == command


class Context:
    """What would speak TLS: says what it was told, and leaves the connection plain."""

    check_hostname, verify_mode = True, ssl.CERT_REQUIRED

    def __init__(self):
        self.names = []

    def wrap_socket(self, plain, server_hostname):
        self.names.append(server_hostname)
        if self.verify_mode == ssl.CERT_REQUIRED:
            plain.close()
            error = ssl.SSLCertVerificationError("failed")
            error.verify_message = "certificate has expired"
            raise error
        timeout = plain.gettimeout()
        wrapped = socket.socket(fileno=plain.detach())
        wrapped.settimeout(timeout)
        return wrapped


class TestTls:
    @pytest.fixture
    def context(self, monkeypatch):
        context = Context()
        monkeypatch.setattr(ssl, "create_default_context", lambda: context)
        return context

    def target(self, serve, insecure):
        url = serve(TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY))
        where = url.split("/")[2]
        return parse_target("https://www.example.com/", where, insecure=insecure)

    def test_a_certificate_is_verified(self, serve, context):
        with pytest.raises(Unanswered) as caught:
            probe(self.target(serve, False), KEY.encode(), lambda *progress: None)
        assert caught.value.why == (
            "Request 1 (an honest request): the certificate is not valid: certificate has "
            "expired. If it is yours all the same, give --insecure."
        )
        assert context.names == ["www.example.com"]

    def test_but_where_it_need_not_be(self, serve, context):
        report = probe(self.target(serve, True), KEY.encode(), lambda *progress: None)
        assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
        assert set(context.names) == {"www.example.com"}
        assert [wrong[:3] for wrong in report.misconfigured] == [("scheme", "http", "https")]


class TestSource:
    def test_the_own_end_is_bound(self, serve):
        url = serve(TrustProxyMiddleware(page, trust="192.0.2.1", probe_key=KEY))
        target = parse_target(url, source="127.0.0.77")
        report = probe(target, KEY.encode(), lambda *progress: None)
        assert (report.verdict, report.client_ip) == ("safe", "127.0.0.77")

    def test_an_address_of_another_machine(self, serve):
        target = parse_target(serve(page), source="192.0.2.7")
        with pytest.raises(Unanswered, match="192.0.2.7 is no address of this machine.$"):
            probe(target, KEY.encode(), lambda *progress: None)
