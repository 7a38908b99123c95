# SPDX-License-Identifier: GPL-3.0-or-later
"""The safetensors format in numpy: 8-byte header length, JSON header, raw little-endian arrays.

Written from the format's public description (github.com/huggingface/safetensors, README "Format"): offsets count from
the end of the header, arrays are stored without gaps, `__metadata__` maps str to str. Blender has numpy but not the
safetensors package. Knows no head and no performance.
"""

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .atomic_write import atomic_write
from .json_codec import from_json, to_json
from .open_untrusted import open_untrusted, read_exactly
from .user_error import UserError

DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
MAX_HEADER = 16 << 20  # bytes; a head's is about 10 kB, a card with a camera per frame a few MB


def read_tensors(path: Path | str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(arrays by name, metadata). The arrays are writable, C-contiguous and of native byte order.

    The header is checked against the file's real size before anything is allocated. Raises UserError.
    """
    with open_untrusted(path) as (file, size):
        return load_tensors(file, size, path)


def read_metadata(path: Path | str) -> dict[str, str]:
    """The metadata, without reading the arrays. Raises UserError."""
    with open_untrusted(path) as (file, size):
        return _header(file, size, path)[1]


def write_tensors(
    path: Path | str, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write atomically; the same content gives the same bytes. Raises TypeError for dtypes the format does not have."""
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        dump_tensors(file, arrays, metadata)


def dump_tensors(file: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Write the format to an open file (a bake stores its canonical Gaussians this way)."""
    if any(not isinstance(part, str) for pair in (metadata or {}).items() for part in pair):
        raise TypeError("safetensors metadata maps str to str")
    arrays = {name: np.ascontiguousarray(a).reshape(np.shape(a)) for name, a in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.newbyteorder("=") not in NAMES or name == "__metadata__":
            raise TypeError(f"tensor {name!r} of dtype {array.dtype} cannot be stored")
    # Widest first, as the reference writer does: every array then starts aligned to its own dtype.
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        begin, end = end, end + arrays[name].nbytes
        header[name] = {
            "dtype": NAMES[arrays[name].dtype.newbyteorder("=")],
            "shape": list(arrays[name].shape),
            "data_offsets": [begin, end],
        }
    text = to_json(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for name in order:
        if arrays[name].size:
            file.write(arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False).data.cast("B"))


def load_tensors(file: BinaryIO, size: int, source: Path | str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the format from an open file of `size` bytes; `source` names it in errors. Raises UserError."""
    layout, metadata = _header(file, size, source)
    arrays = {}
    for name, (dtype, shape) in layout.items():  # in the order of the file
        array = np.empty(shape, dtype)
        raw = array.reshape(-1).view(np.uint8)
        if raw.size and _read_into(file, raw) != raw.size:
            raise UserError(f"{source}: is cut short; copy it again or recreate it.")
        if dtype == np.bool_ and raw.size and raw.max() > 1:
            raise UserError(
                f"{source}: tensor {name[:60]!r} has booleans that are neither true nor false; copy it again."
            )
        arrays[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    return arrays, metadata


def _header(
    file: BinaryIO, size: int, source: Path | str
) -> tuple[dict[str, tuple[np.dtype, tuple[int, ...]]], dict[str, str]]:
    if size < 8:
        raise UserError(f"{source}: is too short to be a talksplat file; copy it again or recreate it.")
    length = struct.unpack("<Q", read_exactly(file, 8, source))[0]
    if not 2 <= length <= min(size - 8, MAX_HEADER):
        raise UserError(f"{source}: is not a safetensors file, or it is cut short; choose another file.")
    text = read_exactly(file, length, source)
    header = from_json(text, str(source)) if text[:1] == b"{" else None
    if not isinstance(header, dict):
        raise UserError(f"{source}: is not a safetensors file; choose another file.")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise UserError(f"{source}: its metadata is not text; copy it again or recreate it.")
    entries = sorted(((name, *_entry(name, entry, source)) for name, entry in header.items()), key=lambda e: e[3:])
    layout, end = {}, 0
    for name, dtype, shape, begin, stop in entries:
        if begin != end or stop - begin != math.prod(shape) * dtype.itemsize:
            raise UserError(
                f"{source}: tensor {name[:60]!r} has offsets that do not match its shape; copy it again or recreate it."
            )
        layout[name], end = (dtype, shape), stop
    if end != size - 8 - length:
        raise UserError(
            f"{source}: holds {size} bytes where its header says {8 + length + end}; "
            "it is cut short or damaged, copy it again or recreate it."
        )
    return layout, metadata


def _read_into(file: BinaryIO, buffer: np.ndarray) -> int:
    """Fill the uint8 buffer; the number of bytes read. Binary files have `readinto`, typing's BinaryIO does not."""
    return file.readinto(buffer)  # pyright: ignore[reportAttributeAccessIssue]


def _are_sizes(values: Any, most: int) -> bool:
    """Whether it is a list of at most `most` integers from 0 to 2^48."""
    return isinstance(values, list) and len(values) <= most and all(type(v) is int and 0 <= v < 2**48 for v in values)


def _entry(name: str, entry: Any, source: Path | str) -> tuple[np.dtype, tuple[int, ...], int, int]:
    damaged = UserError(f"{source}: the header entry of tensor {name[:60]!r} is invalid; copy it again or recreate it.")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise damaged
    shape, offsets = entry["shape"], entry["data_offsets"]
    if (
        not _are_sizes(shape, 8)
        or not _are_sizes(offsets, 2)
        or len(offsets) != 2
        or math.prod(max(d, 1) for d in shape) > 2**48
    ):
        raise damaged
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        raise UserError(
            f"{source}: tensor {name[:60]!r} is of type {str(entry['dtype'])[:20]}; "
            f"only {', '.join(DTYPES)} can be read, convert it."
        )
    return np.dtype(DTYPES[entry["dtype"]]), tuple(shape), offsets[0], offsets[1]
