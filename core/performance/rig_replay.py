# SPDX-License-Identifier: GPL-3.0-or-later
"""A head by its rig: the same door as `Replay`, at a fifth of its cost and within the error that the rig states.

The pose at a moment is found by asking the networks about a few sample Gaussians (least squares on the rig's moves:
"gappy POD", Everson and Sirovich 1995); the head is then one product of the pose with the moves.

Letters: K channels, M Gaussians of a region and branch, c of one chunk, S sample Gaussians.
"""

from threading import Lock
from typing import NamedTuple

import numpy as np

from ..formats import HeadFile, Rig, RigMoves, UserError
from .condition import Condition
from .head_part import part_of
from .replay import LARGEST, LIMITS, SMALLEST, Frame, Replay
from .rest_difference import MILLIMETRES, cosine_from_rest, difference_from_rest, quaternion_moves

CHUNK = 8192  # rows: a product's result stays in the cache while it is turned into Gaussians
MAX_POSE = 1e4  # mm, of any channel
SAFE = LIMITS["logscales"]


class RigReplay:
    """A head ready to be posed. Raises UserError where head, replay and rig do not belong together.

    Calls from several threads wait for one another (they share work space); the returned frames are not shared.
    """

    def __init__(self, head: HeadFile, replay: Replay, rig: Rig) -> None:
        self.rig = rig
        self.channels = rig.card.channels  # K
        self.rest_condition = Condition(rig.rest, np.zeros(len(head.card.expression), np.float32))
        self._rest = replay.at(self.rest_condition)
        self._samples = _Samples(head, rig, self.rest_condition)
        self._parts = [
            part
            for name, region in rig.regions.items()
            for moves in region.branches.values()
            for part in _parts(moves, rig.card.rows_of(name), self._rest)
        ]
        self._work = np.empty(10 * CHUNK, np.float32)
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """Size of the caches in bytes."""
        return sum(part.moves.nbytes for part in self._parts)

    def frame(self) -> Frame:
        """The head at rest in new arrays, which may be passed to `at` and `posed` as `out` any number of times."""
        return Frame(*(column.copy() for column in self._rest))

    def at(self, condition: Condition, out: Frame | None = None) -> Frame:
        """The head in this condition, as `Replay.at` gives it but for the rig's error, and with what is driven."""
        return self.posed(self.pose(condition), out)

    def pose(self, condition: Condition) -> np.ndarray:
        """[K] float32, mm. Raises UserError when the condition's widths are not the head's."""
        return self.pose_and_misfit(condition)[0]

    def pose_and_misfit(self, condition: Condition) -> tuple[np.ndarray, float]:
        """The pose, and how far the rig is from the networks at its sample Gaussians: RMS, mm. The samples are those
        that move most, so it is about twice the error of the whole head. Raises UserError as `pose`."""
        with self._lock:
            pose, misfit = self._samples.pose_and_misfit(condition)
        return (pose if self.rig.drive is None else pose + self.driven(condition)), misfit

    def driven(self, condition: Condition) -> np.ndarray:
        """[K] float32: what the condition adds to the pose by itself, and `Replay.at` does not show; zeros for most
        heads. Raises UserError when the condition's widths are not the head's."""
        total, drive = np.zeros(len(self.channels), np.float32), self.rig.drive
        if drive is None:
            return total
        try:
            for branch, matrix in drive.audio.items():
                total += matrix @ (condition.audio[branch] - self.rig.rest[branch])
            total += drive.expression @ condition.expression
        except (KeyError, ValueError):
            raise UserError("the performance is not of this head; recreate the performance.") from None
        return total

    def pose_in(self, frame: Frame) -> np.ndarray:
        """[K] float32, mm: the pose that comes nearest to a frame of the whole head, such as a bake's."""
        with self._lock:
            return self._samples.pose_in(frame)

    def posed(self, pose: np.ndarray, out: Frame | None = None) -> Frame:
        """The head in a pose [K], mm. out: a frame of this object, which is overwritten and returned.

        Always finite: a channel that is not is 0. Raises UserError for another number of channels.
        """
        pose = self._checked(pose)
        out = self.frame() if out is None else out
        with self._lock:
            for part in self._parts:
                part.write(pose[part.channels], self._work, part.rest, out)
        return out

    def moved(self, frame: Frame, change: np.ndarray) -> Frame:
        """`frame`, of this head in any condition, with `change` [K] mm added to its pose; a new frame.

        Where `frame` is `posed(pose)` it is `posed(pose + change)`: positions add up, rotations as Gibbs vectors of the
        head at rest, scales as logarithms. Gaussians whose channels do not change keep their bits. Always finite: a
        change that is not is 0. Raises UserError for another number of channels.
        """
        change = self._checked(change)
        out = Frame(*(column.copy() for column in frame))
        with self._lock:
            for part in self._parts:
                if change[part.channels].any():
                    part.write(change[part.channels], self._work, part.start(frame), out)
        return out

    def _checked(self, pose: np.ndarray) -> np.ndarray:
        pose = np.asarray(pose, np.float32)
        if pose.shape != (len(self.channels),):
            raise UserError(
                f"the pose has {pose.size} channels and the head's rig {len(self.channels)}; make it again."
            )
        return np.clip(np.nan_to_num(pose, nan=0.0), -MAX_POSE, MAX_POSE)


