# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian splats of USD as heads: our own shots come back, and a stage is read as Pixar's library understands it."""

import struct
import zipfile

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats import BakeReader, UserError, read_head
from talksplat.core.formats.rotate import RUB_TO_BLENDER, matrix_from_quaternion
from talksplat.core.importing.usd_splats import read_usd
from talksplat.core.jobs import Export, Failed, Finished, ImportHead

pxr = pytest.importorskip("pxr", reason="usd-core is not installed here")
from pxr import Gf, Sdf, Usd, UsdGeom, UsdUtils, Vt  # noqa: E402

HEAD = "/stage/head"


def covariance(quats, scales):
    roots = matrix_from_quaternion(quats) * scales[:, None]
    return roots @ roots.transpose(0, 2, 1)


@pytest.mark.parametrize(("clip", "half"), [(0, False), (0, True), (2, False)])
def test_our_own_shot_comes_back_at_its_first_frame(make, tmp_path, clip, half):
    (tmp_path / "voice.wav").write_bytes(b"RIFF")
    bake_file = make.write_bake(tmp_path / "anna.bake")
    *_, last = run_job(Export(str(bake_file), str(tmp_path / "out"), "usd", clip=clip, half=half))
    assert isinstance(last, Finished), last
    *_, last = run_job(ImportHead(str(tmp_path / "out" / "anna.usdc"), str(tmp_path / "anna.head")))
    assert isinstance(last, Finished), last
    head = read_head(tmp_path / "anna.head")
    found = head.gaussians("face")
    with BakeReader.open(bake_file) as bake:
        means, quats, scales = bake.frame(bake.frames[0])
        rest = bake.canonical
    near = 1e-3 if half else 1e-6
    np.testing.assert_allclose(found.means, means, atol=near)
    np.testing.assert_allclose(found.scales, scales, rtol=near)
    assert np.abs(np.sum(found.quats * quats, axis=1)).min() > 1 - near
    for name in ("opacities", "sh0", "shN"):
        np.testing.assert_allclose(getattr(found, name), getattr(rest, name), atol=2 * near)
    assert head.card.colour_space == "srgb_rec709_display"


def stage_of(path, cloud, up="Z", unit=1.0, prim=HEAD, stage=None):
    """The cloud as a prim, as stored, without anything that the schema lets one leave out."""
    stage = stage or Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, up)
    UsdGeom.SetStageMetersPerUnit(stage, unit)
    made = stage.DefinePrim(prim, "ParticleField3DGaussianSplat")
    harmonics = np.concatenate([cloud.sh0[:, None], cloud.shN], axis=1).reshape(-1, 3)
    kinds = Sdf.ValueTypeNames
    for name, kind, value in (
        ("positions", kinds.Point3fArray, Vt.Vec3fArray.FromNumpy(cloud.means)),
        ("scales", kinds.Float3Array, Vt.Vec3fArray.FromNumpy(cloud.scales)),
        ("orientations", kinds.QuatfArray, Vt.QuatfArray.FromNumpy(np.ascontiguousarray(cloud.quats[:, [1, 2, 3, 0]]))),
        ("radiance:sphericalHarmonicsCoefficients", kinds.Float3Array, Vt.Vec3fArray.FromNumpy(harmonics)),
    ):
        made.CreateAttribute(name, kind).Set(value)
    return stage


@pytest.mark.parametrize(("up", "unit"), [("Z", 1.0), ("Y", 0.01)])
def test_a_head_stands_where_its_parents_put_it(make, tmp_path, up, unit):
    """The parent turns and moves, the prim stretches: covariances say what orientations and sizes do together."""
    cloud = make.gaussians(30, k=3)
    stage = stage_of(tmp_path / "a.usda", cloud, up, unit)
    UsdGeom.Xform.Define(stage, "/stage")
    parent, head = (UsdGeom.Xformable(stage.GetPrimAtPath(path)) for path in ("/stage", HEAD))
    parent.AddTranslateOp().Set(Gf.Vec3d(1, 2, 3))
    parent.AddRotateXYZOp().Set(Gf.Vec3f(20, -50, 70))
    head.AddScaleOp().Set(Gf.Vec3f(1, 2, -3))
    stage.Save()
    matrix = np.array(UsdGeom.XformCache().GetLocalToWorldTransform(head.GetPrim())).T
    turn = np.eye(3) if up == "Z" else RUB_TO_BLENDER
    linear = unit * turn @ matrix[:3, :3]
    found = read_usd(tmp_path / "a.usda", "").gaussians
    np.testing.assert_allclose(found.means, cloud.means @ linear.T + unit * turn @ matrix[:3, 3], atol=1e-6)
    expected = linear @ covariance(cloud.quats, cloud.scales) @ linear.T
    np.testing.assert_allclose(covariance(found.quats, found.scales), expected, rtol=1e-4, atol=1e-6 * expected.max())
    np.testing.assert_array_equal(found.opacities, 1)  # as the schema has it where a file has none


