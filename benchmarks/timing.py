"""How it is measured: in turns, by thread CPU time, net of the floor.

Contenders take turns within each round, and the order rotates, so that what
else the machine does hits all of them alike. A result is the median over the
rounds of a ratio within one round; absolute times are not compared.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median
from time import thread_time_ns
from typing import Any

from contenders import CONTENDERS, FIX, App
from workloads import Workload


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector out of what is measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def spent(function: Callable[[], object], times: int = 1) -> int:
    """Nanoseconds of this thread for so many calls."""
    turns = range(times)
    start = thread_time_ns()
    for _ in turns:
        function()
    return thread_time_ns() - start


def serve(app: App, requests: Iterable[dict[str, Any]]) -> int:
    """Nanoseconds of this thread for requests, each a copy of one of these."""
    start = thread_time_ns()
    for environ in requests:
        app(environ.copy())
    return thread_time_ns() - start


def in_turns(runs: dict[str, Callable[[], int]], rounds: int) -> Iterator[dict[str, int]]:
    """Run each once in each round, in an order that rotates."""
    names = list(runs)
    with no_collection():
        for _ in range(rounds):
            yield {name: runs[name]() for name in names}
            names.append(names.pop(0))


def nets(cells: dict[str, tuple[str, Workload]], rounds: int) -> Iterator[dict[str, float]]:
    """What each contender costs more than its floor, in each round.

    :param cells: by any name, a contender's name and what it is asked.
    :returns: nanoseconds of a request. The first round, which warms up, is
        left out.
    """
    apps = {
        cell: CONTENDERS[name].make(load.trust, load.headers, load.hops)
        for cell, (name, load) in cells.items()
    }
    floors = {name: CONTENDERS[name].make((), "", 0) for name in ("floor", "ASGI floor")}
    order = list(cells)
    with no_collection():
        for number in range(rounds + 1):
            environs = {id(load): load.environs() for _, load in cells.values()}
            bare: dict[tuple[str, int], int] = {}
            net = {}
            for cell in order:
                name, load = cells[cell]
                contender, asked = CONTENDERS[name], environs[id(load)]
                requests = list(map(contender.prepare, asked))
                key = contender.floor, id(load)
                if key not in bare:
                    bare[key] = serve(floors[contender.floor], requests)
                net[cell] = max(serve(apps[cell], requests) - bare[key], 1) / len(asked)
            order.append(order.pop(0))
            if number:
                yield net


def measure(
    workload: Workload, names: Iterable[str], rounds: int, unit: str = FIX
) -> dict[str, float]:
    """The net cost of each contender as a multiple of that of one of them.

    :returns: by name; who takes minutes for so many networks, or cannot read
        the header, is left out.
    """
    cells = {
        name: (name, workload)
        for name in names
        if len(workload.trust) <= CONTENDERS[name].most_networks
        and (
            workload.headers != "Forwarded" or CONTENDERS[name].reads_forwarded or name == unit
        )
    }
    seen = list(nets(cells, rounds))
    return {name: median(net[name] / net[unit] for net in seen) for name in cells}
