# SPDX-License-Identifier: GPL-3.0-or-later
"""Few keys: never farther from the speech than the tolerance, at any frame, and far fewer than frames."""

import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.rig import rig_of
from talksplat.core.performance.key_fitting import BLOCK, PoseMetric, fit_pose_keys, joined_keys, smoothed


@pytest.fixture(scope="module")
def rig(tiny_head, make):
    return rig_of(make.rigged(read_head(tiny_head)))


def speech(frames, channels, seed=0):
    """Opening and closing, with pauses and a jump."""
    rng, t = np.random.default_rng(seed), np.arange(frames)[:, None]
    waves = sum(rng.normal(size=channels) * np.sin(t / rng.uniform(2, 40, channels) + rng.normal()) for _ in range(4))
    waves *= np.sin(t / 37) > -0.6
    waves[frames // 2 :] += rng.normal(size=channels)
    return waves


def fit(poses, tolerance, rig):
    return [joined_keys(channel) for channel in zip(*fit_pose_keys(poses, tolerance, PoseMetric(rig)))]


@pytest.mark.parametrize("tolerance", [0.0, 0.02, 0.1, 1.0])
@pytest.mark.parametrize("frames", [1, 2, 3, 71, BLOCK, BLOCK + 1, 3 * BLOCK + 2])
def test_no_frame_is_farther_from_the_speech_than_the_tolerance(rig, frames, tolerance):
    poses = speech(frames, len(rig.card.channels), seed=frames)
    keys = fit(poses, tolerance, rig)
    fitted = np.stack([curve.at_frames() for curve in keys], axis=1)
    assert PoseMetric(rig).rms(fitted - poses).max() <= tolerance + 1e-9
    for curve in keys:
        assert (np.diff(curve.frames) > 0).all()
        assert curve.frames[0] == 0 and curve.frames[-1] == frames - 1  # noqa: PT018
    share = sum(len(curve.frames) for curve in keys) / poses.size
    print(f"{frames} frames, {tolerance} mm: {share:.0%} of the frames have keys")
    assert share == 1 or tolerance > 0


def test_a_larger_tolerance_gives_fewer_keys_and_a_pause_hardly_any(rig):
    poses = speech(400, len(rig.card.channels))
    counts = [sum(len(curve.frames) for curve in fit(poses, tolerance, rig)) for tolerance in (0.0, 0.05, 0.2, 2.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[2] < 0.6 * poses.size
    assert all(len(curve.frames) == 2 for curve in fit(np.zeros((400, 3)), 0.01, rig))


def test_the_metric_is_the_rms_of_what_moves(rig):
    """Against the moves themselves, Gaussian by Gaussian."""
    change = np.random.default_rng(1).normal(size=len(rig.card.channels))
    moved = []
    for name, region in rig.regions.items():
        weights = change[rig.card.rows_of(name)]
        mm = np.concatenate(
            [np.einsum("k,kcm->mc", weights, part.moves[:, :3].astype(float)) for part in region.branches.values()]
        )
        moved.append(np.sqrt((mm**2).sum(axis=1).mean()))
    assert PoseMetric(rig).rms(change[None]) == pytest.approx(max(moved))


def test_smoothing_keeps_the_moment_and_takes_the_noise():
    t = np.arange(200)[:, None]
    slow = np.sin(t / 20)
    noisy = slow + 0.3 * (-1.0) ** t
    calm = smoothed(noisy, 6.0)
    assert np.abs(calm - slow)[10:-10].max() < 0.05
    assert smoothed(noisy, 1.0) is noisy
    np.testing.assert_allclose(smoothed(np.full((50, 2), 3.0), 9.0), 3.0)
