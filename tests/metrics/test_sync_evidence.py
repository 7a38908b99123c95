# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clips in sync were told that their lips were 14 and 3.5 frames late: an offset is told only where many stretches
agree on it."""

from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import load_sound
from talksplat.core.metrics import is_certain, is_unrelated, offset_stretches, pool_offsets
from talksplat.core.preparing.clip_rows import frame_loudness

RATE = Fraction(25)
GAPS = Path(__file__).resolve().parents[1] / "fixtures" / "grid" / "lip_gaps.npz"


def track(seconds, rng):
    """[T] syllables of 0.1 to 0.4 s at uneven times, as a lip gap or a loudness moves."""
    out, at = np.zeros(25 * seconds), 0
    while at < len(out):
        length = int(rng.integers(3, 10))
        out[at : at + length] = rng.random() * np.hanning(length + 2)[1:-1][: len(out) - at]
        at += length + int(rng.integers(0, 12))
    return out


def lips_after(sound, frames, rng, noise):
    """[T] lips that follow the sound so many frames later, among movements of their own."""
    own = track(len(sound) // 25 + 2, rng)[: len(sound)]
    return np.roll(sound, frames) + noise * own


@pytest.mark.parametrize("late", [-9, -3, 0, 4, 12])
@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_a_known_lag_is_told_and_told_right(late, noise):
    rng = np.random.default_rng(7)
    sound = track(90, rng)
    stretches = offset_stretches(lips_after(sound, late, rng, noise), sound, RATE)
    assert len(stretches) == 30
    assert is_certain(stretches)
    assert not is_unrelated(stretches)
    assert pool_offsets(stretches).fine == pytest.approx(late, abs=0.7)


def test_lips_of_another_film_have_no_lag():
    rng, told, unrelated = np.random.default_rng(1), 0, 0
    for _ in range(60):
        stretches = offset_stretches(track(90, rng), track(90, rng), RATE)
        told += is_certain(stretches)
        unrelated += is_unrelated(stretches)
    assert told == 0
    assert unrelated > 45
    still = offset_stretches(np.zeros(2250), track(90, rng), RATE)
    assert is_unrelated(still)
    assert not is_certain(still)


def test_a_short_film_is_told_nothing():
    rng = np.random.default_rng(2)
    for seconds in (0, 1, 3, 6, 9):
        sound = track(seconds, rng)
        stretches = offset_stretches(sound, sound, RATE)
        assert len(stretches) == seconds // 3
        assert not is_certain(stretches)
        assert not is_unrelated(stretches)


def test_two_real_clips_in_sync_are_told_nothing_and_more_of_them_nothing_wrong(shared_data):
    with np.load(GAPS) as stored:
        gaps = dict(zip(stored["clips"].tolist(), stored["lip_gap"]))
    parts = []
    for name, gap in gaps.items():
        samples = load_sound(shared_data / "grid_s1_train" / f"{name}.mpg").samples
        parts += offset_stretches(gap, frame_loudness(samples, len(gap), RATE), RATE)
    assert max(abs(part.fine) for part in parts) > 4, "alone, one of them would be told that it is far off"
    assert not any(is_certain(pair) for pair in combinations(parts, 2))
    for count in (4, 5, 6, 8):
        told = [pool_offsets(some).fine for some in combinations(parts, count) if is_certain(some)]
        assert all(abs(fine) < 3 for fine in told)
