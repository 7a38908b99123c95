# SPDX-License-Identifier: GPL-3.0-or-later
"""A training run on disk between two steps: parameters, optimiser moments, random state. Safetensors, no pickle.

What is read continues bit for bit on the same machine and build on the CPU (tests/training); a GPU adds in any order.
The file knows no device: a run may continue on another one. Names in the file:
  cloud.{branch}.{column}   field.*   optimizer.{group}.{parameter}.{moment}   extra.*   random.torch   random.cuda
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch.optim import Optimizer

from ..formats import BRANCHES, UserError, read_tensors, write_tensors
from .cloud import COLUMNS, Cloud
from .model import HeadModel

FORMAT = "talksplat.checkpoint"
VERSION = 1


def save_checkpoint(
    path: Path,
    model: HeadModel,
    optimizers: Mapping[str, Optimizer],
    extra: Mapping[str, np.ndarray],
    notes: dict,  # JSON values: the step, the stage, the numpy generator's state, a fingerprint of the settings
) -> None:
    """Written next to `path` and renamed: a kill leaves the previous checkpoint whole."""
    parameters = {
        f"cloud.{branch}.{name}": getattr(cloud, name) for branch, cloud in model.clouds.items() for name in COLUMNS
    }
    parameters |= {f"field.{name}": value for name, value in model.field.state_dict().items()}
    parameters |= _optimizer_moments(optimizers)
    arrays = {name: value.detach().cpu().numpy() for name, value in parameters.items()}
    arrays |= {f"extra.{name}": value for name, value in extra.items()}
    arrays["random.torch"] = torch.get_rng_state().numpy()
    if model.device.type == "cuda":
        arrays["random.cuda"] = torch.cuda.get_rng_state(model.device).numpy()
    write_tensors(path, arrays, {"format": FORMAT, "version": str(VERSION), "notes": json.dumps(notes)})


def _optimizer_moments(optimizers: Mapping[str, Optimizer]) -> dict[str, torch.Tensor]:
    return {
        f"optimizer.{group}.{name}.{moment}": value
        for group, optimizer in optimizers.items()
        for name, parameter in _named_parameters(optimizer)
        for moment, value in optimizer.state.get(parameter, {}).items()
    }


def read_checkpoint(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """(arrays, notes). Raises UserError."""
    arrays, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT or metadata.get("version") != str(VERSION):
        raise UserError(f"{path} is not a checkpoint of this talksplat; remove it to train from the start.")
    try:
        return arrays, json.loads(metadata["notes"])
    except (KeyError, ValueError):
        raise UserError(f"{path}: its notes are damaged; remove it to train from the start.") from None


def clouds_from_checkpoint(arrays: Mapping[str, np.ndarray], path: Path) -> dict[str, Cloud]:
    """The Gaussians that a checkpoint holds, raw, by branch. Raises UserError where one is missing or no Gaussians."""
    clouds = {}
    for branch in BRANCHES:
        try:
            columns = [arrays[f"cloud.{branch}.{name}"] for name in COLUMNS]
        except KeyError as missing:
            raise UserError(f"{path}: {missing} is missing; remove the file to train from the start.") from None
        count, higher = len(columns[0]) if columns[0].ndim else 0, columns[-1].shape[1:2]
        shapes = [(count, 3), (count, 4), (count, 3), (count,), (count, 3), (count, *higher, 3)]
        for column, shape in zip(columns, shapes):
            if column.shape != shape or column.dtype != np.float32 or not np.isfinite(column).all():
                raise UserError(f"{path}: its Gaussians are damaged; remove the file to train from the start.")
        clouds[branch] = Cloud(*map(torch.from_numpy, columns))
    return clouds


def restore_checkpoint(
    arrays: Mapping[str, np.ndarray], model: HeadModel, optimizers: Mapping[str, Optimizer], path: Path
) -> dict[str, np.ndarray]:
    """Put weights, moments and torch's random state into place; returns what was `extra`. Raises UserError."""
    weights = {name: torch.from_numpy(value) for name, value in _below("field.", arrays).items()}
    try:
        model.field.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"{path}: does not fit these settings ({str(error).splitlines()[-1].strip()[:120]}); "
            "remove it to train from the start."
        ) from None
    for group, optimizer in optimizers.items():
        for name, parameter in _named_parameters(optimizer):
            moments = _below(f"optimizer.{group}.{name}.", arrays)
            if moments:
                device = parameter.device
                if any(value.shape not in ((), tuple(parameter.shape)) for value in moments.values()):
                    raise UserError(f"{path}: the moments of {name} are damaged; remove it to train from the start.")
                optimizer.state[parameter] = {key: torch.from_numpy(v).to(device) for key, v in moments.items()}
    torch.set_rng_state(torch.from_numpy(arrays["random.torch"]))
    if model.device.type == "cuda" and "random.cuda" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(arrays["random.cuda"]), model.device)
    return _below("extra.", arrays)


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _named_parameters(optimizer: Optimizer) -> list[tuple[str, torch.nn.Parameter]]:
    """(name, parameter) of an optimiser whose groups carry `names`."""
    return [pair for group in optimizer.param_groups for pair in zip(group["names"], group["params"])]
