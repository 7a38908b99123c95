# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with keyframes: it plays in a Blender without the add-on, and with it is not moved twice.

TALKSPLAT_BLENDERS names further Pythons with bpy, separated as in PATH, in which the file is opened too.
"""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls
from talksplat.core.performance.head_replay import HeadReplay

PLAY = Path(__file__).with_name("play_without_add_on.py")
BLENDERS = [sys.executable, *filter(None, os.environ.get("TALKSPLAT_BLENDERS", "").split(os.pathsep))]
FRAMES = (1, 8, 20)


@pytest.fixture
def keyed(talking, make, tmp_path):
    """A head that follows a key a frame, in a file of its own."""
    from talksplat.blender_addon import playback

    path = tmp_path / "rigged.head"
    write_head(path, make.rigged(read_head(talking.talksplat.head)))
    talking.talksplat.head = str(path)
    bpy.context.scene.frame_end = 30
    playback.forget_frames()
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
    return talking


@pytest.fixture
def play(tmp_path):
    """play(python, blend) -> {"tiny position 8": array, ...} of a Blender without the add-on."""
    if bpy.app.binary_path:
        pytest.skip("Blender's application is no Python to start")

    def run(python, blend):
        out = tmp_path / "played.npz"
        command = [python, str(PLAY), str(blend), str(out), *map(str, FRAMES)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        return np.load(out)

    return run


def save(path):
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def posed(obj, frame, change=(0.0, 0.0, 0.0)):
    head = HeadReplay(read_head(bpy.path.abspath(obj.talksplat.head)))
    condition = read_performance(bpy.path.abspath(obj.talksplat.performance)).at(Fraction(frame - 1, 24), Controls())
    return head.rig.posed(head.pose(condition, Controls()) + np.array(change, np.float32))


def assert_played(played, name, frame, expected):
    turned = played[f"{name} rotation {frame}"]
    same = np.abs((turned * expected.quats).sum(axis=1))
    np.testing.assert_allclose(played[f"{name} position {frame}"], expected.means, atol=1e-5)
    np.testing.assert_allclose(played[f"{name} scale {frame}"], expected.scales, rtol=1e-4)
    np.testing.assert_allclose(same, 1.0, atol=1e-5)


@pytest.mark.parametrize("python", BLENDERS, ids=lambda path: Path(path).parts[-3])
def test_without_the_add_on_it_is_the_head_that_the_rig_poses(keyed, play, tmp_path, monkeypatch, python):
    """Also as an animator changed it, and a driver without Python on top."""
    from talksplat.blender_addon.scene.versions import curves_of

    keyed.location.x = 1.0
    curve = next(c for c in curves_of(keyed.animation_data) if c.data_path == '["Lips Apart"]')
    curve.keyframe_points[7].co.y += 2.0
    (tmp_path / "shot").mkdir()
    monkeypatch.chdir(tmp_path / "shot")  # where what is relative to the file is relative to us too
    played = play(python, save(tmp_path / "shot" / "a.blend"))
    for frame in FRAMES:
        change = (2.0 * (frame == 8), 0.0, 0.0)
        assert_played(played, keyed.name, frame, posed(keyed, frame, change))


def test_a_duplicate_plays_its_own_curves(keyed, play, tmp_path):
    twin = keyed.copy()
    bpy.context.scene.collection.objects.link(twin)
    twin.animation_data.action = None
    twin["Lips Apart"], twin["Mouth Width"], twin["Blink"] = 3.0, 0.0, 0.0
    bpy.context.view_layer.update()
    played = play(sys.executable, save(tmp_path / "a.blend"))
    head = HeadReplay(read_head(bpy.path.abspath(keyed.talksplat.head)))
    assert_played(played, twin.name, 8, head.rig.posed(np.array([3.0, 0.0, 0.0])))
    assert_played(played, keyed.name, 8, posed(keyed, 8))


def test_saving_leaves_the_session_as_it_was_and_opening_moves_nothing_twice(keyed, tmp_path, shown):
    bpy.context.scene.frame_set(8)
    before, clouds = shown(keyed), len(bpy.data.pointclouds)
    save(tmp_path / "a.blend")
    assert len(bpy.data.pointclouds) == clouds
    assert "rig:region" not in keyed.data.attributes
    np.testing.assert_array_equal(shown(keyed).means, before.means)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    obj = bpy.data.objects["tiny"]
    for name, array in before._asdict().items():
        np.testing.assert_allclose(getattr(shown(obj), name), array, atol=1e-6, err_msg=name)
    bpy.context.scene.frame_set(20)
    np.testing.assert_allclose(shown(obj).means, posed(obj, 20).means, atol=1e-6)


def test_with_the_add_on_and_without_the_heads_file_it_plays_all_the_same(keyed, tmp_path, shown):
    save(tmp_path / "a.blend")
    expected = posed(keyed, 8)
    Path(bpy.path.abspath(keyed.talksplat.head)).rename(tmp_path / "gone")
    from talksplat.blender_addon import playback

    playback.forget_frames()
    for name in ("a.blend", "b.blend"):  # b: saved again meanwhile
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / name))
        obj = bpy.data.objects["tiny"]
        bpy.context.scene.frame_set(8)
        np.testing.assert_allclose(shown(obj).means, expected.means, atol=1e-5)
        save(tmp_path / "b.blend")
    (tmp_path / "gone").rename(tmp_path / "rigged.head")
    playback.load_clouds()
    bpy.context.scene.frame_set(8)
    np.testing.assert_allclose(shown(obj).means, expected.means, atol=1e-6)


def test_a_head_that_follows_its_speech_is_saved_without_points(keyed, play, tmp_path):
    keyed.talksplat.follow = "SPEECH"
    played = play(sys.executable, save(tmp_path / "a.blend")).files
    assert not [name for name in played if "position" in name]


def test_an_override_of_a_linked_head_has_curves_of_its_own(keyed, tmp_path, shown):
    expected = posed(keyed, 8)
    save(tmp_path / "library.blend")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.frame_end = 30
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["tiny"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    from talksplat.blender_addon import playback

    playback.load_clouds()
    bpy.context.scene.frame_set(8)
    np.testing.assert_allclose(playback.shown_of(wanted.objects[0]).frame.means, expected.means, atol=1e-6)
    bpy.context.view_layer.objects.active = wanted.objects[0]
    bpy.ops.talksplat.make_override()
    own = bpy.context.view_layer.objects.active
    own["Lips Apart"] = 4.0
    own.animation_data.action = None
    own.update_tag()
    bpy.context.scene.frame_set(9)
    assert playback.shown_of(own).moment.curves.pose[0] == pytest.approx(4.0)
    save(tmp_path / "shot.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    own = next(obj for obj in bpy.data.objects if obj.override_library)
    assert own["Lips Apart"] == 4.0
    assert playback.problem_of(own) == ""


@pytest.mark.parametrize("has_channels", [True, False])
def test_an_override_is_baked_and_opened_again(keyed, tmp_path, shown, has_channels):
    """Blender forgets custom properties that the library's head has not: then the button says what to do."""
    if not has_channels:
        bpy.ops.talksplat.remove_keyframes()
    expected = posed(keyed, 8)
    sound, performance = bpy.path.abspath(keyed.talksplat.sound), keyed.talksplat.performance
    save(tmp_path / "library.blend")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.frame_end = 30
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["tiny"]
    scene.collection.objects.link(wanted.objects[0])
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.scene import versions

    playback.load_clouds()
    bpy.context.view_layer.objects.active = wanted.objects[0]
    bpy.ops.talksplat.make_override()
    own = bpy.context.view_layer.objects.active
    editor = scene.sequence_editor_create()
    own.talksplat.strip = versions.top_strips(editor).new_sound("voice", sound, 1, 1).name
    own.talksplat.strip_scene = scene
    own.talksplat.sound, own.talksplat.performance = sound, performance
    own.talksplat.follow = "SPEECH"
    if not has_channels:
        with pytest.raises(RuntimeError, match="has no channels to override"):
            bpy.ops.talksplat.bake_keyframes()
        return
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
    scene.frame_set(8)
    np.testing.assert_allclose(shown(own).means, expected.means, atol=1e-6)
    save(tmp_path / "shot.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    own = next(obj for obj in bpy.data.objects if obj.override_library and obj.type == "POINTCLOUD")
    bpy.context.scene.frame_set(8)
    assert "Lips Apart" in own.keys()
    np.testing.assert_allclose(shown(own).means, expected.means, atol=1e-6)


def test_f12_of_an_animation_follows_the_curves(keyed, tmp_path):
    scene = bpy.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    camera.location, camera.rotation_euler = (0, -0.5, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.samples, scene.render.resolution_x, scene.render.resolution_y = 4, 48, 48
    keyed.data.attributes["radius"].data.foreach_set("value", np.full(len(keyed.data.points), 0.006, np.float32))
    scene.frame_start, scene.frame_end, scene.frame_step = 5, 12, 7
    scene.render.filepath = str(tmp_path / "f12_")
    bpy.ops.render.render(animation=True)
    pictures = []
    for frame in (5, 12):
        image = bpy.data.images.load(str(tmp_path / f"f12_{frame:04d}.png"))
        pictures.append(np.array(image.pixels[:]))
    assert np.abs(pictures[0] - pictures[1]).mean() > 1e-3
