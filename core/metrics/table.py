# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric in one table: what it takes, which way is better, and in which unit.

A caller collects what it has by name and gets every metric that can be had from that: `rated(rendered=..., truth=...)`
rates a picture, `rated(told_gap=..., true_gap=..., rate=25)` a clip. A metric is told from others by its line here.

Names: rendered, truth [H,W,3] pictures in 0..1. st_lpips: that metric with its weights (st_lpips.py). told_mouth,
true_mouth [T,20,2] pixels. told_gap, true_gap [T], one unit. told_points [T,P,D] in head space. times [T] seconds. rate
frames a second. bilabials, silences: spans, seconds. closed: gap below which lips count as closed. plain, delayed
[T,...]: outputs for a sound and for it `delay` frames late.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .closure import closure
from .lip_offset import lip_offset
from .lips import correlation, jitter, landmark_distance
from .psnr import psnr
from .shift_recovery import shift_recovery
from .silence import silence_motion
from .ssim import ssim


@dataclass(frozen=True)
class Metric:
    """A figure: how it is had, and how it is to be read. Called, it is its function."""

    function: Callable[..., float]
    better: Literal["larger", "smaller"]
    unit: str  # "" for a plain number; "of the input" for the unit that went in
    needs: tuple[str, ...]  # what it takes, in order, in the names above

    def __call__(self, *values: Any) -> float:
        return self.function(*values)


def _offset(told, true, rate) -> float:
    """Frames late or early; nan where nothing correlates, because a still mouth has no offset."""
    fine = lip_offset(told, true, rate).fine
    return float("nan") if fine is None else abs(fine)


def _delay_error(plain, delayed, delay) -> float:
    fine = shift_recovery(plain, delayed).fine
    return float("nan") if fine is None else abs(fine - delay)


GAPS = ("told_gap", "true_gap")
CLOSURES = ("told_gap", "times", "bilabials", "closed")

METRICS: dict[str, Metric] = {
    "psnr": Metric(psnr, "larger", "dB", ("rendered", "truth")),
    "ssim": Metric(ssim, "larger", "", ("rendered", "truth")),
    "st-lpips": Metric(
        lambda rendered, truth, st_lpips: st_lpips(rendered, truth), "smaller", "", ("rendered", "truth", "st_lpips")
    ),
    "lmd": Metric(landmark_distance, "smaller", "px", ("told_mouth", "true_mouth")),
    "lip gap r": Metric(correlation, "larger", "", GAPS),
    "lip offset": Metric(_offset, "smaller", "frames", (*GAPS, "rate")),
    "lip r at best offset": Metric(lambda *of: lip_offset(*of).r, "larger", "", (*GAPS, "rate")),
    "bilabial closure": Metric(lambda *of: closure(*of).share, "larger", "share", CLOSURES),
    "smallest bilabial gap": Metric(lambda *of: closure(*of).mean_smallest, "smaller", "of the input", CLOSURES),
    "silence motion": Metric(
        lambda *of: silence_motion(*of).ratio, "smaller", "of speech", ("told_points", "times", "silences")
    ),
    "jitter": Metric(jitter, "smaller", "of the input", ("told_points",)),  # 0 for a head that never moves
    "delay error": Metric(_delay_error, "smaller", "frames", ("plain", "delayed", "delay")),
}


def compute_metrics(**have: Any) -> dict[str, float]:
    """Every metric whose needs are met. Raises ValueError for a name that no metric knows."""
    strange = set(have) - {need for metric in METRICS.values() for need in metric.needs}
    if strange:
        raise ValueError(f"no metric takes {', '.join(sorted(strange))}")
    return {
        name: metric(*(have[need] for need in metric.needs))
        for name, metric in METRICS.items()
        if all(need in have for need in metric.needs)
    }


def better(name: str, first: float, second: float) -> bool:
    """Whether the first figure is the better one; nan never is. Raises KeyError for a name that is no metric's."""
    if np.isnan(first) or np.isnan(second):
        return not np.isnan(first)
    return first > second if METRICS[name].better == "larger" else first < second
