"""When a trust file that has changed is taken over, and what happens when it cannot be."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path

import flask
import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import SettingError, TrustProxy, TrustProxyMiddleware
from flask_trustproxy import watch as module
from flask_trustproxy.core.trust_file import sign
from flask_trustproxy.log import Warned, announce
from flask_trustproxy.report.cautions import setting_warnings
from flask_trustproxy.settings import read_settings
from flask_trustproxy.testing import assert_unforgeable, proxied_client
from flask_trustproxy.watch import watch
from helpers import forks, in_a_child

OLD, NEW = "198.51.100.0/24\n", "203.0.113.0/24\n"


def announce_again():
    """Announce settings as the middleware of one app does."""
    warned = Warned()
    return lambda settings: announce(settings, setting_warnings(settings, True), warned)


def watch_file(path):
    return watch(read_settings({"TRUST_PROXY": f"unix, file:{path}"}, {}), announce_again())


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(OLD)
    return path


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


@pytest.fixture
def watched(path, clock):
    config = {"TRUST_PROXY": f"unix, file:{path}", "TRUST_PROXY_HEADERS": "X-Forwarded-Host"}
    return watch(read_settings(config, {}), announce_again())


def look(watched, clock, seconds=1.0):
    """Ask for the settings a while later; which of the lists they hold."""
    clock.now += seconds
    settings = watched.settings
    assert settings.policy.trusts("unix:", 0)
    asked = {"old": "198.51.100.7", "new": "203.0.113.7"}
    return " and ".join(name for name, ip in asked.items() if settings.policy.trusts(ip, 0))


def replace(path, text):
    other = path.with_name("other")
    other.write_text(text)
    os.replace(other, path)


def test_settings_without_a_file_are_not_watched():
    assert watch(read_settings({"TRUST_PROXY": "10.0.0.0/8"}, {}), announce_again()) is None


def test_a_change_is_taken_over_when_two_looks_see_the_same(path, watched, clock):
    replace(path, NEW)
    before = watched.settings
    assert look(watched, clock, 0.9) == "old"
    assert look(watched, clock, 0.1) == "old"
    assert look(watched, clock, 0.9) == "old"
    assert look(watched, clock, 0.1) == "new"
    assert watched.settings is not before
    assert watched.settings.given == before.given
    assert look(watched, clock) == "new"


def test_a_file_is_looked_at_once_a_second_however_often_it_is_asked_for(
    path, watched, clock, monkeypatch
):
    looks = []
    monkeypatch.setattr(module, "sign", looks.append)
    for _ in range(40):
        clock.now += 0.125
        _ = watched.settings
    assert looks == [str(path)] * len(looks)
    # Each second one, and one more when what was seen twice is compiled.
    assert 5 <= len(looks) <= 6


def test_nothing_is_compiled_while_nothing_changes(watched, clock):
    settings = watched.settings
    for _ in range(5):
        look(watched, clock)
    assert watched.settings is settings


def test_a_file_that_changes_with_each_look_is_waited_for(path, watched, clock):
    for number in range(5):
        replace(path, f"{NEW}192.0.2.{number}\n")
        assert look(watched, clock) == "old"
    assert look(watched, clock) == "new"


def test_files_are_taken_over_together(tmp_path, path, clock):
    second = tmp_path / "second.txt"
    second.write_text("192.0.2.0/25\n")
    config = {"TRUST_PROXY": [f"file:{path}", f"file:{second}", "unix"]}
    watched = watch(read_settings(config, {}), announce_again())
    replace(path, NEW)
    assert look(watched, clock) == "old"
    replace(second, "192.0.2.128/25\n")
    assert look(watched, clock) == "old"
    assert not watched.settings.policy.trusts("192.0.2.200", 0)
    assert look(watched, clock) == "new"
    assert watched.settings.policy.trusts("192.0.2.200", 0)


def test_what_changes_while_it_is_read_is_not_taken_over(path, watched, clock, monkeypatch):
    compiled = module.compile_settings

    def meddling(*arguments):
        settings = compiled(*arguments)
        path.write_text(f"{NEW}192.0.2.1\n")
        return settings

    replace(path, NEW)
    look(watched, clock)
    with monkeypatch.context() as patch:
        patch.setattr(module, "compile_settings", meddling)
        assert look(watched, clock) == "old"
    assert look(watched, clock) == "old"
    assert look(watched, clock) == "new"
    assert watched.settings.policy.trusts("192.0.2.1", 0)


def test_what_breaks_while_it_is_read_is_not_said(path, watched, clock, monkeypatch, caplog):
    compiled = module.compile_settings

    def meddling(*arguments):
        path.write_text("")
        try:
            return compiled(*arguments)
        finally:
            path.write_text(NEW)

    replace(path, NEW * 2)
    look(watched, clock)
    with monkeypatch.context() as patch:
        patch.setattr(module, "compile_settings", meddling)
        assert look(watched, clock) == "old"
    assert [look(watched, clock), look(watched, clock)] == ["old", "new"]
    assert caplog.records == []


def test_the_start_is_told_again(path, watched, clock, caplog):
    caplog.set_level("INFO", "flask_trustproxy")
    replace(path, f"{NEW}32.0.0.0/8\n")
    look(watched, clock)
    assert caplog.messages == []
    look(watched, clock)
    settings, file, warning = caplog.messages
    assert settings.startswith(f"TRUST_PROXY='unix, file:{path}' (from app.config), ")
    assert file == f"TRUST_PROXY: {str(path)!r} has 2 addresses and networks"
    assert warning.startswith(
        f"TRUST_PROXY='unix, file:{path}' (from app.config) trusts strangers"
    )


def test_the_middleware_alone_takes_a_change_over(path, clock, caplog):
    caplog.set_level("INFO")
    middleware = TrustProxyMiddleware(echo, f"unix, file:{path}", "X-Forwarded-Host")
    caplog.clear()
    replace(path, NEW)
    assert [look(middleware, clock), look(middleware, clock)] == ["old", "new"]
    assert "has 1 addresses and networks" in caplog.text


# Broken files


@contextlib.contextmanager
def as_nobody():
    """Be a user whom permissions hold back, as root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that each user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield Path(name)


