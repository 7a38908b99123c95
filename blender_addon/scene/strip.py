# SPDX-License-Identifier: GPL-3.0-or-later
"""All sound-strip timing: from a frame of the scene to a second of the sound file.

Frame f is at f / rate seconds; second 0 of the file is where the strip's content starts.
Exact: frames, rates and seconds are `Fraction`s.
"""

from dataclasses import dataclass
from fractions import Fraction

import bpy

from .retiming import Retiming, retiming_of
from .versions import all_strips, strip_frames

SOFT_EDGE = Fraction(1, 10)  # seconds over which speech fades outside a trimmed edge


@dataclass(frozen=True)
class Placement:
    """Where a sound is in time. It knows nothing of bpy."""

    start: Fraction  # seconds of scene time at which the strip's content starts
    left: Fraction  # seconds of scene time from which it can be heard
    right: Fraction  # seconds of scene time until which it can be heard
    retiming: Retiming | None = None
    rate: Fraction = Fraction(24)  # scene frames a second, in which `retiming` counts
    lag: Fraction = Fraction(0)  # seconds of the file that are skipped at its start

    def seconds(self, time: Fraction) -> Fraction:
        """Scene time in seconds -> seconds in the sound file (below 0 before it starts)."""
        elapsed = time - self.start
        if self.retiming is not None:
            elapsed = self.retiming.played(elapsed * self.rate) / self.rate
        return elapsed + self.lag

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
    """Every strip with a sound, those inside of meta strips and of scenes that scene strips play too."""
    scenes, found = [scene], []
    for played in scenes:  # grows on its way
        for strip in all_strips(played.sequence_editor) if played.sequence_editor else ():
            if isinstance(strip, bpy.types.SoundStrip) and strip.sound is not None:
                found.append(strip)
            elif isinstance(strip, bpy.types.SceneStrip) and strip.scene_input == "SEQUENCER":
                scenes += [strip.scene] if strip.scene and strip.scene not in scenes else []
    return found


def find_strip(scene: bpy.types.Scene | None, name: str) -> bpy.types.SoundStrip | None:
    """The sound strip of that name, or None."""
    strips = sound_strips(scene) if scene and name else []
    return next((strip for strip in strips if strip.name == name), None)


def placement(scene: bpy.types.Scene, strip: bpy.types.SoundStrip) -> Placement:
    """Where `strip` is in `scene`'s sequencer. Raises UserError as `retiming_of` does."""
    start, left, right = strip_frames(strip)
    seconds = scene_time(scene, start) + Fraction(strip.sound_offset)
    return Placement(
        seconds, scene_time(scene, left), scene_time(scene, right), retiming_of(strip), rate=frame_rate(scene)
    )
