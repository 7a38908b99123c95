# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a Python with bpy: the passes that Blender itself gives to a ball that moves. OUT.exr PLACES, a JSON: frame ->
[place of the ball, place of the camera]; the middle frame is rendered. BLUR, a JSON that may be missing: [shutter in
frames, its position]; then the ways between the places are straight."""

import json
import math
import sys

import bpy

SIZE, RADIUS, LENS = (192, 128), 0.1, 50


def main(out: str, places: dict[str, list[list[float]]], blur: tuple[float, str] | None = None) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=5, radius=RADIUS)
    ball, camera = bpy.context.object, bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    ball.data.polygons.foreach_set("use_smooth", [True] * len(ball.data.polygons))
    scene.collection.objects.link(camera)
    scene.camera, camera.data.lens, camera.rotation_euler = camera, LENS, (math.pi / 2, 0, 0)
    for frame, both in places.items():
        for item, place in zip((ball, camera), both):
            item.location = place
            item.keyframe_insert("location", frame=int(frame))
    for item in (ball, camera) if blur else ():
        for curve in item.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"
    scene.frame_set(sorted(map(int, places))[1])
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.film_transparent = True
    if blur:
        scene.render.use_motion_blur, scene.cycles.samples = True, 256
        scene.render.motion_blur_shutter, scene.render.motion_blur_position = blur
    layer = scene.view_layers[0]
    layer.name = "ViewLayer"
    layer.use_pass_z = layer.use_pass_position = layer.use_pass_normal = layer.use_pass_vector = True
    layer.use_pass_cryptomatte_object = True
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth = "OPEN_EXR_MULTILAYER", "32"
    scene.render.filepath = out
    bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(json.loads, sys.argv[2:]))
