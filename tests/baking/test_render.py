# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are the raster's, in each reader's colours; what is finished is not rendered again; sound and lips agree."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav
from talksplat.core.baking.bake import bake
from talksplat.core.baking.render import plan_frames, render
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.colour import COLOUR_SPACES
from talksplat.core.interchange.exr import write_exr
from talksplat.core.jobs import Bake, Render
from talksplat.core.jobs.events import Finished, Progress, Started, Warned
from talksplat.core.raster.held_view import HeldView
from talksplat.core.raster.rasterizer import rasterize

from ..interchange.float64_colour import scene_linear

FRAMES = 8


@pytest.fixture(scope="module")
def shot(tiny_head, voice, tmp_path_factory):
    """A bake of eight frames from frame 99, the sound half a second before the first."""
    path = tmp_path_factory.mktemp("shot") / "anna.bake"
    list(bake(Bake(str(tiny_head), str(voice), str(path), "24000/1001", 99, FRAMES, -0.5)))
    return path


@pytest.fixture
def job(shot, tmp_path):
    return Render(str(shot), str(tmp_path / "images"), 48, supersampling="off")


def finished(job):
    """The result and the warnings of a whole run."""
    events = list(render(job))
    assert isinstance(events[-1], Finished)
    return events[-1].result, [e.sentence for e in events if isinstance(e, Warned)]


def rasterized(shot, frame, camera):
    with BakeReader.open(shot) as reader:
        g = reader.canonical
        return rasterize(*reader.frame(frame), g.opacities, g.sh0, g.shN, camera, depth=True)


def files(folder, pattern="*"):
    return sorted(p.name for p in folder.glob(pattern))


def test_the_first_render_of_an_installation_says_that_it_compiles(job, monkeypatch):
    """The bar stood at 0 for a quarter of a minute."""
    from talksplat.core.baking import render_device as module

    compiled = []
    monkeypatch.setattr(module, "is_compiled", lambda: bool(compiled))
    monkeypatch.setattr(module, "compile_kernels", lambda backward: compiled.append(backward))
    for expected in (["Compiling", "Rendering"], ["Rendering"]):
        titles = [event.title.split()[0] for event in render(job) if isinstance(event, Started)]
        assert [title for title in titles if title != "Writing"] == expected
    assert compiled == [False]


@pytest.mark.parametrize("moving", [False, True])
def test_frames_rendered_together_are_those_rendered_alone(job, shot, tmp_path, monkeypatch, moving):
    """A camera that stands still draws only what has changed (raster/held_camera.py); one that moves, everything."""
    drawn, draw = [], HeldView.draw
    monkeypatch.setattr(HeldView, "draw", lambda view, scene: drawn.append(scene) or draw(view, scene))
    eyes = [np.array([0.01 * k * moving, -0.9, 0.0]) for k in range(FRAMES)]
    views = [Camera.looking_at(eye, np.zeros(3), 48, 40, 0.5) for eye in eyes]
    job = replace(job, cameras=tuple(views), passes=("beauty", "depth", "depth_median"), movie=False)
    finished(job)
    assert len(drawn) == (0 if moving else FRAMES - 1)
    for frame in (99, 103, 106):
        finished(replace(job, out=str(tmp_path / "alone"), frames=str(frame), cameras=(views[frame - 99],)))
    for path in sorted((tmp_path / "alone").glob("*.png")) + sorted((tmp_path / "alone").glob("*.exr")):
        assert path.read_bytes() == (tmp_path / "images" / path.name).read_bytes(), path.name


