# SPDX-License-Identifier: GPL-3.0-or-later
"""What `benchmarks.native` runs in a Blender that draws splats (5.3): moments in, Blender's own pictures of them out.

    PYTHONPATH=<the folder that holds talksplat> <a Python with bpy 5.3> -m talksplat.benchmarks.native_blender FOLDER

FOLDER holds `moments.json` and an .npz of Gaussians for each moment; it gets LOOK_MOMENT_BOX.npy, [H,W,4] float32
scene-linear, premultiplied, zero outside of the box. Pictures that are there are not rendered again.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, cast

import bpy
import numpy as np
from mathutils import Matrix

from talksplat.blender_addon.compositing.colour_passes import add_passes, write_passes
from talksplat.blender_addon.compositing.exact_colour import exact_colour
from talksplat.blender_addon.compositing.scene_compositor import insert_groups
from talksplat.blender_addon.scene.point_cloud import fill, new_cloud
from talksplat.core.formats import Gaussians

SENSOR = 36.0  # mm, as good as any
# look -> (engine, pixel filter in pixels, Exact Colour, seed); two seeds of Cycles, so that its noise can be taken out
LOOKS: dict[str, tuple[str, float, bool, int]] = {
    "cycles": ("CYCLES", 1.5, False, 0),
    "cycles again": ("CYCLES", 1.5, False, 1),
    "cycles exact": ("CYCLES", 1.5, True, 0),
    "cycles exact again": ("CYCLES", 1.5, True, 1),
    "cycles unfiltered": ("CYCLES", 0.01, False, 0),
    "cycles unfiltered again": ("CYCLES", 0.01, False, 1),
    "eevee": ("BLENDER_EEVEE", 1.5, False, 0),
    "eevee exact": ("BLENDER_EEVEE", 1.5, True, 0),
    "eevee unfiltered": ("BLENDER_EEVEE", 0.0, False, 0),
    "solid": ("BLENDER_WORKBENCH", 1.5, False, 0),
}


def empty_scene() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return cast(bpy.types.Scene, bpy.context.scene)


def add_splats(scene: bpy.types.Scene, path: Path) -> None:
    """The cloud as the add-on makes it, with its material."""
    with np.load(path, allow_pickle=False) as stored:
        gaussians = Gaussians(**stored)
    cloud = new_cloud("head", gaussians.means)
    fill(cloud, gaussians, "display")
    scene.collection.objects.link(bpy.data.objects.new("head", cloud))


def add_camera(scene: bpy.types.Scene, camera: dict) -> None:
    """The core's camera: the inverse of `scene_camera.core_camera`."""
    lens, width, height = bpy.data.cameras.new("camera"), camera["width"], camera["height"]
    lens.sensor_fit, lens.sensor_width, lens.clip_start = "HORIZONTAL", SENSOR, camera["near"]
    lens.lens = camera["fx"] / width * SENSOR
    lens.shift_x, lens.shift_y = (width / 2 - camera["cx"]) / width, (camera["cy"] - height / 2) / width
    obj = bpy.data.objects.new("camera", lens)
    obj.matrix_world = Matrix(np.linalg.inv(camera["viewmat"]).tolist()) @ Matrix.Diagonal((1.0, -1.0, -1.0, 1.0))
    scene.collection.objects.link(obj)
    scene.camera = obj
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100


def set_look(scene: bpy.types.Scene, look: str, samples: int) -> None:
    """Engine, samples, pixel filter and cure; everything else is Blender's default."""
    engine, pixel_filter, is_exact, seed = LOOKS[look]
    render, settings = scene.render, cast(Any, scene)
    render.engine, render.film_transparent, render.filter_size = engine, True, pixel_filter
    settings.cycles.filter_width, settings.cycles.seed = pixel_filter, seed
    settings.cycles.samples, settings.eevee.taa_render_samples = samples, samples
    settings.cycles.use_denoising = settings.cycles.use_adaptive_sampling = False
    settings.display.shading.light, settings.display.shading.color_type = "FLAT", "MATERIAL"
    scene.view_settings.view_transform = "Standard"
    if is_exact:
        write_passes(bpy.data.materials)
        add_passes(scene.view_layers[0])
        group = exact_colour(scene)
        insert_groups(scene, lambda _layer: group)


def picture_of(scene: bpy.types.Scene, box: list[int], exr: Path) -> np.ndarray:
    """[H,W,4] of the box left, top, right, bottom; zero elsewhere."""
    render, output = scene.render, cast(Any, scene.render.image_settings)
    left, top, right, bottom = box
    render.use_border, render.use_crop_to_border = True, False
    render.border_min_x, render.border_max_x = left / render.resolution_x, right / render.resolution_x
    render.border_min_y, render.border_max_y = 1 - bottom / render.resolution_y, 1 - top / render.resolution_y
    output.media_type, output.file_format, output.color_depth, output.color_mode = "IMAGE", "OPEN_EXR", "32", "RGBA"
    render.filepath = str(exr)
    bpy.ops.render.render(write_still=True)
    image = cast(Any, bpy.data.images.load(str(exr), check_existing=False))
    pixels = np.array(image.pixels, np.float32).reshape(image.size[1], image.size[0], 4)[::-1]
    bpy.data.images.remove(image)
    exr.unlink()
    return pixels


def main() -> None:
    folder = Path(sys.argv[1])
    notes = json.loads((folder / "moments.json").read_text())
    for moment in notes["moments"]:
        for look in moment["looks"]:
            wanted = {box: folder / f"{look}_{moment['name']}_{box}.npy" for box in moment["boxes"]}
            if all(path.exists() for path in wanted.values()):
                continue
            scene = empty_scene()
            add_splats(scene, folder / f"{moment['name']}.npz")
            add_camera(scene, moment["camera"])
            set_look(scene, look, notes["samples"])
            for box, path in wanted.items():
                np.save(path, picture_of(scene, moment["boxes"][box], folder / "picture.exr"))
            print(f"{moment['name']}: {look}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may crash at its end


if __name__ == "__main__":
    main()
