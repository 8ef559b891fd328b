"""The last environment of tox: what was tested, what was skipped, and how to get it.

Every environment with tests leaves a report in JUnit's format in one folder. They are
removed when they are read, so that the next run does not tell of this one.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
#: The environments that need more than a Python, beside those that are named for one.
OTHERS = ["integration", "neighbours", "oracle"]


class Report(NamedTuple):
    """How many tests of an environment ran, and why others did not."""

    ran: int
    skipped: Counter[str]


def supported() -> list[str]:
    """The Pythons that ``setup.cfg`` names, from the oldest to the newest."""
    text = (ROOT / "setup.cfg").read_text("utf-8")
    return re.findall(r"Programming Language :: Python :: (3\.\d+)", text)


def read(path: Path) -> Report:
    """Read one report."""
    cases = list(ElementTree.parse(path).iter("testcase"))
    # An expected failure is reported as skipped too, and did run.
    skips = [
        skip.get("message", "")
        for case in cases
        for skip in case.iterfind("skipped[@type='pytest.skip']")
    ]
    return Report(len(cases) - len(skips), Counter(skips))


def in_words(reports: dict[str, Report]) -> str:
    """The summary of a run."""
    lines = [
        f"{name}: {report.ran} tests ran" for name, report in reports.items() if report.ran
    ]
    absent = [each for each in supported() if f"py{each.replace('.', '')}" not in reports]
    if absent:
        lines.append(f"skipped: Python {', '.join(absent)}. Put them on PATH to test them")
    lines += [
        f"skipped: {name}. It needs Python 3.10 or newer, or failed"
        for name in OTHERS
        if name not in reports
    ]
    skips: Counter[str] = sum((report.skipped for report in reports.values()), Counter())
    lines += [f"skipped: {count} tests. {reason}" for reason, count in skips.most_common()]
    return "\n".join(lines)


def summarise(folder: Path) -> int:
    """Print the summary; the status is 1 if no unit test ran."""
    paths = sorted(folder.glob("*.xml"))
    reports = {path.stem: read(path) for path in paths}
    for path in paths:
        path.unlink()
    if not any(report.ran for name, report in reports.items() if name.startswith("py3")):
        oldest, *_, newest = supported()
        print(f"No unit test ran: put a Python from {oldest} to {newest} on PATH.")
        return 1
    print(in_words(reports))
    return 0


if __name__ == "__main__":
    raise SystemExit(summarise(Path(sys.argv[1])))
