# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backdrops can be keyed; clips of different light brought to one."""

import numpy as np
import pytest

from talksplat.core.matting import Backdrop


@pytest.fixture(scope="module")
def two_clips(film, truth):
    frames = [film(light=0), film(light=1)]
    shared = Backdrop.of(np.concatenate(frames), np.concatenate([truth.points] * 2))
    return frames, shared, [shared.of_clip(f, truth.points) for f in frames]


def test_a_lit_cyan_wall_is_plain_and_found(film, truth, cyan):
    found = Backdrop.of(film(), truth.points)
    assert found.plain, found.why
    assert np.abs(found.field - cyan).mean() < 3.0  # also where the actor always stands
    seen = truth.alpha.max(0) == 0
    assert np.abs(found.field - cyan)[seen].mean() < 1.0
    assert Backdrop.of(film()).plain  # no face known


def wall_of(colour) -> np.ndarray:
    return np.full((256, 256, 3), colour, np.float64)


def test_walls_that_no_key_can_tell_are_not_plain(film, truth):
    rng = np.random.default_rng(0)
    shelves = np.repeat(np.repeat(rng.uniform(0, 255, (16, 16, 3)), 16, 0), 16, 1)
    for wall, reason in (
        (shelves, "not plain"),
        (wall_of(128), "too little colour"),
        (wall_of([225, 165, 125]), "close to the skin"),
    ):
        found = Backdrop.of(film(wall), truth.points)
        assert not found.plain
        assert reason in found.why
        assert found.of_clip(film(wall), truth.points) is found


def test_other_hues_are_plain_too(film, truth):
    for colour in ([40, 190, 60], [40, 60, 200]):
        found = Backdrop.of(film(wall_of(colour)), truth.points)
        assert found.plain, found.why
        alpha = found.alpha(found.evened(film(wall_of(colour))[1], truth.points[1]), truth.points[1])
        assert np.abs(alpha - truth.alpha[1]).mean() < 0.01


def test_two_lights_become_one(two_clips, truth):
    frames, _, own = two_clips
    sure = truth.alpha == 1
    raw = np.abs(frames[1].astype(float) - frames[0])[sure].mean()
    evened = [np.stack([b.evened(f, p) for f, p in zip(fs, truth.points)]) for b, fs in zip(own, frames)]
    assert raw > 2.5
    assert np.abs(evened[1] - evened[0])[sure].mean() < 0.5 * raw  # the person, whom the fit sees only at the cheeks
    assert abs((evened[1] - evened[0])[sure].mean()) < 2.0
    assert own[1].drift > 2.0
    assert own[1].left < 0.3 * own[1].drift
    assert not own[1].odd


def test_a_frames_own_flicker_is_taken_out(two_clips, truth):
    frames, _, own = two_clips
    calm = own[0].evened(frames[0][2], truth.points[2])
    flickered = own[0].evened(np.clip(frames[0][2] + np.float32([4, -3, 2]), 0, 255), truth.points[2])
    assert np.abs(flickered - calm)[truth.alpha[2] == 1].mean() < 0.4


def test_a_clip_of_another_day_is_called_odd(film, truth):
    frames = film()
    shared = Backdrop.of(frames, truth.points)
    other = np.clip(frames @ np.diag([1.3, 0.95, 0.6]) + [25, 0, 0], 0, 255).astype(np.uint8)
    assert shared.of_clip(other, truth.points).odd
    assert not shared.of_clip(frames, truth.points).odd
