# SPDX-License-Identifier: GPL-3.0-or-later
"""Training on another device: every stage runs there, tells what the CPU tells, and its checkpoint knows no device."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("av", reason="reading sound needs PyAV")
pytest.importorskip("librosa", reason="listening needs librosa")
pytest.importorskip("onnxruntime", reason="listening needs onnxruntime")
from talksplat.core.formats.user_error import UserError
from talksplat.core.raster import gsplat_backend
from talksplat.core.training.device import choose_device
from talksplat.core.training.trainer import Trainer
from talksplat.core.training.training_settings import SMOKE, AudioNetSettings

STAND_IN_POINTS = {"face_points": 120, "mouth_points": 40}
CPU = torch.device("cpu")


def settings(**changes):
    return replace(
        SMOKE,
        seed=3,
        ahead=0,
        ear=AudioNetSettings(steps=2, batch=8, every=1),
        motion_steps=2,
        static_steps=2,
        move_steps=6,
        fuse_steps=1,
        height=32,
        window=24,
        reach=0.05,
        **STAND_IN_POINTS,
        density=replace(SMOKE.density, start=1, stop=9, every=3, budget=220),
        **changes,
    )


def run(trainer, steps):
    """Losses of all stages."""
    told = []
    if trainer.before:
        trainer.begin()
        told += [heard.mean for heard in trainer.ears()] + list(trainer.motion())
    told += [trainer.step().loss for _ in range(steps)]
    return told


@pytest.fixture
def elsewhere(other_device, request):
    """The other device; a pretended one draws through the stand-in."""
    if other_device.type == "cuda":
        if gsplat_backend.unavailable_reason() is not None:
            pytest.skip(gsplat_backend.unavailable_reason())
    else:
        request.getfixturevalue("gsplat_stand_in")
    return other_device


@pytest.mark.parametrize("rule", ["pixel_aware", "mcmc"])
def test_every_stage_runs_there_and_goes_on_here(tiny_footage, tmp_path, elsewhere, rule):
    s = settings()
    s = replace(s, density=replace(s.density, strategy=rule))
    there = Trainer(tiny_footage, s, elsewhere)
    told = run(there, 6)
    assert {t.device.type for t in there.model.parameters()} == {elsewhere.type}
    there.save(tmp_path / "c.safetensors")
    head = there.model.counts
    here = Trainer(tiny_footage, s, CPU)
    here.load(tmp_path / "c.safetensors")
    assert here.model.counts == head
    again = Trainer(tiny_footage, s, elsewhere)
    again.load(tmp_path / "c.safetensors")
    after = [(trainer.step().loss, trainer.t) for trainer in (here, there, again)]
    assert after[0] == pytest.approx(after[1], rel=1e-3)
    assert after[2] == pytest.approx(after[1], rel=1e-4)
    for trainer in (here, there, again):
        trainer.close()
    if elsewhere.type != "cuda" and rule != "mcmc":  # a GPU draws other random numbers
        alone = Trainer(tiny_footage, s, CPU)
        assert run(alone, 6) == pytest.approx(told, rel=2e-2)
        alone.close()


def test_a_device_is_chosen_or_refused(monkeypatch):
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(UserError, match="choose auto, cpu, cuda"):
        choose_device("tpu")
    monkeypatch.setattr(gsplat_backend, "unavailable_reason", lambda: "torch sees no CUDA device")
    assert choose_device("auto").type == "cpu"
    with pytest.raises(UserError, match=r"torch sees no CUDA device; install .* or take --device cpu"):
        choose_device("cuda")
    monkeypatch.setattr(gsplat_backend, "unavailable_reason", lambda: None)
    assert {choose_device("auto").type, choose_device("cuda").type} == {"cuda"}
