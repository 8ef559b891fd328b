"""Count the instructions of a request, which repeat where seconds do not.

``tox run -e gate`` runs it: it fails if a request costs over 3 % more than when the
figures in ``instructions.json`` were written. ``--update`` writes them. It needs
valgrind, and a figure holds for one release of Python on one sort of machine: those of
another are printed, and compared with nothing.

Callgrind counts all that runs inside of a call of :c:func:`PyObject_Dir`, and a request
calls no ``dir()`` of its own. So a row of requests runs inside of ``dir()``, and the
start of Python and the imports are not counted.
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
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FIGURES = Path(__file__).with_name("instructions.json")
TABLE = Path(__file__).parents[1] / "docs/tables/instructions.csv"

#: So much more than the figures is no mistake of the measurement.
MOST = 1.03
#: How many requests are counted, each of another client.
REQUESTS = 100

Start = Callable[..., object]
App = Callable[[dict[str, Any], Start], object]

SECRET = "0123456789abcdef"
#: Each setting that is off by default, as an app with a CDN in front has them.
EVERYTHING = {
    "TRUST_PROXY_EDGE": "10.0.0.0/8, loopback",
    "TRUST_PROXY_EDGE_SECRET": f"X-Origin-Verify: {SECRET}",
    "TRUST_PROXY_IDENTITY_HEADERS": "Remote-User",
    "TRUST_PROXY_SCHEME": "https",
    "TRUST_PROXY_REQUIRED": True,
}
#: The requests: the headers of each, where ``{}`` is the client.
KINDS: dict[str, dict[str, str]] = {
    "no header": {},
    "one entry": {"X_FORWARDED_FOR": "203.0.113.{}", "X_FORWARDED_PROTO": "https"},
    "three entries": {
        "X_FORWARDED_FOR": "203.0.113.{}, 10.0.0.5, 10.0.0.6",
        "X_FORWARDED_PROTO": "https",
    },
    "IPv6": {"X_FORWARDED_FOR": "2001:db8::{}, fd00::1", "X_FORWARDED_PROTO": "https"},
    "Forwarded": {"FORWARDED": "for=203.0.113.{};proto=https"},
    "a stranger": {"X_FORWARDED_FOR": "203.0.113.{}", "X_FORWARDED_PROTO": "https"},
}


def requests(kind: str, **more: str) -> list[dict[str, Any]]:
    """The environs of a kind of request, of the size that a server makes them."""
    peer = {"IPv6": "::1", "a stranger": "198.51.100.7"}.get(kind, "127.0.0.1")
    return [
        {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": None,
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "REMOTE_ADDR": peer,
            "REMOTE_PORT": "4711",
            "HTTP_HOST": "www.example.com",
            "HTTP_USER_AGENT": "Mozilla/5.0",
            "HTTP_ACCEPT": "text/html",
            **{f"HTTP_{name}": value.format(number) for name, value in KINDS[kind].items()},
            **more,
        }
        for number in range(1, REQUESTS + 1)
    ]


class Counted:
    """What runs when ``dir()`` is asked about it."""

    def __init__(self, app: App, environs: list[dict[str, Any]]) -> None:
        self._app = app
        self._environs = environs

    def serve(self) -> None:
        """Serve a copy of each environ."""
        app = self._app
        for environ in self._environs:
            app(environ.copy(), _start_response)

    def __dir__(self) -> list[str]:
        self.serve()
        return []


def _start_response(*_: object) -> None:
    """Take a status and headers, and do nothing."""


def _plain(environ: dict[str, Any], start_response: Start) -> tuple[()]:
    return ()


def _make(name: str, **config: object) -> tuple[Any, Any]:
    """A Flask app that is as small as one can be, and one around no application."""
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from flask_trustproxy import TrustProxy

    apps = []
    for inner in (None, _plain):
        app = Flask("benchmark")
        app.config.update({"TRUST_PROXY": "loopback, 10.0.0.0/8, fd00::/8", **config})
        app.add_url_rule("/", "index", lambda: "")
        if inner is not None:
            app.wsgi_app = inner
        if name == "TrustProxy":
            TrustProxy(app)
        elif name == "ProxyFix":
            app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)
        apps.append(app)
    return apps[0], apps[1].wsgi_app


def _waitress(headers: set[str]) -> App:
    from waitress.proxy_headers import proxy_headers_middleware

    return proxy_headers_middleware(
        _plain, trusted_proxy="*", trusted_proxy_count=1, trusted_proxy_headers=headers
    )


def _middlewares() -> Iterator[tuple[str, Counted]]:
    """Each middleware alone, around an application that does nothing."""
    fix, ours = _make("ProxyFix")[1], _make("TrustProxy")[1]
    for kind in KINDS:
        asked = requests(kind)
        yield f"{kind}, nothing", Counted(_plain, asked)
        if kind == "Forwarded":
            element = _make("TrustProxy", TRUST_PROXY_HEADERS="Forwarded")[1]
            yield f"{kind}, TrustProxy", Counted(element, asked)
            yield f"{kind}, waitress", Counted(_waitress({"forwarded"}), asked)
        else:
            yield f"{kind}, TrustProxy", Counted(ours, asked)
            yield f"{kind}, ProxyFix", Counted(fix, asked)
    asked = requests("one entry", HTTP_X_ORIGIN_VERIFY=SECRET, HTTP_REMOTE_USER="alice")
    yield "all settings, nothing", Counted(_plain, asked)
    yield "all settings, TrustProxy", Counted(_make("TrustProxy", **EVERYTHING)[1], asked)


def _whole(name: str) -> Iterator[tuple[str, Counted]]:
    """Whole requests to a small Flask app; alone in its process, as on a server."""
    app, _ = _make(name)

    def read(environ: dict[str, Any], start_response: Start) -> None:
        for _ in app(environ, start_response):
            pass

    yield f"whole request, {name}", Counted(read, requests("one entry"))


#: What one process measures.
PARTS: dict[str, Callable[[], Iterator[tuple[str, Counted]]]] = {
    "middlewares": _middlewares,
    **{name: lambda name=name: _whole(name) for name in ("bare", "ProxyFix", "TrustProxy")},
}


def serve(part: str) -> None:
    """Warm up, and serve what is counted."""
    logging.disable()
    gc.disable()
    rows = list(PARTS[part]())
    for _, row in rows:
        row.serve()
        row.serve()
    for name, row in rows:
        print(name, flush=True)
        dir(row)


def count(part: str) -> dict[str, int]:
    """Instructions of a request, by the name of what was counted."""
    with TemporaryDirectory() as folder:
        ran = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"),
                *("--toggle-collect=PyObject_Dir", "--dump-after=PyObject_Dir"),
                *(sys.executable, __file__, "--serve", part),
            ],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(ran.stderr)
        names = ran.stdout.splitlines()
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        totals = [
            int(re.findall(r"^totals: (\d+)", path.read_text(), re.MULTILINE)[0])
            for path in dumps
        ]
    counted = totals[-len(names) :] if len(totals) >= len(names) else []
    if len(counted) != len(names):
        raise SystemExit(f"{len(names)} rows, but callgrind wrote {len(totals)} dumps")
    return {name: total // REQUESTS for name, total in zip(names, counted)}


def ratios(counted: dict[str, int]) -> dict[str, float]:
    """What TrustProxy costs; 1 is ProxyFix, waitress or the bare app."""
    found = {}
    for kind in (*KINDS, "all settings"):
        floor = counted[f"{kind}, nothing"]
        asked = "one entry" if kind == "all settings" else kind
        other = f"{asked}, {'waitress' if kind == 'Forwarded' else 'ProxyFix'}"
        unit = counted[other] - counted[f"{asked}, nothing"]
        found[kind] = (counted[f"{kind}, TrustProxy"] - floor) / unit
    bare = counted["whole request, bare"]
    found["whole request"] = counted["whole request, TrustProxy"] / bare
    found["whole request, ProxyFix"] = counted["whole request, ProxyFix"] / bare
    return {name: round(ratio, 3) for name, ratio in found.items()}


def write_table(figures: dict[str, dict[str, float]]) -> None:
    """Write the table of the documentation: a row for each kind of request."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *(f"Python {python.split()[0]}" for python in figures)])
        for name in next(iter(figures.values())):
            writer.writerow([name, *(f"{column[name]:.2f}" for column in figures.values())])


def main() -> int:
    """Count, print, and compare with the figures of this Python, or write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the figures")
    parser.add_argument("--serve", metavar="PART", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    counted = {name: total for part in PARTS for name, total in count(part).items()}
    python = f"{platform.python_version()} {platform.machine()}"
    figures = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    before = figures.get(python, {})
    now = ratios(counted)
    print(f"Python {python}: instructions of a request")
    for name, total in counted.items():
        print(f"  {name:<36}{total:>9,}")
    print("ratios")
    for name, ratio in now.items():
        was = f"   before {before[name]:.3f}" if name in before else ""
        print(f"  {name:<36}{ratio:>9.3f}{was}")
    if options.update:
        figures[python] = now
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
        write_table(figures)
        return 0
    slower = [name for name, ratio in now.items() if ratio > before.get(name, ratio) * MOST]
    for name in slower:
        print(f"{name} costs more than {MOST} times as much as before: make it cheaper, or")
        print("run benchmarks/instructions.py --update and say why in the commit")
    return bool(slower)


if __name__ == "__main__":
    sys.exit(main())
