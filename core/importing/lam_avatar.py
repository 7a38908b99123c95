# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar of LAM (Large Avatar Model, SIGGRAPH 2025): a .zip, or the folder that it was, with `offset.ply` and
`skin.glb`. One Gaussian a vertex of the mesh, 51 of ARKit's shapes as morph targets.

Read from a file of the project's web player (LAM_WebRender, asset/arkit), as no format is published: in it `offset.ply`
holds the Gaussians in the order of the mesh's vertices, their positions relative to these, and `f_dc` plain sRGB in
0..1. Its skeleton is left out: the head stands as it was captured.
"""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..formats import RUB_TO_BLENDER, SH_C0, UserError, open_untrusted, read_ply_file, rotate_gaussians
from .glb import read_mesh
from .imported import Imported

SPLATS, MESH = "offset.ply", "skin.glb"
MAX_BYTES = 1 << 29  # of one of the two files
MAX_ENTRIES = 1000  # of a zip
TOLERANCE = 1e-3  # above 0..1, of a colour


def read_lam_avatar(path: Path, _axes: str = "") -> Imported:
    """Of the zip or the folder; the middle of the head is at the origin. Raises UserError."""
    files = _folder_files(path) if path.is_dir() else _zip_files(path)
    mesh = read_mesh(files[MESH], f"{path} ({MESH})")
    source = f"{path} ({SPLATS})"
    splats = read_ply_file(io.BytesIO(files[SPLATS]), len(files[SPLATS]), source, "blender")
    if len(splats) != len(mesh.vertices):
        raise UserError(f"{source}: has {len(splats)} Gaussians for {len(mesh.vertices)} vertices; export it again.")
    if splats.sh0.min() < -TOLERANCE or splats.sh0.max() > 1 + TOLERANCE:
        raise UserError(f"{source}: its colours are not within 0 to 1, so it is no LAM avatar; export it again.")
    centre = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    placed = replace(
        splats, means=splats.means + mesh.vertices - centre, sh0=((splats.sh0 - 0.5) / SH_C0).astype(np.float32)
    )
    turn = RUB_TO_BLENDER.astype(np.float32).T
    shapes = {name: np.ascontiguousarray(shape @ turn) for name, shape in mesh.shapes.items()}
    return Imported(rotate_gaussians(placed, RUB_TO_BLENDER), "LAM avatar", shapes=shapes)


def _folder_files(folder: Path) -> dict[str, bytes]:
    files = {}
    for name in (SPLATS, MESH):
        with open_untrusted(folder / name) as (file, size):
            if size > MAX_BYTES:
                raise UserError(f"{folder / name}: is too large for an avatar; choose another one.")
            files[name] = file.read(size)
    return files


def _zip_files(path: Path) -> dict[str, bytes]:
    """The two files wherever they lie in the zip, but for a Mac's resource forks."""
    with open_untrusted(path) as (file, _), zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise UserError(f"{path}: holds {len(entries)} files, more than an avatar has; choose a LAM avatar.")
        found = {
            name: [e for e in entries if e.filename.rpartition("/")[2] == name and "__MACOSX" not in e.filename]
            for name in (SPLATS, MESH)
        }
        if any(len(matches) != 1 for matches in found.values()):
            raise UserError(
                f"{path}: holds no single {SPLATS} and {MESH}, so it is no LAM avatar; choose another file."
            )
        return {name: _unpacked(archive, matches[0], path) for name, matches in found.items()}


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> bytes:
    """The content, as far as MAX_BYTES: what the zip says of its size is a claim."""
    with archive.open(entry) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: its {entry.filename} is too large for an avatar; choose another one.")
    return data
