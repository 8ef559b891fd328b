"""The command that explains a request again: a shell reads it, and it shows no secret."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_trustproxy import TrustProxy
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.log import request_in_words
from flask_trustproxy.report.repeat import explain_command
from helpers import settings_of

COMMAND = "flask trust-proxy explain"


def made(peer="127.0.0.1", headers=(), given=None, **environ):
    """The command for a request, and its resolution."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "wsgi.url_scheme": "http",
        "REMOTE_ADDR": peer,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers},
        **environ,
    }
    resolution = rewrite(environ, (given or settings_of("loopback")).policy)
    return resolution, environ, explain_command(resolution, environ)


def read_by_a_shell(command):
    """The arguments that a POSIX shell makes of a command, as bytes."""
    shell = f"printf '%s\\0'{command[len(COMMAND) :]}"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, check=True, timeout=30)
    return done.stdout.split(b"\0")[:-1]


def test_the_command_repeats_the_forwarding_headers():
    headers = [
        ("X-Forwarded-For", "6.6.6.6, 203.0.113.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Real-IP", "192.0.2.66"),
        ("Host", "www.example.com"),
        ("User-Agent", "curl"),
    ]
    assert made(headers=headers)[2] == (
        "flask trust-proxy explain --peer 127.0.0.1 -H 'Host: www.example.com' "
        "-H 'X-Forwarded-For: 6.6.6.6, 203.0.113.9' -H 'X-Real-IP: 192.0.2.66' "
        "-H 'X-Forwarded-Proto: https'"
    )


@pytest.mark.parametrize(
    ("peer", "environ", "command"),
    [
        pytest.param("unix:", {}, f"{COMMAND} --peer unix", id="a socket"),
        pytest.param("2001:db8::2", {}, f"{COMMAND} --peer 2001:db8::2", id="IPv6"),
        pytest.param(
            "127.0.0.1",
            {"wsgi.url_scheme": "https"},
            f"{COMMAND} --peer 127.0.0.1 --scheme https",
            id="TLS to the app",
        ),
        pytest.param("evil; text", {}, None, id="a peer that is no address"),
    ],
)
def test_the_peer_and_the_scheme_of_the_connection(peer, environ, command):
    assert made(peer, **environ)[2] == command


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("it's", id="a quote"),
        pytest.param('"; rm -rf / #', id="another command"),
        pytest.param("$(id) `id` $HOME ${x} !!", id="expansions"),
        pytest.param("100%s \\n \\\\ %%", id="what printf reads"),
        pytest.param("a\tb\x1b[31m", id="control characters"),
        pytest.param("gr\xfcn \x85\xa0 100%d \\101", id="bytes that are not ASCII"),
        pytest.param("'\x80'", id="a quote and such a byte"),
        pytest.param("* ? [a] ~ # & | > <", id="patterns and pipes"),
    ],
)
def test_a_shell_reads_what_was_sent(value):
    command = made(headers=[("X-Forwarded-For", value)])[2]
    assert command.isascii()
    assert command.isprintable()
    line = f"X-Forwarded-For: {value}".encode("latin-1")
    assert read_by_a_shell(command) == [b"--peer", b"127.0.0.1", b"-H", line]


@settings(max_examples=30)
@given(st.text(st.characters(max_codepoint=0xFF, exclude_characters="\0\n"), max_size=30))
def test_any_header_is_repeated_byte_by_byte(value):
    command = made(headers=[("X-Forwarded-For", f"{value}.")])[2]
    assert re.fullmatch("[ -~]+", command)
    assert read_by_a_shell(command)[-1] == f"X-Forwarded-For: {value}.".encode("latin-1")


def test_the_command_gives_the_same_answer():
    app = Flask(__name__)
    app.config["TRUST_PROXY"] = "loopback, 10.0.0.0/8"
    TrustProxy(app)
    resolution, _, command = made(
        headers=[
            ("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.0.0.3"),
            ("X-Forwarded-Proto", "https"),
        ],
        given=settings_of("loopback, 10.0.0.0/8"),
    )
    words = shlex.split(command)[1:]
    result = CliRunner().invoke(FlaskGroup(create_app=lambda: app), [*words, "--json"])
    answer = json.loads(result.stdout)
    assert answer["client_ip"] == resolution.client_ip == "203.0.113.9"
    assert (answer["scheme"], len(answer["hops"])) == ("https", 3)


def test_a_long_header_is_cut_on_the_left():
    command = made(headers=[("X-Forwarded-For", "6.6.6.6, " * 9999 + "203.0.113.9")])[2]
    assert len(command) < 1200
    assert command.endswith(", 203.0.113.9'")


SECRET = "7f3c9a1e5b2d4860"
GUARDED = {
    "edge_secret": f"X-Edge-Key: {SECRET}",
    "identity_headers": "Remote-User",
}


@pytest.mark.parametrize(
    ("sent", "shows"),
    [
        pytest.param(SECRET, True, id="the right one"),
        pytest.param("c0ffee00decaf0aa", False, id="a wrong one"),
    ],
)
def test_a_secret_and_who_the_user_is_are_not_shown(sent, shows):
    headers = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Edge-Key", sent),
        ("Remote-User", "alice@example.com"),
        ("Authorization", "Basic eDp5"),
        ("Cookie", "session=abc"),
    ]
    resolution, environ, command = made(
        headers=headers, given=settings_of("loopback", **GUARDED)
    )
    line = request_in_words(resolution, environ)
    for text in (command, line):
        for hidden in (SECRET, "c0ffee", "alice", "eDp5", "session=abc"):
            assert hidden not in text
        assert ("-H 'X-Edge-Key: SECRET'" in text) is shows
    assert ("; removed Remote-User;" in line) is not shows
