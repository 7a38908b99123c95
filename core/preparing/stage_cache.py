# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage found about a clip, kept in the work folder until its cause changes. It knows no stage.

    STAGE/NAME.npz   arrays, and `key`: the fingerprint of everything they were made from

An entry whose key is another, or that a kill has left damaged, counts as absent and is made again.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from ..footage import read_npz
from ..formats import UserError, atomic_write, to_json

Key = bytes


def fingerprint(*words: object) -> Key:
    """SHA-256 of plain values, dataclasses, and other fingerprints."""
    plain = [word.hex() if isinstance(word, bytes) else word for word in words]
    return hashlib.sha256(to_json(plain).encode()).digest()


@cache
def model_print(path: Path) -> str:
    """SHA-256 of a model's file: what another model would find is made again. UserError where it was left out, as in the
    add-on's zip."""
    if not path.is_file():
        raise UserError(f"{path} is missing; prepare in a shell, with talksplat installed from its repository.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class StageCache:
    """Entries by stage and clip name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, stage: str, name: str) -> Path:
        return self.folder / stage / f"{name}.npz"

    def get(self, stage: str, name: str, key: Key, wanted: dict[str, tuple]) -> dict[str, np.ndarray] | None:
        """The arrays `wanted` (shapes as read_npz takes them), or None."""
        path = self.path(stage, name)
        if not path.is_file():
            return None
        try:
            found = read_npz(path, {"key": (len(key),), **wanted})
        except UserError:
            return None
        return found if found.pop("key").tobytes() == key else None

    def has(self, stage: str, name: str, key: Key) -> bool:
        return self.get(stage, name, key, {}) is not None

    def put(self, stage: str, name: str, key: Key, arrays: dict[str, np.ndarray]) -> None:
        with atomic_write(self.path(stage, name)) as beside:
            np.savez_compressed(beside, key=np.frombuffer(key, np.uint8), **arrays)
