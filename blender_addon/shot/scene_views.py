# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scene's camera sees of a head in each frame of a render, as fields of the job: the camera, the render
region, where the heads stand, and what is seen while the shutter is open."""

from collections.abc import Sequence
from fractions import Fraction

import bpy

from ...core.formats import Camera
from ..scene.render_border import within_border
from ..scene.stereo import Eye
from .sampling import sample_stage, sample_views
from .shutter_views import sample_shutter_cameras


def scene_views(
    scene: bpy.types.Scene,
    heads: Sequence[bpy.types.Object],  # of the picture; the camera's space is the first one's
    frames: Sequence[int],
    scale: Fraction,  # frames of the scene for one of these
    eye: Eye,
    shows_motion: bool,  # whether the frames beside are to be known
    shutter: dict,  # as `shutter_of` has it
) -> dict:
    """Raises UserError."""
    around = sorted({n + step for n in frames for step in (-1, 0, 1)}) if shows_motion else list(frames)
    times = [number * scale for number in around]
    if len(heads) > 1:
        cameras, (world, *places) = sample_stage(scene, heads, times, eye)
    else:
        (cameras, world), places = sample_views(scene, heads[0], times, eye), []
    views = {"head_to_world": world, "more_head_to_world": tuple(places), "with_neighbours": shows_motion}
    if shutter and len(cameras) > 1:
        by_frame = dict(zip(around, cameras))
        open_for, position = shutter["shutter"], shutter["shutter_position"]
        rows = sample_shutter_cameras(scene, heads[0], by_frame, frames, scale, open_for, position, eye)
        views["shutter_cameras"] = tuple(_cropped(scene, row)[0] for row in rows)
    views["cameras"], views["region"] = _cropped(scene, cameras)
    return views


def _cropped(scene: bpy.types.Scene, cameras: Sequence[Camera]) -> tuple[tuple[Camera, ...], tuple[int, ...]]:
    """(the cameras within the render region where it crops, the region where it does not)."""
    pairs = [within_border(camera, scene.render) for camera in cameras]
    return tuple(camera for camera, _ in pairs), pairs[0][1] if pairs else ()
