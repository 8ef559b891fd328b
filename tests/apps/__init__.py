"""Applications that people run, behind nginx: before and after TrustProxy.

To be read from the bottom up: `environments` installs an application, `sites` starts it
behind nginx, a module for each application says what its clients do, and
`test_applications` asks all of them the same.
"""

from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    f"{__name__}.sites",
    *(f"{__name__}.{path.stem}" for path in Path(__file__).parent.glob("on_*.py")),
)
