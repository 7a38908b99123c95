# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's camera and Blender's own projection matrix put a point on the same pixel; an eye, Blender's own render."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mathutils import Euler, Matrix, Vector

from talksplat.core.formats.user_error import UserError


@pytest.fixture
def stage(blender):
    """A scene with a camera and a head object, both placed oddly."""
    bpy, scene = blender, blender.context.scene
    lens = bpy.data.cameras.new("lens")
    camera = bpy.data.objects.new("camera", lens)
    camera.matrix_world = Matrix.LocRotScale(Vector((0.3, -2.0, 0.4)), Euler((1.4, 0.1, 0.2)), Vector((2, 2, 2)))
    head = bpy.data.objects.new("head", bpy.data.pointclouds.new("head"))
    head.matrix_world = Matrix.LocRotScale(Vector((0.1, 0.2, 0.3)), Euler((0.2, -0.3, 1.0)), Vector((1.5,) * 3))
    scene.collection.objects.link(camera)
    scene.collection.objects.link(head)
    scene.camera = camera
    bpy.context.view_layer.update()
    return scene, camera, head


def blenders_pixels(bpy, scene, camera, head, points):
    """[P,3] in head space -> [P,2] pixels, y down, by Blender's matrices alone."""
    render = scene.render
    width, height = (side * render.resolution_percentage // 100 for side in (render.resolution_x, render.resolution_y))
    projection = camera.calc_matrix_camera(
        bpy.context.evaluated_depsgraph_get(),
        x=width,
        y=height,
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    to_clip = np.array(projection @ camera.matrix_world.normalized().inverted() @ head.matrix_world)
    clip = np.c_[points, np.ones(len(points))] @ to_clip.T
    at = clip[:, :2] / clip[:, 3:]
    return np.c_[(at[:, 0] + 1) / 2 * width, (1 - at[:, 1]) / 2 * height]


def our_pixels(camera, points):
    seen = points @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
    z = np.ones(len(points)) if camera.kind == "orthographic" else seen[:, 2]
    return np.c_[camera.fx * seen[:, 0] / z + camera.cx, camera.fy * seen[:, 1] / z + camera.cy]


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
@pytest.mark.parametrize("size", [(1920, 1080, 50), (600, 900, 100), (512, 512, 73)])
@pytest.mark.parametrize("aspect", [(1.0, 1.0), (1.0, 2.0)])
@pytest.mark.parametrize("scale", [(1.5, 1.5, 1.5), (0.7, 1.5, -2.0)])
def test_same_pixel(blender, stage, kind, fit, size, aspect, scale):
    from talksplat.blender_addon.scene.scene_camera import core_camera

    scene, camera, head = stage
    head.scale = scale
    blender.context.view_layer.update()
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = size
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = aspect
    lens = camera.data
    lens.type, lens.sensor_fit, lens.lens, lens.ortho_scale = kind, fit, 65.0, 1.7
    lens.sensor_width, lens.sensor_height, lens.shift_x, lens.shift_y = 30.0, 20.0, 0.13, -0.21
    points = np.random.default_rng(0).normal(scale=0.2, size=(50, 3))
    ours = our_pixels(core_camera(camera, head, scene.render), points)
    np.testing.assert_allclose(ours, blenders_pixels(blender, scene, camera, head, points), atol=2e-2)


def test_a_panorama_gives_a_sentence(blender, stage):
    from talksplat.blender_addon.scene.scene_camera import core_camera

    scene, camera, head = stage
    camera.data.type = "PANO"
    with pytest.raises(UserError, match="pano"):
        core_camera(camera, head, scene.render)


def test_the_eyes_of_a_stereo_pair_are_blenders(blender, tmp_path):
    """Blender tells nobody its eyes' cameras: where it renders a small ball is where ours have it."""
    if not hasattr(blender.context.scene, "cycles"):
        pytest.skip("this Blender has no Cycles")
    script = Path(__file__).with_name("render_stereo.py")
    done = subprocess.run([sys.executable, script, tmp_path / "pair.json"], capture_output=True, text=True, timeout=300)
    assert (tmp_path / "pair.json").is_file(), done.stdout + done.stderr
    rows = json.loads((tmp_path / "pair.json").read_text())
    assert len(rows) == 36
    for setting, eye, blenders, ours in rows:
        np.testing.assert_allclose(ours, blenders, atol=0.1, err_msg=f"{setting}, {eye} eye")


def test_without_stereo_there_is_one_picture_and_a_camera_a_view_is_told(stage):
    from talksplat.blender_addon.scene.stereo import ONE_VIEW, render_views

    render = stage[0].render
    assert render_views(render) == [ONE_VIEW]
    render.use_multiview, render.views_format = True, "MULTIVIEW"
    with pytest.raises(UserError, match="Stereo 3D"):
        render_views(render)
