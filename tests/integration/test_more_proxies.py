"""The documented files of the proxies that not every run has."""

from __future__ import annotations

import pytest

from flask_trustproxy.probe.fixes import lines_that_protect

from .cases import Case
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


def with_headers(lines: tuple[str, ...]) -> Way:
    """Traefik with these lines in its headers middleware, as the probe prints them."""
    text, place = (DEPLOY / "traefik" / "app.yaml").read_text(), "customRequestHeaders:"
    assert text.count(place) == 1
    added = "".join(f"\n          {line}" for line in lines)
    return Way(TRAEFIK, text.replace(place, f"{place}{added}"), bound="")


def lines_of_traefik(names: list[str], secret: str = "") -> tuple[str, ...]:
    return next(
        each.lines for each in lines_that_protect(names, secret) if each.proxy == "Traefik"
    )


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
    settings = {
        "TRUST_PROXY": "127.0.0.1",
        "TRUST_PROXY_IDENTITY_HEADERS": "Remote-User, X-Auth-Email",
    }
    report = with_headers(lines_of_traefik(names)).probe(stack, settings, "/", CLIENT)
    assert report.verdict == verdict
    assert {each.output for each in report.forged} <= {"identity"}


def test_traefik_overwrites_a_clients_own_secret(stack: Stack) -> None:
    origin = "0123456789abcdef0123456789abcdef"
    settings = {
        "TRUST_PROXY": "127.0.0.1",
        "TRUST_PROXY_EDGE_SECRET": f"X-Origin-Verify: {origin}",
    }
    (line,) = lines_of_traefik([], "X-Origin-Verify")
    way = with_headers((line.replace("SECRET", origin),))
    report = way.probe(stack, settings, "/", CLIENT)
    assert (report.verdict, report.headers["X-Origin-Verify"]) == ("safe", "set")
