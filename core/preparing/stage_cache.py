# SPDX-License-Identifier: GPL-3.0-or-later
"""What each stage computed for each clip, kept in the work folder until its inputs change. It knows no stage.

    STAGE/NAME.npz   arrays, and `key`: the fingerprint of everything they were computed from

An entry with another key, or one that a kill has damaged, counts as missing and is computed again.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from ..footage import read_npz
from ..formats import UserError, atomic_write, to_json

Key = bytes  # SHA-256


def fingerprint(*values: object) -> Key:
    """SHA-256 of plain values, dataclasses (their fields' names count), and other fingerprints."""
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]
    return hashlib.sha256(to_json(plain).encode()).digest()


@cache
def model_fingerprint(path: Path) -> str:
    """SHA-256 of a model's file, so that another model's results are computed again.

    Raises UserError where the file is missing, as in the add-on's zip.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; prepare in a shell, with talksplat installed from its repository.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class StageCache:
    """Arrays by stage and clip name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, stage: str, name: str) -> Path:
        """The file of an entry."""
        return self.folder / stage / f"{name}.npz"

    def get(
        self, stage: str, name: str, key: Key, shapes: Mapping[str, tuple[int | str | None, ...]]
    ) -> dict[str, np.ndarray] | None:
        """The arrays named in `shapes` (as read_npz takes them), or None where they are missing, damaged or old."""
        path = self.path(stage, name)
        if not path.is_file():
            return None
        try:
            arrays = read_npz(path, {"key": (len(key),), **shapes})
        except UserError:  # damaged: computed again
            return None
        return arrays if arrays.pop("key").tobytes() == key else None

    def has(self, stage: str, name: str, key: Key) -> bool:
        """Whether the entry is there and was computed from the same inputs."""
        return self.get(stage, name, key, {}) is not None

    def put(self, stage: str, name: str, key: Key, arrays: Mapping[str, np.ndarray]) -> None:
        """Write an entry, whole or not at all."""
        with atomic_write(self.path(stage, name)) as temporary:
            np.savez_compressed(temporary, key=np.frombuffer(key, np.uint8), **arrays)
