# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion blur by sub-frames: what a film would have seen while the shutter was open, of a ball of Gaussians whose way
is known, and of a head in a shot."""

import json
import math
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.baking import motion_blur
from talksplat.core.baking.bake import bake
from talksplat.core.baking.between_frames import BetweenFrames
from talksplat.core.baking.exposure import exposures_of
from talksplat.core.baking.farm.do import do
from talksplat.core.baking.frame_renderer import FrameRenderer
from talksplat.core.baking.passes import PASSES
from talksplat.core.baking.render import plan_frames, render
from talksplat.core.baking.render_device import RenderDevice
from talksplat.core.formats import BakeCard, BakeReader, BakeWriter, Camera, Gaussians, UserError, srgb_to_linear
from talksplat.core.jobs import Bake, Do, Render, read_job_file, shutter_times, write_job_file
from talksplat.core.raster import rasterize

from .test_passes_in_blender import ball_of_gaussians, camera_at, run_blender

STEP = 0.012  # metres that the ball moves from frame to frame: 6 pixels
VIEW = Camera(96, 64, 500, 500, 48, 32, ((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 1), (0, 0, 0, 1)), "orthographic")
FRAMES = range(1, 8)


def ball(count=400):
    """Of one colour, so that its light is where its alpha is."""
    rng = np.random.default_rng(0)
    means = rng.normal(0, 0.01, (count, 3)).astype(np.float32)
    ones = np.ones((count, 3), np.float32)
    quats = np.tile(np.float32([1, 0, 0, 0]), (count, 1))
    return Gaussians(means, quats, 0.003 * ones, 0.7 * ones[:, 0], 0.9 * ones, np.zeros((count, 0, 3), np.float32))


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    """The ball on its straight way, at x = 0 in frame 4; of blend display."""
    return write_ball(tmp_path_factory.mktemp("ball") / "ball.bake", STEP)


def write_ball(path, step):
    g = ball()
    with BakeWriter.open(
        path, BakeCard("shot", Fraction(24), 1, 7, 0, "h", ""), g, np.zeros(len(g.means), np.uint8)
    ) as w:
        for number in FRAMES:
            w.append(number, g.means + np.float32([step * (number - 4), 0, 0]), g.quats, g.scales)
        w.finish()
    return path


def drawn(path, frame=4, **options):
    """(the picture of a frame with motion blur, how many pictures were drawn for it)."""
    device = RenderDevice("cpu")
    list(device.prepare())
    job = Render(
        str(path),
        "o",
        **{"motion_blur": True, "cameras": (VIEW,), "frames": str(frame), "supersampling": "off"} | options,
    )
    count, draw = [], device.draw

    def counted(*arguments, **named):
        count.append(1)
        return draw(*arguments, **named)

    device.draw = counted
    with BakeReader.open(path) as reader:
        (files,) = plan_frames(job, reader)
        return returned(FrameRenderer([reader], job, device).draw(files)), len(count)


def returned(generator):
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def light_of(picture):
    alpha = picture.alpha[..., None]
    straight = np.divide(picture.color, alpha, out=np.zeros_like(picture.color), where=alpha > 1e-4)
    return picture.color if picture.blend == "linear" else srgb_to_linear(straight) * alpha


def film(shares, view=lambda share: VIEW, step=STEP):
    """(light, alpha) of the ball that is moved exactly, the average over moments of the frame."""
    g, lights, alphas = ball(), [], []
    for share in shares:
        means = g.means + np.float32([step * share, 0, 0])
        picture = rasterize(means, g.quats, g.scales, g.opacities, g.sh0, g.shN, view(share))
        lights.append(light_of(picture))
        alphas.append(picture.alpha)
    return np.mean(lights, axis=0), np.mean(alphas, axis=0)


def middles(opens, closes, count=256):
    return opens + (np.arange(count) + 0.5) / count * (closes - opens)


def centroid(picture):
    return float((picture.alpha.sum(0) * np.arange(VIEW.width)).sum() / picture.alpha.sum())


@pytest.mark.parametrize("position", ["start", "center", "end"])
@pytest.mark.parametrize("shutter", [0.5, 1.0])
def test_a_ball_on_a_straight_way_leaves_the_streak_of_its_integral(moving, shutter, position):
    opens, _, closes = shutter_times(shutter, position)
    picture, count = drawn(moving, shutter=shutter, shutter_position=position)
    light, alpha = film(middles(opens, closes))
    assert np.abs(picture.alpha - alpha).max() < 0.01
    assert np.abs(picture.color - light).max() < 0.01
    assert picture.blend == "linear"
    assert count - 500 * STEP * shutter in (0, 1), "a step is a pixel"


def test_the_streak_lies_where_the_shutter_is_open(moving):
    still = drawn(moving, motion_blur=False)[0]
    for position, way in (("start", 0.25), ("center", 0.0), ("end", -0.25)):
        shift = centroid(drawn(moving, shutter_position=position)[0]) - centroid(still)
        assert shift == pytest.approx(way * STEP * 500, abs=0.02)


def test_a_shutter_that_closes_slowly_weighs_the_beginning(moving):
    """Of a curve from 1 to 0 the middle of the light is a third of the way."""
    even = centroid(drawn(moving, motion_samples=64)[0])
    falling = centroid(drawn(moving, motion_samples=64, shutter_curve=(1.0, 0.0))[0])
    assert falling - even == pytest.approx(-0.5 * STEP * 500 / 6, rel=0.01)


def test_blur_moves_light_and_keeps_it(moving):
    still, (blurred, _) = drawn(moving, motion_blur=False)[0], drawn(moving, shutter=1.0)
    assert blurred.alpha.sum() == pytest.approx(still.alpha.sum(), rel=2e-3)
    assert blurred.color.sum() == pytest.approx(light_of(still).sum(), rel=2e-3)
    assert (blurred.alpha**2).sum() < 0.98 * (still.alpha**2).sum()


@pytest.mark.parametrize("position", ["start", "center", "end"])
def test_a_head_that_stands_still_costs_one_picture_and_is_the_one_without_blur(tmp_path, position):
    path = write_ball(tmp_path / "still.bake", 0.0)
    (picture, count), (plain, _) = drawn(path, shutter_position=position), drawn(path, motion_blur=False)
    assert count == 1
    for name in ("color", "alpha"):
        assert np.array_equal(getattr(picture, name), getattr(plain, name))
    assert picture.blend == "display"


def test_without_blur_images_keep_their_bytes_and_their_keys(moving, tmp_path):
    """Also with a shutter that never opens: nothing is rendered again."""
    job = Render(str(moving), str(tmp_path), cameras=(VIEW,), frames="3-5", movie=False)
    list(render(job))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    *_, last = render(replace(job, motion_blur=True, shutter=0.0))
    assert last.result["rendered"] == 0
    for same in (replace(job, shutter=0.25, shutter_position="end"), replace(job, motion_blur=True, shutter=0.0)):
        with BakeReader.open(moving) as reader:
            assert [f.keys for f in plan_frames(same, reader)] == [f.keys for f in plan_frames(job, reader)]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    *_, last = render(replace(job, motion_blur=True))
    assert last.result["rendered"] == 3


def test_a_frame_is_made_again_when_the_frames_it_blends_are_baked_later(tmp_path):
    g, path = ball(), tmp_path / "part.bake"
    job = Render(str(path), str(tmp_path / "o"), cameras=(VIEW,), frames="4", movie=False, exr=False, motion_blur=True)
    with BakeWriter.open(path, BakeCard("shot", Fraction(24), 1, 7, 0, "h", ""), g, np.zeros(400, np.uint8)) as writer:
        for number, rendered in ((4, 1), (7, 0), (5, 1), (3, 1)):
            writer.append(number, g.means + np.float32([STEP * number, 0, 0]), g.quats, g.scales)
            *_, last = render(job)
            assert last.result["rendered"] == rendered, f"after frame {number}"


def turned(degrees):
    """A camera half a metre away that pans."""
    a = math.radians(degrees)
    pan = np.array([[math.cos(a), 0, math.sin(a), 0], [0, 1, 0, 0], [-math.sin(a), 0, math.cos(a), 0], [0, 0, 0, 1]])
    view = np.array(VIEW.viewmat)
    view[2, 3] = 0.5
    return replace(VIEW, kind="perspective", fx=400.0, fy=400.0, viewmat=(pan @ view).tolist())


def test_a_camera_that_pans_blurs_what_stands_still(tmp_path):
    path = write_ball(tmp_path / "still.bake", 0.0)
    cameras = tuple(turned(way) for way in (-1.5, 0, 1.5))
    picture, count = drawn(path, cameras=cameras[1:2], shutter_cameras=(cameras,))
    light, alpha = film(middles(-1.5, 1.5), turned, step=0.0)
    assert np.abs(picture.color - light).max() < 0.01
    assert np.abs(picture.alpha - alpha).max() < 0.01
    assert 20 < count < 24
    beside = tuple(turned(way) for way in (-6, 0, 6))  # a job without them: what the frames beside say
    again, _ = drawn(path, cameras=beside, with_neighbours=True)
    assert np.abs(again.color - picture.color).max() < 0.002


def test_between_its_keys_a_camera_is_where_it_was(moving):
    """A pan by 6 degrees: 0.03 pixels of a picture 1920 wide with a lens of 50 mm."""
    keys = tuple(turned(way) for way in (-3, 0, 3))
    job = Render("b", "o", motion_blur=True, shutter_cameras=(keys,))
    with BakeReader.open(moving) as reader:
        exposure = exposures_of(job, reader, [4], {4: keys[1]})[4]
    assert exposure is not None
    point = np.array([0.01, 0.02, -0.01, 1])
    for time in np.linspace(-0.25, 0.25, 9):
        x, y, z, _ = exposure.camera_at(time).matrix @ point
        u, v, w, _ = turned(12 * time).matrix @ point
        assert np.abs(np.array([x / z - u / w, y / z - v / w])).max() * 1920 * 50 / 36 < 0.03
    np.testing.assert_allclose(exposure.camera_at(0.0).matrix, keys[1].matrix, atol=1e-12)


def test_between_frames_a_straight_way_is_straight_and_a_sign_of_a_quaternion_is_no_turn(tmp_path):
    g, path = ball(), tmp_path / "a.bake"
    turn = lambda a: np.tile(np.float32([math.cos(a / 2), 0, 0, math.sin(a / 2)]), (400, 1))  # noqa: E731
    with BakeWriter.open(path, BakeCard("shot", Fraction(24), 1, 7, 0, "h", ""), g, np.zeros(400, np.uint8)) as writer:
        for n in FRAMES:
            way = np.float32([0.01 * n, 0, 0])
            writer.append(n, g.means + way, (-1) ** n * turn(0.1 * n), g.scales * np.float32(1.1**n))
    with BakeReader.open(path) as reader:
        between = BetweenFrames(reader)
        between.around(4, range(-2, 3))
        means, quats, scales = between.at(-0.25)
        assert np.array_equal(between.at(0.0)[0], reader.frame(4)[0]), "a frame's own time is the frame"
        between.around(6, range(-2, 3))
        np.testing.assert_allclose(between.at(0.4)[0], g.means + np.float32([0.064, 0, 0]), atol=3e-6)
        between.around(7, range(-2, 3))
        assert np.array_equal(between.at(0.25)[0], reader.frame(7)[0]), "after the last it holds still"
    np.testing.assert_allclose(means, g.means + np.float32([0.0375, 0, 0]), atol=3e-6)
    np.testing.assert_allclose(np.abs((quats * turn(0.375)).sum(1)), 1, atol=1e-6)
    np.testing.assert_allclose(scales, g.scales * 1.1**3.75, rtol=2e-3)


def test_further_passes_are_of_the_frame_and_lie_wherever_its_colours_are(moving):
    names = tuple(PASSES)
    (picture, _), (still, _) = drawn(moving, passes=names), drawn(moving, passes=names, motion_blur=False)
    columns = {name: i for i, name in enumerate(("normal_x", "normal_y", "normal_z", "u", "v"))}
    seen = picture.alpha > 1e-3
    assert (picture.depth_expected[seen] > 0).all()
    np.testing.assert_allclose(picture.depth_expected[seen], 1, atol=0.05)
    assert (picture.depth_median[picture.alpha <= 0.5] == 0).all()
    both = (picture.depth_median > 0) & (still.depth_median > 0)
    assert both.sum() > 100
    assert np.mean(picture.depth_median[both] == still.depth_median[both]) > 0.5, "the frame's own moment is the first"
    vector = picture.extra[seen][:, columns["u"]] / picture.alpha[seen]
    np.testing.assert_allclose(vector, -6, atol=0.05)
    np.testing.assert_allclose(picture.extra[..., -2:].sum(-1), picture.alpha, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shutter": -0.1}, "shutter"),
        ({"shutter": math.nan}, "shutter"),
        ({"shutter": 5.0}, "shutter"),
        ({"shutter_position": "before"}, "shutter_position"),
        ({"motion_samples": -1}, "samples"),
        ({"motion_samples": 1 << 30}, "samples"),
        ({"shutter_curve": (1.0,)}, "curve"),
        ({"shutter_curve": (0.0, 0.0)}, "curve"),
        ({"shutter_curve": (1.0, -1.0)}, "curve"),
        ({"shutter_curve": (1.0, math.inf)}, "curve"),
        ({"shutter_cameras": ((VIEW,),)}, "three cameras"),
        ({"shutter_cameras": ((VIEW, VIEW, VIEW.resized(8, 8)),)}, "three cameras"),
        ({"shutter_cameras": ((), ())}, "rows"),
    ],
)
def test_what_no_shutter_is_ends_in_a_sentence(moving, options, says):
    with pytest.raises(UserError, match=says):
        drawn(moving, **options)


def test_a_farms_blurred_frames_are_those_of_one_desk(tiny_head, voice, tmp_path):
    """Each frame by a process that has baked that frame and what its sub-frames need, and no other."""
    keys = [turned(0.5 * k) for k in range(11)]
    cameras = tuple(keys[1::2])
    rendered = Render(
        "", "", cameras=cameras, shutter_cameras=tuple(zip(keys[:-1:2], keys[1::2], keys[2::2])), motion_blur=True,
        shutter=0.8, png=False, movie=False, device="cpu",
    )  # fmt: skip
    job = write_job_file(tmp_path / "farm", "sh010", Bake(str(tiny_head), str(voice), "", "24", 1, 5), rendered)
    desk = read_job_file(shutil.copytree(job.parent, tmp_path / "desk") / job.name)
    list(bake(desk.bake))
    list(render(desk.render))
    for frame in (3, 1, 5, 2, 4):
        list(do(Do(str(job), first=frame, last=frame)))
    for theirs in sorted(Path(desk.render.out).glob("*.exr")):
        assert (job.parent / "sh010" / theirs.name).read_bytes() == theirs.read_bytes(), theirs.name
    *_, last = render(read_job_file(job).render)
    assert last.result["rendered"] == 0
    assert last.result["frames"] == 5


@pytest.mark.bpy
@pytest.mark.parametrize("position", ["CENTER", "START"])
def test_the_streak_is_that_of_cycles(tmp_path, position):
    """Blender's own ball and a ball of Gaussians on the same way, by the same shutter: alpha along the streak."""
    pytest.importorskip("bpy")
    places = [[0.18, 0.0, 0.1], [0.3, 0.0, 0.1], [0.42, 0.0, 0.1]]
    eye, g = [0.3, -0.8, 0.1], ball_of_gaussians()
    run_blender(
        "render_ball.py",
        tmp_path / "own.exr",
        json.dumps({4 + i: [place, eye] for i, place in enumerate(places)}),
        json.dumps([0.5, position]),
    )
    size = np.float32(1.5 * 0.944)  # a splat is not a point: so the two cover the same area
    g = replace(g, means=g.means * size, scales=g.scales * size)
    with BakeWriter.open(
        tmp_path / "a.bake", BakeCard("a", Fraction(24), 4, 3, 0, "h", ""), g, np.zeros(len(g.means), np.uint8)
    ) as writer:
        for number, place in zip((4, 5, 6), places):
            writer.append(number, g.means + np.float32(place), g.quats, g.scales)
    camera = camera_at(np.array(eye), np.eye(4))
    picture, count = drawn(tmp_path / "a.bake", 5, cameras=(camera,), shutter_position=position.lower())
    own = own_alpha(tmp_path / "own.exr")
    assert count > 10
    for mine, theirs in zip(picture.alpha[[64, 50, 84]], own[[64, 50, 84]]):
        assert np.abs(mine - theirs).mean() < 0.01
        assert np.abs(mine - theirs).max() < 0.06
        assert ((theirs > 0.05) & (theirs < 0.95)).sum() > 20, "there is a streak"


def own_alpha(path):
    from .conftest import channels_and_header

    return channels_and_header(path)[0]["ViewLayer.Combined.A"]


def test_the_most_sub_frames_bound_a_whip_pan(tmp_path, monkeypatch):
    path = write_ball(tmp_path / "still.bake", 0.0)
    monkeypatch.setattr(motion_blur, "MOST_SUB_FRAMES", 5)
    assert drawn(path, shutter_cameras=(tuple(map(turned, (-5, 0, 5))),), cameras=(turned(0),))[1] == 5
    away = turned(90)  # the head is not in the picture
    assert drawn(path, shutter_cameras=((turned(85), away, turned(95)),), cameras=(away,))[1] == 1
