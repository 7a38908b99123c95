# SPDX-License-Identifier: GPL-3.0-or-later
"""All Heads: the heads that the scene renders, in one picture, each where its object is."""

import bpy
import numpy as np
import pytest

from talksplat.core.jobs.job_file import read_job_file


@pytest.fixture
def pair(talking, head_path, tmp_path):
    """Two baked heads and a camera; the second one moves."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.talksplat.bake()
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    other = bpy.context.object
    other.name = "ben"
    other.talksplat.bake = talking.talksplat.bake
    talking.location = (-0.2, 0, 0)
    for frame in (1, 2):
        other.location = (0.2, 0, 0.1 * frame)
        other.keyframe_insert("location", frame=frame)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler, scene.camera = (0, -1.5, 0.05), (1.5708, 0, 0), camera
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 60, 40, 100
    bpy.context.view_layer.objects.active = talking
    settings = talking.talksplat
    settings.view, settings.all_heads, settings.movie, settings.exr = "SCENE", True, False, False
    settings.render_out = str(tmp_path / "both")
    return talking, other


def columns_of_alpha(folder):
    (path,) = folder.rglob("*.0001.png")
    image = bpy.data.images.load(str(path))
    width, height = image.size
    return np.array(image.pixels[:]).reshape(height, width, 4)[..., 3].max(axis=0)


def test_both_are_in_the_pictures(pair, tmp_path):
    assert bpy.ops.talksplat.render_sequence() == {"FINISHED"}
    alpha = columns_of_alpha(tmp_path / "both")
    assert alpha[:25].max() > 0.5
    assert alpha[35:].max() > 0.5
    pair[1].hide_render = True
    pair[0].talksplat.render_out = str(tmp_path / "one")
    bpy.ops.talksplat.render_sequence()
    alpha = columns_of_alpha(tmp_path / "one")
    assert alpha[:25].max() > 0.5
    assert not alpha[40:].any()


def test_the_job_says_who_and_where(pair, tmp_path):
    from talksplat.blender_addon.shot.jobs import render_job

    job = render_job(bpy.context.scene, pair[0])
    assert job.head_names == (pair[0].name, "ben")
    ((first, second),) = job.more_head_to_world
    assert (first[2][3], second[2][3]) == pytest.approx((0.1, 0.2))
    bpy.ops.talksplat.export_jobs(directory=str(tmp_path / "farm"))
    for path in (tmp_path / "farm").glob("*.job.json"):
        file = read_job_file(path)
        assert len(file.render.more_bakes) == (1 if pair[0].name in path.name else 0)
        assert all(str(tmp_path / "farm") in bake for bake in file.render.more_bakes)


def test_one_that_is_not_baked_is_told(pair):
    from talksplat.blender_addon.operators.render_sequence import TALKSPLAT_OT_render_sequence as Render
    from talksplat.blender_addon.shot.render_notes import render_notes

    assert "With ben in the same pictures" in render_notes(bpy.context.scene, pair[0])
    assert not Render.disabled_reason(bpy.context)
    pair[1].talksplat.bake = ""
    assert Render.disabled_reason(bpy.context).startswith("ben: ")
    pair[0].talksplat.all_heads = False
    assert not Render.disabled_reason(bpy.context)
