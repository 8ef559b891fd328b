"""The answers of docs/faq.rst, each asserted under the question that it answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, session, url_for
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import (
    TrustProxy,
    TrustProxyMiddleware,
    get_client_ip,
    get_client_network,
    request,
)
from flask_trustproxy.commands.app import trust_proxy
from flask_trustproxy.testing import assert_unforgeable, proxied_client

PAGE = (Path(__file__).parent.parent / "docs/faq.rst").read_text("utf-8")
_, *SECTIONS = re.split(r"^(.+)\n-{5,}\n", PAGE, flags=re.M)
ANSWERS = {
    question.replace("``", ""): answer
    for question, answer in zip(SECTIONS[::2], SECTIONS[1::2])
}

CLIENT, OTHER, FORGED = "203.0.113.9", "203.0.113.77", "198.51.100.66"
# Whatever ranges a CDN publishes, and one of its servers.
CDN, EDGE = "192.0.2.0/24", "192.0.2.5"

Settings = dict[str, Any]
#: What asserts the answer to a question; it is given the settings that stand there.
CHECKS: dict[str, Callable[[Settings], None]] = {}


def answers(question: str) -> Callable[[Callable[[Settings], None]], None]:
    def register(check: Callable[[Settings], None]) -> None:
        CHECKS[question] = check

    return register


def test_each_question_has_an_answer_and_each_answer_a_test():
    assert list(ANSWERS) == list(CHECKS)
    assert len(ANSWERS) == 20


@pytest.mark.parametrize("question", ANSWERS)
def test_an_answer_ends_with_a_link(question: str):
    assert re.search(r"\sSee\s:(doc|ref):`[^.]+`\.\n+$", ANSWERS[question])


@pytest.mark.parametrize("question", ANSWERS)
def test_an_answer_is_true(question: str):
    CHECKS[question](dict(re.findall(r'``(TRUST_PROXY\w*) = "(.*?)"``', ANSWERS[question])))


def ask(
    peer: str = "127.0.0.1",
    settings: Settings | None = None,
    base_url: str = "http://www.example.com",
    **headers: str,
) -> dict[str, Any]:
    """What an app sees of a request; ``X_Real_IP=`` is a header."""
    app = Flask(__name__)
    app.config.update(settings or {})
    TrustProxy(app)

    @app.get("/")
    def index() -> dict[str, Any]:
        return {
            "ip": request.client_ip,
            "remote_addr": request.remote_addr,
            "url": request.url,
            "network": get_client_network(),
            "headers": dict(request.headers),
        }

    response = app.test_client().get(
        "/",
        base_url=base_url,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        environ_overrides={"REMOTE_ADDR": peer},
    )
    assert response.json is not None
    return response.json


@answers("Why is request.remote_addr 127.0.0.1, or 172.17.0.1?")
def _(named: Settings) -> None:
    assert ask("127.0.0.1", X_Forwarded_For=CLIENT)["remote_addr"] == CLIENT
    assert ask("172.17.0.1", X_Forwarded_For=CLIENT)["remote_addr"] == "172.17.0.1"
    assert ask("172.17.0.1", named, X_Forwarded_For=CLIENT)["remote_addr"] == CLIENT
    # What the proxy saw is all that it can tell.
    assert ask("172.17.0.2", named, X_Forwarded_For="172.17.0.1")["ip"] == "172.17.0.1"


@answers("Why do redirects and url_for say http?")
def _(named: Settings) -> None:
    app = Flask(__name__)
    app.config["PREFERRED_URL_SCHEME"] = "https"
    TrustProxy(app)
    app.add_url_rule("/d/", "d", lambda: url_for("d", _external=True))

    def urls(peer: str, proto: str | None) -> set[str]:
        """What a view builds, and where a redirect goes."""
        headers = {"X-Forwarded-Proto": proto} if proto else {}
        view, slash = (
            app.test_client().get(
                path,
                base_url="http://localhost",
                headers=headers,
                environ_overrides={"REMOTE_ADDR": peer},
            )
            for path in ("/d/", "/d")
        )
        return {view.text, slash.headers["Location"]}

    assert urls("127.0.0.1", None) == {"http://localhost/d/"}
    assert urls("127.0.0.1", "https") == {"https://localhost/d/"}
    assert urls(OTHER, "https") == {"http://localhost/d/"}
    app.config["SERVER_NAME"] = "www.example.com"
    with app.app_context():
        assert url_for("d", _external=True) == "https://www.example.com/d/"


@answers('Why does OAuth say "redirect_uri mismatch", or that it must use https?')
def _(named: Settings) -> None:
    app = Flask(__name__)
    TrustProxy(app)

    @app.get("/back")
    def back() -> list[str]:
        return [url_for("back", _external=True), request.url]

    for headers, scheme in (({}, "http"), ({"X-Forwarded-Proto": "https"}, "https")):
        urls = app.test_client().get("/back?code=c", headers=headers).json
        assert urls == [f"{scheme}://localhost/back", f"{scheme}://localhost/back?code=c"]


@answers("Why does Flask-Limiter limit everybody at once, or nobody?")
def _(named: Settings) -> None:
    clients = (CLIENT, OTHER, "2001:db8:1:2::9", "2001:db8:1:2::a")
    without = {"TRUST_PROXY": False}
    shared = {ask(settings=without, X_Forwarded_For=ip)["remote_addr"] for ip in clients}
    assert shared == {"127.0.0.1"}
    seen = [ask(X_Forwarded_For=ip, CF_Connecting_IP=FORGED) for ip in clients]
    assert [each["remote_addr"] for each in seen] == list(clients)
    assert {each["headers"].get("Cf-Connecting-Ip") for each in seen} == {None}
    networks = [each["network"] for each in seen]
    assert networks == [f"{CLIENT}/32", f"{OTHER}/32", *["2001:db8:1:2::/64"] * 2]


@answers('Is X-Forwarded-For.split(",")[0] safe?')
def _(named: Settings) -> None:
    appended = f"{FORGED}, {CLIENT}"
    assert appended.split(",")[0] == FORGED
    seen = ask(X_Forwarded_For=appended)
    assert seen["ip"] == seen["remote_addr"] == CLIENT
    assert seen["headers"]["X-Forwarded-For"].split(",")[0] == CLIENT


@answers("What is my x_for number of ProxyFix?")
def _(named: Settings) -> None:
    def fixed(header: str) -> str:
        environ = {
            **create_environ(),
            "REMOTE_ADDR": "10.0.0.2",
            "HTTP_X_FORWARDED_FOR": header,
        }
        ProxyFix(lambda environ, start_response: [], x_for=2)(environ, lambda *args: None)
        return environ["REMOTE_ADDR"]

    addresses = {"TRUST_PROXY": "10.0.0.2, 192.0.2.10"}

    def three(header: str) -> list[str]:
        ours = [
            ask("10.0.0.2", settings, X_Forwarded_For=header)["remote_addr"]
            for settings in (named, addresses)
        ]
        return [fixed(header), *ours]

    assert named == {"TRUST_PROXY": "2"}
    assert three(f"{FORGED}, {CLIENT}, 192.0.2.10") == [CLIENT, CLIENT, CLIENT]
    past_the_edge = f"{FORGED}, {CLIENT}"
    assert three(past_the_edge) == [FORGED, FORGED, CLIENT]


@answers("I have Cloudflare and nginx. What do I set?")
def _(named: Settings) -> None:
    settings = {**named, "TRUST_PROXY": f"loopback, {CDN}"}
    through = ask(settings=settings, X_Forwarded_For=f"{FORGED}, {CLIENT}, {EDGE}")
    assert through["ip"] == CLIENT
    past_the_cdn = ask(settings=settings, X_Forwarded_For=f"{FORGED}, {CLIENT}")
    assert past_the_cdn["ip"] == CLIENT
    settings["TRUST_PROXY_HEADERS"] = "CF-Connecting-IP"
    passed_on = ask(settings=settings, CF_Connecting_IP=FORGED)
    assert passed_on["ip"] == FORGED


@answers("What do I set on AWS, behind a load balancer, Beanstalk or CloudFront?")
def _(named: Settings) -> None:
    balancer, balanced = "10.0.1.7", f"{FORGED}, {CLIENT}"
    assert ask(balancer, named, X_Forwarded_For=balanced)["ip"] == CLIENT

    def and_more(trusted: str) -> Settings:
        trust = f"{named['TRUST_PROXY']}, {trusted}"
        return {**named, "TRUST_PROXY": trust, "TRUST_PROXY_MAX_HOPS": 2}

    cloudfront = ask(balancer, and_more(CDN), X_Forwarded_For=f"{balanced}, {EDGE}")
    beanstalk = ask(settings=and_more("loopback"), X_Forwarded_For=f"{balanced}, {balancer}")
    assert cloudfront["ip"] == beanstalk["ip"] == CLIENT
    everybody = {"TRUST_PROXY": True}
    assert ask(balancer, everybody, X_Forwarded_For=balanced)["ip"] == FORGED


@answers("What do I set on Heroku, Render, Fly.io or Railway?")
def _(named: Settings) -> None:
    count: Settings = {"TRUST_PROXY": 1}
    heroku = ask("10.1.2.3", count, X_Forwarded_For=f"{FORGED}, {CLIENT}")
    count["TRUST_PROXY_HEADERS"] = "Fly-Client-IP, X-Forwarded-Proto"
    fly = ask("172.16.0.2", count, X_Forwarded_For=FORGED, Fly_Client_IP=CLIENT)
    count["TRUST_PROXY_HEADERS"] = "X-Real-IP, X-Forwarded-Proto"
    railway = ask("100.64.0.2", count, X_Forwarded_For=FORGED, X_Real_IP=CLIENT)
    assert heroku["ip"] == fly["ip"] == railway["ip"] == CLIENT
    # Who comes past the platform's proxy is believed as that one is.
    assert ask(OTHER, count, X_Real_IP=FORGED)["ip"] == FORGED


@answers("Why does Flask-WTF say that the referrer is missing, or does not match the host?")
def _(named: Settings) -> None:
    upstream = ask(base_url="http://127.0.0.1:8000", X_Forwarded_Proto="https")
    passed_on = ask(base_url="http://www.example.com", X_Forwarded_Proto="https")
    assert upstream["url"] == "https://127.0.0.1:8000/"
    assert passed_on["url"] == "https://www.example.com/"


@answers("Why is the port lost, or 8080, in URLs?")
def _(named: Settings) -> None:
    with_port = {"TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Port"}

    def url(host: str, port: str, settings: Settings | None = None) -> str:
        headers = {"X_Forwarded_Proto": "https", "X_Forwarded_Port": port}
        return ask(settings=settings, base_url=f"http://{host}", **headers)["url"]

    assert url("www.example.com", "8443") == "https://www.example.com/"
    assert url("www.example.com:8443", "") == "https://www.example.com:8443/"
    assert url("www.example.com", "8443", with_port) == "https://www.example.com:8443/"
    assert url("www.example.com:8080", "8443", with_port) == "https://www.example.com:8443/"
    assert url("www.example.com:8080", "443", with_port) == "https://www.example.com/"


@answers("How do I serve the app under a prefix?")
def _(named: Settings) -> None:
    with_prefix = {"TRUST_PROXY_HEADERS": "X-Forwarded-For, X-Forwarded-Prefix"}

    def url(prefix: str, settings: Settings | None = None) -> str:
        return ask(settings=settings, X_Forwarded_Prefix=prefix)["url"]

    assert url("/shop", with_prefix) == "http://www.example.com/shop/"
    assert url("/", with_prefix) == "http://www.example.com/"
    assert url("shop and more", with_prefix) == "http://www.example.com/"
    assert url("/shop") == "http://www.example.com/"


@answers("Can a client forge X-Forwarded-Host, and poison mails or caches?")
def _(named: Settings) -> None:
    seen = ask(X_Forwarded_Host="evil.example.com")
    assert seen["url"] == "http://www.example.com/"
    assert "X-Forwarded-Host" not in seen["headers"]
    assert ask(base_url="http://evil.example.com")["url"] == "http://evil.example.com/"
    if tuple(map(int, version("flask").split(".")[:2])) < (3, 1):
        return  # has no TRUSTED_HOSTS
    app = Flask(__name__)
    app.config["TRUST_PROXY_HEADERS"] = "X-Forwarded-For, X-Forwarded-Host"
    app.config["TRUSTED_HOSTS"] = ["www.example.com"]
    TrustProxy(app)
    app.add_url_rule("/", view_func=lambda: request.url)
    client = app.test_client()
    for believed, status in (("www.example.com", 200), ("evil.example.com", 400)):
        response = client.get("/", headers={"X-Forwarded-Host": believed})
        assert response.status_code == status
    assert client.get("/", base_url="http://evil.example.com").status_code == 400


@answers("How do I get secure cookies if the proxy ends TLS?")
def _(named: Settings) -> None:
    def cookies(scheme: str, settings: Settings) -> dict[str, bool]:
        """Whether each cookie of a response is Secure."""
        app = Flask(__name__)
        app.secret_key = "for tests"
        app.config.update(settings)
        TrustProxy(app)

        @app.after_request
        def set_both(response: Any) -> Any:
            session["user"] = "u"
            response.set_cookie("theme", "dark")
            return response

        response = app.test_client().get("/", headers={"X-Forwarded-Proto": scheme})
        lines = response.headers.getlist("Set-Cookie")
        return {line.partition("=")[0]: "; Secure" in line for line in lines}

    assert cookies("https", {}) == {"session": True, "theme": False}
    assert cookies("http", {}) == {"session": False, "theme": False}
    assert cookies("https", named) == {"session": True, "theme": True}
    static = {"SESSION_COOKIE_SECURE": True}
    assert cookies("http", static) == {"session": True, "theme": False}


@answers("Why does an address have a port, brackets or ::ffff:?")
def _(named: Settings) -> None:
    for written, address in (
        (f"{CLIENT}:4711", CLIENT),
        (f"::ffff:{CLIENT}", CLIENT),
        ("[2001:DB8:0::9]:4711", "2001:db8::9"),
    ):
        seen = ask(X_Forwarded_For=written)
        assert seen["ip"] == seen["remote_addr"] == address
    assert ask("::ffff:203.0.113.9")["remote_addr"] == CLIENT


@answers("Why does Flask-SocketIO answer 400, or take pages of another site?")
def _(named: Settings) -> None:
    def origins(wrapped_last: bool) -> list[str | None]:
        """What a middleware around an app reads of a forged host, and of the scheme."""
        app = Flask(__name__)
        read: list[str | None] = []

        def wrap() -> None:
            inner = app.wsgi_app

            def outer(environ: Any, start_response: Any) -> Any:
                read.extend(map(environ.get, ("HTTP_X_FORWARDED_HOST", "wsgi.url_scheme")))
                return inner(environ, start_response)

            app.wsgi_app = outer

        steps = [lambda: TrustProxy(app), wrap]
        for step in steps if wrapped_last else reversed(steps):
            step()
        headers = {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "https"}
        app.test_client().get("/", headers=headers)
        return read

    assert origins(wrapped_last=True) == ["evil.example.com", "http"]
    assert origins(wrapped_last=False) == [None, "https"]


@answers("Why does Sentry show the wrong address of a user?")
def _(named: Settings) -> None:
    reported: list[str] = []

    class Traced(Flask):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            reported.append(environ["HTTP_X_FORWARDED_FOR"].split(",")[0])
            return super().__call__(environ, start_response)

    app = Traced(__name__)
    TrustProxy(app)
    app.add_url_rule("/", view_func=lambda: str(request.client_ip))
    for application in (app, TrustProxyMiddleware(app)):
        environ = {**create_environ(), "REMOTE_ADDR": "127.0.0.1"}
        environ["HTTP_X_FORWARDED_FOR"] = f"{FORGED}, {CLIENT}"
        body, status, _ = run_wsgi_app(application, environ)
        assert (status, b"".join(body)) == ("200 OK", CLIENT.encode())
    assert reported == [FORGED, CLIENT]


@answers("Do I still need gunicorn's --forwarded-allow-ips?")
def _(named: Settings) -> None:
    class Plain:
        """A connection without TLS, whose scheme gunicorn took from a header."""

    def seen(peer: str, settings: Settings | None = None, **headers: str) -> tuple[str, str]:
        app = Flask(__name__)
        app.config.update(settings or {})
        TrustProxy(app)
        environ = {**create_environ("/", "https://www.example.com"), "REMOTE_ADDR": peer}
        environ.update({"gunicorn.socket": Plain(), **headers})
        with app.request_context(environ):
            return request.remote_addr or "", request.scheme

    https = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": CLIENT}
    assert seen("127.0.0.1") == ("127.0.0.1", "http")
    assert seen(OTHER, **https) == (OTHER, "http")
    assert seen("127.0.0.1", **https) == (CLIENT, "https")
    for settings in ({}, named):  # gunicorn names a socket by an empty text
        assert seen("", settings, **https) == (CLIENT, "https")


@answers("How do I test it?")
def _(named: Settings) -> None:
    app = Flask(__name__)
    TrustProxy(app)
    app.add_url_rule("/", view_func=lambda: str(request.client_ip))
    assert proxied_client(app, client=CLIENT, forged=FORGED).get("/").text == CLIENT
    assert_unforgeable(app)
    careless = app.test_client().get("/", headers={"X-Forwarded-For": FORGED})
    assert careless.text == FORGED
    assert {"explain", "probe"} <= set(trust_proxy.commands)


@answers("Which address may I store, and why is client_ip None?")
def _(named: Settings) -> None:
    app = Flask(__name__)
    TrustProxy(app)
    for address, network in (
        (CLIENT, "203.0.113.0/24"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"),
    ):
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            assert get_client_network(24, 48) == network
    # What a server may say of a proxy on a unix-domain socket.
    with app.test_request_context(environ_overrides={"REMOTE_ADDR": "localhost"}):
        assert get_client_ip() is None
        assert request.remote_addr == ""
        original = request.environ["flask_trustproxy.original"]
        assert original["REMOTE_ADDR"] == "localhost"
