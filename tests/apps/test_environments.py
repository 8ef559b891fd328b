"""How applications are installed: once, or the tests say why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import environments


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The locked file of an application of this test."""
    monkeypatch.setattr(environments, "LOCKED", tmp_path)
    monkeypatch.setattr(environments, "KEPT", tmp_path / "kept")
    return tmp_path / "shop.txt"


def test_an_application_that_cannot_be_installed_is_skipped_with_the_reason(
    locked: Path,
) -> None:
    locked.write_text("shop @ file:///nowhere/shop-1.0-py3-none-any.whl\n")
    with pytest.raises(
        pytest.skip.Exception, match=r"shop could not be installed: [^$]*nowhere"
    ):
        environments.environment("shop")


def test_an_application_is_installed_once(
    locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked.write_text("")
    first = environments.environment("shop")
    assert (first / "bin" / "python").exists()
    monkeypatch.setattr(environments, "uv", lambda *arguments: pytest.fail("installed again"))
    assert environments.environment("shop") == first


def test_another_version_has_another_environment(locked: Path) -> None:
    locked.write_text("# one\n")
    first = environments.environment("shop")
    locked.write_text("# two\n")
    assert environments.environment("shop") != first


def test_the_version_is_the_one_that_is_pinned(locked: Path) -> None:
    locked.write_text("flask==3.1.3\nshop==1.0rc1\nshop-window==2.0\n")
    assert environments.version("shop") == "1.0rc1"
