"""What is got from a URL: the whole of it, in time, and from nobody else."""

from __future__ import annotations

import gc
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from flask_trustproxy.commands.download import NothingGot, check_url, get
from vendors import not_found, serve, status

LIST = b"192.0.2.0/24\n"
# Python 3.9 does not close a socket whose certificate it refused.
pytestmark = [
    pytest.mark.fetches,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def vendors():
    with serve() as vendors:
        yield vendors


def fetch(url, seconds=20.0):
    return get(url, time.monotonic() + seconds)


def why(url, seconds=20.0):
    with pytest.raises(NothingGot) as error:
        fetch(url, seconds)
    reason, _, source = str(error.value).rpartition(", from ")
    assert source == url
    return reason


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("https://www.example.com", "https"),
        ("https://www.example.com:8443/a?b=%20", "https"),
        ("https://[2001:db8::1]/", "https"),
        ("https://www.example.com?b", "https"),
        ("http://127.0.0.1:8080/list", "http"),
        ("http://127.7.7.7/", "http"),
        ("http://[::1]:8080/", "http"),
        ("http://[::ffff:127.0.0.1]/", "http"),
        ("http://localhost/", "http"),
    ],
)
def test_a_url_may_be_asked(url, scheme):
    assert check_url(url) == scheme


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://www.example.com/", id="http to another machine"),
        pytest.param("http://192.0.2.1/", id="http to another address"),
        pytest.param("http://0.0.0.0/", id="http to any address"),
        pytest.param("http://[2001:db8::1]/", id="http to another IPv6 address"),
        pytest.param("http://127.1/", id="an address in a short form"),
        pytest.param("http://0177.0.0.1/", id="an address in octal"),
        pytest.param("http://2130706433/", id="an address as a number"),
        pytest.param("http://localhost.example.com/", id="a name that begins with localhost"),
        pytest.param("http://127.0.0.1.example.com/", id="a name that begins with an address"),
        pytest.param("http://127.0.0.1@www.example.com/", id="a user in front"),
        pytest.param("https://user:key@www.example.com/", id="a user and a password"),
        pytest.param("http://127.0.0.1\\@www.example.com/", id="a backslash"),
        pytest.param("http://127.0.0.1#@www.example.com/", id="a fragment"),
        pytest.param("http://127.0.0.1:80:80/", id="two ports"),
        pytest.param("HTTPS://www.example.com/", id="capitals"),
        pytest.param("ftp://127.0.0.1/", id="ftp"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("https:///", id="no host"),
        pytest.param("www.example.com", id="no scheme"),
        pytest.param("https://www.example.com/a b", id="a space"),
        pytest.param("https://www.example.com/\n", id="a newline"),
        pytest.param("https://www.example.com/\u00e9", id="not ASCII"),
        pytest.param("https://\u24d4xample.com/", id="a host that is not ASCII"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_url_may_not_be_asked(url):
    with pytest.raises(ValueError, match="^expected") as error:
        check_url(url)
    assert str(error.value) == (
        f"expected https://, or http:// to 127.0.0.1 or [::1], got {url!a}"
    )


def test_the_whole_body_is_got(vendors):
    body = bytes(range(256)) * 1000
    vendors.answers["/list?a=b"] = body
    assert fetch(f"{vendors.url}/list?a=b") == body


def test_it_says_who_asks(vendors):
    agents = []

    def answer(handler):
        agents.append(handler.headers["User-Agent"])
        status(200)(handler)

    vendors.answers["/"] = answer
    assert fetch(f"{vendors.url}/") == b""
    [agent] = agents
    name, _, version = agent.partition("/")
    assert (name, version[0].isdigit()) == ("Flask-TrustProxy", True)


def raw(*parts, wait=0.0):
    """An answer byte for byte, with a pause behind each part."""

    def answer(handler):
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(wait)
        handler.close_connection = True

    return answer


def chunked(handler):
    raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\n192.\r\n", b"")(
        handler
    )


CUT = "the connection was cut"
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(not_found, "expected HTTP status 200, got 404", id="404"),
        pytest.param(status(500), "expected HTTP status 200, got 500", id="500"),
        pytest.param(status(204), "expected HTTP status 200, got 204", id="204"),
        pytest.param(status(304), "expected HTTP status 200, got 304", id="304"),
        pytest.param(
            raw(OK, b"Content-Length: 99\r\n\r\n192.0.2.0/2"), CUT, id="cut before its length"
        ),
        pytest.param(chunked, CUT, id="cut between chunks"),
        pytest.param(raw(), CUT, id="cut before it began"),
        pytest.param(raw(b"\x1b[31m\r\n\r\n"), CUT, id="no HTTP"),
    ],
)
def test_no_whole_answer_is_nothing(vendors, answer, expected):
    vendors.answers["/"] = answer
    assert why(f"{vendors.url}/") == expected


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([b""] * 100, id="nothing comes"),
        pytest.param([OK, *[b"X: y\r\n"] * 100], id="headers come one by one"),
        pytest.param(
            [OK, b"Content-Length: 1000\r\n\r\n", *[b"1"] * 100],
            id="the body comes byte by byte",
        ),
    ],
)
def test_a_slow_server_is_not_waited_for(vendors, parts):
    vendors.answers["/"] = raw(*parts, wait=0.1)
    begin = time.monotonic()
    assert why(f"{vendors.url}/", 0.5) == "no whole answer came in time"
    assert time.monotonic() - begin < 3


