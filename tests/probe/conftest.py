from __future__ import annotations

from contextlib import ExitStack

import pytest

from .worlds import serving


@pytest.fixture
def serve():
    """Serves a WSGI application on this machine, and says where."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))
