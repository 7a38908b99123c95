# SPDX-License-Identifier: GPL-3.0-or-later
"""Cryptomatte: mattes that a compositor picks by name (Friedman and Jones 2015; Psyop's specification 1.2.0).

A name's hash, read as a float, is its ID. A pixel holds pairs (ID, coverage), the largest coverage first, two pairs a
layer: r, g are the first, b, a the second. The header names the IDs.

Letters: H x W pixels, M names.
"""

import json
from collections.abc import Sequence

import numpy as np

PAIRS = 2  # a layer
MOST_LAYERS = 3  # six names a pixel, as Blender and most renderers write
HEADER = "cryptomatte"  # how the names of the header's attributes begin


def murmur_hash3(name: str) -> int:
    """MurmurHash3_x86_32 of the UTF-8 bytes, seed 0 (Appleby, public domain)."""
    data, value = name.encode("utf-8"), 0
    whole = len(data) // 4 * 4
    for begin in range(0, whole, 4):
        value ^= _scrambled(int.from_bytes(data[begin : begin + 4], "little"))
        value = (_rotated(value, 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if tail := data[whole:]:
        value ^= _scrambled(int.from_bytes(tail, "little"))
    value ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        value = ((value ^ (value >> shift)) * factor) & 0xFFFFFFFF
    return value ^ (value >> 16)


def name_id(name: str) -> np.float32:
    """The name's hash as a float that is neither denormal, infinite nor nan: the specification's uint32_to_float32."""
    bits = murmur_hash3(name)
    if (bits >> 23) & 255 in (0, 255):
        bits ^= 1 << 23
    return np.uint32(bits).view(np.float32)


def layers_for(names: int) -> int:
    """How many layers hold so many names a pixel."""
    return min(-(-names // PAIRS), MOST_LAYERS)


def ranked(
    names: Sequence[str],
    coverage: Sequence[np.ndarray],  # M times [H,W] 0..1
) -> np.ndarray:
    """[H,W,4 layers] float32: the names that cover most of a pixel, two a layer; what covers nothing has the ID 0."""
    covers = np.clip(np.stack(coverage, axis=-1), 0, 1).astype(np.float32)
    ids = np.where(covers > 0, np.array([name_id(name) for name in names], np.float32), np.float32(0))
    pairs = PAIRS * layers_for(len(names))
    order = np.argsort(-covers, axis=-1, kind="stable")[..., :pairs]
    layers = np.zeros((*covers.shape[:2], 2 * pairs), np.float32)
    layers[..., 0 : 2 * order.shape[-1] : 2] = np.take_along_axis(ids, order, axis=-1)
    layers[..., 1 : 2 * order.shape[-1] : 2] = np.take_along_axis(covers, order, axis=-1)
    return layers


def header_attributes(layer: str, names: Sequence[str]) -> dict[str, str]:
    """What the EXR's header says of the layers LAYER00, LAYER01 …"""
    manifest = {name: f"{int(name_id(name).view(np.uint32)):08x}" for name in names}
    values = {
        "name": layer,
        "hash": "MurmurHash3_32",
        "conversion": "uint32_to_float32",
        "manifest": json.dumps(manifest, separators=(",", ":")),
    }
    key = f"{murmur_hash3(layer):08x}"[:7]
    return {f"{HEADER}/{key}/{name}": value for name, value in values.items()}


def _scrambled(block: int) -> int:
    return _rotated((block * 0xCC9E2D51) & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF
