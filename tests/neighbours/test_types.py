"""The code that the documentation shows, under mypy and pyright."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").glob("**/*.rst"))]

# Python, whether it is run as a doctest or only shown.
DIRECTIVE = re.compile(r"( *)\.\. (?:testsetup|testcode|code-block:: python)\b.*")


def snippets(page: Path) -> list[str]:
    """The Python that stands in a page, and not in a file of its own."""
    found: list[str] = []
    lines = iter(page.read_text("utf-8").splitlines())
    for line in lines:
        match = DIRECTIVE.fullmatch(line)
        if match is None:
            continue
        block: list[str] = []
        for inside in lines:
            if inside and not inside.startswith(f"{match[1]} "):
                break
            if not inside.lstrip().startswith(":"):  # an option
                block.append(inside)
        found.append(dedent("\n".join(block)).strip())
    return found


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """The recipes, and the snippets of each page as one module."""
    shutil.copytree(HERE / "recipes", tmp_path / "recipes")
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "__init__.py").touch()
    for page in PAGES:
        # A page may speak of an app that its readers have.
        code = ["from flask import Flask", "app = Flask(__name__)", *snippets(page)]
        (pages / f"{page.stem}_page.py").write_text("\n\n".join(code), "utf-8")
    for config in "mypy.ini", "pyrightconfig.json":
        shutil.copy(HERE / config, tmp_path)
    return tmp_path


def test_snippets_are_found():
    assert len(snippets(ROOT / "README.rst")) == 1
    assert len(snippets(ROOT / "docs/settings.rst")) > 5


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["mypy", "recipes", "pages"], id="mypy"),
        pytest.param(["pyright", "--pythonpath", sys.executable], id="pyright"),
    ],
)
def test_what_is_shown_passes(shown: Path, command: list[str]):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=shown, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
