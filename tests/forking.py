"""What happens in a child that was forked from a test."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

#: For tests that fork, whatever other threads the test has.
forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks"),
    # Python 3.12 warns of a fork beside other threads, which is what such a test is about.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def in_a_child(action: Callable[[], object]) -> str:
    """Fork, and return what an action answers in the child, as text.

    A child that hangs is ended by an alarm of its own, and answers nothing.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        try:
            try:
                answer = str(action())
            except BaseException as error:
                answer = repr(error)
            os.write(write, answer.encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as answers:
        answer = answers.read()
    os.waitpid(pid, 0)
    return answer
