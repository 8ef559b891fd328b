"""The end of README's test line: what was tested, what was not, and how to get it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import summary

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_passes(): pass

@pytest.mark.xfail
def test_fails_as_expected(): raise AssertionError

@pytest.mark.parametrize("one", [1, 2])
def test_needs_apache(one): pytest.skip("Apache is not here: apt-get install apache2")
"""
ALL_SKIPPED = "import pytest\ndef test_it(): pytest.skip('not here')"


@pytest.fixture
def ran(pytester: pytest.Pytester) -> Path:
    """The folder in which each environment leaves its report."""
    return pytester.mkdir("ran")


def report(pytester: pytest.Pytester, ran: Path, name: str, tests: str = TESTS) -> None:
    """Have pytest write the report of an environment."""
    path = pytester.makepyfile(**{f"test_{name.replace('-', '_')}": tests})
    pytester.runpytest_inprocess(path, f"--junitxml={ran}/{name}.xml", "-q")


def run(ran: Path) -> tuple[int, list[str]]:
    """The status and the lines, as tox's last environment has them."""
    done = subprocess.run(
        [sys.executable, summary.__file__, ran], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_it_says_what_ran_what_was_skipped_and_how_to_get_it(
    pytester: pytest.Pytester, ran: Path
):
    for name in ("py313", "py39-flask22", "integration"):
        report(pytester, ran, name)
    assert run(ran) == (
        0,
        [
            "integration: 2 tests ran",
            "py313: 2 tests ran",
            "py39-flask22: 2 tests ran",
            "skipped: Python 3.9, 3.10, 3.11, 3.12, 3.14, 3.15. Put them on PATH to test them",
            "skipped: neighbours. It needs Python 3.10 or newer, or failed",
            "skipped: oracle. It needs Python 3.10 or newer, or failed",
            "skipped: 6 tests. Apache is not here: apt-get install apache2",
        ],
    )


NOTHING = [
    pytest.param({}, id="nothing ran at all"),
    pytest.param({"integration": TESTS, "oracle": TESTS}, id="only tools ran"),
    pytest.param({"py313": ALL_SKIPPED}, id="every unit test was skipped"),
    pytest.param({"py313": ""}, id="no unit test was found"),
]


@pytest.mark.parametrize("reports", NOTHING)
def test_it_fails_with_one_sentence_if_no_unit_test_ran(
    pytester: pytest.Pytester, ran: Path, reports: dict[str, str]
):
    for name, tests in reports.items():
        report(pytester, ran, name, tests)
    assert run(ran) == (1, ["No unit test ran: put a Python from 3.9 to 3.15 on PATH."])


def test_a_run_does_not_tell_of_the_run_before(pytester: pytest.Pytester, ran: Path):
    report(pytester, ran, "py313")
    assert run(ran)[0] == 0
    assert run(ran)[0] == 1


def test_a_folder_that_was_never_made_is_a_run_without_tests(tmp_path: Path):
    assert run(tmp_path / "ran")[0] == 1
