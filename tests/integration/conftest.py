from __future__ import annotations

from collections.abc import Iterator

import pytest

from .stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """What runs in this session; each xdist worker has its own."""
    stack = Stack()
    yield stack
    stack.close()
