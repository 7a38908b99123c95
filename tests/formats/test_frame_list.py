# SPDX-License-Identifier: GPL-3.0-or-later
"""`1-10x2,20` is what a person means by it, and nothing is allocated because a list claims a billion frames."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talksplat.core.formats.frame_list import format_frames, parse_frames
from talksplat.core.formats.user_error import UserError

SHOT = range(-20, 101)


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", [7]),
        ("1-10x2,20", [1, 3, 5, 7, 9, 20]),
        ("1..4", [1, 2, 3, 4]),
        ("-5--1x2", [-5, -3, -1]),
        (" 9, 3-4 ,3", [3, 4, 9]),
        ("8-8", [8]),
    ],
)
def test_a_list_of_frames_is_read_as_it_is_meant(text, frames):
    assert list(parse_frames(text, SHOT)) == frames


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.sets(st.integers(SHOT[0], SHOT[-1]), min_size=1).map(sorted))
def test_a_written_list_is_read_back(frames):
    assert list(parse_frames(format_frames(frames), SHOT)) == frames


def test_a_written_list_is_short():
    assert format_frames([1, 3, 5, 9, 10, 20]) == "1-5x2,9-10,20"


@pytest.mark.parametrize(
    "text", ["", ",", "1-", "10-1", "1-10x0", "1-10x", "a", "1,,2", "1e3", "1-2-3", "9" * 5000, "٣"]
)
def test_what_is_no_list_of_frames_is_an_error_with_an_example(text):
    with pytest.raises(UserError, match="write them as 1-10x2,20"):
        parse_frames(text, SHOT)


@pytest.mark.parametrize("text", ["101", "-21-5", "1-999999999", "5,999999999"])
def test_frames_outside_of_the_shot_are_an_error_that_says_what_it_holds(text):
    with pytest.raises(UserError, match="the shot holds -20 to 100"):
        parse_frames(text, SHOT)
