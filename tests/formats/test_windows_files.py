# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as Windows treats them, pretended: an open file is not replaced and not removed, and access is denied to a
folder that is read-only as it is to a name that is about to go."""

import os
import time

import pytest

from talksplat.core import parent_process
from talksplat.core.formats import UserError, atomic_write, remove_leftovers, replace_file
from talksplat.core.formats import atomic_write as atomic_write_door
from talksplat.core.formats.file_lock import _new_lock_file

atomic_write_module = __import__("sys").modules[atomic_write_door.__module__]
replace_module = __import__("sys").modules[replace_file.__module__]


@pytest.fixture
def scanner(monkeypatch):
    """A virus scanner: `scanner(3)` holds each target open for the next three tries. Gives the pauses between them."""
    pauses, replace = [], os.replace

    def held(tries):
        left = [tries]

        def refuse(source, target):
            if left[0]:
                left[0] -= 1
                raise PermissionError(13, "Access is denied", str(source), None, str(target))
            replace(source, target)

        monkeypatch.setattr(replace_module.os, "replace", refuse)
        monkeypatch.setattr(replace_module, "PAUSES", (0.01, 0.02, 0.4, 0.8))
        monkeypatch.setattr(replace_module.time, "sleep", pauses.append)
        return pauses

    return held


def write(path, text="new"):
    with atomic_write(path) as temporary:
        temporary.write_text(text)


def test_a_target_that_a_scanner_holds_is_tried_again(tmp_path, scanner):
    path = tmp_path / "shot.head"
    path.write_text("old")
    pauses = scanner(3)
    write(path)
    assert path.read_text() == "new"
    assert pauses == [0.01, 0.02, 0.4]


def test_a_target_that_stays_open_is_named_and_kept(tmp_path, scanner):
    path = tmp_path / "shot.head"
    path.write_text("old")
    scanner(99)
    with pytest.raises(PermissionError) as error:
        write(path)
    assert str(path) in (error.value.filename, error.value.filename2)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["shot.head"]


def test_a_temporary_file_that_cannot_be_removed_hides_no_error(tmp_path, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(type(tmp_path), "unlink", denied)
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "shot.head"):
        raise ZeroDivisionError


def test_what_another_run_writes_is_no_leftover_where_files_have_no_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_write_module, "HAS_LOCKS", False)
    with atomic_write(tmp_path / "shot.0001.png") as temporary:
        temporary.write_text("half")
        remove_leftovers(tmp_path, "shot")
        assert temporary.exists()
        hours_ago = time.time() - 2 * atomic_write_module.LEFTOVER_AGE
        os.utime(temporary, (hours_ago, hours_ago))
        remove_leftovers(tmp_path, "shot")
        assert not temporary.exists()
        temporary.write_text("whole")
    assert (tmp_path / "shot.0001.png").read_text() == "whole"


def test_a_read_only_folder_is_not_another_writer(tmp_path, monkeypatch):
    path = str(tmp_path / "shot.bake.lock")
    os.close(_new_lock_file(path))
    with pytest.raises(FileExistsError):
        _new_lock_file(path)

    def denied(*_):
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(FileExistsError):  # about to go: Windows denies access to it
        _new_lock_file(path)
    os.unlink(path)
    with pytest.raises(UserError, match=r"cannot be written to .*choose another folder"):
        _new_lock_file(path)


@pytest.mark.parametrize(("handle", "error", "ends"), [(2**40, 0, True), (0, 87, True), (0, 5, False)])
def test_a_parent_that_cannot_be_opened_is_not_gone(monkeypatch, handle, error, ends):
    """87: there is no such process; 5: it has more rights than the worker."""
    import ctypes
    import threading
    import types

    calls = []

    def function(name, result):
        def call(*values):
            calls.append((name, *values))
            return result

        return call

    functions = {"OpenProcess": handle, "WaitForSingleObject": 0, "CloseHandle": 1}
    kernel = types.SimpleNamespace(**{name: function(name, result) for name, result in functions.items()})
    monkeypatch.setattr(ctypes, "WinDLL", lambda *_, **__: kernel, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: error, raising=False)
    waiting = threading.Thread(target=parent_process._wait_for_end_windows, args=(7,), daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive() != ends
    assert [name for name, *_ in calls][1:] == (["WaitForSingleObject", "CloseHandle"] if handle else [])
    assert calls[0][1:] == (0x00100000, False, 7)
