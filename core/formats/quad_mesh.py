# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh of quads as a binary little-endian .ply that any 3D program opens. Letters: V vertices, F faces."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .atomic_write import atomic_write
from .open_untrusted import open_untrusted
from .ply_header import read_header
from .user_error import UserError

VERTEX = np.dtype([(name, "<f4") for name in "xyz"])
FACE = np.dtype([("count", "u1"), ("vertices", "<i4", 4)])
HEADER = (
    "ply\nformat binary_little_endian 1.0\ncomment made by talksplat, a proxy mesh, units are metres, Z up\n"
    "element vertex {}\nproperty float x\nproperty float y\nproperty float z\n"
    "element face {}\nproperty list uchar int vertex_indices\nend_header\n"
)


@dataclass(frozen=True)
class QuadMesh:
    """Vertices in metres and faces whose corners turn counter-clockwise seen from outside."""

    vertices: np.ndarray  # [V,3] float32
    quads: np.ndarray  # [F,4] int32


def write_quad_mesh(path: Path | str, mesh: QuadMesh) -> None:
    """Write atomically."""
    faces = np.empty(len(mesh.quads), FACE)
    faces["count"], faces["vertices"] = 4, mesh.quads
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        file.write(HEADER.format(len(mesh.vertices), len(faces)).encode())
        file.write(mesh.vertices.astype("<f4").tobytes())
        file.write(faces.tobytes())


def read_quad_mesh(path: Path | str) -> QuadMesh:
    """A mesh as `write_quad_mesh` writes it, checked. Raises UserError."""
    with open_untrusted(path) as (file, size):
        header = read_header(file, size, path)
        counts = {element.name: element.count for element in header.elements}
        sizes = [counts.get("vertex", 0), counts.get("face", 0)]
        expected = header.data + sizes[0] * VERTEX.itemsize + sizes[1] * FACE.itemsize
        if header.vertices.row != VERTEX or header.is_text or size != expected or not all(sizes):
            raise UserError(f"{path}: is not a proxy mesh; make it again.")
        file.seek(header.data)
        vertices = np.fromfile(file, "<f4", 3 * sizes[0]).reshape(-1, 3)
        faces = np.fromfile(file, FACE, sizes[1])
    quads = faces["vertices"]
    if not np.isfinite(vertices).all() or (faces["count"] != 4).any():
        raise UserError(f"{path}: is not a proxy mesh; make it again.")
    if quads.min() < 0 or quads.max() >= len(vertices):
        raise UserError(f"{path}: is damaged, its faces name vertices that are not there; make it again.")
    return QuadMesh(vertices, np.ascontiguousarray(quads))
