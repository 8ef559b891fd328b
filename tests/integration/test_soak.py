"""The soak still runs; its figures are not looked at in so short a time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .proxies import NGINX
from .servers import GUNICORN
from .stack import found

ROOT = Path(__file__).parents[2]


def test_a_second_of_load_finds_nothing_wrong() -> None:
    pytest.importorskip("gevent", reason="gevent is not here: pip install gevent")
    for each in (NGINX, GUNICORN):
        found(each)
    ran = subprocess.run(
        [sys.executable, "tests/soak/soak.py", "--seconds", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert re.findall(
        r"^(\w+): |wrong answers +(.*)|  errors +(.*)", ran.stdout, re.MULTILINE
    ) == [
        ("gthread", "", ""),
        ("", "0", ""),
        ("", "", "0"),
        ("gevent", "", ""),
        ("", "0", ""),
        ("", "", "0"),
    ]
