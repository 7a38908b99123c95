# SPDX-License-Identifier: GPL-3.0-or-later
"""Articulation carries each sound further to its target or less far: closures and vowels at once, within what the
performance does by itself. On the sample head's own sentence, in the millimetres of its rig."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.formats import read_head
from talksplat.core.performance import Controls, HeadReplay, Performance, read_performance
from talksplat.core.performance.articulation import SYLLABLE

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
WAVE = np.sin(np.arange(300)[:, None] * np.linspace(0.05, 0.3, 8)).astype(np.float32)  # 100 Hz: 0.8 to 4.8 Hz
REST = np.full(8, -0.3, np.float32)


def said(wave=WAVE, presence=None) -> Performance:
    silent = np.zeros(len(wave), np.float32)
    held = np.empty(0, np.float32) if presence is None else presence
    return Performance({"face": wave}, {"face": REST}, silent[:, None][:, :0], (), silent, "h", "a", presence=held)


SAID = said()
TIMES = st.fractions(Fraction(-1), Fraction(4), max_denominator=10**6)


def code(t, articulation, performance=SAID, **controls):
    return performance.at(t, Controls(articulation=articulation, **controls)).audio["face"]


@pytest.fixture(scope="module")
def openings():
    """openings(controls) -> [moments] mm of the sample head's lips, and the rig's misfit."""
    head = HeadReplay(read_head(SAMPLES / "sample.head"))
    performance = read_performance(SAMPLES / "voice.performance")
    lips = [channel.name for channel in head.rig.channels].index("lips_apart")

    def measured(**controls):
        moved = Controls(blinks=0, **controls)
        poses = [head.rig.pose_and_misfit(performance.at(t, moved)) for t in np.arange(0.3, 2.6, 0.02)]
        return np.array([pose[lips] for pose, _ in poses]), max(misfit for _, misfit in poses)

    return measured


def test_clear_speech_closes_tighter_and_opens_further_and_careless_speech_neither(openings):
    careless, spoken, clear = (openings(articulation=amount)[0] for amount in (0.6, 1.0, 1.4))
    syllable = np.hanning(27)  # 0.5 s from end to end
    around = np.convolve(np.pad(spoken, 13, "edge"), syllable / syllable.sum(), "valid")
    closures, vowels = spoken < around - 0.7, spoken > around + 0.7
    assert min(closures.sum(), vowels.sum()) > 15
    assert (careless[closures] > spoken[closures]).all()
    assert (spoken[closures] > clear[closures]).all()
    assert (careless[vowels] < spoken[vowels]).mean() > 0.9
    assert (spoken[vowels] < clear[vowels]).mean() > 0.9
    assert np.mean(careless[closures] - clear[closures]) > 1
    assert np.mean(clear[vowels] - careless[vowels]) > 0.7


def test_it_is_not_intensity(openings):
    """More intensity opens what is nearly closed, more articulation closes it."""
    spoken, louder, clearer = (openings(**moved)[0] for moved in ({}, {"intensity": 1.4}, {"articulation": 1.4}))
    nearly = (spoken > 0.3) & (spoken < 2)
    assert louder[nearly].mean() > spoken[nearly].mean() > clearer[nearly].mean()


@pytest.mark.parametrize("amount", [0.0, 2.0])
def test_the_networks_stay_where_they_know_the_mouth(openings, amount):
    spoken, misfit = openings()
    moved, beyond = openings(articulation=amount)
    assert beyond < max(2 * misfit, 0.3)
    assert moved.max() < 1.1 * spoken.max()


@given(TIMES, st.floats(0, 100), st.floats(0, 2))
def test_1_is_the_performance_to_the_bit(t, smoothing, intensity):
    plain = Controls(smoothing=smoothing, intensity=intensity)
    assert SAID.at(t, plain).audio["face"].tobytes() == code(t, 1.0, smoothing=smoothing, intensity=intensity).tobytes()


@given(TIMES, st.floats(-5, 5))
def test_no_number_goes_beyond_what_the_performance_does(t, amount):
    low, high = np.minimum(WAVE.min(axis=0), REST), np.maximum(WAVE.max(axis=0), REST)
    assert ((code(t, amount) >= low - 1e-6) & (code(t, amount) <= high + 1e-6)).all()


@given(TIMES, st.floats(0, 1.99))
def test_a_small_step_in_time_or_of_the_slider_is_a_small_change(t, amount):
    moved = code(t, amount)
    assert np.abs(code(t + Fraction(1, 10_000), amount) - moved).max() < 0.01
    assert np.abs(code(t, amount + 1e-3) - moved).max() < 0.01


def test_what_lasts_longer_than_a_syllable_stays_as_it_is():
    held = np.concatenate([np.tile(REST, (100, 1)), np.ones((200, 8), np.float32)])
    performance = said(held.astype(np.float32))
    inside = 1.0 + 1.1 * SYLLABLE
    for t in (inside, 2.0):
        np.testing.assert_allclose(code(t, 2.0, performance), 1.0, atol=1e-6)
    assert code(0.95, 0.0, performance).mean() > REST.mean() + 0.1, "careless speech anticipates"


def test_in_a_pause_the_mouth_is_at_rest_and_does_not_press_its_lips_before_it_speaks():
    presence = np.clip((np.arange(300) - 100) / 20, 0, 1).astype(np.float32)
    performance = said(presence=presence)
    for amount in (0.0, 2.0):
        for t in (0.5, 0.9, 1.0):
            assert code(t, amount, performance).tobytes() == REST.tobytes()
    assert np.abs(code(1.5, 2.0, performance) - code(1.5, 1.0, performance)).max() > 0.01


def test_a_delay_shifts_it_exactly():
    late = replace(Controls(blinks=0), articulation=1.7, delay=0.25)
    assert SAID.at(1.25, late).audio["face"].tobytes() == code(1.0, 1.7).tobytes()
