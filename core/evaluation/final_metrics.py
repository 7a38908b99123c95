# SPDX-License-Identifier: GPL-3.0-or-later
"""What a training run says of its head at its end, for the card: pictures, and lips carried by the Gaussians. Beside
each figure stands the head in the mean condition of its train clips, never moving. `evaluate` says far more.
"""

from collections.abc import Iterator

import numpy as np

from ..jobs import Pace, Progress
from .evaluator import Evaluator
from .lip_sync import likeness, speak_clip
from .picture_metrics import compared, crops, mean_crops, means

SPLITS = {"unheard clips": "test", "unseen camera": "camera"}
MOST = 100  # pictures of a split, evenly chosen


def final_metrics(judge: Evaluator) -> Iterator[Progress]:
    """A generator that gives {"pictures": ..., "lips": ...} back; {} where nothing was held back."""
    frames = {name: evenly_spaced(judge.footage.frames(split), MOST) for name, split in SPLITS.items()}
    clips = judge.footage.clips_of("test")
    pace, done, result = Pace(sum(map(len, frames.values())) + len(clips)), 0, {}
    for name, rows in frames.items():
        rated, sizes = [], []
        for i in rows:
            truth, parts = judge.truth(int(i)), judge.parts(int(i))
            rated.append(compared(truth, _drawn(judge, int(i)), parts))
            sizes.append(crops(truth, parts))
            done += 1
            yield pace.at(done, f"measuring pictures: {name}")
        if rated:
            result.setdefault("pictures", {})[name] = {**means(rated), "size of crops": mean_crops(sizes)}
    said = []
    for clip in clips:
        said.append(speak_clip(judge, clip))
        done += 1
        yield pace.at(done, "measuring lips of unheard clips")
    if said:
        result["lips"] = likeness(said)
    return result


def _drawn(judge: Evaluator, i: int) -> dict[str, np.ndarray]:
    camera, conditions = judge.footage.camera(i), {"head": judge.condition(i), "mean": judge.mean}
    return {name: judge.draw(judge.replay.at(condition), camera) for name, condition in conditions.items()}


def evenly_spaced(rows, most: int):
    """At most so many of them, from the first to the last."""
    if len(rows) <= most:
        return rows
    return [rows[k] for k in np.linspace(0, len(rows) - 1, most).astype(int)]
