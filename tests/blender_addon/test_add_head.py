# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist meets who adds a head, duplicates it, renames it, deletes it, or looks at it through AgX."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance import Replay, rest_condition


def test_a_head_is_added_at_the_cursor_with_its_mouth_at_rest(blender, head_path, shown):
    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.context.scene.frame_set(17)
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    obj, head = bpy.context.object, read_head(head_path)
    assert obj.location[:] == (1, 2, 3)
    assert bpy.context.selected_objects == [obj]
    np.testing.assert_array_equal(shown(obj).means, Replay(head).at(rest_condition(head)).means)


def test_a_damaged_rig_costs_the_rig_and_not_the_head(blender, head_path, make, tmp_path, shown):
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.operators.make_rig import TALKSPLAT_OT_make_rig

    head = make.rigged(read_head(head_path))
    tensors = head.tensors | {"rig.lower.samples": head.tensors["rig.lower.samples"] + 10**6}
    path = tmp_path / "damaged.head"
    write_head(path, replace(head, tensors=tensors))
    bpy.ops.talksplat.add_head(filepath=str(path))
    np.testing.assert_array_equal(shown(bpy.context.object).means, Replay(head).at(rest_condition(head)).means)
    opened = open_files.head(str(path))
    assert opened.rig is None
    assert "its rig is damaged" in opened.rig_problem
    assert TALKSPLAT_OT_make_rig.disabled_reason(bpy.context) != "The head has a rig"


@pytest.mark.parametrize("path", ["", "/no/such.head"])
def test_a_wrong_path_to_add_head_is_not_told_to_relink(blender, path):
    """There is no head yet: "The head  is missing; press Relink Head" was no help to a script's author."""
    with pytest.raises(RuntimeError) as error:
        bpy.ops.talksplat.add_head(filepath=path)
    assert "Relink" not in str(error.value)
    assert ("no such file" in str(error.value)) if path else ("Choose a .head file" in str(error.value))
    assert not bpy.data.objects


def test_every_cure_is_a_button(blender):
    from talksplat.blender_addon import operators
    from talksplat.blender_addon.head_state import CURES

    assert {name for names in CURES.values() for name in names} <= {cls.bl_idname for cls in operators.CLASSES}


@pytest.mark.parametrize("linked", [False, True], ids=["Shift-D", "Alt-D"])
def test_a_duplicate_is_its_own_head(talking, linked, shown):
    from talksplat.blender_addon import playback_handlers

    bpy.ops.object.duplicate(linked=linked)
    twin = bpy.context.object
    playback_handlers.make_single_users(bpy.context.scene)
    twin.name, twin.talksplat.controls.intensity = "renamed", 0.0
    bpy.context.scene.frame_set(12)
    assert np.abs(shown(twin).means - shown(talking).means).max() > 1e-4
    bpy.data.objects.remove(talking)
    bpy.context.scene.frame_set(13)
    alone = shown(twin).means
    bpy.context.scene.frame_set(14)
    assert len(alone) == 240, "the other one's end changes nothing"


def test_two_scenes_do_not_fight_for_one_head(talking, monkeypatch):
    """Each scene's update would write its own moment, which updates the other scene, for ever."""
    from talksplat.blender_addon import playback, playback_handlers

    other = bpy.data.scenes.new("other")
    other.collection.objects.link(talking)
    bpy.context.scene.frame_set(12)
    mine, depsgraph = playback.shown_of(talking), bpy.context.evaluated_depsgraph_get()
    other.frame_current = 30
    playback_handlers.on_update(other, depsgraph)
    assert playback.shown_of(talking) == mine
    playback_handlers.on_frame(other, depsgraph)
    assert playback.shown_of(talking).moment != mine.moment, "who moves through time is shown"


def test_a_head_in_an_instanced_collection_is_placed_where_the_instance_is(blender, head_path):
    from talksplat.blender_addon.head_objects import head_of, placed_heads

    bpy.ops.talksplat.add_head(filepath=str(head_path))
    obj, scene = bpy.context.object, bpy.context.scene
    cast = bpy.data.collections.new("Cast")
    scene.collection.objects.unlink(obj)
    cast.objects.link(obj)
    cast.instance_offset = (1, 0, 0)
    inner, outer = (bpy.data.objects.new(name, None) for name in ("inner", "outer"))
    group = bpy.data.collections.new("Group")
    group.objects.link(inner)
    scene.collection.objects.link(outer)
    for empty, collection in ((inner, cast), (outer, group)):
        empty.instance_type, empty.instance_collection = "COLLECTION", collection
    outer.matrix_world = Matrix.Translation((0, 5, 0))
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    wanted = [i.matrix_world.copy() for i in depsgraph.object_instances if i.object.type == "POINTCLOUD"]
    ((found, matrix, owner),) = placed_heads(scene)
    assert (found, owner) == (obj, outer)
    np.testing.assert_allclose(matrix, wanted[0], atol=1e-6)
    bpy.context.view_layer.objects.active = outer
    assert head_of(bpy.context) == obj


def test_views_that_change_a_heads_colours_are_named_and_ended(blender):
    from talksplat.blender_addon.scene.view_transform import changes_of

    scene = bpy.context.scene
    view = scene.view_settings
    view.view_transform, view.exposure, view.gamma, view.use_curve_mapping = "AgX", 0.5, 1.2, True
    view.look = "AgX - Punchy"
    assert changes_of(scene) == ["AgX", "look AgX - Punchy", "exposure 0.5", "gamma 1.2", "curves"]
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.talksplat.use_standard_view()
    assert changes_of(scene) == []
    assert not bpy.ops.talksplat.use_standard_view.poll(), "once is enough"
    bpy.ops.ed.undo_push(message="Use Standard View")
    bpy.ops.ed.undo()
    assert "AgX" in changes_of(bpy.context.scene), "undoable"


@pytest.mark.parametrize("button", ["add_head", "import_head", "choose_sound"])
def test_a_folder_and_a_missing_file_are_called_so(blender, head_path, tmp_path, button):
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    press = getattr(bpy.ops.talksplat, button)
    (tmp_path / "takes").mkdir()
    folder = "holds no head that talksplat knows" if button == "import_head" else "is a folder"
    for name, sentence in (("takes", folder), ("gone.wav", "no such file")):
        with pytest.raises(RuntimeError) as error:
            press(filepath=str(tmp_path / name))
        assert name in str(error.value)
        assert sentence in str(error.value)
