"""Clients behind proxies, and the assertion that nothing can be forged."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from flask import Flask, redirect, request, session, stream_with_context, url_for
from flask.testing import FlaskClient
from hypothesis import given

import flask_trustproxy
from flask_trustproxy import SettingError, TrustProxy, TrustProxyMiddleware
from flask_trustproxy.testing import ProxiedClient, assert_unforgeable, proxied_client
from helpers import attacker_text

CLIENT = "203.0.113.9"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _default_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TRUST_PROXY", raising=False)


def make_app(trust: object = None, headers: object = None, **more: object) -> Flask:
    """An app whose views tell what they know of a request."""
    app = Flask("tested")
    app.secret_key = "a key for tests"
    app.config.update(TESTING=True, TRUST_PROXY=trust, TRUST_PROXY_HEADERS=headers)
    app.config.update({f"TRUST_PROXY_{name.upper()}": value for name, value in more.items()})
    TrustProxy(app)

    @app.get("/")
    def index() -> dict[str, object]:
        ips = flask_trustproxy.get_client_ips()
        return {"ip": request.remote_addr, "ips": ips, "url": request.url}

    @app.route("/old", methods=["GET", "POST"])
    def old():
        session["old"] = True
        return redirect(url_for("older", _external=True), 307)

    @app.route("/older", methods=["GET", "POST"])
    def older():
        session["older"] = True
        return redirect("/told", 302)  # newer Flasks say 303 unless told

    @app.get("/told")
    def told() -> dict[str, object]:
        return {**index(), "session": sorted(session)}

    @app.get("/stream")
    def stream():
        def parts() -> Iterator[str]:
            yield f"{request.remote_addr} "
            yield f"{flask_trustproxy.get_client_ip()}"

        return stream_with_context(parts())

    @app.get("/leftmost")
    def leftmost() -> str:
        return request.headers.get("X-Forwarded-For", "").split(",")[0]

    @app.get("/strict")
    def strict() -> str:
        return request.headers["X-Forwarded-For"]

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError

    return app


LIST = "X-Forwarded-For, X-Forwarded-Proto"
EVERYTHING = f"{LIST}, X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix"


@pytest.mark.parametrize(
    ("trust", "headers", "options", "ips", "url"),
    [
        pytest.param(None, None, {}, [CLIENT], "https://localhost/", id="the defaults"),
        pytest.param(
            None, None, {"scheme": "http"}, [CLIENT], "http://localhost/", id="asked by http"
        ),
        pytest.param(
            None,
            None,
            {"host": "www.example.com:8443"},
            [CLIENT],
            "https://www.example.com:8443/",
            id="a host and a port, which the proxy passes on",
        ),
        pytest.param(
            "loopback, 10.0.0.0/8",
            None,
            {"via": ["10.0.0.5", "10.0.0.6"]},
            [CLIENT, "10.0.0.5", "10.0.0.6"],
            "https://localhost/",
            id="hops in order",
        ),
        pytest.param(
            None,
            None,
            {"via": ["10.0.0.5"]},
            ["10.0.0.5"],
            "https://localhost/",
            id="a hop that is not trusted is the client",
        ),
        pytest.param(
            "192.0.2.10", None, {}, [CLIENT], "https://localhost/", id="a proxy's very address"
        ),
        pytest.param(
            "2001:db8:1::/48",
            None,
            {"client": "2001:db8::9"},
            ["2001:db8::9"],
            "https://localhost/",
            id="an IPv6 client of an IPv6 proxy",
        ),
        pytest.param(
            "10.0.0.0/8",
            None,
            {"client": "::ffff:203.0.113.9"},
            [CLIENT],
            "https://localhost/",
            id="a mapped client",
        ),
        pytest.param("unix", None, {}, [CLIENT], "https://localhost/", id="a socket, picked"),
        pytest.param(
            None,
            None,
            {"peer": "unix", "via": ["unix", "127.0.0.1"]},
            [CLIENT, "127.0.0.1"],
            "https://localhost/",
            id="sockets, named",
        ),
        pytest.param(True, None, {}, [CLIENT], "https://localhost/", id="everybody"),
        pytest.param(False, None, {}, [], "https://localhost/", id="nobody, so no proxy"),
        pytest.param(0, None, {}, [], "https://localhost/", id="a count of none"),
        pytest.param(1, None, {}, [CLIENT], "https://localhost/", id="a count of one"),
        pytest.param(
            3,
            None,
            {},
            [CLIENT, "10.0.0.5", "10.0.0.5"],
            "https://localhost/",
            id="a count is reached",
        ),
        pytest.param(
            lambda address, hop: hop == 0 and address == "192.168.0.5",
            None,
            {},
            [CLIENT],
            "https://localhost/",
            id="whom a callable trusts",
        ),
        pytest.param(
            None,
            None,
            {"peer": "198.51.100.7", "client": "198.51.100.7"},
            [],
            "https://localhost/",
            id="past the proxies",
        ),
        pytest.param(
            None,
            None,
            {"peer": "2001:db8::9", "client": "2001:DB8:0::9"},
            [],
            "https://localhost/",
            id="past the proxies, written in two ways",
        ),
        pytest.param(
            None,
            None,
            {"peer": "198.51.100.7"},
            [],
            "http://localhost/",
            id="through a proxy that is not trusted",
        ),
        pytest.param(
            "10.0.0.0/8",
            "Forwarded",
            {"client": "2001:db8::9", "via": ["10.0.0.5"], "host": "www.example.com"},
            ["2001:db8::9", "10.0.0.5"],
            "https://www.example.com/",
            id="Forwarded",
        ),
        pytest.param(
            None, "X-Real-IP", {}, [CLIENT], "http://localhost/", id="a single address"
        ),
        pytest.param(
            None,
            "X-Acme-Client=address, X-Forwarded-Ssl",
            {},
            [CLIENT],
            "https://localhost/",
            id="a single address of one's own, and on or off",
        ),
        pytest.param(None, "none", {}, [], "http://localhost/", id="no header"),
        pytest.param(
            None,
            EVERYTHING,
            {"host": "www.example.com:8443"},
            [CLIENT],
            "https://www.example.com:8443/",
            id="every kind of header",
        ),
        pytest.param(
            None,
            f"{EVERYTHING}:2".replace("Proto", "Proto:2"),
            {"host": "www.example.com"},
            [CLIENT, "127.0.0.1"],
            "https://www.example.com/",
            id="the second value from the right, so two proxies",
        ),
    ],
)
def test_a_request_arrives(trust, headers, options, ips, url):
    answer = proxied_client(make_app(trust, headers), **options).get("/").json
    client = options.get("client", CLIENT)
    peer = options.get("peer", "127.0.0.1")
    expected = ips[0] if ips else client if trust in (False, 0) else peer
    assert answer == {"ip": expected, "ips": ips, "url": url}


@pytest.mark.parametrize(
    ("headers", "forged", "lines", "ips"),
    [
        pytest.param(LIST, "198.51.100.66", {}, [CLIENT], id="one value"),
        pytest.param("Forwarded", "for=198.51.100.66", {}, [CLIENT], id="of Forwarded"),
        pytest.param("X-Real-IP", "198.51.100.66", {}, [CLIENT], id="of a single address"),
        pytest.param("none", "198.51.100.66", {}, [], id="where no header is read"),
        pytest.param(
            LIST,
            {"x-forwarded-for": "198.51.100.66", "X-Forwarded-Proto": "http"},
            {},
            [CLIENT],
            id="headers by name",
        ),
        pytest.param(
            LIST, None, {"X-Forwarded-For": "198.51.100.66"}, [CLIENT], id="a request's"
        ),
        pytest.param(LIST, "", {"X-Forwarded-For": ""}, [CLIENT], id="an empty value"),
    ],
)
def test_what_the_client_wrote_stands_in_front(headers, forged, lines, ips):
    client = proxied_client(make_app("192.0.2.10", headers), forged=forged)
    assert client.get("/", headers=lines).json["ips"] == ips
    key = {"none": "X-Forwarded-For", LIST: "X-Forwarded-For"}.get(headers, headers)
    arrived = client.last_environ["flask_trustproxy.original"].get(
        "HTTP_" + key.upper().replace("-", "_")
    )
    assert arrived == {
        "Forwarded": f"for=198.51.100.66, for={CLIENT};proto=https;host=localhost",
        "X-Real-IP": None,  # overwritten, so what was believed is what arrived
        "none": "198.51.100.66",
    }.get(
        headers, f"198.51.100.66, {CLIENT}" if forged or any(lines.values()) else f", {CLIENT}"
    )


def test_the_proxy_asks_the_app_by_http():
    client = proxied_client(make_app(headers="none"), host="www.example.com")
    client.get("/")
    keys = "wsgi.url_scheme", "SERVER_PORT", "HTTP_HOST", "REMOTE_ADDR"
    arrived = {key: client.last_environ[key] for key in keys}
    assert arrived == dict(zip(keys, ("http", "80", "www.example.com", "127.0.0.1")))


def test_a_header_of_a_request_wins_over_the_clients_usual_one():
    client = proxied_client(make_app(True), forged="198.51.100.66")
    assert client.get("/", headers={"X-Forwarded-For": "192.0.2.7"}).json["ip"] == "192.0.2.7"
    assert client.get("/").json["ip"] == "198.51.100.66"


def test_headers_that_are_not_named_are_passed_on():
    app = make_app("192.0.2.10", clean_headers=False)
    client = proxied_client(app, forged={"X-Real-IP": "198.51.100.66"})
    client.get("/", headers={"User-Agent": "a browser"})
    assert client.last_environ["HTTP_X_REAL_IP"] == "198.51.100.66"
    assert client.last_environ["HTTP_USER_AGENT"] == "a browser"


@given(forged=attacker_text)
def test_what_the_client_wrote_changes_nothing(forged: str):
    app = make_app("10.0.0.0/8", "Forwarded")
    honest = proxied_client(app, via=["10.0.0.5"]).get("/").json
    assert proxied_client(app, via=["10.0.0.5"], forged=forged).get("/").json == honest


@pytest.mark.parametrize(
    ("trust", "headers"),
    [
        ("10.0.0.0/8", LIST),
        ("10.0.0.0/8", "Forwarded"),
        ("unix", "X-Real-IP, X-Forwarded-Proto"),
        (2, EVERYTHING),
        ("2001:db8:1::1", LIST),
    ],
)
def test_redirects_are_followed_through_the_proxies(trust: object, headers: str):
    app = make_app(trust, headers)
    client = proxied_client(app, client="2001:db8::9", host="www.example.com")
    response = client.post("/old", data={"a": "b"}, follow_redirects=True)
    assert response.json["ip"] == "2001:db8::9"
    assert response.json["url"] == "https://www.example.com/told"
    assert response.json["session"] == ["old", "older"]
    assert [each.status_code for each in response.history] == [307, 302]
    assert response.request.url == "https://www.example.com/told"


def test_a_prefix_is_taken_off_and_put_back():
    app = make_app("10.0.0.0/8", EVERYTHING)
    app.config["APPLICATION_ROOT"] = "/shop"
    response = proxied_client(app).get("/old", follow_redirects=True)
    assert [each.location for each in response.history] == [
        "https://localhost/shop/older",
        "/told",
    ]
    assert proxied_client(app).get("/").json["url"] == "https://localhost/shop/"


@pytest.mark.parametrize("host", [None, "www.example.com"])
def test_sessions_are_kept(host: str):
    client = proxied_client(make_app(), host=host)
    with client.session_transaction() as values:
        values["mine"] = 1
    client.get("/old")
    assert client.get("/told").json["session"] == ["mine", "old"]
    with client.session_transaction() as values:
        assert sorted(values) == ["mine", "old"]


def test_a_session_is_opened_for_the_client():
    seen = []
    app = make_app()

    class Interface(type(app.session_interface)):
        def open_session(self, app, request):
            seen.append((request.client_ip, request.scheme, request.host))
            return super().open_session(app, request)

    app.session_interface = Interface()
    client = proxied_client(app, host="www.example.com")
    client.get("/")
    with client.session_transaction():
        pass
    assert len(seen) > 1
    assert set(seen) == {(CLIENT, "https", "www.example.com")}


def test_streams():
    client = proxied_client(make_app(), client="2001:db8::9")
    assert client.get("/stream").text == "2001:db8::9 2001:db8::9"
    assert client.get("/stream", buffered=True).text == "2001:db8::9 2001:db8::9"


def test_contexts_are_kept():
    with proxied_client(make_app()) as client:
        client.get("/old", follow_redirects=True)
        assert flask_trustproxy.request.client_ip == CLIENT
        assert request.path == "/told"
        assert sorted(session) == ["old", "older"]
        client.get("/")
        assert request.url == "https://localhost/"


@pytest.mark.parametrize(
    ("arguments", "options", "url"),
    [
        pytest.param(["/?a=b"], {}, "https://www.example.com/?a=b", id="a query"),
        pytest.param([], {}, "https://www.example.com/", id="nothing"),
        pytest.param([], {"path": "/"}, "https://www.example.com/", id="a named path"),
        pytest.param(
            ["http://other.example.com/"], {}, "http://other.example.com/", id="a URL"
        ),
        pytest.param(
            ["//other.example.com/"], {}, "https://other.example.com/", id="no scheme"
        ),
        pytest.param(
            ["/"],
            {"base_url": "http://other.example.com/"},
            "http://other.example.com/",
            id="a base",
        ),
        pytest.param(
            ["/", "http://other.example.com/"], {}, "http://other.example.com/", id="its place"
        ),
        pytest.param(["/"], {"url_scheme": "http"}, "http://www.example.com/", id="a scheme"),
        pytest.param(["/"], {"subdomain": "api"}, "https://api.localhost/", id="a subdomain"),
        pytest.param(
            [{"PATH_INFO": "/", "HTTP_HOST": "other.example.com", "wsgi.url_scheme": "http"}],
            {},
            "http://other.example.com/",
            id="an environ",
        ),
    ],
)
def test_a_request_may_say_whom_it_asks(arguments, options, url):
    app = make_app()
    if arguments and isinstance(arguments[0], dict):
        arguments = [{**app.test_client().get("/").request.environ, **arguments[0]}]
    client = proxied_client(app, host="www.example.com")
    response = client.open(*arguments, **options)
    assert (response.json["url"], response.json["ip"]) == (url, CLIENT)


def test_settings_of_a_moment_count():
    app = make_app()
    client = proxied_client(app)
    assert client.get("/").json["ip"] == CLIENT
    app.config.update(TRUST_PROXY="192.0.2.10", TRUST_PROXY_HEADERS="X-Client-IP")
    assert client.get("/").json["ip"] == CLIENT
    assert client.last_environ["flask_trustproxy.resolution"].nodes == ("192.0.2.10", CLIENT)
    app.config["TRUST_PROXY"] = "loopbck"
    with pytest.raises(SettingError, match="loopback"):
        client.get("/")


# Clients of one's own


class TokenClient(FlaskClient):
    """As Flask's documentation shows one."""

    def __init__(self, *args, token="none", **kwargs):
        super().__init__(*args, **kwargs)
        self.token = token

    def open(self, *args, **kwargs):
        kwargs.setdefault("headers", {})["X-Token"] = self.token
        return super().open(*args, **kwargs)