def test_no_time_is_left():
    assert why("http://127.0.0.1:1/", -1.0) == "no whole answer came in time"


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert why(f"http://127.0.0.1:{port}/") == "Connection refused"


def test_a_body_that_never_ends_is_refused(vendors):
    def endless(handler):
        status(200)(handler)
        while True:  # until the other end has enough
            handler.wfile.write(b"192.0.2.1\n" * 100_000)

    vendors.answers["/"] = endless
    with pytest.raises(ValueError, match="^expected") as error:
        fetch(f"{vendors.url}/", 60)
    assert str(error.value) == f"expected at most 64 MiB in '{vendors.url}/'"


def test_a_body_as_long_as_it_may_be_is_got(vendors):
    vendors.answers["/"] = b"#" * (64 << 20)
    assert len(fetch(f"{vendors.url}/", 60)) == 64 << 20


@pytest.mark.parametrize("code", [301, 302, 303, 307])
def test_a_redirect_on_this_machine_is_followed(vendors, code):
    vendors.answers.update({"/": status(code, Location="/list"), "/list": LIST})
    assert fetch(f"{vendors.url}/") == LIST


NOT_HTTPS = "it redirects to a URL that is not https"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("http://www.example.com/", id="http elsewhere"),
        pytest.param("//www.example.com/", id="the same scheme elsewhere"),
        pytest.param("http://127.0.0.1@192.0.2.1/", id="a user that looks like loopback"),
        pytest.param("ftp://127.0.0.1/", id="ftp"),
    ],
)
def test_a_redirect_to_http_elsewhere_is_refused(vendors, target):
    vendors.answers["/"] = status(302, Location=target)
    assert why(f"{vendors.url}/") in (NOT_HTTPS, "unknown url type: ftp")
    assert vendors.asked == ["/"]


def test_a_redirect_is_judged_each_time(vendors):
    vendors.answers["/"] = status(302, Location="/again")
    vendors.answers["/again"] = status(302, Location="http://192.0.2.1/")
    assert why(f"{vendors.url}/") == NOT_HTTPS
    assert vendors.asked == ["/", "/again"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "data:,192.0.2.1"])
def test_a_redirect_to_a_file_is_refused(vendors, target):
    vendors.answers["/"] = status(302, Location=target)
    assert why(f"{vendors.url}/") == "expected HTTP status 200, got 302"


def test_a_redirect_to_itself_ends(vendors):
    vendors.answers["/"] = status(302, Location="/")
    assert why(f"{vendors.url}/") == "expected HTTP status 200, got 302"


def test_loopback_is_asked_without_a_proxy(vendors, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    vendors.answers["/"] = LIST
    assert fetch(f"{vendors.url}/") == LIST


def test_https_goes_through_the_proxy_of_the_environment(vendors, monkeypatch):
    monkeypatch.setenv("https_proxy", vendors.url)
    reason = why("https://www.example.com/")
    assert reason.startswith("Tunnel connection failed: 501 ") or reason == CUT


# What a certificate proves is checked against those that the system trusts


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with serve(context) as vendors:
        vendors.answers["/"] = LIST
        yield vendors
    gc.collect()


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


def test_a_certificate_that_nobody_vouches_for_is_refused(tls):
    reason = why(f"{tls.url}/")
    assert reason.startswith("its certificate is not accepted (self")
    assert tls.asked == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_the_system_is_accepted(tls):
    assert fetch(f"{tls.url}/") == LIST


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_refused(tls):
    reason = why(tls.url.replace("127.0.0.1", "localhost") + "/")
    assert reason.startswith("its certificate is not accepted (Hostname mismatch")
    assert tls.asked == []


@pytest.mark.usefixtures("trusted")
def test_a_redirect_from_https_to_http_is_refused_even_to_loopback(tls, vendors):
    vendors.answers["/"] = LIST
    tls.answers["/"] = status(301, Location=f"{vendors.url}/")
    assert why(f"{tls.url}/") == NOT_HTTPS
    assert vendors.asked == []


@pytest.mark.usefixtures("trusted")
def test_a_redirect_to_https_is_followed(tls, vendors):
    vendors.answers["/"] = status(301, Location=f"{tls.url}/")
    assert fetch(f"{vendors.url}/") == LIST


def test_a_redirect_to_https_is_verified(tls, vendors):
    vendors.answers["/"] = status(301, Location=f"{tls.url}/")
    assert why(f"{vendors.url}/").startswith("its certificate is not accepted (self")


def test_http_on_the_port_of_tls_is_nothing(tls):
    reason = why(tls.url.replace("https:", "http:") + "/")
    assert reason in (CUT, "Connection reset by peer")


def test_tls_on_the_port_of_http_is_nothing(vendors):
    reason = why(vendors.url.replace("http:", "https:") + "/")
    assert "SSL" in reason
