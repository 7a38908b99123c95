# SPDX-License-Identifier: GPL-3.0-or-later
"""The audio net's r was told of the sound that it had learned from (0.97, where it was 0.70 on other sound): it is of
held-back sound, or it is not told."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.audio import WINDOW_OFFSETS
from talksplat.core.jobs import Train
from talksplat.core.jobs.events import Finished, Progress
from talksplat.core.training.fit_audio_net import split_moments
from talksplat.core.training.pretraining import fit_audio
from talksplat.core.training.train import train_with
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import SMOKE

QUICK = replace(SMOKE, audio_net=replace(SMOKE.audio_net, steps=60, every=30))


@pytest.mark.parametrize("seconds", [3, 8, 14, 60])
def test_of_one_clip_nothing_that_is_held_back_is_heard_in_training(seconds):
    times = np.arange(seconds * 25) / 25
    trained, held = split_moments(np.zeros(len(times), int), times, 0.15, np.random.default_rng(0))
    if seconds == 3:
        assert (len(trained), len(held)) == (75, 0), "two of three seconds would be too many"
        return
    assert np.ptp(times[held]) >= 1.9
    assert len(held) >= 0.14 * len(times)
    assert len(trained) > 0.55 * len(times)
    assert times[trained].max() + WINDOW_OFFSETS.max() < times[held].min() + WINDOW_OFFSETS.min()


def test_of_several_clips_whole_ones_are_held_back():
    clips = np.repeat([3, 5, 9], 50)
    times = np.tile(np.arange(50) / 25, 3)
    trained, held = split_moments(clips, times, 0.15, np.random.default_rng(0))
    assert len(held) == 50 == len(np.unique(clips[held])) * 50
    assert sorted([*trained, *held]) == list(range(150))


@pytest.fixture
def one_clip(tiny_footage, tmp_path):
    """The tiny footage with one train clip, whose sound has nothing to do with its lips, `seconds` long."""

    def make(seconds):
        folder = tmp_path / f"one{seconds}"
        shutil.copytree(tiny_footage, folder)
        card = json.loads((folder / "footage.json").read_text())
        for clip in card["clips"]:
            clip["split"] = "train" if clip["name"] == "c0" else "test"
        (folder / "footage.json").write_text(json.dumps(card))
        with np.load(folder / "frames.npz") as table:
            columns = dict(table)
        columns["split"] = (columns["clip"] != 0).astype(np.uint8)
        np.savez(folder / "frames.npz", **columns)
        with np.load(folder / "tracks" / "c0.npz") as track:
            points = track["landmarks"]
        count = 25 * seconds
        walk = np.cumsum(np.random.default_rng(1).normal(size=count))
        smooth = np.convolve(walk - walk.mean(), np.ones(5) / 5, "same")
        opening = np.clip(0.007 + 0.004 * smooth / smooth.std(), 0, 0.014)
        landmarks = np.tile(points[:1], (count, 1, 1))
        landmarks[:, np.r_[55:60, 65:68, 5:12], 2] -= opening[:, None]
        np.savez(
            folder / "tracks" / "c0.npz",
            time=np.arange(count) / 25,
            landmarks=landmarks.astype(np.float32),
            expression=np.zeros((count, 1), np.float32),
        )
        from talksplat.core.audio import Sound, write_wav

        noise = np.random.default_rng(2).normal(0, 0.1, 16000 * seconds).astype(np.float32)
        write_wav(folder / "audio" / "c0.wav", Sound(noise))
        return folder

    return make


def test_the_r_of_one_clip_is_not_that_of_the_sound_it_learned(one_clip):
    run = TrainingRun(one_clip(16), QUICK)
    run.begin()
    fits = list(fit_audio(run))
    assert all(fit.is_held_back for fit in fits)
    assert max(abs(fit.lip_gap_r["face"]) for fit in fits) < 0.6, "noise says nothing of the lips"
    run.close()


def test_a_clip_too_short_to_hold_sound_back_has_no_r(one_clip, tmp_path):
    folder = one_clip(3)
    short = replace(QUICK, motion_steps=2, static_steps=2, move_steps=2, fuse_steps=1)
    events = list(train_with(Train(str(folder), str(tmp_path / "t.head")), short))
    notes = [event.note for event in events if isinstance(event, Progress) and event.note.startswith("audio net")]
    assert all("too short to hold any back" in note for note in notes if "r =" in note)
    assert isinstance(events[-1], Finished)
    assert "audio_net_mean_r" not in events[-1].result
    assert "audio_net_lip_gap_r" not in events[-1].result
