# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment for training: made by pip from tiny wheels, without a network; cancelled, half made, failed."""

import io
import os
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from talksplat.blender_addon.link import create_environment, training_packages
from talksplat.blender_addon.link.create_environment import MARKER, Environment
from talksplat.blender_addon.link.pip_output import cause_of, event_of
from talksplat.blender_addon.link.process_tree import end_tree
from talksplat.blender_addon.link.python_process import start_python
from talksplat.blender_addon.link.shell_command import write_shell_command
from talksplat.core.formats import UserError
from talksplat.core.jobs import Finished, Progress, Started

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.executable)
PROJECT = """
[project]
dependencies = ["av>=18"]
[project.optional-dependencies]
train = ["torch>=2.4", "Tiny.Scipy>=1"]
gpu = ["gsplat==1.5.3"]
"""
NO_CUDA = "class cuda:\n    is_available = staticmethod(lambda: False)\n"
WHEELS = {"av": "18.1.0", "torch": "2.13.0", "tiny_scipy": "1.2"}


def write_wheel(folder, name, version, code="", requires=()):
    """A wheel with one module, and a later source distribution, whose setup.py is anybody's code."""
    with tarfile.open(folder / f"{name}-99.tar.gz", "w:gz") as source:
        setup = f"open({str(folder / 'ran')!r}, 'w')\n".encode()
        entry = tarfile.TarInfo(f"{name}-99/setup.py")
        entry.size = len(setup)
        source.addfile(entry, io.BytesIO(setup))
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}.py": f"__version__ = {version!r}\n{code}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A package with two extras, its wheels in a folder, and the environment that is to be made of them."""
    monkeypatch.setattr("talksplat.blender_addon.link.check_python.MODULES", ("av", "tiny_scipy"))
    monkeypatch.setattr("talksplat.blender_addon.link.training_packages.SIZES", {False: (0.001, 0.01)})
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    root, wheels = tmp_path / "root", tmp_path / "wheels"
    root.mkdir()
    wheels.mkdir()
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "constraints.txt").write_text("# tested\nav==18.1.0\ntorch==2.13.0\n")
    for name, version in WHEELS.items():
        write_wheel(wheels, name, version, NO_CUDA if name == "torch" else "")
    packages = training_packages.training_packages(root, gpu=False)
    return Environment(tmp_path / "own" / "env", packages, root)


def run(place, index=None, python=PYTHON):
    wheels = place.root.parent / "wheels"
    offline = ["--no-index", "--find-links", str(wheels)] if index is None else index
    place.folder.parent.mkdir(exist_ok=True)
    return create_environment.create_environment(python, place, offline)


def test_it_is_made_checked_and_used_again(place):
    events = list(run(place))
    titles = [event.title for event in events if isinstance(event, Started)]
    assert titles[0] == "Creating an empty environment"
    assert "Installing 1 packages" in titles
    result = events[-1].result
    assert result["folder"] == str(place.folder)
    assert "av 18.1.0, tiny_scipy 1.2; torch 2.13.0" in result["sentence"]
    assert place.is_complete
    again = list(run(place, ["--no-index"]))  # nothing is there to install from
    assert isinstance(again[-1], Finished)
    assert not [event for event in again if isinstance(event, Started) and "Creating" in event.title]
    assert not (place.root.parent / "wheels" / "ran").exists(), "nothing of a package runs while it is installed"
    newer = replace(place, packages=replace(place.packages, others=("av>=18",)))
    assert not newer.is_complete, "other packages make another environment"


def cancelled(place, at):
    """The environment's creation, closed at the first event that `at` accepts."""
    events = run(place)
    next(event for event in events if at(event))
    events.close()


def is_title(text):
    return lambda event: isinstance(event, Started) and text in event.title


def test_a_cancelled_one_is_recognised_and_made_again(place):
    for moment in ("Creating an empty", "Installing"):
        cancelled(place, is_title(moment))
        assert not place.is_complete
    stale = place.folder / "half.txt"
    stale.write_text("of the first try")
    assert isinstance(list(run(place))[-1], Finished)
    assert place.is_complete
    assert not stale.exists()


def test_cancelling_ends_pip_and_what_it_started():
    """pip's own child would go on downloading."""
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; print(1); time.sleep(60)'])"
    process = start_python(sys.executable, ["-u", "-c", child], {}, subprocess.DEVNULL, own_group=True)
    time.sleep(0.5)
    end_tree(process)
    assert process.poll() is not None
    assert process.stdout.read() in (b"", b"1\n"), "the pipe ends when nobody holds it any more"
    end_tree(process)  # nothing happens


