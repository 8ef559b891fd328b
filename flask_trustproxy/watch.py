"""Settings that keep up with the trust files that they name.

Here lives when a file is looked at, and what happens when one has changed.
That is asked on a request, and never in a thread of our own.

Threads share a :class:`Watch`. They read two attributes without a lock: the
settings in force and the time of the next look. Each is replaced as a whole, so a
thread sees the old one or the new one. Everything else is read and written under the
lock, which one thread gets while the others go on. This needs no global lock of
the interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock
from time import monotonic
from typing import Optional

from .core.trust_file import Signature, sign
from .log import logger
from .report.messages import caution
from .settings import SettingError, Settings, compile_settings

#: How many seconds pass between two looks, at least.
INTERVAL = 1.0


class ProcessLock:
    """A lock of which each process has its own.

    A fork copies a lock as it is: one that another thread held would be held in
    the child for good, since that thread is not there to release it.
    """

    def __init__(self) -> None:
        self._locks: dict[int, RLock] = {}

    def __call__(self) -> RLock:
        """The lock of the process that asks."""
        return self._locks.setdefault(os.getpid(), RLock())


class Watch:
    """Settings that are compiled anew when one of their files has changed.

    A change is taken over when two looks have seen the same, so that nothing
    is read in the middle of a write. What cannot be used is said once in the
    log, and the last that could stays in force.

    :param settings: as they were compiled first.
    :param announce: called with the new settings when they are in force.
    """

    def __init__(self, settings: Settings, announce: Callable[[Settings], object]) -> None:
        self._settings = settings
        self._announce = announce
        self._paths = [file.path for file in settings.files]
        # The state of the files that was compiled last, and the one seen last.
        self._tried: list[Optional[Signature]] = [file.signature for file in settings.files]
        self._seen = self._tried
        self._error = ""
        self._next_look = monotonic() + INTERVAL
        self._lock = ProcessLock()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        if monotonic() >= self._next_look:
            self._look_alone()
        return self._settings

    def _look_alone(self) -> None:
        lock = self._lock()
        if lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                lock.release()

    def _look(self) -> None:
        """Look at the files; one thread at a time, the others go on meanwhile."""
        now = monotonic()
        if now < self._next_look:  # another thread has looked
            return
        self._next_look = now + INTERVAL
        seen = self._sign()
        has_settled, self._seen = seen == self._seen, seen
        if has_settled and seen != self._tried:
            self._take_over(seen)

    def _sign(self) -> list[Optional[Signature]]:
        return [sign(path) for path in self._paths]

    def _take_over(self, seen: list[Optional[Signature]]) -> None:
        settings, error = self._settings, ""
        try:
            settings = compile_settings(settings.given, settings.directory)
        except SettingError as mistake:
            error = str(mistake)
        if self._sign() != seen:  # changed while it was read: the next looks decide
            return
        self._tried = seen
        self._settings = settings
        if not error:
            self._announce(settings)
        elif error != self._error:
            logger.error("%s", caution("file_not_used", {"error": error}))
        self._error = error


def watch(settings: Settings, announce: Callable[[Settings], object]) -> Optional[Watch]:
    """Watch the files that settings name, ``None`` if they name none."""
    return Watch(settings, announce) if settings.files else None
