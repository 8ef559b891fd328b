"""The documented files of the proxies that not every run has."""

from __future__ import annotations

import pytest

from flask_trustproxy.probe.fixes import lines_that_protect

from .cases import Case
from .cdn import BEHIND_CDN_MORE, CDN_CASES
from .client import CLIENT
from .deployments import Deployment, cases
from .more_proxies import DEPLOYMENTS, TRAEFIK
from .probing import Way
from .stack import DEPLOY, Stack


@pytest.mark.parametrize(("deployment", "front", "case"), cases(DEPLOYMENTS))
def test_the_truth_is_believed(
    stack: Stack, deployment: Deployment, front: str, case: Case
) -> None:
    fronts = deployment.start(stack, deployment.documented)
    deployment.check(case, fronts[front])


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        pytest.param(["Remote-User", "X-Auth-Email"], "safe", id="every line"),
        pytest.param(["Remote-User"], "forgeable", id="one line less"),
    ],
)
def test_traefik_is_as_safe_as_the_lines_that_the_probe_prints(
    stack: Stack, names: list[str], verdict: str
) -> None:
    lines = next(each.lines for each in lines_that_protect(names) if each.proxy == "Traefik")
    headers = "".join(f"\n          {line}" for line in lines)
    users = f"    users:\n      headers:\n        customRequestHeaders:{headers}"
    text = (DEPLOY / "traefik" / "app.yaml").read_text()
    text = text.replace("[no-underscores]", "[no-underscores, users]")
    text = text.replace("  middlewares:\n", f"  middlewares:\n{users}\n")
    settings = {
        "TRUST_PROXY": "127.0.0.1",
        "TRUST_PROXY_IDENTITY_HEADERS": "Remote-User, X-Auth-Email",
    }
    report = Way(TRAEFIK, text, bound="").probe(stack, settings, "/", CLIENT)
    assert report.verdict == verdict
    assert {each.output for each in report.forged} <= {"identity"}


@pytest.mark.parametrize("case", CDN_CASES, ids=lambda case: case.sentence)
@pytest.mark.parametrize("front", BEHIND_CDN_MORE[0].fronts)
def test_the_truth_is_believed_behind_a_cdn(stack: Stack, front: str, case: Case) -> None:
    (deployment,) = BEHIND_CDN_MORE
    fronts = deployment.start(stack, deployment.documented)
    deployment.check(case, fronts[front])
