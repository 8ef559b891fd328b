"""The edge: through it or not, and what follows for scheme, identity and REQUIRED."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from flask import Flask, jsonify, url_for
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, create_environ, run_wsgi_app

from flask_trustproxy import (
    SettingError,
    TrustProxy,
    TrustProxyMiddleware,
    get_resolution,
    request,
)
from flask_trustproxy.testing import assert_unforgeable, proxied_client

CLIENT, NGINX, CDN = "203.0.113.9", "10.0.0.2", "198.51.100.7"
SECRET, NEXT = "a-secret-of-20-chars", "the-next-secret-value"
VERIFY = "X-Origin-Verify"
BOTH = {"TRUST_PROXY": "10.0.0.2, 198.51.100.0/24"}
EDGE = {**BOTH, "TRUST_PROXY_EDGE": "198.51.100.0/24"}
WITH_SECRET = {"TRUST_PROXY_EDGE_SECRET": f"{VERIFY}: {SECRET}"}
IDENTITY = {"TRUST_PROXY_IDENTITY_HEADERS": "Remote-User, X-Forwarded-Email"}


def make_app(**config):
    app = Flask(__name__)
    app.config.update(config)

    @app.route("/", defaults={"path": ""})
    @app.route("/<path:path>")
    def index(path):
        resolution = get_resolution()
        return jsonify(
            ip=request.client_ip,
            ips=request.client_ips,
            scheme=request.scheme,
            url=url_for("index", path="x", _external=True),
            edge=resolution.through_edge,
            missed=resolution.missed,
            user=request.headers.get("Remote-User"),
            verify=request.headers.get(VERIFY),
        )

    TrustProxy(app)
    return app


def ask(app, peer=NGINX, path="/", **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent.setdefault("X-Forwarded-Proto", "https")
    return Client(app).get(path, headers=sent, environ_base={"REMOTE_ADDR": peer})


def answer(app, peer=NGINX, **headers):
    response = ask(app, peer, **headers)
    assert response.status_code == 200
    return response.json


def secret(value=SECRET):
    return {VERIFY: value}


class TestThroughTheEdge:
    @pytest.mark.parametrize(
        ("config", "peer", "headers", "missed", "client"),
        [
            pytest.param(
                BOTH, NGINX, {"X-Forwarded-For": CLIENT}, None, CLIENT, id="no edge is set"
            ),
            pytest.param(
                BOTH,
                CLIENT,
                {"X-Forwarded-For": "1.2.3.4"},
                "not_trusted",
                CLIENT,
                id="no edge is set, and the peer is not trusted",
            ),
            pytest.param(
                EDGE,
                NGINX,
                {"X-Forwarded-For": f"{CLIENT}, {CDN}"},
                None,
                CLIENT,
                id="through both proxies",
            ),
            pytest.param(
                EDGE, CDN, {"X-Forwarded-For": CLIENT}, None, CLIENT, id="the edge is the peer"
            ),
            pytest.param(
                EDGE,
                NGINX,
                {"X-Forwarded-For": CLIENT},
                "no_edge_hop",
                CLIENT,
                id="a stranger reaches the nearer proxy directly",
            ),
            pytest.param(
                EDGE,
                NGINX,
                {"X-Forwarded-For": f"{CDN}, {CLIENT}"},
                "no_edge_hop",
                CLIENT,
                id="a stranger forges an entry of the edge",
            ),
            pytest.param(
                EDGE,
                CLIENT,
                {"X-Forwarded-For": CDN},
                "not_trusted",
                CLIENT,
                id="a stranger reaches the app directly",
            ),
            pytest.param(
                {**EDGE, **WITH_SECRET},
                NGINX,
                {"X-Forwarded-For": f"{CLIENT}, {CDN}", **secret()},
                None,
                CLIENT,
                id="through both, with the secret",
            ),
            pytest.param(
                {**EDGE, **WITH_SECRET},
                NGINX,
                {"X-Forwarded-For": f"1.2.3.4, {CDN}"},
                "no_secret",
                CDN,
                id="another customer of the CDN: the walk ends at the edge",
            ),
            pytest.param(
                {**EDGE, **WITH_SECRET},
                CDN,
                {"X-Forwarded-For": "1.2.3.4"},
                "no_secret",
                CDN,
                id="another customer of the CDN, which is the peer",
            ),
            pytest.param(
                {**EDGE, **WITH_SECRET},
                NGINX,
                {"X-Forwarded-For": f"{CLIENT}, {CDN}", **secret("x" * 20)},
                "no_secret",
                CDN,
                id="a wrong secret",
            ),
            pytest.param(
                {**EDGE, **WITH_SECRET},
                NGINX,
                {"X-Forwarded-For": CLIENT, **secret()},
                "no_edge_hop",
                CLIENT,
                id="the secret alone is not enough if the edge has addresses",
            ),
            pytest.param(
                {**BOTH, **WITH_SECRET},
                NGINX,
                {"X-Forwarded-For": CLIENT},
                "no_secret",
                NGINX,
                id="no secret and no addresses of the edge: nothing is believed",
            ),
            pytest.param(
                {"TRUST_PROXY": 1, **WITH_SECRET},
                "192.0.2.1",
                {"X-Forwarded-For": CLIENT, **secret()},
                None,
                CLIENT,
                id="a count with the secret",
            ),
            pytest.param(
                {"TRUST_PROXY": 1, **WITH_SECRET},
                "192.0.2.1",
                {"X-Forwarded-For": CLIENT},
                "no_secret",
                "192.0.2.1",
                id="a count without it",
            ),
            pytest.param(
                {"TRUST_PROXY": True, **WITH_SECRET},
                "192.0.2.1",
                {"X-Forwarded-For": CLIENT},
                "no_secret",
                "192.0.2.1",
                id="everybody without it",
            ),
            pytest.param(
                {"TRUST_PROXY": 2, **WITH_SECRET},
                "192.0.2.1",
                {"X-Forwarded-For": CLIENT, **secret()},
                "not_trusted",
                "192.0.2.1",
                id="a count that is not reached, with the secret",
            ),
            pytest.param(
                {**WITH_SECRET, "TRUST_PROXY": lambda address, hop: address == NGINX},
                NGINX,
                {"X-Forwarded-For": CLIENT, **secret()},
                None,
                CLIENT,
                id="a callable",
            ),
            pytest.param(
                {"TRUST_PROXY": "unix", "TRUST_PROXY_EDGE": "unix"},
                "unix:",
                {"X-Forwarded-For": CLIENT},
                None,
                CLIENT,
                id="the edge is a unix-domain socket",
            ),
        ],
    )
    def test_a_request(self, config, peer, headers, missed, client):
        said = answer(make_app(**config), peer, **headers)
        assert (said["missed"], said["edge"], said["ip"]) == (missed, missed is None, client)
        assert said["scheme"] == ("https" if missed is None else "http")
        assert said["verify"] is None

    @pytest.mark.parametrize(
        ("headers", "ignored"),
        [
            pytest.param("X-Forwarded-For, X-Forwarded-Proto", "X-Forwarded-Proto", id="list"),
            pytest.param("Forwarded", "Forwarded proto", id="Forwarded"),
        ],
    )
    def test_a_scheme_that_did_not_come_through_says_why(self, headers, ignored):
        app = make_app(**EDGE, TRUST_PROXY_HEADERS=headers)
        environ = create_environ("/", headers={"Forwarded": f"for={CLIENT};proto=https"})
        environ.update(REMOTE_ADDR=NGINX, HTTP_X_FORWARDED_FOR=CLIENT)
        environ["HTTP_X_FORWARDED_PROTO"] = "https"
        with app.request_context(environ):
            resolution = get_resolution()
            environ = request.environ
        (one,) = resolution.ignored
        assert one == (ignored, "https", "no trusted hop is in TRUST_PROXY_EDGE")
        assert environ["wsgi.url_scheme"] == "http"
        assert "HTTP_X_FORWARDED_PROTO" not in environ


class TestTheSecret:
    @pytest.mark.parametrize(
        ("sent", "right"),
        [
            pytest.param(SECRET, True, id="the first"),
            pytest.param(NEXT, True, id="the next"),
            pytest.param("", False, id="empty"),
            pytest.param(SECRET.upper(), False, id="another case"),
            pytest.param(SECRET[:-1], False, id="a part"),
            pytest.param(f"{SECRET}x", False, id="more"),
            pytest.param(
                f"{SECRET},{SECRET}", False, id="a client's own line, and the right one"
            ),
            pytest.param(f"{SECRET}, {NEXT}", False, id="both"),
            pytest.param("\xff" * 20, False, id="not ASCII"),
        ],
    )
    @pytest.mark.parametrize(
        "setting",
        [
            pytest.param(f"{VERIFY}: {SECRET}, {VERIFY.lower()}: {NEXT}", id="text"),
            pytest.param([f"{VERIFY}:{SECRET}", f"{VERIFY}: {NEXT} "], id="list"),
        ],
    )
    def test_two_values_while_one_is_replaced(self, setting, sent, right):
        app = make_app(**BOTH, TRUST_PROXY_EDGE_SECRET=setting)
        said = answer(app, **{"X-Forwarded-For": CLIENT, VERIFY: sent})
        assert said["edge"] is right

    @pytest.mark.parametrize("sent", [SECRET, "x" * 20], ids=["right", "wrong"])
    @pytest.mark.parametrize("clean", [True, False], ids=["cleaned", "not cleaned"])
    def test_it_is_in_no_environ_log_repr_or_error(self, caplog, clean, sent):
        caplog.set_level(logging.DEBUG)
        app = make_app(**EDGE, **WITH_SECRET, TRUST_PROXY_CLEAN_HEADERS=clean)
        environ = create_environ("/", headers={"X-Forwarded-For": f"{CLIENT}, {CDN}"})
        environ.update({"REMOTE_ADDR": NGINX, "HTTP_X_ORIGIN_VERIFY": sent})
        with app.request_context(environ):
            shown = [repr(get_resolution()), repr(get_resolution().policy)]
            shown.append(repr(dict(request.environ)))
        shown.append(caplog.text)
        assert [text for text in shown if SECRET in text or sent in text] == []
        assert request_key_is_gone(environ)

    def test_it_is_in_no_error(self):
        with pytest.raises(SettingError) as caught:
            make_app(**BOTH, TRUST_PROXY_EDGE_SECRET=f"X-Verify: {SECRET} {NEXT}")
        assert SECRET not in str(caught.value) + repr(caught.value)

    def test_it_is_not_a_text_in_a_foreign_environ(self):
        app = make_app(**BOTH, **WITH_SECRET)
        environ = create_environ("/")
        environ.update({"REMOTE_ADDR": NGINX, "HTTP_X_ORIGIN_VERIFY": SECRET.encode()})
        with app.request_context(environ):
            assert get_resolution().missed == "no_secret"


def request_key_is_gone(environ):
    return "HTTP_X_ORIGIN_VERIFY" not in {**environ, **environ["flask_trustproxy.original"]}


class TestIdentityHeaders:
    @pytest.mark.parametrize("clean", [True, False], ids=["cleaned", "not cleaned"])
    @pytest.mark.parametrize(
        ("config", "peer", "headers", "user"),
        [
            pytest.param(
                EDGE,
                NGINX,
                {"X-Forwarded-For": f"{CLIENT}, {CDN}"},
                "admin",
                id="through the edge",
            ),
            pytest.param(
                EDGE, NGINX, {"X-Forwarded-For": CLIENT}, None, id="from a nearer proxy"
            ),
            pytest.param(BOTH, CLIENT, {}, None, id="directly, without a proxy"),
            pytest.param(BOTH, NGINX, {}, "admin", id="each trusted peer is the edge"),
            pytest.param({**BOTH, **WITH_SECRET}, NGINX, {}, None, id="no secret"),
            pytest.param({**BOTH, **WITH_SECRET}, NGINX, secret(), "admin", id="the secret"),
            pytest.param({"TRUST_PROXY": False}, NGINX, {}, None, id="nobody is trusted"),
        ],
    )
    def test_they_arrive_through_the_edge_alone(self, config, peer, headers, user, clean):
        app = make_app(**config, **IDENTITY, TRUST_PROXY_CLEAN_HEADERS=clean)
        said = answer(app, peer, **headers, **{"Remote-User": "admin"})
        assert said["user"] == user

    def test_the_original_keeps_them(self):
        app = make_app(**BOTH, **IDENTITY)
        environ = create_environ("/", headers={"Remote-User": "admin"})
        environ["REMOTE_ADDR"] = CLIENT
        with app.request_context(environ):
            assert environ["flask_trustproxy.original"]["HTTP_REMOTE_USER"] == "admin"
            assert "HTTP_REMOTE_USER" not in environ


class TestScheme:
    @pytest.mark.parametrize(
        ("config", "peer", "proto", "scheme"),
        [
            pytest.param(BOTH, NGINX, None, "https", id="no header says it"),
            pytest.param(BOTH, NGINX, "http", "http", id="a header says http"),
            pytest.param(BOTH, NGINX, "tls", "https", id="a header is not understood"),
            pytest.param(BOTH, CLIENT, None, "http", id="the peer is not trusted"),
            pytest.param(EDGE, NGINX, None, "http", id="not through the edge"),
            pytest.param(
                {**BOTH, "TRUST_PROXY_HEADERS": "none"},
                NGINX,
                None,
                "https",
                id="no header is read",
            ),
        ],
    )
    def test_https_is_assumed_of_what_came_through_the_edge(self, config, peer, proto, scheme):
        app = make_app(**config, TRUST_PROXY_SCHEME="https")
        headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": proto}
        environ = create_environ("/", "http://www.example.com")
        environ["REMOTE_ADDR"] = peer
        for name, value in headers.items():
            if value is not None:
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        with app.request_context(environ):
            assert request.scheme == scheme
            assert url_for("index", _external=True) == f"{scheme}://www.example.com/"
            assert environ["SERVER_PORT"] == ("443" if scheme == "https" else "80")


class TestRequired:
    @pytest.mark.parametrize(
        ("config", "peer", "headers", "status", "why"),
        [
            pytest.param(
                EDGE,
                NGINX,
                {"X-Forwarded-For": f"{CLIENT}, {CDN}"},
                200,
                "",
                id="through the edge",
            ),
            pytest.param(
                EDGE,
                NGINX,
                {"X-Forwarded-For": CLIENT},
                403,
                "no trusted hop is in TRUST_PROXY_EDGE",
                id="from a nearer proxy",
            ),
            pytest.param(
                {"TRUST_PROXY": 1, **WITH_SECRET},
                CLIENT,
                {"X-Forwarded-For": CLIENT},
                403,
                "TRUST_PROXY_EDGE_SECRET is missing or wrong",
                id="no secret",
            ),
            pytest.param(
                {"TRUST_PROXY": 1, **WITH_SECRET},
                CLIENT,
                {"X-Forwarded-For": CLIENT, **secret()},
                200,
                "",
                id="a count, secret",
            ),
            pytest.param(
                {"TRUST_PROXY": True, **WITH_SECRET},
                CLIENT,
                secret(),
                200,
                "",
                id="everybody, secret",
            ),
        ],
    )
    def test_it_asks_for_the_edge(self, caplog, config, peer, headers, status, why):
        app = make_app(**config, TRUST_PROXY_REQUIRED="/healthz")
        assert ask(app, peer, **headers).status_code == status
        assert why in caplog.text
        assert ask(app, peer, "/healthz").status_code == 200


class TestAnInnerTrustProxy:
    def inner(self, outer, **config):
        app = make_app(**config)
        return TrustProxyMiddleware(app, **outer)

    @pytest.mark.parametrize(
        ("edge", "status"),
        [
            pytest.param("198.51.100.0/24", 200, id="a hop that the outer one found"),
            pytest.param("192.0.2.0/24", 403, id="no hop"),
        ],
    )
    def test_it_asks_its_own_edge_of_the_hops_of_the_outer_one(self, edge, status):
        app = self.inner(
            {"trust": BOTH["TRUST_PROXY"]},
            **BOTH,
            TRUST_PROXY_EDGE=edge,
            TRUST_PROXY_REQUIRED=True,
        )
        assert ask(app, **{"X-Forwarded-For": f"{CLIENT}, {CDN}"}).status_code == status

    @pytest.mark.parametrize(
        ("outer", "sent", "user"),
        [
            pytest.param({}, secret(), "admin", id="the header is still there"),
            pytest.param({}, {}, None, id="a stranger leaves it out"),
            pytest.param(
                {"edge_secret": f"{VERIFY}: {SECRET}"},
                secret(),
                "admin",
                id="the outer one has compared it",
            ),
            pytest.param(
                {"edge_secret": f"{VERIFY}: {SECRET}"},
                {},
                None,
                id="the outer one has missed it",
            ),
            pytest.param(
                {"edge_secret": f"{VERIFY}: {NEXT}"},
                secret(NEXT),
                None,
                id="the outer one has another secret",
            ),
        ],
    )
    def test_it_asks_its_own_secret(self, outer, sent, user):
        app = self.inner(
            {"trust": BOTH["TRUST_PROXY"], **outer}, **BOTH, **WITH_SECRET, **IDENTITY
        )
        response = ask(app, **{"X-Forwarded-For": CLIENT, "Remote-User": "admin", **sent})
        assert response.json["user"] == user
        assert response.json["verify"] is None


MISTAKES = [
    pytest.param(
        {"TRUST_PROXY": True, "TRUST_PROXY_EDGE": CDN},
        "TRUST_PROXY_EDGE",
        "a client could write",
        id="an edge, and everybody is trusted",
    ),
    pytest.param(
        {"TRUST_PROXY": 2, "TRUST_PROXY_EDGE": CDN},
        "TRUST_PROXY_EDGE",
        "a client could write",
        id="an edge, and a count",
    ),
    pytest.param(
        {"TRUST_PROXY": False, "TRUST_PROXY_EDGE": CDN},
        "TRUST_PROXY_EDGE",
        "a client could write",
        id="an edge, and nobody is trusted",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE": 1}, "TRUST_PROXY_EDGE", "outermost", id="an edge that is a count"
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE": True},
        "TRUST_PROXY_EDGE",
        "outermost",
        id="an edge that is everybody",
    ),
    pytest.param({"TRUST_PROXY_EDGE": []}, "TRUST_PROXY_EDGE", "outermost", id="an empty edge"),
    pytest.param(
        {"TRUST_PROXY_EDGE": ""},
        "TRUST_PROXY_EDGE",
        "got nothing",
        id="an edge that is an empty text",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE": lambda address, hop: True},
        "TRUST_PROXY_EDGE",
        "outermost",
        id="an edge that is a callable",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": "X-Verify: short"},
        "TRUST_PROXY_EDGE_SECRET",
        "16",
        id="a short secret",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": SECRET},
        "TRUST_PROXY_EDGE_SECRET",
        "Name: value",
        id="a secret without a name",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": ""},
        "TRUST_PROXY_EDGE_SECRET",
        "Name: value",
        id="an empty text",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": []},
        "TRUST_PROXY_EDGE_SECRET",
        "Name: value",
        id="an empty list",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": f"X-Verify: {SECRET} {SECRET}"},
        "TRUST_PROXY_EDGE_SECRET",
        "space",
        id="a space in a secret",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": f"X-Verify: {SECRET}\xe9"},
        "TRUST_PROXY_EDGE_SECRET",
        "ASCII",
        id="a secret that is not ASCII",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": f"X_Verify: {SECRET}"},
        "TRUST_PROXY_EDGE_SECRET",
        "Name: value",
        id="an underscore",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": 7},
        "TRUST_PROXY_EDGE_SECRET",
        "list of texts",
        id="a number",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": [f"X-A: {SECRET}", f"X-B: {NEXT}"]},
        "TRUST_PROXY_EDGE_SECRET",
        "one name",
        id="two names",
    ),
    pytest.param(
        {"TRUST_PROXY_EDGE_SECRET": f"X-Forwarded-Server: {SECRET}"},
        "TRUST_PROXY_EDGE_SECRET",
        "forwarding header",
        id="a secret in a forwarding header",
    ),
    pytest.param(
        {
            "TRUST_PROXY_EDGE_SECRET": f"X-Acme: {SECRET}",
            "TRUST_PROXY_HEADERS": "X-Acme=address",
        },
        "TRUST_PROXY_EDGE_SECRET",
        "forwarding header",
        id="a secret in a header that is named",
    ),
    *(
        pytest.param(
            {"TRUST_PROXY_EDGE_SECRET": f"{name}: {SECRET}"},
            "TRUST_PROXY_EDGE_SECRET",
            name,
            id=f"a secret in {name}",
        )
        for name in ("Host", "cookie", "Authorization", "Content-Type", "Content-Length")
    ),
    *(
        pytest.param(
            {"TRUST_PROXY_IDENTITY_HEADERS": name},
            "TRUST_PROXY_IDENTITY_HEADERS",
            name,
            id=f"identity in {name}",
        )
        for name in (
            "Host",
            "COOKIE",
            "Authorization",
            "X-Forwarded-For",
            "X-Real-IP",
            "Remote_User",
            "X User",
        )
    ),
    pytest.param(
        {"TRUST_PROXY_IDENTITY_HEADERS": ""},
        "TRUST_PROXY_IDENTITY_HEADERS",
        "''",
        id="identity in nothing",
    ),
    pytest.param(
        {"TRUST_PROXY_IDENTITY_HEADERS": [7]},
        "TRUST_PROXY_IDENTITY_HEADERS",
        "list of texts",
        id="identity in a number",
    ),
    pytest.param(
        {"TRUST_PROXY": 1, **IDENTITY},
        "TRUST_PROXY_IDENTITY_HEADERS",
        "any stranger",
        id="identity, and a count",
    ),
    pytest.param(
        {"TRUST_PROXY": True, **IDENTITY},
        "TRUST_PROXY_IDENTITY_HEADERS",
        "any stranger",
        id="identity, and everybody is trusted",
    ),
    pytest.param(
        {**WITH_SECRET, "TRUST_PROXY_IDENTITY_HEADERS": VERIFY},
        "TRUST_PROXY_IDENTITY_HEADERS",
        "holds the secret",
        id="identity in the secret's header",
    ),
    pytest.param(
        {"TRUST_PROXY_SCHEME": "http"}, "TRUST_PROXY_SCHEME", "'https'", id="the scheme http"
    ),
    pytest.param(
        {"TRUST_PROXY_SCHEME": True},
        "TRUST_PROXY_SCHEME",
        "'https'",
        id="a scheme that is True",
    ),
    pytest.param(
        {"TRUST_PROXY": 1, "TRUST_PROXY_REQUIRED": True},
        "TRUST_PROXY_REQUIRED",
        "TRUST_PROXY_EDGE_SECRET",
        id="required, and a count without a secret",
    ),
    pytest.param(
        {"TRUST_PROXY": False, "TRUST_PROXY_REQUIRED": True, **WITH_SECRET},
        "TRUST_PROXY_REQUIRED",
        "no one",
        id="required, and nobody is trusted",
    ),
]


@pytest.mark.parametrize(("config", "setting", "text"), MISTAKES)
def test_a_mistake_stops_the_start(config, setting, text):
    with pytest.raises(SettingError) as caught:
        make_app(**config)
    assert caught.value.setting == setting
    assert text in str(caught.value)


def test_the_environment_sets_them(monkeypatch):
    monkeypatch.setenv("TRUST_PROXY", "10.0.0.2, 198.51.100.0/24")
    monkeypatch.setenv("TRUST_PROXY_EDGE", "198.51.100.0/24")
    monkeypatch.setenv("TRUST_PROXY_EDGE_SECRET", f"{VERIFY}: {SECRET}, {VERIFY}: {NEXT}")
    monkeypatch.setenv("TRUST_PROXY_IDENTITY_HEADERS", "Remote-User")
    monkeypatch.setenv("TRUST_PROXY_SCHEME", "HTTPS")
    headers = {"X-Forwarded-For": f"{CLIENT}, {CDN}", "X-Forwarded-Proto": "", VERIFY: NEXT}
    said = answer(make_app(), **headers, **{"Remote-User": "admin"})
    assert (said["ip"], said["scheme"], said["user"]) == (CLIENT, "https", "admin")


def test_the_plain_middleware_reads_the_environment(monkeypatch):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']}".encode()]

    monkeypatch.setenv("TRUST_PROXY", NGINX)
    monkeypatch.setenv("TRUST_PROXY_SCHEME", "https")
    monkeypatch.setenv("TRUST_PROXY_MAX_HOPS", "")
    environ = create_environ("/", headers={"X-Forwarded-For": CLIENT})
    environ["REMOTE_ADDR"] = NGINX
    body, _, _ = run_wsgi_app(TrustProxyMiddleware.from_environ(application), environ)
    assert b"".join(body) == f"{CLIENT} https".encode()


def test_the_plain_middleware_names_a_mistake_of_the_environment(monkeypatch):
    monkeypatch.setenv("TRUST_PROXY_SCHEME", "ftp")
    with pytest.raises(SettingError, match="TRUST_PROXY_SCHEME='ftp'"):
        TrustProxyMiddleware.from_environ(lambda environ, start_response: [])


def test_a_file_of_the_edge_is_watched(tmp_path: Path, monkeypatch):
    path = tmp_path / "cdn.txt"
    path.write_text("192.0.2.0/24\n")
    now = [1000.0]
    monkeypatch.setattr("flask_trustproxy.watch.monotonic", lambda: now[0])
    app = make_app(**BOTH, TRUST_PROXY_EDGE=f"file:{path}")
    headers = {"X-Forwarded-For": f"{CLIENT}, {CDN}"}
    assert answer(app, **headers)["missed"] == "no_edge_hop"
    path.write_text("198.51.100.0/24\n")
    for _ in range(3):
        now[0] += 1.5
        said = answer(app, **headers)
    assert said["edge"]


class TestTheKit:
    """The proxies of the test client are those that the settings ask for."""

    CONFIGS = [
        pytest.param(EDGE, id="an edge"),
        pytest.param({**EDGE, **WITH_SECRET}, id="an edge with a secret"),
        pytest.param({**BOTH, **WITH_SECRET}, id="a secret"),
        pytest.param({"TRUST_PROXY": 2, **WITH_SECRET}, id="a count with a secret"),
    ]

    @pytest.mark.parametrize("config", CONFIGS)
    def test_an_honest_client_comes_through_the_edge(self, config):
        said = proxied_client(make_app(**config)).get("/").json
        assert (said["ip"], said["edge"], said["scheme"]) == (CLIENT, True, "https")

    def test_a_peer_that_is_no_edge_has_the_edge_before_it(self):
        said = proxied_client(make_app(**EDGE), peer=NGINX).get("/").json
        assert (said["ip"], said["ips"][1:], said["edge"]) == (CLIENT, ["198.51.100.1"], True)

    @pytest.mark.parametrize("config", CONFIGS)
    def test_a_client_that_is_the_peer_has_no_secret(self, config):
        said = proxied_client(make_app(**config), peer=CLIENT).get("/").json
        assert (said["ip"], said["edge"], said["scheme"]) == (CLIENT, False, "https")

    @pytest.mark.parametrize("config", CONFIGS)
    def test_nothing_can_be_forged(self, config):
        assert_unforgeable(make_app(**config, **IDENTITY))


any_text = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=40)


@given(
    peer=st.sampled_from([CLIENT, NGINX, "unix:"]),
    prefix=st.sampled_from([CDN, f"{CDN}, {CDN}", NGINX, "", "unix:", "junk"]) | any_text,
    secrets=st.lists(any_text, max_size=2),
    config=st.sampled_from([EDGE, {**EDGE, **WITH_SECRET}, {**BOTH, **WITH_SECRET}]),
)
def test_nothing_that_a_stranger_writes_turns_through_edge_on(peer, prefix, secrets, config):
    """A stranger, directly or through the nearer proxy, which appends his address."""
    app = make_app(**config)
    environ = create_environ("/")
    environ["REMOTE_ADDR"] = peer
    environ["HTTP_X_FORWARDED_FOR"] = f"{prefix}, {CLIENT}"
    if secrets:
        environ["HTTP_X_ORIGIN_VERIFY"] = ",".join(secrets)
    with app.request_context(environ):
        resolution = get_resolution()
        assert not resolution.through_edge
        assert request.scheme == "http"
        assert request_key_is_gone(environ) or "TRUST_PROXY_EDGE_SECRET" not in config


@given(
    prefix=any_text,
    honest=st.sampled_from([CLIENT, f"{CLIENT}, {CDN}", f"junk, {CDN}"]),
    sent=st.sampled_from([SECRET, NEXT, ""]),
)
def test_prefix_independence_of_through_edge(prefix, honest, sent):
    """Nothing that a client adds in front of an honest list changes the edge."""
    app = make_app(**EDGE, **WITH_SECRET)

    def outputs(value):
        environ = create_environ("/")
        environ.update(REMOTE_ADDR=NGINX, HTTP_X_FORWARDED_FOR=value, HTTP_X_ORIGIN_VERIFY=sent)
        with app.request_context(environ):
            resolution = get_resolution()
            return resolution.client_ip, resolution.client_ips, resolution.missed

    assert outputs(f"{prefix}, {honest}") == outputs(honest)
