# SPDX-License-Identifier: GPL-3.0-or-later
"""Training for blending in linear light, from the start and as a short conversion of an old head (`resume_from`)."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from talksplat.core.evaluation import Evaluator
from talksplat.core.footage import Footage
from talksplat.core.formats import UserError, linear_to_srgb, read_head, srgb_to_linear, write_head
from talksplat.core.head import read_checkpoint
from talksplat.core.jobs import Train
from talksplat.core.jobs.events import Finished, Progress
from talksplat.core.metrics import psnr
from talksplat.core.training import training_step
from talksplat.core.training.overrides import settings_from_job
from talksplat.core.training.train import train, train_with
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import SMOKE
from talksplat.core.training.training_step import picture_step
from talksplat.core.training.views import blend_target, full_view

SHORT = replace(
    SMOKE,
    audio_net=replace(SMOKE.audio_net, steps=10, every=5),
    motion_steps=5,
    static_steps=6,
    move_steps=6,
    fuse_steps=4,
    checkpoint_every=5,
    blend="linear",
)
OLD = replace(SMOKE, motion_steps=100, static_steps=40, move_steps=80, fuse_steps=20)
STEPS = 40

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", autouse=True)
def no_rig():
    """A rig is made at the end of each training and has tests of its own."""

    def none(head, bound):
        yield from ()
        return head

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("talksplat.core.training.train.with_measured_rig", none)
        yield


@pytest.fixture(scope="module")
def old_head(tiny_footage, tmp_path_factory, no_rig):
    """A head that was trained in display codes."""
    path = tmp_path_factory.mktemp("old") / "old.head"
    list(train_with(Train(str(tiny_footage), str(path)), OLD))
    return path


def begun(footage, settings):
    run = TrainingRun(footage, settings)
    run.begin()
    return run


def test_the_truth_is_blended_with_the_background_as_the_splats_are(tiny_footage):
    """Where alpha is soft, else each training would learn the other's edges; what is opaque is itself either way."""
    view, background = full_view(Footage.open(tiny_footage), 0), torch.tensor([0.9, 0.5, 0.1])
    display, linear = (blend_target(view, background, blend) for blend in ("display", "linear"))
    assert set(np.unique(view.alpha)) == {0, 1}
    torch.testing.assert_close(linear, display, atol=1e-5, rtol=0)
    soft = replace(view, rgb=view.rgb / 4, alpha=view.alpha / 4)
    straight = torch.from_numpy(view.rgb).double()
    mixed = srgb_to_linear(straight) / 4 + 0.75 * srgb_to_linear(background.double())
    expected = torch.where(torch.from_numpy(view.alpha > 0)[..., None], linear_to_srgb(mixed), background.double())
    torch.testing.assert_close(blend_target(soft, background, "linear").double(), expected, atol=1e-5, rtol=0)
    assert (blend_target(soft, background, "display") - expected).abs().max() > 0.05


def test_the_head_says_what_it_was_trained_for_and_is_measured_so(tiny_footage, tmp_path):
    job = Train(str(tiny_footage), str(tmp_path / "t.head"))
    *_, last = train_with(job, SHORT)
    head, footage = read_head(tmp_path / "t.head"), Footage.open(tiny_footage)
    assert isinstance(last, Finished)
    assert (head.card.blend, head.card.version, head.card.training["settings"]["blend"]) == ("linear", 3, "linear")
    evaluator = Evaluator(head, footage)
    assert evaluator.render(evaluator.replay.at(evaluator.condition(0)), footage.camera(0)).blend == "linear"


def test_the_loss_of_a_step_is_that_of_display_codes(tiny_footage, monkeypatch):
    """Light would weigh dark teeth and lips by a tenth."""
    compared = []
    loss = training_step.picture_loss
    monkeypatch.setattr(
        training_step,
        "picture_loss",
        lambda picture, *rest: compared.append((picture, rest[0])) or loss(picture, *rest),
    )
    run = begun(tiny_footage, SHORT)
    step = picture_step(run)
    (picture, target) = compared[0]
    assert picture.detach().numpy().max() <= 1.3
    assert abs(step.psnr - psnr(picture.detach().numpy(), target.numpy())) < 1e-3
    assert run.model.clouds["face"].sh0.grad.abs().sum() > 0
    run.close()