def make_directory(path):
    path.unlink()
    path.mkdir()


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


def cannot(why):
    return f"expected a file that can be read at {{path!r}}: {why}"


def holds(expected, line, got):
    return f"{expected} in {{path!r}}, line {line}, got {got!r}"


EMPTY = "expected at least one address or network in {path!r}"
BROKEN = [
    pytest.param(Path.unlink, cannot("No such file or directory"), id="it is deleted"),
    pytest.param(make_directory, cannot("Is a directory"), id="it is a directory"),
    pytest.param(make_pipe, cannot("Not a regular file"), id="it is a pipe"),
    pytest.param(lambda path: os.truncate(path, 0), EMPTY, id="it is truncated"),
    pytest.param(
        lambda path: os.truncate(path, len("198.51.100.0/2")),
        holds("expected nothing wider than /8, as 192.0.0.0/2 is,", 1, "198.51.100.0/2"),
        id="it is truncated in a line",
    ),
    pytest.param(
        lambda path: replace(path, f"{NEW}<html>\n"),
        holds("expected an address or a network", 2, "<html>"),
        id="it is an error page",
    ),
    pytest.param(
        lambda path: replace(path, "198.51.100.7/24"),
        holds("expected no host bits, as in 198.51.100.0/24,", 1, "198.51.100.7/24"),
        id="a network has host bits",
    ),
]


def errors(caplog):
    return [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]


def said(path, expected):
    expected = expected.format(path=str(path))
    return (
        f"TRUST_PROXY='unix, file:{path}' (from app.config): {expected}. The last list that "
        "could be read stays in force. Correct the file. It is read again when it changes"
    )


