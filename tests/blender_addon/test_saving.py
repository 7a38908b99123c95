# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches the .blend and undo: little; what comes back: everything."""

import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head


def test_a_large_head_leaves_the_blend_small(blender, make_head, tmp_path):
    empty, full = tmp_path / "empty.blend", tmp_path / "full.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(empty), compress=False)
    bpy.ops.talksplat.add_head(filepath=str(make_head(tmp_path / "large.head", 40_000)))
    bpy.ops.wm.save_as_mainfile(filepath=str(full), compress=False)
    assert full.stat().st_size - empty.stat().st_size < 300_000
    assert len(bpy.context.object.data.points) == 40_000, "saving must not empty the scene"
    assert [c.name for c in bpy.data.pointclouds] == ["tiny"], "no stand-in stays behind"


def test_save_and_open_again(talking, tmp_path, head_path, shown):
    bpy.context.scene.frame_set(11)
    before, hashed = shown(talking).means, talking.talksplat.head_hash
    (tmp_path / "shot").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot" / "a.blend"))
    assert talking.talksplat.head.startswith("//")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot" / "a.blend"))
    obj = bpy.data.objects["tiny"]
    assert obj.talksplat.head_hash == hashed
    assert Path(bpy.path.abspath(obj.talksplat.head)).resolve() == head_path.resolve()
    np.testing.assert_array_equal(shown(obj).means, before)
    assert obj.data.materials[0].name == "TalkSplat"


