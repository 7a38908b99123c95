# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance over continuous time, its controls, and its file."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.formats.tensors import read_tensors, write_tensors
from talksplat.core.formats.user_error import UserError
from talksplat.core.performance.condition import EASE, Performance, read_performance, write_performance
from talksplat.core.performance.controls import CONTROLS, Controls
from talksplat.core.performance.upper_face import blink_at

NAMES = ("blink_left", "blink_right", "squint", "brow_inner_up", "brow_down", "gaze_x")
STILL = Controls(blinks=0)
SECONDS = 3


def performance(seed=0, **changes):
    """Smooth random codes at 100 Hz from -0.25 s on; no blinks of its own."""
    rng = np.random.default_rng(seed)
    samples = SECONDS * 100
    wave = np.sin(np.linspace(0, 20, samples)[:, None] * rng.uniform(0.5, 2, 70) + rng.uniform(0, 6, 70))
    parts = {
        "audio": {"face": wave[:, :32].astype(np.float32), "mouth": wave[:, 32:64].astype(np.float32)},
        "rest": {k: rng.normal(size=32).astype(np.float32) for k in ("face", "mouth")},
        "expression": (wave[:, 64:] * 0.2 + 0.2).astype(np.float32),
        "expression_names": NAMES,
        "loudness": np.abs(wave[:, 0]).astype(np.float32),
        "head_hash": "h" * 64,
        "audio_hash": "a" * 64,
        "audio_name": "line 1 – ëß.wav",
        "duration": 2.5,
        "start": Fraction(-1, 4),
    }
    return Performance(**{**parts, **changes})


P = performance()
TIMES = st.fractions(Fraction(-2), Fraction(5), max_denominator=10**6)


def flat(condition):
    return np.concatenate([*condition.audio.values(), condition.expression])


def test_at_a_sample_it_is_the_sample():
    for i in (0, 1, 150, SECONDS * 100 - 1):
        moment = P.at(P.start + i / P.rate, STILL)
        for name in P.audio:
            np.testing.assert_array_equal(moment.audio[name], P.audio[name][i])
        np.testing.assert_array_equal(moment.expression, P.expression[i])


def test_between_two_samples_it_stays_between_them():
    for i in range(40, 60):
        pair = P.audio["mouth"][i : i + 2]
        code = P.at(P.start + (i + Fraction(1, 3)) / P.rate, STILL).audio["mouth"]
        assert (code >= pair.min(0) - 1e-6).all()
        assert (code <= pair.max(0) + 1e-6).all()


@settings(max_examples=300, deadline=None)
@given(
    TIMES,
    st.builds(
        Controls,
        intensity=st.floats(0, 2),
        delay=st.floats(-1, 1),
        blink=st.floats(0, 1),
        blinks=st.floats(0, 60),
        brows=st.floats(-1, 1),
    ),
)
def test_a_small_step_in_time_is_a_small_change(t, controls):
    """Everywhere, the ends, the blinks and every control included: 1/10 ms moves no channel by more than 1 %."""
    dt = Fraction(1, 10_000)
    assert np.abs(flat(P.at(t + dt, controls)) - flat(P.at(t, controls))).max() < 0.01


@settings(max_examples=200, deadline=None)
@given(TIMES, st.floats(0, 59), st.floats(0, 1.9))
def test_a_small_move_of_a_slider_is_a_small_change(t, blinks, intensity):
    small = Controls(blinks=blinks, intensity=intensity)
    large = Controls(blinks=blinks + 1e-3, intensity=intensity + 1e-4)
    assert np.abs(flat(P.at(t, large)) - flat(P.at(t, small))).max() < 0.01


@given(TIMES, st.floats(-1, 1))
def test_a_delay_shifts_exactly(t, delay):
    late, plain = P.at(t + Fraction(delay), replace(STILL, delay=delay)), P.at(t, STILL)
    assert flat(late).tobytes() == flat(plain).tobytes()


def test_a_delay_does_not_move_the_blinks():
    quiet = performance(expression=np.zeros((SECONDS * 100, 6), np.float32))
    for t in np.linspace(-1, 30, 200):
        assert quiet.at(t, Controls(delay=0.7)).expression.tolist() == quiet.at(t, Controls()).expression.tolist()


