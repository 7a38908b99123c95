# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader of another program's file gives: Gaussians in Blender's axes, and what of the file stays behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..formats import RDF_TO_BLENDER, RUB_TO_BLENDER, Gaussians, UserError, rotate_gaussians

# What `ImportHead.axes` may say -> a rotation to Blender's axes.
AXES = {
    "blender": np.eye(3),
    "rdf": RDF_TO_BLENDER,  # x right, y down, z forward
    "rub": RUB_TO_BLENDER,  # x right, y up, z back
}
MAX_GAUSSIANS = 1 << 22  # a head has some ten thousands; 4 million are a landscape
SMALLEST = 1e-8  # metres: what becomes of a scale that its file has rounded to zero, which no renderer could divide by

# Of a checkpoint, after its name.
NO_NETWORKS = (
    "its networks stay behind, because talksplat does not compute the features of the voice that they were trained on; "
    "train a head on the same video for one that speaks."
)


@dataclass(frozen=True)
class Imported:
    """A head at rest. In Blender's axes, metres."""

    gaussians: Gaussians  # of the face, N of them
    what: str = "Gaussians of"  # with the file's name where the head comes from
    mouth: Gaussians | None = None  # the inside of the mouth, where the file has it by itself
    shapes: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> [N,3] metres that its full weight adds
    colour_space: str = "srgb_rec709_display"  # of the SH coefficients, as a head's card has it
    blend: str = "display"  # of BLENDS
    left_out: tuple[str, ...] = ()  # a sentence for each thing of the file that the head has not


def check_axes(axes: str) -> None:
    """Raises UserError for axes that are not known; empty: as the file says."""
    if axes and axes not in AXES:
        raise UserError(f"axes {axes!r} are unknown; use one of {', '.join(AXES)}.")


def to_blender(gaussians: Gaussians, axes: str) -> Gaussians:
    """Gaussians in `axes`, one of AXES, in Blender's."""
    return gaussians if axes == "blender" else rotate_gaussians(gaussians, AXES[axes])


def in_metres(gaussians: Gaussians, unit: float) -> Gaussians:
    """Gaussians whose lengths are in units of `unit` metres, in metres."""
    factor = np.float32(unit)
    return replace(gaussians, means=gaussians.means * factor, scales=gaussians.scales * factor)


def nonzero_scales(scales: np.ndarray) -> np.ndarray:
    """[N,3], zeros as SMALLEST: a disc without thickness stays a disc."""
    return np.where(scales == 0, np.float32(SMALLEST), scales)
