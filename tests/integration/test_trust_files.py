"""What starts ``flask trust-proxy fetch`` on a schedule, as the documentation shows it.

The commands are those of the files, but for their paths. They ask a server on this machine.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_trustproxy.core.trust_file import read_file
from vendors import RECORDED, Vendors, not_found, serve

from .process import installed, system

EXAMPLES = Path(__file__).parents[2] / "examples" / "trust-files"
CRON, KUBERNETES = EXAMPLES / "cron", EXAMPLES / "kubernetes.yaml"
SERVICE, TIMER = (EXAMPLES / f"trust-files.{kind}" for kind in ("service", "timer"))
#: A list as the documentation shows one.
LIST = EXAMPLES / "proxies.txt"
#: The files that the documentation shows.
SHOWN = (LIST, CRON, SERVICE, TIMER, KUBERNETES)
#: Where the command and its lists are, in all that is shown.
FLASK, LISTS = "/srv/app/.venv/bin/flask", "/var/lib/trust-files"


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    with serve() as vendors:
        yield vendors


def here(text: str, tmp_path: Path) -> str:
    """A text with the paths of this machine."""
    flask = installed("flask")()
    assert flask is not None
    return text.replace(FLASK, flask).replace(LISTS, str(tmp_path))


def run(command: str, vendors: Vendors, tmp_path: Path) -> tuple[int, str, str]:
    """Run a command in a shell, and ask the server instead of Cloudflare."""
    urls = shlex.join(vendors.urls("cloudflare"))
    asking = command.replace(" cloudflare ", f" cloudflare {urls} ")
    assert asking != command
    done = subprocess.run(
        ["sh", "-c", asking], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def networks(path: Path) -> str:
    """What an app reads of a file."""
    found, _ = read_file(str(path))
    return " ".join(map(str, found))


ALL = RECORDED["cloudflare"][1]
WRITTEN = "+4 -0 networks, 4 in all\n"


def test_a_list_is_what_an_app_reads() -> None:
    assert networks(LIST) == "203.0.113.0/24 2001:db8:c0::/48 198.51.100.7/32"


def test_cron_fetches_and_is_silent(tmp_path: Path, vendors: Vendors) -> None:
    *_, line = CRON.read_text("utf-8").splitlines()
    minute, hour, *days, user, command = line.split(None, 6)
    assert (0 <= int(minute) < 60, 0 <= int(hour) < 24, days) == (True, True, ["*"] * 3)
    assert user == "root"
    assert "%" not in command  # which ends a command of cron's
    assert run(here(command, tmp_path), vendors, tmp_path) == (0, "", "")
    assert networks(tmp_path / "cloudflare.txt") == ALL


def test_cron_mails_what_fails(tmp_path: Path, vendors: Vendors) -> None:
    *_, line = CRON.read_text("utf-8").splitlines()
    vendors.answers[vendors.paths("cloudflare")[0]] = not_found
    code, out, error = run(here(line.split(None, 6)[6], tmp_path), vendors, tmp_path)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "expected HTTP status 200, got 404" in error
    assert list(tmp_path.iterdir()) == []


def test_systemd_takes_the_units_and_the_service_fetches(
    tmp_path: Path, vendors: Vendors
) -> None:
    analyze = system("systemd-analyze")()
    if analyze is None:
        pytest.skip("systemd-analyze is not here: apt-get install systemd")
    for unit in (SERVICE, TIMER):
        (tmp_path / unit.name).write_text(here(unit.read_text("utf-8"), tmp_path))
    verified = subprocess.run(
        [analyze, "verify", *(tmp_path / unit.name for unit in (SERVICE, TIMER))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    ours = [line for line in verified.stderr.splitlines() if "trust-files" in line]
    assert (verified.returncode, ours) == (0, [])
    service = SERVICE.read_text("utf-8")
    (command,) = re.findall("^ExecStart=(.+)$", service, re.M)
    assert f"StateDirectory={Path(LISTS).name}\n" in service
    assert run(here(command, tmp_path), vendors, tmp_path) == (0, WRITTEN, "")
    assert networks(tmp_path / "cloudflare.txt") == ALL


def test_a_job_of_kubernetes_fetches_what_the_app_reads(
    tmp_path: Path, vendors: Vendors
) -> None:
    import yaml

    claim, job, app = yaml.safe_load_all(KUBERNETES.read_text("utf-8"))
    pods = (
        job["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        app["spec"]["template"]["spec"],
    )
    (fetching,), (reading,) = (pod["containers"] for pod in pods)

    def mounted(pod: Any, container: Any) -> tuple[str, str]:
        (volume,), (mount,) = pod["volumes"], container["volumeMounts"]
        assert mount["name"] == volume["name"]
        return volume["persistentVolumeClaim"]["claimName"], mount["mountPath"]

    place = (claim["metadata"]["name"], "/trust-files")
    assert [mounted(*pair) for pair in zip(pods, (fetching, reading))] == [place, place]
    assert fetching["image"] == reading["image"]
    trust = {each["name"]: each["value"] for each in reading["env"]}["TRUST_PROXY"]
    assert trust.endswith(f", file:{fetching['command'][-1]}")

    program, *words = fetching["command"]
    assert program == "flask"
    command = shlex.join([FLASK, *words]).replace(place[1], LISTS)
    assert run(here(command, tmp_path), vendors, tmp_path) == (0, WRITTEN, "")
    assert networks(tmp_path / "cloudflare.txt") == ALL
