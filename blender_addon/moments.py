# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's Gaussians at one moment, from its bake, its performance or the head alone; the last ones are kept."""

import math
from collections import OrderedDict
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ..core.performance import Controls, Frame
from . import open_files

MAX_CACHED_BYTES = 128 << 20  # of frames kept for scrubbing over the same place again


class Moment(NamedTuple):
    """What a head should show; equal moments show the same."""

    head: str  # absolute path
    hash: str
    source: str  # the bake's or the performance's absolute path, or "" for the head at rest
    stamp: tuple[int, int] | None  # of the source's file
    time: Fraction  # a bake: its frame, between two for sub-frames; a performance: seconds in the sound
    controls: Controls | None  # None: a bake's frame, or the head at rest
    change: tuple[tuple[str, float], ...] = ()  # channel of the rig, mm: what is added to the pose
    head_stamp: tuple[int, int] | None = None  # of the head's file: its rig may be made again
    by_rig: bool = False  # rather than by the networks: faster, and within the error that the rig states


_frames: OrderedDict[Moment, Frame] = OrderedDict()  # the most recently used last


def loaded_head(path: str) -> open_files.OpenHead:
    """The head at the absolute path, from memory where the file has gone. Raises UserError."""
    return open_files.head.cached(path) or open_files.head(path)


def frame_of(moment: Moment) -> Frame:
    """The Gaussians of a moment; the last ones are kept. Raises UserError."""
    frame = _frames.pop(moment, None)
    if frame is None:
        frame = _evaluate(moment)
    _frames[moment] = frame
    while len(_frames) * sum(array.nbytes for array in frame) > MAX_CACHED_BYTES and len(_frames) > 1:
        _frames.popitem(last=False)
    return frame


def _evaluate(moment: Moment) -> Frame:
    head = loaded_head(moment.head)
    if not moment.source:
        return head.at_rest()
    if moment.controls is None:
        return interpolate(open_files.bake(moment.source), moment.time)
    condition = open_files.performance(moment.source).at(moment.time, moment.controls)
    return head.posing.at(condition, moment.controls, dict(moment.change), moment.by_rig)


def interpolate(bake: open_files.OpenBake, position: Fraction) -> Frame:
    """A bake at a frame, or linearly between two for motion blur; quaternions are made unit again."""
    before = bake.frame(math.floor(position))
    weight = np.float32(position - math.floor(position))
    if weight == 0:
        return before
    after = bake.frame(math.ceil(position))
    means, quats, scales = (a + weight * (b - a) for a, b in zip(before, after))
    return Frame(means, quats / np.linalg.norm(quats, axis=1, keepdims=True), scales)


def clear() -> None:
    """Evaluate every moment again."""
    _frames.clear()
