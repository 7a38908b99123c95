# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a Python with bpy (Cycles in pytest ends the process): where a small ball is in Blender's own stereo pictures,
and where the eyes of `scene.stereo` have it. OUT.json: [[setting, eye, [u, v] Blender's, [u, v] ours]]."""

import itertools
import json
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

from talksplat.blender_addon.scene.scene_camera import core_camera
from talksplat.blender_addon.scene.stereo import render_views

WIDTH, HEIGHT = 120, 70
POSE = Vector((0.2, -2.0, 0.3)), Euler((1.45, 0.05, 0.1)), Vector((1, 1, 1))
SETTINGS = itertools.product(("PERSP", "ORTHO"), ("OFFAXIS", "PARALLEL", "TOE"), ("CENTER", "LEFT", "RIGHT"))


def stage():
    """(scene, camera, ball)."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    scene.collection.objects.link(camera)
    scene.camera, camera.matrix_world = camera, Matrix.LocRotScale(*POSE)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.04, segments=32, ring_count=16, location=(0.1, 0.1, 0.1))
    render = scene.render
    render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 16, "CPU"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.film_transparent, render.image_settings.file_format = True, "PNG"
    render.use_multiview, render.image_settings.views_format = True, "INDIVIDUAL"
    return scene, camera, bpy.context.object


def place_of_alpha(path):
    """The middle of what the picture shows, pixels to the right and downwards."""
    image = bpy.data.images.load(path)
    alpha = np.array(image.pixels[:]).reshape(HEIGHT, WIDTH, 4)[::-1, :, 3]
    bpy.data.images.remove(image)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return [(alpha * x).sum() / alpha.sum(), (alpha * y).sum() / alpha.sum()]


def place_of_ours(camera, point):
    x, y, z = camera.matrix[:3, :3] @ point + camera.matrix[:3, 3]
    z = 1 if camera.kind == "orthographic" else z
    return [camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy]


def main(out: Path) -> None:
    scene, camera, ball = stage()
    lens, rows = camera.data, []
    lens.ortho_scale, lens.shift_x = 1.5, 0.05
    lens.stereo.interocular_distance, lens.stereo.convergence_distance = 0.3, 2.5
    scene.render.filepath = str(out.with_suffix(""))
    for kind, mode, pivot in SETTINGS:
        lens.type, lens.stereo.convergence_mode, lens.stereo.pivot = kind, mode, pivot
        bpy.ops.render.render(write_still=True)
        for view in render_views(scene.render):
            seen = place_of_alpha(f"{scene.render.filepath}{view.suffix}.png")
            ours = core_camera(camera, ball, scene.render, Matrix.Identity(4), view.eye)
            place = place_of_ours(ours, np.array(ball.location))
            rows.append([f"{kind} {mode} {pivot}", view.eye, list(map(float, seen)), list(map(float, place))])
    out.write_text(json.dumps(rows))


main(Path(sys.argv[1]))
