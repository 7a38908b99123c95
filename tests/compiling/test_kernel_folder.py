# SPDX-License-Identifier: GPL-3.0-or-later
"""numba unpickles what lies in its cache: the folder is ours alone, or nothing is kept on the disk.

Each process here imports a kernel afresh, with a home, cache and temporary folder of its own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from talksplat.core.compiling import kernels_are_kept
from talksplat.core.compiling.kernel_folder import ANY, is_private

pytestmark = pytest.mark.skipif(os.name == "nt", reason="owners and modes are those of Unix")

ROOT = Path(__file__).resolve().parents[2]
KERNEL = """
import numpy as np
from talksplat.core.matting.kernels import luma
print(round(float(luma(1.0, 1.0, 1.0)), 3))
from talksplat.core.compiling import kernels_are_kept
from talksplat.core.compiling.kernel_folder import kernel_folder
print(kernel_folder())
"""
ME = os.geteuid() if os.name != "nt" else 0


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What one run of the kernel leaves in its folder."""
    folder = tmp_path_factory.mktemp("around") / "kept"
    run_kernel(NUMBA_CACHE_DIR=str(folder))
    return folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A home where no folder can be made, not even by root, and a temporary folder that everybody shares."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.write_text("a file")
    temporary.mkdir()
    temporary.chmod(0o1777)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(temporary))
    return temporary


def run_kernel(**variables):
    """(what the kernel computed, the folder that was used, stderr)."""
    done = subprocess.run(
        [sys.executable, "-c", KERNEL],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **variables},
    )
    return *done.stdout.split(), done.stderr


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def poisoned_copy(kept, folder, marker):
    """At `folder`, private, a numba cache whose every file is a pickle that makes the file `marker` when loaded."""
    shutil.copytree(kept, folder)
    for path in files_below(folder):
        path.write_bytes(f"cos\nopen\n(V{marker}\nI{os.O_CREAT | os.O_WRONLY}\ntR.".encode())
    folder.chmod(0o700)


def test_without_a_home_the_folder_is_the_users_own_and_private(places):
    value, folder, error = run_kernel()
    assert value == "1.0"
    assert Path(folder) == places / f"talksplat-kernels-{ME}"
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    assert files_below(Path(folder)), "the kernel is kept"
    assert "not kept" not in error


@pytest.mark.parametrize("squatter", ["nobody", "open to a group", "a link", "a file", "another user"])
def test_a_folder_that_is_not_ours_alone_is_never_loaded_from(squatter, kept, places, tmp_path):
    if squatter == "another user" and ME != 0:
        pytest.skip("only root can give a folder to another user")
    ours, marker = places / f"talksplat-kernels-{ME}", tmp_path / "marker"
    poisoned_copy(kept, tmp_path / "elsewhere" if squatter == "a link" else ours, marker)
    if squatter == "open to a group":
        ours.chmod(0o770)
    elif squatter == "another user":
        os.chown(ours, 12345, 12345)
    elif squatter == "a link":
        ours.symlink_to(tmp_path / "elsewhere")
    elif squatter == "a file":
        ours.rename(tmp_path / "elsewhere")
        ours.write_text("")
    value, folder, error = run_kernel()
    if squatter == "nobody":
        assert marker.exists(), "numba does unpickle what lies there: without this the others show nothing"
    else:
        assert (value, folder) == ("1.0", "None")
        assert not marker.exists()
        assert error.count("compiled kernels are not kept") == 1


def test_the_folder_that_the_user_names_is_looked_at_too(places, tmp_path):
    named = tmp_path / "named"
    _, folder, _ = run_kernel(NUMBA_CACHE_DIR=str(named))
    assert folder == str(named)
    named.chmod(0o777)
    _, folder, error = run_kernel(NUMBA_CACHE_DIR=str(named))
    assert folder == "None"
    assert "NUMBA_CACHE_DIR" in error


def test_a_place_whose_entries_others_can_exchange_is_not_private(tmp_path):
    folder = tmp_path / "around" / "folder"
    folder.mkdir(parents=True, mode=0o700)
    assert is_private(folder, ANY)
    folder.parent.chmod(0o777)
    assert not is_private(folder, ANY)
    folder.parent.chmod(0o1777)
    assert is_private(folder, ANY), "in a sticky folder nobody else can rename it"


def test_kernels_of_another_source_are_not_kept_yet(kept, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept))
    assert kernels_are_kept(ROOT / "core" / "matting")
    assert not kernels_are_kept(ROOT / "core" / "raster")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "new"))
    assert not kernels_are_kept(ROOT / "core" / "matting")


def test_every_kernel_is_defined_through_the_private_folder():
    for path in (ROOT / "core").rglob("*.py"):
        if path.parent.name != "compiling":
            assert "cache=True" not in path.read_text(encoding="utf-8"), f"{path} asks numba for a cache itself"
