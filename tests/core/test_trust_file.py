"""What a trust file may hold, its mistakes in full, and what tells that it has changed."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.addresses import parse_network
from flask_trustproxy.core.trust import compile_trust
from flask_trustproxy.core.trust_file import UnreadableFile, read_file, sign
from helpers import attacker_text, networks

LINES = [
    pytest.param("203.0.113.9\n", ["203.0.113.9/32"], id="an address"),
    pytest.param("198.51.100.0/24", ["198.51.100.0/24"], id="no line feed at the end"),
    pytest.param(
        "198.51.100.0/24\n2001:DB8::/32\n\n",
        ["198.51.100.0/24", "2001:db8::/32"],
        id="IPv4, IPv6 and a blank line",
    ),
    pytest.param(
        "# of the CDN\n  \t\n198.51.100.0/24 # its edge\n#",
        ["198.51.100.0/24"],
        id="comments on a line of their own and behind a network",
    ),
    pytest.param(" \t198.51.100.0/24\t \n", ["198.51.100.0/24"], id="blanks around it"),
    pytest.param(
        "198.51.100.0/24\r\n\r\n2001:db8::/32\r\n",
        ["198.51.100.0/24", "2001:db8::/32"],
        id="lines that end as on Windows",
    ),
    pytest.param("\ufeff198.51.100.0/24\n", ["198.51.100.0/24"], id="a byte order mark"),
    pytest.param("\ufeff# Küche\n::1", ["::1/128"], id="a comment beyond ASCII"),
    pytest.param(b"# K\xfcche \xff\n::1", ["::1/128"], id="a comment that is no UTF-8"),
    pytest.param("# a\x0bb\x85c\u2028d\x1ce\n::1", ["::1/128"], id="a comment of odd breaks"),
    pytest.param(
        "10.0.0.0/255.0.0.0\n::ffff:198.51.100.0/120",
        ["10.0.0.0/8", "198.51.100.0/24"],
        id="a mask, and an IPv4-mapped network",
    ),
    pytest.param(
        "10.0.0.0/8\n2001::/16\n::ffff:11.0.0.0/104",
        ["10.0.0.0/8", "2001::/16", "11.0.0.0/8"],
        id="the widest that there may be",
    ),
    pytest.param("::1\n::1\n", ["::1/128", "::1/128"], id="one twice"),
]


@pytest.mark.parametrize(("content", "expected"), LINES)
def test_a_file_holds(tmp_path, content, expected):
    path = tmp_path / "list.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, signature = read_file(str(path))
    assert list(map(str, found)) == expected
    assert signature == sign(str(path))


_NETWORK = "expected an address or a network in {}"
_WIDE = "expected nothing wider than /{}, as {} is, in {{}}"

MISTAKES = [
    pytest.param("loopback", _NETWORK, 1, None, id="a name"),
    pytest.param("::1\n\n2", _NETWORK, 3, "2", id="a count"),
    pytest.param("# a\r\nfile:/etc/x", _NETWORK, 2, "file:/etc/x", id="a file in a file"),
    pytest.param("::1\n10.0.0.1, 10.0.0.2", _NETWORK, 2, "10.0.0.1, 10.0.0.2", id="a comma"),
    pytest.param("10.0.0.1 10.0.0.2", _NETWORK, 1, None, id="two on a line"),
    pytest.param("10.0.0.1:80", _NETWORK, 1, None, id="a port"),
    pytest.param("proxy.example.com", _NETWORK, 1, None, id="a host name"),
    pytest.param("::1\r10.0.0.1", _NETWORK, 1, r"::1\r10.0.0.1", id="a carriage return alone"),
    pytest.param("::1\x0b10.0.0.1", _NETWORK, 1, r"::1\x0b10.0.0.1", id="a vertical tab"),
    pytest.param("::1\xa0", _NETWORK, 1, r"::1\xa0", id="a no-break space"),
    pytest.param("::1X", _NETWORK, 1, None, id="a letter behind it"),
    pytest.param("::1\0", _NETWORK, 1, r"::1\x00", id="a NUL"),
    pytest.param("::1\n\ufeff::2", _NETWORK, 2, r"\ufeff::2", id="a mark in the middle"),
    pytest.param(b"\xff\xfe1\0", _NETWORK, 1, r"\udcff\udcfe1\x00", id="UTF-16"),
    pytest.param("::1\n; c", _NETWORK, 2, "; c", id="another sort of comment"),
    pytest.param("<" * 51, _NETWORK, 1, "<" * 50, id="a long line is cut"),
    pytest.param(
        "103.21.244.0/2",
        _WIDE.format(8, "64.0.0.0/2"),
        1,
        None,
        id="a line that was cut",
    ),
    pytest.param("10.0.0.0/7", _WIDE.format(8, "10.0.0.0/7"), 1, None, id="IPv4 above /8"),
    pytest.param("2001::/15", _WIDE.format(16, "2000::/15"), 1, None, id="IPv6 above /16"),
    pytest.param("::/0", _WIDE.format(16, "::/0"), 1, None, id="all of IPv6"),
    pytest.param(
        "::ffff:0:0/96", _WIDE.format(8, "0.0.0.0/0"), 1, None, id="all of IPv4, mapped"
    ),
    pytest.param(
        "::ffff:10.0.0.0/103", _WIDE.format(8, "10.0.0.0/7"), 1, None, id="mapped, above /8"
    ),
    pytest.param("0.0.0.0/128.0.0.0", _WIDE.format(8, "0.0.0.0/1"), 1, None, id="a short mask"),
    pytest.param(
        "::1\n10.1.0.0/8",
        "expected no host bits, as in 10.0.0.0/8, in {}",
        2,
        "10.1.0.0/8",
        id="host bits",
    ),
    pytest.param(
        "2001:db8::1/32",
        "expected no host bits, as in 2001:db8::/32, in {}",
        1,
        None,
        id="host bits of IPv6",
    ),
    pytest.param(
        "::ffff:10.1.0.0/104",
        "expected no host bits, as in 10.0.0.0/8, in {}",
        1,
        None,
        id="host bits of a mapped network",
    ),
    pytest.param(
        "10.0.0.0/33",
        "expected a prefix from 0 to 32 behind the slash in {}",
        1,
        None,
        id="/33",
    ),
]


def mistake(path):
    with pytest.raises(ValueError, match="^expected") as error:
        read_file(str(path))
    return str(error.value)


@pytest.mark.parametrize(("content", "expected", "line", "got"), MISTAKES)
def test_a_line_is_a_mistake(tmp_path, content, expected, line, got):
    path = tmp_path / "list.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    where = f"{str(path)!r}, line {line}, got '{got or content}'"
    assert mistake(path) == expected.format(where)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xef\xbb\xbf", id="a byte order mark"),
        pytest.param(b"# nothing\n \t\r\n", id="comments and blanks"),
    ],
)
def test_a_file_without_a_network_is_a_mistake(tmp_path, content):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    assert mistake(path) == f"expected at least one address or network in {str(path)!r}"


@pytest.mark.slow
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["unended", "ended"])
def test_a_million_lines_are_read(tmp_path, end):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\n" * 999_999 + b"::1" + end)
    assert list(map(str, read_file(str(path))[0])) == ["::1/128"]


@pytest.mark.slow
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["unended", "ended"])
def test_more_than_a_million_lines_are_a_mistake(tmp_path, end):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\n" * 1_000_000 + b"::1" + end)
    assert mistake(path) == f"expected at most 1,000,000 lines in {str(path)!r}"


@pytest.mark.parametrize("more", [False, True], ids=["64 MiB", "a byte more"])
def test_more_than_64_mib_are_a_mistake(tmp_path, more):
    path = tmp_path / "list.txt"
    path.write_bytes(b"::1\n" + b"#" * ((64 << 20) - 4 + more))
    if more:
        assert mistake(path) == f"expected at most 64 MiB in {str(path)!r}"
    else:
        assert len(read_file(str(path))[0]) == 1


def test_a_setting_with_a_file_that_is_too_long_is_a_mistake(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"::1\n" * 1_000_001)
    with pytest.raises(ValueError, match="^expected at most 1,000,000 lines in"):
        compile_trust(f"file:{path}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "list.txt"
    os.mkfifo(path)
    said = []
    reader = threading.Thread(target=lambda: said.append(mistake(path)), daemon=True)
    reader.start()
    reader.join(20)
    assert said == [f"expected a file that can be read at {str(path)!r}: Not a regular file"]


def make_loop(path):
    path.symlink_to(path)


def make_socket(path):
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


@pytest.mark.skipif(os.name != "posix", reason="the system's words are those of POSIX")
@pytest.mark.parametrize(
    ("make", "name", "why"),
    [
        pytest.param(None, "list.txt", "No such file or directory", id="it is missing"),
        pytest.param(os.mkdir, "list.txt", "Is a directory", id="a directory"),
        pytest.param(make_loop, "list.txt", "Too many levels of symbolic links", id="a loop"),
        pytest.param(make_socket, "list", "No such device or address", id="a socket"),
        pytest.param(None, "x" * 999, "File name too long", id="a name that is too long"),
        pytest.param(None, "a\0b", "embedded null byte", id="a NUL"),
    ],
)
def test_a_file_cannot_be_read(tmp_path, monkeypatch, make, name, why):
    monkeypatch.chdir(tmp_path)
    if make:
        make(tmp_path / name)
    path = str(tmp_path / name)
    assert mistake(path) == f"expected a file that can be read at {path!r}: {why}"
    with pytest.raises(UnreadableFile):
        read_file(path)
    assert sign(str(tmp_path / "missing" / "list.txt")) is None


def test_a_path_that_cannot_be_encoded_is_a_mistake():
    assert mistake("\ud800").startswith(r"expected a file that can be read at '\ud800': ")


@given(st.lists(networks, min_size=1, max_size=8), st.data())
def test_a_file_trusts_what_a_list_does(tmp_path_factory, chosen, data):
    """A file in place of its lines changes no answer, whatever stands beside it."""
    chosen = [
        each
        for each in chosen
        if parse_network(str(each)).prefix >= {32: 8, 128: 16}[parse_network(str(each)).width]
    ]
    cut = data.draw(st.integers(0, len(chosen)))
    beside = ["loopback", *map(str, chosen[cut:])]
    path = tmp_path_factory.mktemp("law") / "list.txt"
    path.write_text("\n".join(["192.0.2.1", *map(str, chosen[:cut])]))
    policies = [
        compile_trust(value)
        for value in ([f"file:{path}", *beside], ["192.0.2.1", *map(str, chosen), "loopback"])
    ]
    asked = [str(address) for each in chosen for address in (each[0], each[-1])]
    asked = [parse_network(text) for text in ["192.0.2.1", "192.0.2.2", *asked]]
    asked = [str(each).partition("/")[0] for each in asked]
    answers = [
        (
            policy.trusts_local(),
            policy.trusts_private_range(),
            policy.trusts_strangers(),
            [policy.trusts(address, 1) for address in asked],
            [policy.rule(address, 1) is not None for address in asked],
        )
        for policy in policies
    ]
    assert answers[0] == answers[1]


@given(attacker_text | st.text(max_size=20))
def test_no_text_in_a_file_is_trusted_by_an_accident(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "list.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found, _ = read_file(str(path))
    except ValueError:
        return
    lines = [line.partition("#")[0].strip(" \t\r") for line in text.split("\n")]
    assert found == [parse_network(line.lstrip("\ufeff")) for line in lines if line]


def lose_permissions(path):
    time.sleep(0.05)  # the clock of a file system ticks some hundred times a second
    os.chmod(path, 0o000)


class TestSignature:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "list.txt"
        path.write_text("192.0.2.1\n")
        os.utime(path, ns=(0, 10**18))
        return path

    def test_it_tells_what_was_read(self, path):
        status = os.stat(path)
        assert sign(str(path)) == (
            status.st_dev,
            status.st_ino,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_size,
        )
        assert sign(str(path)).modified == 10**18

    def test_it_is_the_same_while_nothing_changes(self, path):
        before = sign(str(path))
        path.read_bytes()
        assert sign(str(path)) == before

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda path: path.write_text("192.0.2.22\n"), id="its size"),
            pytest.param(lambda path: os.utime(path, ns=(0, 1)), id="its time"),
            pytest.param(lose_permissions, id="its permissions"),
            pytest.param(lambda path: path.unlink(), id="that it is there"),
        ],
    )
    def test_it_changes_with(self, path, change):
        before = sign(str(path))
        change(path)
        assert sign(str(path)) != before

    def test_it_changes_with_a_replacement_of_the_same_size_and_time(self, path):
        before = sign(str(path))
        other = path.with_name("other")
        other.write_text("192.0.2.2\n")
        os.utime(other, ns=(0, 10**18))
        os.replace(other, path)
        after = sign(str(path))
        assert (after.modified, after.size) == (before.modified, before.size)
        assert after.inode != before.inode

    def test_it_is_that_of_what_a_link_leads_to(self, path):
        link = path.with_name("link")
        link.symlink_to(path)
        assert sign(str(link)) == sign(str(path))
