# SPDX-License-Identifier: GPL-3.0-or-later
"""Two heads compared: the error counts clips, not pictures. A whole comparison: tests/evaluation/test_evaluation.py."""

import numpy as np
import pytest

from benchmarks.heads import paired_difference, table_row


def test_the_error_is_that_of_clips():
    rng = np.random.default_rng(0)
    of_clip, clip = rng.normal(0.3, 1, 400), np.repeat(np.arange(400), 5)
    before = rng.normal(size=2000)
    mean, error = paired_difference(before, before + of_clip[clip], clip)  # five pictures of a clip say the same
    assert mean == pytest.approx(of_clip.mean())
    assert error == pytest.approx(of_clip.std(ddof=1) / 20)
    alone = rng.normal(size=2000)
    _, error = paired_difference(np.zeros(2000), alone, np.arange(2000))
    assert error == pytest.approx(alone.std(ddof=1) / 2000**0.5)
    assert np.isnan(paired_difference(before, before, np.zeros(2000, int))[1])


def test_a_row_leaves_out_what_is_missing_for_one_of_them():
    nan = float("nan")
    line = table_row("lmd", [1, 2, nan, 4], [2, 3, 9, nan], [0, 1, 2, 3], 1)
    assert line == "| lmd | 1.5 | 2.5 | **+1.0** ± 0.0 | 2 |"
    assert table_row("lmd", [nan], [1], [0], 1).endswith("not measured | 0 |")
