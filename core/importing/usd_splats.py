# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian splats of USD (ParticleField3DGaussianSplat, OpenUSD 26.03) as a head at rest: at the file's default time,
or where it has none at its first time sample. Prims of one file are joined, each where it stands.

What the schema lets a file leave out has the schema's meaning: no orientations are unturned splats, no opacities opaque
ones. float attributes are preferred to their half twins, as the schema prefers them.

Letters: N Gaussians, K higher SH coefficients.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import SH_COEFFICIENTS, Gaussians, UserError, open_untrusted, transform_gaussians
from ..usd import open_stage, usd_modules
from .imported import AXES, Imported

TYPE = "ParticleField3DGaussianSplat"
COEFFICIENTS = "radiance:sphericalHarmonicsCoefficients"
MAX_SPLAT_PRIMS, MAX_PRIMS = 1000, 1_000_000
# USD's name of a colour space -> a head's card's; others count as sRGB.
COLOUR_SPACES = {"lin_rec709_scene": "lin_rec709_display"}


def read_usd(path: Path, axes: str) -> Imported:
    """Raises UserError. axes: instead of the file's own up axis."""
    with open_untrusted(path):  # the library says less clearly what is no file
        stage = open_stage(path)
        usd, geom = usd_modules("Usd", "UsdGeom")
        prims = _splat_prims(usd.PrimRange.Stage(stage, usd.TraverseInstanceProxies()), path)
        up = "rub" if geom.GetStageUpAxis(stage) == "Y" else "blender"
        to_blender = geom.GetStageMetersPerUnit(stage) * AXES[axes or up]
        tables = [_placed(prim, to_blender, path) for prim in prims]
        spaces = {prim.GetAttribute("colorSpace:name").Get() for prim in prims}
        space = COLOUR_SPACES.get(spaces.pop() if len(spaces) == 1 else "", Imported.colour_space)
    names = ", ".join(prim.GetName() for prim in prims)
    several = (f"{path.name}: its {len(prims)} splat prims ({names}) are one head now.",) if len(prims) > 1 else ()
    return Imported(Gaussians.joined(*tables), colour_space=space, left_out=several)


def _splat_prims(prims: Iterable[Any], path: Path) -> list[Any]:
    """Those of splats. Instances of instances make of a small file as many prims as it likes: they are counted."""
    found = []
    for visited, prim in enumerate(prims):
        found += [prim] if _is_splats(prim) else []
        if len(found) > MAX_SPLAT_PRIMS or visited > MAX_PRIMS:
            raise UserError(
                f"{path}: has more than {MAX_SPLAT_PRIMS} prims of splats or {MAX_PRIMS} prims in all, which no head "
                "has; export the head alone."
            )
    if not found:
        raise UserError(f"{path}: holds no Gaussian splats ({TYPE}); choose another file.")
    return found


def _is_splats(prim: Any) -> bool:
    return prim.GetTypeName() == TYPE


def _placed(prim: Any, to_blender: np.ndarray, path: Path) -> Gaussians:
    """The prim's splats in Blender's axes and metres, where its parents put them."""
    time = _first_time(prim)
    placed = np.eye(4)
    placed[:3, :3] = to_blender
    gaussians = _gaussians(prim, time, path)
    return Gaussians.checked(str(path), **vars(transform_gaussians(gaussians, placed @ _to_world(prim, time))))


def _first_time(prim: Any) -> Any:
    """The default time where the positions have a value there, else that of their first sample."""
    (usd,) = usd_modules("Usd")
    default = usd.TimeCode.Default()
    attributes = [prim.GetAttribute(name) for name in ("positions", "positionsh")]
    if any(attribute.Get(default) is not None for attribute in attributes):
        return default
    times = [time for attribute in attributes for time in attribute.GetTimeSamples()[:1]]
    return usd.TimeCode(min(times)) if times else default


def _to_world(prim: Any, time: Any) -> np.ndarray:
    """[4,4], x' = M x: the prim's own transform and its parents'."""
    (geom,) = usd_modules("UsdGeom")
    matrix = np.eye(4)
    while prim and not prim.IsPseudoRoot():
        local = geom.Xformable(prim)
        if _is_splats(prim) or prim.IsA(geom.Xformable):  # an older library does not know that splats are
            matrix = np.array(local.GetLocalTransformation(time)).T @ matrix  # USD's vectors are rows
            if local.GetResetXformStack():
                break
        prim = prim.GetParent()
    return matrix


def _gaussians(prim: Any, time: Any, path: Path) -> Gaussians:
    """As stored."""
    means = _values(prim, "positions", time, 3)
    scales, harmonics = _values(prim, "scales", time, 3), _values(prim, COEFFICIENTS, time, 3)
    if means is None or scales is None or harmonics is None or not len(means):
        raise UserError(f"{path}: {prim.GetPath()} has no positions, scales or colours; export it again.")
    quats, opacities = _values(prim, "orientations", time, 4), _values(prim, "opacities", time, 1)
    n = len(means)
    bands = harmonics.reshape(n, -1, 3)  # of each splat the constant, then the higher ones
    kept = max(k for k in SH_COEFFICIENTS.values() if k < bands.shape[1])
    return Gaussians.checked(
        f"{path}: {prim.GetPath()}",
        means=means,
        quats=np.tile([1.0, 0, 0, 0], (n, 1)) if quats is None else quats[:, [3, 0, 1, 2]],
        scales=scales,
        opacities=np.ones(n) if opacities is None else np.clip(opacities[:, 0], 0, 1),
        sh0=bands[:, 0],
        shN=bands[:, 1 : 1 + kept],
    )


def _values(prim: Any, name: str, time: Any, width: int) -> np.ndarray | None:
    """[N,width] float32 of an attribute or of its half twin, quaternions as they lie in memory (x,y,z,w); None where
    neither has a value."""
    for attribute in (prim.GetAttribute(name), prim.GetAttribute(f"{name}h")):
        value = attribute.Get(time) if attribute else None
        if value is not None:
            return np.asarray(value, np.float32).reshape(-1, width)
    return None
