"""Print what TrustProxy costs, beside others, and what of it was promised.

``tox run -e benchmark`` runs it. ``--all`` takes a million requests where it
takes twenty thousand by default; ``--json``, ``--csv`` and ``--plot`` write files.
"""

from __future__ import annotations

import argparse
import csv
import gc
import io
import json
import logging
import os
import platform
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from ipaddress import ip_network
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from contenders import CONTENDERS, FIX, OURS, trustproxy
from flask import Flask
from plot import plot
from timing import in_turns, measure, nets, serve, spent
from werkzeug.middleware.proxy_fix import ProxyFix
from workloads import DEFAULT, PRIVATE, curves, listed, some_networks, workloads

from flask_trustproxy import TrustProxy
from flask_trustproxy.core.environ import rewrite
from flask_trustproxy.core.trust import compile_trust

Ratios = dict[str, dict[str, float]]

COLUMNS = [name for name in CONTENDERS if "floor" not in name]
PLOTTED = (OURS, FIX, "waitress", "ipaddress list")


def middlewares(rounds: int) -> Ratios:
    """The net cost of each contender for each workload; 1 is ProxyFix's."""
    table = {}
    for load in workloads():
        table[load.name] = measure(load, COLUMNS, rounds)
        print(row(f"{load.name}: {load.title}", table[load.name]), flush=True)
    return table


def row(title: str, ratios: dict[str, float]) -> str:
    """One line of the table."""
    cells = (f"{ratios[name]:>15.3g}" if name in ratios else f"{'-':>15}" for name in COLUMNS)
    return f"{title:<42}{''.join(cells)}"


def write_table(path: Path, table: Ratios) -> None:
    """Write the table as the documentation has it."""
    titles = {load.name: load.title for load in workloads()}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *COLUMNS])
        for name, ratios in table.items():
            cells = (f"{ratios[c]:.3g}" if c in ratios else "" for c in COLUMNS)
            writer.writerow([titles[name], *cells])


def shapes(rounds: int) -> dict[str, float]:
    """How our own cost grows: one workload against another, in the same rounds."""
    loads = {load.name: load for load in workloads()}
    pairs = {
        "100,000 networks / 10, warm": ("d100000 warm", "d10 warm"),
        "100,000 networks / 10, cold": ("d100000 cold", "d10 cold"),
        "8 KB forged / one forged entry": ("e forged", "e short"),
        "8 KB from a stranger / b": ("e stranger", "b"),
        "16 KB of trusted hops / 8 KB": ("e trusted 16", "e trusted"),
        "16 KB of junk / 8 KB": ("e junk 16", "e junk"),
        "h / b": ("h", "b"),
    }
    cells = {name: (OURS, loads[name]) for pair in pairs.values() for name in pair}
    seen = list(nets(cells, rounds))
    return {
        title: median(net[one] / net[other] for net in seen)
        for title, (one, other) in pairs.items()
    }


def growing(rounds: int) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """How the cost of each grows along each axis; 1 is ProxyFix's for one entry."""
    (unit,) = (load for load in workloads() if load.name == "b")
    grown = {}
    for axis, points in curves().items():
        cells = {
            f"{name} {size}": (name, load)
            for name in PLOTTED
            for size, load in points
            if len(load.trust) <= CONTENDERS[name].most_networks
        }
        seen = list(nets({"unit": (FIX, unit), **cells}, rounds))
        grown[axis] = {
            name: [
                (size, median(net[f"{name} {size}"] / net["unit"] for net in seen))
                for size, _ in points
                if f"{name} {size}" in cells
            ]
            for name in PLOTTED
        }
    return grown


