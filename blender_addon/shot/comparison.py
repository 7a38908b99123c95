# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a bake is of the shot that a job asks for, and in what it is not. Knows no bpy.

Within what float32 sliders, curves and clocks may differ by when nobody changed anything: another Blender evaluates a
curve with other last digits, and the shell's 1.2 is not a slider's.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from operator import attrgetter

import numpy as np

from ...core.formats import BakeCard
from ...core.jobs import Bake
from ...core.performance import CONTROLS, Controls, PoseChange, controls_card

SAME_TIME = 1e-5  # seconds
SAME_CONTROL = 1e-5  # of a control, and of its value where that is above 1
SAME_POSE = 1e-4  # mm
Curves = Mapping[str, np.ndarray]  # control, or channel of the rig -> [1] or [frame_count]
NONE: Curves = {}


def differences(
    job: Bake, card: BakeCard, keyed_controls: Curves, pose_change: Curves = NONE, sliders: bool = True
) -> list[str]:
    """What differs between the shot to bake and the baked one, as a sentence names it; [] for the same shot.

    keyed_controls, pose_change: of the bake. sliders: whether the job's controls and pose change are known. Of
    different frame ranges the frames of both are compared.
    """
    rate, baked = Fraction(job.fps), card.span
    is_same = {
        "the frame rate": rate == card.fps,
        "the frame range": (job.frame_start, job.frame_count) == (card.frame_start, card.frame_count),
    }
    # Where second 0 of the sound is, in seconds from frame 0.
    moved = abs(float(job.frame_start / rate + Fraction(job.offset) - card.frame_start / rate) - card.offset)
    if rate == card.fps:  # else no frame is at the same time
        is_same["the strip's position"] = moved < SAME_TIME or not (job.sounds and card.has_sound)
        is_same["the sliders"] = not sliders or _have_same_controls(job, card, keyed_controls, baked)
        is_same["the curves, corrections or weights"] = not sliders or _have_same_pose_change(job, pose_change, baked)
    return [name for name, same in is_same.items() if not same]


def as_baked(job: Bake, card: BakeCard, keyed_controls: Curves, pose_change: Curves = NONE) -> Bake:
    """A job whose shot has no `differences`, with the bake's own numbers: it continues that bake to the byte."""
    job = replace(job, offset=card.offset, pose_change=PoseChange.of_columns(pose_change))
    if "keyframed" not in card.controls:
        return replace(job, controls=Controls(**_known(card.controls)), controls_per_frame=())
    if not keyed_controls:  # of a version that stored no curves: the hashes are equal
        return job
    columns = _known(keyed_controls)
    moments = tuple(
        Controls(**dict(zip(columns, row, strict=True))) for row in zip(*(v.tolist() for v in columns.values()))
    )
    return replace(job, controls=moments[0], controls_per_frame=moments)


def _known(values: Mapping) -> dict:
    return {name: values[name] for name in CONTROLS if name in values}


def _have_same_controls(job: Bake, card: BakeCard, keyed_controls: Curves, baked: range) -> bool:
    if "keyframed" in card.controls and not keyed_controls:
        return controls_card(job.controls_per_frame or (job.controls,)) == card.controls
    span = range(job.frame_start, job.frame_start + job.frame_count)
    first, last = max(span[0], baked[0]), min(span[-1], baked[-1])
    if first > last:
        return True  # no frame is in both
    table = np.array(list(map(attrgetter(*CONTROLS), job.controls_per_frame or (job.controls,))))
    for (name, row), ours in zip(CONTROLS.items(), table.T):
        theirs = np.atleast_1d(keyed_controls.get(name, card.controls.get(name, row.default)))
        ours, theirs = _part(ours, span, first, last), _part(theirs, baked, first, last)
        if np.any(np.abs(ours - theirs) > SAME_CONTROL * np.maximum(1.0, np.abs(theirs))):
            return False
    return True


def _have_same_pose_change(job: Bake, pose_change: Curves, baked: range) -> bool:
    span, ours = range(job.frame_start, job.frame_start + job.frame_count), job.pose_change.columns(job.frame_count)
    first, last = max(span[0], baked[0]), min(span[-1], baked[-1])
    if first > last:
        return True
    nothing = np.zeros(1)
    pairs = [(ours.get(name, nothing), pose_change.get(name, nothing)) for name in {*ours, *pose_change}]
    return all(np.abs(_part(a, span, first, last) - _part(b, baked, first, last)).max() <= SAME_POSE for a, b in pairs)


def _part(values: np.ndarray, span: range, first: int, last: int) -> np.ndarray:
    """The values of the frames from `first` to `last`; one value is that of every frame."""
    return values if len(values) == 1 else values[first - span[0] : last - span[0] + 1]
