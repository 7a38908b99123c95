# SPDX-License-Identifier: GPL-3.0-or-later
"""The movie is the finished pictures: their colours, their moments, and no work lost to a kill."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from talksplat.core.baking.bake import bake
from talksplat.core.baking.render import render
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange import read_png
from talksplat.core.interchange.movie import MovieWriter
from talksplat.core.jobs import Bake, Render
from talksplat.core.jobs.events import Finished, Progress, Warned

FRAMES = 10


@pytest.fixture(scope="module")
def shot(tiny_head, voice, tmp_path_factory):
    """A bake of frames 1 to 10."""
    path = tmp_path_factory.mktemp("shot") / "anna.bake"
    list(bake(Bake(str(tiny_head), str(voice), str(path), "24", 1, FRAMES)))
    return path


@pytest.fixture
def job(shot, tmp_path):
    """Only the movie is asked for."""
    return Render(str(shot), str(tmp_path / "out"), 48, png=False, exr=False)


@pytest.fixture
def added(monkeypatch):
    """The pictures that a movie takes."""
    pictures, add = [], MovieWriter.add

    def note(self, pixels):
        pictures.append(pixels)
        add(self, pixels)

    monkeypatch.setattr(MovieWriter, "add", note)
    return pictures


def finished(job):
    *_, last = render(job)
    assert isinstance(last, Finished)
    return last.result


def stopped_after(job, done):
    """A run that ends when it has rendered that many frames."""
    events = render(job)
    while not (isinstance(event := next(events), Progress) and event.done == done):
        pass
    events.close()


def names(job):
    return sorted(path.name for path in Path(job.out).iterdir() if path.name != "lock")


def test_a_movie_that_was_cancelled_again_and_again_is_finished_in_the_end(job):
    """Every run of 0.1.0 began a movie anew: one that was always cancelled before its end never had one."""
    for done in (3, 6, 9):
        stopped_after(job, done)
        assert "anna.mp4" not in names(job)
    assert finished(job)["rendered"] == 1
    assert names(job) == ["anna.mp4", "anna.rendered.txt"], "the pictures that only the movie needed are gone"
    assert finished(job)["rendered"] == 0


def test_a_killed_process_has_lost_no_picture_of_its_movie(job):
    command = [sys.executable, "-m", "talksplat.core.cli", "render", job.bake, "--out", job.out, "--size", "1500"]
    killed = subprocess.Popen([*command, "--no-png", "--no-exr"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    manifest, until = Path(job.out) / "anna.rendered.txt", time.monotonic() + 100
    while not (manifest.is_file() and manifest.read_text().count(".png") >= 2) and killed.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert finished(replace(job, size=1500))["rendered"] <= FRAMES - 2
    assert names(job) == ["anna.mp4", "anna.rendered.txt"], "also what the kill left half written is gone"


def test_the_movies_colours_are_those_of_the_pngs_over_grey(job, added):
    finished(replace(job, png=True))
    for number, pixels in enumerate(added, 1):
        rgba = Image.open(f"{job.out}/anna.{number:04d}.png")
        over = Image.new("RGBA", rgba.size, (128, 128, 128, 255))
        over.alpha_composite(rgba)
        assert np.abs(np.asarray(over)[..., :3].astype(int) - pixels).max() <= 1
    with av.open(f"{job.out}/anna.mp4") as movie:
        decoded = [frame.to_ndarray(format="rgb24").astype(float) for frame in movie.decode(video=0)]
    assert len(decoded) == len(added) == FRAMES
    for ours, theirs in zip(added, decoded):
        blocks = (ours - theirs).reshape(6, 8, 6, 8, 3).mean(axis=(1, 3))  # 4:2:0 keeps means, not single pixels
        assert np.abs(blocks).max() < 4


def test_a_movie_of_every_second_frame_keeps_its_timing(job, added):
    finished(replace(job, frames="1-9x4,10"))
    shown = [next(i for i, other in enumerate(added) if np.array_equal(other, pixels)) for pixels in added]
    assert shown == [0, 0, 0, 0, 4, 4, 4, 4, 8, 9], "each picture until the next one's own moment"


def test_a_part_of_the_shot_does_not_replace_the_movie_of_the_whole(job):
    finished(job)
    whole = (Path(job.out) / "anna.mp4").read_bytes()
    assert finished(replace(job, frames="3-6"))["movie"].endswith("anna.0003-0006.mp4")
    assert "movie" not in finished(replace(job, frames="3", png=True)), "one picture is no movie"
    assert (Path(job.out) / "anna.mp4").read_bytes() == whole


def test_another_setting_or_a_missing_picture_makes_the_movie_again(job, added):
    job = replace(job, png=True)
    finished(job)
    (Path(job.out) / "anna.0004.png").unlink()
    (Path(job.out) / "anna.mp4").unlink()
    assert finished(job)["rendered"] == 1
    assert len(added) == 2 * FRAMES
    finished(replace(job, size=40))
    assert len(added) == 3 * FRAMES
    finished(replace(job, size=40))
    assert len(added) == 3 * FRAMES


def test_only_the_frames_of_a_list_are_baked_rendered_and_exported(tiny_head, voice, tmp_path):
    from talksplat.core.exporting.export import export
    from talksplat.core.jobs import Export

    path = str(tmp_path / "a.bake")
    part = Bake(str(tiny_head), str(voice), path, "24", 1, FRAMES, frames="1-9x4,2")
    assert (result := list(bake(part))[-1].result)["frames"] == 4
    assert not result["complete"]
    pictures = Render(path, str(tmp_path / "p"), 16, exr=False, movie=False, frames="1-5x4")
    assert finished(pictures)["rendered"] == 2
    list(export(Export(path, str(tmp_path / "e"), frames="2,9")))
    assert [file.name for file in sorted(tmp_path.glob("*/a.*.p*"))] == [
        *("a.0002.ply", "a.0009.ply", "a.0001.png", "a.0005.png")
    ]
    assert (result := list(bake(replace(part, frames="")))[-1].result)["new"] == FRAMES - 4
    assert result["complete"]


def test_prores_holds_the_pictures_with_their_alpha_and_the_wave_file_the_same_sound(job, added):
    result = finished(replace(job, movie_format="prores", wav=True, frames="3-8", png=True))
    assert Path(result["movie"]).name == "anna.0003-0008.mov"
    first = read_png(Path(job.out) / "anna.0003.png", 48, 48)
    np.testing.assert_array_equal(added[0], first)
    with av.open(result["movie"]) as movie, av.open(result["sound"]) as sound:
        assert movie.streams.video[0].metadata["timecode"] == "00:00:00:03"
        assert int(sound.metadata["time_reference"]) == 3 * 2000
        pairs = [np.concatenate([f.to_ndarray().ravel() for f in file.decode(audio=0)]) for file in (movie, sound)]
    assert len(pairs[0]) == 6 * 2000 * 2, "two channels"
    np.testing.assert_array_equal(*pairs)
    assert finished(replace(job, movie_format="prores", wav=True, frames="3-8", png=True))["rendered"] == 0


def test_a_wave_file_without_a_sound_is_told(job, tiny_head, tmp_path):
    with pytest.raises(UserError, match="movie_format 'avi' is unknown"):
        finished(replace(job, movie_format="avi"))
    silent = tmp_path / "silent.bake"
    list(bake(Bake(str(tiny_head), "", str(silent), frames="1-2")))
    events = list(render(replace(job, bake=str(silent), wav=True, png=True)))
    assert [e.sentence for e in events if isinstance(e, Warned)] == ["The shot has no sound, so no WAV is written."]
