"""The pages of docs/proxies: each `curl` of the usual run prints what stands below it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from .cdn import BEHIND_CDN
from .client import CLIENT
from .deployments import DEPLOYMENTS, EDGE, Deployment
from .process import installed
from .servers import Server
from .stack import DEPLOY, Stack

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = Server(
    "gunicorn with examples/app.py",
    installed("gunicorn"),
    "pip install gunicorn",
    lambda program, at: [
        *(program, "--bind", str(at), "--umask", "0"),
        *("--pythonpath", str(DOCS.parent / "examples"), "app:app"),
    ],
)


def sessions() -> list[object]:
    """Each deployment, with the command and the answer that its page shows below its file."""
    shown = {}
    for page in sorted((DOCS / "proxies").glob("*.rst")):
        for section in re.split(r"\n(?=.+\n-+\n)", page.read_text("utf-8")):
            for path in re.findall(r"literalinclude:: (\S+)", section):
                joined = section.replace("\\\n", "")
                (session,) = re.findall(r"^    \$ (curl .+)\n    (.+)$", joined, re.M)
                shown[(page.parent / path).resolve()] = session
    return [
        pytest.param(each, *shown[DEPLOY / each.file], id=each.name)
        for each in [*DEPLOYMENTS, *BEHIND_CDN]
        if DEPLOY / each.file in shown
    ]


@pytest.mark.parametrize(("deployment", "command", "answer"), sessions())
def test_curl_prints_what_the_page_shows(
    stack: Stack, deployment: Deployment, command: str, answer: str
) -> None:
    deployment = replace(deployment, server=EXAMPLE)
    scheme = re.search(r"(https?)://", command)[1]
    at = deployment.start(stack, deployment.documented)[scheme].at
    curl, *arguments = shlex.split(command)
    reach = ["--interface", CLIENT, "--connect-to", f"::{at.host}:{at.port}", "--insecure"]
    run = subprocess.run(
        [curl, "--silent", "--show-error", "--max-time", "10", *reach, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    # Who is elsewhere in the documentation is on this machine here.
    here = {"203.0.113.9": CLIENT, EDGE: deployment.edge_here}
    documented = re.sub("|".join(map(re.escape, here)), lambda it: here[it[0]], answer)
    assert run.stdout.strip() == documented
    json.loads(answer)
