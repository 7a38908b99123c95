# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads USD: Gaussian splats as text and as binary. Needs Pixar's library."""

from pathlib import Path

import numpy as np
from file_readers import Reader, read_splats
from pxr import Sdf, Usd, UsdGeom, Vt


def stages(folder: Path) -> list[Path]:
    """The same splats, with time samples, under a moved parent, as .usda and .usdc."""
    rng = np.random.default_rng(0)
    for name in ("a.usda", "a.usdc"):
        stage = Usd.Stage.CreateNew(str(folder / name))
        UsdGeom.Xform.Define(stage, "/shot").AddTranslateOp().Set((1, 2, 3))
        prim = stage.DefinePrim("/shot/head", "ParticleField3DGaussianSplat")
        kinds = Sdf.ValueTypeNames
        for attribute, kind, values, array in (
            ("positions", kinds.Point3fArray, rng.normal(size=(12, 3)), Vt.Vec3fArray),
            ("scales", kinds.Float3Array, rng.uniform(0.01, 0.1, (12, 3)), Vt.Vec3fArray),
            ("orientations", kinds.QuatfArray, rng.normal(size=(12, 4)), Vt.QuatfArray),
            ("opacities", kinds.FloatArray, rng.uniform(size=12), Vt.FloatArray),
            ("radiance:sphericalHarmonicsCoefficients", kinds.Float3Array, rng.normal(size=(48, 3)), Vt.Vec3fArray),
        ):
            prim.CreateAttribute(attribute, kind).Set(array.FromNumpy(values.astype(np.float32)), 1.0)
        stage.Save()
    return [folder / "a.usda", folder / "a.usdc"]


READERS: dict[str, Reader] = {"usd": Reader(stages, read_splats, 60)}
