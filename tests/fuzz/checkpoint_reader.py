# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads a training checkpoint: a run on the fixture's footage that continues. Needs torch."""

from functools import cache
from pathlib import Path

from file_readers import OLD, Reader

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


READERS: dict[str, Reader] = {"checkpoint": Reader(checkpoints, continue_training, 40)}
