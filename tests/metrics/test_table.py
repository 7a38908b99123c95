# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric's line in the table is true: what it takes, and that a worse head gets a worse figure. A metric that is
added there is tested here; where it takes something new, PERFECT must have it."""

import numpy as np
import pytest

from talksplat.core.metrics import METRICS, compute_metrics, psnr
from talksplat.core.metrics.ssim import ssim

TIMES = np.arange(75) / 25
RNG = np.random.default_rng(0)
LIPS = np.abs(np.convolve(RNG.standard_normal(91), np.hanning(17), "valid"))  # [75]
LIPS[20:23] = 0
POINTS = LIPS[:, None, None] * RNG.random((1, 20, 2)) * 10 * ((TIMES > 0.6) & (TIMES < 2.4))[:, None, None]
PICTURE = RNG.random((24, 24, 3))
PERFECT = {
    "rendered": PICTURE,
    "target": PICTURE,
    "predicted_mouth": POINTS,
    "target_mouth": POINTS,
    "predicted_gap": LIPS,
    "target_gap": LIPS,
    "predicted_points": POINTS,
    "rate": 25,
    "times": TIMES,
    "bilabials": [(0.8, 0.9)],
    "silences": [(0, 0.6), (2.4, 3)],
    "closed": 0.1,
    "undelayed": LIPS,
    "delayed": np.roll(LIPS, 2),
    "delay": 2,
    "st_lpips": lambda rendered, target: np.abs(rendered - target).mean(),
}
NOISE, LATE = 0.3, 3  # of the bad head, and how many frames it is late
SHAKEN = POINTS + NOISE * RNG.standard_normal((75, 20, 2))
BAD = PERFECT | {
    "rendered": np.clip(PICTURE + NOISE * RNG.standard_normal((24, 24, 3)), 0, 1),
    "predicted_mouth": SHAKEN,
    "predicted_gap": np.roll(LIPS, LATE) + 0.2 * NOISE * np.sin(np.arange(75)) + NOISE,
    "predicted_points": SHAKEN,
    "delayed": np.roll(LIPS, 2 + LATE),
}


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_tells_good_from_bad(name):
    metric = METRICS[name]
    assert set(metric.needs) <= set(PERFECT), "name here what the new metric takes"
    good, bad = compute_metrics(**PERFECT)[name], compute_metrics(**BAD)[name]
    assert np.isfinite(bad)
    assert good > bad if metric.better == "larger" else good < bad
    assert isinstance(good, float)
    assert isinstance(bad, float)


def test_a_late_head_is_late_by_its_frames():
    figures = compute_metrics(**BAD)
    assert figures["lip offset"] == pytest.approx(LATE, abs=0.5)
    assert figures["delay error"] == pytest.approx(LATE, abs=0.5)


def test_only_what_can_be_computed():
    a, b = RNG.random((2, 20, 20, 3))
    figures = compute_metrics(rendered=a, target=b)
    assert (figures["psnr"], figures["ssim"]) == (psnr(a, b), ssim(a, b))
    for have in ({"rendered": a, "target": b}, {"predicted_gap": LIPS, "target_gap": LIPS}):
        assert set(compute_metrics(**have)) == {name for name in METRICS if set(METRICS[name].needs) <= set(have)}
    assert compute_metrics() == {}
    with pytest.raises(ValueError, match="no metric takes rate_of_frames"):
        compute_metrics(rate_of_frames=25)
