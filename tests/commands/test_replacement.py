"""A trust file is replaced as a whole or not at all, and keeps its links and rights."""

from __future__ import annotations

import os
import socket
import stat
import threading

import pytest

from flask_trustproxy.commands.replacement import find_file, replace_file

OLD, NEW = b"198.51.100.0/24\n", b"203.0.113.0/24\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(OLD)
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0])
def test_a_new_file_can_be_read_by_all(tmp_path, umask):
    path = tmp_path / "list.txt"
    before = os.umask(umask)
    try:
        replace_file(str(path), NEW)
    finally:
        os.umask(before)
    assert (path.read_bytes(), mode(path)) == (NEW, 0o644)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("rights", [0o600, 0o640, 0o664, 0o444])
def test_the_mode_of_the_old_file_is_kept(path, rights):
    path.chmod(rights)
    replace_file(str(path), NEW)
    assert (path.read_bytes(), mode(path)) == (NEW, rights)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone may")
def test_the_owner_of_the_old_file_is_kept(path):
    os.chown(path, 1234, 2345)
    path.chmod(0o640)
    replace_file(str(path), NEW)
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode(path)) == (1234, 2345, 0o640)


def test_who_reads_the_old_file_goes_on_reading_it(path):
    with path.open("rb") as before:
        replace_file(str(path), NEW)
        assert before.read() == OLD
    assert path.read_bytes() == NEW


def test_a_path_without_a_folder_is_in_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    replace_file("list.txt", NEW)
    assert (tmp_path / "list.txt").read_bytes() == NEW


def test_a_link_stays_and_what_it_leads_to_is_replaced(path, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link.txt"
    link.symlink_to("../list.txt")
    replace_file(str(link), NEW)
    assert os.readlink(link) == "../list.txt"
    assert path.read_bytes() == link.read_bytes() == NEW
    assert [each.name for each in link.parent.iterdir()] == ["link.txt"]


def test_a_chain_of_links_as_kubernetes_makes_it_stays(tmp_path):
    """The file leads to ..data/, which leads to a folder with the time as its name."""
    folder = tmp_path / "..2026_11_29_06_00_00.1"
    folder.mkdir()
    (folder / "list.txt").write_bytes(OLD)
    (tmp_path / "..data").symlink_to(folder.name)
    (tmp_path / "list.txt").symlink_to("..data/list.txt")
    replace_file(str(tmp_path / "list.txt"), NEW)
    assert os.readlink(tmp_path / "list.txt") == "..data/list.txt"
    assert os.readlink(tmp_path / "..data") == folder.name
    assert [(each.name, each.read_bytes()) for each in folder.iterdir()] == [("list.txt", NEW)]


def test_a_link_to_a_file_that_is_missing_is_followed(tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to("list.txt")
    replace_file(str(link), NEW)
    assert link.is_symlink()
    assert (tmp_path / "list.txt").read_bytes() == NEW


def make_loop(path):
    path.symlink_to(path)


def make_socket(path):
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


def what_is_at(path):
    """What tells one thing in a folder from another; following a link changes its atime."""
    status = os.lstat(path)
    return status.st_mode, status.st_ino, status.st_mtime_ns


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(os.mkdir, "found something else", id="a folder"),
        pytest.param(os.mkfifo, "found something else", id="a pipe"),
        pytest.param(make_socket, "found something else", id="a socket"),
        pytest.param(
            lambda path: path.symlink_to("/dev/null"), "found something else", id="a device"
        ),
        pytest.param(make_loop, "Too many levels of symbolic links", id="a loop of links"),
    ],
)
def test_what_is_no_file_is_not_replaced(tmp_path, monkeypatch, make, why):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "list"
    make(path)
    before = what_is_at(path)
    with pytest.raises(ValueError, match="^expected a regular file at") as error:
        replace_file(str(path), NEW)
    assert why in str(error.value)
    assert what_is_at(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_is_a_mistake(tmp_path):
    path = tmp_path / "missing/list.txt"
    with pytest.raises(ValueError, match="^expected") as error:
        replace_file(str(path), NEW)
    assert str(error.value) == (
        f"expected a file that can be written at {str(path)!r}: No such file or directory"
    )


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(path, tmp_path, monkeypatch, step):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(ValueError, match="No space left on device$"):
        replace_file(str(path), NEW)
    monkeypatch.undo()
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file_and_nothing_else(path, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace_file(str(path), NEW)
    monkeypatch.undo()
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_writers_at_once_each_writes_a_whole_file(path, tmp_path):
    lists = [b"192.0.2.1\n" * 20_000, b"2001:db8::1\n" * 30_000]
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(path.read_bytes())

    def write(content):
        for _ in range(50):
            replace_file(str(path), content)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(each,)) for each in lists]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert seen <= {OLD, *lists}
    assert path.read_bytes() in lists
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_found_before_anything_is_fetched_for_it(path, tmp_path):
    assert find_file(str(path)).st_ino == path.stat().st_ino
    assert find_file(str(tmp_path / "missing")) is None
    with pytest.raises(ValueError, match="^expected a regular file"):
        find_file(str(tmp_path))