def test_png_and_exr_are_the_raster_through_the_heads_own_camera(job, shot, tmp_path, read_exr):
    result, warnings = finished(job)
    assert (result["frames"], result["rendered"], warnings) == (FRAMES, FRAMES, [])
    folder = tmp_path / "images"
    numbers = [f"{n:04d}" for n in range(99, 99 + FRAMES)]
    assert files(folder, "*.png") == [f"anna.{n}.png" for n in numbers]
    assert files(folder, "*.exr") == [f"anna.{n}.exr" for n in numbers]
    assert files(folder, "*.mp4") == ["anna.mp4"]
    with BakeReader.open(shot) as reader:
        camera = reader.card.camera.resized(48, 48)
    expected = rasterized(shot, 103, camera)
    assert 0.2 < expected.alpha.max() <= 1
    rgba = np.asarray(Image.open(folder / "anna.0103.png")).astype(float) / 255
    np.testing.assert_allclose(rgba[..., 3], expected.alpha, atol=0.5 / 255 + 1e-6)
    solid = expected.alpha > 0.1
    straight = expected.color[solid] / expected.alpha[solid][:, None]
    np.testing.assert_allclose(rgba[solid][:, :3], np.clip(straight, 0, 1), atol=0.5 / 255 + 1e-6)
    channels, header = read_exr(folder / "anna.0103.exr")
    light = np.stack([channels[f"ViewLayer.Combined.{c}"] for c in "RGB"], -1).astype(np.float32)
    np.testing.assert_allclose(light, scene_linear(expected.color, expected.alpha), rtol=1e-3, atol=1e-5)
    depth = channels["ViewLayer.Depth.Z"]
    np.testing.assert_allclose(depth[solid], expected.depth_expected[solid], rtol=1e-6)
    assert (depth[expected.alpha == 0] == np.float32(1e10)).all()
    assert header["framesPerSecond"] == Fraction(24000, 1001)


def test_a_second_run_renders_only_what_is_missing_or_changed(job, tmp_path):
    finished(job)
    folder = tmp_path / "images"
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}

    def changed_files():
        now = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
        changed = sorted(n for n in now if now[n] != before.get(n) and not n.endswith(".txt"))
        before.update(now)
        return changed

    assert finished(job)[0]["rendered"] == 0
    assert changed_files() == []
    (folder / "anna.0101.png").unlink()
    (folder / "anna.mp4").unlink()
    assert finished(job)[0]["rendered"] == 1
    assert changed_files() == ["anna.0101.png", "anna.mp4"]
    assert finished(replace(job, png=False, movie=False, size=40))[0]["rendered"] == FRAMES
    assert changed_files() == [f"anna.{n:04d}.exr" for n in range(99, 107)]
    assert finished(job)[0]["rendered"] == FRAMES, "the images of another size do not count as finished"
    with open(folder / "anna.rendered.txt", "a") as manifest:
        manifest.write("\n3f torn by a ki")
    assert finished(job)[0]["rendered"] == 0


def test_a_cancelled_run_keeps_its_images_and_leaves_no_partial_movie(job, tmp_path):
    events = render(job)
    while not (isinstance(event := next(events), Progress) and event.done == 3):
        pass
    events.close()
    folder = tmp_path / "images"
    assert files(folder) == [
        "anna.0099.exr",
        "anna.0099.png",
        "anna.0100.exr",
        "anna.0100.png",
        "anna.0101.exr",
        "anna.0101.png",
        "anna.rendered.txt",
        "lock",
    ]
    result, _ = finished(job)
    assert result["rendered"] == FRAMES - 3
    with av.open(str(folder / "anna.mp4")) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == FRAMES


def test_a_camera_a_frame(job, shot):
    with BakeReader.open(shot) as reader:
        own = reader.card.camera.resized(32, 24)
    moving = tuple(replace(own, cx=own.cx + i) for i in range(FRAMES))
    finished(replace(job, cameras=moving, movie=False, exr=False))
    rgba = np.asarray(Image.open(f"{job.out}/anna.0104.png"))
    np.testing.assert_allclose(rgba[..., 3] / 255, rasterized(shot, 104, moving[5]).alpha, atol=0.5 / 255 + 1e-6)
    short = replace(job, cameras=moving, movie=False, exr=False, first=104, last=105)
    assert finished(short)[0]["rendered"] == 0, "a part of the shot has the same cameras"
    with pytest.raises(UserError, match="7 cameras do not fit 8 frames"):
        finished(replace(job, cameras=moving[1:]))
    with pytest.raises(UserError, match="differ in size"):
        finished(replace(job, cameras=(*moving[:-1], own.resized(9, 9))))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"first": 3, "last": 5}, "99 to 106"),
        ({"frames": "99-107x2"}, "the shot holds 99 to 106"),
        ({"frames": "99", "last": 99}, "frames 99 and first or last say the same twice"),
        ({"frames": "99", "png": False, "exr": False}, "a movie has two frames or more"),
        ({"first": 104, "last": 100}, "104 to 100"),
        ({"size": 0}, "size 0"),
        ({"png": False, "exr": False, "movie": False}, "nothing to render"),
        ({"exr_layout": "flame"}, "flame"),
        ({"space": "srgb"}, "srgb"),
        ({"audio": "nowhere.wav"}, "nowhere.wav"),
        ({"passes": ("beauty", "soul")}, r"pass 'soul' is unknown; use beauty, depth, depth_median"),
        ({"passes": ()}, "at least one pass"),
    ],
)
def test_impossible_settings_are_an_error_before_anything_is_written(job, tmp_path, change, problem):
    with pytest.raises(UserError, match=problem):
        finished(replace(job, **change))
    assert not (tmp_path / "images").exists()


