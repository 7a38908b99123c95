# SPDX-License-Identifier: GPL-3.0-or-later
"""A LAM avatar of a few vertices, made in code by the layout of a real one; numpy alone."""

import json
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

COUNT = 40
COLUMNS = "x y z nx ny nz f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3".split()


def vertices(count: int, seed: int = 0) -> np.ndarray:
    """[count,3] around a standing figure's head, glTF's axes."""
    return (np.random.default_rng(seed).normal(size=(count, 3)) * 0.1 + [0, 1.6, 0]).astype(np.float32)


def glb(positions: np.ndarray, shapes: dict[str, tuple[np.ndarray, np.ndarray]]) -> bytes:
    """A mesh with morph targets that are stored sparsely: name -> (rows, what they add [rows,3])."""
    views, accessors, binary = [], [], b""

    def view(array: np.ndarray) -> int:
        nonlocal binary
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": array.nbytes})
        binary += array.tobytes() + b"\0" * (-array.nbytes % 4)
        return len(views) - 1

    def vectors(count: int, **stored: object) -> int:
        accessors.append({"componentType": 5126, "count": count, "type": "VEC3", **stored})
        return len(accessors) - 1

    primitive = {"attributes": {"POSITION": vectors(len(positions), bufferView=view(positions))}, "targets": []}
    for rows, moves in shapes.values():
        indices = {"bufferView": view(rows.astype("<u2")), "componentType": 5123}
        values = {"bufferView": view(moves.astype("<f4"))}
        sparse = {"count": len(rows), "indices": indices, "values": values}
        primitive["targets"].append({"POSITION": vectors(len(positions), sparse=sparse)})
    text = json.dumps(
        {
            "asset": {"version": "2.0"},
            "accessors": accessors,
            "bufferViews": views,
            "buffers": [{"byteLength": len(binary)}],
            "meshes": [{"primitives": [primitive], "extras": {"targetNames": list(shapes)}}],
        }
    ).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def splats(count: int, seed: int = 1) -> np.ndarray:
    """[count,17] float32 as `offset.ply` holds them: offsets, colours within 0..1."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(count, len(COLUMNS))).astype("<f4")
    table[:, :3] *= 0.01
    table[:, 6:9] = rng.uniform(0, 1, (count, 3))
    table[:, 10:13] -= 6
    return table


def ply(table: np.ndarray) -> bytes:
    """A PLY of these columns."""
    properties = "".join(f"property float {name}\n" for name in COLUMNS)
    return f"ply\nformat binary_little_endian 1.0\nelement vertex {len(table)}\n{properties}end_header\n".encode() + (
        table.tobytes()
    )


def write_avatar(
    path: Path, offset: bytes | None = None, skin: bytes | None = None, shapes: dict | None = None
) -> Path:
    """The zip, with what a Mac adds; of COUNT vertices and Gaussians where their files are not given."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/anna/._offset.ply", b"\0")
        archive.writestr("anna/offset.ply", ply(splats(COUNT)) if offset is None else offset)
        archive.writestr("anna/skin.glb", glb(vertices(COUNT), shapes or {}) if skin is None else skin)
        archive.writestr("anna/vertex_order.json", "[0]")
    return path


@pytest.fixture
def avatars():
    """Everything above, by name."""
    return SimpleNamespace(vertices=vertices, glb=glb, splats=splats, ply=ply, write_avatar=write_avatar)
