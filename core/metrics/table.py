# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric in one table: what it takes, which way is better, and in which unit.

A caller collects what it has by name and gets every metric that can be computed from that:
`compute_metrics(rendered=..., target=...)` for a picture, `compute_metrics(predicted_gap=..., target_gap=..., rate=25)`
for a clip. Adding one: a function to one float, and its line here.

Names: rendered, target [H,W,3] pictures in 0..1. st_lpips: that metric with its weights (st_lpips.py). predicted_mouth,
target_mouth [T,20,2] pixels. predicted_gap, target_gap [T], one unit. predicted_points [T,P,D] in head space. times [T]
seconds. rate frames a second. bilabials, silences: spans, seconds. closed: gap below which lips count as closed.
undelayed, delayed [T,...]: outputs for a sound and for it `delay` frames late.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from .bilabial_closure import lip_closure
from .delay_recovery import shift_recovery
from .lips import correlation, jitter, landmark_distance
from .psnr import psnr
from .silence import silence_motion
from .ssim import ssim
from .sync_offset import lip_offset


@dataclass(frozen=True)
class Metric:
    """How a figure is computed, and how it is read."""

    function: Callable[..., float]
    better: Literal["larger", "smaller"]
    unit: str  # "" for a plain number; "of the input" for the unit that went in
    needs: tuple[str, ...]  # what it takes, in order, in the names above


def _absolute_offset(predicted: np.ndarray, target: np.ndarray, rate: Fraction | int) -> float:
    """Frames late or early; nan where nothing correlates, because a still mouth has no offset."""
    fine = lip_offset(predicted, target, rate).fine
    return float("nan") if fine is None else abs(fine)


def _delay_error(undelayed: np.ndarray, delayed: np.ndarray, delay: float) -> float:
    fine = shift_recovery(undelayed, delayed).fine
    return float("nan") if fine is None else abs(fine - delay)


GAPS = ("predicted_gap", "target_gap")
CLOSURES = ("predicted_gap", "times", "bilabials", "closed")

# Every metric by the name that reports and tables show.
METRICS: dict[str, Metric] = {
    "psnr": Metric(psnr, "larger", "dB", ("rendered", "target")),
    "ssim": Metric(ssim, "larger", "", ("rendered", "target")),
    "st-lpips": Metric(
        lambda rendered, target, st_lpips: st_lpips(rendered, target), "smaller", "", ("rendered", "target", "st_lpips")
    ),
    "lmd": Metric(landmark_distance, "smaller", "px", ("predicted_mouth", "target_mouth")),
    "lip gap r": Metric(correlation, "larger", "", GAPS),
    "lip offset": Metric(_absolute_offset, "smaller", "frames", (*GAPS, "rate")),
    "lip r at best offset": Metric(lambda *values: lip_offset(*values).r, "larger", "", (*GAPS, "rate")),
    "bilabial closure": Metric(lambda *values: lip_closure(*values).share, "larger", "share", CLOSURES),
    "smallest bilabial gap": Metric(
        lambda *values: lip_closure(*values).mean_smallest, "smaller", "of the input", CLOSURES
    ),
    "silence motion": Metric(
        lambda *values: silence_motion(*values).ratio, "smaller", "of speech", ("predicted_points", "times", "silences")
    ),
    "jitter": Metric(jitter, "smaller", "of the input", ("predicted_points",)),  # 0 for a head that never moves
    "delay error": Metric(_delay_error, "smaller", "frames", ("undelayed", "delayed", "delay")),
}


def compute_metrics(**available: Any) -> dict[str, float]:
    """name -> figure of every metric whose needs are met. Raises ValueError for a name that no metric takes."""
    unknown = set(available) - {need for metric in METRICS.values() for need in metric.needs}
    if unknown:
        raise ValueError(f"no metric takes {', '.join(sorted(unknown))}")
    return {
        name: metric.function(*(available[need] for need in metric.needs))
        for name, metric in METRICS.items()
        if all(need in available for need in metric.needs)
    }