def test_a_checkpoint_from_before_continues_as_display_and_never_as_linear(tiny_footage, tmp_path):
    run, settings = begun(tiny_footage, replace(SHORT, blend="display")), replace(SHORT, blend="display")
    path, fingerprint = tmp_path / "checkpoint", type(settings).fingerprint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(settings), "fingerprint", lambda s: {k: v for k, v in fingerprint(s).items() if k != "blend"}
        )
        run.save(path)
    run.close()
    assert "blend" not in read_checkpoint(path)[1]["settings"]
    assert TrainingRun(tiny_footage, settings).load(path) == ""
    with pytest.raises(UserError, match="blend was display, now linear"):
        TrainingRun(tiny_footage, SHORT).load(path)


def mean_psnr(head, footage):
    evaluator = Evaluator(head, footage)
    pictures = [
        (evaluator.draw(evaluator.replay.at(evaluator.condition(i)), footage.camera(i)), evaluator.truth(i))
        for i in footage.frames("train")[::4].tolist()
    ]
    return float(np.mean([psnr(*pair) for pair in pictures]))


def test_a_few_steps_convert_an_old_head(old_head, tiny_footage, tmp_path):
    """Its networks go on, and its pictures in light become as good as they were in codes, also after a kill."""
    old, footage = read_head(old_head), Footage.open(tiny_footage)
    job = Train(str(tiny_footage), str(tmp_path / "new.head"), resume_from=str(old_head), blend="linear", steps=STEPS)
    job = replace(job, set=("checkpoint_every=15",))
    for event in (events := train(job)):
        if isinstance(event, Progress) and event.note.startswith("fuse"):
            events.close()
    *_, last = train(job)
    new = read_head(job.out)
    assert isinstance(last, Finished)
    assert (new.card.blend, new.card.training["resumed_from"]) == ("linear", old.card.content_hash)
    assert new.card.training["gaussians"] == old.card.training["gaussians"]
    assert new.card.training["settings"] == {
        **old.card.training["settings"],
        "blend": "linear",
        "fuse_steps": STEPS,
        "fuse_appearance": 1.0,
        "checkpoint_every": 15,
        "seed": 0,
    }
    unconverted = replace(old, card=replace(old.card, blend="linear"))
    before, converted, as_ever = (mean_psnr(head, footage) for head in (unconverted, new, old))
    assert before < as_ever - 1, "else there is nothing to convert"
    assert converted - before > 0.5 * (as_ever - before)


def test_what_cannot_go_on_says_why(old_head, tiny_footage, tmp_path, make_tiny_head):
    job = Train(str(tiny_footage), str(tmp_path / "new.head"), resume_from=str(old_head), steps=STEPS)
    with pytest.raises(UserError, match="listens by the encoder logmel, not moonshine; leave --encoder out"):
        list(train(replace(job, encoder="moonshine")))
    with pytest.raises(UserError, match=r"does not fit .* \(face: fusion was gated, now concat\)"):
        list(train(replace(job, fusion="concat")))
    with pytest.raises(UserError, match=r"--steps is 3 but must be"):
        settings_from_job(replace(job, steps=3), read_head(old_head))
    with pytest.raises(UserError, match="has no landmarks"):
        list(train(replace(job, resume_from=str(make_tiny_head(tmp_path / "other.head")))))
    with pytest.raises(UserError, match=r"no\.head"):
        list(train(replace(job, resume_from=str(tmp_path / "no.head"))))


def test_a_checkpoint_that_began_with_another_head_is_not_taken(old_head, tiny_footage, tmp_path):
    head = read_head(old_head)
    other = replace(head, tensors={**head.tensors, "face.gaussians.sh0": head.tensors["face.gaussians.sh0"] + 0.01})
    write_head(tmp_path / "other.head", other)
    job = Train(str(tiny_footage), str(tmp_path / "new.head"), resume_from=str(old_head), steps=10)
    run = TrainingRun(tiny_footage, settings_from_job(job, head))
    run.begin_from(head)
    (tmp_path / "new.work").mkdir()
    run.save(tmp_path / "new.work/checkpoint.safetensors")
    run.close()
    with pytest.raises(UserError, match="is of a training that began otherwise; name another folder with --work"):
        list(train(replace(job, resume_from=str(tmp_path / "other.head"))))
