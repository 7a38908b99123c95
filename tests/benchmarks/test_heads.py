# SPDX-License-Identifier: GPL-3.0-or-later
"""Two heads compared: the error counts clips, not pictures. A full comparison: tests/evaluation/test_evaluation.py."""

import numpy as np
import pytest

from benchmarks.heads import paired_difference, table_row


def test_the_error_is_that_of_clips():
    rng = np.random.default_rng(0)
    clip_differences, clip = rng.normal(0.3, 1, 400), np.repeat(np.arange(400), 5)
    before = rng.normal(size=2000)
    # five pictures of a clip say the same
    mean, error = paired_difference(before, before + clip_differences[clip], clip)
    assert mean == pytest.approx(clip_differences.mean())
    assert error == pytest.approx(clip_differences.std(ddof=1) / 20)
    differences = rng.normal(size=2000)
    _, error = paired_difference(np.zeros(2000), differences, np.arange(2000))
    assert error == pytest.approx(differences.std(ddof=1) / 2000**0.5)
    assert np.isnan(paired_difference(before, before, np.zeros(2000, int))[1])


def test_a_row_leaves_out_what_is_missing_for_one_of_them():
    nan = float("nan")
    line = table_row("lmd", [1, 2, nan, 4], [2, 3, 9, nan], [0, 1, 2, 3], 1)
    assert line == "| lmd | 1.5 | 2.5 | **+1.0** ± 0.0 | 2 |"
    assert table_row("lmd", [nan], [1], [0], 1).endswith("not measured | 0 |")
