"""Replace a trust file as a whole, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from typing import Optional

#: Of a file that is new: a list is no secret, and another user may run the app.
_NEW_MODE = 0o644


def replace_file(path: str, content: bytes) -> None:
    """Write a new file beside the old one, and rename it.

    A symbolic link stays, and the file that it leads to is replaced. Mode and
    owner are those of the old file. Of two writers at once, the last one wins.

    :raises ValueError: if that cannot be done. The old file is as it was.
    """
    try:
        # A link is followed here: a rename would put a file in its place.
        target = os.path.realpath(path)
        _replace(target, content, find_file(target))
    except OSError as error:
        raise ValueError(
            f"expected a file that can be written at {path!r}: {error.strerror}"
        ) from None


def find_file(path: str) -> Optional[os.stat_result]:
    """Find the file that will be replaced.

    :returns: what it is, ``None`` if there is none.
    :raises ValueError: if there is something else, such as a folder.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"expected a regular file at {path!r}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"expected a regular file at {path!r}, found something else")
    return status


def _replace(target: str, content: bytes, old: Optional[os.stat_result]) -> None:
    folder, name = os.path.split(target)
    # In the same folder, since only inside one file system a rename is one step.
    handle, beside = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            _take_over_rights(beside, old)
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    _sync_folder(folder)


def _take_over_rights(path: str, old: Optional[os.stat_result]) -> None:
    if old is not None and hasattr(os, "chown"):  # Windows has none
        # Only root may give a file away; others may choose among their groups.
        for owner, group in ((-1, old.st_gid), (old.st_uid, -1)):
            with suppress(PermissionError):
                os.chown(path, owner, group)
    # Behind chown, which takes some bits away.
    os.chmod(path, _NEW_MODE if old is None else stat.S_IMODE(old.st_mode))


def _sync_folder(folder: str) -> None:
    """Write the new name to the disk, if the system lets a folder be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
