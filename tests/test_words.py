"""The texts are in plain English: some words do not come back."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

with (ROOT / "docs/_ext/words.csv").open(newline="", encoding="utf-8") as file:
    PATTERNS = [row["pattern"] for row in csv.DictReader(file)]
WORDS = re.compile(rf"\b(?:{'|'.join(PATTERNS)})\b", re.IGNORECASE)

TEXTS = sorted(
    path
    for pattern in (
        "*.rst",
        "docs/**/*",
        "examples/**/*",
        "flask_trustproxy/**/*",
        "tests/snapshots/**/*",
    )
    for path in ROOT.glob(pattern)
    if path.suffix in (".rst", ".inc", ".csv", ".svg", ".py", ".txt", ".conf", ".cfg", ".yaml")
    and not {"_build", "_ext"} & set(path.parts)
)


def found(text: str) -> list[str]:
    """The words in a text that are not plain."""
    return WORDS.findall(" ".join(text.split()))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_word_that_is_not_plain_comes_back(path: Path):
    assert found(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "No app can mend that.",
        "This mended it.",
        "Whoever connects is believed.",
        "whomever it names",
        "The address stands on the left.",
        "What stood there before.",
        "At most so many hops are trusted.",
        "A request came past the\n    proxy.",
        "past a proxy",
        "Past your load balancer",
    ],
)
def test_a_word_that_is_not_plain_is_found(text: str):
    assert len(found(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "I understand the standard, and amend the commend.",
        "n stands for a number; a stand-in takes its place",
        "In the past, the proxy failed.",
        "as many hops as there are",
    ],
)
def test_a_plain_word_is_not_found(text: str):
    assert found(text) == []
