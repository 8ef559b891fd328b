"""Behind every documented file, the application believes what is true and nothing else."""

from __future__ import annotations

import re
from contextlib import closing

import pytest

from .cases import CASES, Case
from .deployments import DEPLOYMENTS, Deployment, Front, cases
from .stack import Stack


@pytest.mark.parametrize(("deployment", "front", "case"), cases(DEPLOYMENTS))
def test_the_truth_is_believed(
    stack: Stack, deployment: Deployment, front: str, case: Case
) -> None:
    fronts = deployment.start(stack, deployment.documented)
    deployment.check(case, fronts[front])


# A line that decides what the application is told of the client. The others say where
# the application is, where clients are, and which certificate they see.
FORWARDING = re.compile(
    r" *(proxy_set_header|192\.0\.2\.10|RequestHeader|ProxyPreserveHost|http-request"
    r"|option forwardfor|use_remote_address|early_header|common_http)"
)


def forwarding_lines() -> list[object]:
    documented = {deployment.file: deployment for deployment in reversed(DEPLOYMENTS)}
    return [
        pytest.param(deployment, number, id=f"{file} without: {line.strip()}")
        for file, deployment in documented.items()
        for number, line in enumerate(deployment.documented.splitlines())
        if FORWARDING.match(line)
    ]


def without(number: int, documented: str) -> str:
    """The text without a line, and without what is indented under it."""
    lines = documented.splitlines()
    line = lines.pop(number)
    indent = line[: len(line) - len(line.lstrip())]
    while lines[number].startswith(f"{indent} "):
        del lines[number]
    return "\n".join(lines)


def check_all(deployment: Deployment, fronts: dict[str, Front]) -> None:
    for front in fronts.values():
        for case in CASES:
            deployment.check(case, front)


@pytest.mark.parametrize(("deployment", "number"), forwarding_lines())
def test_no_line_of_a_documented_file_can_be_left_out(
    deployment: Deployment, number: int
) -> None:
    with closing(Stack()) as stack:
        fronts = deployment.start(stack, without(number, deployment.documented))
        with pytest.raises(AssertionError):
            check_all(deployment, fronts)