def test_frames_that_are_not_baked_yet_are_named(tiny_head, voice, job, tmp_path):
    path = tmp_path / "part.bake"
    events = bake(Bake(str(tiny_head), str(voice), str(path)))
    while not (isinstance(event := next(events), Progress) and event.done == 4):
        pass
    events.close()
    with pytest.raises(UserError, match=r"25 of the 29 frames are not baked yet \(the first is 5\)"):
        finished(replace(job, bake=str(path)))
    assert finished(replace(job, bake=str(path), last=4, movie=False))[0]["frames"] == 4


def test_another_layout_space_or_pass_writes_only_the_exrs_again(job, read_exr):
    job = replace(job, movie=False)
    finished(job)
    pngs = {path: path.stat().st_mtime_ns for path in Path(job.out).glob("*.png")}
    exr = sorted(Path(job.out).glob("*.exr"))[0]
    blender, header = read_exr(exr)
    assert header["colorInteropID"] == "lin_rec709_scene"
    finished(replace(job, exr_layout="nuke", space="lin_ap1_scene"))
    nuke, header = read_exr(exr)
    assert header["colorInteropID"] == "lin_ap1_scene"
    assert {"R", "G", "B", "A", "depth.Z"} <= set(nuke)
    rec709, acescg = (
        np.stack([table[prefix + c] for c in "RGB"], -1).astype(float)
        for table, prefix in ((blender, "ViewLayer.Combined."), (nuke, ""))
    )
    assert np.abs(rec709 @ COLOUR_SPACES["lin_ap1_scene"].T - acescg).max() < 2e-3  # halves
    assert np.abs(rec709 - acescg).max() > 1e-2
    finished(replace(job, exr_layout="nuke", passes=("depth",)))
    assert set(read_exr(exr)[0]) == {"depth.Z"}
    assert finished(replace(job, exr_layout="nuke", passes=("depth", "depth")))[0]["rendered"] == 0
    assert pngs == {path: path.stat().st_mtime_ns for path in Path(job.out).glob("*.png")}


def test_keys_are_those_of_0_1_0(tmp_path):
    """Keys that 0.1.0 wrote for its bake at 64 pixels, frame 1: the PNG's, and the EXR's in both layouts."""
    bake_file = Path(__file__).parents[1] / "fixtures" / "v0_1_0" / "tiny.bake"
    keys = {"blender": "eb42fd16d43308d1340d", "nuke": "539f184da4622530871e"}
    for layout, key in keys.items():
        job = Render(str(bake_file), str(tmp_path / layout), 64, first=1, last=1, exr_layout=layout, movie=False)
        job = replace(job, supersampling="off")
        with BakeReader.open(bake_file) as reader:
            assert plan_frames(job, reader)[0].keys == {"png": "40dc32caee5e2784e79b", "exr": key}


TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def test_the_camera_in_an_exr_is_of_blenders_world(job, shot, read_exr):
    """A moved, turned and scaled head: its images stay, and the EXR alone gives the scene's camera back."""
    head_to_world = np.eye(4)
    head_to_world[:3, :3], head_to_world[:3, 3] = TURN * 2.5, [1.0, -2.0, 0.5]
    world = Camera.looking_at([3.0, -6.0, 1.0], [1.0, -2.0, 0.5], 48, 32, 0.5)
    world = replace(world, fx=world.fx / 2)  # pixels twice as wide as high
    camera = replace(world, viewmat=(world.matrix @ head_to_world).tolist())
    rows = tuple(map(tuple, head_to_world.tolist()))
    finished(replace(job, cameras=(camera,), head_to_world=(rows,), movie=False))
    _, header = read_exr(Path(job.out) / "anna.0101.exr")
    assert header["pixelAspectRatio"] == pytest.approx(2.0)
    assert header["chromaticities"] == pytest.approx((0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))
    camera_to_world = np.linalg.inv(np.asarray(header["worldToCamera"], np.float64).T)
    blender = camera_to_world @ np.diag([1.0, 1.0, -1.0, 1.0])  # Blender's cameras look along -Z
    np.testing.assert_allclose(blender[:3, 3], [3.0, -6.0, 1.0], atol=1e-5)
    np.testing.assert_allclose(blender[:3, :3].T @ blender[:3, :3], np.eye(3), atol=1e-5)
    assert np.linalg.det(blender[:3, :3]) == pytest.approx(1.0, abs=1e-5)
    to_ndc = np.linalg.inv(np.asarray(header["worldToCamera"], np.float64)) @ np.asarray(header["worldToNDC"])
    assert to_ndc[1, 1] == pytest.approx(1 / np.tan(0.25), rel=1e-5), "the vertical field of view"
    assert finished(replace(job, cameras=(camera,), head_to_world=(rows,), movie=False))[0]["rendered"] == 0
    with pytest.raises(UserError, match="head_to_world must be 4x4"):
        finished(replace(job, cameras=(camera,), head_to_world=(rows[:3],)))