def test_one_whose_blender_is_gone_is_not_complete(place):
    (place.folder / "bin").mkdir(parents=True)
    (place.folder / "bin" / "python").symlink_to(place.folder / "gone")
    (place.folder / MARKER).write_text(place.packages.key)
    assert not place.is_complete, "its Python went with the Blender that it was made of"


def test_two_blenders_do_not_fill_the_same_folder(place):
    first = run(place)
    next(first)
    with pytest.raises(UserError, match="another process"):
        list(run(place))
    first.close()


def failure(place, index=None, python=PYTHON):
    with pytest.raises(UserError) as caught:
        list(run(place, index, python))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert not place.is_complete
    return sentence


def test_no_network_is_said_in_one_sentence_with_the_log(place):
    sentence = failure(place, ["--index-url", "http://127.0.0.1:9/simple", "--retries", "1"])
    assert "the network cannot be reached" in sentence
    assert str(place.log) in sentence
    assert "127.0.0.1" in place.log.read_text()


def test_a_package_that_is_not_to_be_had_is_named(place):
    (place.root.parent / "wheels" / "tiny_scipy-1.2-py3-none-any.whl").unlink()
    assert "Tiny.Scipy" in failure(place)


def test_a_full_disk_is_said_before_anything_is_downloaded(place, monkeypatch):
    monkeypatch.setattr("talksplat.blender_addon.link.create_environment.SIZES", {False: (1.0, 1e9)})
    assert "free some space" in failure(place)
    assert not place.folder.exists()


@pytest.mark.skipif(os.name == "nt", reason="a .bat is tried on Windows")
def test_the_environment_has_the_shells_command(tmp_path):
    """Training is a shell command; the environment has the packages, the extension has talksplat."""
    pytest.importorskip("tyro", reason="the shell's package")
    inside = tmp_path / "its odd 'place'" / "bin" / "python"
    inside.parent.mkdir(parents=True)
    inside.write_text(f'#!/bin/sh\nexec "{PYTHON}" "$@"\n')
    inside.chmod(0o755)
    command = write_shell_command(inside.parents[1], ROOT)
    assert command.parent == inside.parent
    said = subprocess.run([command, "--version"], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text())["version"]
    assert version in said.stdout, said.stderr


def test_the_command_of_windows_is_plain_ascii_whatever_the_users_name():
    """cmd.exe reads a .bat in the console's code page, in which UTF-8 is another name: it looks beside itself."""
    from talksplat.blender_addon.link.shell_command import batch_file

    text = batch_file(PureWindowsPath(r"C:\Users\Jörg\environment\Scripts\python.exe"), "talksplat_command.py")
    assert text == '@"%~dp0python.exe" -I "%~dp0..\\talksplat_command.py" %*\n'
    assert text.isascii()


def test_what_is_asked_for_is_the_projects_own_lists():
    here = training_packages.training_packages(ROOT, gpu=False)
    there = training_packages.training_packages(ROOT, gpu=True)
    assert {"mediapipe", "scipy", "numba", "av"} <= {training_packages.name_of(line) for line in here.others}
    assert [line for line in there.others if line not in here.others] == ["gsplat==1.5.3", "ninja"]
    assert here.torch == there.torch
    assert here.key != there.key
    assert "torch 2.13.0" in here.described
    assert "gsplat 1.5.3" in there.described


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("Collecting torch==2.13.0 (from x)", Started("Looking up torch", 0)),
        (
            "  Downloading torch-2.13.0-cp311-cp311-linux.whl (190.1 MB)",
            Started("Downloading torch 2.13.0 (190.1 MB)", 0),
        ),
        (
            "  Downloading https://a.b/c/torch-2.13.0%2Bcpu-cp313-none.whl (1 MB)",
            Started("Downloading torch 2.13.0+cpu (1 MB)", 0),
        ),
        ("  Downloading torch-2.13.0-py3-none-any.whl.metadata (29 kB)", None),
        ("Progress 64000000 of 190100000", Progress(64, 190, -1.0)),
        ("Progress 64 of 200", None),
        ("Installing collected packages: a, b, c", Started("Installing 3 packages", 0)),
        ("Progress x of y", None),
        ("", None),
    ],
)
def test_pips_lines_are_the_progress(line, event):
    assert event_of(line) == event


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("HINT: This error might have occurred since this system does not have Windows Long Path support", "too long"),
        ("ERROR: No matching distribution found for foo==9", "No matching distribution found for foo==9"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "the network"),
        (
            "The virtual environment was not created successfully because ensurepip is not available.",
            "the Blender of blender.org",
        ),
        ("", "no reason was given"),
    ],
)
def test_why_pip_failed(line, cause):
    assert cause in cause_of(["Collecting foo", line] if line else [])
