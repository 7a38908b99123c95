# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's numbers mean what they say: angles have their signs, a late sound is found."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.metrics import lip_offset
from talksplat.core.preparing.clip_rows import frame_loudness, head_angles
from talksplat.core.preparing.sound_faults import sound_warnings

FACING = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def rotation(axis, degrees):
    axis, angle = np.array(axis, float), np.radians(degrees)
    K = np.cross(np.eye(3), axis)
    return np.eye(3) - np.sin(angle) * K + (1 - np.cos(angle)) * K @ K


@pytest.mark.parametrize(("axis", "column"), [((0, 0, 1), 0), ((1, 0, 0), 1), ((0, 1, 0), 2)])
def test_head_angles(axis, column):
    """Head space: about +Z to its own left, about +X the nose goes up (-Y towards -Z is down), about +Y to the side."""
    turned = rotation(axis, 20)
    viewmat = np.eye(4)
    viewmat[:3, :3] = FACING @ turned
    nose, crown = turned @ (0, -1, 0), turned @ (0, 0, 1)
    expected = {0: nose[0], 1: -nose[2], 2: crown[0]}[column]
    found = head_angles(viewmat[None])[0]
    assert np.sign(found[column]) == np.sign(expected)
    assert abs(found[column]) == pytest.approx(20)
    np.testing.assert_allclose(np.delete(found, column), 0, atol=1e-9)


@pytest.mark.parametrize("delay", [-4, 0, 3])
def test_a_shifted_sound_is_found(delay):
    rng = np.random.default_rng(0)
    gap = np.convolve(rng.random(140) > 0.5, np.ones(5) / 5, "same")[:120] * 10
    samples = np.repeat(np.roll(gap, delay), 640) * rng.normal(0, 0.02, 120 * 640)
    found = lip_offset(gap, frame_loudness(samples, 120, Fraction(25)), 25)
    assert found.fine == pytest.approx(-delay - 0.5, abs=0.8)
    assert found.r > 0.7


def figures(late=None, follow=None, speech=70.0):
    return {"lips_late_frames": late, "lips_follow_sound": follow, "speech_percent": speech}


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (figures(), []),
        (figures(1.0, True), []),
        (figures(6.0, True), ["240 ms) late"]),
        (figures(-6.0, True), ["240 ms) early"]),
        (figures(None, False), ["the lips do not move with the sound"]),
        (figures(None, None, 4.0), ["hardly any speech is heard (4 % of the time)"]),
        (figures(None, False, 0.0), ["hardly any speech", "the lips do not move"]),
    ],
)
def test_what_is_wrong_with_a_sound_is_said_and_nothing_else(measured, words):
    sentences = list(sound_warnings(Path("anna"), measured, Fraction(25)))
    assert len(sentences) == len(words)
    assert all(sentence.startswith("anna: ") and word in sentence for sentence, word in zip(sentences, words))
    late_at_50 = list(sound_warnings(Path("anna"), figures(6.0, True), Fraction(50)))
    assert late_at_50 == [], "six frames are 120 ms there"