def test_the_users_axes_take_the_place_of_the_files(make, tmp_path):
    cloud = make.gaussians(5)
    stage_of(tmp_path / "a.usda", cloud, "Y").Save()
    np.testing.assert_allclose(read_usd(tmp_path / "a.usda", "blender").gaussians.means, cloud.means, atol=1e-6)


def test_two_prims_are_one_head_and_that_is_said(make, tmp_path):
    first, second = make.gaussians(5, k=0), make.gaussians(7, k=3, seed=1)
    stage = stage_of(tmp_path / "a.usda", first)
    stage_of(None, second, prim="/stage/other", stage=stage).Save()
    imported = read_usd(tmp_path / "a.usda", "")
    assert len(imported.gaussians) == 12
    assert "head, other" in imported.left_out[0]


@pytest.mark.parametrize("levels", [4, 40])
def test_instances_of_instances_are_counted_before_they_are_read(make, tmp_path, levels):
    """A file of some kilobytes can say that there are 10^40 splats."""
    stage = stage_of(tmp_path / "a.usda", make.gaussians(3), prim="/level0/head" if levels == 4 else HEAD)
    stage.DefinePrim("/level0/none" if levels == 40 else "/none", "Xform")
    for level in range(1, levels + 1):
        for copy in range(10):
            prim = stage.DefinePrim(f"/level{level}/copy{copy}", "Xform")
            prim.GetReferences().AddInternalReference(f"/level{level - 1}")
            prim.SetInstanceable(True)
    stage.Save()
    with pytest.raises(UserError, match=r"a\.usda: has more than"):
        read_usd(tmp_path / "a.usda", "")


@pytest.mark.parametrize("text", ["", "hello", '#usda 1.0\ndef Mesh "a" {}\n', "#usda 1.0\n(subLayers=[@./b.usda@])\n"])
def test_what_holds_no_splats_is_one_sentence(tmp_path, text):
    (tmp_path / "a.usda").write_text(text)
    *_, last = run_job(ImportHead(str(tmp_path / "a.usda"), str(tmp_path / "a.head")))
    assert isinstance(last, Failed)
    assert "a.usda" in last.sentence
    assert "\n" not in last.sentence


@pytest.mark.parametrize("section", [b"TOKENS", b"FIELDS", b"PATHS", b"SPECS"])
@pytest.mark.parametrize(("claim", "suffix"), [(1 << 24, "usdc"), (1 << 40, "usdc"), (1 << 40, "usdz")])
def test_a_binary_file_that_claims_more_than_it_has_is_not_given_to_the_library(make, tmp_path, section, claim, suffix):
    """Which takes gigabytes for the claim before it looks."""
    stage_of(tmp_path / "a.usdc", make.gaussians(3)).Save()
    data = bytearray((tmp_path / "a.usdc").read_bytes())
    (table,) = struct.unpack_from("<q", data, 16)
    entry = data.index(section.ljust(16, b"\0"), table)
    (start,) = struct.unpack_from("<q", data, entry + 16)
    struct.pack_into("<Q", data, start, claim)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    if suffix == "usdz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.usdc", data)
    with pytest.raises(UserError, match=rf"a\.{suffix}: its sizes do not fit"):
        read_usd(path, "")


def test_a_usdz_is_a_head(make, tmp_path):
    cloud = make.gaussians(5)
    stage_of(tmp_path / "a.usdc", cloud).Save()
    assert UsdUtils.CreateNewUsdzPackage(str(tmp_path / "a.usdc"), str(tmp_path / "a.usdz"))
    np.testing.assert_allclose(read_usd(tmp_path / "a.usdz", "").gaussians.means, cloud.means, atol=1e-6)


def test_a_splat_prim_without_colours_is_named(make, tmp_path):
    stage = stage_of(tmp_path / "a.usda", make.gaussians(3))
    stage.GetPrimAtPath(HEAD).RemoveProperty("radiance:sphericalHarmonicsCoefficients")
    stage.Save()
    with pytest.raises(UserError, match="/stage/head has no"):
        read_usd(tmp_path / "a.usda", "")
