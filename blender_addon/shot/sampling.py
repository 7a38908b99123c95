# SPDX-License-Identifier: GPL-3.0-or-later
"""What is keyframed in a shot, sampled at each frame: the sliders and the camera.

Sampling never leaves the user's frame changed and never moves the clouds on its way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TypeVar

import bpy
import numpy as np
from mathutils import Matrix

from ...core.formats import Camera, RigChannel, UserError
from ...core.performance import CONTROLS, Controls
from .. import playback
from ..blender_types import current_context
from ..corrections.properties import TalkSplatCorrection
from ..head_objects import settings_of
from ..keyframes.curve_pose import CurvePose, mixed_pose, with_corrections
from ..scene.pose_channels import path_of, pose_of
from ..scene.scene_camera import core_camera
from ..scene.stereo import BOTH_EYES, Eye
from ..scene.versions import curves_of
from ..takes.blend import Shares, is_blending, shares_now, shares_of, weighted_row

T = TypeVar("T")
CONTROLS_PATH = "talksplat.controls."  # of the F-curves
WEIGHT_PATH = "talksplat.curve_weight"


def sample_controls(scene: bpy.types.Scene, obj: bpy.types.Object, frames: Iterable[int]) -> list[Controls]:
    """The sliders at each frame: from their F-curves alone where nothing else moves them, else from the evaluated
    scene."""
    controls = settings_of(obj).controls.values()
    curves = control_curves(obj)
    if curves is None:
        return list(_at_each_frame(scene, frames, lambda graph: _evaluated_controls(obj, graph)))
    return [
        Controls(
            **{**vars(controls), **{name: _clamp(name, curve.evaluate(frame)) for name, curve in curves.items()}},
        )
        for frame in _key_frames(scene, frames)
    ]


def sample_curve_poses(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    frames: Sequence[int],
    channels: tuple[RigChannel, ...],
    corrections: Iterable[TalkSplatCorrection] | None = None,
    with_curves: bool = True,
) -> list[CurvePose | None]:
    """What the curves of its pose and its corrections do to the head at each frame, as `sample_controls` samples.

    corrections: not all of them, but these. with_curves: else as if the head followed its speech.
    """
    settings = settings_of(obj)
    rows = list(settings.corrections if corrections is None else corrections)
    mixed = _mixed_poses(scene, obj, frames, channels, settings.follow if with_curves else "SPEECH")
    return [with_corrections(pose, rows, channels, scene, Fraction(frame)) for pose, frame in zip(mixed, frames)]


def _mixed_poses(
    scene: bpy.types.Scene, obj: bpy.types.Object, frames: Sequence[int], channels: tuple[RigChannel, ...], follow: str
) -> Iterable[CurvePose]:
    """Without the corrections."""
    settings, paths = settings_of(obj), [*map(path_of, channels), WEIGHT_PATH]
    still = (*pose_of(obj, channels), settings.curve_weight)
    if follow == "SPEECH":
        return [mixed_pose(follow, 1.0, still[:-1])] * len(frames)
    curves = curves_alone(obj, paths.__contains__)
    if curves is None:
        return _at_each_frame(scene, frames, lambda graph: _evaluated_pose(obj.evaluated_get(graph), follow, channels))
    values = [
        [curves[path].evaluate(frame) if path in curves else value for path, value in zip(paths, still)]
        for frame in _key_frames(scene, frames)
    ]
    return [mixed_pose(follow, min(max(weight, 0.0), 1.0), tuple(pose)) for *pose, weight in values]


def _evaluated_pose(obj: bpy.types.Object, follow: str, channels: tuple[RigChannel, ...]) -> CurvePose:
    return mixed_pose(follow, settings_of(obj).curve_weight, pose_of(obj, channels))


def sample_shares(scene: bpy.types.Scene, obj: bpy.types.Object, frames: Iterable[int]) -> list[Shares]:
    """How much of each take the head shows at each frame, as `sample_controls` samples."""
    if not is_blending(obj):
        return [() for _ in frames]
    curves = curves_alone(obj, lambda path: weighted_row(obj, path) is not None)
    if curves is None:
        return list(_at_each_frame(scene, frames, lambda graph: shares_now(obj, obj.evaluated_get(graph))))
    rows = {weighted_row(obj, path): curve for path, curve in curves.items()}
    still = [take.weight for take in settings_of(obj).takes]
    return [
        shares_of(obj, [min(rows[i].evaluate(frame), 1.0) if i in rows else weight for i, weight in enumerate(still)])
        for frame in _key_frames(scene, frames)
    ]


def are_channels_driven(obj: bpy.types.Object) -> bool:
    """Whether drivers, the NLA or a blended action move what the head follows besides the speech of its active take."""
    follows_curves, blends = settings_of(obj).follow != "SPEECH", is_blending(obj)

    def is_meant(path: str) -> bool:
        is_of_curves = path.startswith('["') or path == WEIGHT_PATH
        return (follows_curves and is_of_curves) or (blends and weighted_row(obj, path) is not None)

    return (follows_curves or blends) and curves_alone(obj, is_meant) is None


def _key_frames(scene: bpy.types.Scene, frames: Iterable[int]) -> Iterator[float]:
    """Where F-curves are evaluated at these frames: Blender's time stretching moves keys, not sound."""
    return (frame * scene.render.frame_map_old / scene.render.frame_map_new for frame in frames)