def test_a_blender_camera_rebuilt_from_an_exr_sees_the_same(job, read_exr):
    bpy = pytest.importorskip("bpy")
    mathutils = pytest.importorskip("mathutils")
    extras = pytest.importorskip("bpy_extras.object_utils")
    world = Camera.looking_at([3.0, -6.0, 1.0], [1.0, -2.0, 0.5], 48, 32, 0.5)
    finished(replace(job, cameras=(world,), movie=False, png=False))
    _, header = read_exr(Path(job.out) / "anna.0101.exr")
    to_camera, to_ndc = (np.asarray(header[name], np.float64) for name in ("worldToCamera", "worldToNDC"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 48, 32, 100
    eye = bpy.data.objects.new("rebuilt", bpy.data.cameras.new("rebuilt"))
    scene.collection.objects.link(eye)
    eye.data.sensor_fit = "VERTICAL"
    eye.data.angle = 2 * np.arctan(1 / (np.linalg.inv(to_camera) @ to_ndc)[1, 1])
    eye.matrix_world = mathutils.Matrix(np.linalg.inv(to_camera.T) @ np.diag([1.0, 1.0, -1.0, 1.0]))
    bpy.context.view_layer.update()
    points = np.array([1.0, -2.0, 0.5]) + np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    for point in points:
        seen = extras.world_to_camera_view(scene, eye, mathutils.Vector(point))
        x, y, z = (world.matrix @ [*point, 1.0])[:3]
        expected = (world.fx * x / z + world.cx) / 48, 1 - (world.fy * y / z + world.cy) / 32
        np.testing.assert_allclose(seen[:2], expected, atol=1e-4)


def test_a_truncated_image_is_rendered_again(job):
    finished(job)
    image = Path(job.out) / "anna.0101.exr"
    complete = image.read_bytes()
    image.write_bytes(complete[:-100])
    assert finished(job)[0]["rendered"] == 1
    assert image.read_bytes() == complete


def test_two_runs_into_one_folder_are_an_error(job):
    first = render(job)
    next(first)
    with pytest.raises(UserError, match="another process is writing to it"):
        finished(job)
    first.close()
    assert finished(job)[0]["frames"] == FRAMES


def test_the_click_is_where_the_bakes_offset_puts_it(tiny_head, tmp_path):
    samples = np.zeros(2 * SOUND_RATE, np.float32)
    samples[SOUND_RATE] = 1.0  # 1 s into the sound
    write_wav(tmp_path / "click.wav", Sound(samples))
    path = str(tmp_path / "click.bake")
    cases = ((0.75, "1-50", 1.75), (-0.5, "1-50", 0.5), (0.75, "31-50", 0.5), (0.75, "31-41x5,50", 0.5))
    for offset, frames, expected in cases:  # 30 frames at 24 are 1.25 s
        list(bake(Bake(str(tiny_head), str(tmp_path / "click.wav"), path, "24", 1, 50, offset)))
        result, _ = finished(Render(path, str(tmp_path), 16, frames=frames, png=False, exr=False))
        with av.open(result["movie"]) as movie:
            assert movie.streams.video[0].average_rate == 24
            assert movie.streams.video[0].frames == 51 - int(frames.split("-")[0])
            pieces = [(f.time, f.to_ndarray()[0], f.sample_rate) for f in movie.decode(audio=0)]
        time, piece, rate = max(pieces, key=lambda p: np.abs(p[1]).max())
        assert abs(time + np.abs(piece).argmax() / rate - expected) < 0.002


def test_a_sound_that_is_missing_or_changed_is_a_warning(tiny_head, voice, tmp_path):
    write_wav(tmp_path / "v.wav", Sound(np.zeros(SOUND_RATE // 4, np.float32)))
    list(bake(Bake(str(tiny_head), str(tmp_path / "v.wav"), str(tmp_path / "s.bake"))))
    job = Render(str(tmp_path / "s.bake"), str(tmp_path / "p"), 16, png=False, exr=False)
    write_wav(tmp_path / "v.wav", Sound(np.ones(SOUND_RATE // 4, np.float32)))
    assert "changed" in finished(job)[1][0]
    (tmp_path / "v.wav").unlink()
    assert "silent" in finished(job)[1][0]
    with av.open(str(tmp_path / "p" / "s.mp4")) as movie:
        assert not movie.streams.audio
    assert finished(replace(job, audio=str(voice)))[1] == []


def test_the_background_of_the_movie_is_grey(job):
    away = Camera.looking_at([0, -1, 0], [0, -2, 0], 32, 32, 0.5)
    finished(replace(job, cameras=(away,), png=False, exr=False))
    with av.open(f"{job.out}/anna.mp4") as movie:
        pixels = next(movie.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(pixels.astype(int) - 128).max() <= 2


def test_a_full_disk_ends_the_run_and_keeps_what_is_finished(job, tmp_path, monkeypatch):
    def full(path, *rest):
        if path.name == "anna.0102.exr":
            raise OSError(28, "No space left on device", str(path))
        return write_exr(path, *rest)

    monkeypatch.setattr("talksplat.core.baking.image_writer.write_exr", full)
    with pytest.raises(OSError, match=r"anna\.0102\.exr"):
        finished(job)
    monkeypatch.undo()
    assert not files(tmp_path / "images", "*.mp4")
    assert finished(job)[0]["rendered"] <= FRAMES - 3
    assert len(files(tmp_path / "images")) == 2 * FRAMES + 3, "the movie, the manifest and the lock"


def test_the_depth_comes_as_a_grey_picture_of_its_own_under_a_name_that_stays(job, shot, read_exr):
    """For Blender's compositor: a file of layers that is missing for one frame took its sockets and their links."""
    job = replace(job, png=False, movie=False, passes=("beauty",), exr_layout="nuke", depth_file="depth", name="head")
    assert finished(job)[0]["rendered"] == FRAMES
    assert "head.depth.0104.exr" in files(Path(job.out), "head.*")
    assert not files(Path(job.out), "anna*")
    channels, _ = read_exr(Path(job.out) / "head.depth.0104.exr")
    with BakeReader.open(shot) as reader:
        rendering = rasterized(shot, 104, reader.card.camera.resized(48, 48))
    seen = rendering.alpha > 0.01
    assert list(channels) == ["Y"]
    np.testing.assert_allclose(channels["Y"][seen], rendering.depth_expected[seen], rtol=1e-6)
    assert sorted(read_exr(Path(job.out) / "head.0104.exr")[0]) == ["A", "B", "G", "R"]
    assert finished(job)[0]["rendered"] == 0
    for wrong in ({"depth_file": "fog"}, {"name": "../head"}):
        with pytest.raises(UserError):
            finished(replace(job, **wrong))


def test_a_render_region_leaves_the_rest_of_the_picture_empty(job, shot, read_exr):
    job = replace(job, png=False, movie=False, frames="104")
    finished(job)
    whole, _ = read_exr(Path(job.out) / "anna.0104.exr")
    finished(replace(job, region=(10, 12, 30, 25)))
    part, _ = read_exr(Path(job.out) / "anna.0104.exr")
    alpha = "ViewLayer.Combined.A"
    np.testing.assert_array_equal(part[alpha][12:25, 10:30], whole[alpha][12:25, 10:30])
    assert part[alpha].sum() == part[alpha][12:25, 10:30].sum() > 0
    with pytest.raises(UserError, match="region"):
        finished(replace(job, region=(3, 2, 1, 0)))
