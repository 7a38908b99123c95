# SPDX-License-Identifier: GPL-3.0-or-later
"""A 3DGS PLY, PlayCanvas' compressed one included, as a head at rest: formats.read_ply, and what the comments of a PLY
of talksplat's say of its colours."""

from pathlib import Path

from ..formats import BLEND_COMMENT, BLENDS, COLOUR_COMMENT, read_ply, read_ply_header
from .imported import Imported, to_blender


def read_ply_head(path: Path, axes: str) -> Imported:
    """Raises UserError."""
    gaussians = to_blender(read_ply(path, "blender"), axes) if axes else read_ply(path)
    header = read_ply_header(path)
    blend, space = header.comment(BLEND_COMMENT), header.comment(COLOUR_COMMENT)
    return Imported(
        gaussians,
        colour_space=space or Imported.colour_space,
        blend=blend if blend in BLENDS else Imported.blend,
    )
