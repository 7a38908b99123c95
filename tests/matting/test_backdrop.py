# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backdrops can be keyed; the colour match of clips filmed in different light."""

import numpy as np
import pytest

from talksplat.core.matting import Backdrop


@pytest.fixture(scope="module")
def two_clips(film, truth):
    frames = [film(light=0), film(light=1)]
    shared = Backdrop.estimate(np.concatenate(frames), np.concatenate([truth.points] * 2))
    return frames, shared, [shared.for_clip(f, truth.points) for f in frames]


def test_a_lit_cyan_wall_is_plain_and_its_colour_is_found(film, truth, cyan):
    backdrop = Backdrop.estimate(film(), truth.points)
    assert backdrop.plain, backdrop.why
    assert np.abs(backdrop.field - cyan).mean() < 3.0  # also where the actor always stands
    visible = truth.alpha.max(0) == 0
    assert np.abs(backdrop.field - cyan)[visible].mean() < 1.0
    assert Backdrop.estimate(film()).plain  # no face known


def wall_of(colour) -> np.ndarray:
    return np.full((256, 256, 3), colour, np.float64)


def test_walls_that_cannot_be_keyed_are_not_plain(film, truth):
    rng = np.random.default_rng(0)
    bookshelf = np.repeat(np.repeat(rng.uniform(0, 255, (16, 16, 3)), 16, 0), 16, 1)
    for wall, reason in (
        (bookshelf, "not plain"),
        (wall_of(128), "too little colour"),
        (wall_of([225, 165, 125]), "close to the skin"),
    ):
        backdrop = Backdrop.estimate(film(wall), truth.points)
        assert not backdrop.plain
        assert reason in backdrop.why
        assert backdrop.for_clip(film(wall), truth.points) is backdrop


def test_other_hues_are_plain_too(film, truth):
    for colour in ([40, 190, 60], [40, 60, 200]):
        backdrop = Backdrop.estimate(film(wall_of(colour)), truth.points)
        assert backdrop.plain, backdrop.why
        alpha = backdrop.alpha(backdrop.match_colour(film(wall_of(colour))[1], truth.points[1]), truth.points[1])
        assert np.abs(alpha - truth.alpha[1]).mean() < 0.01


def test_the_colour_match_removes_another_white_balance(two_clips, truth):
    frames, _, clip_backdrops = two_clips
    sure = truth.alpha == 1
    raw = np.abs(frames[1].astype(float) - frames[0])[sure].mean()
    matched = [
        np.stack([b.match_colour(f, p) for f, p in zip(fs, truth.points)]) for b, fs in zip(clip_backdrops, frames)
    ]
    assert raw > 2.5
    assert np.abs(matched[1] - matched[0])[sure].mean() < 0.5 * raw  # the person, of whom the fit uses only the cheeks
    assert abs((matched[1] - matched[0])[sure].mean()) < 2.0
    assert clip_backdrops[1].drift > 2.0
    assert clip_backdrops[1].residual_drift < 0.3 * clip_backdrops[1].drift
    assert not clip_backdrops[1].odd


def test_a_frames_own_flicker_is_removed(two_clips, truth):
    frames, _, clip_backdrops = two_clips
    steady = clip_backdrops[0].match_colour(frames[0][2], truth.points[2])
    flickered = clip_backdrops[0].match_colour(np.clip(frames[0][2] + np.float32([4, -3, 2]), 0, 255), truth.points[2])
    assert np.abs(flickered - steady)[truth.alpha[2] == 1].mean() < 0.4


def test_a_clip_of_another_day_is_called_odd(film, truth):
    frames = film()
    shared = Backdrop.estimate(frames, truth.points)
    other = np.clip(frames @ np.diag([1.3, 0.95, 0.6]) + [25, 0, 0], 0, 255).astype(np.uint8)
    assert shared.for_clip(other, truth.points).odd
    assert not shared.for_clip(frames, truth.points).odd
