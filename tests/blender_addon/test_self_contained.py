# SPDX-License-Identifier: GPL-3.0-or-later
"""A self-contained file, copied alone into an empty folder, plays in a Blender without the add-on; with it nothing is
moved twice.

TALKSPLAT_BLENDERS names further Pythons with bpy, separated as in PATH, in which the file is opened too.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head

PLAY = Path(__file__).with_name("play_without_add_on.py")
BLENDERS = [sys.executable, *filter(None, os.environ.get("TALKSPLAT_BLENDERS", "").split(os.pathsep))]
FRAMES = (1, 5, 8, 13, 20)
KEPT = ("RIG", "PACKED", "FOLDER")


@pytest.fixture
def rigged(talking, make, tmp_path):
    """A head with a rig that speaks, in a saved file beside its own."""
    from talksplat.blender_addon import playback

    (tmp_path / "made").mkdir()
    path = tmp_path / "made" / "rigged.head"
    write_head(path, make.rigged(read_head(talking.talksplat.head)))
    talking.talksplat.head = str(path)
    bpy.context.scene.frame_end = 30
    playback.forget_frames()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "made" / "a.blend"))
    return bpy.data.objects["tiny"]


@pytest.fixture
def make_self_contained(rigged, shown, tmp_path):
    """make_self_contained(keep) -> (the .blend alone in a folder, frame -> what the session showed)."""

    def make(keep, **settings):
        for name, value in settings.items():
            setattr(rigged.talksplat.stored, name, value)
        rigged.talksplat.stored.keep, rigged.talksplat.key_tolerance = keep, 0.0
        bpy.ops.talksplat.make_self_contained()
        bpy.ops.wm.save_mainfile()
        expected = {}
        for frame in FRAMES:
            bpy.context.scene.frame_set(frame)
            expected[frame] = shown(rigged)
        alone = tmp_path / "alone"
        alone.mkdir()
        shutil.copy(tmp_path / "made" / "a.blend", alone)
        if keep == "FOLDER":
            shutil.copytree(tmp_path / "made" / "frames", alone / "frames")
        (tmp_path / "made").rename(tmp_path / "gone")
        return alone / "a.blend", expected

    return make


def play(python, blend, *frames):
    """{"tiny position 8": array, ...} of a Blender without the add-on."""
    if bpy.app.binary_path:
        pytest.skip("Blender's application is no Python to start")
    out = blend.with_suffix(".npz")
    command = [python, str(PLAY), str(blend), str(out), *map(str, frames)]
    done = subprocess.run(command, cwd=blend.parent, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return np.load(out)


@pytest.mark.parametrize("python", BLENDERS, ids=lambda path: Path(path).parts[-3])
@pytest.mark.parametrize("keep", KEPT)
def test_alone_in_a_folder_it_plays_without_the_add_on(make_self_contained, keep, python):
    blend, expected = make_self_contained(keep)
    played = play(python, blend, *FRAMES, 8.5)
    for frame, shown in expected.items():
        np.testing.assert_allclose(played[f"tiny position {frame}"], shown.means, atol=5e-6)
        np.testing.assert_allclose(played[f"tiny scale {frame}"], shown.scales, rtol=1e-3)
    assert played.get("tiny type", "GAUSSIAN_SPLAT") == "GAUSSIAN_SPLAT", "also in the file of an older Blender"
    moved = np.abs(played["tiny position 8"] - played["tiny position 20"]).max()
    assert moved > 1e-4, "the mouth moves"
    assert np.abs(played["tiny position 8.5"] - played["tiny position 8"]).max() > 1e-6, "also between two frames"


@pytest.mark.parametrize("keep", KEPT)
def test_alone_with_the_add_on_it_plays_too_and_says_so(make_self_contained, shown, keep):
    from talksplat.blender_addon import playback

    blend, expected = make_self_contained(keep)
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    obj = bpy.data.objects["tiny"]
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        np.testing.assert_allclose(shown(obj).means, expected[frame].means, atol=5e-6)
    assert "plays what this .blend keeps" in playback.problem_of(obj)
    sound = next(iter(bpy.data.sounds))
    assert sound.packed_file is not None


@pytest.mark.parametrize("keep", KEPT)
def test_with_the_heads_file_it_is_live_again_and_nothing_moves_twice(make_self_contained, shown, tmp_path, keep):
    blend, expected = make_self_contained(keep)
    shutil.copy(tmp_path / "gone" / "rigged.head", blend.parent)
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    obj = bpy.data.objects["tiny"]
    bpy.context.scene.frame_set(8)
    np.testing.assert_allclose(shown(obj).means, expected[8].means, atol=1e-6)
    if keep == "RIG":
        obj["Lips Apart"] = 0.0
        obj.animation_data.action = None
    else:
        obj.talksplat.controls.intensity = 0.0
    bpy.context.view_layer.update()
    bpy.context.scene.frame_set(8)
    assert np.abs(shown(obj).means - expected[8].means).max() > 1e-5, "the sliders act"


@pytest.mark.parametrize("keep", KEPT)
def test_it_can_be_linked_into_a_scene_without_the_add_on(make_self_contained, keep):
    blend, expected = make_self_contained(keep)
    (blend.parent / "shot").mkdir()
    shot = blend.parent / "shot" / "b.blend"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(blend), link=True, relative=False) as (_, wanted):
        wanted.objects = ["tiny"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(shot))
    played = play(sys.executable, shot, 8)
    np.testing.assert_allclose(played["tiny position 8"], expected[8].means, atol=5e-6)


@pytest.mark.parametrize("keep", ["RIG", "PACKED"])
def test_f12_without_the_add_on_shows_the_head(make_self_contained, keep):
    """As splats from 5.3 on, as points before."""
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.camera.location, scene.camera.rotation_euler = (0, -0.5, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(scene.camera)
    scene.render.engine, scene.render.film_transparent, scene.cycles.samples = "CYCLES", True, 4
    scene.render.resolution_x = scene.render.resolution_y = 32
    scene.render.use_motion_blur = True
    blend, _ = make_self_contained(keep)
    play(sys.executable, blend, 8)
    pixels = np.array(bpy.data.images.load(str(blend.with_suffix(".png"))).pixels[:]).reshape(-1, 4)
    assert pixels[:, 3].max() > 0.9
    assert np.ptp(pixels[pixels[:, 3] > 0.9, :3]) > 0.05, "in its colours"


@pytest.mark.skipif("type" not in bpy.types.PointCloud.bl_rna.properties, reason="draws no splats: 5.3 does")
@pytest.mark.parametrize("keep", KEPT)
def test_points_that_an_older_blender_saved_are_splats_without_the_add_on(rigged, tmp_path, keep, monkeypatch):
    """They stayed points until a setting was changed."""
    from talksplat.blender_addon.scene import versions

    with monkeypatch.context() as older:
        older.setattr(versions, "draws_splats", lambda: False)
        rigged.data.type, rigged.talksplat.stored.keep = "POINTS", keep
        bpy.ops.talksplat.make_self_contained()
        bpy.ops.wm.save_mainfile()
        assert rigged.data.animation_data is None, "in the file alone"
    assert play(sys.executable, tmp_path / "made" / "a.blend", 8)["tiny type"] == "GAUSSIAN_SPLAT"


def test_stored_frames_of_another_head_do_not_move_this_one(rigged, make_head, tmp_path):
    """The saved cloud is the new head's, and the nodes take its Gaussians to where the old one's were."""
    from talksplat.blender_addon.head_cloud import load_head
    from talksplat.blender_addon.self_contained.stored_head import is_self_contained

    rigged.talksplat.stored.keep = "PACKED"
    bpy.ops.talksplat.make_self_contained()
    assert is_self_contained(rigged)
    load_head(rigged, str(make_head(tmp_path / "other.head", seed=3)))
    assert not is_self_contained(rigged)


@pytest.fixture
def large(talking, make_head, make, tmp_path):
    """A head of so many Gaussians that its arrays are what a file holds."""
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.head_cloud import load_head
    from talksplat.core.performance.condition import read_performance, write_performance

    path = make_head(tmp_path / "large.head", 6000)
    write_head(path, make.rigged(read_head(path)))
    load_head(talking, str(path))
    performance = read_performance(talking.talksplat.performance)
    write_performance(talking.talksplat.performance, replace(performance, head_hash=talking.talksplat.head_hash))
    bpy.context.scene.frame_end = 10
    playback.forget_frames()
    playback.refresh(bpy.context.scene)
    return talking


@pytest.mark.parametrize("keep", ["RIG", "PACKED"])
def test_what_stays_in_the_file_is_as_large_as_the_panel_says(large, tmp_path, keep):
    from talksplat.blender_addon.self_contained.stored_head import stored_bytes

    scene, sizes = bpy.context.scene, {}
    for side_colour in (True, False):
        large.talksplat.stored.keep, large.talksplat.stored.side_colour = keep, side_colour
        bpy.ops.talksplat.make_self_contained()
        said = stored_bytes(large, scene)
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "size.blend"), compress=False)
        kept = (tmp_path / "size.blend").stat().st_size
        large.talksplat.stored.keep = "PATHS"
        bpy.ops.talksplat.remove_stored_frames() if keep == "PACKED" else None
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "size.blend"), compress=False)
        sizes[side_colour] = kept - (tmp_path / "size.blend").stat().st_size, said
    assert sizes[True][0] == pytest.approx(sizes[True][1], rel=0.3)
    assert sizes[True][0] - sizes[False][0] == pytest.approx(sizes[True][1] - sizes[False][1], rel=0.3)


def test_no_point_covers_the_face(blender, make_head, tmp_path, read_attribute):
    """As large as its Gaussian, a point of the hair was a ball in front of the eyes."""
    from talksplat.blender_addon.scene.stored_cloud import show_points

    bpy.ops.talksplat.add_head(filepath=str(make_head(tmp_path / "hairy.head", 300)))
    head = read_head(tmp_path / "hairy.head")
    scales = head.tensors["face.gaussians.scales"]
    scales[:5, 0] = 0.2
    write_head(tmp_path / "hairy.head", head)
    from talksplat.blender_addon import open_files

    canonical = open_files.head(str(tmp_path / "hairy.head")).replay.canonical
    show_points(bpy.context.object.data, canonical)
    radius = read_attribute(bpy.context.object.data, "radius")
    assert 0 < radius.min()
    assert radius.max() <= 3 * np.median(np.sort(canonical.scales, axis=1)[:, 1])


def test_the_button_says_what_is_missing(rigged):
    from talksplat.blender_addon.operators.make_self_contained import TALKSPLAT_OT_make_self_contained as button

    stored = rigged.talksplat.stored
    stored.keep = "PATHS"
    assert "Choose what" in button.disabled_reason(bpy.context)
    rigged.talksplat.performance = ""
    stored.keep = "RIG"
    assert button.disabled_reason(bpy.context) != ""
    stored.keep = "FOLDER"
    assert button.disabled_reason(bpy.context) == ""


def test_stored_frames_are_replaced_and_removed_without_leftovers(rigged, tmp_path):
    stored = rigged.talksplat.stored
    stored.keep = "FOLDER"
    bpy.context.view_layer.objects.active = None
    rigged.select_set(False)
    for _ in range(2):
        bpy.ops.talksplat.make_self_contained()
    assert sum(m.name.startswith("TalkSplat Stored") for m in rigged.modifiers) == 1
    assert list((tmp_path / "made" / "frames").rglob("*.json"))
    bpy.ops.talksplat.remove_stored_frames()
    assert not list((tmp_path / "made" / "frames").rglob("*.json"))
    assert not [g for g in bpy.data.node_groups if g.name.startswith("TalkSplat Stored")]


@pytest.mark.parametrize("keep", KEPT)
def test_a_copy_of_the_head_says_whether_it_plays_and_does(rigged, shown, tmp_path, keep):
    from talksplat.blender_addon.self_contained.stored_head import is_self_contained

    rigged.talksplat.stored.keep, rigged.talksplat.key_tolerance = keep, 0.0
    bpy.ops.talksplat.make_self_contained()
    rigged.select_set(True)
    bpy.ops.object.duplicate()
    twin = bpy.context.object
    assert is_self_contained(rigged)
    assert is_self_contained(twin) == (keep != "FOLDER"), "Blender copies no folder"
    if keep == "FOLDER":
        bpy.ops.talksplat.make_self_contained()
        assert is_self_contained(rigged)
        assert is_self_contained(twin)
    bpy.context.scene.frame_set(8)
    expected = shown(twin).means
    bpy.ops.wm.save_mainfile()
    played = play(sys.executable, tmp_path / "made" / "a.blend", 8)
    for obj in (rigged, twin):
        np.testing.assert_allclose(played[f"{obj.name} position 8"], expected, atol=1e-5)


def test_corrections_that_the_file_leaves_out_are_counted(rigged):
    from talksplat.blender_addon.self_contained.stored_head import count_unkeyed

    rigged.talksplat.stored.keep = "RIG"
    bpy.ops.talksplat.make_self_contained()
    assert count_unkeyed(rigged) == 0
    bpy.ops.talksplat.add_correction()
    assert count_unkeyed(rigged) == 1
    bpy.ops.talksplat.bake_keyframes()
    assert count_unkeyed(rigged) == 0


def test_the_keyframes_panel_claims_no_more_than_the_file_keeps(rigged):
    from talksplat.blender_addon.keyframes.panel import note_of

    bpy.ops.talksplat.bake_keyframes()
    assert "plays without TalkSplat" in note_of(rigged)
    for keep in ("PATHS", "PACKED", "FOLDER"):
        rigged.talksplat.stored.keep = keep
        assert "plays without TalkSplat" not in note_of(rigged), "nothing is stored"
