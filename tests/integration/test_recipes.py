"""The recipes of deployments: real nginx before the files and settings that readers copy.

A CDN is played by an nginx that does what the CDN's documentation says, and so is the router
of Heroku. oauth2-proxy is played by a small server that answers as its page on nginx says.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .client import CLIENT, HOST, Endpoint, Tcp, ask
from .process import installed
from .proxies import NGINX, NGINX_DEBIAN, Family
from .servers import CARELESS, Server
from .stack import Proxy, Stack

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "examples/recipes"
APPS = ROOT / "tests/neighbours/recipes"
#: What the page on recipes shows and a test here starts.
SHOWN = {
    path
    for name in ("cloudflare", "heroku", "oauth2-proxy", "prefix", "unstripped")
    for path in RECIPES.glob(f"{name}.*")
}

#: Where the proxies are in these tests, and the secret that the settings name.
NEARER, EDGE = "127.0.0.2", "127.0.0.3"
SECRET = "a-long-random-value"

each_nginx = pytest.mark.parametrize(
    "nginx", [NGINX, NGINX_DEBIAN], ids=lambda family: family.name
)


def shown(name: str) -> str:
    return (RECIPES / name).read_text("utf-8")


def settings(name: str, tmp_path: Path) -> dict[str, str]:
    """The variables of a file, with the addresses that the proxies have in a test."""
    cdn = tmp_path / "cdn.txt"
    cdn.write_text(f"{EDGE}\n")
    text = shown(name).replace("/etc/trust-proxy/cloudflare.txt", str(cdn))
    lines = text.replace("127.0.0.1", NEARER).splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def app_of(module: str, name: str = "app") -> Server:
    """Serves one of the apps on the page; it folds X_Forwarded_For, as many servers do."""
    options = (
        f"--umask 0 --header-map dangerous --forwarded-allow-ips 192.0.2.1 {module}:{name}"
    )
    return Server(
        f"gunicorn with {module}",
        installed("gunicorn"),
        "pip install gunicorn",
        lambda program, at: [
            *(program, "--bind", str(at), "--pythonpath", str(APPS)),
            *options.split(),
        ],
    )


MOUNT = "fastapi_mount"
IDENTITY, UNSTRIPPED = app_of("identity"), app_of("unstripped")
FASTAPI = Server(
    "uvicorn with fastapi_mount",
    installed("uvicorn"),
    "pip install uvicorn fastapi a2wsgi",
    lambda program, at: [
        *(program, "--host", "127.0.0.1", "--port", str(at).partition(":")[2]),
        *("--no-proxy-headers", "--app-dir", str(APPS), f"{MOUNT}:api"),
    ],
)

#: A CDN: it appends its client, overwrites the scheme, and adds a header by a rule.
CDN = """
server {{
    listen 80;
    listen 443 ssl;
    ssl_certificate /etc/ssl/private/www.example.com.pem;
    ssl_certificate_key /etc/ssl/private/www.example.com.pem;
    location / {{
        proxy_pass https://127.0.0.1:8000;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        {rule}
    }}
}}
"""
OURS = CDN.format(rule=f"proxy_set_header X-Origin-Verify {SECRET};")
#: Another customer of it, who passes on what his own client writes.
ANOTHER = CDN.format(rule="").replace("$proxy_add_x_forwarded_for", "$http_x_forwarded_for")
#: Heroku's router: it appends its client, and says the scheme and port of the connection.
ROUTER = """
server {
    listen 80;
    listen 443 ssl;
    ssl_certificate /etc/ssl/private/www.example.com.pem;
    ssl_certificate_key /etc/ssl/private/www.example.com.pem;
    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Port $server_port;
    }
}
"""

FORGED = (
    f"X-Forwarded-For: 6.6.6.6, {EDGE}",
    f"X-Forwarded-For: {EDGE}",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Prefix: /evil",
    "X-Real-IP: 6.6.6.6",
    "CF-Connecting-IP: 6.6.6.6",
    "Forwarded: for=6.6.6.6;proto=http;host=evil.example",
)
GUESS = "X-Origin-Verify: another-random-value"


class Behind:
    """An origin behind a CDN: its nginx or router, and the CDN before that."""

    def __init__(self, stack: Stack, origin: str, env: dict[str, str], nginx: Family) -> None:
        self._stack, self._nginx = stack, nginx
        app = stack.app(env, server=CARELESS)
        self.origin = stack.proxy(nginx, origin, app.endpoint, source=NEARER)
        self.app = app.endpoint

    def cdn(self, rule: str = OURS) -> Proxy:
        return self._stack.proxy(self._nginx, rule, self.origin.https, source=EDGE)


@pytest.fixture(params=["cloudflare", "heroku"])
def origin(request: pytest.FixtureRequest, stack: Stack, tmp_path: Path) -> Behind:
    env = settings(f"{request.param}.env", tmp_path)
    conf = ROUTER if request.param == "heroku" else shown("cloudflare.conf")
    return Behind(stack, conf, env, NGINX_DEBIAN)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="an honest client"),
        pytest.param(FORGED, id="one that forges everything"),
        pytest.param((*FORGED, GUESS), id="one that guesses the secret too"),
    ],
)
def test_a_client_of_the_cdn_is_known(origin: Behind, lines: tuple[str, ...]) -> None:
    believed = ask(origin.cdn().https, *lines).believed
    assert (believed["client_ip"], believed["client_ips"]) == (CLIENT, [CLIENT, EDGE])
    assert (believed["scheme"], believed["host"]) == ("https", HOST)
    assert believed["external"] == f"https://{HOST}/d/"
    assert SECRET not in str(believed)


@pytest.mark.parametrize(
    "lines", [(), FORGED, (*FORGED, GUESS)], ids=["honest", "forged", "guess"]
)
def test_who_does_not_come_through_the_cdn_is_refused(
    origin: Behind, lines: tuple[str, ...]
) -> None:
    for directly in (origin.origin.https, origin.app, origin.cdn(ANOTHER).https):
        assert ask(directly, *lines).status == 403


def test_without_the_secret_another_customer_is_let_in(stack: Stack, tmp_path: Path) -> None:
    """What the secret is for: he connects from the same addresses."""
    env = settings("cloudflare.env", tmp_path)
    del env["TRUST_PROXY_EDGE_SECRET"]
    origin = Behind(stack, shown("cloudflare.conf"), env, NGINX_DEBIAN)
    assert ask(origin.origin.https, *FORGED).status == 403
    forged = ask(origin.cdn(ANOTHER).https, "X-Forwarded-For: 6.6.6.6")
    assert forged.believed["client_ip"] == "6.6.6.6"


# oauth2-proxy


class Oauth2Proxy(BaseHTTPRequestHandler):
    """Answers 202 and who the user is, or 401, as oauth2-proxy does with --set-xauthrequest."""

    def do_GET(self) -> None:
        users = [
            cookie.partition("=")[2]
            for cookie in self.headers.get("Cookie", "").split("; ")
            if cookie.startswith("_oauth2_proxy=")
        ]
        is_auth = self.path == "/oauth2/auth"
        self.send_response((202 if users else 401) if is_auth else 200)
        if is_auth and users:
            self.send_header("X-Auth-Request-User", users[0])
            self.send_header("X-Auth-Request-Email", f"{users[0]}@example.com")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def oauth2_proxy() -> Iterator[int]:
    """Run the stand-in, at the port that this gives."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Oauth2Proxy) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.05))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def authenticated(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Tcp, Endpoint]]:
    """nginx that asks oauth2-proxy, and the app behind it."""
    env = settings("oauth2-proxy.env", tmp_path_factory.mktemp("env"))
    app = stack.app(env, server=IDENTITY)
    with oauth2_proxy() as port:
        conf = shown("oauth2-proxy.conf").replace("127.0.0.1:4180", f"127.0.0.1:{port}")
        yield stack.proxy(NGINX_DEBIAN, conf, app.endpoint, source=NEARER).http, app.endpoint


