"""The quickstart page, followed word for word from an empty directory.

It differs in what a reader would not notice: pip takes the wheel under test, by a
constraint, and nginx listens on a free port in the place of 8080.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from .process import READY_WITHIN, free_port
from .proxies import NGINX_DEBIAN
from .stack import found, temporary

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "quickstart.rst").read_text("utf-8")
CONFIGURATION = DOCS.parent / "examples" / "quickstart" / "nginx.conf"
ENDS_WITHIN = 300.0  # pip may have to download


class File(NamedTuple):
    """A file that the page has written."""

    name: str
    text: str


class Command(NamedTuple):
    """A command that the page has typed, and what it shows of the output."""

    typed: str
    shown: str


def steps() -> Iterator[File | Command]:
    """What the page tells the reader to do, in its order."""
    block = r"^\.\. ([\w-]+):: (\S+)\n((?:    :.+\n)*)\n((?:    .*\n|\n)*)"
    for directive, argument, options, body in re.findall(block, PAGE, re.M):
        caption = re.search(r":caption: (\S+)", options)
        if directive == "literalinclude":
            yield File(caption[1], (DOCS / argument).read_text("utf-8"))
        elif caption:
            yield File(caption[1], dedent(body))
        else:
            assert argument == "console"
            for typed, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", dedent(body), re.M):
                yield Command(typed, shown.strip())


class Terminal:
    """A shell in a directory that is empty at first, and what was started from it."""

    def __init__(self, folder: Path, hidden: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self._hidden = hidden
        self._log = hidden / "errors.log"
        with self._log.open("wb") as log:
            self._shell = subprocess.Popen(
                ["bash"],
                cwd=folder,
                env={**os.environ, **environ},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def type(self, command: str) -> str:
        """What a command printed when it had ended, or had gone into the background."""
        output, ended = self._hidden / "output", self._hidden / "ended"
        ended.unlink(missing_ok=True)
        # Leaves the exit code of the command to the next one.
        line = f"{{ {command}\n}} >{output} </dev/null; (code=$?; : >{ended}; exit $code)\n"
        assert self._shell.stdin is not None
        self._shell.stdin.write(line.encode())
        self._shell.stdin.flush()
        end = time.monotonic() + ENDS_WITHIN
        while not ended.exists():
            assert time.monotonic() < end, f"{command}: does not end\n{self.errors}"
            time.sleep(0.02)
        return output.read_text("utf-8").strip()

    @property
    def errors(self) -> str:
        """What all commands printed of errors."""
        return self._log.read_text("utf-8")

    def close(self) -> None:
        """End the shell, and what is left of its process group."""
        os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.communicate()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    found(NGINX_DEBIAN)
    if "TOX_PACKAGE" not in os.environ:
        pytest.skip("tox alone knows where the wheel is: tox run -e integration")
    with temporary() as folder, temporary() as hidden:
        wheel = Path(os.environ["TOX_PACKAGE"]).as_uri()
        constraint = hidden / "constraint.txt"
        constraint.write_text(f"Flask-TrustProxy @ {wheel}\n")
        environ = {
            # The environment of these tests is none of the reader's.
            "PATH": f"{sys.base_prefix}/bin:{os.defpath}",
            "PIP_CONSTRAINT": str(constraint),
        }
        terminal = Terminal(folder, hidden, environ)
        try:
            yield terminal
        finally:
            terminal.close()


def matches(shown: str, printed: str) -> bool:
    return OutputChecker().check_output(shown, printed, ELLIPSIS)


def test_the_page_leads_from_an_empty_directory_to_a_safe_probe(terminal: Terminal) -> None:
    assert list(terminal.folder.iterdir()) == []
    port = str(free_port())
    verdicts = []
    for step in steps():
        if isinstance(step, File):
            (terminal.folder / step.name).write_text(step.text.replace("8080", port))
            continue
        command, shown = (text.replace("8080", port) for text in step)
        printed = terminal.type(command)
        # nginx may not have started yet, or not have read its file again: a reader is slower.
        end = time.monotonic() + READY_WITHIN
        while port in command and not matches(shown, printed) and time.monotonic() < end:
            time.sleep(0.1)
            printed = terminal.type(command)
        if shown:
            assert matches(shown, printed), f"{command}:\n{printed}\n{terminal.errors}"
        verdicts += re.findall(r"^(\w+): ", printed, re.M) if " probe " in command else []
    assert verdicts == ["safe", "forgeable", "safe"]
    # Both servers were told to stop.
    terminal.type("wait")
