"""A program that a test starts: ready when it answers, stopped by its own handle."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Optional

READY_WITHIN = 20.0
STOPPED_WITHIN = 4.0


def system(name: str) -> Callable[[], Optional[str]]:
    """A distribution's program; sbin is not on everybody's PATH."""
    return lambda: shutil.which(name, path=f"/usr/sbin:{os.defpath}")


def installed(name: str) -> Callable[[], Optional[str]]:
    """A program that pip put beside our interpreter."""
    return lambda: shutil.which(name, path=str(Path(sys.executable).parent))


class NotReady(Exception):
    """A program ended, or did not answer in time; says what it printed."""


def free_port() -> int:
    """A port that nothing listens on, neither on 127.0.0.1 nor on ::1."""
    while True:
        with closing(socket.socket()) as v4, closing(socket.socket(socket.AF_INET6)) as v6:
            v4.bind(("127.0.0.1", 0))
            port: int = v4.getsockname()[1]
            with suppress(OSError):
                v6.bind(("::1", port))
                return port


class Process:
    """A program in a process group of its own, its output in a file of its own.

    The folder is its working directory; `environ` is added to our own environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str] = {},
    ) -> None:
        self.command = command
        self.log = folder / "output.log"
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text("utf-8", "replace")

    def wait_until(self, answers: Callable[[], object], within: float = READY_WITHIN) -> None:
        """Poll until `answers()` raises no OSError; `NotReady` if it never will."""
        end = time.monotonic() + within
        while True:
            ended = self._popen.poll()
            if ended is not None:
                raise NotReady(f"{self.command} ended with {ended}:\n{self.output}")
            try:
                answers()
            except OSError as error:
                if time.monotonic() > end:
                    self.stop()
                    raise NotReady(f"{self.command}: {error}\n{self.output}") from error
                time.sleep(0.05)
            else:
                return

    def terminate(self) -> None:
        """Ask the whole group to end."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask the whole group to end, and end it where it does not."""
        self.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(STOPPED_WITHIN)
        # Children that outlive their parent are in its group still.
        self._signal(signal.SIGKILL)
        self._popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)