def test_a_test_client_of_ones_own_is_behind_proxies_too():
    app = make_app()
    app.test_client_class = TokenClient
    client = proxied_client(app, client="2001:db8::9", token="mine", use_cookies=False)
    assert isinstance(client, (TokenClient, ProxiedClient))
    assert type(client).__name__ == "TokenClient"
    assert client.get("/old", follow_redirects=True).json["ip"] == "2001:db8::9"
    assert client.last_environ["HTTP_X_TOKEN"] == "mine"


class Through(ProxiedClient):
    """A base of one's own."""

    def head_of(self, path: str) -> int:
        return self.head(path).status_code


@pytest.mark.parametrize("own", [ProxiedClient, Through])
def test_it_can_be_the_apps_test_client(own: type[ProxiedClient]):
    app = make_app()
    app.test_client_class = own
    assert app.test_client().get("/").json["ip"] == CLIENT
    assert app.test_client(client="2001:db8::9").get("/").json["ip"] == "2001:db8::9"
    assert type(proxied_client(app)) is own


def test_a_plain_middleware_is_asked_too():
    app = Flask("plain")
    app.wsgi_app = TrustProxyMiddleware(app.wsgi_app, "192.0.2.10", "X-Real-IP")
    app.add_url_rule("/", view_func=lambda: request.remote_addr)
    assert proxied_client(app).get("/").text == CLIENT
    assert_unforgeable(app)