def test_the_folder_can_be_moved(blender, make_head, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    bpy.ops.talksplat.add_head(filepath=str(make_head(here / "anna.head")))
    bpy.ops.wm.save_as_mainfile(filepath=str(here / "a.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    here.rename(there)
    bpy.ops.wm.open_mainfile(filepath=str(there / "a.blend"))
    assert len(bpy.data.objects["tiny"].data.points) == 240


def test_a_saved_copy_leaves_the_open_file_as_it_was(blender, make_head, tmp_path):
    bpy.ops.talksplat.add_head(filepath=str(make_head(tmp_path / "anna.head")))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    (tmp_path / "other").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other" / "b.blend"), copy=True)
    assert bpy.context.object.talksplat.head == "//anna.head"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "other" / "b.blend"))
    assert len(bpy.data.objects["tiny"].data.points) == 240


@pytest.mark.skipif(bpy.app.binary_path != "", reason="Blender's application is no Python to start")
def test_without_the_add_on_it_is_an_empty_object(talking, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    look = (
        "import bpy, sys; bpy.ops.wm.open_mainfile(filepath=sys.argv[1]); b = bpy.data.objects['tiny']; "
        "print('SEEN', b.type, len(b.data.points))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look, str(tmp_path / "a.blend")], capture_output=True, text=True, timeout=100
    )
    assert "SEEN POINTCLOUD 0" in done.stdout


def test_undo_brings_the_slider_and_the_moment_back(talking, shown):
    bpy.context.scene.frame_set(13)
    bpy.ops.ed.undo_push(message="start")
    before = shown(talking).means
    talking.talksplat.controls.intensity = 0.2
    bpy.ops.ed.undo_push(message="slide")
    after = shown(bpy.data.objects["tiny"]).means
    assert np.abs(after - before).max() > 1e-4
    bpy.ops.ed.undo()
    obj = bpy.data.objects["tiny"]
    assert obj.talksplat.controls.intensity == 1.0
    np.testing.assert_array_equal(shown(obj).means, before)
    bpy.ops.ed.redo()
    obj = bpy.data.objects["tiny"]
    assert obj.talksplat.controls.intensity == pytest.approx(0.2)
    np.testing.assert_array_equal(shown(obj).means, after)


def test_undo_of_loading_takes_the_head_away_and_redo_gives_it_back(blender, head_path):
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    bpy.ops.ed.undo_push(message="head")
    bpy.ops.ed.undo()
    assert "tiny" not in bpy.data.objects
    bpy.ops.ed.redo()
    assert len(bpy.data.objects["tiny"].data.points) == 240


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's memory counter")
def test_undo_steps_are_light(blender, make_head, tmp_path):
    """A step that moves no head costs next to nothing; one that does costs the moving columns once (40 bytes
    a Gaussian), never the radiance."""

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    count, steps = 40_000, 20
    bpy.ops.talksplat.add_head(filepath=str(make_head(tmp_path / "large.head", count)))
    bpy.ops.ed.undo_push(message="start")
    start = resident()
    for step in range(steps):
        bpy.context.scene.cursor.location.x = step
        bpy.ops.ed.undo_push(message=f"step {step}")
    assert (resident() - start) / steps < 100_000

    from talksplat.blender_addon.scene.point_cloud import push
    from talksplat.core.performance.replay import Frame

    rng, cloud = np.random.default_rng(0), bpy.context.object.data
    start = resident()
    for step in range(steps):
        push(cloud, Frame(*(rng.random((count, width), dtype=np.float32) for width in (3, 4, 3))))
        bpy.ops.ed.undo_push(message=f"moved {step}")
    assert (resident() - start) / steps < 60 * count


def test_a_missing_head_gives_a_sentence_and_is_relinked(blender, make_head, tmp_path):
    from talksplat.blender_addon import playback

    path = make_head(tmp_path / "anna.head")
    bpy.ops.talksplat.add_head(filepath=str(path))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    path.rename(tmp_path / "elsewhere.head")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    obj = bpy.data.objects["tiny"]
    bpy.context.scene.frame_set(3)
    assert "Relink" in playback.problem_of(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.talksplat.relink_head(filepath=str(tmp_path / "elsewhere.head"))
    assert playback.problem_of(obj) == ""
    assert len(obj.data.points) == 240
    other = make_head(tmp_path / "other.head", seed=9)
    with pytest.raises(RuntimeError, match="another head"):
        bpy.ops.talksplat.relink_head(filepath=str(other))


def test_how_a_job_ended_is_not_told_in_the_next_file(talking, tmp_path):
    from talksplat.blender_addon import running

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    running.last = running.Outcome("Bake", "ERROR", "The bake of the shot before has failed.")
    bpy.ops.wm.save_mainfile()
    assert running.last is not None
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert running.last is None


def test_a_head_trained_again_gives_a_sentence_and_is_reloaded(blender, make_head, tmp_path):
    from talksplat.blender_addon import playback

    path = make_head(tmp_path / "anna.head")
    bpy.ops.talksplat.add_head(filepath=str(path))
    obj = bpy.context.object
    make_head(path, count=300, seed=4)
    bpy.context.scene.frame_set(3)
    assert "Reload" in playback.problem_of(obj)
    bpy.ops.talksplat.reload_head()
    assert playback.problem_of(obj) == ""
    assert len(obj.data.points) == 300
    assert obj.talksplat.head_hash == read_head(path).card.content_hash


@pytest.mark.parametrize("content", [b"", b"not a head", b"\xff" * 64, b"\x00" * 7 + b"\x7f" + b"{}" * 8])
def test_hostile_files_end_in_a_sentence(blender, tmp_path, content):
    bad = tmp_path / "bad.head"
    bad.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"bad\.head"):
        bpy.ops.talksplat.add_head(filepath=str(bad))
    assert not bpy.data.pointclouds
    assert not bpy.data.objects


def test_a_truncated_head_and_a_missing_one_end_in_a_sentence(blender, head_path, tmp_path):
    cut = tmp_path / "cut.head"
    cut.write_bytes(head_path.read_bytes()[:-1000])
    for path in (cut, tmp_path / "none.head"):
        with pytest.raises(RuntimeError, match=path.name):
            bpy.ops.talksplat.add_head(filepath=str(path))
