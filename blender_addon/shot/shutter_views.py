# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scene's camera sees of a head while the shutter is open: at its opening, half-way and at its closing, where
the view moves. One of the three is always the frame itself, so that a moving frame costs two more evaluations of the
scene, and a still one none. A marker that changes the camera meanwhile cuts: the frame is seen through its own.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import bpy

from ...core.formats import Camera
from ...core.jobs import shutter_times
from ..scene.scene_camera import camera_at
from ..scene.stereo import BOTH_EYES, Eye
from .sampling import sample_cameras

Row = tuple[Camera, ...]


def sample_shutter_cameras(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    cameras: Mapping[int, Camera],  # of `frames` and of those directly before and after them
    frames: Sequence[int],
    scale: Fraction,  # frames of the scene for one of these
    shutter: float,
    position: str,
    eye: Eye = BOTH_EYES,
) -> tuple[Row, ...]:
    """`Render.shutter_cameras` of these frames; () where none moves. Raises UserError."""
    times = [Fraction(time) for time in shutter_times(shutter, position)]
    moving = [n for n in frames if len({cameras[n + step] for step in (-1, 0, 1)}) > 1]
    through = {number: camera_at(scene, int(number * scale // 1)) for number in moving}
    moments = [((n + time) * scale, camera) for n, camera in through.items() if camera for time in times if time]
    views = iter(sample_cameras(scene, obj, moments, eye) if moments else [])
    rows = {number: tuple(next(views) if time else cameras[number] for time in times) for number in moving}
    return tuple(rows.get(number, ()) for number in frames) if rows else ()