@pytest.mark.parametrize(("spoil", "expected"), BROKEN)
def test_a_broken_file_keeps_the_last_good_list(path, watched, clock, caplog, spoil, expected):
    settings = watched.settings
    spoil(path)
    for _ in range(5):
        assert look(watched, clock) == "old"
    assert watched.settings is settings
    assert errors(caplog) == [said(path, expected)]
    if path.is_dir():
        path.rmdir()
    replace(path, NEW)
    assert [look(watched, clock), look(watched, clock)] == ["old", "new"]
    assert errors(caplog) == [said(path, expected)]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_file_that_may_not_be_read_keeps_the_last_good_list(open_folder, clock, caplog):
    path = open_folder / "list.txt"
    with as_nobody():
        path.write_text(OLD)
        watched = watch(
            read_settings({"TRUST_PROXY": f"unix, file:{path}"}, {}), announce_again()
        )
        replace(path, NEW)
        path.chmod(0o000)
        assert [look(watched, clock) for _ in range(4)] == ["old"] * 4
        assert errors(caplog) == [said(path, cannot("Permission denied"))]
        clock.now += 60
        path.chmod(0o400)
        assert [look(watched, clock), look(watched, clock)] == ["old", "new"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_folder_that_may_not_be_entered_keeps_the_last_good_list(open_folder, clock, caplog):
    folder = open_folder / "closed"
    path = folder / "list.txt"
    with as_nobody():
        folder.mkdir()
        path.write_text(OLD)
        watched = watch(
            read_settings({"TRUST_PROXY": f"unix, file:{path}"}, {}), announce_again()
        )
        replace(path, NEW)
        folder.chmod(0o000)
        assert [look(watched, clock) for _ in range(4)] == ["old"] * 4
        assert errors(caplog) == [said(path, cannot("Permission denied"))]
        folder.chmod(0o700)
        assert [look(watched, clock), look(watched, clock)] == ["old", "new"]


class TestErrors:
    def spoil(self, path, watched, clock, text):
        replace(path, text)
        look(watched, clock)
        look(watched, clock)

    def test_one_cause_is_said_once_however_often_it_is_written(
        self, path, watched, clock, caplog
    ):
        for number in range(5):
            self.spoil(path, watched, clock, f"<html>\n# {number}")
        assert len(errors(caplog)) == 1

    def test_another_cause_is_said(self, path, watched, clock, caplog):
        self.spoil(path, watched, clock, "<html>\n")
        self.spoil(path, watched, clock, "<body>\n")
        assert [message.count("<html>") for message in errors(caplog)] == [1, 0]

    def test_it_is_said_again_after_the_file_was_mended(self, path, watched, clock, caplog):
        self.spoil(path, watched, clock, "<html>\n")
        self.spoil(path, watched, clock, NEW)
        self.spoil(path, watched, clock, "<html>\n")
        assert len(errors(caplog)) == 2
        assert errors(caplog)[0] == errors(caplog)[1]

    def test_what_was_in_force_may_come_back(self, path, watched, clock, caplog):
        kept = path.with_name("kept")
        path.rename(kept)
        look(watched, clock)
        look(watched, clock)
        kept.rename(path)
        look(watched, clock)
        look(watched, clock)
        assert look(watched, clock) == "old"
        self.spoil(path, watched, clock, "<html>\n")
        assert len(errors(caplog)) == 2

    def test_any_other_failure_propagates_once_and_blocks_nobody(
        self, path, watched, clock, monkeypatch
    ):
        def fail(*arguments):
            raise MemoryError

        replace(path, NEW)
        look(watched, clock)
        with monkeypatch.context() as patch:
            patch.setattr(module, "compile_settings", fail)
            with pytest.raises(MemoryError):
                look(watched, clock)
        assert look(watched, clock) == "new"


# Several threads


def test_one_thread_compiles_and_the_others_go_on(path, watched, clock, monkeypatch):
    compiled, started, go_on = module.compile_settings, threading.Event(), threading.Event()
    calls = []

    def slow(*arguments):
        calls.append(arguments)
        started.set()
        assert go_on.wait(20)
        return compiled(*arguments)

    monkeypatch.setattr(module, "compile_settings", slow)
    replace(path, NEW)
    look(watched, clock)
    first = []
    thread = threading.Thread(target=lambda: first.append(look(watched, clock)))
    thread.start()
    assert started.wait(20)
    assert [look(watched, clock) for _ in range(3)] == ["old"] * 3
    go_on.set()
    thread.join(20)
    assert (first, len(calls)) == (["new"], 1)


def test_a_thread_that_comes_second_does_not_look_again(watched, monkeypatch):
    """Both saw that it is time; one was held up until the other had looked."""
    times = iter([1001.0, 1000.5])
    monkeypatch.setattr(module, "monotonic", lambda: next(times))
    monkeypatch.setattr(module, "sign", lambda path: pytest.fail("looked"))
    _ = watched.settings


class TestFork:
    pytestmark = forks

    @pytest.mark.parametrize("where", ["sign", "compile_settings"])
    def test_a_child_that_was_forked_during_a_look_goes_on_looking(
        self, path, watched, clock, monkeypatch, where
    ):
        real, looking, go_on = getattr(module, where), threading.Event(), threading.Event()

        def slow(*arguments):
            looking.set()
            assert go_on.wait(20)
            return real(*arguments)

        def child():
            setattr(module, where, real)
            return [look(watched, clock) for _ in range(3)]

        replace(path, NEW)
        look(watched, clock)
        monkeypatch.setattr(module, where, slow)
        thread = threading.Thread(target=look, args=(watched, clock))
        thread.start()
        try:
            assert looking.wait(20)
            assert in_a_child(child) == "['new', 'new', 'new']"
        finally:
            go_on.set()
            thread.join(20)
        assert look(watched, clock) == "new"

    def test_parent_and_child_look_each_for_themselves(self, path, watched, clock):
        def child():
            replace(path, NEW)
            return [look(watched, clock), look(watched, clock)]

        assert in_a_child(child) == "['old', 'new']"
        assert [look(watched, clock), look(watched, clock)] == ["old", "new"]


def lines(block):
    return "".join(f"{block}.{i // 250}.{i % 250}\n" for i in range(1000))


#: Lists of which neither holds an address of the other, but for the peer's.
LISTS = {block: f"192.0.2.1\n{lines(block)}" for block in ("10.1", "10.2")}


def answer_of(application, block):
    """Who is the client of two addresses of a list, its first and its last."""
    environ = create_environ(environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    environ["HTTP_X_FORWARDED_FOR"] = f"203.0.113.9, {block}.3.249, {block}.0.0"
    iterable, _, _ = run_wsgi_app(application, environ)
    return b"".join(iterable).decode()


def echo(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_ADDR"].encode()]


def plain(path):
    return TrustProxyMiddleware(echo, trust=f"file:{path}")


def app_of(path):
    app = Flask(__name__, root_path=str(path.parent))
    app.config["TRUST_PROXY"] = f"file:{path.name}"
    app.wsgi_app = echo
    TrustProxy(app)
    return app


class Load:
    """Threads that ask for the clients of both lists, until all is over."""

    def __init__(self, application, monkeypatch):
        self.application = application
        self.wrong = []
        self.looks = 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.ask) for _ in range(3)]
        monkeypatch.setattr(module, "sign", self.sign)

    def sign(self, path):
        self.looks += 1
        return sign(path)

    def ask(self):
        while not self.over.is_set():
            for block in LISTS:
                try:
                    answer = answer_of(self.application, block)
                except Exception as error:  # whatever a request would end with
                    answer = repr(error)
                # All of a list is trusted, or nothing of it.
                if answer not in ("203.0.113.9", f"{block}.0.0"):
                    self.wrong.append(answer)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        for thread in self.threads:
            thread.join(20)

    def wait(self, for_what):
        deadline = time.monotonic() + 20
        while not for_what():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def trusts(self, block):
        """Wait until a list is in force."""
        self.wait(lambda: answer_of(self.application, block) == "203.0.113.9")

    def goes_on(self):
        """Wait until requests have looked often enough for a change to be taken over."""
        enough = self.looks + 8
        self.wait(lambda: self.looks > enough)


def replace_atomically(path, load):
    replace(path, LISTS["10.2"])


def rewrite_slowly(path, load):
    """As a download into the file itself does, which ends in the middle of a line."""
    begin, cut, rest = LISTS["10.2"].partition(".2.17")
    with path.open("w") as file:
        file.write(begin)
        file.flush()
        load.goes_on()
        file.write(cut + rest)


def truncate(path, load):
    os.truncate(path, 0)
    load.goes_on()
    path.write_text(LISTS["10.2"])


def swap_links(path, load):
    """As Kubernetes does with the files of a ConfigMap."""
    folder = path.parent / "..2026_11_24"
    folder.mkdir()
    (folder / path.name).write_text(LISTS["10.2"])
    link = path.parent / "..data_tmp"
    link.symlink_to(folder.name)
    os.replace(link, path.parent / "..data")


def delete(path, load):
    path.unlink()
    load.goes_on()
    path.write_text(LISTS["10.2"])


def close_and_open(path, load):
    replace(path, LISTS["10.2"])
    path.chmod(0o000)
    load.goes_on()
    path.chmod(0o600)


EMPTY = "expected at least one"


@pytest.mark.skipif(os.name != "posix", reason="links, permissions and open files of POSIX")
@pytest.mark.parametrize("make", [plain, app_of])
@pytest.mark.parametrize(
    ("change", "mistakes"),
    [
        pytest.param(replace_atomically, [], id="an atomic replacement"),
        pytest.param(rewrite_slowly, ["got '10.2'"], id="a slow download into the file"),
        pytest.param(truncate, [EMPTY], id="a truncation"),
        pytest.param(swap_links, [], id="a link that leads elsewhere"),
        pytest.param(delete, ["No such file"], id="a deletion"),
        pytest.param(close_and_open, ["Permission denied"], id="permissions that were lost"),
    ],
)
def test_no_request_is_judged_by_half_a_list(
    open_folder, monkeypatch, caplog, change, mistakes, make
):
    monkeypatch.setattr(module, "INTERVAL", 0.02)
    first = open_folder / "..2026_11_23"
    path = open_folder / "list.txt"
    with as_nobody():
        first.mkdir()
        (first / path.name).write_text(LISTS["10.1"])
        if change is swap_links:
            (open_folder / "..data").symlink_to(first.name)
            path.symlink_to(f"..data/{path.name}")
        else:
            (first / path.name).rename(path)
        application = make(path)
        with Load(application, monkeypatch) as load:
            load.trusts("10.1")
            load.goes_on()
            change(path, load)
            load.trusts("10.2")
            assert answer_of(application, "10.1") == "10.1.0.0"
    assert load.wrong == []
    # A file that is opened to be written is empty for a moment, which may be seen.
    said = [error for error in errors(caplog) if EMPTY in mistakes or EMPTY not in error]
    assert [text in error for text, error in zip(mistakes, said)] == [True] * len(said)
    assert len(said) == len(mistakes)


# The app's config and the files


class TestConfig:
    @pytest.fixture
    def app(self, path, clock):
        app = Flask(__name__, root_path=str(path.parent))
        app.config["TRUST_PROXY"] = "file:list.txt, unix"
        TrustProxy(app)
        return app

    def look(self, app, clock):
        return look(app.extensions["trustproxy"], clock)

    def test_a_file_that_changes_counts(self, app, path, clock):
        replace(path, NEW)
        assert [self.look(app, clock) for _ in range(3)] == ["old", "new", "new"]

    def test_a_request_context_has_it_too(self, app, path, clock):
        def client():
            environ = {"REMOTE_ADDR": "203.0.113.7", "HTTP_X_FORWARDED_FOR": "192.0.2.9"}
            return app.test_request_context(environ_overrides=environ).request.client_ip

        replace(path, NEW)
        assert self.look(app, clock) == "old"
        assert client() == "203.0.113.7"
        clock.now += 1
        assert client() == "192.0.2.9"

    def test_another_value_counts_at_once_and_reads_the_files_anew(self, app, path, clock):
        replace(path, NEW)
        app.config["TRUST_PROXY_MAX_HOPS"] = 3
        assert self.look(app, clock) == "new"
        assert app.extensions["trustproxy"].settings.policy.max_hops == 3

    def test_a_file_that_changes_after_another_value_counts(self, app, path, clock):
        app.config["TRUST_PROXY_MAX_HOPS"] = 3
        assert self.look(app, clock) == "old"
        replace(path, NEW)
        assert [self.look(app, clock), self.look(app, clock)] == ["old", "new"]
        assert app.extensions["trustproxy"].settings.policy.max_hops == 3

    def test_a_value_without_a_file_is_not_watched(self, app, path, clock, monkeypatch):
        app.config["TRUST_PROXY"] = "unix, 198.51.100.0/24"
        monkeypatch.setattr(module, "sign", lambda path: pytest.fail("looked"))
        assert [self.look(app, clock), self.look(app, clock)] == ["old", "old"]

    def test_another_value_with_a_broken_file_raises_until_either_is_mended(
        self, app, path, clock
    ):
        trust = app.extensions["trustproxy"]
        replace(path, "<html>")
        assert [self.look(app, clock) for _ in range(3)] == ["old"] * 3
        app.config["TRUST_PROXY_MAX_HOPS"] = 3
        for _ in range(2):
            with pytest.raises(SettingError, match="line 1, got '<html>'"):
                _ = trust.settings
        app.config["TRUST_PROXY_MAX_HOPS"] = None
        assert self.look(app, clock) == "old"
        app.config["TRUST_PROXY_MAX_HOPS"] = 3
        replace(path, NEW)
        assert self.look(app, clock) == "new"

    def test_the_start_fails_with_a_broken_file(self, path):
        app = Flask(__name__, root_path=str(path.parent))
        app.config["TRUST_PROXY"] = "file:missing.txt"
        with pytest.raises(SettingError) as error:
            TrustProxy(app)
        missing = str(path.with_name("missing.txt"))
        assert str(error.value) == (
            "TRUST_PROXY='file:missing.txt' (from app.config): expected a file that can be "
            f"read at {missing!r}: No such file or directory"
        )

    @pytest.mark.parametrize("trust", ["file:list.txt", "loopback, file:list.txt"])
    def test_the_test_client_comes_through_what_the_file_trusts(self, path, trust):
        app = Flask(__name__, root_path=str(path.parent))
        app.config["TRUST_PROXY"] = trust
        TrustProxy(app)
        app.add_url_rule("/", view_func=lambda: str(flask.request.client_ip))
        assert proxied_client(app, client="192.0.2.9").get("/").text == "192.0.2.9"
        via = proxied_client(app, client="192.0.2.9", via=["198.51.100.7"])
        assert via.get("/").text == "192.0.2.9"
        assert_unforgeable(app)
