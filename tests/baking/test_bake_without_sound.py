# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake needs no sound: the head rests, and its controls and its curves move it; no file afterwards asks for one."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from talksplat.core import cli
from talksplat.core.audio import SOUND_RATE, Sound, write_wav
from talksplat.core.baking.bake import bake
from talksplat.core.baking.render import render
from talksplat.core.dispatch import run_job
from talksplat.core.formats import BakeReader, UserError, read_head, write_head, write_ply
from talksplat.core.jobs import Bake, Export, Failed, Finished, ImportHead, Info, Perform, Render, Warned
from talksplat.core.performance import Controls, HeadReplay, PoseChange

FRAMES = 6
STILL = Controls(blinks=0.0)
SHAPES = {"jawOpen": (np.array([1, 5]), np.array([[0, -0.02, 0], [0, -0.01, 0.005]], np.float32))}


@pytest.fixture
def job(tiny_head, tmp_path):
    return Bake(str(tiny_head), "", str(tmp_path / "rest.bake"), frame_count=FRAMES, controls=STILL)


@pytest.fixture
def silence(tmp_path):
    write_wav(tmp_path / "silence.wav", Sound(np.zeros(SOUND_RATE, np.float32)))
    return tmp_path / "silence.wav"


def frames_of(job):
    *_, last = bake(job)
    assert isinstance(last, Finished)
    assert last.result["complete"]
    with BakeReader.open(job.out) as reader:
        return {n: [a.copy() for a in reader.frame(n)] for n in reader.frames}


def assert_same(ours, theirs, atol=2e-6):  # metres: what a bake rounds to
    assert ours.keys() == theirs.keys()
    for number, columns in ours.items():
        for a, b in zip(columns, theirs[number]):
            np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize(
    "controls", [STILL, Controls(blinks=0.0, blink=0.7, brows=-0.5, gaze_x=0.4, intensity=1.4, delay=0.2)]
)
def test_no_sound_is_as_good_as_a_silent_one(job, silence, tmp_path, controls):
    heard = replace(job, audio=str(silence), out=str(tmp_path / "silence.bake"), controls=controls)
    assert_same(frames_of(replace(job, controls=controls)), frames_of(heard))


def test_the_pose_changes_as_it_does_over_a_silent_sound(make, make_tiny_head, silence, tmp_path):
    path = make_tiny_head(tmp_path / "rigged.head")
    write_head(path, make.rigged(read_head(path)))
    change = PoseChange(("lips_apart", "blink"), tuple((0.5 * i, -0.1 * i) for i in range(FRAMES)))
    job = Bake(str(path), "", str(tmp_path / "a.bake"), frame_count=FRAMES, controls=STILL, pose_change=change)
    ours = frames_of(job)
    assert_same(ours, frames_of(replace(job, audio=str(silence), out=str(tmp_path / "b.bake"))))
    assert np.abs(ours[FRAMES][0] - ours[1][0]).max() > 1e-4


def test_a_resting_head_blinks_by_itself_at_the_same_moments_in_every_shot(job):
    eyes = frames_of(replace(job, fps="8", frame_count=80, controls=Controls()))
    rest = frames_of(replace(job, out=job.out.replace("rest", "still"), fps="8", frame_count=80))
    moved = [n for n in eyes if np.abs(eyes[n][0] - rest[n][0]).max() > 1e-5]
    assert 1 <= len(moved) < 40
    later = replace(job, out=job.out.replace("rest", "later"), fps="8", frame_count=40, offset=-2.0)
    later = replace(later, controls=Controls())
    for number, columns in frames_of(later).items():
        np.testing.assert_allclose(columns[0], eyes[number + 16][0], atol=2e-6)


def test_what_the_bake_says_of_itself(job, capsys):
    frames_of(job)
    with BakeReader.open(job.out) as reader:
        card = reader.card
    assert (card.has_sound, card.audio, card.audio_hash, card.version) == (False, "", "", 2)
    *_, told = run_job(Info(job.out))
    assert isinstance(told, Finished)
    assert told.result["audio"] == "none: the head is at rest"
    assert not Path(job.out).with_suffix(".performance").exists()


def test_a_sound_makes_another_shot_of_it(job, silence):
    frames_of(job)
    warned = [e.sentence for e in bake(replace(job, audio=str(silence))) if isinstance(e, Warned)]
    assert any("audio_hash" in sentence for sentence in warned)


def test_the_frames_are_the_shot_where_no_sound_says_how_long_it_is(job):
    reader_of = replace(job, frame_count=0, frames="10-13,20")
    *_, last = bake(reader_of)
    assert (last.result["frame_start"], last.result["frame_end"], last.result["frames"]) == (10, 20, 5)
    with pytest.raises(UserError, match="no length"):
        list(bake(replace(job, frame_count=0)))
    with pytest.raises(UserError, match="out of range"):
        list(bake(replace(job, frame_count=0, frames="0-999999999")))


