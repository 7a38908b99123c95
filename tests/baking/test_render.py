# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures are the raster's, in each reader's colours; what is finished is not made again; the sound sits right."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav
from talksplat.core.baking.bake import bake
from talksplat.core.baking.render import numbered, render
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.colour import COLOUR_SPACES, display_to_scene_linear
from talksplat.core.interchange.exr import read_exr, write_exr
from talksplat.core.jobs.events import Finished, Progress, Warned
from talksplat.core.jobs.messages import Bake, Render
from talksplat.core.raster.rasterizer import rasterize

FRAMES = 8


@pytest.fixture(scope="module")
def shot(tiny_head, voice, tmp_path_factory):
    """A bake of eight frames from frame 99, the sound half a second before the first."""
    path = tmp_path_factory.mktemp("shot") / "anna.bake"
    list(bake(Bake(str(tiny_head), str(voice), str(path), "24000/1001", 99, FRAMES, -0.5)))
    return path


@pytest.fixture
def job(shot, tmp_path):
    return Render(str(shot), str(tmp_path / "plates"), 48)


def done(job):
    """The result and the warnings of a whole run."""
    events = list(render(job))
    assert isinstance(events[-1], Finished)
    return events[-1].result, [e.sentence for e in events if isinstance(e, Warned)]


def seen(shot, frame, camera):
    with BakeReader.open(shot) as reader:
        g = reader.canonical
        return rasterize(*reader.frame(frame), g.opacities, g.sh0, g.shN, camera, depth=True)


def files(folder, pattern="*"):
    return sorted(p.name for p in folder.glob(pattern))


def test_png_and_exr_are_the_raster_through_the_heads_own_view(job, shot, tmp_path):
    result, warnings = done(job)
    assert (result["frames"], result["rendered"], warnings) == (FRAMES, FRAMES, [])
    folder = tmp_path / "plates"
    numbers = [f"{n:04d}" for n in range(99, 99 + FRAMES)]
    assert files(folder, "*.png") == [f"anna.{n}.png" for n in numbers]
    assert files(folder, "*.exr") == [f"anna.{n}.exr" for n in numbers]
    assert files(folder, "*.mp4") == ["anna.mp4"]
    with BakeReader.open(shot) as reader:
        camera = reader.card.camera.resized(48, 48)
    true = seen(shot, 103, camera)
    assert 0.2 < true.alpha.max() <= 1
    rgba = np.asarray(Image.open(folder / "anna.0103.png")).astype(float) / 255
    np.testing.assert_allclose(rgba[..., 3], true.alpha, atol=0.5 / 255 + 1e-6)
    solid = true.alpha > 0.1
    straight = true.color[solid] / true.alpha[solid][:, None]
    np.testing.assert_allclose(rgba[solid][:, :3], np.clip(straight, 0, 1), atol=0.5 / 255 + 1e-6)
    channels, header = read_exr(folder / "anna.0103.exr")
    light = np.stack([channels[f"ViewLayer.Combined.{c}"] for c in "RGB"], -1).astype(np.float32)
    np.testing.assert_allclose(light, display_to_scene_linear(true.color, true.alpha), rtol=1e-3, atol=1e-5)
    depth = channels["ViewLayer.Depth.Z"]
    np.testing.assert_allclose(depth[solid], true.depth_expected[solid], rtol=1e-6)
    assert (depth[true.alpha == 0] == np.float32(1e10)).all()
    assert header["framesPerSecond"] == Fraction(24000, 1001)


