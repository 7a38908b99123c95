# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of a training run's end, for the head's card: pictures, and lips carried by the Gaussians. Next to each
figure is that of the head in the mean condition of its train clips, which never moves. `evaluate` measures far more.
"""

from collections.abc import Generator, Iterable

import numpy as np

from ..jobs import Pace, Progress
from .evaluator import Evaluator
from .lip_sync import lip_gap_metrics, speak_clip
from .picture_metrics import compare_pictures, crop_sizes, mean_crop_sizes, mean_metrics

SPLITS = {"unheard clips": "test", "unseen camera": "camera"}
MAX_PICTURES = 100  # of a split, evenly chosen


def final_metrics(evaluator: Evaluator) -> Generator[Progress, None, dict]:
    """Returns {"pictures": ..., "lips": ...}; {} where nothing was held back."""
    rows = {name: evenly_spaced(evaluator.footage.frames(split), MAX_PICTURES) for name, split in SPLITS.items()}
    clips = evaluator.footage.clips_of("test")
    pace, result = Pace(sum(map(len, rows.values())) + len(clips)), {}
    for name, pictures in rows.items():
        if pictures:
            result.setdefault("pictures", {})[name] = yield from _picture_metrics(evaluator, name, pictures, pace)
    spoken = []
    for clip in clips:
        spoken.append(speak_clip(evaluator, clip))
        yield pace.at(pace.done + 1, "measuring lips of unheard clips")
    if spoken:
        result["lips"] = lip_gap_metrics(spoken)
    return result


def _picture_metrics(evaluator: Evaluator, name: str, rows: list[int], pace: Pace) -> Generator[Progress, None, dict]:
    """Returns the means over a split's pictures."""
    metrics, sizes = [], []
    for i in rows:
        truth, crops = evaluator.truth(i), evaluator.crops(i)
        metrics.append(compare_pictures(truth, _draw(evaluator, i), crops))
        sizes.append(crop_sizes(truth, crops))
        yield pace.at(pace.done + 1, f"measuring pictures: {name}")
    return {**mean_metrics(metrics), "size of crops": mean_crop_sizes(sizes)}


def _draw(evaluator: Evaluator, i: int) -> dict[str, np.ndarray]:
    """The head in picture i's condition, and in the mean condition."""
    camera = evaluator.footage.camera(i)
    conditions = {"head": evaluator.condition(i), "mean": evaluator.mean_condition}
    return {name: evaluator.draw(evaluator.replay.at(condition), camera) for name, condition in conditions.items()}


def evenly_spaced(rows: Iterable[int], at_most: int) -> list[int]:
    """At most so many of them, from the first to the last."""
    rows = [int(row) for row in rows]
    if len(rows) <= at_most:
        return rows
    return [rows[k] for k in np.linspace(0, len(rows) - 1, at_most).astype(int)]
