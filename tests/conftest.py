"""What holds for every test: no skips in CI, and Hypothesis without a clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

# A deadline would measure the machine's other work. CI has Hypothesis's own profile: no
# deadline either, and the same examples each time.
settings.register_profile("local", deadline=None)
# For the mutants: the same few examples for each, and as found.
settings.register_profile(
    "mutation",
    deadline=None,
    derandomize=True,
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# For a Python that is neither the oldest nor the newest, where those are tested too.
settings.register_profile("fewer", settings.get_profile("ci"), max_examples=20)

#: The markers of tests that are left to other environments. One that measures has to fetch.
LEFT_OUT = {"": [], "covered": ["slow"]}.get(
    os.environ.get("FEWER_EXAMPLES", ""), ["slow", "fetches"]
)

settings.load_profile("fewer" if LEFT_OUT else "ci" if "CI" in os.environ else "local")


class NoSkips:
    """Fail a session in which a test was skipped."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def see(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        # An expected failure is reported as skipped too, and is none.
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.append(report.nodeid)

    pytest_collectreport = pytest_runtest_logreport = see

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for nodeid in self.skipped:
            terminalreporter.write_line(f"skipped, and CI skips nothing: {nodeid}")


def pytest_configure(config: pytest.Config) -> None:
    if "CI" in os.environ:
        config.pluginmanager.register(NoSkips())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if any(map(item.get_closest_marker, LEFT_OUT))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