def test_an_app_whose_middleware_was_lost_has_settings():
    app = make_app("192.0.2.10")
    app.wsgi_app = app.wsgi_app.app
    assert proxied_client(app).get("/").json["ip"] == CLIENT


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"client": "example.com"}, "expected an address or 'unix', got 'example.com'"),
        ({"via": ["10.0.0.5", "unknown"]}, "expected an address or 'unix', got 'unknown'"),
        ({"via": "10.0.0.5"}, "expected an address or 'unix', got '1'"),
        ({"peer": "10.0.0.0/8"}, "expected an address or 'unix', got '10.0.0.0/8'"),
    ],
)
def test_what_is_no_address_is_a_mistake(options: dict[str, object], mistake: str):
    with pytest.raises(ValueError, match=mistake):
        proxied_client(make_app(), **options)


def test_a_callable_that_trusts_nobody_likely_asks_for_a_peer():
    app = make_app(lambda address, hop: address == "192.0.2.10")
    with pytest.raises(
        ValueError, match=r"expected a peer, since TRUST_PROXY=.* trusts none of 10"
    ):
        proxied_client(app).get("/")
    assert proxied_client(app, peer="192.0.2.10").get("/").json["ip"] == CLIENT
    with pytest.raises(ValueError, match="expected a peer"):
        assert_unforgeable(app)
    assert_unforgeable(app, peer="192.0.2.10")
    app.config["TRUST_PROXY"] = lambda address, hop: address != "127.0.0.1"
    with pytest.raises(AssertionError, match="can forge client_ip"):
        assert_unforgeable(app, peer="192.0.2.10")


