# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates and frame times are exact."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.formats.user_error import UserError
from talksplat.core.performance.frame_rate import frame_time, parse_rate

RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)])


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)),
        (" 25 ", Fraction(25)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("23.97", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("47.952", Fraction(48000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        ("12.5", Fraction(25, 2)),
        ("24.0", Fraction(24)),
        (24, Fraction(24)),
        (24 / 1.001, Fraction(24000, 1001)),
        (30 / 1.001, Fraction(30000, 1001)),
        (Fraction(15), Fraction(15)),
        ("1", Fraction(1)),
        ("1000", Fraction(1000)),
    ],
)
def test_rates_as_people_write_them(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "invalid",
    [
        "",
        "fast",
        "-24",
        "24 fps",
        "24/0",
        "0",
        "0.5",
        "1001",
        "nan",
        "inf",
        "1e3",
        "24000/1001/2",
        "²⁴",
        "٢٤",
        "2_4",
        float("nan"),
        float("inf"),
        -25.0,
        0,
        None,
        True,
        "9" * 5000,
        b"24",
        [24],
    ],
)
def test_invalid_rates_are_rejected(invalid):
    with pytest.raises(UserError, match="frame rate"):
        parse_rate(invalid)


@given(RATES, st.integers(-(10**7), 10**7), st.integers(-(10**5), 10**5))
def test_every_frame_is_exactly_one_frame_after_the_last(rate, frame, start):
    assert frame_time(frame + 1, start, rate) - frame_time(frame, start, rate) == 1 / rate
    assert frame_time(start, start, rate) == 0
    assert frame_time(frame, start, rate) * rate + start == frame


@given(RATES, st.floats(-1e6, 1e6), st.integers(-1000, 1000))
def test_sub_frames_are_between_their_frames(rate, frame, start):
    below = int(frame // 1)
    assert frame_time(below, start, rate) <= frame_time(frame, start, rate) <= frame_time(below + 1, start, rate)


def test_an_hour_at_23_976_does_not_drift():
    rate = parse_rate("23.976")
    assert frame_time(1 + 24 * 3600, 1, rate) == Fraction(3600) * Fraction(1001, 1000)


@pytest.mark.parametrize("frame", [float("nan"), float("inf")])
def test_a_frame_that_is_not_a_number_is_rejected(frame):
    with pytest.raises(UserError, match="frame"):
        frame_time(frame, 1, Fraction(24))
