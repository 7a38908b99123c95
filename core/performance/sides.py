# SPDX-License-Identifier: GPL-3.0-or-later
"""More on one side: channels that add to one half of the mouth, or to one brow, and take from the other.

A rig is found from speech, which is nearly symmetric; a crooked smile and a raised brow are not in it. "smile_side" of
1 mm does to every Gaussian what "smile" of 1 mm does, times how far it is on the person's left, -1..1. At the midline
that is 0 and it changes smoothly, so that nothing tears. It is a channel like others: keys, corrections, the bake and
the nodes of a saved file know it. Teeth and tongue, of the inside-mouth branch, stay: they are rigid.

Not in the paper: chosen because a warp of the landmarks would need the face's skin, and the rig's own moves are a skin.

Letters: K channels of a region, S of them with a side, M Gaussians.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..formats import MAX_CHANNELS, HeadFile, Rig, RigChannel, RigDrive, RigMoves, RigRegion, UserError
from .landmark_carrier import canonical_landmarks

SUFFIX = "_side"
# Channels that have sides -> the landmarks, right and left of the midline (iBUG's 68), from which on it is all one side
MOUTH, BROWS = (48, 54), (20, 23)
SIDED = {name: MOUTH for name in ("lips_apart", "mouth_width", "pucker", "upper_lip", "smile", "lip_press")} | {
    name: BROWS for name in ("brows_inner", "brows_outer")
}
# Of a channel's motion, what a control of 1 adds on one side and takes on the other. Not in the paper: chosen because
# beyond these the sample head's mouth shows specks at its corner when wide open, and its brows smear.
GAINS = {"mouth_side": 0.4, "brows_side": 0.7}


def side_of(channel: str) -> str:
    """The channel of the same for one side; "smile" -> "smile_side"."""
    return channel + SUFFIX


def with_sides(rig: Rig, head: HeadFile, means: np.ndarray) -> Rig:
    """The rig with a further channel, behind its region's others, for each that has sides. means [N,3] metres: of the
    head's Gaussians. A head whose card has no landmarks has no sides: its midline is not known."""
    try:
        landmarks = canonical_landmarks(head)
    except UserError:
        return rig
    regions, channels, taken = {}, [], {channel.name for channel in rig.card.channels}
    if len(taken) + len(SIDED) > MAX_CHANNELS:
        return rig
    for name, region in rig.regions.items():
        own = [rig.card.channels[row] for row in rig.card.rows_of(name)]
        sided = [i for i, channel in enumerate(own) if channel.name in SIDED and side_of(channel.name) not in taken]
        shares = [(i, _share(landmarks, SIDED[own[i].name], means)) for i in sided]
        regions[name] = _with_sides(region, shares)
        channels += [*own, *(_side_channel(own[i]) for i in sided)]
    drive = rig.drive and _drive_with_sides(rig.drive, rig.card.channels, channels)
    return replace(rig, card=replace(rig.card, channels=tuple(channels)), regions=regions, drive=drive)


def _drive_with_sides(drive: RigDrive, old: Sequence[RigChannel], new: Sequence[RigChannel]) -> RigDrive:
    """Nothing drives a side."""
    rows = [new.index(channel) for channel in old]

    def widened(matrix: np.ndarray) -> np.ndarray:
        wide = np.zeros((len(new), matrix.shape[1]), np.float32)
        wide[rows] = matrix
        return wide

    return RigDrive({branch: widened(matrix) for branch, matrix in drive.audio.items()}, widened(drive.expression))


def _side_channel(channel: RigChannel) -> RigChannel:
    reach = max(-channel.low, channel.high)
    return RigChannel(side_of(channel.name), channel.region, -reach, reach)


def _share(landmarks: np.ndarray, ends: tuple[int, int], means: np.ndarray) -> np.ndarray:
    """[N]: how far each Gaussian is on the person's left, -1..1; 0 at the midline, level from the landmarks on."""
    right, left = landmarks[list(ends), 0]
    u = np.clip((2 * means[:, 0] - left - right) / (left - right), -1.0, 1.0)
    return u * (1.5 - 0.5 * u * u)


def _with_sides(region: RigRegion, shares: list[tuple[int, np.ndarray]]) -> RigRegion:
    """No sample tells a side: speech is found without."""
    solve = np.concatenate([region.solve, np.zeros((len(shares), *region.solve.shape[1:]), np.float32)])
    branches = {name: _moves_with_sides(part, shares, name == "face") for name, part in region.branches.items()}
    return replace(region, solve=solve, branches=branches)


def _moves_with_sides(part: RigMoves, shares: list[tuple[int, np.ndarray]], is_skin: bool) -> RigMoves:
    added = np.zeros((len(shares), *part.moves.shape[1:]), np.float16)
    for row, (i, share) in enumerate(shares if is_skin else ()):
        added[row] = part.moves[i].astype(np.float32) * share[part.rows].astype(np.float32)
    return replace(part, moves=np.concatenate([part.moves, added]))
