"""The documented files of the proxies that not every run has."""

from __future__ import annotations

import pytest

from .cases import Case
from .deployments import Deployment, cases
from .more_proxies import DEPLOYMENTS
from .stack import Stack


@pytest.mark.parametrize(("deployment", "front", "case"), cases(DEPLOYMENTS))
def test_the_truth_is_believed(
    stack: Stack, deployment: Deployment, front: str, case: Case
) -> None:
    fronts = deployment.start(stack, deployment.documented)
    deployment.check(case, fronts[front])
