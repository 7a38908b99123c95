# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of `torch.save` (PyTorch 1.6 and newer): a zip of a pickle, which plain_pickle.py reads, and one file of
numbers a storage. Without torch; only the tensors that are asked for are read."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import UserError, open_untrusted
from .plain_pickle import MAX_BYTES, StoredTensor, read_pickle

MAX_ENTRIES = 100_000  # storages of a checkpoint; a talking head's has some hundreds
MAX_DIMENSIONS = 8


class TorchArchive:
    """An open file: `values` are its values, `numbers` those of one of their tensors."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        """Raises UserError."""
        self._archive, self._path = archive, path
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise UserError(f"{path}: holds {len(entries)} files, more than a checkpoint does; choose another file.")
        pickles = [entry for entry in entries if entry.filename.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1:
            raise UserError(f"{path}: is no checkpoint of PyTorch; choose the .pth file that a training wrote.")
        self._folder = pickles[0].filename.rpartition("/")[0]
        if self._optional("byteorder", b"little").strip() != b"little":
            raise UserError(f"{path}: was written on a big-endian machine; save it again on another one.")
        self.values: Any = read_pickle(self._read(pickles[0], MAX_BYTES + 1), path)

    def numbers(self, tensor: Any) -> np.ndarray:
        """The tensor's numbers in its shape. Raises ValueError for one that its storage does not hold."""
        if not isinstance(tensor, StoredTensor):
            raise ValueError("no tensor where one belongs")
        storage, size, stride = tensor.storage, tensor.size, tensor.stride
        if (
            len(size) != len(stride)
            or len(size) > MAX_DIMENSIONS
            or min((tensor.offset, *size, *stride), default=0) < 0
        ):
            raise ValueError("a tensor of an impossible shape")
        count = int(np.prod([int(n) for n in size], dtype=object))
        last = tensor.offset + sum((n - 1) * step for n, step in zip(size, stride))
        if count and (last >= storage.count or count > storage.count):
            raise ValueError("a tensor that is larger than its storage")
        entry = self._archive.getinfo("/".join(filter(None, (self._folder, "data", storage.key))))
        if not count:
            return np.zeros(size, storage.kind)
        values = np.frombuffer(self._read(entry, storage.count * storage.kind.itemsize), storage.kind)
        if last >= len(values):
            raise ValueError("a storage that is shorter than it says")
        steps = tuple(step * storage.kind.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(values[tensor.offset :], size, steps, writeable=False).copy()

    def _read(self, entry: zipfile.ZipInfo, most: int) -> bytes:
        """At most `most` bytes. PyTorch never compresses, so what a file holds cannot be more than it is."""
        if entry.compress_type != zipfile.ZIP_STORED:
            raise UserError(f"{self._path}: is compressed, which PyTorch does not do; choose the file that it wrote.")
        with self._archive.open(entry) as file:
            return file.read(most)

    def _optional(self, name: str, default: bytes) -> bytes:
        try:
            return self._read(self._archive.getinfo(f"{self._folder}/{name}"), 64)
        except KeyError:
            return default


@contextmanager
def open_torch_archive(path: Path) -> Iterator[TorchArchive]:
    """Raises UserError, also for what the body raises about the file."""
    with open_untrusted(path) as (file, _):
        if not zipfile.is_zipfile(file):
            raise UserError(
                f"{path}: is no checkpoint of PyTorch 1.6 or newer; load and save it again with torch, if you trust it."
            )
        with zipfile.ZipFile(file) as archive:
            yield TorchArchive(archive, path)