def test_the_shell_needs_no_audio(job, tiny_head, tmp_path, capsys):
    out = tmp_path / "shell.bake"
    assert cli.main(f"bake --head {tiny_head} --frames 1-4 --fps 24 --out {out} --json".split()) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "4" in str(result)
    with BakeReader.open(out) as reader:
        assert reader.frames == (1, 2, 3, 4)
        assert reader.complete


def sounds_in(movie):
    with av.open(movie) as container:
        return len(container.streams.audio)


def test_its_movie_is_silent_and_nobody_misses_the_sound(job, tmp_path, silence):
    frames_of(job)
    shot = Render(job.out, str(tmp_path / "render"), size=32, exr=False)
    events = list(render(shot))
    assert not [e for e in events if isinstance(e, Warned)]
    assert sounds_in(events[-1].result["movie"]) == 0
    voiced = list(render(replace(shot, audio=str(silence))))
    assert sounds_in(voiced[-1].result["movie"]) == 1


@pytest.fixture
def avatar(tmp_path, avatars):
    source = avatars.write_avatar(tmp_path / "anna.zip", shapes=SHAPES)
    *_, last = run_job(ImportHead(str(source), str(tmp_path / "anna.head")))
    assert isinstance(last, Finished)
    return last.result["head"]


def test_an_avatar_goes_all_the_way_to_usd_and_back(avatar, tmp_path):
    usd = pytest.importorskip("pxr.Usd")
    keys = PoseChange(("jawOpen",), ((0.0,), (0.5,), (1.0,)))
    job = Bake(avatar, "", str(tmp_path / "jaw.bake"), frame_count=3, pose_change=keys)
    frames = frames_of(job)
    rest = HeadReplay(read_head(avatar)).at_rest().means
    for number, (weight,) in zip(frames, keys.values):
        moved = (frames[number][0] - rest)[[1, 5]]
        np.testing.assert_allclose(moved, weight * np.array([[0, 0, -0.02], [0, -0.005, -0.01]]), atol=1e-4)
    *_, drawn = run_job(Render(job.out, str(tmp_path / "render"), size=24))
    assert isinstance(drawn, Finished)
    *_, last = run_job(Export(job.out, str(tmp_path / "usd"), "usd"))
    assert isinstance(last, Finished), last
    stage = usd.Stage.Open(str(next((tmp_path / "usd").glob("*.usd*"))))
    splats = [p for p in stage.Traverse() if p.GetTypeName().startswith("ParticleField")]
    assert len(splats) == 1
    for number in frames:
        read = np.array(splats[0].GetAttribute("positions").Get(number))
        np.testing.assert_allclose(read, frames[number][0], atol=1e-6)
    assert not [p for p in stage.Traverse() if p.GetTypeName() == "SpatialAudio"]


def test_a_still_head_and_one_of_an_unknown_encoder_stand_as_they_are(tiny_head, make, tmp_path):
    stored = make.gaussians(30)
    write_ply(tmp_path / "still.ply", stored)
    *_, last = run_job(ImportHead(str(tmp_path / "still.ply"), str(tmp_path / "still.head")))
    unknown = read_head(tiny_head)
    write_head(tmp_path / "b.head", replace(unknown, card=replace(unknown.card, audio_encoder="of another time")))
    for head in (last.result["head"], str(tmp_path / "b.head")):
        job = Bake(head, "", f"{head}.bake", frame_count=2)
        with_sound = run_job(replace(job, audio=str(tmp_path / "none.wav")))
        assert isinstance([*with_sound][-1], Failed)
        for columns in frames_of(job).values():
            np.testing.assert_allclose(columns[0], HeadReplay(read_head(head)).at_rest().means, atol=2e-6)


def test_a_head_that_speaks_no_sound_says_so_when_it_is_given_one(make, silence, tmp_path):
    """The shell baked and performed a still head's sound without a word, where the add-on's Attach says it."""
    write_ply(tmp_path / "still.ply", make.gaussians(20))
    head = str(tmp_path / "still.head")
    list(run_job(ImportHead(str(tmp_path / "still.ply"), head)))
    for job in (Bake(head, str(silence), str(tmp_path / "a.bake")), Perform(head, str(silence), f"{head}.performance")):
        *events, last = run_job(job)
        assert isinstance(last, Finished), last
        assert any("no sound moves it" in e.sentence for e in events if isinstance(e, Warned))
    without = run_job(Bake(head, "", str(tmp_path / "b.bake"), frame_count=2))
    assert not [e for e in without if isinstance(e, Warned)]
