# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene's shot as jobs: what to bake, to render and to export."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import bpy

from ...core.exporting import EXPORTERS
from ...core.formats import BakeCard, SoundChoice, UserError, format_frames
from ...core.jobs import Bake, Export, Render, fill_tokens, with_suffix
from ...core.performance import Controls, PoseChange
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..keyframes.pose_change import pose_change
from ..properties import DEFAULT_AXES
from ..scene import strip as strips
from ..scene.pixel_filter import pixel_filter_of
from ..scene.shutter import shutter_of
from ..scene.stereo import ONE_VIEW, RenderView, render_views
from ..speech.attached_sounds import sound_choice, unattached_reason
from ..speech.movie_sound import movie_sound
from ..speech.sound_content import playable_file
from ..speech.spoken_moments import gate, mix_of_shot
from ..speech.words_file import sharpening_words
from .bake_plan import BakePlan, plan_bake
from .frame_choice import chosen_frames, chosen_of_bake, list_of, shot_of_scene
from .output_paths import file_name_of, output_path, token_values
from .picture_heads import further_heads
from .sampling import sample_controls, sample_stage
from .scene_views import scene_views

UNMOVED = Controls(blinks=0.0)  # of a head that follows its curves alone: no slider moves it


def bake_job(scene: bpy.types.Scene, obj: bpy.types.Object) -> Bake:
    """Everything that the worker needs to bake the chosen frames of the scene's shot, the file to write included.
    Raises UserError, also for a sound that is not attached or has changed since."""
    return bake_plan_of(scene, obj).job


def bake_plan_of(scene: bpy.types.Scene, obj: bpy.types.Object) -> BakePlan:
    """What Bake does with the chosen frames of the scene's shot. Raises UserError as `bake_job` does."""
    if reason := unattached_reason(obj, settings_of(obj).strip_scene or scene):
        raise UserError(reason)
    plan = plan_bake(shot_to_bake(scene, obj, shot_of_scene(scene)), obj)
    frames = list_of(chosen_frames(scene, settings_of(obj).bake_frames), shot_of_scene(scene))
    job = replace(plan.job, frames=frames)
    if job.sounds:
        audio, *more = map(playable_file, job.sounds)
        words, *others = (sharpening_words(obj, source)[0] for source in job.sounds)
        more_words = tuple(others) if any(others) else ()
        job = replace(job, audio=audio, more_audio=tuple(more), words=words, more_words=more_words)
    return replace(plan, job=job)


def shot_to_bake(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    frames: range,
    sample: Callable[[bpy.types.Scene, bpy.types.Object, range], Sequence[Controls]] = sample_controls,
    with_curves: bool = True,
) -> Bake:
    """The bake job of these frames of the scene without its file, which needs a look at the disk. Its sounds are named
    as `sound_source` names them; a shot without one counts its time from the scene's frame 0. with_curves: with what
    the curves of its pose and its other takes do. Raises UserError."""
    mix, rate = mix_of_shot(obj, scene), strips.frame_rate(scene)
    times = [strips.scene_time(scene, frame) for frame in frames]
    played = [moment for time in times if (moment := mix.at(time))] if mix else []
    has_sliders = mix is not None or settings_of(obj).follow != "CURVES"
    sliders = sample(scene, obj, frames) if has_sliders else [UNMOVED] * len(frames)
    controls = [gate(*pair) for pair in zip(sliders, played)] if mix else sliders
    choice = sound_choice(settings_of(obj)) if mix else SoundChoice()
    job = Bake(
        head=head_paths.path_of(obj, "head"),
        audio="",
        out="",
        fps=f"{rate.numerator}/{rate.denominator}",
        frame_start=frames.start,
        frame_count=len(frames),
        offset=float(-(played[0].seconds if mix else times[0])),
        controls=controls[0],
        controls_per_frame=() if len(set(controls)) == 1 else tuple(controls),
        track=choice.track,
        channel=choice.channel,
        pose_change=pose_change(scene, obj, frames, mix, sliders) if with_curves else PoseChange(),
    )
    return with_sounds(job, [moment.sound for moment in played]) if mix else job


def heard_sounds(job: Bake) -> list[str]:
    """The sound of each frame."""
    sounds = (job.audio, *job.more_audio)
    return [sounds[i] for i in job.audio_per_frame] if job.more_audio else [job.audio] * job.frame_count


def with_sounds(job: Bake, heard: Sequence[str]) -> Bake:
    """The job with the sound of each frame."""
    sounds = list(dict.fromkeys(heard))
    per_frame = tuple(map(sounds.index, heard)) if len(sounds) > 1 else ()
    return replace(job, audio=sounds[0], more_audio=tuple(sounds[1:]), audio_per_frame=per_frame)


def views_to_render(scene: bpy.types.Scene, obj: bpy.types.Object) -> list[RenderView]:
    """What a render of the head has of each frame: a picture, or one for each eye. Raises UserError."""
    return render_views(scene.render) if settings_of(obj).view == "SCENE" else [ONE_VIEW]


