# SPDX-License-Identifier: GPL-3.0-or-later
"""Training with opacities that make up for the low-pass: every picture of the run and of the head is drawn so."""

from dataclasses import replace

import pytest

from talksplat.core.evaluation import evaluator as evaluator_module
from talksplat.core.footage import Footage
from talksplat.core.formats import read_head
from talksplat.core.jobs import Train
from talksplat.core.training import views
from talksplat.core.training.overrides import settings_from_job
from talksplat.core.training.train import train_with
from talksplat.core.training.training_settings import SMOKE

SHORT = replace(
    SMOKE,
    audio_net=replace(SMOKE.audio_net, steps=10, every=5),
    motion_steps=5,
    static_steps=4,
    move_steps=4,
    fuse_steps=4,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def low_passes(monkeypatch):
    """Those of all pictures that are drawn."""
    seen = []
    for module in (views, evaluator_module):
        drawn = module.rasterize
        monkeypatch.setattr(
            module, "rasterize", lambda *a, _drawn=drawn, **k: seen.append(k["trained_low_pass"]) or _drawn(*a, **k)
        )
    return seen


@pytest.mark.parametrize("antialiased", [False, True])
def test_every_picture_and_the_card_say_so(tiny_footage, tmp_path, monkeypatch, low_passes, antialiased):
    monkeypatch.setattr("talksplat.core.training.train.with_measured_rig", lambda head, bound: (yield from ()) or head)
    job = Train(str(tiny_footage), str(tmp_path / "t.head"), set=(f"antialiased={str(antialiased).lower()}",))
    assert settings_from_job(job).antialiased == antialiased
    list(train_with(job, replace(SHORT, antialiased=antialiased)))
    head = read_head(tmp_path / "t.head")
    assert (head.card.antialiased, head.card.version) == (antialiased, 4 if antialiased else 1)
    scorer = evaluator_module.Evaluator(head, Footage.open(tiny_footage))
    scorer.render(scorer.replay.at(scorer.condition(0)), Footage.open(tiny_footage).camera(0))
    assert len(low_passes) > 12
    assert set(low_passes) == {0.0 if antialiased else 0.3}
