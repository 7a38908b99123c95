# SPDX-License-Identifier: GPL-3.0-or-later
"""Chunks with times of their own become one sound: holes, overlaps, rounded time stamps, a change of rate."""

from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio.timeline import TOLERANCE, Timeline
from talksplat.core.formats.user_error import UserError

RATE = 16000


def placed(*chunks, target=RATE, longest=60.0):
    """chunks: (seconds or None, rate, samples [S]) -> [L]."""
    timeline = Timeline(Path("voice.wav"), target, 1, longest)
    for time, rate, samples in chunks:
        timeline.add(time, rate, np.asarray(samples, np.float32)[:, None])
    return timeline.finish()[:, 0]


def ones(count, value=1.0):
    return np.full(count, value, np.float32)


def test_a_hole_is_silence_and_an_overlap_is_cut():
    whole = placed((0.0, RATE, ones(1600)), (0.3, RATE, ones(1600, 0.5)), (0.35, RATE, ones(1600, 0.25)))
    wanted = np.concatenate([ones(1600), np.zeros(3200), ones(1600, 0.5), ones(800, 0.25)])
    assert np.array_equal(whole, wanted)


def test_a_chunk_that_overlaps_wholly_adds_nothing():
    assert np.array_equal(placed((0.0, RATE, ones(8000)), (0.1, RATE, ones(1600, 2.0))), ones(8000))


def test_rounded_time_stamps_leave_no_gap():
    stamps = np.round(np.arange(200) * 1024 / RATE, 2)  # a hundredth of a second
    assert np.array_equal(placed(*((t, RATE, ones(1024)) for t in stamps)), ones(200 * 1024))
    assert len(placed((0.0, RATE, ones(1600)), (None, RATE, ones(1600)))) == 3200
    assert len(placed((0.0, RATE, ones(1600)), (0.1 + 1.5 * TOLERANCE, RATE, ones(1600)))) == 3200 + round(
        1.5 * TOLERANCE * RATE
    )


def test_the_first_chunk_is_placed_to_the_sample_and_cut_before_zero():
    assert np.array_equal(placed((0.01, RATE, ones(100))), np.concatenate([np.zeros(160), ones(100)]))
    assert np.array_equal(placed((-0.05, RATE, ones(100)), (-0.04375, RATE, ones(900))), ones(200))


@pytest.mark.parametrize("rates", [(8000, 48000), (44100, 16000), (16000, 22050)])
def test_a_change_of_rate_is_followed(rates):
    """Ten tones of a tenth of a second at changing rates: the same tone throughout, in its place."""
    chunks = []
    for k in range(10):
        rate = rates[k % 2]
        t = k / 10 + np.arange(rate // 10) / rate
        chunks.append((k / 10, rate, np.sin(2 * np.pi * 200 * t)))
    whole = placed(*chunks)
    assert abs(len(whole) - RATE) <= 2
    inside = np.concatenate([np.arange(k * 1600 + 200, k * 1600 + 1400) for k in range(10)])
    assert np.abs(whole[inside] - np.sin(2 * np.pi * 200 * inside / RATE)).max() < 0.01


@pytest.mark.parametrize("rate", [0, 999, 10**7])
def test_an_impossible_rate_is_an_error(rate):
    with pytest.raises(UserError, match=r"voice\.wav claims"):
        placed((0.0, rate, ones(10)))


def test_a_sound_that_is_too_long_is_an_error_before_it_is_stored():
    with pytest.raises(UserError, match="longer than"):
        placed((1e9, RATE, ones(10)))
    with pytest.raises(UserError, match="longer than"):
        placed((0.0, RATE, ones(3 * RATE)), longest=2.0)