Matrix4 = tuple[tuple[float, ...], ...]  # row by row


def sample_views(
    scene: bpy.types.Scene, obj: bpy.types.Object, frames: Iterable[Fraction], eye: Eye = BOTH_EYES
) -> tuple[tuple[Camera, ...], tuple[Matrix4, ...]]:
    """(what the scene's camera, or an eye of its stereo pair, sees of the head, head space -> world) at each frame; one
    of each where nothing changes.

    Markers may switch cameras. Raises UserError.
    """

    def view_at(graph: bpy.types.Depsgraph) -> tuple[Camera, Matrix4]:
        if scene.camera is None:
            raise UserError("The scene has no camera; add one, or render the head's own view.")
        head = obj.evaluated_get(graph)
        camera = core_camera(scene.camera.evaluated_get(graph), head, scene.render, eye=eye)
        return camera, _rows(head.matrix_world)

    cameras, worlds = zip(*_at_each_frame(scene, frames, view_at), strict=True)
    return _one_if_still(cameras), _one_if_still(worlds)


def sample_cameras(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    moments: Sequence[tuple[Fraction, bpy.types.Object]],
    eye: Eye = BOTH_EYES,
) -> list[Camera]:
    """What a camera sees of the head at a frame, for each of these pairs. Raises UserError."""
    cameras = iter([camera for _, camera in moments])

    def view_at(graph: bpy.types.Depsgraph) -> Camera:
        return core_camera(next(cameras).evaluated_get(graph), obj.evaluated_get(graph), scene.render, eye=eye)

    return list(_at_each_frame(scene, [frame for frame, _ in moments], view_at))


def sample_stage(
    scene: bpy.types.Scene, heads: Sequence[bpy.types.Object], frames: Iterable[Fraction], eye: Eye = BOTH_EYES
) -> tuple[tuple[Camera, ...], tuple[tuple[Matrix4, ...], ...]]:
    """(what the scene's camera, or an eye of its stereo pair, sees of the first head, nothing where there is none; of
    each head, head space -> world) at each frame; one of each where nothing changes. Raises UserError."""

    def stage_at(graph: bpy.types.Depsgraph) -> tuple[tuple[Camera, ...], list[Matrix4]]:
        evaluated = [head.evaluated_get(graph) for head in heads]
        camera = scene.camera and core_camera(scene.camera.evaluated_get(graph), evaluated[0], scene.render, eye=eye)
        return (camera,) if camera else (), [_rows(head.matrix_world) for head in evaluated]

    cameras, worlds = zip(*_at_each_frame(scene, frames, stage_at), strict=True)
    return _one_if_still(sum(cameras, ())), tuple(_one_if_still(places) for places in zip(*worlds))


def _rows(matrix: Matrix) -> Matrix4:
    return tuple(tuple(row) for row in np.array(matrix, dtype=np.float64).tolist())


def _one_if_still(values: tuple) -> tuple:
    return values[:1] if len(set(values)) == 1 else values


def control_curves(obj: bpy.types.Object) -> dict[str, bpy.types.FCurve] | None:
    """Control -> F-curve; None when drivers, the NLA or a blended action move the controls too."""
    curves = curves_alone(obj, lambda path: path.startswith(CONTROLS_PATH))
    return None if curves is None else {path.removeprefix(CONTROLS_PATH): curve for path, curve in curves.items()}


def curves_alone(obj: bpy.types.Object, is_meant: Callable[[str], bool]) -> dict[str, bpy.types.FCurve] | None:
    """Path -> F-curve of the properties meant; None when drivers, the NLA or a blended action move them too."""
    animation = obj.animation_data
    if animation is None:
        return {}
    driven = any(is_meant(driver.data_path) for driver in animation.drivers)
    if driven or any(track.strips for track in animation.nla_tracks) or animation.action_influence != 1.0:
        return None
    return {curve.data_path: curve for curve in curves_of(animation) if is_meant(curve.data_path) and not curve.mute}


def _evaluated_controls(obj: bpy.types.Object, graph: bpy.types.Depsgraph) -> Controls:
    return settings_of(obj.evaluated_get(graph)).controls.values()


def _clamp(name: str, value: float) -> float:
    """A curve's value within its slider's range, as Blender itself would set it."""
    return min(max(value, CONTROLS[name].low), CONTROLS[name].high)


def _at_each_frame(
    scene: bpy.types.Scene, frames: Iterable[Fraction | int], read: Callable[[bpy.types.Depsgraph], T]
) -> Iterator[T]:
    """`read` the evaluated scene at each frame, the progress at the pointer meanwhile; the user's own frame comes back,
    whatever happens."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    numbers, manager = list(frames), current_context().window_manager
    manager.progress_begin(0, len(numbers))
    with playback.suspended():
        try:
            for i, number in enumerate(numbers):
                scene.frame_set(int(number // 1), subframe=float(number % 1))
                yield read(current_context().evaluated_depsgraph_get())
                manager.progress_update(i + 1)
        finally:
            manager.progress_end()
            scene.frame_set(frame, subframe=subframe)