def test_a_second_run_makes_only_what_lacks_or_changed(job, tmp_path):
    done(job)
    folder = tmp_path / "plates"
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}

    def touched():
        now = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
        changed = sorted(n for n in now if now[n] != before.get(n) and not n.endswith(".txt"))
        before.update(now)
        return changed

    assert done(job)[0]["rendered"] == 0
    assert touched() == []
    (folder / "anna.0101.png").unlink()
    (folder / "anna.mp4").unlink()
    assert done(job)[0]["rendered"] == 1
    assert touched() == ["anna.0101.png", "anna.mp4"]
    assert done(replace(job, png=False, movie=False, size=40))[0]["rendered"] == FRAMES
    assert touched() == [f"anna.{n:04d}.exr" for n in range(99, 107)]
    assert done(job)[0]["rendered"] == FRAMES, "the pictures of another size are not taken for finished"
    with open(folder / "anna.rendered.txt", "a") as ledger:
        ledger.write("\n3f torn by a ki")
    assert done(job)[0]["rendered"] == 0


def test_a_cancelled_run_keeps_its_pictures_and_leaves_no_half_movie(job, tmp_path):
    events = render(job)
    while not (isinstance(event := next(events), Progress) and event.done == 3):
        pass
    events.close()
    folder = tmp_path / "plates"
    assert files(folder) == [
        "anna.0099.exr",
        "anna.0099.png",
        "anna.0100.exr",
        "anna.0100.png",
        "anna.0101.exr",
        "anna.0101.png",
        "anna.rendered.txt",
    ]
    result, _ = done(job)
    assert result["rendered"] == FRAMES - 3
    with av.open(str(folder / "anna.mp4")) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == FRAMES


def test_a_camera_a_frame(job, shot):
    with BakeReader.open(shot) as reader:
        own = reader.card.camera.resized(32, 24)
    moving = tuple(replace(own, cx=own.cx + i) for i in range(FRAMES))
    done(replace(job, cameras=moving, movie=False, exr=False))
    rgba = np.asarray(Image.open(f"{job.out}/anna.0104.png"))
    np.testing.assert_allclose(rgba[..., 3] / 255, seen(shot, 104, moving[5]).alpha, atol=0.5 / 255 + 1e-6)
    short = replace(job, cameras=moving, movie=False, exr=False, first=104, last=105)
    assert done(short)[0]["rendered"] == 0, "a part of the shot sees through the same cameras"
    with pytest.raises(UserError, match="7 cameras do not fit 8 frames"):
        done(replace(job, cameras=moving[1:]))
    with pytest.raises(UserError, match="differ in size"):
        done(replace(job, cameras=(*moving[:-1], own.resized(9, 9))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"first": 3, "last": 5}, "99 to 106"),
        ({"first": 104, "last": 100}, "104 to 100"),
        ({"size": 0}, "size 0"),
        ({"png": False, "exr": False, "movie": False}, "nothing is to be rendered"),
        ({"exr_layout": "flame"}, "flame"),
        ({"space": "srgb"}, "srgb"),
        ({"audio": "nowhere.wav"}, "nowhere.wav"),
    ],
)
def test_impossible_wishes_are_refused_before_anything_is_written(job, tmp_path, change, said):
    with pytest.raises(UserError, match=said):
        done(replace(job, **change))
    assert not (tmp_path / "plates").exists()


def test_frames_that_are_not_baked_yet_are_named(tiny_head, voice, job, tmp_path):
    path = tmp_path / "part.bake"
    events = bake(Bake(str(tiny_head), str(voice), str(path)))
    while not (isinstance(event := next(events), Progress) and event.done == 4):
        pass
    events.close()
    with pytest.raises(UserError, match=r"25 of the 29 frames are not baked yet \(the first is 5\)"):
        done(replace(job, bake=str(path)))
    assert done(replace(job, bake=str(path), last=4, movie=False))[0]["frames"] == 4


