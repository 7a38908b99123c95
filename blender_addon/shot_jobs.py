# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene's shot as jobs: what to bake and to render, with everything keyframed sampled at each frame.

Sampling never leaves the user's frame changed and never moves the clouds on its way.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import bpy

from ..core.formats import Camera, UserError, to_json
from ..core.jobs import Bake, Render
from ..core.performance import Controls, controls_card
from . import open_files, playback
from .properties import SLIDERS
from .scene import strip as strips
from .scene.space import core_camera

T = TypeVar("T")
SLIDER_PATH = "talksplat.controls."
MOST_ASKED = 500  # keyed frames that a panel may sample while it is drawn


def frames_of(scene: bpy.types.Scene) -> range:
    """The shot: the scene's frame range, both ends in it."""
    return range(scene.frame_start, scene.frame_end + 1)


def out_path(template: str, body: bpy.types.Object, take: str = "") -> str:
    """A property's output path as an absolute one, `{head}` replaced by the object's name and `{take}` by `take`.

    Raises UserError.
    """
    if not template:
        raise UserError("No output path is set; choose one in the panel.")
    if template.startswith("//") and not bpy.data.filepath:
        raise UserError(f"{template} lies beside the .blend, which was never saved; save it, or choose another folder.")
    return open_files.absolute(template.replace("{head}", bpy.path.clean_name(body.name)).replace("{take}", take))


def take_of(job: Bake, head_hash: str) -> str:
    """Eight letters that differ when a bake would: the same job goes on with its file, another has its own."""
    told = replace(job, head=head_hash, audio=open_files.digest(job.audio), out="")
    return hashlib.sha256(to_json(told).encode()).hexdigest()[:8]


def bake_job(scene: bpy.types.Scene, body: bpy.types.Object) -> Bake:
    """Everything the worker needs to bake the scene's frames of `body`. Raises UserError."""
    settings = body.talksplat
    sequencer = settings.strip_scene or scene
    strip = strips.find_strip(sequencer, settings.strip)
    if strip is None:
        raise UserError(f"{body.name} listens to no strip; choose one and press Attach.")
    placed = strips.placement(sequencer, strip)
    frames = frames_of(scene)
    rate = strips.frame_rate(scene)
    times = [strips.scene_time(scene, frame) for frame in frames]
    heard = [0.0 if strip.mute else placed.audible(time) for time in times]
    sliders = [playback.gated(*pair) for pair in zip(sampled_controls(scene, body, frames), heard)]
    steady = len(set(sliders)) == 1
    job = Bake(
        head=open_files.absolute(settings.head),
        audio=open_files.absolute(strips.sound_path(strip)),
        out="",
        fps=f"{rate.numerator}/{rate.denominator}",
        frame_start=frames.start,
        frame_count=len(frames),
        offset=float(placed.start - times[0]),
        controls=sliders[0],
        controls_per_frame=() if steady else tuple(sliders),
    )
    return replace(job, out=out_path(settings.bake_out, body, take_of(job, settings.head_hash)))


def changed_since_bake(scene: bpy.types.Scene, body: bpy.types.Object) -> list[str]:
    """What is not any more as it was when the head's bake was made; [] also where that would take too long to
    ask in a panel (drivers, the NLA, a long keyed shot).
    """
    bake = open_files.bake.known(open_files.absolute(body.talksplat.bake))
    curves = _slider_curves(body)
    if bake is None or curves is None or (curves and len(frames_of(scene)) > MOST_ASKED):
        return []
    try:
        job = bake_job(scene, body)
    except UserError:
        return []
    card = bake.card
    same = {
        "the frame rate": Fraction(job.fps) == card.fps,
        "the frame range": (job.frame_start, job.frame_count) == (card.frame_start, card.frame_count),
        "the strip's place": abs(job.offset - card.offset) < 1e-6 or job.frame_start != card.frame_start,
        "the sliders": controls_card(job.controls_per_frame or (job.controls,)) == card.controls,
    }
    return [name for name, is_same in same.items() if not is_same]


def render_job(scene: bpy.types.Scene, body: bpy.types.Object) -> Render:
    """Everything the worker needs to render the plates of `body`'s bake. Raises UserError."""
    settings = body.talksplat
    path = open_files.absolute(settings.bake)
    bake = open_files.bake(path)
    cameras = ()
    if settings.view == "SCENE":
        scale = strips.frame_rate(scene) / bake.card.fps
        cameras = sampled_cameras(scene, body, [number * scale for number in bake.card.span])
        cameras = cameras[:1] if len(set(cameras)) == 1 else cameras
    return Render(
        bake=path,
        out=out_path(settings.plates_out, body),
        size=settings.size,
        cameras=cameras,
        png=settings.png,
        exr=settings.exr,
        movie=settings.movie,
        exr_layout=settings.exr_layout,
        space=settings.space,
    )


def sampled_controls(scene: bpy.types.Scene, body: bpy.types.Object, frames: Iterable[int]) -> list[Controls]:
    """The sliders at each frame: from their F-curves alone where nothing else moves them, else by walking."""
    now = body.talksplat.controls.values()
    curves = _slider_curves(body)
    if curves is None:
        return list(_walk(scene, frames, lambda depsgraph: body.evaluated_get(depsgraph).talksplat.controls.values()))
    return [
        Controls(**{**vars(now), **{name: _held(name, curve.evaluate(frame)) for name, curve in curves.items()}})
        for frame in frames
    ]


def sampled_cameras(scene: bpy.types.Scene, body: bpy.types.Object, frames: Iterable[Fraction]) -> tuple[Camera, ...]:
    """What the scene's camera sees of the head at each frame; markers may switch cameras. Raises UserError."""

    def seen(depsgraph: bpy.types.Depsgraph) -> Camera:
        if scene.camera is None:
            raise UserError("The scene has no camera; add one, or render the head's own view.")
        return core_camera(scene.camera.evaluated_get(depsgraph), body.evaluated_get(depsgraph), scene.render)

    return tuple(_walk(scene, frames, seen))


def _held(name: str, value: float) -> float:
    """A curve's value within its slider's ends, as Blender itself would set it."""
    _, least, most, *_ = SLIDERS[name]
    return min(max(value, least), most)


def _slider_curves(body: bpy.types.Object) -> dict[str, bpy.types.FCurve] | None:
    """Slider -> F-curve; None when drivers, the NLA or a blended action have a say."""
    animation = body.animation_data
    if animation is None:
        return {}
    driven = any(driver.data_path.startswith(SLIDER_PATH) for driver in animation.drivers)
    if driven or any(track.strips for track in animation.nla_tracks) or animation.action_influence != 1.0:
        return None
    found = {}
    for layer in animation.action.layers if animation.action and animation.action_slot else ():
        for strip in layer.strips:
            bag = strip.channelbag(animation.action_slot)
            for curve in bag.fcurves if bag else ():
                if curve.data_path.startswith(SLIDER_PATH) and not curve.mute:
                    found[curve.data_path.removeprefix(SLIDER_PATH)] = curve
    return found


def _walk(
    scene: bpy.types.Scene, frames: Iterable[Fraction | int], look: Callable[[bpy.types.Depsgraph], T]
) -> Iterator[T]:
    """`look` at the evaluated scene at each frame; the user's own frame comes back, whatever happens."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    with playback.suspended():
        try:
            for at in frames:
                scene.frame_set(int(at // 1), subframe=float(at % 1))
                yield look(bpy.context.evaluated_depsgraph_get())
        finally:
            scene.frame_set(frame, subframe=subframe)
