# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controls of mouth and brows add to the pose of a head's rig: the lips do more, less or other than the
sound asks for. A control whose channel the rig has not adds nothing.

Not in the paper: chosen because an animator's correction must be measured in the face, not in an audio code.

Letters: K channels of the rig.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..formats import RigChannel
from .controls import CONTROLS, Controls
from .shape_lips import CLOSE, JAW
from .sides import GAINS, SUFFIX

SHIFTED = ("mouth_width", "pucker", "upper_lip", "mouth_corners")  # controls that add a share of their channel's range
POSED = ("mouth_open", "closure", *SHIFTED, *GAINS)  # all controls that act on the pose of the rig
# Of the opening that the lips reach: what counts as nearly closed at closure 1. Measured: in 12 talkers' GRID sentences
# the sample head leaves the lips up to 1.3 mm of its 15.4 mm open at p, b and m. An avatar of LAM leaves them 2.6 mm
# open there (median), of the 31.5 mm of jawOpen: closure 1 brings 32 of 36 p, b and m below 0.3 mm.
NEARLY_CLOSED = 0.1
GIVE = 0.25  # of the widest opening that the head was seen to make: the lips part no further beyond it, they would tear
LEAST_SHARE = 0.25  # of a channel's range to its other side: a mouth that never widened can, a little


def change_pose(controls: Sequence[Controls] | Controls) -> bool:
    """Whether any of the controls changes the pose of a head that has all channels."""
    moments = [controls] if isinstance(controls, Controls) else controls
    return any(getattr(moment, name) != CONTROLS[name].default for moment in moments for name in POSED)


def controlled_change(
    controls: Controls,
    pose: np.ndarray,  # [K] mm, as the sound has it
    channels: Sequence[RigChannel],
    parted: np.ndarray | None = None,  # [K] mm, of `lips_parted`, for a rig of shapes
) -> np.ndarray:
    """[K] float32, mm: what to add to the pose; exactly 0 where the controls are at their defaults."""
    change = np.zeros(len(channels), np.float32)
    if parted is not None and controls.closure:
        change += _lips_closed(controls.closure, pose, channels, parted)
    for i, channel in enumerate(channels):
        value = float(pose[i])
        if channel.name in CONTROLS["mouth_open"].rig:
            closes = parted is None and channel.name in CONTROLS["closure"].rig
            nearly = controls.closure * NEARLY_CLOSED * channel.high if closes else 0.0
            spoken = _closed(value + float(change[i]), nearly)
            change[i] = _within_reach(controls.mouth_open * spoken, max(channel.high, spoken), channel) - value
        for name in SHIFTED:
            if channel.name in CONTROLS[name].rig:
                change[i] = _shifted(value + float(change[i]), getattr(controls, name), channel) - value
    _add_sides(controls, pose + change, change, [channel.name for channel in channels])
    return change


def _lips_closed(closure: float, pose: np.ndarray, channels: Sequence[RigChannel], parted: np.ndarray) -> np.ndarray:
    """[K]: ARKit's own way to close lips: the jaw stays, and mouthClose takes away what all shapes together part them
    by, where that is little."""
    names = [channel.name for channel in channels]
    jaw, close = names.index(JAW), names.index(CLOSE)
    opening = float(parted @ pose)
    nearly = closure * NEARLY_CLOSED * float(parted[jaw]) * channels[jaw].high
    change = np.zeros(len(channels), np.float32)
    wanted = (_closed(opening, nearly) - opening) / float(parted[close])
    change[close] = min(wanted, max(channels[close].high - float(pose[close]), 0.0))
    return change


def _add_sides(controls: Controls, moved: np.ndarray, change: np.ndarray, names: Sequence[str]) -> None:
    """Add to the change of the channels for one side their share of what the face does as a whole, `moved` [K] mm."""
    for control, gain in GAINS.items():
        if share := getattr(controls, control):
            for i, name in enumerate(names):
                if name in CONTROLS[control].rig and (whole := name.removesuffix(SUFFIX)) in names:
                    change[i] += share * gain * moved[names.index(whole)]


def _closed(opening: float, nearly: float) -> float:
    """The opening with all up to `nearly` closed, and all from three times that on as it was; smooth in both, and of
    two openings the wider stays the wider. An opening below 0 (lips pressed together) stays."""
    if opening <= 0 or nearly <= 0 or opening >= 3 * nearly:
        return opening
    u = max(opening - nearly, 0.0) / (2 * nearly)
    return nearly * u * u * (7 - 4 * u)  # the cubic from 0, level, to 3 * nearly at the slope 1


def _within_reach(wanted: float, reach: float, channel: RigChannel) -> float:
    """An opening as wanted up to `reach`; from there on it comes ever nearer to GIVE of the channel's range beyond."""
    beyond, give = wanted - reach, GIVE * channel.high
    if beyond <= 0 or give <= 0:
        return wanted
    return reach - give * math.expm1(-beyond / give)


def _shifted(value: float, share: float, channel: RigChannel) -> float:
    """The value and a share -1..1 of the channel's range to that side, but not beyond the range; a value that is
    outside already stays."""
    low, high = min(channel.low, -LEAST_SHARE * channel.high), max(channel.high, -LEAST_SHARE * channel.low)
    moved = value + share * (high if share >= 0 else -low)
    return min(max(moved, min(value, low)), max(value, high))
