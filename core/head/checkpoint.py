# SPDX-License-Identifier: GPL-3.0-or-later
"""A training run on disk between two steps: parameters, optimiser moments, random state. Safetensors, no pickle.

What comes back continues bit for bit on the same machine and build on the CPU (tests/training); a GPU adds in any
order. The file knows no device: a run may go on on another one. Names in the file:
  cloud.{branch}.{column}   field.*   optimizer.{group}.{parameter}.{moment}   extra.*   random.torch   random.cuda
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch.optim import Optimizer

from ..formats import UserError, read_tensors, write_tensors
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
    """Written beside and renamed: a kill leaves the previous checkpoint whole."""
    arrays = {
        f"cloud.{branch}.{name}": getattr(cloud, name) for branch, cloud in model.clouds.items() for name in COLUMNS
    }
    arrays |= {f"field.{name}": value for name, value in model.field.state_dict().items()}
    arrays = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
    for label, optimizer in optimizers.items():
        for name, parameter in _named(optimizer):
            for moment, value in optimizer.state.get(parameter, {}).items():
                arrays[f"optimizer.{label}.{name}.{moment}"] = value.detach().cpu().numpy()
    arrays |= {f"extra.{name}": value for name, value in extra.items()}
    arrays["random.torch"] = torch.get_rng_state().numpy()
    if model.device.type == "cuda":
        arrays["random.cuda"] = torch.cuda.get_rng_state(model.device).numpy()
    write_tensors(path, arrays, {"format": FORMAT, "version": str(VERSION), "notes": json.dumps(notes)})


def read_checkpoint(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """(arrays, notes). Raises UserError."""
    arrays, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT or metadata.get("version") != str(VERSION):
        raise UserError(f"{path} is not a checkpoint of this talksplat; remove it to train from the start.")
    try:
        return arrays, json.loads(metadata["notes"])
    except (KeyError, ValueError):
        raise UserError(f"{path}: its notes are damaged; remove it to train from the start.") from None


def clouds_of(arrays: Mapping[str, np.ndarray], path: Path) -> dict[str, Cloud]:
    """The Gaussians that a checkpoint holds, raw, by branch."""
    try:
        return {
            branch: Cloud(*(torch.from_numpy(arrays[f"cloud.{branch}.{name}"]) for name in COLUMNS))
            for branch in ("face", "mouth")
        }
    except KeyError as missing:
        raise UserError(f"{path}: {missing} is missing; remove the file to train from the start.") from None


def restore_checkpoint(
    arrays: Mapping[str, np.ndarray], model: HeadModel, optimizers: Mapping[str, Optimizer], path: Path
) -> dict[str, np.ndarray]:
    """Weights, moments and torch's random state into place; gives back what was `extra`. Raises UserError."""
    try:
        model.field.load_state_dict(
            {
                name.removeprefix("field."): torch.from_numpy(value)
                for name, value in arrays.items()
                if name.startswith("field.")
            }
        )
    except RuntimeError as trouble:
        raise UserError(
            f"{path}: does not fit these settings ({str(trouble).splitlines()[-1].strip()[:120]}); "
            "remove it to train from the start."
        ) from None
    for label, optimizer in optimizers.items():
        for name, parameter in _named(optimizer):
            prefix = f"optimizer.{label}.{name}."
            moments = {
                key.removeprefix(prefix): torch.from_numpy(value).to(parameter.device)
                for key, value in arrays.items()
                if key.startswith(prefix)
            }
            if moments:
                optimizer.state[parameter] = moments
    torch.set_rng_state(torch.from_numpy(arrays["random.torch"]))
    if model.device.type == "cuda" and "random.cuda" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(arrays["random.cuda"]), model.device)
    return {name.removeprefix("extra."): value for name, value in arrays.items() if name.startswith("extra.")}


def _named(optimizer: Optimizer) -> list[tuple[str, torch.nn.Parameter]]:
    """(name, parameter) of an optimiser whose groups carry `names`."""
    return [pair for group in optimizer.param_groups for pair in zip(group["names"], group["params"])]