def test_an_app_without_trust_proxy_is_told_so():
    with pytest.raises(RuntimeError, match=r"no TrustProxy: call TrustProxy\(app\)"):
        proxied_client(Flask("bare")).get("/")
    with pytest.raises(RuntimeError, match=r"no TrustProxy: call TrustProxy\(app\)"):
        assert_unforgeable(Flask("bare"))


# Nothing can be forged


# The examples


EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        pytest.param(
            ["pytest", "-p", "no:cacheprovider", "test_app.py"], "5 passed", id="pytest"
        ),
        pytest.param(["unittest", "-v", "unittest_app"], "Ran 2 tests", id="unittest"),
    ],
)
def test_the_example_passes(arguments: list[str], passed: str):
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert passed in done.stdout + done.stderr


def test_the_complete_file_passes_when_it_is_copied(tmp_path: Path):
    page = (ROOT / "docs/testing.rst").read_text("utf-8")
    assert ".. literalinclude:: ../examples/test_complete.py\n    :language: python\n" in page
    shutil.copy(EXAMPLES / "test_complete.py", tmp_path / "test_it.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def functions(source: str) -> set[str]:
    """The functions in some code, as Python would write them."""
    nodes = ast.walk(ast.parse(source))
    return {ast.unparse(node) for node in nodes if isinstance(node, ast.FunctionDef)}


def test_the_page_shows_functions_of_the_examples():
    page = (ROOT / "docs/testing.rst").read_text("utf-8")
    blocks = re.findall(r"^( *)\.\. code-block:: python\n\n((?:\1    .*\n|\n)+)", page, re.M)
    shown = [functions(dedent(block)) for _, block in blocks]
    assert len(shown) == 3
    run = {
        function
        for name in ("test_app.py", "unittest_app.py")
        for function in functions((EXAMPLES / name).read_text("utf-8"))
    }
    assert all(block and block <= run for block in shown)
