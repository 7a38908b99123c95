# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's numbers mean what they say: angles have their signs, a late sound is found."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio.sound import Sound, write_wav
from talksplat.core.metrics import lip_offset
from talksplat.core.preparing.clip_rows import frame_loudness, head_angles, sync_warning

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
def test_a_shifted_sound_is_found(tmp_path, delay):
    rng = np.random.default_rng(0)
    gap = np.convolve(rng.random(140) > 0.5, np.ones(5) / 5, "same")[:120] * 10
    samples = np.repeat(np.roll(gap, delay), 640) * rng.normal(0, 0.02, 120 * 640)
    write_wav(tmp_path / "voice.wav", Sound(samples.astype(np.float32)))
    loud = frame_loudness(tmp_path / "voice.wav", 120, Fraction(25))
    found = lip_offset(gap, loud, 25)
    assert found.fine == pytest.approx(-delay - 0.5, abs=0.8)
    assert found.r > 0.7


@pytest.mark.parametrize(
    ("frames", "r", "seconds", "expected"),
    [
        (1.0, 0.6, 60, ""),
        (9.0, 0.05, 60, ""),
        (9.0, 0.6, 3, ""),
        (None, None, 60, ""),
        (6.0, 0.6, 60, "240 ms) late"),
        (-6.0, 0.6, 60, "early"),
    ],
)
def test_late_lips_are_warned_about_when_it_is_sure(frames, r, seconds, expected):
    sentence = sync_warning(Path("out"), {"lips_late_frames": frames, "lips_r": r, "seconds": seconds}, Fraction(25))
    assert expected in sentence
    assert bool(expected) == bool(sentence)
