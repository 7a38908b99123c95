# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of density rules, inside a training: each in STRATEGIES trains, keeps its budget, and continues exactly
after a kill, whatever its state holds."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from talksplat.core.formats.user_error import UserError
from talksplat.core.training.density import STRATEGIES, DensityState
from talksplat.core.training.density.adc import Adc
from talksplat.core.training.density.scored import ScoreState
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import SMOKE
from talksplat.core.training.training_step import picture_step

CUT, END, BUDGET = 12, 18, 2000  # events at 5, 10 and 15


pytestmark = pytest.mark.usefixtures("one_thread")


def make_run(footage, strategy):
    density = replace(SMOKE.density, strategy=strategy, start=4, every=5, stop=30, budget=BUDGET)
    return TrainingRun(footage, replace(SMOKE, static_steps=14, move_steps=6, fuse_steps=0, density=density))


def run_until(run, end):
    """The changes of every event on the way."""
    changes = []
    while run.t < end:
        changes.append(picture_step(run).changes)
    return [change for change in changes if change]


def state_of(run):
    tensors = {f"{b}.{n}": p.detach() for b, cloud in run.model.clouds.items() for n, p in cloud.named_parameters()}
    for branch, state in run.density_states.items():
        tensors |= {f"state.{branch}.{name}": torch.as_tensor(v) for name, v in state.state_dict().items()}
    return tensors


def assert_resume_is_exact(footage, checkpoint, strategy):
    """Returns (the unbroken run, its changes)."""
    unbroken, resumed = make_run(footage, strategy), make_run(footage, strategy)
    unbroken.begin()
    changes = run_until(unbroken, CUT)
    unbroken.save(checkpoint)
    changes += run_until(unbroken, END)
    resumed.load(checkpoint)
    run_until(resumed, END)
    expected, got = state_of(unbroken), state_of(resumed)
    assert set(got) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(got[name], tensor), name
    return unbroken, changes


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_rule_trains_keeps_its_budget_and_resumes_exactly(name, tiny_footage, tmp_path):
    run, changes = assert_resume_is_exact(tiny_footage, tmp_path / "cut", name)
    assert STRATEGIES[name].name == name
    assert len(changes) == 3
    assert sum(change["face"].cloned + change["face"].split for change in changes) > 50
    assert run.model.counts["face"] <= 0.8 * BUDGET
    assert run.model.counts["mouth"] <= 0.2 * BUDGET


@dataclass
class MemoryState(ScoreState):
    """A tensor of another shape than the cloud's, an int and a float."""

    memory: torch.Tensor
    events: int = 0
    decay: float = 0.75


class Remembering(Adc):
    name = "remembering"

    def initialize_state(self, cloud):
        return MemoryState(**vars(super().initialize_state(cloud)), memory=torch.zeros(2, 3, dtype=torch.float64))

    def step_post_backward(self, cloud, optimizer, state, step, info):
        state.memory = state.decay * state.memory + float(info.gradient.sum()) + step
        change = super().step_post_backward(cloud, optimizer, state, step, info)
        state.events += change is not None
        return change


def test_a_rule_with_a_tensor_of_its_own_survives_a_kill(tiny_footage, tmp_path, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "remembering", Remembering)
    run, _ = assert_resume_is_exact(tiny_footage, tmp_path / "cut", "remembering")
    state = run.density_states["face"]
    assert state.memory.abs().min() > END
    assert state.events == 3

    saved = DensityState.state_dict
    monkeypatch.setattr(DensityState, "state_dict", lambda s: {k: v for k, v in saved(s).items() if k != "memory"})
    run.save(tmp_path / "forgetful")
    with pytest.raises(UserError, match=r"memory.* is missing; remove the file"):
        make_run(tiny_footage, "remembering").load(tmp_path / "forgetful")


def test_a_state_comes_back_as_it_was():
    one = MemoryState(torch.rand(5), torch.rand(5), 7, torch.rand(2, 3), 4, 0.5)
    other = MemoryState(torch.zeros(1), torch.zeros(1), 0, torch.zeros(0))
    other.load_state_dict({name: np.array(value) for name, value in one.state_dict().items()})
    assert (other.initial_count, other.events, other.decay) == (7, 4, 0.5)
    for name in ("total", "weight", "memory"):
        assert torch.equal(getattr(other, name), getattr(one, name))
    with pytest.raises(KeyError):
        other.load_state_dict({})
