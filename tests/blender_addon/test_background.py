# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender without a window: an operator returns when its job has ended, and a script learns of a failure."""

import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

SCRIPT = Path(__file__).with_name("render_and_quit.py")


@pytest.fixture
def render_and_quit(head_path, sound_path, tmp_path):
    """render_and_quit(*arguments) -> the finished process of the script in a Blender of its own."""
    from talksplat.blender_addon.link.find_python import find_python
    from talksplat.blender_addon.running import ROOT

    python = find_python("", ROOT)
    if python is None:
        pytest.skip("no Python for the worker here (a .venv in the checkout, or TALKSPLAT_PYTHON)")

    def run(*arguments):
        settings = {"TALKSPLAT_PYTHON": str(python), "BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
        command = [sys.executable, SCRIPT, head_path, sound_path, tmp_path, *arguments]
        return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=300)

    return run


def test_a_script_that_renders_and_quits_gives_its_frames_and_a_failure_is_an_exit_code(render_and_quit, tmp_path):
    """The operators returned at once: such a script ended with the worker's first breath, without a frame, with 0."""
    (tmp_path / "file").write_text("no folder")
    done = render_and_quit("//render/", tmp_path / "file")
    assert sorted(path.name for path in (tmp_path / "render").glob("*.png")) == [
        f"tiny_v001.{number:04d}.png" for number in range(1, 5)
    ]
    for line in ("Baking 4 frames of tiny", "Rendering 4 frames of tiny", "The image sequence is in"):
        assert line in done.stdout, "the console shows what happens"
    if bpy.app.version >= (5, 0):  # 4.5 as a Python module crashes at its end, whatever a script returned
        assert done.returncode == 1
    assert f"RuntimeError: Error: {tmp_path / 'file'}: is a file, where a folder" in done.stderr


def test_ctrl_c_in_a_waiting_script_cancels_the_job(blender, monkeypatch):
    from talksplat.blender_addon import console, running
    from talksplat.core.jobs.events import Progress, Started

    ended = []

    def endless():
        try:
            yield Started("Counting", 50)
            while True:
                yield Progress(1, 50, 1.0)
        finally:
            ended.append(True)

    def interrupt(_seconds):
        raise KeyboardInterrupt

    running.start_local_job("Count", endless(), lambda result: "")
    monkeypatch.setattr(console.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        console.wait_and_print()
    assert ended == [True]
    assert running.now is None
    assert running.last.level == "WARNING"
    assert bpy.app.background