@given(TIMES)
def test_intensity_zero_is_the_rest_itself(t):
    moment = P.at(t, Controls(intensity=0))
    assert all((moment.audio[name] == P.rest[name]).all() for name in P.rest)


def test_intensity_scales_the_way_from_rest():
    one, two = P.at(0.7, STILL), P.at(0.7, Controls(blinks=0, intensity=2))
    for name, rest in P.rest.items():
        np.testing.assert_allclose(two.audio[name] - rest, 2 * (one.audio[name] - rest), atol=1e-5)
    np.testing.assert_array_equal(one.expression, two.expression)


@pytest.mark.parametrize("t", [P.start - Fraction(EASE) * 2, P.end + Fraction(EASE) * 2, -1e30, 1e300])
def test_beyond_the_ends_the_head_rests(t):
    moment = P.at(t, STILL)
    assert all((moment.audio[name] == P.rest[name]).all() for name in P.rest)
    assert (moment.expression == 0).all()


def blinks_in(performance, start, stop, rate):
    times = np.arange(start, stop, 0.01)
    lids = np.array([performance.at(t, Controls(blinks=rate)).expression[0] for t in times])
    closed = lids > 0.5
    starts = np.flatnonzero(closed[1:] & ~closed[:-1])
    ends = np.flatnonzero(closed[:-1] & ~closed[1:])
    return lids, starts, ends


def test_natural_blinks_are_human():
    quiet = performance(expression=np.zeros((SECONDS * 100, 6), np.float32))
    for rate in (6, 12, 20):
        lids, starts, ends = blinks_in(quiet, 0, 180, rate)
        assert 3 * rate - 4 <= len(starts) <= 3 * rate + 1
        assert lids.max() == 1.0
        width = (ends - starts[: len(ends)]) * 0.01
        assert np.percentile(width, 50) == pytest.approx(0.15, abs=0.02)
        gaps = np.diff(starts) * 0.01
        assert gaps.min() > 0.3
        assert gaps.std() > 0.5  # no metronome
    for window in range(120):
        assert ((starts * 0.01 >= window) & (starts * 0.01 < window + 60)).sum() <= 20 + 1
    assert blinks_in(quiet, 0, 60, 0)[0].max() == 0


def test_a_keyed_blink_rate_fades_blinks_in():
    moments = np.arange(0, 20, 0.05)
    for before in np.arange(0, 60, 1.0):
        steps = np.array([[blink_at(t, before + step, "a") for t in moments[::7]] for step in np.arange(0, 1.05, 0.05)])
        assert np.abs(np.diff(steps, axis=0)).max() < 0.1


def test_other_sounds_blink_at_other_moments_and_the_same_sound_again():
    quiet = {"expression": np.zeros((SECONDS * 100, 6), np.float32)}
    first, same, other = (performance(**quiet, audio_hash=h) for h in ("a", "a", "b"))
    lids = [blinks_in(p, 0, 30, 12)[0] for p in (first, same, other)]
    np.testing.assert_array_equal(lids[0], lids[1])
    assert (lids[0] != lids[2]).any()


def test_a_performance_with_blinks_gets_no_others():
    own = np.zeros((SECONDS * 100, 6), np.float32)
    own[50:60, 0] = 1.0
    assert blinks_in(performance(expression=own), 0.4, 60, 30)[0].max() == 0


@pytest.mark.parametrize(
    ("controls", "up", "down"),
    [
        (Controls(blinks=0, brows=1), 1.0, 0.0),
        (Controls(blinks=0, brows=-1), 0.0, 1.0),
        (Controls(blinks=0, brows=0.25), 0.55, 0.0),
    ],
)
def test_brows_and_blink_sliders(controls, up, down):
    held = np.tile(np.array([0.2, 0.0, 0.3, 0.3, 0.1, -0.5], np.float32), (SECONDS * 100, 1))
    p = performance(expression=held)
    left, right, squint, inner_up, brow_down, gaze = p.at(1.0, controls).expression
    assert (inner_up, brow_down) == (pytest.approx(up), pytest.approx(down))
    assert (left, right, squint, gaze) == tuple(held[0][[0, 1, 2, 5]])
    lids = p.at(1.0, replace(controls, blink=0.9)).expression[:2]
    assert lids.tolist() == pytest.approx([1.0, 0.9])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", CONTROLS)
