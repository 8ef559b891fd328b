"""Installs applications, each at pinned versions in a virtual environment of its own.

The environments stay in the folder that APPLICATIONS names, so the next run starts at once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from integration.process import installed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCKED = HERE / "locked"
KEPT = Path(os.environ.get("APPLICATIONS", ROOT / ".tox" / "applications"))


def uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run uv; what it prints is kept."""
    program = installed("uv")() or shutil.which("uv")
    assert program is not None, "uv is not here: pip install uv"
    return subprocess.run([program, *arguments], capture_output=True, text=True)


def version(name: str) -> str:
    """The version of an application that its locked file pins."""
    (found,) = re.findall(rf"^{name}==(\S+)$", (LOCKED / f"{name}.txt").read_text(), re.M)
    return str(found)


def environment(name: str) -> Path:
    """The virtual environment of an application, made if it is not there yet.

    Skips the test if the application cannot be installed. In CI a skip is a failure.
    """
    locked = LOCKED / f"{name}.txt"
    key = hashlib.sha256(f"{sys.version}{locked.read_text()}".encode()).hexdigest()[:12]
    folder = KEPT / f"{name}-{key}"
    complete = folder / "complete"
    if not complete.exists():
        uv("venv", "--clear", "--python", sys.executable, str(folder)).check_returncode()
        python = str(folder / "bin" / "python")
        options = ("--python", python, "--requirements", str(locked))
        done = uv("pip", "install", *options)
        if done.returncode:
            pytest.skip(f"{name} could not be installed: {done.stderr.strip()[-1000:]}")
        complete.touch()
    return folder


def package(folder: Path) -> None:
    """Install the package that is tested into a folder, without what it depends on.

    An application has its own Flask. As it comes, it has nothing of ours.
    """
    built = os.environ.get("TOX_PACKAGE", str(ROOT))
    command = ("pip", "install", "--no-deps", "--python", sys.executable)
    done = uv(*command, "--target", str(folder), built)
    assert done.returncode == 0, done.stderr
