# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of time and of the eyes: smoothing, the rest in pauses, squint and gaze."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.formats.tensors import read_tensors, write_tensors
from talksplat.core.formats.user_error import UserError
from talksplat.core.performance.condition import (
    Performance,
    at_rest_in_pauses,
    read_performance,
    write_performance,
)
from talksplat.core.performance.controls import Controls

NAMES = ("blink_left", "blink_right", "squint", "brow_down", "gaze_x", "gaze_y")
COUNT, RATE = 200, 100
STILL = Controls(blinks=0)


def performance(seed=0, **changes):
    rng = np.random.default_rng(seed)
    parts = {
        "audio": {"face": rng.normal(size=(COUNT, 5)).astype(np.float32)},
        "rest": {"face": rng.normal(size=5).astype(np.float32)},
        "expression": rng.uniform(0, 0.3, (COUNT, 6)).astype(np.float32),
        "expression_names": NAMES,
        "loudness": np.ones(COUNT, np.float32),
        "head_hash": "h",
        "audio_hash": "a",
        "duration": 2.0,
    }
    return Performance(**{**parts, **changes})


P = performance()
PAUSE = np.interp(np.arange(COUNT), [0, 60, 80, 120, 140], [1, 1, 0, 0, 1]).astype(np.float32)
PAUSING = replace(P, presence=PAUSE)
TIMES = st.fractions(Fraction(0), P.end, max_denominator=10**4)
WIDTHS = st.floats(0, 300)


def code(performance, t, **controls):
    return performance.at(t, Controls(blinks=0, **controls)).audio["face"]


@given(TIMES, WIDTHS)
def test_smoothing_is_symmetric_in_time(t, width):
    backwards = replace(P, audio={"face": P.audio["face"][::-1].copy()})
    np.testing.assert_allclose(code(P, t, smoothing=width), code(backwards, P.end - t, smoothing=width), atol=1e-5)


@given(TIMES, st.floats(0, 10))
def test_smoothing_0_and_less_than_a_sample_is_the_identity(t, width):
    np.testing.assert_array_equal(code(P, t, smoothing=width), code(P, t))


@given(TIMES, WIDTHS)
def test_what_stands_still_is_not_moved_and_a_step_never_overshoots(t, width):
    track = np.repeat([[-1.0, 3.0, 0.5, 2.0, 2.0], [1.0, -3.0, 0.5, 2.0, 7.0]], COUNT // 2, axis=0).astype(np.float32)
    value = code(replace(P, audio={"face": track}), t, smoothing=width)
    assert value[2:4].tolist() == pytest.approx([0.5, 2.0], abs=1e-6)
    assert (value >= track.min(axis=0) - 1e-5).all()
    assert (value <= track.max(axis=0) + 1e-5).all()


@settings(deadline=None)
@given(TIMES, WIDTHS)
def test_a_little_more_smoothing_is_a_little_change(t, width):
    assert np.abs(code(P, t, smoothing=width + 0.01) - code(P, t, smoothing=width)).max() < 0.02


def test_smoothing_calms_and_costs_no_more_than_a_second_of_samples():
    def restlessness(width):
        return np.abs(np.diff([code(P, t, smoothing=width) for t in np.arange(0.5, 1.5, 0.01)], axis=0)).mean()

    steps = [restlessness(width) for width in (0, 30, 80, 200)]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] < 0.05 * steps[0]
    np.testing.assert_array_equal(code(P, 1, smoothing=1e300), code(P, 1, smoothing=1000))
    np.testing.assert_array_equal(code(P, 1, smoothing=-50), code(P, 1))


@given(TIMES)
def test_rest_in_pauses_goes_from_the_sound_to_the_rest(t):
    """1 is what a performance at rest in its pauses has stored so far, to the bit; 0 is the sound alone."""
    stored = replace(P, audio={"face": at_rest_in_pauses(P.audio["face"], P.rest["face"], PAUSE)})
    np.testing.assert_array_equal(code(PAUSING, t), code(stored, t))
    np.testing.assert_array_equal(code(PAUSING, t, rest_in_pauses=0), code(P, t))
    half = code(PAUSING, t, rest_in_pauses=0.5)
    np.testing.assert_allclose(half, (code(PAUSING, t) + code(P, t)) / 2, atol=1e-5)


@pytest.mark.parametrize("with_pauses", [False, True])
def test_the_file_keeps_the_pauses_and_without_any_is_the_file_of_before(tmp_path, with_pauses):
    written = PAUSING if with_pauses else P
    write_performance(tmp_path / "a.performance", written)
    arrays, metadata = read_tensors(tmp_path / "a.performance")
    assert ("presence" in arrays) == with_pauses
    assert f'"version":{2 if with_pauses else 1}' in metadata["card"]
    back = read_performance(tmp_path / "a.performance")
    for t in (0.3, 0.7, 1.01):
        np.testing.assert_array_equal(code(back, t, rest_in_pauses=0.3), code(written, t, rest_in_pauses=0.3))


@pytest.mark.parametrize(
    "presence",
    [PAUSE[1:], PAUSE[:, None], PAUSE.astype(np.float64), PAUSE * 2, PAUSE - 1, PAUSE * np.nan, np.empty((0, 3), "f4")],
)
def test_damaged_pauses_are_found(tmp_path, presence):
    write_performance(tmp_path / "a.performance", PAUSING)
    arrays, metadata = read_tensors(tmp_path / "a.performance")
    write_tensors(tmp_path / "b.performance", {**arrays, "presence": presence}, metadata)
    with pytest.raises(UserError, match=r"b\.performance"):
        read_performance(tmp_path / "b.performance")


def eyes(**controls):
    calm = performance(expression=np.tile(np.float32([0, 0, 0.2, 0, 0.1, -0.4]), (COUNT, 1)))
    return calm.at(1, Controls(blinks=0, **controls)).expression.tolist()


@pytest.mark.parametrize(
    ("controls", "index", "value"),
    [
        ({"squint": 0.5}, 2, 0.7),
        ({"squint": 1}, 2, 1.0),
        ({"gaze_x": -0.6}, 4, -0.5),
        ({"gaze_x": 1}, 4, 1.0),
        ({"gaze_y": -1}, 5, -1.0),
        ({"gaze_y": 0.4}, 5, 0.0),
    ],
)
def test_squint_and_gaze_move_their_own_channel_alone(controls, index, value):
    before, after = eyes(), eyes(**controls)
    assert after[index] == pytest.approx(value, abs=1e-6)
    assert [v for i, v in enumerate(after) if i != index] == [v for i, v in enumerate(before) if i != index]
