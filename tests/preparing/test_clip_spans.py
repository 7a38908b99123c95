# SPDX-License-Identifier: GPL-3.0-or-later
"""A long video is cut where nobody speaks; what is held back does not depend on what else is there."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.preparing.clip_spans import (
    MAX_SPAN,
    MAX_UNCUT,
    MIN_LAST_SPAN,
    choose_test_clips,
    hash_fraction,
    split_into_spans,
)

SOUND = 16000


@settings(deadline=None, max_examples=60)
@given(st.integers(25, 5000), st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(60)]), st.integers(0, 9))
def test_spans_hold_every_frame_once_and_stay_short(count, rate, seed):
    samples = np.random.default_rng(seed).normal(0, 0.1, int(count / rate * SOUND)).astype(np.float32)
    spans = split_into_spans("talk", count, rate, samples, SOUND)
    assert spans[0].first == 0
    assert sum(span.count for span in spans) == count
    assert all(a.first + a.count == b.first for a, b in pairwise(spans))
    assert len({span.name for span in spans}) == len(spans)
    if count <= MAX_UNCUT * rate:
        assert [span.name for span in spans] == ["talk"]
    else:
        assert all(int(MIN_LAST_SPAN * rate) <= span.count <= MAX_SPAN * rate for span in spans)


def test_cuts_are_in_the_pauses():
    rate, seconds, pauses = Fraction(25), 60, (8.0, 17.4, 26.2, 35.0, 44.6, 53.2)
    t = np.arange(seconds * SOUND) / SOUND
    loud = np.sin(2 * np.pi * 150 * t).astype(np.float32)
    for pause in pauses:
        loud[(t > pause - 0.3) & (t < pause + 0.3)] = 0
    cuts = [span.first / 25 for span in split_into_spans("talk", seconds * 25, rate, loud, SOUND)[1:]]
    assert len(cuts) >= 4
    assert all(min(abs(cut - pause) for pause in pauses) < 0.25 for cut in cuts)


def test_a_clip_is_always_on_the_same_side():
    names = [f"clip{k}" for k in range(300)]
    all_of_them = choose_test_clips([[name] for name in names], 0.1)
    some = choose_test_clips([[name] for name in names[::3]], 0.1)
    assert some == all_of_them & set(names[::3])
    assert 15 < len(all_of_them) < 50
    assert choose_test_clips([[name] for name in names], 0.0) == set()


def test_something_is_held_back_but_never_everything():
    assert choose_test_clips([["only"]], 0.5) == set()
    for share in (0.01, 0.5):
        test = choose_test_clips([["one"], ["two"]], share)
        assert len(test) == 1
    assert choose_test_clips([["one"], ["two"]], 0.01) == {min(("one", "two"), key=hash_fraction)}


def test_of_a_cut_video_the_end_is_held_back():
    pieces = [f"talk-{k:03d}" for k in range(20)]
    assert choose_test_clips([pieces], 0.1) == {"talk-018", "talk-019"}
    assert choose_test_clips([pieces[:3]], 0.1) == {"talk-002"}
