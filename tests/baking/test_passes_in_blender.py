# SPDX-License-Identifier: GPL-3.0-or-later
"""A ball of Gaussians beside Blender's own ball that moves in the same way: equal passes, in sign, unit and scale; and
Blender's compositor gets every number of ours as it is. Blender runs in a process of its own: bpy keeps what it loads.
"""

import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.baking.passes import PASSES
from talksplat.core.baking.render import render
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.gaussians import Gaussians
from talksplat.core.jobs import Render

from .render_ball import LENS, RADIUS, SIZE

pytestmark = pytest.mark.bpy
COUNT, SCALE = 30_000, 1.5  # Gaussians; of the head's object
FRAMES = (4, 5, 6)
# World: the ball comes from the left and goes on to the right, upwards and away; the camera moves once.
BALL = np.array([[0.29, 0.2, 0.1], [0.3, 0.2, 0.1], [0.32, 0.23, 0.11]])
CAMERA = np.array([[0.3, -0.8, 0.12], [0.304, -0.8, 0.12], [0.304, -0.8, 0.12]])


def head_to_world(place):
    turn = math.radians(30)
    matrix = np.eye(4)
    matrix[:3, :3] = SCALE * np.array([
        [math.cos(turn), -math.sin(turn), 0],
        [math.sin(turn), math.cos(turn), 0],
        [0, 0, 1],
    ])  # fmt: skip
    matrix[:3, 3] = place
    return matrix