def render_job(scene: bpy.types.Scene, obj: bpy.types.Object, view: RenderView = ONE_VIEW) -> Render:
    """Everything that the worker needs to render a head's bake. Raises UserError."""
    settings = settings_of(obj)
    path = head_paths.path_of(obj, "bake")
    card = open_files.bake(path).card
    frames = chosen_of_bake(scene, settings.render_frames, card)
    job = render_of_frames(scene, obj, card, frames, frames, view)
    return replace(job, bake=path, out=output_path(settings.render_out, obj), name=render_name(obj, path, view))


def render_name(obj: bpy.types.Object, bake: str, view: RenderView) -> str:
    """How the pictures are called; "" as the bake. Raises UserError."""
    name = fill_tokens(settings_of(obj).render_name, token_values(obj))
    return with_suffix(name or Path(bake).stem, view.suffix) if view.suffix else name


def render_of_frames(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    card: BakeCard,
    frames: Sequence[int],
    seen: Sequence[int],
    view: RenderView = ONE_VIEW,
) -> Render:
    """The render of these frames of a bake that says `card`, its files unnamed. seen: the frames whose camera it has,
    those of `frames` or all. Raises UserError."""
    settings = settings_of(obj)
    others, passes, views = further_heads(scene, obj), settings.passes.names(), {}
    blur = shutter_of(scene) if settings.motion_blur else {}
    shows_motion, sampled = settings.exr and "vector" in passes, {"supersampling": settings.supersampling} | blur
    if settings.view == "SCENE":
        sampled |= pixel_filter_of(scene)
        scale = strips.frame_rate(scene) / card.fps
        views = scene_views(scene, [obj, *others], seen, scale, view.eye, shows_motion or bool(blur), blur)
    region = views.get("region", ())
    sounds, sound_per_frame = (
        movie_sound(scene, obj, card) if (settings.movie and len(frames) > 1) or settings.wav else ((), ())
    )
    return Render(
        bake="",
        out="",
        size=settings.size,
        data_window=bool(region) and settings.exr_layout == "nuke",
        overscan=settings.overscan if settings.exr and not region else 0.0,
        png=settings.png,
        exr=settings.exr,
        passes=passes,
        exr_layout=settings.exr_layout,
        space=settings.space,
        exr_compression=settings.exr_compression,
        full_float=settings.full_float,
        movie=settings.movie,
        movie_format=settings.movie_format,
        wav=settings.wav,
        sounds=sounds,
        sound_per_frame=sound_per_frame,
        frames=list_of(frames, card.span),
        publish=settings.publish,
        nuke_script=settings.nuke_script and settings.exr and settings.exr_layout == "nuke",
        holdout=open_files.absolute(settings.holdout) if settings.holdout and settings.view == "SCENE" else "",
        more_bakes=tuple(head_paths.path_of(other, "bake") for other in others),
        head_names=tuple(head.name for head in (obj, *others)),
        **sampled,
        **views,
    )


def export_job(scene: bpy.types.Scene, obj: bpy.types.Object, others: Sequence[bpy.types.Object] = ()) -> Export:
    """A head's shot for other programs, with the shots of the others where the format holds several. Raises
    UserError."""
    settings = settings_of(obj)
    path = head_paths.path_of(obj, "bake")
    card = open_files.bake(path).card
    frames = chosen_of_bake(scene, settings.export_frames, card)
    return Export(
        bake=path,
        out=output_path(settings.export_out, obj),
        format=settings.export_format,
        axes="" if settings.export_axes == DEFAULT_AXES else settings.export_axes,
        name=file_name_of(obj),
        frames=format_frames(frames) if others else list_of(frames, card.span),
        **(_stage(scene, [obj, *others], frames) if EXPORTERS[settings.export_format].plan_shot else {}),
    )


def _stage(scene: bpy.types.Scene, heads: Sequence[bpy.types.Object], frames: Sequence[int]) -> dict:
    """The fields of an export that places the heads in the scene."""
    settings = settings_of(heads[0])
    paths = [head_paths.path_of(head, "bake") for head in heads]
    scale = strips.frame_rate(scene) / open_files.bake(paths[0]).card.fps
    cameras, head_to_world = sample_stage(scene, heads, [number * scale for number in frames])
    sounds, rows = _sounds(scene, heads, paths)
    return {
        "sounds": sounds,
        "sound_per_frame": rows,
        "more_bakes": tuple(paths[1:]),
        "half": settings.export_half,
        "clip": settings.export_clip,
        "head_names": tuple(map(file_name_of, heads)),
        "cameras": cameras,
        "head_to_world": head_to_world,
    }


def _sounds(
    scene: bpy.types.Scene, heads: Sequence[bpy.types.Object], bakes: Sequence[str]
) -> tuple[tuple[str, ...], tuple]:
    """(files, for each head what is heard at each frame of its bake) where a sequencer was edited."""
    files: list[str] = []
    rows = []
    for head, bake in zip(heads, bakes):
        names, heard = movie_sound(scene, head, open_files.bake(bake).card)
        rows.append(tuple(row and (row[0] + len(files), *row[1:]) for row in heard))
        files += names
    return tuple(files), tuple(rows) if any(rows) else ()