ADMIN = ("X-Forwarded-User: admin", "X_Forwarded_User: admin", "x-forwarded-user: admin")
ALICE = "Cookie: theme=dark; _oauth2_proxy=alice"


@pytest.mark.parametrize("lines", [(), ADMIN, (*ADMIN, *FORGED)], ids=["", "admin", "all"])
def test_a_user_who_signed_in_is_seen_as_who_he_is(
    authenticated: tuple[Tcp, Endpoint], lines: tuple[str, ...]
) -> None:
    nginx, _ = authenticated
    assert ask(nginx, ALICE, *lines).believed == {"ip": CLIENT, "user": "alice"}


def test_a_user_who_did_not_sign_in_is_sent_to_do_so(
    authenticated: tuple[Tcp, Endpoint],
) -> None:
    nginx, _ = authenticated
    answer = ask(nginx, *ADMIN)
    assert answer.status == 302
    assert "/oauth2/sign_in?rd=http://www.example.com/" in answer.headers["Location"]


def test_where_nobody_has_to_sign_in_nobody_says_who_he_is(
    authenticated: tuple[Tcp, Endpoint],
) -> None:
    nginx, _ = authenticated
    for lines in ((), ADMIN, (ALICE, *ADMIN)):
        assert ask(nginx, *lines, target="/healthz").believed == {"ip": CLIENT, "user": None}