def camera_at(eye, to_world):
    """Blender's, which looks along +Y."""
    focal = LENS / 36 * SIZE[0]
    view = np.eye(4)
    view[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    view[:3, 3] = -view[:3, :3] @ eye
    return Camera(*SIZE, focal, focal, SIZE[0] / 2, SIZE[1] / 2, (view @ to_world).tolist())


def ball_of_gaussians():
    """On a Fibonacci spiral, discs on the sphere, every second one of the face."""
    i = np.arange(COUNT) + 0.5
    z, turn = 1 - 2 * i / COUNT, math.pi * (1 + math.sqrt(5)) * i
    places = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], 1)
    quats = np.tile(np.float32([1, 0, 0, 0]), (COUNT, 1))
    scales = np.full((COUNT, 3), 0.0015 / SCALE, np.float32)
    means = (places * RADIUS / SCALE).astype(np.float32)
    return Gaussians(
        means, quats, scales, np.full(COUNT, 0.9, np.float32), means * 3, np.zeros((COUNT, 0, 3), np.float32)
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Layout -> the EXR of frame 5. The ball moves by half in its bake, by half with its object."""
    folder, g = tmp_path_factory.mktemp("ball"), ball_of_gaussians()
    card = BakeCard("shot", Fraction(24), 4, 3, 0, "h", "", head="heads/ball.head")
    halves = [head_to_world(BALL[1] + (place - BALL[1]) / 2) for place in BALL]
    with BakeWriter.open(folder / "a.bake", card, g, (np.arange(COUNT) % 2).astype(np.uint8)) as writer:
        for number, place in zip(FRAMES, BALL):
            moved = np.linalg.inv(head_to_world(np.zeros(3)))[:3, :3] @ ((place - BALL[1]) / 2)
            writer.append(number, g.means + moved.astype(np.float32), g.quats, g.scales)
        writer.finish()
    cameras = tuple(camera_at(eye, half) for eye, half in zip(CAMERA, halves))
    worlds = tuple(tuple(map(tuple, half.tolist())) for half in halves)
    job = Render(
        str(folder / "a.bake"), "", cameras=cameras, head_to_world=worlds, with_neighbours=True, frames="5",
        png=False, movie=False, passes=tuple(PASSES),
    )  # fmt: skip
    for layout in ("blender", "nuke"):
        list(render(Render(**{**vars(job), "out": str(folder / layout), "exr_layout": layout})))
    return {layout: folder / layout / "a.0005.exr" for layout in ("blender", "nuke")}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    pytest.importorskip("bpy")
    path = tmp_path_factory.mktemp("own") / "own.exr"
    places = {frame: [list(ball), list(eye)] for frame, ball, eye in zip(FRAMES, BALL, CAMERA)}
    run_blender("render_ball.py", path, json.dumps(places))
    return path


def run_blender(script, *arguments):
    command = [sys.executable, str(Path(__file__).parent / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def both(name, letters, ours, theirs, read_exr):
    """Our pass and Blender's, [pixels,C], where both balls cover the whole pixel."""
    mine, own = read_exr(ours["blender"])[0], read_exr(theirs)[0]
    inside = (mine["ViewLayer.Combined.A"] > 0.98) & (own["ViewLayer.Combined.A"] > 0.999)
    assert inside.sum() > 1500
    return [np.stack([f[f"ViewLayer.{name}.{c}"][inside] for c in letters], -1) for f in (mine, own)]


def test_vector_has_blenders_signs_and_pixels(ours, theirs, read_exr):
    mine, own = both("Vector", "XYZW", ours, theirs, read_exr)
    assert (np.abs(own).mean(axis=0)[[0, 2, 3]] > 1).all(), "there is motion to be compared"
    np.testing.assert_allclose(mine, own, atol=0.03 * np.abs(own).max())  # a nearer splat of the slope moves further
    np.testing.assert_allclose(mine.mean(axis=0), own.mean(axis=0), rtol=0.01, atol=1e-6)


def test_position_is_in_metres_of_the_world(ours, theirs, read_exr):
    """A splat is a disc of a pixel's width or more at one depth: at a slope the nearer one wins."""
    mine, own = both("Position", "XYZ", ours, theirs, read_exr)
    distance = np.linalg.norm(mine - own, axis=1)
    assert np.median(distance) < 0.004
    assert distance.max() < 0.03
    assert np.abs((mine - own)[:, [0, 2]]).max() < 0.006, "across the view"


def test_normal_is_of_length_one_and_faces_as_blenders(ours, theirs, read_exr):
    mine, own = both("Normal", "XYZ", ours, theirs, read_exr)
    np.testing.assert_allclose(np.linalg.norm(mine, axis=1), 1, atol=1e-5)
    angle = np.degrees(np.arccos(np.clip((mine * own).sum(axis=1) / np.linalg.norm(own, axis=1), -1, 1)))
    assert np.median(angle) < 4
    assert np.quantile(angle, 0.95) < 12


def test_cryptomatte_says_what_blenders_own_says(ours, theirs, read_exr):
    """The keys of the header, the layer's ID and the way a name is hashed."""
    mine, own = ({k: v for k, v in read_exr(p)[1].items() if "crypto" in k} for p in (ours["blender"], theirs))
    (key,) = {name.rpartition("/")[0] for name in own}
    for name in ("name", "hash", "conversion"):
        assert mine[f"{key}/{name}"] == own[f"{key}/{name}"]
    assert list(json.loads(mine[f"{key}/manifest"])) == ["ball"]


@pytest.mark.parametrize("layout", ["blender", "nuke"])
def test_blenders_compositor_gets_every_number_as_it_is(ours, layout, read_exr, tmp_path):
    pytest.importorskip("bpy")
    run_blender("open_in_compositor.py", ours[layout], tmp_path, *SIZE)
    file = read_exr(ours[layout])[0]
    for row in PASSES.values():
        for layer in row.layers_in(layout):
            name = layer.name.removeprefix("ViewLayer.") or "Combined"
            got = read_exr(tmp_path / f"{name}.exr")[0]
            for letter, channel in zip(layer.letters, "RGBA"):
                stored = file[f"{layer.name}.{letter}".lstrip(".")]
                assert np.array_equal(got[channel], stored), f"{name}.{letter}"
    alpha = file["ViewLayer.Combined.A" if layout == "blender" else "A"].astype(np.float32)
    names = ("CryptoObject.ball", "CryptoPart.ball_face", "CryptoPart.ball_mouth")
    mattes = {name: read_exr(tmp_path / f"{name}.exr")[0]["R"] for name in names}
    assert np.abs(mattes["CryptoObject.ball"] - alpha).max() <= 1 / 255
    assert np.abs(mattes["CryptoPart.ball_face"] + mattes["CryptoPart.ball_mouth"] - alpha).max() <= 1 / 255
    assert 0.2 < mattes["CryptoPart.ball_mouth"].max() < 0.8, "two parts share each pixel"
