# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig as USD blend shapes: Pixar's own skinning plays a bake by it, and every splat is where RigReplay puts it."""

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats import BakeReader, rig_of, write_head
from talksplat.core.jobs import Bake, ExportRig, Failed, Finished
from talksplat.core.performance import Frame, Replay, RigReplay

pytest.importorskip("pxr", reason="usd-core is not installed here")
from pxr import Usd, UsdGeom, UsdSkel


@pytest.fixture(scope="module")
def exported(rigged, voice, tmp_path_factory):
    """(folder with tiny.head, shot.bake and shot.usdc; the job's result)."""
    folder = tmp_path_factory.mktemp("exported")
    head, bake = folder / "tiny.head", folder / "shot.bake"
    write_head(head, rigged)
    for _ in run_job(Bake(str(head), str(voice), str(bake), frame_start=11)):
        pass
    *_, last = run_job(ExportRig(str(head), bake=str(bake), usd=str(folder / "shot.usdc")))
    assert isinstance(last, Finished), last
    return folder, last.result


def test_pixars_skinning_moves_the_points_as_the_rig_does(exported, rigged):
    folder, _ = exported
    stage = Usd.Stage.Open(str(folder / "shot.usdc"))
    assert UsdSkel.BakeSkinning(UsdSkel.Root(stage.GetDefaultPrim()))
    points = UsdGeom.Points(stage.GetPrimAtPath("/head/splats")).GetPointsAttr()
    posed = RigReplay(rigged, Replay(rigged), rig_of(rigged))
    moved = 0.0
    with BakeReader.open(folder / "shot.bake") as bake:
        assert list(points.GetTimeSamples()) == list(bake.frames)
        assert stage.GetTimeCodesPerSecond() == bake.card.fps
        for number in bake.frames:
            ours = posed.posed(posed.pose_in(Frame(*bake.frame(number)))).means
            np.testing.assert_allclose(np.array(points.Get(number)), ours, atol=1e-6)
            moved = max(moved, np.abs(ours - posed.frame().means).max())
    assert moved > 1e-4, "the head speaks"


def test_it_says_its_channels_and_passes_the_validators(exported, rigged):
    folder, result = exported
    assert set(result) == {"usd", "largest_error"}
    stage = Usd.Stage.Open(str(folder / "shot.usdc"))
    names = [channel.name for channel in rig_of(rigged).card.channels]
    assert list(stage.GetAttributeAtPath("/head/curves.blendShapes").Get()) == names
    validation = pytest.importorskip("pxr.UsdValidation", reason="this USD has no validators")
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    assert [e.GetErrorAsString() for e in validation.ValidationContext(validators).Validate(stage)] == []


def test_without_a_bake_it_is_the_head_at_rest(exported, rigged, tmp_path):
    folder, _ = exported
    *_, last = run_job(ExportRig(str(folder / "tiny.head"), usd=str(tmp_path / "rig.usdc")))
    assert isinstance(last, Finished)
    stage = Usd.Stage.Open(str(tmp_path / "rig.usdc"))
    rest = RigReplay(rigged, Replay(rigged), rig_of(rigged)).frame()
    points = stage.GetAttributeAtPath("/head/splats.points").Get()
    np.testing.assert_array_equal(np.array(points), rest.means)
    assert not any(stage.GetAttributeAtPath("/head/curves.blendShapeWeights").Get())


def test_a_file_of_another_kind_is_not_replaced(exported, tmp_path):
    folder, _ = exported
    (tmp_path / "notes.usdc").write_text("mine")
    [event] = run_job(ExportRig(str(folder / "tiny.head"), usd=str(tmp_path / "notes.usdc")))
    assert isinstance(event, Failed)
    assert "is not a .usdc file" in event.sentence
    *_, last = run_job(ExportRig(str(folder / "tiny.head"), str(tmp_path / "a.npz"), str(folder / "shot.bake")))
    assert "leave out the bake" in last.sentence
