# SPDX-License-Identifier: GPL-3.0-or-later
"""All sound-strip timing: from a frame of the scene to a second of the sound file.

Blender renamed the strip's times in 5.1 (the old names warn and go in 6.0); only this file knows.
Frame f lies at f / rate seconds; second 0 of the file lies where the strip's content starts.
Exact: frames, rates and seconds are `Fraction`s.
"""

from dataclasses import dataclass
from fractions import Fraction

import bpy

from ...core.formats import UserError

SOFT_EDGE = Fraction(1, 10)  # seconds over which speech fades outside a trimmed edge


@dataclass(frozen=True)
class Placement:
    """Where a sound lies in time. It knows nothing of bpy."""

    start: Fraction  # seconds of scene time at which second 0 of the file lies
    left: Fraction  # seconds of scene time at which it can first be heard
    right: Fraction  # and no longer be heard

    def seconds(self, time: Fraction) -> Fraction:
        """Scene time in seconds -> seconds in the sound file (below 0 before it starts)."""
        return time - self.start

    def audible(self, time: Fraction) -> float:
        """1 where the strip is heard, 0 away from it, a short ramp between: a trimmed word is not mouthed."""
        outside = max(self.left - time, time - self.right, Fraction(0))
        return float(max(Fraction(0), 1 - outside / SOFT_EDGE))


def frame_rate(scene: bpy.types.Scene) -> Fraction:
    """The scene's frames a second. `fps_base` is a float32, whose seven true digits name the fraction
    that was meant: 24 / 1.001 is 24000/1001."""
    return Fraction(scene.render.fps) / Fraction(f"{scene.render.fps_base:.7g}")


def scene_time(scene: bpy.types.Scene, frame: Fraction | int) -> Fraction:
    """Seconds of scene time at a frame, sub-frames included."""
    return Fraction(frame) / frame_rate(scene)


def current_frame(scene: bpy.types.Scene) -> Fraction:
    """The scene's frame with its sub-frame."""
    return scene.frame_current + Fraction(scene.frame_subframe)


def all_strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """Every strip, those in meta strips too. (An empty collection is falsy, so ask by name.)"""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def sound_strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    return [strip for strip in all_strips(scene) if strip.type == "SOUND" and strip.sound is not None]


def find_strip(scene: bpy.types.Scene | None, name: str) -> bpy.types.Strip | None:
    """The sound strip of that name, or None."""
    found = [strip for strip in sound_strips(scene) if strip.name == name] if scene and name else []
    return found[0] if found else None


def sound_path(strip: bpy.types.Strip) -> str:
    """The absolute path of the strip's sound file. Raises UserError for a packed sound."""
    sound = strip.sound
    if sound.packed_file is not None and not sound.filepath:
        raise UserError(f"The sound of {strip.name} is packed into the .blend; unpack it (File > External Data).")
    return bpy.path.abspath(sound.filepath, library=sound.library)


def placement(scene: bpy.types.Scene, strip: bpy.types.Strip) -> Placement:
    """Where `strip` of `scene`'s sequencer lies. Raises UserError when it is retimed: Blender does not
    tell Python which moment of the sound a retiming key holds."""
    if len(strip.retiming_keys) > 0:
        raise UserError(
            f"The strip {strip.name} is retimed, which the head cannot follow; "
            "reset its retiming, or mix the sound down to a new file."
        )
    start, left, right = _times(strip)
    seconds = scene_time(scene, start) + Fraction(strip.sound_offset)
    return Placement(seconds, scene_time(scene, left), scene_time(scene, right))


def _times(strip: bpy.types.Strip) -> tuple[Fraction, int, int]:
    """(content start, first audible frame, first frame after it)."""
    if "left_handle" in strip.bl_rna.properties:
        return Fraction(strip.content_start), strip.left_handle, strip.right_handle
    return Fraction(strip.frame_start), strip.frame_final_start, strip.frame_final_end
