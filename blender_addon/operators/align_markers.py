# SPDX-License-Identifier: GPL-3.0-or-later
"""Words from Markers: the timeline's markers say roughly when each line is spoken. A marker's name is what is said from
there to the next marker; one without a name of its own ends a line."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import bpy

from ...core.formats import TimedLabel, UserError, atomic_write
from .. import head_paths, preferences
from ..blender_types import Context
from ..head_objects import head_of
from ..scene import strip as strips
from ..scene.sound_mix import SoundMix
from ..speech.attached_sounds import attached_sounds
from ..speech.spoken_moments import mix_of
from .align_words import aligning_reason, start_alignment
from .operator_base import JobOperator

OWN_NAME = re.compile(r"(F_\d+|Marker(\.\d+)?|\d+)?", re.IGNORECASE)  # what Blender calls a marker: of no line
NAME = "markers.srt"


def spoken_markers(scene: bpy.types.Scene) -> list[tuple[int, int, str]]:
    """(first frame, frame behind the last, what is said) of each marker with a line; those that switch a camera, and
    two at one frame but the last, are left out."""
    places = {m.frame: m.name.strip() for m in scene.timeline_markers if m.camera is None}
    rows = [*sorted(places.items()), (max([scene.frame_end, *places]) + 1, "")]
    return [(a, b, name) for (a, name), (b, _) in pairwise(rows) if not OWN_NAME.fullmatch(name)]


def marker_cues(scene: bpy.types.Scene, mix: SoundMix, sound: str) -> Iterator[TimedLabel]:
    """The lines in seconds of a sound, as the sequencer plays it; one under which it is not played is left out."""
    for first, stop, line in spoken_markers(scene):
        times = [strips.scene_time(scene, frame) for frame in range(first, stop + 1)]
        heard = [moment for span in pairwise(times) if (moment := mix.heard(*span)) and moment.sound == sound]
        if heard:
            yield TimedLabel(float(min(m.start for m in heard)), float(max(m.end for m in heard)), line)


def write_srt(path: Path, cues: list[TimedLabel]) -> None:
    """The cues as subtitles."""
    blocks = [f"{i}\n{_clock(a)} --> {_clock(b)}\n{line}\n" for i, (a, b, line) in enumerate(cues, 1)]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(blocks), encoding="utf-8")


def _clock(seconds: float) -> str:
    whole = round(max(seconds, 0.0) * 1000)
    return f"{whole // 3600000:02d}:{whole // 60000 % 60:02d}:{whole // 1000 % 60:02d},{whole % 1000:03d}"


class TALKSPLAT_OT_align_markers(JobOperator, bpy.types.Operator):
    """Find out when each word is spoken, in English. The name of each timeline marker is the line that is said from it
    to the next marker"""

    bl_idname = "talksplat.align_markers"
    bl_label = "Words from Markers"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a marker with a line, a head with a sound, and a worker."""
        return aligning_reason(context) or (
            "" if spoken_markers(context.scene) else "Name a timeline marker with the words that are spoken from it on"
        )

    def run(self, context: Context) -> None:
        """Give the worker the lines as subtitles; the words are kept beside the .blend once it was saved."""
        obj = head_of(context)
        if obj is None:
            return
        mix, sound = mix_of(obj, context.scene), next(iter(attached_sounds(obj)))
        cues = sorted(marker_cues(context.scene, mix, sound)) if mix else []
        if not cues:
            raise UserError(
                f"{Path(sound).name} is not played at any marker with a line; move the markers to its strip."
            )
        script = preferences.own_folder("words") / NAME
        write_srt(script, cues)
        start_alignment(obj, str(script), Path(head_paths.open_folder() or script.parent, NAME))


CLASSES = (TALKSPLAT_OT_align_markers,)
