# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig as USD: points with a blend shape for each channel (UsdSkel), and a bake's curves as their weights.

    /head                  SkelRoot, the default prim: Z up, metres
    /head/splats           Points at rest; a weight of 1 is 1 mm of the channel
    /head/splats/CHANNEL   BlendShape: metres for a millimetre, for the points that the channel moves
    /head/skeleton         one joint that never moves, because UsdSkel asks for a skeleton
    /head/curves           SkelAnimation: the weights, a time sample a frame

Blend shapes move points and nothing else: the splats' rotations and scales are there as they are at rest
(`primvars:rot`, `primvars:scale`), and turning and stretching with the skin is lost. What needs them takes the .npz or
an animated USD of the shot.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import SH_C0, atomic_write
from ..performance import Replay, RigReplay
from ..usd import define_prim, fixed, new_layer, usd_errors, usd_modules, write_header

MILLIMETRE = 0.001
ROOT, POINTS, SKELETON, CURVES = "/head", "/head/splats", "/head/skeleton", "/head/curves"


@dataclass(frozen=True)
class Curves:
    """A bake by its channels."""

    rate: Fraction  # frames a second
    start: int  # the shot's first frame
    poses: dict[int, np.ndarray]  # frame -> [K] mm


def write_rig_usd(path: Path, replay: Replay, posed: RigReplay, curves: Curves | None) -> None:
    """Write atomically. curves: what animates it; None: the weights are zero. Raises UserError."""
    usd_modules("Sdf")
    with atomic_write(path) as temporary, usd_errors(path):
        layer = new_layer(temporary)
        root = define_prim(layer, ROOT, "SkelRoot")
        frames = list(curves.poses) if curves else [0]
        write_header(layer, root, curves.rate if curves else None, frames[0], frames[-1])
        _write_points(layer, replay, posed)
        _write_shapes(layer, posed)
        _write_skeleton(layer)
        _write_weights(layer, posed, curves)
        layer.Save()
        del layer, root  # Windows renames no open file


def _write_points(layer: Any, replay: Replay, posed: RigReplay) -> None:
    """The head at rest, as any program shows points."""
    sdf, vt = usd_modules("Sdf", "Vt")
    means, quats, scales = posed.frame()
    colours = np.clip(replay.canonical.sh0 * SH_C0 + 0.5, 0, 1)
    prim = define_prim(layer, POINTS, "Points")
    fixed(prim, "points", "Point3fArray", vt.Vec3fArray.FromNumpy(means))
    fixed(prim, "widths", "FloatArray", vt.FloatArray.FromNumpy(2 * scales.mean(axis=1)))
    fixed(prim, "extent", "Float3Array", vt.Vec3fArray.FromNumpy(np.stack([means.min(axis=0), means.max(axis=0)])))
    for name, kind, values in (
        ("primvars:displayColor", "Color3fArray", vt.Vec3fArray.FromNumpy(np.ascontiguousarray(colours, np.float32))),
        ("primvars:displayOpacity", "FloatArray", vt.FloatArray.FromNumpy(replay.canonical.opacities)),
        ("primvars:scale", "Float3Array", vt.Vec3fArray.FromNumpy(scales)),
        ("primvars:rot", "QuatfArray", vt.QuatfArray.FromNumpy(np.ascontiguousarray(quats[:, [1, 2, 3, 0]]))),
    ):
        fixed(prim, name, kind, values).SetInfo("interpolation", "vertex")
    prim.SetInfo("apiSchemas", sdf.TokenListOp.Create(prependedItems=["SkelBindingAPI"]))
    names = [channel.name for channel in posed.channels]
    fixed(prim, "skel:blendShapes", "TokenArray", names, uniform=True)
    _relate(prim, "skel:blendShapeTargets", *(f"{POINTS}/{name}" for name in names))
    _relate(prim, "skel:skeleton", SKELETON)


def _write_shapes(layer: Any, posed: RigReplay) -> None:
    (vt,) = usd_modules("Vt")
    for name, region in posed.rig.regions.items():
        parts = list(region.branches.values())
        rows = np.concatenate([part.rows for part in parts]).astype(np.int32)
        moves = np.concatenate([part.moves[:, :3].astype(np.float32) for part in parts], axis=2)  # [K,3,M] mm
        for channel, offsets in zip(posed.rig.card.rows_of(name), moves):
            prim = define_prim(layer, f"{POINTS}/{posed.channels[channel].name}", "BlendShape")
            metres = np.ascontiguousarray(MILLIMETRE * offsets.T, np.float32)
            fixed(prim, "offsets", "Vector3fArray", vt.Vec3fArray.FromNumpy(metres), uniform=True)
            fixed(prim, "pointIndices", "IntArray", vt.IntArray.FromNumpy(rows), uniform=True)


def _write_skeleton(layer: Any) -> None:
    sdf, vt, gf = usd_modules("Sdf", "Vt", "Gf")
    prim = define_prim(layer, SKELETON, "Skeleton")
    prim.SetInfo("apiSchemas", sdf.TokenListOp.Create(prependedItems=["SkelBindingAPI"]))
    fixed(prim, "joints", "TokenArray", ["root"], uniform=True)
    for name in ("bindTransforms", "restTransforms"):
        fixed(prim, name, "Matrix4dArray", vt.Matrix4dArray([gf.Matrix4d(1.0)]), uniform=True)
    _relate(prim, "skel:animationSource", CURVES)


def _write_weights(layer: Any, posed: RigReplay, curves: Curves | None) -> None:
    (vt,) = usd_modules("Vt")
    prim = define_prim(layer, CURVES, "SkelAnimation")
    names = [channel.name for channel in posed.channels]
    fixed(prim, "blendShapes", "TokenArray", names, uniform=True)
    rest = None if curves else vt.FloatArray.FromNumpy(np.zeros(len(names), np.float32))
    weights = fixed(prim, "blendShapeWeights", "FloatArray", rest)
    for number, pose in (curves.poses if curves else {}).items():
        layer.SetTimeSample(weights.path, float(number), vt.FloatArray.FromNumpy(np.asarray(pose, np.float32)))


def _relate(prim: Any, name: str, *targets: str) -> None:
    (sdf,) = usd_modules("Sdf")
    relation = sdf.RelationshipSpec(prim, name, custom=False)
    relation.targetPathList.explicitItems = [sdf.Path(target) for target in targets]
