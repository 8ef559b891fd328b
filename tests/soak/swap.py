"""Swap a trust file under load, and look for a request that was judged by half of it.

gunicorn serves an app by several workers with several threads each. Clients ask it over
HTTP without a pause, while the file of 10,000 lines is replaced by another list, again and
again, each time when all workers have answered by the one before. Nothing is shortened:
the app looks at its file once a second.

    python tests/soak/swap.py [--swaps 200]

Each request names the first, the middle and the last address of a list as hops. All of
them are trusted, or none: any other answer is wrong, and so is one by the list before from
a worker that has answered by the new one already. Exits with 1 after a wrong answer, an
error, or a swap that was not seen within 10 seconds.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Optional

from flask import Flask

from flask_trustproxy import TrustProxy, request

LINES = 10_000
WORKERS, THREADS, CLIENTS = 2, 4, 6
CLIENT = "203.0.113.9"
BLOCKS = ("10.1", "10.2")


def create_app() -> Flask:
    """Make the app, which tells who asks and which worker has answered."""
    app = Flask(__name__)
    TrustProxy(app)

    @app.get("/")
    def index() -> str:
        return f"{request.client_ip} {os.getpid()}"

    return app


def line(block: str, number: int) -> str:
    """One address of a list; each block has another one."""
    return f"{block}.{number // 250}.{number % 250}"


class Load:
    """Clients that ask without a pause, and judge each answer.

    :param port: where the app is served.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.errors: list[str] = []
        self.longest = 0.0
        #: The list in the file, and when each worker was first seen to answer by it.
        self.now: tuple[str, dict[str, float]] = (BLOCKS[0], {})
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(CLIENTS)]

    def run(self) -> None:
        """Ask until it is over."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.over.is_set():
            for block in BLOCKS * 10:
                try:
                    self.ask(connection, block)
                except Exception as error:
                    self.errors.append(repr(error))
            connection.close()  # the next one may be another worker's

    def ask(self, connection: http.client.HTTPConnection, block: str) -> None:
        """Ask through hops of one list, and judge the answer."""
        hops = [line(block, number) for number in (0, LINES // 2, LINES - 1)]
        (current, seen), start = self.now, monotonic()
        connection.request("GET", "/", headers={"X-Forwarded-For": ", ".join([CLIENT, *hops])})
        response = connection.getresponse()
        text = response.read().decode()
        end = monotonic()
        self.longest = max(self.longest, end - start)
        if response.status != 200:
            self.errors.append(f"{response.status} {text}")
            return
        client, worker = text.split(" ")
        self.answers[worker] += 1
        if client not in (CLIENT, hops[-1]):
            self.wrong.append(f"{client} where {block} was asked for")
        elif (client == CLIENT) == (block == current):
            seen.setdefault(worker, end)
        elif start > seen.get(worker, end) and seen is self.now[1]:
            self.wrong.append(f"{worker} went back to the list before")

    def swap(self, path: Path, block: str) -> Optional[float]:
        """Replace the file, and wait until each worker has answered by it.

        :returns: how long that took, ``None`` where it took more than 10 s.
        """
        other = path.with_suffix(".new")
        other.write_text("".join(f"{line(block, number)}\n" for number in range(LINES)))
        start = monotonic()
        self.now = (block, {})
        os.replace(other, path)
        seen = self.now[1]
        while len(seen) < WORKERS and monotonic() < start + 10:
            sleep(0.005)
        return max(seen.values()) - start if len(seen) == WORKERS else None


def serve(path: Path, port: int) -> subprocess.Popen[bytes]:
    """Start gunicorn, and wait until it answers."""
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(WORKERS), "--worker-class", "gthread"]
    command += ["--threads", str(THREADS), "--log-level", "warning"]
    server = subprocess.Popen(
        [*command, "--chdir", os.fspath(Path(__file__).parent), "swap:create_app()"],
        env={**os.environ, "TRUST_PROXY": f"loopback, file:{path}"},
    )
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server
        except OSError:
            sleep(0.05)
    server.terminate()
    raise SystemExit("gunicorn did not start")


def main() -> int:
    """Swap, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--swaps", type=int, default=200)
    swaps = parser.parse_args().swaps
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        path = Path(folder, "list.txt")
        path.write_text("".join(f"{line(BLOCKS[0], number)}\n" for number in range(LINES)))
        server, load = serve(path, port), Load(port)
        begin = monotonic()
        try:
            for thread in load.threads:
                thread.start()
            took = [load.swap(path, BLOCKS[number % 2]) for number in range(1, swaps + 1)]
        finally:
            load.over.set()
            for thread in load.threads:
                thread.join()
            server.terminate()
            server.wait(30)
    seen = [seconds for seconds in took if seconds is not None]
    print(f"{swaps} swaps of {LINES} lines in {monotonic() - begin:.0f} s")
    print(f"seen by all {WORKERS} workers: {len(seen)}")
    if seen:
        print(f"  after {median(seen):.1f} s in the middle, {max(seen):.1f} s at most")
    print(f"requests: {sum(load.answers.values())}, by worker: {dict(load.answers)}")
    print(f"  the longest took {load.longest * 1000:.0f} ms")
    print(f"errors: {len(load.errors)}, wrong answers: {len(load.wrong)}")
    for problem in [*load.errors, *load.wrong][:20]:
        print(f"  {problem}")
    return 1 if load.errors or load.wrong or len(seen) < swaps else 0


if __name__ == "__main__":
    raise SystemExit(main())
