"""The script that fetches the networks of CDNs, and what starts it on a schedule.

It asks a server on this machine, which answers in the vendors' formats. The addresses are
nobody's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flask_trustproxy.core.trust_file import read_file

from .process import READY_WITHIN, system

EXAMPLES = Path(__file__).parents[2] / "examples" / "trust-files"
FETCH, CRON, KUBERNETES = (EXAMPLES / name for name in ("fetch.sh", "cron", "kubernetes.yaml"))
SERVICE, TIMER = (EXAMPLES / f"trust-files.{kind}" for kind in ("service", "timer"))
#: A list as the documentation shows one.
LIST = EXAMPLES / "proxies.txt"
#: The files that the documentation shows.
SHOWN = (LIST, FETCH, CRON, SERVICE, TIMER, KUBERNETES)
#: Where the script and its lists are, in all that is shown.
SCRIPTS, LISTS = "/usr/local/lib/trust-files", "/var/lib/trust-files"

AMAZON = {
    "syncToken": "1700000000",
    "createDate": "2026-11-24-00-00-00",
    "prefixes": [
        {
            "ip_prefix": prefix,
            "region": region,
            "service": service,
            "network_border_group": region,
        }
        for prefix, region, service in (
            ("203.0.113.0/24", "us-east-1", "AMAZON"),
            ("203.0.113.0/25", "us-east-1", "EC2"),
            ("192.0.2.0/25", "GLOBAL", "CLOUDFRONT"),
            ("198.51.100.0/26", "us-east-1", "CLOUDFRONT_ORIGIN_FACING"),
            ("198.51.100.64/26", "GLOBAL", "CLOUDFRONT_ORIGIN_FACING"),
        )
    ],
    "ipv6_prefixes": [
        {
            "ipv6_prefix": prefix,
            "region": "GLOBAL",
            "service": service,
            "network_border_group": "GLOBAL",
        }
        for prefix, service in (
            ("2001:db8::/40", "AMAZON"),
            ("2001:db8:c0::/48", "CLOUDFRONT_ORIGIN_FACING"),
        )
    ],
}
GOOGLE = {
    "Status": 0,
    "TC": False,
    "Question": [{"name": "_cloud-eoips.googleusercontent.com.", "type": 16}],
    "Answer": [
        {
            "name": "_cloud-eoips.googleusercontent.com.",
            "type": 16,
            "TTL": 300,
            "data": '"v=spf1 ip4:198.51.100.0/25 ip4:203.0.113.0/26 ip6:2001:db8:4::/48 ~all"',
        }
    ],
}
ANSWERS = {
    # A vendor's text whose last line does not end.
    "/ips-v4": "198.51.100.0/24\n203.0.113.128/25",
    "/ips-v6": "2001:db8:1::/48\n2001:db8:2::/48",
    "/ip-ranges.json": json.dumps(AMAZON, indent=2),
    "/public-ip-list": json.dumps(
        {"addresses": ["203.0.113.0/24"], "ipv6_addresses": ["2001:db8:3::/48"]}
    ),
    "/resolve?name=_cloud-eoips.googleusercontent.com&type=TXT": json.dumps(GOOGLE),
}
NETWORKS = {
    "cloudflare": "198.51.100.0/24 203.0.113.128/25 2001:db8:1::/48 2001:db8:2::/48",
    "cloudfront": "198.51.100.0/26 198.51.100.64/26 2001:db8:c0::/48",
    "fastly": "203.0.113.0/24 2001:db8:3::/48",
    "google": "198.51.100.0/25 203.0.113.0/26 2001:db8:4::/48",
}


@pytest.fixture(autouse=True)
def _programs() -> None:
    needed = [name for name in ("curl", "jq") if system(name)() is None]
    if needed:
        pytest.skip(f"{' and '.join(needed)} are not here: apt-get install {' '.join(needed)}")


@pytest.fixture
def answers() -> Iterator[dict[str, str]]:
    """What the server answers by path, and where it is under ``url``."""
    given = dict(ANSWERS)

    class Vendors(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = given.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write((body or "<html>Not here</html>").encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendors)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    given["url"] = f"http://127.0.0.1:{server.server_port}"
    yield given
    server.shutdown()
    thread.join()
    server.server_close()


class Fetched(NamedTuple):
    """How a command that fetches ended."""

    code: int
    error: str


def run(command: list[str], answers: dict[str, str], **environ: str) -> Fetched:
    done = subprocess.run(
        command,
        env={**os.environ, "FETCH_FROM": answers["url"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Fetched(done.returncode, done.stderr)


def fetch(cdn: str, path: Path, answers: dict[str, str]) -> Fetched:
    return run([str(FETCH), cdn, str(path)], answers)


def networks(path: Path) -> str:
    """What an app reads of a file."""
    found, _ = read_file(str(path))
    return " ".join(map(str, found))


def test_a_list_is_what_an_app_reads() -> None:
    assert networks(LIST) == "203.0.113.0/24 2001:db8:c0::/48 198.51.100.7/32"


@pytest.mark.parametrize("cdn", NETWORKS)
def test_the_networks_of_a_cdn_are_fetched(
    tmp_path: Path, answers: dict[str, str], cdn: str
) -> None:
    path = tmp_path / "A list.txt"
    assert fetch(cdn, path, answers) == (0, "")
    assert networks(path) == NETWORKS[cdn]
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_and_never_written_into(
    tmp_path: Path, answers: dict[str, str]
) -> None:
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.1\n")
    with path.open() as before:
        assert fetch("fastly", path, answers) == (0, "")
        assert before.read() == "192.0.2.1\n"
    assert networks(path) == NETWORKS["fastly"]


@pytest.mark.parametrize(
    ("cdn", "asked", "answer", "error"),
    [
        pytest.param("cloudflare", "/ips-v6", None, "404", id="a page is missing"),
        pytest.param("cloudflare", "both", "\n \n", "named no network", id="a page is empty"),
        pytest.param("fastly", "/public-ip-list", "<html>", "parse error", id="no JSON"),
        pytest.param("fastly", "/public-ip-list", "{}", "jq", id="a key is missing"),
        pytest.param(
            "cloudfront",
            "/ip-ranges.json",
            '{"prefixes": [], "ipv6_prefixes": []}',
            "named no network",
            id="the service is missing",
        ),
        pytest.param(
            "google",
            "/resolve?name=_cloud-eoips.googleusercontent.com&type=TXT",
            '{"Status": 3}',
            "jq",
            id="the name is missing",
        ),
        pytest.param("other", "", None, "no CDN is called other", id="the CDN is unknown"),
    ],
)
def test_the_last_list_stays_where_none_is_fetched(
    tmp_path: Path,
    answers: dict[str, str],
    cdn: str,
    asked: str,
    answer: str | None,
    error: str,
) -> None:
    for page in ("/ips-v4", "/ips-v6") if asked == "both" else (asked,):
        answers.pop(page, None)
        if answer is not None:
            answers[page] = answer
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.1\n")
    code, said = fetch(cdn, path, answers)
    assert code != 0
    assert error in said
    assert path.read_text() == "192.0.2.1\n"
    assert list(tmp_path.iterdir()) == [path]


def here(text: str, tmp_path: Path) -> str:
    """A text with the paths of this machine."""
    return text.replace(SCRIPTS, str(EXAMPLES)).replace(LISTS, str(tmp_path))


def test_cron_fetches(tmp_path: Path, answers: dict[str, str]) -> None:
    *_, line = CRON.read_text("utf-8").splitlines()
    minute, hour, *days, user, command = line.split(None, 6)
    assert (0 <= int(minute) < 60, 0 <= int(hour) < 24, days) == (True, True, ["*"] * 3)
    assert user == "root"
    assert "%" not in command  # which ends a command of cron's
    assert run(["sh", "-c", here(command, tmp_path)], answers) == (0, "")
    assert networks(tmp_path / "cloudflare.txt") == NETWORKS["cloudflare"]


def test_systemd_takes_the_units_and_the_service_fetches(
    tmp_path: Path, answers: dict[str, str]
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
    assert run(here(command, tmp_path).split(), answers) == (0, "")
    assert networks(tmp_path / "cloudflare.txt") == NETWORKS["cloudflare"]


def test_kubernetes_fetches_before_the_app_starts_and_later(
    tmp_path: Path, answers: dict[str, str]
) -> None:
    import yaml

    pod = yaml.safe_load(KUBERNETES.read_text("utf-8"))["spec"]["template"]["spec"]
    (first,), (app, later) = pod["initContainers"], pod["containers"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    mounts = {
        each["name"]: {mount["mountPath"]: mount["name"] for mount in each["volumeMounts"]}
        for each in (first, app, later)
    }
    assert {name for mounted in mounts.values() for name in mounted.values()} == volumes
    # The app reads the folder that the others write to.
    assert {mounted["/trust-files"] for mounted in mounts.values()} == {"trust-files"}

    def local(command: list[str]) -> list[str]:
        folders = {"/scripts": str(EXAMPLES), "/trust-files": str(tmp_path)}
        pattern = re.compile("(?<!\\S)(?:/scripts|/trust-files)(?=/)")
        return [pattern.sub(lambda match: folders[match[0]], word) for word in command]

    path = tmp_path / "cloudflare.txt"
    assert run(local(first["command"]), answers) == (0, "")
    assert networks(path) == NETWORKS["cloudflare"]
    trust = {each["name"]: each["value"] for each in app["env"]}["TRUST_PROXY"]
    assert trust.endswith(f", file:/trust-files/{path.name}")

    answers["/ips-v4"] = "192.0.2.0/24"
    script = subprocess.Popen(
        local(later["command"]),
        env={**os.environ, "FETCH_FROM": answers["url"], "SECONDS_BETWEEN": "0.1"},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + READY_WITHIN
        while "192.0.2.0/24" not in path.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.killpg(script.pid, 15)
        script.wait()
