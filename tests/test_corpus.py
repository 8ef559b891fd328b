"""What the fuzzer kept, replayed: see ``fuzz.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzzing import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FILES = [path for path in sorted(CORPUS.rglob("*")) if path.parent != CORPUS]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_laws_hold(path):
    TARGETS[path.parent.name](path.read_bytes())


def test_the_corpus_is_small():
    assert {path.parent.name for path in FILES} == set(TARGETS)
    assert len(FILES) <= 400
    assert max(path.stat().st_size for path in FILES) <= 4096
