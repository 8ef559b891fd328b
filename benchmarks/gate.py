"""Fail where TrustProxy has become much slower: ``tox run -e gate``.

Ratios within one process, with margins that a busy machine does not use up:
what fails here costs a third more than when its limit was set, or has become
linear or worse. A ratio that is too high is measured again, twice.
"""

from __future__ import annotations

import logging
import sys

from contenders import FIX, OURS
from run import shapes
from timing import measure
from workloads import workloads

#: At most so many times what ProxyFix costs.
LIMITS = {"a": 4.4, "b": 2.2, "c": 1.8, "f": 2.3, "g one": 13.3, "i": 3.3}

#: At most so many times what the smaller one costs.
SHAPES = {
    "100,000 networks / 10, warm": 2.0,
    "100,000 networks / 10, cold": 4.0,
    "8 KB forged / one forged entry": 2.0,
    "8 KB from a stranger / b": 2.0,
    "16 KB of trusted hops / 8 KB": 3.0,
    "16 KB of junk / 8 KB": 3.0,
    "h / b": 2.0,
}

ALL = {**LIMITS, **SHAPES}


def too_slow() -> dict[str, float]:
    """Measure once, and tell what is above its limit."""
    loads = {load.name: load for load in workloads()}
    costs = {name: measure(loads[name], (OURS, FIX), 9)[OURS] for name in LIMITS}
    found = {**costs, **shapes(9)}
    return {name: found[name] for name, most in ALL.items() if found[name] > most}


def main() -> int:
    """Measure up to three times."""
    logging.disable()
    for _ in range(3):
        slow = too_slow()
        if not slow:
            return 0
        for name, ratio in slow.items():
            print(f"{name}: {ratio:.2f}, at most {ALL[name]}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
