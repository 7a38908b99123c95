# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole small training: it learns, continues bit for bit after a kill, can be cancelled, and rejects bad input."""

import gc
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from talksplat.core.evaluation import clip_sheet, evaluation_tables
from talksplat.core.evaluation.evaluate import evaluate
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Evaluate, Train
from talksplat.core.jobs.events import Finished, Progress, Started
from talksplat.core.performance import Condition, Replay, canonical_landmarks
from talksplat.core.training.pretraining import fit_audio, fit_motion
from talksplat.core.training.train import train, train_with
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import PRESETS, SMOKE, preset
from talksplat.core.training.training_step import picture_step

SHORT = replace(
    SMOKE,
    audio_net=replace(SMOKE.audio_net, steps=10, every=5),
    motion_steps=5,
    static_steps=6,
    move_steps=24,
    fuse_steps=4,
    checkpoint_every=7,
    density=replace(SMOKE.density, start=4, every=5, stop=26),
)


pytestmark = pytest.mark.usefixtures("one_thread")


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


def test_a_head_of_other_footage_is_not_evaluated(make_tiny_head, tiny_footage, tmp_path):
    head = make_tiny_head(tmp_path / "other.head")
    with pytest.raises(UserError, match="expression channels"):
        list(evaluate(Evaluate(str(head), str(tiny_footage))))
    with pytest.raises(UserError, match="has no landmarks"):
        canonical_landmarks(read_head(head))


def test_the_card_says_what_was_done(smoke):
    card = read_head(smoke[1]).card
    assert card.training["settings"] == json.loads(json.dumps(preset("smoke", 1).to_dict()))
    assert (card.name, card.licence, card.expression, card.audio_encoder) == ("tiny", "CC0", ("blink",), "logmel")
    assert np.shape(card.training["landmarks"]) == (68, 3)
    assert card.camera is not None
    assert card.camera.centre[1] < -0.2


def steps(run, count):
    return [picture_step(run) for _ in range(count)]


def full_state(run):
    state = {f"{b}.{n}": p.detach() for b, c in run.model.clouds.items() for n, p in c.named_parameters()}
    state |= dict(run.model.field.state_dict())
    for label, optimizer in run.optimizers.items():
        for group in optimizer.param_groups:
            for name, p in zip(group["names"], group["params"]):
                state |= {f"{label}.{name}.{k}": v for k, v in optimizer.state[p].items()}
    return state


def test_exact_resume(tiny_footage, tmp_path):
    unbroken = TrainingRun(tiny_footage, SHORT)
    unbroken.begin()
    list(fit_audio(unbroken)), list(fit_motion(unbroken))
    unbroken.save(tmp_path / "start")
    expected = steps(unbroken, 28)
    halved = TrainingRun(tiny_footage, SHORT)
    halved.load(tmp_path / "start")
    first = steps(halved, 13)
    halved.save(tmp_path / "half")
    steps(halved, 3)  # lost in the kill
    again = TrainingRun(tiny_footage, SHORT)
    again.load(tmp_path / "half")
    assert expected == first + steps(again, 15)
    one, other = full_state(unbroken), full_state(again)
    assert set(one) == set(other)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(step.changes for step in expected)


def test_the_head_is_the_mean_of_its_last_steps(tiny_footage, tmp_path):
    run, last_steps = TrainingRun(tiny_footage, SHORT), []
    run.begin()
    for t in range(1, SHORT.total + 1):
        picture_step(run)
        if t > SHORT.total - 3:  # 0.8 of the 4 steps of fuse
            last_steps.append({name: p.detach().clone() for name, p in run.model.named_parameters()})
        if t == SHORT.total - 1:
            run.save(tmp_path / "checkpoint")
            run = TrainingRun(tiny_footage, SHORT)
            run.load(tmp_path / "checkpoint")
    run.average.apply(run.model)
    for name, parameter in run.model.named_parameters():
        torch.testing.assert_close(
            parameter.detach(), torch.stack([parameters[name] for parameters in last_steps]).mean(0), msg=name
        )
    assert not torch.equal(last_steps[0]["clouds.face.means"], last_steps[2]["clouds.face.means"])


def test_a_kill_between_checkpoints_changes_nothing(tiny_footage, tmp_path):
    def head_of(name, stops):
        job = Train(str(tiny_footage), str(tmp_path / f"{name}.head"), str(tmp_path / name))
        for stop in stops:
            events = train_with(job, SHORT)
            for event in events:
                if isinstance(event, Progress) and event.note.startswith("move") and event.done >= stop:
                    events.close()
        return list(train_with(job, SHORT))[-1], read_head(tmp_path / f"{name}.head")

    finished, unbroken = head_of("unbroken", [])
    _, broken = head_of("broken", [20])
    assert unbroken.card.content_hash == broken.card.content_hash
    assert finished.result["gaussians"] == sum(unbroken.card.training["gaussians"].values())


def test_a_closed_run_is_freed_at_once(tiny_footage):
    """With all its pictures, before any garbage collector looks: an ablation trains dozens in one process."""
    run = TrainingRun(tiny_footage, SHORT)
    run.begin()
    steps(run, 8)
    gone = weakref.ref(run)
    gc.disable()
    try:
        run.close()
        del run
        assert gone() is None
    finally:
        gc.enable()


def test_one_training_a_work_folder(tiny_footage, tmp_path):
    job = Train(str(tiny_footage), str(tmp_path / "t.head"))
    first = train_with(job, SHORT)
    while not getattr(next(first), "note", "").startswith("audio net"):
        pass
    with pytest.raises(UserError, match=r"t.work: another process is writing to it; wait"):
        list(train_with(job, SHORT))
    first.close()
    assert isinstance(list(train_with(job, SHORT))[-1], Finished)
    with pytest.raises(UserError, match=r"t.head: cannot be written to \(.+\); choose another folder"):
        list(train_with(replace(job, work=job.out), SHORT))
    assert read_head(job.out)


def test_what_is_below_the_field_never_moves(tiny_footage, tmp_path):
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


def test_bad_input_is_one_sentence(tiny_footage, tmp_path):
    with pytest.raises(UserError, match=r"preset 'no' is unknown; choose cpu"):
        preset("no")
    assert set(PRESETS) == {"cpu", "portrait", "smoke"}
    run = TrainingRun(tiny_footage, SHORT)
    run.begin()
    run.save(tmp_path / "checkpoint")
    with pytest.raises(UserError, match="other settings"):
        TrainingRun(tiny_footage, replace(SHORT, dssim=0.3)).load(tmp_path / "checkpoint")
    (tmp_path / "checkpoint").write_bytes((tmp_path / "checkpoint").read_bytes()[:5000])
    with pytest.raises(UserError):
        TrainingRun(tiny_footage, SHORT).load(tmp_path / "checkpoint")
    with pytest.raises(UserError, match=r"footage.json is missing"):
        list(train(Train(str(tmp_path), str(tmp_path / "x.head"), preset="smoke")))