def test_a_stranger_who_connects_to_the_app_says_nothing(
    authenticated: tuple[Tcp, Endpoint],
) -> None:
    _, app = authenticated
    assert ask(app, ALICE, *ADMIN, *FORGED).believed == {"ip": CLIENT, "user": None}


# Prefixes


@each_nginx
def test_a_mount_in_fastapi_is_below_the_prefix(stack: Stack, nginx: Family) -> None:
    app = stack.app({"TRUST_PROXY": NEARER}, server=FASTAPI)
    front = stack.proxy(
        nginx, shown("prefix.conf"), app.endpoint, source=NEARER, target="/team/shop/"
    ).http
    for lines in ((), FORGED):
        seen = ask(front, *lines, target="/team/shop/").believed
        assert seen == {"ip": CLIENT, "url": f"http://{HOST}/team/shop/"}
        # Where nginx takes nothing off, nobody says a prefix.
        seen = ask(front, *lines, target="/shop/").believed
        assert seen == {"ip": CLIENT, "url": f"http://{HOST}/shop/"}
    seen = ask(app.endpoint, *FORGED, target="/shop/").believed
    assert seen == {"ip": CLIENT, "url": f"http://{HOST}/shop/"}


@each_nginx
@pytest.mark.parametrize(
    ("target", "status", "found"),
    [
        pytest.param("/team/page/", 200, f"http://{HOST}/team/page/", id="a page"),
        pytest.param("/team/", 200, f"http://{HOST}/team/page/", id="the first page"),
        pytest.param("/team/page", 308, f"http://{HOST}/team/page/", id="a redirect"),
        pytest.param("/team/team/page/", 404, "", id="only one prefix is taken off"),
        pytest.param("/team/teams/", 404, "", id="no such page"),
    ],
)
def test_a_prefix_that_nginx_leaves_is_taken_off(
    stack: Stack, nginx: Family, target: str, status: int, found: str
) -> None:
    app = stack.app({"TRUST_PROXY": NEARER}, server=UNSTRIPPED)
    front = stack.proxy(
        nginx, shown("unstripped.conf"), app.endpoint, source=NEARER, target="/team/"
    ).http
    answer = ask(front, "X-Forwarded-Prefix: /evil", target=target)
    assert answer.status == status
    assert found in (answer.headers.get("Location", ""), answer.body.decode(), "")
    if status == 200:
        assert answer.body.decode() == found


def test_a_stranger_who_connects_to_the_app_takes_nothing_off(stack: Stack) -> None:
    app = stack.app({"TRUST_PROXY": NEARER}, server=UNSTRIPPED).endpoint
    lines = ("X-Forwarded-Prefix: /team",)
    assert ask(app, *lines, target="/team/page/").status == 404
    assert ask(app, *lines, target="/page/").body.decode() == f"http://{HOST}/page/"
