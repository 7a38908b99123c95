# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of an older bake a changed shot can take over: those that show the same moment in the same way.

So a shot that was extended, or of which one key was moved, is baked only where it changed. Knows no files' places.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from operator import attrgetter

import numpy as np

from ..formats import BakeCard, BakeReader
from ..performance import CONTROLS, Controls, change_pose
from .shot import Shot

SAME_TIME = 1e-7  # seconds; an offset is stored as a float, and the head moves 1e-7 m in this time at most
SAME_CONTROL = 1e-6  # of a control: the noise of a float32 curve
SAME_POSE = 1e-6  # mm
SAME_FIELDS = ("head_hash", "audio_hash", "sh_degree", "colour_space", "blend", "antialiased", "words_hash")


def keyed_controls(shot: Shot) -> dict[str, np.ndarray]:
    """Name -> float64 [frame_count], for `BakeWriter.open`; {} where no control is keyframed."""
    if len(shot.controls) == 1:
        return {}
    table = np.array(list(map(attrgetter(*CONTROLS), shot.controls)))
    columns = dict(zip(CONTROLS, table.T.copy()))
    used = {name for moment in shot.controls for name in moment.to_card()}
    return {name: column for name, column in columns.items() if name in used}


def match_frames(
    old: BakeReader, card: BakeCard, shot: Shot, frames: Iterable[int]
) -> Iterator[tuple[int, int | None]]:
    """(frame of `shot`, the frame of `old` that shows the same or None) for each of `frames`.

    The caller checks that both are of the same Gaussians.
    """
    if any(getattr(old.card, name) != getattr(card, name) for name in SAME_FIELDS):
        return
    stored, offset, rate = frozenset(old.frames), Fraction(old.card.offset), old.card.fps
    for frame in frames:
        time = shot.sound_time(frame)
        index = round((time + offset) * rate)
        is_there = index + old.card.frame_start in stored and abs(index / rate - offset - time) <= SAME_TIME
        is_same = (
            is_there
            and _has_controls(old, index, shot.controls_at(frame))
            and _has_pose(old, card, index, shot, frame)
            and _hears_same(shot, index, frame)
        )
        yield frame, index + old.card.frame_start if is_same else None


def _hears_same(shot: Shot, index: int, frame: int) -> bool:
    """With equal audio hashes both shots hear the same of several sounds at the same index, but here it may differ."""
    return not shot.sounds or shot.sounds[index] == shot.sound_at(frame)


def _has_controls(old: BakeReader, index: int, controls: Controls) -> bool:
    values = _controls_of(old, index)
    return values is not None and all(abs(values[name] - getattr(controls, name)) <= SAME_CONTROL for name in CONTROLS)


def _has_pose(old: BakeReader, card: BakeCard, index: int, shot: Shot, frame: int) -> bool:
    """Whether the rig adds the same, the controls being equal; of another rig only nothing is the same."""
    change = shot.pose_change_at(frame)
    theirs = {name: float(values[index]) for name, values in old.pose_change.items()}
    if old.card.pose_change.get("rig", "") != card.pose_change.get("rig", ""):
        return not (any(theirs.values()) or any(change.values()) or change_pose(shot.controls_at(frame)))
    return all(abs(theirs.get(name, 0.0) - change.get(name, 0.0)) <= SAME_POSE for name in {*theirs, *change})


def _controls_of(old: BakeReader, index: int) -> dict[str, float] | None:
    """The controls of a frame; None for the keyframed ones of a bake that only holds their hash."""
    defaults = {name: row.default for name, row in CONTROLS.items()}
    if "keyframed" not in old.card.controls:
        return defaults | old.card.controls
    curves = old.keyed_controls
    return defaults | {name: float(values[index]) for name, values in curves.items()} if curves else None
