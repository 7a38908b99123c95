# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene's shot as jobs: what to bake, to render and to export."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import bpy

from ..core.formats import UserError
from ..core.jobs import Bake, Export, Render
from ..core.performance import Controls
from . import head_paths, open_files, playback
from .bake_plan import BakePlan, plan_bake
from .frame_choice import chosen_frames, chosen_of_bake, list_of, shot_of_scene
from .output_paths import output_path
from .properties import DEFAULT_AXES, settings_of
from .scene import strip as strips
from .scene.sound_mix import SoundMix
from .shot_sampling import sample_controls, sample_views


def bake_job(scene: bpy.types.Scene, obj: bpy.types.Object) -> Bake:
    """Everything that the worker needs to bake the chosen frames of the scene's shot, the file to write included.
    Raises UserError."""
    return bake_plan_of(scene, obj).job


def bake_plan_of(scene: bpy.types.Scene, obj: bpy.types.Object) -> BakePlan:
    """What Bake does with the chosen frames of the scene's shot. Raises UserError."""
    plan = plan_bake(shot_to_bake(scene, obj, shot_of_scene(scene)), obj)
    frames = list_of(chosen_frames(scene, settings_of(obj).bake_frames), shot_of_scene(scene))
    return replace(plan, job=replace(plan.job, frames=frames))


def shot_to_bake(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    frames: range,
    sample: Callable[[bpy.types.Scene, bpy.types.Object, range], Sequence[Controls]] = sample_controls,
) -> Bake:
    """The bake job of these frames of the scene without its file, which needs a look at the disk. Raises UserError."""
    mix = _mix_to_bake(scene, obj)
    rate = strips.frame_rate(scene)
    played = [moment for frame in frames if (moment := mix.at(strips.scene_time(scene, frame)))]
    controls = [playback.gate(*pair) for pair in zip(sample(scene, obj, frames), played)]
    return Bake(
        head=head_paths.path_of(obj, "head"),
        audio=mix.path,
        out="",
        fps=f"{rate.numerator}/{rate.denominator}",
        frame_start=frames.start,
        frame_count=len(frames),
        offset=float(-played[0].seconds),
        controls=controls[0],
        controls_per_frame=() if len(set(controls)) == 1 else tuple(controls),
    )


def _mix_to_bake(scene: bpy.types.Scene, obj: bpy.types.Object) -> SoundMix:
    """What the head speaks; a bake also takes the sound of a strip that is not attached yet. Raises UserError."""
    settings = settings_of(obj)
    sequencer = settings.strip_scene or scene
    strip = playback.strip_of(obj, sequencer)
    if strip is None:
        raise UserError(f"{obj.name} has no sound strip; choose one and press Attach.")
    lag = settings.sound_lag if playback.is_attached(obj, strip) else 0.0
    mix = SoundMix(sequencer, open_files.absolute(strips.sound_path(strip)), settings.strip, lag)
    if not mix.pieces:
        raise UserError(f"The strip {strip.name} is muted and retimed; unmute it, or reset its retiming.")
    return mix


def render_job(scene: bpy.types.Scene, obj: bpy.types.Object) -> Render:
    """Everything that the worker needs to render a head's bake. Raises UserError."""
    settings = settings_of(obj)
    path = head_paths.path_of(obj, "bake")
    card = open_files.bake(path).card
    frames = chosen_of_bake(scene, settings.render_frames, card)
    cameras, head_to_world = (), ()
    if settings.view == "SCENE":
        scale = strips.frame_rate(scene) / card.fps
        cameras, head_to_world = sample_views(scene, obj, [number * scale for number in frames])
    return Render(
        bake=path,
        out=output_path(settings.render_out, obj),
        size=settings.size,
        cameras=cameras,
        head_to_world=head_to_world,
        png=settings.png,
        exr=settings.exr,
        passes=settings.passes.names(),
        exr_layout=settings.exr_layout,
        space=settings.space,
        movie=settings.movie,
        frames=list_of(frames, card.span),
    )


def export_job(scene: bpy.types.Scene, obj: bpy.types.Object) -> Export:
    """A head's bake as a file sequence for other programs. Raises UserError."""
    settings = settings_of(obj)
    path = head_paths.path_of(obj, "bake")
    card = open_files.bake(path).card
    return Export(
        bake=path,
        out=output_path(settings.export_out, obj),
        format=settings.export_format,
        axes="" if settings.export_axes == DEFAULT_AXES else settings.export_axes,
        name=bpy.path.clean_name(obj.name),
        frames=list_of(chosen_of_bake(scene, settings.export_frames, card), card.span),
    )