def test_another_layout_or_space_writes_only_the_exrs_again(job, tmp_path):
    job = replace(job, movie=False)
    done(job)
    pngs = {path: path.stat().st_mtime_ns for path in Path(job.out).glob("*.png")}
    exr = sorted(Path(job.out).glob("*.exr"))[0]
    blender, header = read_exr(exr)
    assert header["colorInteropID"] == "lin_rec709_scene"
    done(replace(job, exr_layout="nuke", space="lin_ap1_scene"))
    nuke, header = read_exr(exr)
    assert header["colorInteropID"] == "lin_ap1_scene"
    assert {"R", "G", "B", "A", "depth.Z"} <= set(nuke)
    rec709, acescg = (
        np.stack([table[prefix + c] for c in "RGB"], -1).astype(float)
        for table, prefix in ((blender, "ViewLayer.Combined."), (nuke, ""))
    )
    assert np.abs(rec709 @ COLOUR_SPACES["lin_ap1_scene"].T - acescg).max() < 2e-3  # halves
    assert np.abs(rec709 - acescg).max() > 1e-2
    assert pngs == {path: path.stat().st_mtime_ns for path in Path(job.out).glob("*.png")}


def test_the_click_is_heard_where_it_is_seen(tiny_head, tmp_path):
    samples = np.zeros(2 * SOUND_RATE, np.float32)
    samples[SOUND_RATE] = 1.0  # 1 s into the sound
    write_wav(tmp_path / "click.wav", Sound(samples))
    path = str(tmp_path / "click.bake")
    for offset, first, heard in ((0.75, 1, 1.75), (-0.5, 1, 0.5), (0.75, 31, 0.5)):  # 30 frames at 24 are 1.25 s
        list(bake(Bake(str(tiny_head), str(tmp_path / "click.wav"), path, "24", 1, 50, offset)))
        done(Render(path, str(tmp_path), 16, first=first, last=50, png=False, exr=False))
        with av.open(str(tmp_path / "click.mp4")) as movie:
            assert movie.streams.video[0].average_rate == 24
            assert movie.streams.video[0].frames == 51 - first
            pieces = [(f.time, f.to_ndarray()[0], f.sample_rate) for f in movie.decode(audio=0)]
        time, piece, rate = max(pieces, key=lambda p: np.abs(p[1]).max())
        assert abs(time + np.abs(piece).argmax() / rate - heard) < 0.002


def test_a_sound_that_is_gone_or_changed_is_told(tiny_head, voice, tmp_path):
    write_wav(tmp_path / "v.wav", Sound(np.zeros(SOUND_RATE // 4, np.float32)))
    list(bake(Bake(str(tiny_head), str(tmp_path / "v.wav"), str(tmp_path / "s.bake"))))
    job = Render(str(tmp_path / "s.bake"), str(tmp_path / "p"), 16, png=False, exr=False)
    write_wav(tmp_path / "v.wav", Sound(np.ones(SOUND_RATE // 4, np.float32)))
    assert "changed" in done(job)[1][0]
    (tmp_path / "v.wav").unlink()
    assert "silent" in done(job)[1][0]
    with av.open(str(tmp_path / "p" / "s.mp4")) as movie:
        assert not movie.streams.audio
    assert done(replace(job, audio=str(voice)))[1] == []


def test_behind_the_head_is_grey_in_the_movie(job):
    away = Camera.looking_at([0, -1, 0], [0, -2, 0], 32, 32, 0.5)
    done(replace(job, cameras=(away,), png=False, exr=False))
    with av.open(f"{job.out}/anna.mp4") as movie:
        pixels = next(movie.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(pixels.astype(int) - 128).max() <= 2


def test_numbers_are_blenders():
    assert [numbered(n) for n in (1, 12345, -1, 0)] == ["0001", "12345", "-0001", "0000"]


def test_a_full_disk_ends_the_run_and_keeps_what_is_finished(job, tmp_path, monkeypatch):
    def full(path, *rest):
        if path.name == "anna.0102.exr":
            raise OSError(28, "No space left on device", str(path))
        return write_exr(path, *rest)

    monkeypatch.setattr("talksplat.core.baking.image_writer.write_exr", full)
    with pytest.raises(OSError, match=r"anna\.0102\.exr"):
        done(job)
    monkeypatch.undo()
    assert not files(tmp_path / "plates", "*.mp4")
    assert done(job)[0]["rendered"] <= FRAMES - 3
    assert len(files(tmp_path / "plates")) == 2 * FRAMES + 2
