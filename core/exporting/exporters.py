# SPDX-License-Identifier: GPL-3.0-or-later
"""The file formats that a bake can be exported to. A new one: a file with a function like `write_ply`, and a row here.

A writer that needs a large library imports it inside of its function: Blender imports this table.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..formats import Gaussians, write_ply


class FrameWriter(Protocol):
    """Writes one frame to `path`, atomically.

    gaussians: in head space. axes: one of the exporter's. colour_space: of the SH coefficients, as a bake's card says.
    """

    def __call__(self, path: Path, gaussians: Gaussians, axes: str, colour_space: str, /) -> None: ...


@dataclass(frozen=True)
class Exporter:
    """One file format that a bake can be exported to, a file a frame."""

    label: str  # in the panel
    description: str  # one sentence without a full stop, the panel's tooltip and the shell's help
    suffix: str  # of a file, with its dot
    axes: tuple[str, ...]  # what it can be written in: "blender" (Z up), "rdf" (X right, Y down, Z forward)
    default_axes: str  # one of `axes`
    write_frame: FrameWriter


# The name that `Export.format` takes -> the exporter.
EXPORTERS: dict[str, Exporter] = {
    "ply": Exporter(
        "PLY Sequence",
        "A 3DGS .ply for each frame, which most programs that show Gaussian splats read",
        ".ply",
        ("blender", "rdf"),
        "blender",
        write_ply,
    ),
}
