# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads a training checkpoint: a run on the fixture's footage that continues. Needs torch."""

import json
import random
from functools import cache
from pathlib import Path

import numpy as np
from file_readers import OLD, Reader
from mutations import mutate_json

from talksplat.core.formats import read_tensors, write_tensors
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import SMOKE
from talksplat.core.training.training_step import picture_step


def checkpoints(folder: Path) -> list[Path]:
    run = TrainingRun(OLD / "footage", SMOKE)
    run.begin()
    picture_step(run)
    run.save(folder / "checkpoint")
    run.close()
    return [folder / "checkpoint"]


@cache
def continuing_run() -> TrainingRun:
    """One for all files: opening the footage takes longer than reading a checkpoint."""
    return TrainingRun(OLD / "footage", SMOKE)


def continue_training(path: Path) -> None:
    run = continuing_run()
    run.load(path)
    counts = {branch: len(cloud) for branch, cloud in run.model.clouds.items()}
    for branch, cloud in run.model.clouds.items():
        for name, values in cloud.named_parameters():
            assert len(values) == counts[branch], f"{name} has another length"
            assert values.isfinite().all(), f"{name} holds NaN or infinite values"


def craft_checkpoint(source: Path, target: Path, rng: random.Random) -> None:
    """A whole file with arrays of other shapes, kinds or values, or without one: only what is in it is hostile."""
    arrays, metadata = read_tensors(source)
    arrays = dict(arrays)
    for name in rng.sample(sorted(arrays), rng.choice((1, 1, 2))):
        array = arrays[name]
        changed = (None, array[:-1] if array.ndim else array, array.reshape(-1), array.astype(np.int16), array * np.nan)
        new = rng.choice(changed if array.dtype.kind == "f" else changed[:4])
        arrays = {key: value for key, value in arrays.items() if key != name} | ({} if new is None else {name: new})
    if rng.random() < 0.5:
        metadata = metadata | {"notes": json.dumps(mutate_json(json.loads(metadata["notes"]), rng))}
    write_tensors(target, arrays, metadata)


READERS: dict[str, Reader] = {
    "checkpoint": Reader(checkpoints, continue_training, 25),
    "hostile checkpoint": Reader(checkpoints, continue_training, 25, craft_checkpoint),
}
