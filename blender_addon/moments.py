# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's Gaussians at one moment, from its bake, its performance or the head alone; the last ones are kept."""

import math
import os
from collections import OrderedDict
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..core.formats import UserError
from ..core.performance import Condition, Controls, Frame
from . import open_files
from .keyframes.curve_pose import CurvePose

MAX_CACHED_BYTES = 128 << 20  # of frames kept for scrubbing over the same place again
MAX_POSES = 64  # kept: a blend asks for that of its active take twice


class Moment(NamedTuple):
    """What a head should show; equal moments show the same."""

    head: str  # absolute path
    hash: str
    source: str  # the bake's or the performance's absolute path, or "" for the head at rest
    stamp: tuple[int, int] | None  # of the source's file
    # A bake: its frame, between two for sub-frames; a performance: seconds in the sound; at rest: seconds of the scene.
    time: Fraction
    controls: Controls | None  # None: a bake's frame, or the head at rest where they do nothing
    head_stamp: tuple[int, int] | None = None  # of the head's file: its rig may be made again
    by_rig: bool = False  # rather than by the networks: faster, and within the error that the rig states
    curves: CurvePose | None = None  # what F-curves do to it
    takes: tuple[tuple[float, "Moment"], ...] = ()  # of a blend: the share of each take, and what it shows alone


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
    is_pose_alone = moment.curves is not None and moment.curves.speech == 0 and (moment.by_rig or not moment.source)
    if (moment.curves or moment.takes) and head.rig and (is_pose_alone or _is_still(moment)):
        return head.rig.posed(shown_pose(moment))
    if _is_still(moment):
        return head.at_rest()
    if moment.controls is None:
        return interpolate(open_files.bake(moment.source), moment.time)
    return head.posing.at(condition_of(moment), moment.controls, pose_change_of(moment), moment.by_rig)


def _is_still(moment: Moment) -> bool:
    """Whether it is of the head at rest, which no slider moves."""
    return not moment.source and moment.controls is None


def condition_of(moment: Moment) -> Condition:
    """What drives the head at a moment that has controls. Raises UserError."""
    if moment.source:
        return open_files.performance(moment.source).at(moment.time, moment.controls)
    resting = loaded_head(moment.head).posing.resting
    assert resting is not None  # else `resting_moment` gives no controls
    return resting.at(moment.time, moment.controls)


def shown_pose(moment: Moment) -> np.ndarray:
    """[K] mm: the pose of the moment, its curves included. Raises UserError."""
    if moment.curves and moment.curves.speech == 0.0:
        return np.array(moment.curves.pose, np.float32)  # whatever is spoken
    live = live_pose(moment)
    return moment.curves.mixed(live) if moment.curves else live


def live_pose(moment: Moment) -> np.ndarray:
    """[K] mm: the pose that the moment's sound and sliders give, of a blend the mean of its takes; zeros where nothing
    is spoken. Raises UserError."""
    if not moment.takes:
        return _own_pose(moment)
    poses = [np.float32(share) * _own_pose(take) for share, take in moment.takes]
    return np.sum(poses, axis=0, dtype=np.float32)


def _own_pose(moment: Moment) -> np.ndarray:
    """The same, of the moment's own take."""
    return _pose_alone(moment._replace(curves=None, takes=()))


@lru_cache(MAX_POSES)
def _pose_alone(moment: Moment) -> np.ndarray:
    head = loaded_head(moment.head)
    if head.rig is None:
        raise UserError(f"{os.path.basename(moment.head)} has no rig; press Make Rig.")
    if moment.controls is None:
        return np.zeros(len(head.rig.channels), np.float32)
    return head.posing.pose(condition_of(moment), moment.controls)


def pose_change_of(moment: Moment) -> dict[str, float]:
    """Channel -> mm: what the curves and the other takes add to the pose that the sound and the sliders give. Raises
    UserError."""
    rig = loaded_head(moment.head).rig
    if rig is None or not (moment.curves or moment.takes):
        return {}
    if moment.curves and moment.curves.speech == 1.0 and not moment.takes:  # whatever is spoken stays
        change = moment.curves.mixed(np.zeros(len(rig.channels), np.float32))
    else:
        change = shown_pose(moment) - _own_pose(moment)
    return {channel.name: float(value) for channel, value in zip(rig.channels, change)}


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
    _pose_alone.cache_clear()
