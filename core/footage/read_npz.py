# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an untrusted .npz: no pickle, and no allocation beyond what the file can hold."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from ..formats import UserError, open_untrusted

MAX_DEFLATE_RATIO = 1032  # decompressed bytes for one compressed byte; zlib's own bound

Shape = tuple[int | str | None, ...]  # None fits any length; equal letters mean equal lengths


def read_npz(path: Path, shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """The arrays named in `shapes`, checked against their shapes, numeric and finite, in the file's own dtypes.

    In a shape, None fits any length and a letter binds equal lengths: {"time": ("T",), "marks": ("T", 68, 3)}.
    Other arrays in the file are ignored. Raises UserError.
    """
    with open_untrusted(path) as (file, size):
        try:
            with zipfile.ZipFile(file) as archive:
                return _read_members(archive, path, shapes, size * MAX_DEFLATE_RATIO)
        except (UserError, MemoryError):  # the second has its sentence in open_untrusted
            raise
        except Exception as error:  # zipfile and numpy throw anything at a damaged file
            raise UserError(f"{path} is damaged; prepare the footage again.") from error


def _read_members(
    archive: zipfile.ZipFile, path: Path, shapes: Mapping[str, Shape], max_bytes: int
) -> dict[str, np.ndarray]:
    lengths: dict[str, int] = {}
    arrays = {}
    members = {member.filename: member for member in archive.infolist()}
    for name, shape in shapes.items():
        member = members.get(f"{name}.npy")
        if member is None:
            raise UserError(f"{path}: the array {name!r} is missing; prepare the footage again.")
        with archive.open(member) as stream:
            arrays[name] = _read_array(stream, f"{path}: {name}", min(member.file_size, max_bytes), shape, lengths)
    return arrays


def _read_array(stream: IO[bytes], source: str, max_bytes: int, expected: Shape, lengths: dict[str, int]) -> np.ndarray:
    version = npy.read_magic(stream)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran_order, dtype = read_header(stream)
    if dtype.hasobject or dtype.kind not in "iufb":
        raise UserError(f"{source} holds {dtype}, expected plain numbers; prepare the footage again.")
    size = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
    if size > max_bytes:
        raise UserError(f"{source} claims more than the file holds; prepare the footage again.")
    _check_shape(source, shape, expected, lengths)
    values = np.frombuffer(stream.read(size), dtype=dtype)
    if len(values) * dtype.itemsize != size:
        raise UserError(f"{source} is cut short; prepare the footage again.")
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise UserError(f"{source} holds NaN or infinite values; prepare the footage again.")
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


def _check_shape(source: str, shape: tuple[int, ...], expected: Shape, lengths: dict[str, int]) -> None:
    """Raise UserError unless `shape` fits; remembers the lengths that letters stand for."""
    fits = len(shape) == len(expected)
    for length, wanted in zip(shape, expected):
        if isinstance(wanted, str):
            wanted = lengths.setdefault(wanted, length)
        fits = fits and wanted in (None, length)
    if not fits:
        expected = tuple(lengths.get(n, n) if isinstance(n, str) else n for n in expected)
        raise UserError(f"{source} has shape {shape}, expected {expected}; prepare the footage again.")
