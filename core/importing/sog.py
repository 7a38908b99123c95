# SPDX-License-Identifier: GPL-3.0-or-later
"""SOG, PlayCanvas' compressed splats, version 2: a zip (`.sog`), or a folder, of `meta.json` and lossless WebP pictures
whose pixels are the Gaussians.

Read from the format's specification (developer.playcanvas.com, "The SOG Format"). Positions are 16 bits in two
pictures, between the corners of a box, of sign(x) ln(1 + |x|); sizes, colours and spherical harmonics are indices into
tables of 256 numbers; higher harmonics are rows of a palette. Axes: those of the PLY that it was made of, as the
program that writes it reads it back, so "rdf" unless said otherwise.

Letters: N Gaussians, K higher SH coefficients.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import SH_COEFFICIENTS, Gaussians, UserError, open_untrusted
from .imported import MAX_GAUSSIANS, Imported, to_blender

META, PICTURE = "meta.json", "means_l.webp"
MAX_BYTES = 1 << 28  # of one file
SPARE_PIXELS = 1 << 16  # of a picture, beyond four times those that are used
PALETTE_WIDTH = 64  # entries in a row of the palette's picture

ReadFile = Callable[[str], bytes]


def read_sog(path: Path, axes: str) -> Imported:
    """Of the zip or the folder. Raises UserError."""
    if path.is_dir():
        return _read(lambda name: _folder_file(path / Path(name).name), path, axes)
    with open_untrusted(path) as (file, _):
        if not zipfile.is_zipfile(file):
            raise UserError(f"{path}: is no SOG file; export it as 3DGS PLY.")
        with zipfile.ZipFile(file) as archive:
            return _read(lambda name: _bounded(archive.open(name).read(MAX_BYTES + 1), path), path, axes)


def _folder_file(path: Path) -> bytes:
    with open_untrusted(path) as (file, _):
        return _bounded(file.read(MAX_BYTES + 1), path)


def _bounded(data: bytes, path: Path) -> bytes:
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: is too large for a head; crop it and try again.")
    return data


def _read(read_file: ReadFile, path: Path, axes: str) -> Imported:
    with open_untrusted(path / META if path.is_dir() else path):  # what it raises below names the file
        meta = json.loads(read_file(META))
        count = meta["count"]
        if meta.get("version") != 2:
            raise UserError(f"{path}: is no SOG file of version 2; export it again with a newer program, or as PLY.")
        if type(count) is not int or not 0 < count <= MAX_GAUSSIANS:
            raise UserError(f"{path}: says that it has {str(count)[:20]} Gaussians, which no head can; crop it.")
        colours = _pixels(read_file(meta["sh0"]["files"][0]), count)
        gaussians = Gaussians.checked(
            str(path),
            means=_means(meta["means"], count, read_file),
            quats=_quaternions(_pixels(read_file(meta["quats"]["files"][0]), count)),
            scales=np.exp(_looked_up(meta["scales"], _pixels(read_file(meta["scales"]["files"][0]), count)[:, :3])),
            opacities=colours[:, 3] / 255,
            sh0=_looked_up(meta["sh0"], colours[:, :3]),
            shN=_harmonics(meta["shN"], count, read_file) if meta.get("shN") else np.zeros((count, 0, 3)),
        )
        return Imported(to_blender(gaussians, axes or "rdf"))


def _pixels(data: bytes, count: int) -> np.ndarray:
    """[count,4] uint8: the first pixels of a picture. Raises ValueError for one that is smaller, or far larger."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("WEBP", "PNG")) as picture:
        if not count <= picture.width * picture.height <= 4 * count + SPARE_PIXELS:
            raise ValueError("a picture of another size")
        return np.asarray(picture.convert("RGBA")).reshape(-1, 4)[:count]


def _looked_up(table: Any, indices: np.ndarray) -> np.ndarray:
    """The numbers of a table at indices, in their shape."""
    codes = np.asarray(table["codebook"], np.float64)
    if codes.ndim != 1 or not np.isfinite(codes).all() or np.abs(codes).max(initial=0) > 80:  # ln sigma, or SH
        raise ValueError("a table of impossible numbers")
    return codes[indices]


def _means(table: Any, count: int, read_file: ReadFile) -> np.ndarray:
    low, high = (_pixels(read_file(name), count)[:, :3].astype(np.float64) for name in table["files"])
    mins, maxs = (np.asarray(table[name], np.float64).reshape(3) for name in ("mins", "maxs"))
    stored = mins + (maxs - mins) * (low + 256 * high) / 65535
    with np.errstate(over="ignore"):  # what overflows is infinite, which `checked` rejects
        return np.sign(stored) * np.expm1(np.abs(stored))


def _quaternions(pixels: np.ndarray) -> np.ndarray:
    """[N,4] w,x,y,z: the fourth channel is 252 and the index of the largest, which is not stored and positive."""
    others = (pixels[:, :3] / 255.0 * 2 - 1) / np.sqrt(2)
    largest = pixels[:, 3].astype(int) - 252
    quats = np.zeros((len(pixels), 4))
    quats[largest < 0, 0] = 1  # no valid index: not turned
    for index in range(4):
        rest = others[largest == index]
        greatest = np.sqrt(np.maximum(1 - (rest * rest).sum(axis=1), 0))
        quats[largest == index] = np.insert(rest, index, greatest, axis=1)
    return quats


def _harmonics(table: Any, count: int, read_file: ReadFile) -> np.ndarray:
    """[N,K,3]: each Gaussian's row of the palette."""
    k, entries = SH_COEFFICIENTS[table["bands"]], table["count"]
    if not 0 < entries <= 1 << 16:
        raise ValueError("an impossible palette")
    rows = -(-entries // PALETTE_WIDTH)
    palette, labels = table["files"]
    values = _pixels(read_file(palette), rows * PALETTE_WIDTH * k)[:, :3].reshape(rows * PALETTE_WIDTH, k, 3)
    label = _pixels(read_file(labels), count).astype(int)
    return _looked_up(table, values)[label[:, 0] + 256 * label[:, 1]]
