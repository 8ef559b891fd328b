"""Behind a CDN: its list and its scheme are passed on, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from .cases import Case
from .cdn import BEHIND_CDN, CDN_CASES, BehindCdn
from .process import NotReady
from .stack import Stack
from .test_deployments import without

FORWARDING = re.compile(
    r" *(proxy_set_header|1 \$|RequestHeader|ProxyPreserveHost|Include|http-request|acl"
    r"|option forwardfor|import|use_remote_address|xff_num|early_header|common_http)"
)


def rows(deployments: Sequence[BehindCdn]) -> list[Any]:
    """Every case at every front of these deployments."""
    return [
        pytest.param(each, front, case, id=f"{each.name}, {front}: {case.sentence}")
        for each in deployments
        for front in each.fronts
        for case in CDN_CASES
    ]


@pytest.mark.parametrize(("deployment", "front", "case"), rows(BEHIND_CDN))
def test_the_truth_is_believed_behind_a_cdn(
    stack: Stack, deployment: BehindCdn, front: str, case: Case
) -> None:
    fronts = deployment.start(stack, deployment.documented)
    deployment.check(case, fronts[front])


def forwarding_lines() -> list[Any]:
    documented = {deployment.file: deployment for deployment in reversed(BEHIND_CDN)}
    return [
        pytest.param(deployment, number, id=f"{file} without: {line.strip()}")
        for file, deployment in documented.items()
        for number, line in enumerate(deployment.documented.splitlines())
        if FORWARDING.match(line)
    ]


def check_without(deployment: BehindCdn, number: int) -> None:
    with closing(Stack()) as stack:
        fronts = deployment.start(stack, without(number, deployment.documented))
        for front in fronts.values():
            for case in CDN_CASES:
                deployment.check(case, front)


@pytest.mark.parametrize(("deployment", "number"), forwarding_lines())
def test_no_line_of_a_file_behind_a_cdn_can_be_left_out(
    deployment: BehindCdn, number: int
) -> None:
    # A proxy may also refuse to start, if a name is missing.
    with pytest.raises((AssertionError, NotReady)):
        check_without(deployment, number)
