# SPDX-License-Identifier: GPL-3.0-or-later
"""File > New > TalkSplat: a new file in which the sample head speaks, with nothing of it left behind."""

from itertools import product
from pathlib import Path

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector


@pytest.fixture
def no_worker(blender, monkeypatch):
    from talksplat.blender_addon import running

    monkeypatch.setattr(running, "core_python", lambda: None)


def test_the_demo_scene_speaks_at_once_before_any_worker_has_started(no_worker, shown):
    from talksplat.blender_addon.scene.versions import all_strips, strip_frames

    assert bpy.ops.talksplat.open_demo_scene() == {"FINISHED"}
    scene, obj = bpy.context.scene, bpy.context.object
    [voice] = all_strips(scene.sequence_editor)
    assert Path(bpy.path.abspath(voice.sound.filepath)).is_file()
    assert (scene.frame_current, scene.frame_start, scene.frame_end) == (1, 1, strip_frames(voice)[2] - 1)
    assert (scene.render.fps, scene.sync_mode, scene.view_settings.view_transform) == (24, "AUDIO_SYNC", "Standard")
    before = shown(obj).means
    scene.frame_set(20)
    assert np.abs(shown(obj).means - before).max() > 1e-3, "a millimetre"


def test_the_sample_voice_needs_a_worker_only_for_another_head(no_worker, head_path):
    from talksplat.blender_addon.operators.choose_sound import TALKSPLAT_OT_choose_sound, TALKSPLAT_OT_sample_voice

    bpy.ops.talksplat.add_sample_head()
    assert TALKSPLAT_OT_sample_voice.disabled_reason(bpy.context) == ""
    assert "no Python" in TALKSPLAT_OT_choose_sound.disabled_reason(bpy.context)
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    assert "no Python" in TALKSPLAT_OT_sample_voice.disabled_reason(bpy.context)


def test_the_demo_scene_is_an_untitled_file_with_nothing_of_the_one_before(no_worker, tmp_path):
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "before.blend"))
    bpy.ops.talksplat.open_demo_scene()
    assert bpy.data.filepath == ""
    assert [scene.name for scene in bpy.data.scenes] == ["Scene"]
    assert not bpy.data.texts
    assert {obj.type for obj in bpy.data.objects} == {"POINTCLOUD", "CAMERA", "LIGHT"}


def test_a_text_that_has_the_marks_name_already_does_not_keep_the_demo_away(no_worker):
    from talksplat.blender_addon.operators.open_demo_scene import MARK

    bpy.data.texts.new(MARK)
    bpy.ops.talksplat.open_demo_scene()
    assert "sample" in bpy.data.objects
    assert not bpy.data.texts


def test_new_after_the_demo_was_asked_for_and_cancelled_is_an_ordinary_new_file(no_worker):
    """Blender asks about unsaved changes, and Cancel tells nobody."""
    from talksplat.blender_addon.operators.open_demo_scene import write_startup_file

    write_startup_file()
    assert not bpy.data.texts
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert not [obj for obj in bpy.data.objects if obj.type == "POINTCLOUD"]


def test_all_of_the_head_is_in_the_demo_cameras_picture(no_worker):
    bpy.ops.talksplat.open_demo_scene()
    scene, obj = bpy.context.scene, bpy.context.object
    bpy.context.view_layer.update()
    positions = np.array([point.co for point in obj.data.points])  # bounds were those of a point before 5.1
    ends = zip(positions.min(axis=0), positions.max(axis=0))
    corners = [world_to_camera_view(scene, scene.camera, obj.matrix_world @ Vector(c)) for c in product(*ends)]
    assert all(0 < corner.x < 1 and 0 < corner.y < 1 and corner.z > scene.camera.data.clip_start for corner in corners)
    assert max(c.y for c in corners) - min(c.y for c in corners) > 0.6


def test_a_saved_demo_scene_comes_back_speaking(no_worker, shown, tmp_path):
    bpy.ops.talksplat.open_demo_scene()
    bpy.context.scene.frame_set(20)
    before = shown(bpy.context.object).means
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "demo.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "demo.blend"))
    np.testing.assert_array_equal(shown(bpy.context.object).means, before)


def test_a_demo_without_its_head_says_so_below_its_button(no_worker, monkeypatch, tmp_path):
    from talksplat.blender_addon import demo_scene, running

    monkeypatch.setattr(demo_scene, "SAMPLE_HEAD", tmp_path / "gone.head")
    bpy.ops.talksplat.open_demo_scene()
    assert running.last.label == "Open Demo Scene"
    assert "gone.head" in running.last.sentence


def test_file_new_offers_talksplat_until_the_add_on_is_switched_off(blender):
    from talksplat.blender_addon import operators
    from talksplat.blender_addon.operators.open_demo_scene import draw_new_menu

    menu = bpy.types.TOPBAR_MT_file_new
    assert draw_new_menu in menu._dyn_ui_initialize()
    operators.unregister()
    assert draw_new_menu not in menu._dyn_ui_initialize()
    operators.register()
