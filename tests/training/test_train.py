# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole small training: it learns, it goes on bit for bit after a kill, it can be cancelled, it refuses nonsense."""

import gc
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from talksplat.core.evaluation import canonical_landmarks, clip_sheet, evaluation_tables
from talksplat.core.evaluation.evaluate import evaluate
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs.events import Finished, Progress, Started
from talksplat.core.jobs.messages import Evaluate, Train
from talksplat.core.performance.condition import Condition
from talksplat.core.performance.replay import Replay
from talksplat.core.training.train import train, train_with
from talksplat.core.training.trainer import Trainer
from talksplat.core.training.training_settings import PRESETS, SMOKE, preset

SHORT = replace(
    SMOKE,
    ear=replace(SMOKE.ear, steps=10, every=5),
    motion_steps=5,
    static_steps=6,
    move_steps=24,
    fuse_steps=4,
    checkpoint_every=7,
    density=replace(SMOKE.density, start=4, every=5, stop=26),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_it_learns_and_the_mouth_moves(smoke, tiny_footage, tmp_path):
    events, head, work = smoke
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    rows = [line.split(",") for line in (work / "losses.csv").read_text().splitlines()]
    assert float(rows[-1][2]) < 0.6 * float(rows[0][2])
    steps = [e.done for e in events if isinstance(e, Progress) and e.note.startswith(("static", "move", "fuse"))]
    assert steps == sorted(steps)
    assert steps[-1] == SMOKE.static_steps + SMOKE.move_steps + SMOKE.fuse_steps
    assert len(list((work / "preview").glob("*.png"))) >= 1
    result = read_head(head).card.training["results"]
    assert result["lips"]["r all moments"] > 0.7
    unheard = result["pictures"]["unheard clips"]
    assert unheard["head mouth psnr"] > unheard["mean mouth psnr"] + 1
    assert "| unheard clips | whole | 9 | 64x64 |" in evaluation_tables(result)


def test_the_sheet_shows_an_unheard_clip(smoke, tiny_footage, tmp_path, capsys):
    assert clip_sheet.main([str(smoke[1]), str(tiny_footage), str(tmp_path / "sheet.png")]) == 0
    assert "clip c4" in capsys.readouterr().out
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.size == (8 * 64, 4 * 64)
    assert clip_sheet.main([str(smoke[1]), str(tiny_footage), str(tmp_path / "x.png"), "c9"]) == 1
    assert clip_sheet.main([str(smoke[1]), str(tiny_footage), str(tmp_path / "x.png"), "c0"]) == 1
    assert not (tmp_path / "x.png").exists()


def test_a_head_from_elsewhere_is_not_judged(make_tiny_head, tiny_footage, tmp_path):
    head = make_tiny_head(tmp_path / "other.head")
    with pytest.raises(UserError, match="expression channels"):
        list(evaluate(Evaluate(str(head), str(tiny_footage))))
    with pytest.raises(UserError, match="has no landmarks"):
        canonical_landmarks(read_head(head))


def test_the_card_tells_what_was_done(smoke):
    card = read_head(smoke[1]).card
    assert card.training["settings"] == json.loads(json.dumps(preset("smoke", 1).to_dict()))
    assert (card.name, card.licence, card.expression, card.audio_encoder) == ("tiny", "CC0", ("blink",), "logmel")
    assert np.shape(card.training["landmarks"]) == (68, 3)
    assert card.camera is not None
    assert card.camera.centre[1] < -0.2


def steps(trainer, count):
    return [trainer.step() for _ in range(count)]


def everything(trainer):
    state = {f"{b}.{n}": p.detach() for b, c in trainer.model.clouds.items() for n, p in c.named_parameters()}
    state |= dict(trainer.model.field.state_dict())
    for label, optimizer in trainer.optimizers.items():
        for group in optimizer.param_groups:
            for name, p in zip(group["names"], group["params"]):
                state |= {f"{label}.{name}.{k}": v for k, v in optimizer.state[p].items()}
    return state


def test_exact_resume(tiny_footage, tmp_path):
    straight = Trainer(tiny_footage, SHORT)
    straight.begin()
    list(straight.ears()), list(straight.motion())
    straight.save(tmp_path / "start")
    told = steps(straight, 28)
    halved = Trainer(tiny_footage, SHORT)
    halved.load(tmp_path / "start")
    first = steps(halved, 13)
    halved.save(tmp_path / "half")
    steps(halved, 3)  # lost in the kill
    again = Trainer(tiny_footage, SHORT)
    again.load(tmp_path / "half")
    assert told == first + steps(again, 15)
    one, other = everything(straight), everything(again)
    assert set(one) == set(other)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(step.changed for step in told)


def test_the_head_is_the_mean_of_its_last_steps(tiny_footage, tmp_path):
    trainer, stood = Trainer(tiny_footage, SHORT), []
    trainer.begin()
    for t in range(1, SHORT.total + 1):
        trainer.step()
        if t > SHORT.total - 3:  # 0.8 of the 4 steps of fuse
            stood.append({name: p.detach().clone() for name, p in trainer.model.named_parameters()})
        if t == SHORT.total - 1:
            trainer.save(tmp_path / "checkpoint")
            trainer = Trainer(tiny_footage, SHORT)
            trainer.load(tmp_path / "checkpoint")
    trainer.average.settle(trainer.model)
    for name, parameter in trainer.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), torch.stack([of[name] for of in stood]).mean(0), msg=name)
    assert not torch.equal(stood[0]["clouds.face.means"], stood[2]["clouds.face.means"])