def networks(rounds: int) -> dict[str, float]:
    """What 100,000 networks take to compile and to keep."""
    texts = list(some_networks(100_000))
    runs: dict[str, Callable[[], int]] = {
        "ours": lambda: spent(lambda: compile_trust(texts)),
        "theirs": lambda: spent(lambda: [ip_network(text) for text in texts]),
    }
    ratios = [cost["ours"] / cost["theirs"] for cost in in_turns(runs, max(rounds // 3, 3))]
    tracemalloc.start()
    kept = compile_trust(texts)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.trusts("10.0.0.5", 0)
    return {"compile / list of ip_network": median(ratios), "MB kept": size / 2**20}


def growth(requests: int) -> dict[str, float]:
    """How memory grows over requests, each of a client never seen before."""
    (load,) = (load for load in workloads() if load.name == "h")
    app = trustproxy(PRIVATE, DEFAULT, 0)
    serve(app, load.environs())
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(requests // 1000):
        serve(app, load.environs())
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"requests": requests, "KB grown": (after - before) / 1024}


_IMPORT = """
import sys, time, flask
before = set(sys.modules)
start = time.process_time()
import flask_trustproxy
spent = time.process_time() - start
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(spent * 1000, *sorted(new & set(sys.stdlib_module_names)))
"""


def imports(rounds: int) -> dict[str, Any]:
    """What importing adds to an app that has imported Flask."""
    times, modules = [], set()
    with TemporaryDirectory() as cache:
        cached = {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(rounds + 1):
            milliseconds, *names = subprocess.run(
                [sys.executable, "-c", _IMPORT],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, **cached},
            ).stdout.split()
            if number:  # the first compiles
                times.append(float(milliseconds))
                modules.update(names)
    return {"ms": median(times), "stdlib modules added": sorted(modules)}


def make_app(before: bool = False) -> Flask:
    """An app as small as one can be."""
    app = Flask("benchmark")
    app.add_url_rule("/", "index", lambda: "")
    if before:
        app.before_request(lambda: None)
    return app


def end_to_end(rounds: int) -> dict[str, float]:
    """A whole request to a small Flask app; 1 is the app as it is.

    Each is alone in its process, as on a server: Python adapts the code of Flask
    to the app that it serves.
    """
    context = get_context("spawn")
    with ExitStack() as stack:
        pools = {
            name: stack.enter_context(ProcessPoolExecutor(1, context, _start, (name,)))
            for name in _APPS
        }
        runs = {name: partial(_ask, pool) for name, pool in pools.items()}
        costs = list(in_turns(runs, rounds + 1))[1:]
    return {name: median(cost[name] / cost["bare"] for cost in costs) for name in _APPS}


_NO_HOOK = "TrustProxy without its hook"
_APPS = ("bare", FIX, OURS, _NO_HOOK, "a hook that does nothing")

#: Holds what a process of its own serves.
_served: list[Callable[[], int]] = []


def _ask(pool: Executor) -> int:
    return pool.submit(_serve).result()


def _serve() -> int:
    return _served[0]()


def _start(name: str) -> None:
    logging.disable()
    gc.disable()
    app = make_app(name == "a hook that does nothing")
    if name == FIX:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)
    if name in (OURS, _NO_HOOK):
        app.config["TRUST_PROXY"] = PRIVATE
        TrustProxy(app)
    if name == _NO_HOOK:
        app.before_request_funcs.clear()

    def answer(environ: dict[str, Any]) -> None:
        for _ in app(environ, lambda *_: None):
            pass

    environs = [{**listed("203.0.113.9"), "wsgi.input": io.BytesIO()}] * 300
    _served.append(lambda: serve(answer, environs))


def parts(rounds: int) -> dict[str, float]:
    """Settings freshness, request class and hook, one by one; 1 is the walk."""
    app = make_app()
    app.config["TRUST_PROXY"] = PRIVATE
    plain_class = app.request_class
    TrustProxy(app)
    trust = app.extensions["trustproxy"]
    settings, environ = trust.settings, listed("203.0.113.9")
    done = environ.copy()
    app.wsgi_app({**done, "wsgi.input": io.BytesIO()}, lambda *_: None)
    rewrite(done, settings.policy)

    def hook() -> int:
        with app.test_request_context():
            return spent(trust.guard, 300)

    runs: dict[str, Callable[[], int]] = {
        "walk": lambda: (
            spent(lambda: rewrite(environ.copy(), settings.policy), 300)
            - spent(environ.copy, 300)
        ),
        "settings freshness": lambda: spent(lambda: trust.settings, 300),
        "request class": lambda: (
            spent(lambda: app.request_class(done), 300) - spent(lambda: plain_class(done), 300)
        ),
        "hook": hook,
    }
    costs = list(in_turns(runs, rounds + 1))[1:]
    return {name: median(cost[name] / cost["walk"] for cost in costs) for name in runs}


def goals(result: dict[str, Any]) -> Iterable[tuple[str, float, float]]:
    """Each promise: what it is of, what was measured and what is the most."""
    table, grown = result["middlewares"], result["shapes"]
    for name, most in (("a", 0.35), ("b", 0.55), ("c", 0.5), ("f", 0.8), ("h", 0.55)):
        yield f"{name} / ProxyFix", table[name][OURS], most
    for name in ("g one", "g three"):
        yield f"{name} / waitress", table[name][OURS] / table[name]["waitress"], 0.55
    for name, most in (
        ("100,000 networks / 10, warm", 1.5),
        ("100,000 networks / 10, cold", 2.5),
        ("8 KB forged / one forged entry", 1.2),
        ("8 KB from a stranger / b", 1.2),
        ("16 KB of trusted hops / 8 KB", 2.3),
        ("16 KB of junk / 8 KB", 2.3),
    ):
        yield name, grown[name], most
    yield from ((name, result["networks"][name], most) for name, most in _OF_NETWORKS)
    yield "KB grown", result["growth"]["KB grown"], 64
    yield "stdlib modules added", len(result["imports"]["stdlib modules added"]), 0
    yield "end to end / bare app", result["end to end"][OURS], 1.12
    for name in ("settings freshness", "request class", "hook"):
        yield f"{name} / walk", result["parts"][name], 1


_OF_NETWORKS = (("compile / list of ip_network", 1), ("MB kept", 10))


def show(title: str, values: dict[str, Any]) -> None:
    """Print one section."""
    print(f"\n{title}")
    for name, value in values.items():
        print(f"  {name:<36}{value if not isinstance(value, float) else f'{value:.3g}'}")


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--all", action="store_true", help="a million requests for growth")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--csv", type=Path, help="write the table here")
    parser.add_argument("--plot", type=Path, help="write an SVG here")
    options = parser.parse_args()
    logging.disable()
    packages = ("Flask", "Werkzeug", "waitress", "uvicorn", "forwarded", "python-ipware")
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }
    print(f"Python {result['python']}", *map(" ".join, result["versions"].items()), sep=", ")
    print(f"\n{'net cost; 1 is that of ProxyFix':<42}{''.join(f'{c:>15}' for c in COLUMNS)}")
    result["middlewares"] = middlewares(options.rounds)
    for title, section in (
        ("shapes", shapes),
        ("networks", networks),
        ("imports", imports),
        ("end to end", end_to_end),
        ("parts", parts),
    ):
        result[title] = section(options.rounds)
        show(title, result[title])
    result["growth"] = growth(1_000_000 if options.all else 20_000)
    show("growth", result["growth"])
    print("\ngoals")
    for name, measured, most in goals(result):
        verdict = "met" if measured <= most else f"missed, {measured / (most or 1):.1f} times"
        print(f"  {name:<36}{measured:>10.3g}  at most {most:<6}{verdict}")
    if options.plot:
        result["curves"] = growing(options.rounds)
        options.plot.write_text(plot(result["curves"]), "utf-8")
    if options.csv:
        write_table(options.csv, result["middlewares"])
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
