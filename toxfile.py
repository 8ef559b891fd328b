"""What ``tox.ini`` cannot say: which Python is new enough, and for what.

Environments of tools run on the Python that runs tox. If that is older than 3.10, they run
on another one that is on ``PATH``, and are skipped if there is none.
"""

from __future__ import annotations

import sys
from shutil import which

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet, EnvConfigSet
from tox.plugin import impl
from tox.report import HandledError
from tox.session.state import State

TOOLS = "integration proxies oracle neighbours typing docs axe release coverage soak swap audit"
OLDEST, NEWEST = 9, 15


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Stop before anything is installed if no test could run."""
    on_path = any(which(f"python3.{minor}") for minor in range(OLDEST, NEWEST + 1))
    # On an older Python, tox is one that takes a Python that is absent for a failure.
    is_old, is_new = sys.version_info < (3, OLDEST), sys.version_info >= (3, NEWEST + 1)
    if is_old or (is_new and not on_path):
        raise HandledError(
            f"no unit test ran: make .venv with a Python from 3.{OLDEST} to 3.{NEWEST}"
        )


@impl
def tox_add_env_config(env_conf: EnvConfigSet, state: State) -> None:
    """Name another Python for an environment of tools."""
    if sys.version_info < (3, 10) and env_conf.name in TOOLS.split():
        newer = (f"python3.{minor}" for minor in (13, 12, 11, 10, 14, 15))
        base = next(filter(which, newer), "python3.10")
        env_conf.loaders.insert(0, MemoryLoader(base_python=[base]))