def test_a_kill_between_checkpoints_changes_nothing(tiny_footage, tmp_path):
    def head_of(name, stops):
        job = Train(str(tiny_footage), str(tmp_path / f"{name}.head"), str(tmp_path / name))
        for stop in stops:
            events = train_with(job, SHORT)
            for event in events:
                if isinstance(event, Progress) and event.note.startswith("move") and event.done >= stop:
                    events.close()
        return list(train_with(job, SHORT))[-1], read_head(tmp_path / f"{name}.head")

    finished, whole = head_of("whole", [])
    _, broken = head_of("broken", [20])
    assert whole.card.content_hash == broken.card.content_hash
    assert finished.result["gaussians"] == sum(whole.card.training["gaussians"].values())


def test_a_closed_trainer_is_gone_at_once(tiny_footage):
    """With all its pictures, before any garbage collector looks: an ablation trains dozens in one process."""
    trainer = Trainer(tiny_footage, SHORT)
    trainer.begin()
    steps(trainer, 8)
    gone = weakref.ref(trainer)
    gc.disable()
    try:
        trainer.close()
        del trainer
        assert gone() is None
    finally:
        gc.enable()


def test_one_training_a_work_folder(tiny_footage, tmp_path):
    job = Train(str(tiny_footage), str(tmp_path / "t.head"))
    first = train_with(job, SHORT)
    while not getattr(next(first), "note", "").startswith("ear"):
        pass
    with pytest.raises(UserError, match=r"t.work: another process is writing to it; wait"):
        list(train_with(job, SHORT))
    first.close()
    assert isinstance(list(train_with(job, SHORT))[-1], Finished)
    with pytest.raises(UserError, match=r"t.head: cannot be written to \(.+\); choose another folder"):
        list(train_with(replace(job, work=job.out), SHORT))
    assert read_head(job.out)


def test_what_lies_under_the_field_never_moves(tiny_footage, tmp_path):
    job = Train(str(tiny_footage), str(tmp_path / "t.head"))
    list(train_with(job, replace(SHORT, below_chin=0.0)))
    head = read_head(tmp_path / "t.head")
    replay, rng = Replay(head), np.random.default_rng(0)
    bounds, rest = head.card.branches["face"], replay.canonical
    below = rest.means[:, 2] < bounds["centre"][2] - bounds["half_extent"]
    assert below.sum() > 20
    for _ in range(5):
        codes = {name: rng.normal(0, 3, width).astype(np.float32) for name, width in head.card.audio_code.items()}
        moved = replay.at(Condition(codes, rng.random(1, dtype=np.float32)))
        assert (moved.means[~below] != rest.means[~below]).any()
        for column in ("means", "quats", "scales"):
            assert np.array_equal(getattr(moved, column)[below], getattr(rest, column)[below])


def test_refusals(tiny_footage, tmp_path):
    with pytest.raises(UserError, match=r"preset 'no' is unknown; choose cpu"):
        preset("no")
    assert set(PRESETS) == {"cpu", "portrait", "smoke"}
    trainer = Trainer(tiny_footage, SHORT)
    trainer.begin()
    trainer.save(tmp_path / "checkpoint")
    with pytest.raises(UserError, match="other settings"):
        Trainer(tiny_footage, replace(SHORT, dssim=0.3)).load(tmp_path / "checkpoint")
    (tmp_path / "checkpoint").write_bytes((tmp_path / "checkpoint").read_bytes()[:5000])
    with pytest.raises(UserError):
        Trainer(tiny_footage, SHORT).load(tmp_path / "checkpoint")
    with pytest.raises(UserError, match=r"footage.json is missing"):
        list(train(Train(str(tmp_path), str(tmp_path / "x.head"), preset="smoke")))
