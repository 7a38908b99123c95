# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the pose on top of an exact frame: what keyed corrections and the sliders of the mouth do to a head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.formats.rig import rig_of
from talksplat.core.formats.user_error import UserError
from talksplat.core.performance.condition import Condition
from talksplat.core.performance.replay import Replay
from talksplat.core.performance.rig_replay import RigReplay


@pytest.fixture(scope="module")
def rig(random_head, make):
    head = make.rigged(random_head(channels=2)[2])
    return RigReplay(head, Replay(head), rig_of(head)), Replay(head)


POSES = st.lists(st.floats(-8, 8, width=32), min_size=3, max_size=3)


def assert_same_head(one, two):
    """To what float32 rounds, the rotations of either sign."""
    np.testing.assert_allclose(one.means, two.means, atol=2e-7)
    np.testing.assert_allclose(np.abs(np.einsum("ij,ij->i", one.quats, two.quats)), 1, atol=1e-6)
    np.testing.assert_allclose(one.scales, two.scales, rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(POSES, POSES)
def test_a_change_on_a_pose_is_the_sum_of_both(rig, pose, change):
    posed, _ = rig
    moved = posed.moved(posed.posed(np.array(pose)), np.array(change))
    assert_same_head(moved, posed.posed(np.float32(pose) + np.float32(change)))


def exact(replay, seed=0):
    rng = np.random.default_rng(seed)
    codes = {name: rng.normal(size=s.audio_code).astype(np.float32) for name, s in replay.settings.items()}
    return replay.at(Condition(codes, rng.random(2).astype(np.float32)))


def test_no_change_leaves_every_bit_of_an_exact_frame(rig):
    posed, replay = rig
    frame = exact(replay)
    for one, two in zip(posed.moved(frame, np.zeros(3)), frame):
        np.testing.assert_array_equal(one, two)


def test_a_change_touches_the_gaussians_of_its_region_alone_and_is_taken_back(rig):
    posed, replay = rig
    frame = exact(replay)
    moved = posed.moved(frame, np.array([3.0, -2.0, 0.0]))
    lower, upper = (posed.rig.regions[name].branches["face"].rows for name in ("lower", "upper"))
    assert (moved.means[lower] != frame.means[lower]).any(axis=1).all()
    for one, two in zip(moved, frame):
        np.testing.assert_array_equal(np.delete(one, lower, axis=0), np.delete(two, lower, axis=0))
    assert_same_head(posed.moved(moved, np.array([-3.0, 2.0, 0.0])), frame)
    assert len(upper)


def test_no_change_however_wild_leaves_the_numbers(rig):
    posed, replay = rig
    moved = posed.moved(exact(replay), np.array([np.nan, np.inf, -1e30]))
    assert all(np.isfinite(column).all() for column in moved)
    np.testing.assert_allclose(np.linalg.norm(moved.quats, axis=1), 1, atol=1e-5)
    assert (moved.scales > 0).all()
    with pytest.raises(UserError, match="channels"):
        posed.moved(exact(replay), np.zeros(4))
