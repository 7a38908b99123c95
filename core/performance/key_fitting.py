# SPDX-License-Identifier: GPL-3.0-or-later
"""Few keys in place of a value a frame: curves that an animator can edit, never farther from the values than a bound.

Not in the paper: chosen because an animator moves one key, not forty. Cubic pieces run through some of the values with
the slope that the values have there, so that the curve has no kinks and its handles lie flat at a peak; a piece that is
too far off is cut at its worst frame (as Schneider 1990, "An algorithm for automatically fitting digitized curves",
does with outlines), until none is. All pieces are looked at together: an hour takes seconds.

Letters: n frames, m keys, K channels.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..formats import Rig

SHRINK = 0.9  # of the bounds of all channels, where together they are too far off
TRIES = 40
BLOCK = 500  # frames: a wild second must not cost a calm minute its few keys


class Keys(NamedTuple):
    """A curve: cubic between its keys, with one slope at each."""

    frames: np.ndarray  # [m] int64, from 0 to n - 1
    values: np.ndarray  # [m] float64
    slopes: np.ndarray  # [m] float64, a frame

    def at_frames(self) -> np.ndarray:
        """[n]: the curve's value at every frame."""
        if len(self.frames) == 1:
            return self.values.copy()
        frames = np.arange(self.frames[-1] + 1)
        piece = np.clip(np.searchsorted(self.frames, frames, "right") - 1, 0, len(self.frames) - 2)
        a, length = self.frames[piece], np.diff(self.frames)[piece]
        t = (frames - a) / length
        rise, before, after = np.diff(self.values)[piece], self.slopes[piece] * length, self.slopes[piece + 1] * length
        return self.values[piece] + t * (before + t * (3 * rise - 2 * before - after + t * (before + after - 2 * rise)))


def fit_keys(every: Keys, bound: float) -> Keys:
    """Some of the keys of a curve with a key at every frame: the first, the last, and as many between as it takes to be
    within `bound` of every frame."""
    kept = np.unique([0, len(every.frames) - 1])
    while True:
        keys = Keys(*(column[kept] for column in every))
        error = np.abs(keys.at_frames() - every.values)
        error[kept] = 0.0
        piece = np.searchsorted(kept, np.arange(len(error)), "right") - 1
        worst = np.maximum.reduceat(error, kept)
        cuts = np.flatnonzero((error > bound) & (error == worst[piece]))
        if not len(cuts):
            return keys
        kept = np.union1d(kept, cuts[np.unique(piece[cuts], return_index=True)[1]])


class PoseMetric:
    """How far a change of pose moves a rig's Gaussians: RMS over the Gaussians of a region."""

    def __init__(self, rig: Rig) -> None:
        self._regions = [(rig.card.rows_of(name), _gram(rig, name)) for name in rig.regions]

    def rms(self, changes: np.ndarray) -> np.ndarray:
        """[n,K] mm of the channels -> [n] mm: how far the Gaussians move, in the region that moves most."""
        squares = [np.einsum("nk,kl,nl->n", changes[:, rows], gram, changes[:, rows]) for rows, gram in self._regions]
        return np.sqrt(np.maximum(np.max(squares, axis=0), 0.0))

    def reach(self) -> np.ndarray:
        """[K]: how far, mm, one unit of each channel alone moves them."""
        reach = np.zeros(sum(len(rows) for rows, _ in self._regions))
        for rows, gram in self._regions:
            reach[rows] = np.sqrt(np.diag(gram))
        return reach


def fit_pose_keys(poses: np.ndarray, tolerance: float, metric: PoseMetric) -> Iterator[list[Keys]]:
    """The keys of K channels, poses [n,K] mm, some seconds of the shot at a time: each block goes on where the one
    before it ended, at a key that is in both.

    tolerance: mm of `PoseMetric.rms`, kept at every frame, all channels together; 0 gives a key at every frame.
    """
    poses = np.asarray(poses, np.float64)
    slopes = np.gradient(poses, axis=0) if len(poses) > 1 else np.zeros_like(poses)
    for first in range(0, max(len(poses) - 1, 1), BLOCK):
        part = slice(first, first + BLOCK + 1)
        frames = np.arange(len(poses[part]))
        every = [Keys(frames, *column) for column in zip(poses[part].T, slopes[part].T)]
        yield [keys._replace(frames=keys.frames + first) for keys in _fit_block(every, tolerance, metric)]


def joined_keys(blocks: Sequence[Keys]) -> Keys:
    """One curve of blocks that follow each other."""
    ends = [len(block.frames) - 1 for block in blocks[:-1]] + [None]
    return Keys(*(np.concatenate([c[:end] for c, end in zip(columns, ends)]) for columns in zip(*blocks)))


def _fit_block(every: list[Keys], tolerance: float, metric: PoseMetric) -> list[Keys]:
    poses = np.stack([curve.values for curve in every], axis=1)
    bounds = tolerance / np.maximum(metric.reach(), 1e-9)
    for _ in range(TRIES if tolerance > 0 else 0):
        keys = [fit_keys(*pair) for pair in zip(every, bounds)]
        worst = metric.rms(np.stack([curve.at_frames() for curve in keys], axis=1) - poses).max()
        if worst <= tolerance:
            return keys
        bounds *= SHRINK * tolerance / worst
    return every


def smoothed(poses: np.ndarray, width: float) -> np.ndarray:
    """Poses [n,K], each the mean of those around it, weighted by a raised cosine of `width` frames in all: no delay.
    A width below two frames leaves them as they are. Beyond the ends the first and the last go on."""
    reach = int(np.ceil(width / 2)) - 1
    if reach < 1:
        return poses
    weights = 1 + np.cos(2 * np.pi * np.arange(-reach, reach + 1) / width)
    padded = np.pad(poses, ((reach, reach), (0, 0)), mode="edge")
    columns = [np.convolve(column, weights / weights.sum(), mode="valid") for column in padded.T]
    return np.stack(columns, axis=1)


def _gram(rig: Rig, region: str) -> np.ndarray:
    """[K,K] of the region's channels: mean over its Gaussians of the products of what two channels do, mm^2."""
    parts = [moves.moves[:, :3].astype(np.float64) for moves in rig.regions[region].branches.values()]
    joined = np.concatenate(parts, axis=2).reshape(len(parts[0]), -1)
    return joined @ joined.T / (joined.shape[1] // 3)
