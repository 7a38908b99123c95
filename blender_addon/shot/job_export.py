# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene's shot as a job file for each head, which machines without Blender bake and render (core.jobs.job_file)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bpy

from ...core.formats import BakeCard, UserError, parse_ratio
from ...core.jobs import Bake, fill_tokens, with_suffix, write_job_file
from .. import head_paths
from ..head_objects import settings_of
from ..scene.stereo import ONE_VIEW, RenderView
from ..speech.attached_sounds import unattached_reason
from ..speech.sound_content import playable_file
from .frame_choice import chosen_frames, shot_of_scene
from .jobs import render_of_frames, shot_to_bake, views_to_render
from .output_paths import token_values
from .picture_heads import unready_reason


def unexportable_reason(scene: bpy.types.Scene, obj: bpy.types.Object) -> str:
    """Why the head's shot cannot leave as a job, in one sentence; "" where it can."""
    if reason := head_paths.missing_head_reason(obj):
        return reason
    if reason := unattached_reason(obj, settings_of(obj).strip_scene or scene):
        return reason.rstrip(".")
    if settings_of(obj).view == "SCENE" and scene.camera is None:
        return "Add a camera, or render the head's own view"
    return unready_reason(scene, obj)


def export_job_file(
    scene: bpy.types.Scene, obj: bpy.types.Object, folder: Path, view: RenderView = ONE_VIEW
) -> tuple[Path, Bake]:
    """Write FOLDER/SHOT_HEAD_v001.job.json, or the next version where the shot has changed; the bake as this machine
    names its sounds, to be made at its `out`. view: of a stereo pair, SHOT_HEAD_L_v001. Raises UserError."""
    if reason := unexportable_reason(scene, obj):
        raise UserError(f"{obj.name}: {reason}.")
    bake, frames = shot_to_bake(scene, obj, shot_of_scene(scene)), chosen_frames(scene, "SCENE")
    tokens = token_values(obj)
    render = render_of_frames(scene, obj, _card_of(bake, obj), frames, shot_of_scene(scene), view)
    name = fill_tokens(settings_of(obj).render_name, tokens)
    render = replace(render, name=with_suffix(name, view.suffix) if name else "")
    if bake.sounds:
        audio, *more = map(playable_file, bake.sounds)
        bake = replace(bake, audio=audio, more_audio=tuple(more))
    path = write_job_file(folder, f"{tokens['shot']}_{tokens['head']}{view.suffix}_v###", bake, render)
    name = path.name.removesuffix(".job.json")
    return path, replace(bake, out=str(path.parent / name / f"{name}.bake"))


def export_job_files(
    scene: bpy.types.Scene, heads: Sequence[bpy.types.Object], folder: Path
) -> list[tuple[bpy.types.Object, Path, Bake]]:
    """(head, a job file of it, its bake) of each, and of each eye of a stereo pair. Raises UserError."""
    return [(obj, *export_job_file(scene, obj, folder, view)) for obj in heads for view in views_to_render(scene, obj)]


def _card_of(bake: Bake, obj: bpy.types.Object) -> BakeCard:
    """What the bake that is not made yet will say, as far as a render asks."""
    rate = parse_ratio(bake.fps)
    if rate is None:
        raise UserError(f"{bake.fps} is no frame rate; set the scene's.")
    return BakeCard(
        obj.name,
        rate,
        bake.frame_start,
        bake.frame_count,
        0,
        settings_of(obj).head_hash,
        "attached" if bake.sounds else "",
        offset=bake.offset,
        more_audio=bake.more_audio,
    )
