# SPDX-License-Identifier: GPL-3.0-or-later
"""Blendshapes to channels: a person's rest level, symmetric time, and what a blink hides."""

import numpy as np
import pytest

from talksplat.core.tracking.channels import EXPRESSION_CHANNELS, MAX_GAZE, estimate_rest_levels, expression_channels
from talksplat.core.tracking.landmarker import BLENDSHAPES

SHAPE = {name: i for i, name in enumerate(BLENDSHAPES)}
CHANNEL = {name: i for i, name in enumerate(EXPRESSION_CHANNELS)}


def at_rest(frames: int = 100) -> np.ndarray:
    values = np.zeros((frames, len(BLENDSHAPES)))
    values[:, SHAPE["eyeBlinkLeft"]] = values[:, SHAPE["eyeBlinkRight"]] = 0.1
    values[:, SHAPE["browInnerUp"]] = 0.03
    values[:, SHAPE["eyeLookDownLeft"]] = values[:, SHAPE["eyeLookDownRight"]] = 0.2
    return values


def test_rest_is_zero():
    clip = at_rest()
    np.testing.assert_allclose(expression_channels(clip, estimate_rest_levels(clip)), 0, atol=1e-6)


def test_a_blink_is_not_late():
    clip = at_rest()
    for side in ("Left", "Right"):
        clip[49:52, SHAPE[f"eyeBlink{side}"]] = 0.6
        clip[49:52, SHAPE[f"eyeLookDown{side}"]] = 0.8  # MediaPipe's mistake
    channels = expression_channels(clip, estimate_rest_levels(clip))
    blink = channels[:, CHANNEL["blink_left"]]
    assert blink.argmax() == 50
    assert blink[50] > 0.8
    np.testing.assert_allclose(blink[40:61], blink[40:61][::-1], atol=1e-5)
    assert np.abs(channels[:, CHANNEL["gaze_y"]]).max() < 0.02  # the gaze behind the lid is interpolated
    assert channels.min() >= -MAX_GAZE


def test_the_rest_level_is_the_persons():
    """Brows that stay up for one clip of five are up, not at rest; a clip's own rest level would hide them."""
    clips = [at_rest() for _ in range(5)]
    clips[2][:, SHAPE["browInnerUp"]] = 0.13
    rest = estimate_rest_levels(np.concatenate(clips))
    assert expression_channels(clips[2], rest)[:, CHANNEL["brow_inner_up"]].mean() == pytest.approx(0.6, abs=0.01)
    assert expression_channels(clips[0], rest)[:, CHANNEL["brow_inner_up"]].max() < 0.01
    assert expression_channels(clips[2], estimate_rest_levels(clips[2]))[:, CHANNEL["brow_inner_up"]].max() < 0.01


def test_gaze_to_the_own_left_is_positive():
    clip = at_rest()
    clip[30:70, SHAPE["eyeLookOutLeft"]] = clip[30:70, SHAPE["eyeLookInRight"]] = 0.4
    channels = expression_channels(clip, estimate_rest_levels(clip))[:, CHANNEL["gaze_x"]]
    assert channels[50] == pytest.approx(0.4, abs=0.02)
    assert abs(channels[5]) < 0.02


def test_unseen_frames_are_interpolated():
    clip = at_rest()
    rest = estimate_rest_levels(clip)
    seen = np.ones(100, bool)
    seen[40:50] = False
    clip[40:50] = 1.0
    np.testing.assert_allclose(expression_channels(clip, rest, seen=seen), 0, atol=1e-3)
    assert not expression_channels(clip, rest, seen=np.zeros(100, bool)).any()


def test_another_number_of_blendshapes_is_an_error():
    with pytest.raises(ValueError, match="blendshapes"):
        estimate_rest_levels(np.zeros((5, 51)))
