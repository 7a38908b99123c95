# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads a training checkpoint: a run on the fixture's footage that continues, and imports of those of other
programs. Needs torch."""

import json
import random
import zipfile
from collections import OrderedDict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from file_readers import OLD, Reader
from mutations import mutate_bytes, mutate_json

from talksplat.core.formats import read_tensors, write_tensors
from talksplat.core.importing import importer_of
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


def torch_archives(folder: Path) -> list[Path]:
    """As TalkingGaussian saves a head, and GaussianTalker its networks."""

    def branch(n: int) -> tuple:
        tensors = [torch.randn(n, *shape) for shape in ((3,), (1, 3), (8, 3), (1,), (3,), (4,), (1,))]
        optimiser = {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}
        rest = torch.zeros(n), torch.zeros(n, 1), torch.zeros(n, 1), optimiser, np.float64(1.5)
        return (2, *map(torch.nn.Parameter, tensors), *rest)

    networks = OrderedDict({"sigma_net.net.2.weight": torch.zeros(11, 64)})
    torch.save((branch(20), networks, branch(7), networks), folder / "fuse.pth")
    torch.save({"deformation_net.null_vector": torch.zeros(1, 1, 64)}, folder / "deformation.pth")
    return [folder / "fuse.pth"]


def read_archive(path: Path) -> None:
    imported = importer_of(path).read(path, "")
    for table in (imported.gaussians, imported.mouth):
        for array in vars(table).values() if table else ():
            assert np.isfinite(array).all(), "it holds NaN or infinite values"


def craft_archive(source: Path, target: Path, rng: random.Random) -> None:
    """A whole zip with one file of it mutated, mostly the pickle: the zip's checksum would tell."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as made:
        names = archive.namelist()
        pickled = next(name for name in names if name.endswith("data.pkl"))
        victim = pickled if rng.random() < 0.8 else rng.choice(names)
        for name in names:
            data = archive.read(name)
            made.writestr(name, mutate_bytes(data, rng) if name == victim and data else data)


READERS: dict[str, Reader] = {
    "checkpoint": Reader(checkpoints, continue_training, 25),
    "hostile checkpoint": Reader(checkpoints, continue_training, 25, craft_checkpoint),
    "torch archive": Reader(torch_archives, read_archive, 200),
    "hostile torch archive": Reader(torch_archives, read_archive, 400, craft_archive),
}
