# SPDX-License-Identifier: GPL-3.0-or-later
"""Density rules inside the trainer: a run that was cut goes on to the same Gaussians, draws and thresholds included."""

from dataclasses import replace

import pytest
import torch

from talksplat.core.training.trainer import Trainer
from talksplat.core.training.training_settings import SMOKE

CUT, END = 12, 18  # changes at 5, 10 and 15


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stepped(trainer, until):
    changes = []
    while trainer.t < until:
        changes += [trainer.step().changed]
    return [change for change in changes if change]


@pytest.mark.parametrize("name", ["absgrad", "mcmc", "pixel_aware_budget"])
def test_a_cut_run_goes_on_to_the_same_head(name, tiny_footage, tmp_path):
    density = replace(SMOKE.density, strategy=name, start=4, every=5, stop=30, budget=2000)
    settings = replace(SMOKE, static_steps=14, move_steps=6, fuse_steps=0, density=density)
    whole, after = Trainer(tiny_footage, settings), Trainer(tiny_footage, settings)
    whole.begin()
    changes = stepped(whole, CUT)
    whole.save(tmp_path / "cut")
    changes += stepped(whole, END)
    after.load(tmp_path / "cut")
    assert len(changes) == 3
    assert sum(change["face"].cloned + change["face"].split for change in changes) > 50
    stepped(after, END)
    for branch, cloud in whole.model.clouds.items():
        for column, values in cloud.named_parameters():
            assert torch.equal(values, getattr(after.model.clouds[branch], column))
        assert whole.density[branch].pressure == after.density[branch].pressure
