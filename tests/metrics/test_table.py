# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric's line in the table is true: what it takes, and that a worse head gets a worse figure."""

import numpy as np
import pytest

from talksplat.core.metrics import METRICS, better, compute_metrics, psnr, ssim

TIMES = np.arange(75) / 25
RNG = np.random.default_rng(0)
LIPS = np.abs(np.convolve(RNG.standard_normal(91), np.hanning(17), "valid"))  # [75]
LIPS[20:23] = 0
POINTS = LIPS[:, None, None] * RNG.random((1, 20, 2)) * 10 * ((TIMES > 0.6) & (TIMES < 2.4))[:, None, None]
TRUE = {
    "truth": RNG.random((24, 24, 3)),
    "true_mouth": POINTS,
    "true_gap": LIPS,
    "rate": 25,
    "times": TIMES,
    "bilabials": [(0.8, 0.9)],
    "silences": [(0, 0.6), (2.4, 3)],
    "closed": 0.1,
    "plain": LIPS,
    "delay": 2,
    "st_lpips": lambda rendered, truth: np.abs(rendered - truth).mean(),
}


def head(error):
    """A head that is wrong by so much in everything, and late by a frame for each 0.1."""
    shake, late = error * RNG.standard_normal((75, 20, 2)), round(error * 10)
    lips = np.roll(LIPS, late) + 0.2 * error * np.sin(np.arange(75)) + error
    return {
        **TRUE,
        "rendered": np.clip(TRUE["truth"] + error * RNG.standard_normal((24, 24, 3)), 0, 1),
        "told_mouth": POINTS + shake,
        "told_gap": lips,
        "told_points": POINTS + shake,
        "delayed": np.roll(LIPS, 2 + late),
    }


def test_every_metric_tells_good_from_bad():
    good, bad = compute_metrics(**head(0.0)), compute_metrics(**head(0.3))
    assert set(good) == set(METRICS)
    for name in METRICS:
        assert better(name, good[name], bad[name]), (name, good[name], bad[name])
        assert not better(name, bad[name], good[name])
        assert better(name, bad[name], float("nan"))
        assert not better(name, float("nan"), bad[name])
    assert bad["lip offset"] == pytest.approx(3, abs=0.5)
    assert bad["delay error"] == pytest.approx(3, abs=0.5)


def test_only_what_can_be_had():
    a, b = RNG.random((2, 20, 20, 3))
    assert compute_metrics(rendered=a, truth=b) == {"psnr": psnr(a, b), "ssim": ssim(a, b)}
    assert set(compute_metrics(told_gap=LIPS, true_gap=LIPS)) == {"lip gap r"}
    assert compute_metrics() == {}
    with pytest.raises(ValueError, match="no metric takes rate_of_frames"):
        compute_metrics(rate_of_frames=25)
