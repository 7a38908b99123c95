# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pictures are looked at: a function of the step; windows slide from the widest to closed; nothing is rare."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.training.sampling import Sampling, blinks_of, chances
from talksplat.core.training.training_settings import CPU

S = replace(CPU, static_steps=100, move_steps=2100, fuse_steps=50, gap_every=7, blink_every=15)
RNG = np.random.default_rng(0)
GAPS, BLINKS = RNG.exponential(0.003, 800), np.where(RNG.random(800) < 0.03, RNG.uniform(0.5, 1, 800), 0.02)
FACING = np.arange(800) % 10 != 0


@pytest.fixture
def sampling():
    made = Sampling(S, GAPS, BLINKS, FACING)
    made.alike, made.resting = np.arange(5, 9), np.arange(700, 720)
    return made


def drawn(choice):
    return choice.place, choice.part, choice.quiet, choice.rng.random()


def test_a_step_is_a_function_of_seed_and_number(sampling):
    other = Sampling(S, GAPS, BLINKS, FACING)
    other.alike, other.resting = sampling.alike, sampling.resting
    forwards = [drawn(sampling.at(t)) for t in range(40)]
    assert forwards == [drawn(other.at(t)) for t in reversed(range(40))][::-1]
    assert forwards != [drawn(Sampling(replace(S, seed=1), GAPS, BLINKS, FACING).at(t)) for t in range(40)]


def test_windows_slide_from_widest_to_closed(sampling):
    for values, every in ((GAPS, 7), (BLINKS, 15)):
        steps = [t for t in range(100, 2200, every) if every == 7 or (t - 100) % 7]
        choices = [sampling.at(t) for t in steps]
        slid = [(t, c.place) for t, c in zip(steps, choices) if not c.quiet]
        top, width = values[FACING].max(), np.ptp(values[FACING])
        for t, place in slid:
            away = np.abs(values - (top - (t - 100) / 2100 * width))
            eighth = np.sort(away[FACING])[7]
            assert FACING[place]
            assert away[place] <= max(S.slide / 2 * width, eighth) + 1e-12


def test_static_looks_often_at_the_canonical_mouth(sampling):
    share = np.mean([sampling.at(t).place in sampling.alike for t in range(100)])
    assert 0.35 < share < 0.65


def test_rest_is_shown_as_often_as_asked_and_never_in_static(sampling):
    quiet = [t for t in range(2250) if sampling.at(t).quiet]
    assert min(quiet) >= 100
    assert 0.02 < len(quiet) / 2150 < 0.06
    assert all(sampling.at(t).place in sampling.resting for t in quiet)
    assert not any(Sampling(S, GAPS, BLINKS, FACING).at(t).quiet for t in range(300))


def test_rare_openings_and_blinks_are_drawn_more_often():
    chance = chances(GAPS, BLINKS, FACING)
    assert chance.sum() == pytest.approx(1)
    shut, wide = BLINKS > 0.5, np.percentile(GAPS, 95) < GAPS
    assert chance[shut].sum() > 1.7 * shut.mean()
    assert chance[wide].sum() > 1.7 * wide.mean()
    assert chance[~FACING].sum() < np.mean(~FACING)


def test_footage_without_blinks_has_none_to_look_for():
    assert not blinks_of(np.ones((4, 2)), ("brow", "jaw")).any()
    assert np.allclose(blinks_of(np.array([[0.2, 9, 0.4]]), ("blink_left", "jaw", "Blink_right")), 0.3)
    assert Sampling(S, GAPS, np.zeros(800), FACING).blinks is None
