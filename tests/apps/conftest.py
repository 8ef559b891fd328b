from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from integration.stack import Stack

from . import environments
from .sites import Application, Site, running

TABLE = environments.ROOT / "docs" / "tables" / "applications.csv"
HEADS = ["Application", "An attacker", "As it comes", "With TrustProxy"]
MEASURED = pytest.StashKey[list[list[str]]]()


@dataclass(frozen=True)
class Pair:
    """An application as it comes, and with TrustProxy put in."""

    application: Application
    before: Site
    after: Site


@pytest.fixture(scope="session")
def pem() -> Iterator[Path]:
    """The certificate of nginx, and its key."""
    stack = Stack()
    yield stack.pem
    stack.close()


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the package, for the `PYTHONPATH` of an application."""
    folder = tmp_path_factory.mktemp("package")
    environments.package(folder)
    return str(folder)


@pytest.fixture(scope="session")
def start(pem: Path, ours: str) -> Iterator[Callable[[Application], Pair]]:
    """Starts each application twice when it is first asked for, and keeps it running."""
    with ExitStack() as stack:

        @cache
        def started(application: Application) -> Pair:
            before = stack.enter_context(running(application, pem))
            after = stack.enter_context(running(application, pem, ours))
            return Pair(application, before, after)

        yield started


@pytest.fixture
def pair(request: pytest.FixtureRequest, start: Callable[[Application], Pair]) -> Pair:
    """An application, started twice."""
    return start(request.param)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write", action="store_true", help=f"write what was measured to {TABLE.name}"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table; with `--write`, put it into the documentation."""
    rows = config.stash[MEASURED]
    if config.getoption("--write"):
        with TABLE.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADS, *rows])
    for row in rows:
        terminalreporter.section(row[0], sep="-")
        for head, cell in zip(HEADS[1:], row[1:]):
            terminalreporter.write_line(f"{head:>15}  {cell}")
