# SPDX-License-Identifier: GPL-3.0-or-later
"""Another program plays a head from the exported arrays and curves: here numpy alone, by the formula in the file's
description."""

import csv

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats import BakeReader, rig_of, write_head
from talksplat.core.formats.rotate import quaternion_product
from talksplat.core.jobs import Bake, ExportRig, Failed, Finished
from talksplat.core.performance import Replay, RigReplay

PARTS = ("means", "gibbs", "scales")


@pytest.fixture(scope="module")
def exported(rigged, voice, tmp_path_factory):
    """(folder with tiny.head, shot.bake, rig.npz and curves.csv; the job's result)."""
    folder = tmp_path_factory.mktemp("exported")
    head, bake = folder / "tiny.head", folder / "shot.bake"
    write_head(head, rigged)
    for _ in run_job(Bake(str(head), str(voice), str(bake), frame_start=11)):
        pass
    *_, last = run_job(ExportRig(str(head), str(folder / "rig.npz"), str(bake), str(folder / "curves.csv")))
    assert isinstance(last, Finished), last
    return folder, last.result


def test_numpy_plays_it(exported, rigged):
    folder, result = exported
    rig = rig_of(rigged)
    posed = RigReplay(rigged, Replay(rigged), rig)
    with open(folder / "curves.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with np.load(folder / "rig.npz") as arrays, BakeReader.open(folder / "shot.bake") as bake:
        names = list(arrays["channels"])
        assert names == [channel.name for channel in rig.card.channels]
        assert [int(row["frame"]) for row in rows] == list(bake.frames)
        largest = 0.0
        for row in rows:
            curve = np.array([float(row[name]) for name in names])
            moved = {part: np.tensordot(curve, arrays[f"{part}_moves"].astype(float), 1) for part in PARTS}
            means = arrays["means"] + moved["means"]
            quats = quaternion_product(arrays["quats"], np.concatenate([np.ones((len(means), 1)), moved["gibbs"]], 1))
            ours = posed.posed(curve)
            np.testing.assert_allclose(means, ours.means, atol=2e-4)
            np.testing.assert_allclose(quats / np.linalg.norm(quats, axis=1)[:, None], ours.quats, atol=1e-4)
            np.testing.assert_allclose(arrays["scales"] * np.exp(moved["scales"]), ours.scales, rtol=1e-3)
            baked = bake.frame(int(row["frame"]))[0]
            largest = max(largest, 1000 * np.linalg.norm(ours.means - baked, axis=1).max())
    assert result["largest_error"] == f"{largest:.2f} mm"


def test_what_cannot_be_exported_is_said(exported, voice, make_tiny_head, tmp_path):
    folder, _ = exported
    other = make_tiny_head(tmp_path / "other.head", seed=1)

    def sentence(*values):
        *_, last = run_job(ExportRig(*map(str, values)))
        assert isinstance(last, Failed)
        return last.sentence

    assert "has no rig; make one" in sentence(other, tmp_path / "a.npz")
    rigged, bake, curves = folder / "tiny.head", folder / "shot.bake", tmp_path / "a.csv"
    assert "name the file for the rig" in sentence(rigged)
    assert "name the file for the rig" in sentence(rigged, "", bake)
    foreign = tmp_path / "foreign.bake"
    for _ in run_job(Bake(str(other), str(voice), str(foreign), frame_count=2)):
        pass
    assert "is the bake of another head" in sentence(rigged, "", foreign, curves)
    assert not curves.exists()
    sentence(rigged, tmp_path / "a.npz", foreign, curves)
    assert not (tmp_path / "a.npz").exists(), "all of it or nothing"
