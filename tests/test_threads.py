"""Eight threads at once, and every answer judged.

A Python without a global lock lets all of them run at the same time. With one, they change
places here as often as they can. Two races that are planted show that the judge sees one.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask, request
from werkzeug.test import create_environ, run_wsgi_app

from flask_trustproxy import TrustProxy, TrustProxyMiddleware
from flask_trustproxy import watch as module

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ASKING = 7  # and one thread replaces
ENOUGH = 25  # turns

PEER, PROXY = "192.0.2.1", "192.0.2.2"

#: The settings that are in force by turns, and what each makes of a client's request.
TURNS: list[tuple[str, Callable[[str], str]]] = [
    (PEER, lambda client: f"{PROXY} ['{PROXY}'] https"),
    ("192.0.2.0/24", lambda client: f"{client} ['{client}', '{PROXY}'] https"),
    ("198.51.100.0/24", lambda client: f"{PEER} [] http"),
]


class Judge:
    """Knows which settings may be in force, and keeps what a thread should never see."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self.end = time.monotonic() + 30
        self.begun = self.settled = 0
        self.answers = 0
        self.wrong: list[str] = []

    def goes_on(self) -> bool:
        """Until enough was seen, or something wrong; a turn that never settles ends too."""
        return not self.wrong and self.settled < ENOUGH and time.monotonic() < self.end

    def ask(self, client: str) -> str:
        """The answer to one client; each has an address of its own."""
        headers = {"X-Forwarded-For": f"{client}, {PROXY}", "X-Forwarded-Proto": "https"}
        environ = create_environ(headers=headers, environ_base={"REMOTE_ADDR": PEER})
        body, _, _ = run_wsgi_app(self.app, environ, buffered=True)
        return b"".join(body).decode()

    def judge(self, client: str) -> None:
        """Ask, and accept what settings give that were in force meanwhile."""
        first = self.settled
        answer = self.ask(client)
        turns = range(first, self.begun + 1)
        if answer not in {TURNS[turn % len(TURNS)][1](client) for turn in turns}:
            self.wrong.append(f"{client} in turns {turns}: {answer}")

    def ask_on(self, number: int) -> None:
        """One of the threads that ask."""
        for count in itertools.count():
            if not self.goes_on():
                self.answers += count
                return
            self.judge(f"2001:db8:{number + 1:x}::{count + 1:x}")

    def replace_on(self, replace: Callable[[str], None]) -> None:
        """The thread that replaces; a turn has settled when it has seen the answer."""
        client = "2001:db8:ffff::1"
        while self.goes_on():
            self.begun += 1
            setting, expected = TURNS[self.begun % len(TURNS)]
            replace(setting)
            while self.goes_on() and self.ask(client) != expected(client):
                pass
            self.settled = self.begun

    def guarded(self, work: Callable[..., None], *args: object) -> None:
        """An exception in a thread is a wrong answer too."""
        try:
            work(*args)
        except Exception as error:
            self.wrong.append(repr(error))


def judge(app: WSGIApplication, replace: Callable[[str], None]) -> Judge:
    """Have seven threads ask while one replaces; ends with the first wrong answer."""
    judge = Judge(app)
    threads = [
        threading.Thread(target=judge.guarded, args=(judge.ask_on, number))
        for number in range(ASKING)
    ]
    threads.append(threading.Thread(target=judge.guarded, args=(judge.replace_on, replace)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return judge


@pytest.fixture(autouse=True)
def _threads_change_places_all_the_time() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config["TRUST_PROXY"] = TURNS[0][0]

    @app.get("/")
    def index() -> str:
        return f"{request.client_ip} {request.client_ips} {request.scheme}"

    TrustProxy(app)
    return app


def test_a_setting_that_is_replaced_is_seen_whole_and_at_once(app: Flask):
    seen = judge(app, lambda setting: app.config.update(TRUST_PROXY=setting))
    assert seen.wrong == []
    assert (seen.settled, seen.answers > ENOUGH) == (ENOUGH, True)


def in_words(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """The same answer, from an application that only reads its environ."""
    clients = environ.get("HTTP_X_FORWARDED_FOR", "")
    start_response("200 OK", [])
    answer = f"{environ['REMOTE_ADDR']} {clients.split(', ') if clients else []}"
    return [f"{answer} {environ['wsgi.url_scheme']}".encode()]


@pytest.mark.parametrize("of", ["a Flask app", "any WSGI application"])
def test_a_file_that_is_swapped_is_seen_whole(
    of: str, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # The file is looked at a thousand times a second.
    monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() * 1000)
    path, other = tmp_path / "networks.txt", tmp_path / "other"
    path.write_text(TURNS[0][0])

    def swap(setting: str) -> None:
        other.write_text(setting)
        os.replace(other, path)

    setting = f"file:{path}"
    if of == "a Flask app":
        app.config["TRUST_PROXY"] = setting
        seen = judge(app, swap)
    else:
        seen = judge(TrustProxyMiddleware(in_words, setting), swap)
    assert seen.wrong == []
    assert (seen.settled, seen.answers > ENOUGH) == (ENOUGH, True)


class SharesOneEnviron:
    """A planted race: the environ of a request is kept where every thread keeps its own."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        self.environ = environ
        time.sleep(0)  # where a thread with a global lock gives it away
        return self.app(self.environ, start_response)


def test_a_planted_race_that_mixes_requests_is_found(app: Flask):
    shared = SharesOneEnviron(app.wsgi_app)
    seen = judge(shared, lambda setting: app.config.update(TRUST_PROXY=setting))
    assert seen.wrong != []


def test_a_planted_race_that_replaces_in_two_steps_is_found(app: Flask):
    def replace(setting: str) -> None:
        app.config["TRUST_PROXY"] = "203.0.113.0/24"
        time.sleep(0.001)
        app.config["TRUST_PROXY"] = setting

    assert judge(app, replace).wrong != []
