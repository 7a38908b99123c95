# SPDX-License-Identifier: GPL-3.0-or-later
"""All sound-strip timing: from a frame of the scene to a second of the sound file.

Frame f is at f / rate seconds; second 0 of the file is where the strip's content starts.
Exact: frames, rates and seconds are `Fraction`s.
"""

from dataclasses import dataclass
from fractions import Fraction

import bpy

from ...core.formats import UserError
from .versions import all_strips, strip_frames

SOFT_EDGE = Fraction(1, 10)  # seconds over which speech fades outside a trimmed edge


@dataclass(frozen=True)
class Placement:
    """Where a sound is in time. It knows nothing of bpy."""

    start: Fraction  # seconds of scene time of second 0 of the file
    left: Fraction  # seconds of scene time from which it can be heard
    right: Fraction  # seconds of scene time until which it can be heard

    def seconds(self, time: Fraction) -> Fraction:
        """Scene time in seconds -> seconds in the sound file (below 0 before it starts)."""
        return time - self.start

    def audible(self, time: Fraction) -> float:
        """1 inside the strip, 0 away from it, a short ramp between: the mouth does not speak a trimmed word."""
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


def sound_strips(scene: bpy.types.Scene) -> list[bpy.types.SoundStrip]:
    """Every strip with a sound, those inside of meta strips too."""
    if scene.sequence_editor is None:
        return []
    strips = all_strips(scene.sequence_editor)
    return [strip for strip in strips if isinstance(strip, bpy.types.SoundStrip) and strip.sound is not None]


def find_strip(scene: bpy.types.Scene | None, name: str) -> bpy.types.SoundStrip | None:
    """The sound strip of that name, or None."""
    strips = sound_strips(scene) if scene and name else []
    return next((strip for strip in strips if strip.name == name), None)


def sound_path(strip: bpy.types.SoundStrip) -> str:
    """The absolute path of the strip's sound file. Raises UserError for a packed sound, and where there is none."""
    sound = strip.sound
    if sound is None:
        raise UserError(f"The strip {strip.name} has no sound; add the sound again.")
    if sound.packed_file is not None and not sound.filepath:
        raise UserError(f"The sound of {strip.name} is packed into the .blend; unpack it (File > External Data).")
    return bpy.path.abspath(sound.filepath, library=sound.library)


def placement(scene: bpy.types.Scene, strip: bpy.types.SoundStrip) -> Placement:
    """Where `strip` is in `scene`'s sequencer. Raises UserError when it is retimed: Blender does not tell Python which
    moment of the sound a retiming key holds."""
    if len(strip.retiming_keys) > 0:
        raise UserError(
            f"The strip {strip.name} is retimed, which the head cannot follow; "
            "reset its retiming, or mix the sound down to a new file."
        )
    start, left, right = strip_frames(strip)
    seconds = scene_time(scene, start) + Fraction(strip.sound_offset)
    return Placement(seconds, scene_time(scene, left), scene_time(scene, right))
