# SPDX-License-Identifier: GPL-3.0-or-later
"""A render with further passes: motion at the ends of a shot, what is made again and what is not, a region."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.baking.passes import PASSES
from talksplat.core.baking.render import plan_frames, render
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.file_manifest import content_key
from talksplat.core.jobs import DEFAULT_PASSES, Render

FIRST, COUNT, SIZE, DEGREE = 10, 4, 40, 1
STEP = 0.01  # metres that the head moves to the right in a frame
VIEW = Camera.looking_at([0, -1, 0], [0, 0, 0], SIZE, SIZE, 0.5)


@pytest.fixture
def card():
    return BakeCard("v001", Fraction(24), FIRST, COUNT, DEGREE, "hash", "", head="../heads/anna.head")


@pytest.fixture
def bake(make, card, tmp_path):
    """A head that moves on; `bake(frames)` stores these, numbered as in the shot."""
    g, path = make.gaussians(80), tmp_path / "shot.bake"
    branch = (np.arange(80) % 3 == 0).astype(np.uint8)

    def store(frames):
        with BakeWriter.open(path, card, g, branch) as writer:
            for number in frames:
                writer.append(number, g.means + np.float32([STEP * number, 0, 0]), g.quats, g.scales)
        return path

    return store


def job_of(path, **changes):
    out = path.with_suffix("")
    return replace(
        Render(str(path), str(out), cameras=(VIEW,), png=False, movie=False, passes=tuple(PASSES)), **changes
    )


def vectors(job, frame, read_exr):
    list(render(job))
    channels = read_exr(f"{job.out}/shot.{frame:04d}.exr")[0]
    alpha = channels["ViewLayer.Combined.A"]
    return {c: channels[f"ViewLayer.Vector.{c}"][alpha > 0.3] for c in "XYZW"}


def following(frame):
    """A camera that moves with the head."""
    return Camera.looking_at([STEP * frame, -1, 0], [STEP * frame, 0, 0], SIZE, SIZE, 0.5)


def test_the_head_stands_still_before_its_first_and_after_its_last_frame(bake, read_exr):
    job = job_of(bake(range(FIRST, FIRST + COUNT)), frames="10,12-13")
    pixels = STEP * VIEW.fx
    for frame, back, on in ((10, 0, 1), (12, 1, 1), (13, 1, 0)):
        moved = vectors(job, frame, read_exr)
        np.testing.assert_allclose(np.median(moved["X"]), -back * pixels, rtol=0.2, atol=1e-6)
        np.testing.assert_allclose(np.median(moved["Z"]), -on * pixels, rtol=0.2, atol=1e-6)
        assert np.abs(moved["Y"]).max() < 1e-4
        assert np.abs(moved["W"]).max() < 1e-4


def test_the_camera_moves_on_where_the_shot_ends(bake, read_exr):
    """As in Blender, where nothing but a cache ends with the shot."""
    frames = range(FIRST - 1, FIRST + 2)
    job = job_of(bake(range(FIRST, FIRST + COUNT)), cameras=tuple(map(following, frames)), frames="10")
    moved = vectors(replace(job, with_neighbours=True), 10, read_exr)
    np.testing.assert_allclose(np.median(moved["X"]), STEP * VIEW.fx, rtol=0.2)
    assert np.abs(moved["Z"]).max() < 0.05, "the head and the camera together"


def test_what_a_file_depends_on_is_in_its_key_and_nothing_else(bake, card):
    path = bake([FIRST, FIRST + 1])

    def key(frame=FIRST + 1, **changes):
        with BakeReader.open(path) as reader:
            return {f.frame: f for f in plan_frames(job_of(path, frames=f"10-{frame}", **changes), reader)}[frame]

    default, vector, named = key(passes=DEFAULT_PASSES), key(passes=("vector",)), key(passes=("cryptomatte",))
    assert default.keys["exr"] == content_key(default.pixels_key, "blender", "lin_rec709_scene"), "as in 0.1.0"
    bake([FIRST + 2])
    assert key(passes=DEFAULT_PASSES).keys == default.keys
    assert key(passes=("cryptomatte",)).keys == named.keys
    assert key(passes=("vector",)).keys != vector.keys, "the frame that it moves to is there now"


def test_all_passes_of_frames_together_are_those_of_each_alone(bake, tmp_path):
    job = job_of(bake(range(FIRST, FIRST + COUNT)))
    list(render(job))
    for frame in range(FIRST, FIRST + COUNT):
        list(render(replace(job, out=str(tmp_path / "alone"), frames=str(frame))))
        name = f"shot.{frame:04d}.exr"
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "shot" / name).read_bytes()


def test_mattes_add_up_to_alpha_inside_a_region_and_are_empty_outside(bake, read_exr):
    job = job_of(bake([FIRST]), frames="10", region=(10, 5, 30, 25))
    list(render(job))
    channels, header = read_exr(f"{job.out}/shot.0010.exr")
    face, mouth, alpha = (channels[f"ViewLayer.{n}.A"] for n in ("MatteFace", "MatteMouth", "Combined"))
    assert face.max() > 0.1 < mouth.max()
    np.testing.assert_allclose(face + mouth, alpha, atol=1e-3)  # alpha is half
    outside = np.ones((SIZE, SIZE), bool)
    outside[5:25, 10:30] = False
    for name in [n for n in channels if "Depth" not in n]:
        assert not channels[name][outside].any(), name
    assert '"anna"' in next(v for k, v in header.items() if k.endswith("manifest") and "face" not in v)
