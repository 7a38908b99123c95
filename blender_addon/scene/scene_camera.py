# SPDX-License-Identifier: GPL-3.0-or-later
"""From Blender's camera to the core's: the same picture to the pixel.

Blender's camera looks along its own -Z with Y up; the core's (OpenCV) along +Z with Y down. Head space
is the head object's own space, so moving the object moves the head in the picture.
"""

import bpy
import numpy as np
from mathutils import Matrix

from ...core.formats import Camera, UserError
from .stereo import BOTH_EYES, Eye, eye_pose, eye_shift

FLIP = Matrix.Diagonal((1.0, -1.0, -1.0, 1.0))  # Blender's camera axes -> OpenCV's


def core_camera(
    camera: bpy.types.Object,
    head: bpy.types.Object,
    render: bpy.types.RenderSettings,
    place: Matrix | None = None,
    eye: Eye = BOTH_EYES,
) -> Camera:
    """What `camera` (an object, original or evaluated) sees of `head` at `render`'s resolution; `place`, head space ->
    world, is that of an instance of the head, None the head's own; `eye`, of a stereo pair.

    Lens, shift, sensor fit, pixel aspect, resolution percentage, perspective and orthographic, and any scale of the
    head, are all Blender's. Raises UserError for a panoramic camera and a head without size.
    """
    lens = camera.data
    if not isinstance(lens, bpy.types.Camera):
        raise TypeError(f"{camera.name} is no camera")
    width, height = picture_size(render)
    fx, fy, cx, cy = _intrinsics(lens, width, height, render.pixel_aspect_y / render.pixel_aspect_x, eye)
    kind = "orthographic" if lens.type == "ORTHO" else "perspective"
    view = FLIP @ (camera.matrix_world.normalized() @ eye_pose(lens, eye)).inverted() @ (place or head.matrix_world)
    viewmat = tuple(map(tuple, np.array(view).tolist()))
    return Camera(width, height, fx, fy, cx, cy, viewmat, kind, lens.clip_start, lens.clip_end)


def camera_at(scene: bpy.types.Scene, frame: int) -> bpy.types.Object | None:
    """The scene's camera at a frame: that of the last marker with one, before all of them that of the first."""
    cuts = sorted(((m.frame, m.camera) for m in scene.timeline_markers if m.camera), key=lambda cut: cut[0])
    return next((camera for start, camera in reversed(cuts) if start <= frame), cuts[0][1]) if cuts else scene.camera


def picture_size(render: bpy.types.RenderSettings) -> tuple[int, int]:
    """Width and height in pixels, as Blender rounds them."""
    percentage = render.resolution_percentage
    return render.resolution_x * percentage // 100, render.resolution_y * percentage // 100


def _intrinsics(
    lens: bpy.types.Camera, width: int, height: int, aspect: float, eye: Eye
) -> tuple[float, float, float, float]:
    """(fx, fy, cx, cy) in pixels; `aspect` is the height of a pixel over its width.

    Blender measures both axes by one length: the width of the picture when the sensor fits horizontally, else its
    height, in units of a pixel's width.
    """
    if lens.type not in ("PERSP", "ORTHO"):
        raise UserError(f"The camera {lens.name} is {lens.type.lower()}; use a perspective or an orthographic one.")
    fits_width = lens.sensor_fit == "HORIZONTAL" or (lens.sensor_fit == "AUTO" and width >= height * aspect)
    length = width if fits_width else height * aspect
    sensor = lens.sensor_height if lens.sensor_fit == "VERTICAL" else lens.sensor_width
    fx = length / lens.ortho_scale if lens.type == "ORTHO" else length * lens.lens / sensor
    shift_x = lens.shift_x + eye_shift(lens, eye)
    return fx, fx / aspect, width / 2 - shift_x * length, height / 2 + lens.shift_y * length / aspect
