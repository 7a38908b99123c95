# SPDX-License-Identifier: GPL-3.0-or-later
"""What `talksplat info` says: one word and one line for each thing."""

import json

import numpy as np
import pytest

from talksplat.core.formats.ply import write_ply
from talksplat.core.formats.tensors import write_tensors
from talksplat.core.formats.user_error import UserError
from talksplat.core.inspecting.describe import describe


def checked(path) -> dict[str, str]:
    pairs = describe(path)
    for name, value in pairs:
        assert name
        assert not set(name) & set(": \n")
        assert isinstance(value, str)
        assert value.isprintable()
    return dict(pairs)


def test_heads_and_bakes(tmp_path, make):
    said = checked(make.head_at(tmp_path / "a.head", name="anna\nfake: line"))
    assert said["name"] == "anna fake: line"
    assert said["face_gaussians"] == said["mouth_gaussians"] == "20"
    assert said["model_rate"] == "25"
    assert said["camera"] == "64x48 perspective"
    said = checked(make.bake_at(tmp_path / "a.bake"))
    assert (said["frames"], said["complete"], said["fps"]) == ("5", "yes", "24000/1001")
    assert float(said["position_error"].removesuffix(" m")) < 1e-5
    make.go_on(tmp_path / "b.bake", make.bake_card(), make.table(20), most=2)
    said = checked(tmp_path / "b.bake")
    assert (said["frames"], said["complete"], said["frame_count"]) == ("2", "no, 3 frames lack", "5")


def test_plys_performances_and_footage(tmp_path, make):
    write_ply(tmp_path / "a.ply", make.table(7), "rdf")
    said = checked(tmp_path / "a.ply")
    assert (said["gaussians"], said["sh_degree"], said["axes"]) == ("7", "1", "rdf")
    said = checked(make.performance_at(tmp_path / "a.performance"))
    assert (said["kind"], said["rate"], said["samples"], said["audio"]) == ("performance", "100", "30", "voice.wav")
    write_tensors(tmp_path / "a.checkpoint", {"a": np.zeros(3)}, {"format": "talksplat.checkpoint", "notes": "{}"})
    assert checked(tmp_path / "a.checkpoint")["kind"] == "checkpoint"
    (tmp_path / "footage").mkdir()
    (tmp_path / "footage" / "footage.json").write_text(json.dumps({"name": "actor", "rate": "25", "clips": [1, 2, 3]}))
    for path in (tmp_path / "footage", tmp_path / "footage" / "footage.json"):
        said = checked(path)
        assert (said["kind"], said["name"], said["clips"]) == ("footage", "actor", "3")
    for text in ("[]", "{", '{"a": 1, "a": 2}'):
        (tmp_path / "footage" / "footage.json").write_text(text)
        with pytest.raises(UserError, match=r"footage\.json"):
            describe(tmp_path / "footage")


def test_strangers(tmp_path):
    write_tensors(tmp_path / "theirs.safetensors", {"a": np.zeros(1)}, {"format": "pt"})
    write_tensors(tmp_path / "newer", {"a": np.zeros(1)}, {"format": "talksplat.smell"})
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path / "theirs.safetensors", tmp_path / "newer", tmp_path / "notes.txt"):
        with pytest.raises(UserError, match="none of our files"):
            describe(path)
    with pytest.raises(UserError, match="folder"):
        describe(tmp_path)
