# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pictures are looked at: a function of the step; windows slide from the widest to closed; nothing is rare."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.training.picture_sampler import PictureSampler, blink_values, picture_probabilities
from talksplat.core.training.training_settings import CPU

S = replace(CPU, static_steps=100, move_steps=2100, fuse_steps=50, gap_every=7, blink_every=15)
RNG = np.random.default_rng(0)
GAPS, BLINKS = RNG.exponential(0.003, 800), np.where(RNG.random(800) < 0.03, RNG.uniform(0.5, 1, 800), 0.02)
FACING = np.arange(800) % 10 != 0


@pytest.fixture
def sampler():
    made = PictureSampler(S, GAPS, BLINKS, FACING)
    made.reference_rows, made.rest_rows = np.arange(5, 9), np.arange(700, 720)
    return made


def values_of(sample):
    return sample.row, sample.cropped, sample.silent, sample.rng.random()


def test_a_step_is_a_function_of_seed_and_number(sampler):
    other = PictureSampler(S, GAPS, BLINKS, FACING)
    other.reference_rows, other.rest_rows = sampler.reference_rows, sampler.rest_rows
    forwards = [values_of(sampler.at(t)) for t in range(40)]
    assert forwards == [values_of(other.at(t)) for t in reversed(range(40))][::-1]
    assert forwards != [values_of(PictureSampler(replace(S, seed=1), GAPS, BLINKS, FACING).at(t)) for t in range(40)]


def test_windows_slide_from_widest_to_closed(sampler):
    for values, every in ((GAPS, 7), (BLINKS, 15)):
        steps = [t for t in range(100, 2200, every) if every == 7 or (t - 100) % 7]
        choices = [sampler.at(t) for t in steps]
        slid = [(t, c.row) for t, c in zip(steps, choices) if not c.silent]
        top, width = values[FACING].max(), np.ptp(values[FACING])
        for t, place in slid:
            away = np.abs(values - (top - (t - 100) / 2100 * width))
            eighth = np.sort(away[FACING])[7]
            assert FACING[place]
            assert away[place] <= max(S.slide / 2 * width, eighth) + 1e-12


def test_static_looks_often_at_the_canonical_mouth(sampler):
    share = np.mean([sampler.at(t).row in sampler.reference_rows for t in range(100)])
    assert 0.35 < share < 0.65


def test_rest_is_shown_as_often_as_asked_and_never_in_static(sampler):
    silent = [t for t in range(2250) if sampler.at(t).silent]
    assert min(silent) >= 100
    assert 0.02 < len(silent) / 2150 < 0.06
    assert all(sampler.at(t).row in sampler.rest_rows for t in silent)
    assert not any(PictureSampler(S, GAPS, BLINKS, FACING).at(t).silent for t in range(300))


def test_rare_openings_and_blinks_are_drawn_more_often():
    probability = picture_probabilities(GAPS, BLINKS, FACING)
    assert probability.sum() == pytest.approx(1)
    shut, wide = BLINKS > 0.5, np.percentile(GAPS, 95) < GAPS
    assert probability[shut].sum() > 1.7 * shut.mean()
    assert probability[wide].sum() > 1.7 * wide.mean()
    assert probability[~FACING].sum() < np.mean(~FACING)


def test_footage_without_blinks_has_none_to_look_for():
    assert not blink_values(np.ones((4, 2)), ("brow", "jaw")).any()
    assert np.allclose(blink_values(np.array([[0.2, 9, 0.4]]), ("blink_left", "jaw", "Blink_right")), 0.3)
    assert PictureSampler(S, GAPS, np.zeros(800), FACING).blinks is None
