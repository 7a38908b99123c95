# SPDX-License-Identifier: GPL-3.0-or-later
"""The remaining time, against a clock that the test moves."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from talksplat.core.jobs.pace import LONGEST, MEMORY, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_even_pace_is_known_after_one_step():
    clock = Clock()
    pace = Pace(10, clock=clock)
    assert pace.at(0).remaining == -1
    for done in range(1, 11):
        clock.now += 0.5
        progress = pace.at(done, "note")
        assert (progress.done, progress.total, progress.note) == (done, 10, "note")
        assert progress.remaining == pytest.approx((10 - done) * 0.5)
    assert progress.remaining == 0


def test_what_was_done_before_took_no_time():
    clock = Clock()
    pace = Pace(100, done=90, clock=clock)
    clock.now += 2
    assert pace.at(91).remaining == pytest.approx(18)


def test_it_settles_on_a_new_pace_and_outlives_one_slow_step():
    clock = Clock()
    pace = Pace(10_000, clock=clock)
    for done in range(100):
        clock.now += 1
        pace.at(done)
    clock.now += 5  # one slow step
    assert pace.at(100).remaining == pytest.approx(9900, rel=0.3)
    done = 100
    for _ in range(int(5 * MEMORY / 0.1)):  # ten times as fast from now on
        clock.now += 0.1
        done += 1
        progress = pace.at(done)
    assert progress.remaining == pytest.approx((10_000 - done) * 0.1, rel=0.1)


@example([(1, 1.0), (0, 1e4), (0, 1e4)], 300)  # no progress until its pace has decayed to nothing
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1e4)), max_size=50), st.integers(0, 300))
def test_the_estimate_is_always_in_range(steps, total):
    clock = Clock()
    pace = Pace(total, clock=clock)
    done = 0
    for more, passed in steps:
        clock.now += passed
        done += more
        remaining = pace.at(done).remaining
        assert remaining == -1 or 0 <= remaining <= LONGEST
        if total and done >= total:
            assert remaining == 0
        if not total:
            assert remaining == -1


def test_going_back_is_a_bug():
    pace = Pace(5, done=3)
    with pytest.raises(ValueError, match="back"):
        pace.at(2)
