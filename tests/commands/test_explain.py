"""What ``explain`` prints, and that a request decides it."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from flask_trustproxy import (
    Ignored,
    Resolution,
    TrustProxy,
)
from flask_trustproxy.core import environ
from flask_trustproxy.report.explained import boxes
from flask_trustproxy.report.picture import picture
from flask_trustproxy.report.words import REFUSED

from .running import explain, invoke, make_app, run, sentence


class TestExitCodes:
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    def test_2_where_explain_has_neither_an_app_nor_trust(self):
        result = run("trust-proxy", "explain", "--peer", "127.0.0.1")
        assert sentence(result) == (
            "Error: There is no app here: name it, as in 'flask --app app trust-proxy check'. "
            "Without an app, give --trust."
        )
        assert result.exit_code == 2

    def test_2_where_a_named_app_does_not_load_for_explain(self, tmp_path):
        (tmp_path / "app.py").write_text("import flask_trust_nothing")
        arguments = ["trust-proxy", "explain", "--peer", "127.0.0.1", "--trust", "loopback"]
        assert run("--app", "app", *arguments).exit_code == 2

    def test_1_with_a_mistake_in_an_option(self):
        arguments = ["--peer", "127.0.0.1", "--trust", "2", "--max-hops", "1"]
        result = run("trust-proxy", "explain", *arguments)
        assert sentence(result) == (
            "Error: TRUST_PROXY='2' (from --trust): expected a count of at most 1, which is "
            "TRUST_PROXY_MAX_HOPS"
        )
        assert result.exit_code == 1

    @pytest.mark.parametrize(
        "peer",
        ["localhost", "0.0.0.0", "192.0.2.1:80", "[2001:db8::1]", "", "proxy", "unix:/x"],
    )
    def test_2_where_the_peer_is_no_address(self, peer):
        result = run("trust-proxy", "explain", "--trust", "unix", "--peer", peer)
        assert sentence(result) == (
            "Error: Invalid value for '--peer': expected an address, or 'unix'"
        )
        assert result.exit_code == 2

    @pytest.mark.parametrize(
        ("header", "quoted"),
        [
            pytest.param("X-Real-IP", "'X-Real-IP'", id="without a colon"),
            pytest.param("X_Real_IP: 192.0.2.1", "'X_Real_IP: 192.0.2.1'", id="underscores"),
            pytest.param("A: b\r\nC: d", r"'A: b\r\nC: d'", id="two lines"),
            pytest.param("\x1b[2J: x", r"'\x1b[2J: x'", id="control characters"),
        ],
    )
    def test_2_where_a_header_is_none(self, header, quoted):
        result = run(
            "trust-proxy", "explain", "--trust", "unix", "--peer", "unix", "-H", header
        )
        assert sentence(result) == (
            f"Error: Invalid value for '-H': expected 'Name: value', got {quoted}"
        )
        assert result.exit_code == 2

    def test_2_where_the_callable_fails(self):
        app = make_app(TRUST_PROXY=lambda address, hop: "yes")
        result = invoke(app, "explain", "--peer", "192.0.2.1")
        assert re.fullmatch(
            r"Error: TRUST_PROXY does not answer: TypeError: TRUST_PROXY: <function .*> "
            r"answered 'yes' for \('192.0.2.1', 0\); expected True or False",
            sentence(result),
        )
        assert result.exit_code == 2


class TestExplain:
    def test_a_request_decides_it(self, monkeypatch):
        """The command computes nothing itself: it tells what the walk returns."""

        def resolve(policy, peer, scheme, environ):
            return Resolution(
                client_ip="192.0.2.99",
                client_ips=("192.0.2.99", "192.0.2.98"),
                peer="192.0.2.97",
                behind=("192.0.2.98", "192.0.2.99"),
                trusted_hops=2,
                stopped="max_hops",
                missed=None,
                scheme="https",
                believed={"host": "made.example.com:8443", "port": "8443", "prefix": "/made"},
                ignored=(Ignored("X-Made", "up", "just so"),),
                policy=policy,
                unbracketed=None,
                removed=(),
                inner=(),
            )

        monkeypatch.setattr(environ, "resolve", resolve)
        app = make_app(TRUST_PROXY=lambda address, hop: pytest.fail("asked again"))
        assert explain("--peer", "127.0.0.1", app=app) == {
            "client_ip": "192.0.2.99",
            "client_ips": ["192.0.2.99", "192.0.2.98"],
            "through_edge": True,
            "missed": None,
            "scheme": "https",
            "host": "made.example.com:8443",
            "port": 8443,
            "prefix": "/made",
            "hops": [
                {
                    "hop": 0,
                    "address": "192.0.2.97",
                    "written_by": None,
                    "trusted": True,
                    "rule": "the callable",
                },
                {
                    "hop": 1,
                    "address": "192.0.2.98",
                    "written_by": "192.0.2.97",
                    "trusted": True,
                    "rule": "the callable",
                },
                {
                    "hop": 2,
                    "address": "192.0.2.99",
                    "written_by": "192.0.2.98",
                    "trusted": False,
                    "rule": None,
                },
            ],
            "stopped": "max_hops",
            "ignored": [{"header": "X-Made", "value": "up", "reason": "just so"}],
        }
        output = invoke(app, "explain", "--peer", "127.0.0.1").output
        assert output.startswith("client 192.0.2.99  ──▶  192.0.2.98 (trusted: the callable)\n")
        assert "  X-Made 'up': just so\n" in output

    @pytest.mark.parametrize(
        ("arguments", "stopped", "why"),
        [
            pytest.param(
                ["--trust", "false", "--peer", "192.0.2.1"],
                "untrusted",
                "The peer is not trusted, so no header is believed. If it is your proxy, set "
                "TRUST_PROXY = '192.0.2.1'.",
                id="nobody is trusted",
            ),
            pytest.param(
                ["--trust", "192.0.2.9 , 192.0.2.8", "--peer", "unix"],
                "untrusted",
                "The peer is not trusted, so no header is believed. If it is your proxy, set "
                "TRUST_PROXY = '192.0.2.9, 192.0.2.8, unix'.",
                id="a socket is not trusted",
            ),
            pytest.param(
                ["--peer", "127.0.0.1"],
                "end",
                "X-Forwarded-For has no entry: the walk ends at the peer.",
                id="no header came",
            ),
            pytest.param(
                ["--peer", "127.0.0.1", "--headers", "none"],
                "end",
                "No header that names the client is read: the walk ends at the peer.",
                id="no header is read",
            ),
            pytest.param(
                ["--peer", "127.0.0.1", "-H", "X-Forwarded-For: unix:, 127.0.0.2"],
                "end",
                "The list ends at hop 2, and every hop is trusted, so the client is the "
                "nearest hop towards the app that has an address.",
                id="a socket is the last hop",
            ),
            pytest.param(
                ["--trust", "192.0.2.1", "--peer", "192.0.2.1", "-H", "X-Forwarded-For: unix:"],
                "untrusted",
                "Hop 1 is not trusted, so the client is the nearest hop towards the app that "
                "has an address.",
                id="a socket is the first hop that is not trusted",
            ),
            pytest.param(
                ["--trust", "1", "--peer", "192.0.2.1", "-H", "X-Forwarded-For: 192.0.2.2"],
                "untrusted",
                "Hop 1 is behind the hops that are counted (1), so it is the client.",
                id="a count is reached",
            ),
        ],
    )
    def test_why_it_stopped(self, arguments, stopped, why):
        assert explain(*arguments)["stopped"] == stopped
        output = invoke(make_app(), "explain", *arguments).output
        assert why in " ".join(output.split())

    def test_a_callable_needs_no_advice(self):
        app = make_app(TRUST_PROXY=lambda address, hop: False)
        output = invoke(app, "explain", "--peer", "192.0.2.1").output
        assert "\nThe peer is not trusted, so no header is believed.\n\n" in output

    def test_a_socket_has_a_name_in_json(self):
        answer = explain("--peer", "unix", "-H", "X-Forwarded-For: 203.0.113.9, unix:")
        assert [(hop["address"], hop["written_by"]) for hop in answer["hops"]] == [
            ("unix:", None),
            ("unix:", "unix:"),
            ("203.0.113.9", "unix:"),
        ]

    def test_where_nobody_has_an_address(self):
        answer = explain("--peer", "unix")
        assert (answer["client_ip"], answer["client_ips"]) == (None, [])
        output = invoke(make_app(), "explain", "--peer", "unix").output
        assert output.startswith("a unix-domain socket peer (trusted: loopback)  ──▶  app\n")
        assert "client_ip     None, since no hop has an address (the connection)\n" in output

    @pytest.mark.parametrize("peer", ["fe80::1%eth0", "fe80::1", "FE80:0::1"])
    def test_the_peer_is_read_as_a_server_gives_it(self, peer):
        answer = explain("--peer", peer, "--trust", "linklocal")
        assert answer["hops"][0] == {
            "hop": 0,
            "address": "fe80::1",
            "written_by": None,
            "trusted": True,
            "rule": "linklocal",
        }

    def test_host_port_and_prefix(self):
        arguments = [
            *("--headers", "X-Forwarded-Host:2, X-Forwarded-Port, X-Forwarded-Prefix"),
            *("--trust", "2", "--peer", "127.0.0.1", "--scheme", "https"),
            *("-H", "X-Forwarded-Host: forged.example.com, www.example.com, a.example.com"),
            *("-H", "X-Forwarded-Port: 8443", "-H", "X-Forwarded-Prefix: /app/"),
        ]
        answer = explain(*arguments)
        told = [answer[name] for name in ("scheme", "host", "port", "prefix")]
        assert told == ["https", "www.example.com", 8443, "/app"]
        output = invoke(make_app(), "explain", *arguments).output
        assert (
            "scheme        https (the connection)\n"
            "host          www.example.com (X-Forwarded-Host)\n"
            "port          8443 (X-Forwarded-Port)\n"
            "prefix        /app (X-Forwarded-Prefix)\n"
        ) in output
        assert "X-Forwarded-Host 'forged.example.com'\n" in output

    @pytest.mark.parametrize(
        ("name", "value", "unread"),
        [
            pytest.param("X-Forwarded-For", "192.0.2.7", None, id="all was read"),
            pytest.param("X-Forwarded-For", "a, b ,192.0.2.7", "a, b", id="a list"),
            pytest.param("X-Forwarded-For", "a, b, junk", "a, b", id="left of text"),
            pytest.param("Forwarded", "for=192.0.2.7", None, id="all of Forwarded was read"),
            pytest.param(
                "Forwarded",
                'for="a, b;c", for="192.0.2.7"',
                'for="a, b;c"',
                id="left of an element",
            ),
            pytest.param("Forwarded", 'for=a", for=192.0.2.7', 'for=a"', id="an open quote"),
            pytest.param("X-Real-IP", "a, 192.0.2.7", None, id="one address, read as a whole"),
        ],
    )
    def test_what_was_never_read(self, name, value, unread):
        arguments = ["--peer", "127.0.0.1", "--headers", name, "-H", f"{name}: {value}"]
        output = invoke(make_app(), "explain", *arguments).output
        _, found, rest = output.partition("Never read (the client may have written it)\n")
        if unread is None:
            assert not found
        else:
            assert rest.startswith(f"  {name} {unread!r}\n")

    def test_long_values_are_cut(self):
        header = f"X-Forwarded-For: {'x' * 300}, 192.0.2.7"
        output = invoke(make_app(), "explain", "--peer", "127.0.0.1", "-H", header).output
        assert f"'{'x' * 200}'...\n" in output

    def test_uncleaned_headers_are_shown_as_they_stay(self):
        app = make_app(TRUST_PROXY_CLEAN_HEADERS=False)
        arguments = ["--peer", "127.0.0.1", "-H", "X-Forwarded-For: 198.51.100.66, 192.0.2.7"]
        output = invoke(app, "explain", *arguments).output
        assert "  HTTP_X_FORWARDED_FOR  '198.51.100.66, 192.0.2.7'\n" in output
        assert "removed" not in output

    @pytest.mark.parametrize(
        ("arguments", "client"),
        [
            pytest.param(["--peer", "192.0.2.1"], "203.0.113.9", id="the app's settings"),
            pytest.param(
                ["--peer", "192.0.2.1", "--trust", "192.0.2.2"], "192.0.2.1", id="trust another"
            ),
            pytest.param(
                ["--peer", "192.0.2.2", "--trust", "192.0.2.2"],
                "203.0.113.9",
                id="trust another, read the app's header",
            ),
            pytest.param(
                ["--peer", "192.0.2.1", "--headers", "X-Forwarded-For"],
                "203.0.113.7",
                id="trust the app's, read another header",
            ),
        ],
    )
    def test_options_take_the_place_of_the_settings_of_the_app(self, arguments, client):
        app = make_app(TRUST_PROXY="192.0.2.1", TRUST_PROXY_HEADERS="X-Real-IP")
        sent = ["-H", "X-Real-IP: 203.0.113.9", "-H", "X-Forwarded-For: 203.0.113.7"]
        assert explain(*arguments, *sent, app=app)["client_ip"] == client

    def test_without_an_app_the_environment_counts(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TRUST_PROXY", "a mistake that the option replaces")
        monkeypatch.setenv("TRUST_PROXY_HEADERS", "X-Real-IP")
        arguments = ["--peer", "192.0.2.1", "-H", "X-Real-IP: 203.0.113.9", "--json"]
        result = run("trust-proxy", "explain", "--trust", "192.0.2.1", *arguments)
        assert json.loads(result.output)["client_ip"] == "203.0.113.9"

    @pytest.mark.parametrize(
        ("options", "rule"),
        [
            pytest.param([], "file:list.txt", id="of the app, beside it"),
            pytest.param(["--trust", "unix, File: list.txt"], "file:list.txt", id="an option"),
        ],
    )
    def test_a_file_is_named_and_read_from_beside_the_app(
        self, tmp_path, monkeypatch, options, rule
    ):
        (tmp_path / "list.txt").write_text("192.0.2.0/24")
        app = Flask(__name__, root_path=str(tmp_path))
        app.config["TRUST_PROXY"] = "file:list.txt"
        TrustProxy(app)
        monkeypatch.chdir("/")
        [hop] = explain("--peer", "192.0.2.1", *options, app=app)["hops"]
        assert (hop["trusted"], hop["rule"]) == (True, rule)

    def test_without_an_app_a_file_is_read_from_here(self, tmp_path, monkeypatch):
        (tmp_path / "list.txt").write_text("192.0.2.0/24\nunix")
        monkeypatch.chdir(tmp_path)
        arguments = ["explain", "--peer", "192.0.2.1", "--trust", "file:list.txt"]
        assert sentence(run("trust-proxy", *arguments)) == (
            "Error: TRUST_PROXY='file:list.txt' (from --trust): expected an address or a "
            "network in 'list.txt', line 2, got 'unix'"
        )
        (tmp_path / "list.txt").write_text("192.0.2.0/24")
        answer = json.loads(run("trust-proxy", *arguments, "--json").output)
        assert answer["hops"][0]["rule"] == "file:list.txt"

    def test_a_path_that_stays_open_is_not_refused(self):
        refused = "\nThe request is answered 403, since TRUST_PROXY_REQUIRED is on.\n"
        for required, shown in ((True, True), ("/healthz", True), ("/", False), (False, False)):
            app = make_app(TRUST_PROXY_REQUIRED=required)
            output = invoke(app, "explain", "--peer", "192.0.2.1").output
            assert (refused in output) is shown


class TestPastedHeaders:
    @pytest.mark.parametrize(
        ("block", "expected"),
        [
            pytest.param(
                "> GET / HTTP/2\r\n> Host: a.example.com\r\n> X-Forwarded-For: 192.0.2.7\r\n"
                "> \r\n< HTTP/2 200 \r\n< X-Forwarded-For: 192.0.2.8\r\n",
                "192.0.2.7",
                id="what curl -v shows",
            ),
            pytest.param(
                "> GET / HTTP/1.1\n> X-Forwarded-For: 192.0.2.7\n>\n< Location: /login\n"
                "> GET /login HTTP/1.1\n> X-Forwarded-For: 192.0.2.8\n>\n",
                "192.0.2.8",
                id="the last of several requests",
            ),
            pytest.param(
                "GET / HTTP/1.1\nHost: a.example.com\nX-Forwarded-For:192.0.2.7 \n\n",
                "192.0.2.7",
                id="a plain request",
            ),
            pytest.param(
                "X-Forwarded-For: 192.0.2.8\nx-forwarded-for: 192.0.2.7",
                "192.0.2.7",
                id="two lines of one header, joined as servers do",
            ),
        ],
    )
    def test_are_read(self, block, expected):
        answer = explain("--peer", "127.0.0.1", "-H", "@-", input=block)
        assert answer["client_ip"] == expected

    def test_that_are_none_are_quoted(self):
        result = invoke(
            make_app(), "explain", "--peer", "unix", "-H", "@-", input="\x1b]0;x\x07"
        )
        assert sentence(result) == (
            r"Error: Invalid value for '-H': expected 'Name: value', got '\x1b]0;x\x07'"
        )

    def test_bytes_are_latin_1_wherever_they_come_from(self):
        """As PEP 3333 has it: b"\xc3\xa4" is two characters."""
        options = {"input": b"X-Real-IP: \xc3\xa4"}
        pasted = explain("--peer", "127.0.0.1", "-H", "@-", **options)
        typed = explain("--peer", "127.0.0.1", "-H", "X-Real-IP: ä")
        assert pasted["ignored"] == typed["ignored"]
        assert typed["ignored"][0]["value"] == "\xc3\xa4"


class TestPage:
    """``--html FILE``."""

    FORGED = ("-H", "X-Forwarded-For: <script>alert(1)</script>, 203.0.113.9")

    def test_it_has_the_picture_of_the_request(self, tmp_path):
        file = tmp_path / "chain.html"
        app = make_app(TRUST_PROXY="10.0.0.0/8")
        result = invoke(app, "explain", "--peer", "10.0.0.2", *self.FORGED, "--html", str(file))
        assert result.exit_code == 0, result.output
        received = {"REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_FOR": self.FORGED[1][17:]}
        resolution = environ.rewrite(
            dict(received), app.extensions["trustproxy"].settings.policy
        )
        html = file.read_text("utf-8")
        drawn, *_ = picture(boxes(resolution, received)).rpartition("</div>")
        assert drawn in html
        assert html.startswith("<!doctype html>\n")
        assert "<script" not in html
        for title in ("Why it ends there", "Headers", "The app sees", "Settings"):
            assert f'<h2 class="tp-title">{title}</h2>' in html

    def test_the_text_and_the_json_are_printed_all_the_same(self, tmp_path):
        file = str(tmp_path / "chain.html")
        for more in ([], ["--json"]):
            arguments = ["explain", "--peer", "127.0.0.1", *self.FORGED, *more]
            usual = invoke(make_app(), *arguments).output
            assert invoke(make_app(), *arguments, "--html", file).output == usual

    def test_a_request_that_is_refused_says_so(self, tmp_path):
        file = tmp_path / "chain.html"
        for peer, count in (("192.0.2.7", 1), ("127.0.0.1", 0)):
            app = make_app(TRUST_PROXY_REQUIRED=True)
            invoke(app, "explain", "--peer", peer, "--html", str(file))
            assert file.read_text("utf-8").count(REFUSED) == count

    def test_no_page_is_written_with_a_mistake_in_an_option(self, tmp_path):
        file = tmp_path / "chain.html"
        arguments = ["--peer", "127.0.0.1", "--trust", "loopbck", "--html", str(file)]
        assert invoke(make_app(), "explain", *arguments).exit_code == 1
        assert not file.exists()

    def test_2_if_the_page_cannot_be_written(self, tmp_path):
        arguments = ["--peer", "127.0.0.1", "--html", str(tmp_path / "none" / "chain.html")]
        result = invoke(make_app(), "explain", *arguments)
        assert sentence(result).startswith("Error: The page was not written: [Errno 2]")
        assert result.exit_code == 2
