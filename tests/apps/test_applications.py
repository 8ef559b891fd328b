"""What attackers can do to applications, before and after TrustProxy."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from flask_trustproxy.probe.client import parse_target, probe
from integration.client import HOST

from .applications import APPLICATIONS
from .conftest import MEASURED, TABLE, Pair
from .sites import KEY, Application, Attack, unforgeable

each = pytest.mark.parametrize(
    "pair", [pytest.param(x, id=x.name) for x in APPLICATIONS], indirect=True
)


@pytest.mark.parametrize(
    ("pair", "attack"),
    [
        pytest.param(application, attack, id=f"{application.name}: {attack.what}")
        for application in APPLICATIONS
        for attack in application.attacks
    ],
    indirect=["pair"],
)
def test_an_attack_ends_as_the_documentation_says(
    pair: Pair, attack: Attack, pytestconfig: pytest.Config
) -> None:
    before, after = attack.attempt(pair.before), attack.attempt(pair.after)
    row = [pair.application.called, attack.what, before, after]
    pytestconfig.stash[MEASURED].append(row)
    assert before != after
    if not pytestconfig.getoption("--write"):
        with TABLE.open(newline="") as file:
            assert row in list(csv.reader(file))


@each
def test_an_honest_client_gets_what_is_right(pair: Pair) -> None:
    pair.application.honest(pair.after)


@each
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_probe_says_that_nothing_can_be_forged(pair: Pair, scheme: str) -> None:
    front = getattr(pair.after.proxy, scheme)
    url = f"{scheme}://{HOST}{pair.application.path}"
    report = probe(
        parse_target(url, str(front), insecure=True), KEY.encode(), lambda *progress: None
    )
    assert (report.verdict, report.forged) == ("safe", [])


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda x: x.name)
def test_assert_unforgeable_and_the_check_agree(
    application: Application, ours: str, tmp_path: Path
) -> None:
    assert unforgeable(application, tmp_path, ours) == ""
