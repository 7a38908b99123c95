# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a head's speech in a scene, kept between redraws, and the timer that finds out the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import bpy

from ...core.formats import TimedLabel, UserError
from .. import head_paths, open_files, playback
from ..blender_types import current_context
from ..head_objects import settings_of
from . import changes
from .heard import HeardStrip, heard_strips_of
from .lips import LipsTrack, fill, is_driven, new_track
from .words import spoken_labels, timings_of

BUDGET = 0.006  # seconds of work between two redraws
PAUSE = 0.02  # seconds between two pieces of work
PAUSE_IN_PLAYBACK = 0.3
MOST_KNOWN = 16  # heads
EDITORS = ("GRAPH_EDITOR", "DOPESHEET_EDITOR", "SEQUENCE_EDITOR")


@dataclass
class SpeechData:
    """What is known of one head in one scene."""

    track: LipsTrack
    key: tuple = ()
    strips: tuple[HeardStrip, ...] = ()
    words: list[TimedLabel] = field(default_factory=list)  # by rising start, at seconds of the scene
    phones: list[TimedLabel] = field(default_factory=list)
    problem: str = ""


_known: dict[tuple[int, int], SpeechData] = {}  # session numbers of the scene and the head
_wanted: dict[tuple[int, int], range] = {}  # the frames in view of which some are missing


def data_of(scene: bpy.types.Scene, obj: bpy.types.Object) -> SpeechData:
    """What is known of the head. Costs nothing while nothing changes."""
    number = (scene.session_uid, obj.session_uid)
    data = _known.get(number)
    track = new_track(scene, data.track if data else None)
    if data is None or data.track is not track:
        if len(_known) >= MOST_KNOWN:
            _known.clear()  # heads of files that were closed
        data = _known[number] = SpeechData(track)
    key = (changes.state(), *_stamps(obj))
    if data.key != key:
        changes.note()  # a file that was made again is no change of Blender's
        data.key = (changes.state(), *_stamps(obj))
        _look_again(data, scene, obj)
    return data


def _stamps(obj: bpy.types.Object) -> tuple:
    """What of the head's files was read last."""
    settings = settings_of(obj)
    files = (
        open_files.bake.stamp(head_paths.path_of(obj, "bake")) if settings.bake and settings.use_bake else None,
        open_files.performance.stamp(head_paths.path_of(obj, "performance")) if settings.performance else None,
        open_files.head.stamp(head_paths.path_of(obj, "head")),
    )
    return (*files, settings.follow, settings.curve_weight, settings.use_bake, settings.words)


def _look_again(data: SpeechData, scene: bpy.types.Scene, obj: bpy.types.Object) -> None:
    data.words, data.phones, data.problem = [], [], ""
    try:
        data.strips = heard_strips_of(obj, scene)
        for strip in data.strips:
            if timings := timings_of(obj, strip.sound):
                data.words += spoken_labels(strip, timings.words)
                data.phones += spoken_labels(strip, timings.phones)
    except UserError as error:
        data.problem = str(error)
    data.words.sort()
    data.phones.sort()


def want(data: SpeechData, scene: bpy.types.Scene, obj: bpy.types.Object, view: range) -> None:
    """Find out what is missing of the frames in view, between redraws; of a head that only playing tells, the frame
    that is shown."""
    if is_driven(obj):
        shown = playback.shown_of(obj)
        if shown is not None and scene.frame_subframe == 0:
            data.track.put(scene.frame_current, shown.moment, changes.state())
        return
    if next(data.track.missing(view, changes.state()), None) is not None:
        _wanted[scene.session_uid, obj.session_uid] = view
        if not bpy.app.timers.is_registered(work):
            bpy.app.timers.register(work, first_interval=PAUSE)


def work() -> float | None:
    """Find out a little more; seconds until the next time, None when all is known."""
    if any(window.screen.is_animation_playing for window in current_context().window_manager.windows):
        return PAUSE_IN_PLAYBACK  # playing comes first
    for number, view in list(_wanted.items()):
        found, data = _found(*number), _known.get(number)
        if found is None or data is None or fill(data.track, found[1], found[0], view, changes.state(), BUDGET):
            del _wanted[number]
    redraw()
    return PAUSE if _wanted else None


def _found(scene_number: int, head_number: int) -> tuple[bpy.types.Scene, bpy.types.Object] | None:
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == scene_number), None)
    obj = next((obj for obj in bpy.data.objects if obj.session_uid == head_number), None)
    return (scene, obj) if scene and obj else None


def redraw() -> None:
    """Draw the editors with a time axis again."""
    for area in _areas():
        area.tag_redraw()


def _areas() -> Iterator[bpy.types.Area]:
    for window in current_context().window_manager.windows:
        yield from (area for area in window.screen.areas if area.type in EDITORS)


def clear() -> None:
    """Forget all, and stop working."""
    _known.clear()
    _wanted.clear()
    if bpy.app.timers.is_registered(work):
        bpy.app.timers.unregister(work)


def open_head(obj: bpy.types.Object) -> open_files.OpenHead | None:
    """The head's file as it was read; None before that."""
    return open_files.head.cached(head_paths.path_of(obj, "head"))
