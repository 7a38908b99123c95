# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a binary glTF 2.0 file: its vertices and its morph targets, and nothing else of it.

Written from the specification (Khronos, glTF 2.0, sections 3.6.2 and 4.4). Every offset, count and length is a claim
that is checked against the bytes that are there before anything is made of it. Letters: V vertices, E morph targets.
"""

import struct
from typing import NamedTuple

import numpy as np

from ..formats import UserError, from_json

HEADER, CHUNK = struct.Struct("<4sII"), struct.Struct("<II")
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
FLOAT, INDEX_TYPES = 5126, {5121: "u1", 5123: "<u2", 5125: "<u4"}  # component types
MAX_VERTICES, MAX_TARGETS = 2_000_000, 256
MAX_MOVES = 20_000_000  # vertices times morph targets, 240 MB; an avatar of LAM has 1,020,918


class Mesh(NamedTuple):
    """The first mesh of a file, in glTF's axes (X to the figure's left, Y up, Z where it looks), metres."""

    vertices: np.ndarray  # [V,3] float32
    shapes: dict[str, np.ndarray]  # name of a morph target -> [V,3] float32, what it adds at full weight


def read_mesh(data: bytes, source: str) -> Mesh:
    """The mesh of `data`, the content of a .glb. Raises UserError that names `source`."""
    try:
        return _Document(data, source).mesh()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, struct.error) as error:
        raise _damaged(source, "its parts do not fit together") from error


class _Document:
    """The two chunks of a file."""

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        magic, version, length = HEADER.unpack_from(data)
        if magic != b"glTF" or version != 2 or length != len(data):
            raise _damaged(source, "it is no binary glTF 2.0, or it is cut short")
        chunks, at = {}, HEADER.size
        while at < len(data):
            size, kind = CHUNK.unpack_from(data, at)
            at += CHUNK.size
            if size > len(data) - at:
                raise _damaged(source, "a chunk is longer than the file")
            chunks.setdefault(kind, memoryview(data)[at : at + size])
            at += size
        self.json = from_json(bytes(chunks[JSON_CHUNK]).decode("utf-8").rstrip("\0 "), source)
        self.binary = chunks[BINARY_CHUNK]

    def mesh(self) -> Mesh:
        mesh = self.json["meshes"][0]
        primitive = mesh["primitives"][0]
        vertices = self._vertices(primitive["attributes"]["POSITION"])
        targets = primitive.get("targets", [])
        names = mesh.get("extras", {}).get("targetNames", [f"shape_{i + 1}" for i in range(len(targets))])
        if len(vertices) * len(targets) > MAX_MOVES:
            raise _damaged(self.source, "its morph targets are too many for so many vertices")
        if len(targets) > MAX_TARGETS or len(names) != len(targets) or len(set(names)) != len(names):
            raise _damaged(self.source, "its morph targets and their names do not match")
        if not all(isinstance(name, str) and name.isidentifier() for name in names):
            raise _damaged(self.source, "a morph target has no name that a channel can have")
        return Mesh(
            vertices, {name: self._vectors(row["POSITION"], len(vertices)) for name, row in zip(names, targets)}
        )

    def _vertices(self, number: int) -> np.ndarray:
        """Accessor -> [V,3] float32, as many as there are bytes for."""
        accessor = self.json["accessors"][number]
        count = accessor["count"]
        if "bufferView" not in accessor or not 0 < count <= MAX_VERTICES:
            raise _damaged(self.source, "its positions are not there, or too many")
        self._table(accessor["bufferView"], accessor.get("byteOffset", 0), "<f4", count, 3)
        return self._vectors(number, count)

    def _vectors(self, number: int, count: int) -> np.ndarray:
        """Accessor -> [count,3] float32: its values, or zeros, and what is stored sparsely over them."""
        accessor = self.json["accessors"][number]
        if accessor["type"] != "VEC3" or accessor["componentType"] != FLOAT:
            raise _damaged(self.source, "positions are not 32-bit numbers")
        if accessor["count"] != count:
            raise _damaged(self.source, "a morph target has another number of vertices than the mesh")
        values = np.zeros((count, 3), np.float32)
        if "bufferView" in accessor:
            values[:] = self._table(accessor["bufferView"], accessor.get("byteOffset", 0), "<f4", count, 3)
        if "sparse" in accessor:
            sparse = accessor["sparse"]
            rows, changed = sparse["indices"], sparse["values"]
            index = self._table(
                rows["bufferView"], rows.get("byteOffset", 0), INDEX_TYPES[rows["componentType"]], sparse["count"], 1
            )
            values[index[:, 0]] = self._table(
                changed["bufferView"], changed.get("byteOffset", 0), "<f4", sparse["count"], 3
            )
        if not np.isfinite(values).all():
            raise _damaged(self.source, "a position is not a finite number")
        return values

    def _table(self, view: int, offset: int, dtype: str, count: int, width: int) -> np.ndarray:
        """[count,width] of a buffer view; tightly packed, as every exporter writes positions."""
        where = self.json["bufferViews"][view]
        item = np.dtype(dtype).itemsize * width
        if where.get("buffer", 0) != 0 or where.get("byteStride", item) != item:
            raise _damaged(self.source, "its positions are interleaved with other data, or in another file")
        start, length = where.get("byteOffset", 0) + offset, count * item
        if min(offset, count) < 0 or start < 0 or length > where["byteLength"] - offset:
            raise _damaged(self.source, "a table is longer than what holds it")
        return np.frombuffer(self.binary[start : start + length], dtype).reshape(count, width)


def _damaged(source: str, why: str) -> UserError:
    return UserError(f"{source}: its mesh cannot be read ({why}); export it again as binary glTF (.glb).")
