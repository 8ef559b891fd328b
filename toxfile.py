"""What ``tox.ini`` cannot say: environments of tools need Python 3.10 or newer.

They run on the Python that runs tox. If that is older, they run on another one that is on
``PATH``, and are skipped if there is none.
"""

from __future__ import annotations

import sys
from shutil import which

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import EnvConfigSet
from tox.plugin import impl
from tox.session.state import State

TOOLS = "integration proxies oracle neighbours typing docs axe release coverage soak swap audit"


@impl
def tox_add_env_config(env_conf: EnvConfigSet, state: State) -> None:
    """Name another Python for an environment of tools."""
    if sys.version_info < (3, 10) and env_conf.name in TOOLS.split():
        newer = (f"python3.{minor}" for minor in (13, 12, 11, 10, 14, 15))
        base = next(filter(which, newer), "python3.10")
        env_conf.loaders.insert(0, MemoryLoader(base_python=[base]))