def test_controls_that_are_not_finite_are_rejected(name, value):
    with pytest.raises(UserError, match=f"{name} is not a finite number"):
        P.at(0.0, Controls(**{name: value}))


@pytest.mark.parametrize("t", [float("nan"), float("inf")])
def test_a_time_that_is_not_finite_is_rejected(t):
    with pytest.raises(UserError, match="time"):
        P.at(t)


def test_one_sample_and_no_expression_are_enough():
    p = performance(
        audio={"face": P.audio["face"][:1]},
        rest={"face": P.rest["face"]},
        loudness=P.loudness[:1],
        expression=np.zeros((1, 0), np.float32),
        expression_names=(),
    )
    moment = p.at(p.start)
    np.testing.assert_array_equal(moment.audio["face"], P.audio["face"][0])
    assert moment.expression.shape == (0,)


def test_the_file_brings_back_every_bit(tmp_path):
    write_performance(tmp_path / "a.performance", P)
    back = read_performance(tmp_path / "a.performance")
    for t in (Fraction(-1, 3), Fraction(1, 7), Fraction(29, 10)):
        assert flat(back.at(t)).tobytes() == flat(P.at(t)).tobytes()
    for name in ("expression_names", "head_hash", "audio_hash", "audio_name", "duration", "rate", "start", "end"):
        assert getattr(back, name) == getattr(P, name)
    np.testing.assert_array_equal(back.loudness, P.loudness)


def spoiled_card(**changes):
    def spoil(arrays, metadata):
        metadata["card"] = json.dumps({**json.loads(metadata["card"]), **changes})

    return spoil


def spoiled(name, make):
    return lambda arrays, metadata: arrays.update({name: make(arrays[name])})


def with_nan(array):
    return np.where(np.arange(array.size).reshape(array.shape) == 3, np.nan, array).astype(np.float32)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a, m: a.pop("rest.face"),
        lambda a, m: a.pop("loudness"),
        lambda a, m: a.update(extra=a["loudness"]),
        lambda a, m: m.update(format="talksplat.head"),
        lambda a, m: m.pop("card"),
        lambda a, m: m.update(card="{"),
        lambda a, m: [a.pop(k) for k in list(a) if "face" in k or "mouth" in k],
        spoiled("audio.face", with_nan),
        spoiled("loudness", with_nan),
        spoiled("rest.mouth", lambda v: v * np.float32(1e30)),
        spoiled("audio.mouth", lambda v: v[:-1]),
        spoiled("audio.face", lambda v: v[:, :5]),
        spoiled("expression", lambda v: v[:, :2]),
        spoiled("expression", lambda v: v.astype(np.float64)),
        spoiled("expression", lambda v: v[0]),
        spoiled("loudness", lambda v: v[:0]),
        spoiled("loudness", lambda v: v[0]),
        spoiled("rest.face", lambda v: v[0]),
        spoiled("audio.face", lambda v: v.astype(np.int32)),
        spoiled_card(version=99),
        spoiled_card(version=None),
        spoiled_card(rate="0/1"),
        spoiled_card(rate="24/0"),
        spoiled_card(rate="99999/1"),
        spoiled_card(start=[1, 0]),
        spoiled_card(start=[1]),
        spoiled_card(duration=-1),
        spoiled_card(expression_names=["a"]),
        spoiled_card(expression_names="abcdef"),
        spoiled_card(surprise=1),
    ],
)
def test_an_invalid_file_is_rejected_by_name(tmp_path, spoil):
    write_performance(tmp_path / "good.performance", P)
    arrays, metadata = read_tensors(tmp_path / "good.performance")
    spoil(arrays, metadata)
    write_tensors(tmp_path / "bad.performance", arrays, metadata)
    with pytest.raises(UserError, match=r"bad\.performance"):
        read_performance(tmp_path / "bad.performance")


@pytest.mark.parametrize("cut", [0, 7, 100, 2000, -1])
def test_a_cut_file_is_rejected(tmp_path, cut):
    write_performance(tmp_path / "good.performance", P)
    (tmp_path / "cut.performance").write_bytes((tmp_path / "good.performance").read_bytes()[:cut])
    with pytest.raises(UserError, match=r"cut\.performance"):
        read_performance(tmp_path / "cut.performance")
