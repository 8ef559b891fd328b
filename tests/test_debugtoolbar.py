"""The panel: what it shows of a request, and that it shows no secret."""

from __future__ import annotations

import pytest
from flask import Flask, request
from werkzeug.test import Client, TestResponse

from flask_trustproxy import TrustProxy, TrustProxyMiddleware, get_resolution
from flask_trustproxy.core.environ import before_rewrite
from flask_trustproxy.report.explained import boxes
from flask_trustproxy.report.picture import picture

debugtoolbar = pytest.importorskip(
    "flask_debugtoolbar", reason="needs Flask-DebugToolbar: pip install flask-debugtoolbar"
)

PANEL = "flask_trustproxy.debugtoolbar.TrustProxyPanel"
SECRET = "0123456789abcdef"


def make_app(**config: object) -> Flask:
    """An app whose toolbar has our panel behind its own."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="only for tests",
        DEBUG_TB_ENABLED=True,
        TRUST_PROXY="10.0.0.0/8",
        TRUST_PROXY_MAX_HOPS=4,
        **config,
    )
    debugtoolbar.DebugToolbarExtension(app)
    app.config["DEBUG_TB_PANELS"] += (PANEL,)
    app.add_url_rule("/", "index", lambda: "<html><body>the page</body></html>")
    return app


def get(app: Flask, peer: str = "10.0.0.2", **headers: str) -> TestResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    response = app.test_client().get("/", environ_base={"REMOTE_ADDR": peer}, headers=sent)
    assert response.status_code == 200
    return response


def shown(app: Flask, peer: str = "10.0.0.2", **headers: str) -> str:
    """The content of the panel."""
    _, root, rest = get(app, peer, **headers).text.partition('<template shadowrootmode="open">')
    assert root
    return rest.partition("</template>")[0]


@pytest.fixture
def app() -> Flask:
    app = make_app()
    TrustProxy(app)
    return app


def test_the_toolbar_has_the_panel_with_the_client_and_the_scheme(app: Flask):
    html = get(app, X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https").text
    assert 'class="flDebugTrustProxyPanel"' in html
    assert "<small>203.0.113.9, https</small>" in html


def test_a_peer_without_an_address_has_no_address_in_the_toolbar(app: Flask):
    assert "<small>no address, http</small>" in get(app, peer="unix:").text


def test_the_panel_draws_the_picture_of_the_request(app: Flask):
    drawn: list[str] = []

    @app.before_request
    def draw() -> None:
        drawn.append(picture(boxes(get_resolution(), before_rewrite(request.environ)), level=4))

    content = shown(app, X_Forwarded_For="127.0.0.1, 203.0.113.9, 10.0.0.3")
    assert content.startswith(drawn[0].removesuffix("</div>\n"))
    assert "<s>&#39;127.0.0.1&#39;</s>" in content


def test_the_panel_says_why_the_walk_ended_and_what_to_set(app: Flask):
    content = shown(app, peer="192.0.2.7", X_Forwarded_For="203.0.113.9")
    assert "The peer is not trusted" in content
    assert "TRUST_PROXY = &#39;10.0.0.0/8, 192.0.2.7&#39;" in content


def row(*cells: str) -> str:
    """A row of a table."""
    head, *rest = cells
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'


def test_the_panel_has_a_row_for_each_header_each_output_and_each_setting(app: Flask):
    content = shown(
        app,
        X_Forwarded_For="6.6.6.6, 203.0.113.9",
        X_Forwarded_Proto="https",
        X_Real_IP="6.6.6.6",
    )
    quoted = "&#39;{}&#39;".format
    for cells in (
        (
            "X-Forwarded-For",
            quoted("6.6.6.6, 203.0.113.9"),
            quoted("203.0.113.9"),
            f"{quoted('6.6.6.6')} was never read",
        ),
        ("X-Forwarded-Proto", quoted("https"), quoted("https"), "nothing"),
        (
            "X-Real-IP",
            quoted("6.6.6.6"),
            "nothing",
            "all of it: not in TRUST_PROXY_HEADERS",
        ),
        ("client_ip", "203.0.113.9", "X-Forwarded-For"),
        ("scheme", "https", "X-Forwarded-Proto"),
        ("host", "not changed", "the Host header"),
        ("TRUST_PROXY", quoted("10.0.0.0/8"), "from app.config"),
        ("TRUST_PROXY_CLEAN_HEADERS", "True", "the default"),
    ):
        assert content.count(row(*cells)) == 1


def test_the_panel_shows_the_warnings_of_the_settings():
    app = make_app(TRUST_PROXY_HEADERS="X-Forwarded-For, X-Forwarded-Host")
    TrustProxy(app)
    assert content_has_warning(app)
    app.request_class.trusted_hosts = ["localhost"]
    assert not content_has_warning(app)


def content_has_warning(app: Flask) -> bool:
    return "Warning: TRUST_PROXY_HEADERS lets a header say the host" in shown(app)


def test_a_forged_script_is_text(app: Flask):
    forged = "</template><script>alert(1)</script>"
    content = shown(app, X_Forwarded_For=f"{forged}, 203.0.113.9", X_Real_IP=forged)
    assert content.count("&lt;/template&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 6
    assert "<script" not in content


def test_secrets_and_identities_are_not_shown():
    app = make_app(
        TRUST_PROXY_EDGE_SECRET=f"X-Edge: {SECRET}",
        TRUST_PROXY_IDENTITY_HEADERS="Remote-User",
        TRUST_PROXY_PROBE_KEY="k" * 32,
    )
    TrustProxy(app)
    for given in ({"X_Edge": SECRET}, {"X_Edge": "w" * 16}, {}):
        content = shown(app, X_Forwarded_For="203.0.113.9", Remote_User="alice", **given)
        assert SECRET not in content
        assert "w" * 16 not in content
        assert "k" * 32 not in content
        assert "alice" not in content
        kept = (
            ("(not shown)", "nothing")
            if given.get("X_Edge") == SECRET
            else (
                "nothing",
                "all of it: the request did not come through the edge",
            )
        )
        assert row("Remote-User", "(not shown)", *kept) in content


def test_an_app_without_trustproxy_is_told_so():
    html = get(make_app()).text
    assert "<small>not set up</small>" in html
    assert "<p>This app has no TrustProxy: call TrustProxy(app) where it is made.</p>" in html


def test_the_plain_middleware_around_an_app_is_enough():
    app = make_app()
    app.wsgi_app = TrustProxyMiddleware(app.wsgi_app, "10.0.0.2")
    content = shown(app, X_Forwarded_For="203.0.113.9")
    assert row("TRUST_PROXY", "&#39;10.0.0.2&#39;", "from the argument trust") in content


def test_the_settings_of_a_trustproxy_outside_of_the_app_are_not_known(app: Flask):
    sent = {"X-Forwarded-For": "198.51.100.66, 203.0.113.9"}
    around = TrustProxyMiddleware(app, "192.0.2.10")
    client = Client(around)
    html = client.get("/", headers=sent, environ_overrides={"REMOTE_ADDR": "192.0.2.10"}).text
    assert "trusted: 192.0.2.10" in html
    assert "A TrustProxy around this app decided." in html
    assert row("TRUST_PROXY", "&#39;10.0.0.0/8&#39;", "from app.config") not in html


def test_an_outer_trustproxy_in_the_chain_of_the_app_shows_its_own_settings(app: Flask):
    app.wsgi_app = TrustProxyMiddleware(app.wsgi_app, "192.0.2.10")
    content = shown(app, peer="192.0.2.10", X_Forwarded_For="203.0.113.9")
    assert row("TRUST_PROXY", "&#39;192.0.2.10&#39;", "from the argument trust") in content


def test_a_lost_middleware_costs_the_panel_nothing(app: Flask):
    app.wsgi_app = Flask.wsgi_app.__get__(app)
    content = shown(app, X_Forwarded_For="203.0.113.9")
    assert row("TRUST_PROXY", "&#39;10.0.0.0/8&#39;", "from app.config") in content
