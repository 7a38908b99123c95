# SPDX-License-Identifier: GPL-3.0-or-later
"""Training on another device: every stage runs there, with the CPU's figures, and its checkpoint knows no device."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("av", reason="reading sound needs PyAV")
pytest.importorskip("librosa", reason="encoding sound needs librosa")
pytest.importorskip("onnxruntime", reason="encoding sound needs onnxruntime")
from talksplat.core.formats.user_error import UserError
from talksplat.core.raster import gsplat_backend
from talksplat.core.training.device import choose_device
from talksplat.core.training.pretraining import fit_audio, fit_motion
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import SMOKE, AudioNetSettings
from talksplat.core.training.training_step import picture_step

STAND_IN_POINTS = {"face_points": 120, "mouth_points": 40}
CPU = torch.device("cpu")


def settings(**changes):
    return replace(
        SMOKE,
        seed=3,
        ahead=0,
        audio_net=AudioNetSettings(steps=2, batch=8, every=1),
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


def losses_of(run, steps):
    """Of all stages."""
    run.begin()
    pretraining = [fit.mean_r for fit in fit_audio(run)] + list(fit_motion(run))
    return pretraining + [picture_step(run).loss for _ in range(steps)]


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
def test_every_stage_runs_there_and_continues_here(tiny_footage, tmp_path, elsewhere, rule):
    s = settings()
    s = replace(s, density=replace(s.density, strategy=rule))
    there = TrainingRun(tiny_footage, s, elsewhere)
    losses = losses_of(there, 6)
    assert {t.device.type for t in there.model.parameters()} == {elsewhere.type}
    there.save(tmp_path / "c.safetensors")
    head = there.model.counts
    here = TrainingRun(tiny_footage, s, CPU)
    here.load(tmp_path / "c.safetensors")
    assert here.model.counts == head
    again = TrainingRun(tiny_footage, s, elsewhere)
    again.load(tmp_path / "c.safetensors")
    after = [(picture_step(run).loss, run.t) for run in (here, there, again)]
    assert after[0] == pytest.approx(after[1], rel=1e-3)
    assert after[2] == pytest.approx(after[1], rel=1e-4)
    for run in (here, there, again):
        run.close()
    if elsewhere.type != "cuda" and rule != "mcmc":  # a GPU draws other random numbers
        alone = TrainingRun(tiny_footage, s, CPU)
        assert losses_of(alone, 6) == pytest.approx(losses, rel=2e-2)
        alone.close()


def test_a_device_is_chosen_or_the_sentence_says_why_not(monkeypatch):
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(UserError, match="choose auto, cpu, cuda"):
        choose_device("tpu")
    monkeypatch.setattr(gsplat_backend, "unavailable_reason", lambda: "torch sees no CUDA device")
    assert choose_device("auto").type == "cpu"
    with pytest.raises(UserError, match=r"torch sees no CUDA device; install .* or use --device cpu"):
        choose_device("cuda")
    monkeypatch.setattr(gsplat_backend, "unavailable_reason", lambda: None)
    assert {choose_device("auto").type, choose_device("cuda").type} == {"cuda"}
