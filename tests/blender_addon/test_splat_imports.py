# SPDX-License-Identifier: GPL-3.0-or-later
"""What we export and Blender's own importers read: the splats of every format where they were in the bake (Blender 5.3
and newer; USD: test_export_usd.py)."""

import bpy
import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.jobs import Export
from talksplat.core.jobs.events import Finished

pytestmark = pytest.mark.skipif(
    "type" not in bpy.types.PointCloud.bl_rna.properties, reason="Blender 5.3 is the first with splats"
)
IMPORTERS = {
    "ply": lambda path: bpy.ops.wm.ply_import(filepath=path),
    "spz": lambda path: bpy.ops.wm.spz_import(filepath=path),
    "gltf": lambda path: bpy.ops.import_scene.gltf(filepath=path),
}
# Largest difference of position (m), ellipsoid (of its size), sh0, opacity and SH: what a byte of SPZ holds.
TOLERANCES = {"spz": (1e-6, 0.08, 0.014, 0.002, 0.004)}
EXACT = 1e-6, 1e-5, 1e-6, 1e-6, 1e-6


@pytest.mark.parametrize("kind", list(IMPORTERS))
def test_blenders_own_importer_reads_it(make, tmp_path, kind):
    canonical = make.gaussians(200)
    canonical.shN[:] *= 0.2
    make.continue_bake(tmp_path / "anna.bake", make.bake_card(2), canonical)
    *_, last = run_job(Export(str(tmp_path / "anna.bake"), str(tmp_path / "out"), kind))
    assert isinstance(last, Finished), last
    bpy.ops.wm.read_factory_settings(use_empty=True)
    [path] = (tmp_path / "out").glob("anna.0000.*")
    IMPORTERS[kind](str(path))
    [cloud] = [obj for obj in bpy.data.objects if obj.type == "POINTCLOUD"]
    assert cloud.data.type == "GAUSSIAN_SPLAT"
    place, shape, colour, opacity, harmonics = TOLERANCES.get(kind, EXACT)
    with BakeReader.open(tmp_path / "anna.bake") as bake:
        means, quats, scales = bake.frame(0)
    np.testing.assert_allclose(column(cloud, "position", 3), means, atol=place)
    sizes = scales.max(axis=1)[:, None, None] ** 2
    read = ellipsoids(column(cloud, "rotation", 4, "value"), column(cloud, "scale", 3))
    np.testing.assert_allclose(read / sizes, ellipsoids(quats, scales) / sizes, atol=shape)
    base = column(cloud, "radiance:base", 4)
    np.testing.assert_allclose(base[:, :3], canonical.sh0.clip(-3.3, 3.3), atol=colour)
    np.testing.assert_allclose(base[:, 3], canonical.opacities, atol=opacity)
    for i in range(3):
        np.testing.assert_allclose(column(cloud, f"radiance:sh_{i}", 3), canonical.shN[:, i], atol=harmonics)


def ellipsoids(quats, scales):
    """[N,3,3]: what a splat covers. glTF's importer turns the splats' own axes and swaps their scales."""
    w, x, y, z = np.asarray(quats, float).T
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).transpose(2, 0, 1)
    return np.einsum("nij,nj,nkj->nik", turn, np.asarray(scales, float) ** 2, turn)


def column(obj, name, width, key="vector"):
    values = np.empty(len(obj.data.points) * width, np.float32)
    obj.data.attributes[name].data.foreach_get(key, values)
    return values.reshape(-1, width)
