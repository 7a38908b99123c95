# SPDX-License-Identifier: GPL-3.0-or-later
"""The file formats that a bake can be exported to. A new one: a file with a function like `write_ply`, and a row here.

A writer that needs a large library imports it inside of its function: Blender imports this table. A format that knows
no animation has a file a frame (`write_frame`); one that does says which files it makes of a shot (`plan_shot`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..formats import Gaussians, write_ply
from .exported_shot import ExportedShot
from .gltf import write_gltf
from .shot_file import ShotFile
from .spz import write_spz
from .usd_shot import plan_usd


class FrameWriter(Protocol):
    """Writes one frame atomically.

    gaussians: in head space. axes: one of the exporter's. colour_space, of the SH coefficients, and blend, of BLENDS,
    as a bake's card says; a format that has no place for them leaves them out. Raises UserError for what it cannot
    hold.
    """

    def __call__(self, path: Path, gaussians: Gaussians, axes: str, colour_space: str, blend: str, /) -> None: ...


class ShotPlanner(Protocol):
    """Says which files hold the whole shot, and a sentence for each thing that they cannot hold.

    path: of the file that a user opens. Raises UserError for a shot that the format cannot hold at all.
    """

    def __call__(self, shot: ExportedShot, path: Path, /) -> tuple[list[ShotFile], list[str]]: ...


@dataclass(frozen=True)
class Exporter:
    """One file format that a bake can be exported to: a file a frame, or the whole shot."""

    label: str  # in the panel
    description: str  # one sentence without a full stop, the panel's tooltip and the shell's help
    suffix: str  # of a file, with its dot
    # What it can be written in: "blender" (Z up), "rdf" (X right, Y down, Z forward), "rub" (X right, Y up, Z back).
    axes: tuple[str, ...]
    default_axes: str  # one of `axes`
    write_frame: FrameWriter | None = None  # one of these two
    plan_shot: ShotPlanner | None = None
    needs_usd: bool = False  # Pixar's library, which Blender has


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
    "spz": Exporter(
        "SPZ Sequence",
        "A small .spz for each frame, about a fifth of the PLY, for viewers, game engines and the web",
        ".spz",
        ("rub",),
        "rub",
        write_spz,
    ),
    "gltf": Exporter(
        "glTF Sequence",
        "A .glb with KHR_gaussian_splatting for each frame, for web viewers",
        ".glb",
        ("rub",),
        "rub",
        write_gltf,
    ),
    "usd": Exporter(
        "USD",
        "One animated .usdc of the shot, with the sound, the camera and every selected head, for Nuke, Houdini and "
        "Blender 5.3",
        ".usdc",
        ("blender",),
        "blender",
        plan_shot=plan_usd,
        needs_usd=True,
    ),
}