class _Samples:
    """The sample Gaussians of all regions as one small head."""

    def __init__(self, head: HeadFile, rig: Rig, rest: Condition) -> None:
        rows = np.unique(np.concatenate([region.samples for region in rig.regions.values()]))
        self._replay = Replay(part_of(head, rows))
        self._rows, self._rest, self._frame = rows, self._replay.at(rest), self._replay.frame()
        self._solve = np.zeros((len(rig.card.channels), 9, len(rows)), np.float32)
        for name, region in rig.regions.items():
            columns = np.searchsorted(rows, region.samples)
            for row, solve in zip(rig.card.rows_of(name), region.solve):
                self._solve[row][:, columns] = solve.T
        self._solve = self._solve.reshape(len(rig.card.channels), -1)
        self._moves = _moves_of(rig, rows)

    def pose_and_misfit(self, condition: Condition) -> tuple[np.ndarray, float]:
        samples = self._replay.at(condition, self._frame)
        with np.errstate(all="ignore"):  # as in `_solved`
            d = difference_from_rest(samples, self._rest)
            pose = self._solve @ d.reshape(-1)
            left = d[:3].reshape(-1) - pose @ self._moves
            return pose, float(np.sqrt(3 * np.mean(np.square(left))))

    def pose_in(self, frame: Frame) -> np.ndarray:
        return self._solved(Frame(*(column[self._rows] for column in frame)))

    def _solved(self, samples: Frame) -> np.ndarray:
        with np.errstate(all="ignore"):  # what overflows here is no number in `posed`, which takes 0 for it
            return self._solve @ difference_from_rest(samples, self._rest).reshape(-1)


def _moves_of(rig: Rig, rows: np.ndarray) -> np.ndarray:
    """[K, 3 * R]: what the channels do to the positions of the Gaussians `rows` [R], ascending, mm."""
    moves = np.zeros((len(rig.card.channels), 3, len(rows)), np.float32)
    for name, region in rig.regions.items():
        channels = np.array(rig.card.rows_of(name))[:, None, None]
        for part in region.branches.values():
            _, here, there = np.intersect1d(rows, part.rows, assume_unique=True, return_indices=True)
            moves[channels, np.arange(3)[:, None], here] = part.moves[:, :3, there]
    return moves.reshape(len(moves), -1)


class _Start(NamedTuple):
    """The Gaussians of a part before they are posed, in its layout."""

    means: np.ndarray  # [3c]
    quats: np.ndarray  # [4,c], of any length
    scales: np.ndarray  # [3c]


class _Part(NamedTuple):
    """Gaussians that are posed together: position, rotation and scale, or position alone.

    The product's layout is that of the frame, Gaussian by Gaussian, but for the quaternions, which are normalised
    column by column: the rest is then copies of whole rows.
    """

    rows: np.ndarray  # of the head's table, [c]
    channels: list[int]
    moves: np.ndarray  # [K, 3c + 4c + 3c]: metres, quaternion, log-scale per mm; or [K, 3c]
    rest: _Start

    def start(self, frame: Frame) -> _Start:
        """A frame's Gaussians as `write` starts from them: quaternions as rest's plus what turned them."""
        quats = frame.quats[self.rows].T
        return _Start(
            frame.means[self.rows].reshape(-1),
            quats / cosine_from_rest(quats, self.rest.quats),
            frame.scales[self.rows].reshape(-1),
        )

    def write(self, pose: np.ndarray, work: np.ndarray, start: _Start, out: Frame) -> None:
        """start moved by pose [K] -> these rows of `out`."""
        c, used = len(self.rows), np.max(np.flatnonzero(pose), initial=-1) + 1  # the last ones are rarely used
        with np.errstate(all="ignore"):
            h = np.dot(pose[:used], self.moves[:used], out=work[: self.moves.shape[1]])
        means, q, s = h[: 3 * c], h[3 * c : 7 * c].reshape(-1, c), h[7 * c :]
        is_extreme = not max(-h.min(), h.max()) <= SAFE  # NaN too
        if is_extreme:
            np.clip(np.nan_to_num(h, copy=False, nan=0.0), -LIMITS["means"], LIMITS["means"], out=h)
            np.clip(s, -SAFE, SAFE, out=s)
        means += start.means
        _put_rows(out.means, self.rows, means)
        if not len(s):
            return
        q += start.quats
        length = np.einsum("ij,ij->j", q, q)
        q /= np.sqrt(np.maximum(length, 1e-24, out=length), out=length)
        _put_rows(out.quats, self.rows, np.ascontiguousarray(q.T))
        np.exp(s, out=s)
        s *= start.scales
        np.clip(s, SMALLEST, LARGEST, out=s)
        _put_rows(out.scales, self.rows, s)


def _put_rows(table: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """table[rows] = values, in a third of the time: a row is copied as one item. table [N,w], values c*w numbers."""
    item = np.dtype((np.void, table.itemsize * table.shape[1]))
    table.view(item).reshape(-1).put(rows, values.reshape(-1).view(item))


def _parts(moves: RigMoves, channels: list[int], rest: Frame) -> list[_Part]:
    parts = []
    for at in range(0, len(moves.rows), CHUNK):
        rows, m = moves.rows[at : at + CHUNK], moves.moves[:, :, at : at + CHUNK].astype(np.float32)
        means, quats, scales = (column[rows] for column in rest)
        columns = [m[:, :3].swapaxes(1, 2) / MILLIMETRES]
        if m.shape[1] > 3:
            columns += [quaternion_moves(quats, m[:, 3:6]), m[:, 6:].swapaxes(1, 2)]
        joined = np.concatenate([column.reshape(len(m), -1) for column in columns], axis=1)
        at_rest = _Start(means.reshape(-1), np.ascontiguousarray(quats.T), scales.reshape(-1))
        parts.append(_Part(rows, channels, joined, at_rest))
    return parts
