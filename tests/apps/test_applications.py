"""What attackers can do to applications, before and after TrustProxy."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from flask_trustproxy.commands.app import trust_proxy
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
def test_the_probe_says_that_nothing_can_be_forged(pair: Pair) -> None:
    """Over https, and with a few requests over http."""
    proxy = pair.after.proxy
    probed = CliRunner().invoke(
        trust_proxy,
        ["probe", f"https://{HOST}{pair.application.path}", "--insecure", "--json"]
        + ["--connect", str(proxy.https), "--http-port", str(proxy.http.port)],
        env={"TRUST_PROXY_PROBE_KEY": KEY},
    )
    assert (probed.exit_code, json.loads(probed.stdout)["verdict"]) == (0, "safe"), (
        probed.output
    )


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda x: x.name)
def test_assert_unforgeable_and_the_check_agree(
    application: Application, ours: str, tmp_path: Path
) -> None:
    assert unforgeable(application, tmp_path, ours) == ""
