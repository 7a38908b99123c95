# SPDX-License-Identifier: GPL-3.0-or-later
"""An .npz from outside, read without believing it: no pickle, no allocation beyond what the file can hold."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from ..formats import UserError

DEFLATE_LIMIT = 1032  # a deflated byte holds at most this many; zlib's own bound


def read_arrays(
    path: Path,
    wanted: dict[str, tuple],  # name -> shape; None in a shape fits any length, a letter binds equal lengths
) -> dict[str, np.ndarray]:
    """The arrays of `wanted`, as the file holds them, finite. Raises UserError in one sentence."""
    lengths: dict[str, int] = {}
    try:
        room = path.stat().st_size * DEFLATE_LIMIT
        with zipfile.ZipFile(path) as archive:
            present = {info.filename: info for info in archive.infolist()}
            arrays = {}
            for name, shape in wanted.items():
                info = present.get(f"{name}.npy")
                if info is None:
                    raise UserError(f"{path}: the array {name!r} is missing; prepare the footage again.")
                with archive.open(info) as stream:
                    arrays[name] = _one(path, name, stream, info, shape, lengths, room)
            return arrays
    except FileNotFoundError:
        raise UserError(f"{path} is missing; prepare the footage again.") from None
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, EOFError, SyntaxError, KeyError) as trouble:
        if isinstance(trouble, UserError):
            raise
        raise UserError(f"{path} is damaged ({trouble}); prepare the footage again.") from None


def _one(path: Path, name: str, stream, info: zipfile.ZipInfo, shape: tuple, lengths: dict, room: int) -> np.ndarray:
    version = npy.read_magic(stream)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    real, fortran, dtype = reader(stream)
    if dtype.hasobject or dtype.kind not in "iufb":
        raise UserError(f"{path}: {name} holds {dtype}, expected plain numbers; prepare the footage again.")
    size = int(np.prod([int(n) for n in real], dtype=object)) * dtype.itemsize
    if size > info.file_size or size > room:
        raise UserError(f"{path}: {name} claims more than the file holds; prepare the footage again.")
    fits = len(real) == len(shape)
    for have, want in zip(real, shape):
        if isinstance(want, str):
            fits = fits and lengths.setdefault(want, have) == have
        elif want is not None:
            fits = fits and have == want
    if not fits:
        expected = tuple(lengths.get(w, w) if isinstance(w, str) else w for w in shape)
        raise UserError(f"{path}: {name} has shape {real}, expected {expected}; prepare the footage again.")
    values = np.frombuffer(stream.read(size), dtype=dtype)
    if len(values) * dtype.itemsize != size:
        raise UserError(f"{path}: {name} is cut short; prepare the footage again.")
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise UserError(f"{path}: {name} holds NaN or infinite values; prepare the footage again.")
    return values.reshape(real[::-1]).T if fortran else values.reshape(real)
