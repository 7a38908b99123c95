# SPDX-License-Identifier: GPL-3.0-or-later
"""Closing lips on made curves, and GRID's word timings: made, real and broken."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.formats import TimedLabel, UserError
from talksplat.core.metrics import bilabial_spans, closed_gap_threshold, lip_closure, read_align, word_pauses

TIMES = np.arange(75) / 25
ROWS = (
    "0 17250 sil\n17250 22500 bin\n22500 26500 blue\n26500 28500 at\n28500 33000 M\n33000 38000 four\n38000 74500 sp\n"
)


def mouth(closings, depth=0.0):
    """A mouth 1 open that closes to `depth` at the frames named."""
    gap = np.ones(75)
    gap[list(closings)] = depth
    return gap


def test_share_and_smallest():
    spans = [(0.4, 0.6), (1.0, 1.2), (2.0, 2.2)]
    closures = lip_closure(mouth([12, 52]), TIMES, spans, 0.1)
    assert closures.share == pytest.approx(2 / 3)
    assert closures.mean_smallest == pytest.approx(1 / 3)
    assert closures.spans == 3
    leaky = lip_closure(mouth([12, 27, 52], depth=0.2), TIMES, spans, 0.1)
    assert leaky.share == 0
    assert leaky.mean_smallest == pytest.approx(0.2)
    assert lip_closure(mouth([12, 27, 52]), TIMES, spans, 0.0).share == 0  # below, not at


@given(st.integers(0, 74), st.floats(0, 0.039))
def test_no_span_inside_the_clip_is_too_short(frame, within):
    """A span of a millisecond counts the frame it falls in, and only by frames within a period."""
    start = min(frame / 25 + within, 74 / 25)
    near = np.flatnonzero(np.abs(TIMES - start) < 0.022)
    assert lip_closure(mouth(near), TIMES, [(start, start + 0.001)], 0.5).share == 1
    far = np.setdiff1d(np.arange(75), np.flatnonzero(np.abs(TIMES - start) < 0.023))
    assert lip_closure(mouth(far), TIMES, [(start, start + 0.001)], 0.5).share == 0


def test_spans_without_a_frame_do_not_count():
    gap = mouth([12])
    gap[50:] = np.nan
    closures = lip_closure(gap, TIMES, [(0.4, 0.6), (2.4, 2.6), (9.0, 9.2)], 0.5)
    assert (closures.spans, closures.missed, closures.share) == (1, 2, 1.0)
    nothing = lip_closure(gap, TIMES, [], 0.5)
    assert np.isnan(nothing.share)
    assert np.isnan(nothing.mean_smallest)
    with pytest.raises(ValueError, match="T times"):
        lip_closure(gap[:-1], TIMES, [], 0.5)
    with pytest.raises(ValueError, match="rise"):
        lip_closure(gap, TIMES[::-1], [(0.4, 0.6)], 0.5)


def test_threshold_follows_the_track():
    gap = np.linspace(0, 1, 1001)
    assert closed_gap_threshold(gap, 0.5) == pytest.approx(0.02 + 0.5 * 0.93)
    assert closed_gap_threshold(7 * gap + 3) == pytest.approx(7 * closed_gap_threshold(gap) + 3)
    assert closed_gap_threshold(np.append(gap, np.nan)) == pytest.approx(closed_gap_threshold(gap))
    with pytest.raises(ValueError, match="no frame"):
        closed_gap_threshold(np.full(4, np.nan))


def test_words_of_grid(tmp_path):
    path = tmp_path / "bbamfs.align"
    path.write_text(ROWS)
    words = read_align(path)
    assert words[1] == TimedLabel(0.69, 0.9, "bin")
    assert [word.label for word in words][4] == "m"
    spans = bilabial_spans(words)
    assert len(spans) == 3  # bin, blue, m
    assert spans[0] == (pytest.approx(0.61), pytest.approx(0.79))
    assert spans[1] == (pytest.approx(0.82), pytest.approx(0.98))  # half of blue is shorter than the reach
    assert spans[2] == (pytest.approx(1.23), pytest.approx(1.4))  # m closes at its end
    assert bilabial_spans([TimedLabel(0.01, 0.5, "please")])[0].start == 0
    assert bilabial_spans([TimedLabel(0, 1, w) for w in ("at", "lay", "set", "four", "x", "sil")]) == []
    assert [tuple(span) for span in word_pauses(words)] == [(0.0, 0.69), (1.52, 2.98)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "0 17250\n",
        "0 x sil",
        "5 4 bin",
        "-1 4 bin",
        "0 nan sil",
        "0 inf sil",
        "0 1 two words",
        "\xff\xfe".encode("latin-1"),
        b"0 1 sil\n" * 10000,
        None,
    ],
)
def test_broken_timings_are_an_error(tmp_path, text):
    path = tmp_path / "a.align"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=r"a\.align"):
        read_align(path)


@pytest.mark.shared_data
def test_every_real_file(shared_data):
    files = sorted((shared_data / "grid_s1_train").glob("*.align"))
    assert len(files) == 200
    for path in files:
        words = read_align(path)
        assert words[-1].end == pytest.approx(2.98)
        assert all(a.end == pytest.approx(b.start) for a, b in pairwise(words))
        first, color, _, letter = path.stem[:4]  # the name spells the words: bin lay place set, blue green red white
        expected = (first in "bp") + (color == "b") + (path.stem[2] == "b") + (letter in "bpm") + (path.stem[5] == "p")
        assert len(bilabial_spans(words)) == expected, path.stem
        assert word_pauses(words)
