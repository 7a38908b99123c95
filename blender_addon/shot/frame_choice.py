# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames a button means: the scene's range with its step, the preview range, or the frame that is shown."""

import math
from collections.abc import Sequence

import bpy

from ...core.formats import BakeCard, UserError, format_frames
from ..scene import strip as strips

# The setting's value, label and description.
CHOICES = [
    ("SCENE", "Scene Range", "The scene's frame range, with its frame step"),
    ("PREVIEW", "Preview Range", "The timeline's preview range (the scene's, where it is off), with the frame step"),
    ("CURRENT", "Current Frame", "Only the frame that is shown"),
]


def shot_of_scene(scene: bpy.types.Scene) -> range:
    """The shot: the scene's frame range, both ends included, every frame."""
    return range(scene.frame_start, scene.frame_end + 1)


def chosen_frames(scene: bpy.types.Scene, choice: str) -> range:
    """The scene's frames that `choice`, one of CHOICES, means."""
    if choice == "CURRENT":
        return range(scene.frame_current, scene.frame_current + 1)
    if choice == "PREVIEW" and scene.use_preview_range:
        return range(scene.frame_preview_start, scene.frame_preview_end + 1, scene.frame_step)
    return range(scene.frame_start, scene.frame_end + 1, scene.frame_step)


def described(scene: bpy.types.Scene, choice: str) -> str:
    """The chosen frames as the panel says them: "Frames 1 to 72, every 2"."""
    frames = chosen_frames(scene, choice)
    if choice == "CURRENT":
        return f"Frame {frames[0]}"
    return f"Frames {frames[0]} to {frames.stop - 1}" + (f", every {frames.step}" if frames.step > 1 else "")


def chosen_of_bake(scene: bpy.types.Scene, choice: str, card: BakeCard) -> Sequence[int]:
    """The bake's frames at the chosen frames of the scene, by time: a bake may have another rate.

    Raises UserError where the bake does not reach as far as they do.
    """
    frames, scale = chosen_frames(scene, choice), strips.frame_rate(scene) / card.fps
    first, last = math.floor(card.span[0] * scale), math.ceil(card.span[-1] * scale)
    numbers = [number for number in card.span if math.floor(number * scale) in frames]
    if not numbers or not first <= frames[0] <= frames[-1] <= last:
        raise UserError(
            f"The bake {card.name} holds frames {first} to {last}, not {frames[0]} to {frames[-1]}: bake again, or "
            "choose frames within it."
        )
    return numbers


def list_of(frames: Sequence[int], shot: range) -> str:
    """The frames as a job takes them; "" means all of the shot."""
    return "" if len(frames) == len(shot) else format_frames(frames)
