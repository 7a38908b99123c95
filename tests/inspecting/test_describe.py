# SPDX-License-Identifier: GPL-3.0-or-later
"""What `talksplat info` prints: a word and one line for each value."""

import json

import numpy as np
import pytest

from talksplat.core.formats.ply import write_ply
from talksplat.core.formats.tensors import write_tensors
from talksplat.core.formats.user_error import UserError
from talksplat.core.inspecting.describe import describe


def described(path) -> dict[str, str]:
    pairs = describe(path)
    for name, value in pairs:
        assert name
        assert not set(name) & set(": \n")
        assert isinstance(value, str)
        assert value.isprintable()
    return dict(pairs)


def test_heads_and_bakes(tmp_path, make):
    facts = described(make.write_head(tmp_path / "a.head", name="anna\nfake: line"))
    assert facts["name"] == "anna fake: line"
    assert facts["face_gaussians"] == facts["mouth_gaussians"] == "20"
    assert facts["model_rate"] == "25"
    assert facts["camera"] == "64x48 perspective"
    facts = described(make.write_bake(tmp_path / "a.bake"))
    assert (facts["frames"], facts["complete"], facts["fps"]) == ("5", "yes", "24000/1001")
    assert float(facts["position_error"].removesuffix(" m")) < 1e-5
    make.continue_bake(tmp_path / "b.bake", make.bake_card(), make.gaussians(20), most=2)
    facts = described(tmp_path / "b.bake")
    assert (facts["frames"], facts["complete"], facts["frame_count"]) == ("2", "no, 3 frames are missing", "5")


def test_plys_performances_and_footage(tmp_path, make):
    write_ply(tmp_path / "a.ply", make.gaussians(7), "rdf")
    facts = described(tmp_path / "a.ply")
    assert (facts["gaussians"], facts["sh_degree"], facts["axes"]) == ("7", "1", "rdf")
    facts = described(make.write_performance(tmp_path / "a.performance"))
    assert (facts["kind"], facts["rate"], facts["samples"], facts["audio"]) == ("performance", "100", "30", "voice.wav")
    write_tensors(tmp_path / "a.checkpoint", {"a": np.zeros(3)}, {"format": "talksplat.checkpoint", "notes": "{}"})
    assert described(tmp_path / "a.checkpoint")["kind"] == "checkpoint"
    (tmp_path / "footage").mkdir()
    (tmp_path / "footage" / "footage.json").write_text(json.dumps({"name": "actor", "rate": "25", "clips": [1, 2, 3]}))
    for path in (tmp_path / "footage", tmp_path / "footage" / "footage.json"):
        facts = described(path)
        assert (facts["kind"], facts["name"], facts["clips"]) == ("footage", "actor", "3")
    for text in ("[]", "{", '{"a": 1, "a": 2}'):
        (tmp_path / "footage" / "footage.json").write_text(text)
        with pytest.raises(UserError, match=r"footage\.json"):
            describe(tmp_path / "footage")


def test_other_files(tmp_path):
    write_tensors(tmp_path / "theirs.safetensors", {"a": np.zeros(1)}, {"format": "pt"})
    write_tensors(tmp_path / "newer", {"a": np.zeros(1)}, {"format": "talksplat.smell"})
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path / "theirs.safetensors", tmp_path / "newer", tmp_path / "notes.txt"):
        with pytest.raises(UserError, match="not a talksplat file"):
            describe(path)
    with pytest.raises(UserError, match="folder"):
        describe(tmp_path)
