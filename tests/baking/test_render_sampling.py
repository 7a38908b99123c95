# SPDX-License-Identifier: GPL-3.0-or-later
"""A head far away keeps its area and its edges: how many samples a frame gets, and what its files then hold."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.baking.render import plan_frames, render
from talksplat.core.baking.render_sampling import samplings_of
from talksplat.core.formats import BakeReader, Camera, UserError, linear_to_srgb, read_head, to_json, write_head
from talksplat.core.jobs import Bake, Render
from talksplat.core.performance import Replay
from talksplat.core.raster import EPS2D, Sampling, Supersampler, rasterize

SAMPLE = Path(__file__).parents[2] / "samples" / "sample.head"


@pytest.fixture(scope="module")
def shot(tiny_head, voice, tmp_path_factory):
    path = tmp_path_factory.mktemp("shot") / "anna.bake"
    list(bake(Bake(str(tiny_head), str(voice), str(path), "24", 1, 4)))
    return path


def sampling(shot, camera, **options):
    job = Render("b", "o", **options)
    with BakeReader.open(shot) as reader:
        return samplings_of(job, reader, {1: camera})[1]


def trained_view(shot) -> Camera:
    with BakeReader.open(shot) as reader:
        assert reader.card.camera is not None
        return reader.card.camera


@pytest.mark.parametrize(
    ("share", "samples"), [(2.0, 1), (1.0, 1), (0.9, 2), (0.5, 2), (0.3, 4), (0.2, 6), (0.1, 8), (0.01, 8)]
)
def test_automatic_draws_as_large_as_the_trained_pictures(shot, share, samples):
    """By zooming out, by moving away and by a smaller head object alike."""
    camera = trained_view(shot)
    far = camera.matrix.copy()
    far[:3] /= share  # the camera backs off around its own centre: distances grow, directions stay
    with BakeReader.open(shot) as reader:
        middle = np.median(reader.canonical.means, axis=0)
    away = camera.matrix.copy()
    depth = float(camera.matrix[2, :3] @ middle + camera.matrix[2, 3])
    away[2, 3] += depth / share - depth
    views = [
        replace(camera, fx=camera.fx * share, fy=camera.fy * share),
        replace(camera, viewmat=away.tolist()),
    ]
    for view in views:
        found = sampling(shot, view)
        assert found.samples_per_side == samples
        expected = EPS2D if samples == 1 else EPS2D * (samples * share) ** 2
        assert found.trained_low_pass == pytest.approx(expected, rel=1e-6)


def test_a_size_and_a_filter_that_are_asked_for_are_taken(shot):
    camera = trained_view(shot)
    assert sampling(shot, camera, supersampling="off") == Sampling()
    found = sampling(shot, camera, supersampling="3x", pixel_filter="gaussian", filter_width=2.0)
    assert (found.samples_per_side, found.pixel_filter, found.filter_width) == (3, "gaussian", 2.0)
    assert found.trained_low_pass == pytest.approx(9 * EPS2D)


def test_an_antialiased_head_is_drawn_so_through_bake_and_render(tiny_head, voice, tmp_path):
    """Its card says so, then the bake's, whose shot is another one; older bakes keep theirs."""
    head, cards = read_head(tiny_head), {}
    for antialiased in (False, True):
        path = tmp_path / f"{antialiased}.head"
        write_head(path, replace(head, card=replace(head.card, antialiased=antialiased)))
        list(bake(Bake(str(path), str(voice), str(tmp_path / f"{antialiased}.bake"), "24", 1, 2)))
        with BakeReader.open(tmp_path / f"{antialiased}.bake") as reader:
            cards[antialiased] = reader.card
    assert (cards[True].version, cards[False].version) == (4, 2)
    assert cards[True].shot != cards[False].shot
    assert "antialiased" not in json.loads(to_json(cards[False]))
    camera = trained_view(tmp_path / "True.bake")
    assert sampling(tmp_path / "True.bake", camera).trained_low_pass == 0.0
    assert sampling(tmp_path / "True.bake", camera, supersampling="4x").trained_low_pass == 0.0
    assert sampling(tmp_path / "False.bake", camera) == Sampling()


@pytest.mark.parametrize("wrong", [{"supersampling": "5x"}, {"pixel_filter": "sinc"}, {"filter_width": -1.0}])
def test_a_setting_that_there_is_not(shot, tmp_path, wrong):
    with pytest.raises(UserError, match=r"is unknown; use one of|out of range"):
        list(render(Render(str(shot), str(tmp_path), 16, **wrong)))


def test_frames_of_a_shot_in_pieces_are_those_of_the_whole(shot, tmp_path, read_exr):
    """A camera that flies away: each frame has its own number of samples, whoever renders it."""
    camera = trained_view(shot).resized(64, 64)
    cameras = tuple(replace(camera, fx=camera.fx / far, fy=camera.fy / far) for far in (0.1, 1, 2, 4))
    whole = Render(str(shot), str(tmp_path / "whole"), cameras=cameras, png=False, movie=False)
    list(render(whole))
    with BakeReader.open(shot) as reader:
        assert [frame.sampling.samples_per_side for frame in plan_frames(whole, reader)] == [1, 2, 4, 8]
    for frames in ("3-4", "1-2"):
        list(render(replace(whole, out=str(tmp_path / "pieces"), frames=frames)))
    for path in sorted((tmp_path / "whole").glob("*.exr")):
        mine, other = read_exr(path)[0], read_exr(tmp_path / "pieces" / path.name)[0]
        assert all(np.array_equal(values, other[name]) for name, values in mine.items())


def test_another_supersampling_is_another_picture_and_off_is_the_old_one(shot, tmp_path):
    job = Render(str(shot), str(tmp_path), 40, movie=False, exr=False, supersampling="off")
    with BakeReader.open(shot) as reader:
        keys = {
            plan_frames(replace(job, **change), reader)[0].keys["png"]
            for change in ({}, {"supersampling": "2x"}, {"supersampling": "auto"}, {"pixel_filter": "gaussian"})
        }
    assert len(keys) == 3, "a filter is nothing to one sample a pixel"


def over_grey(pixels):
    """[...,4] premultiplied light -> codes over middle grey."""
    return linear_to_srgb(np.clip(pixels[..., :3] + (1 - pixels[..., 3:]) * 0.2, 0, 1))


def test_the_sample_head_40_pixels_tall_is_the_large_one_made_small():
    """It covered 22 % too much, with 23 dB of the large picture averaged."""
    head = read_head(SAMPLE)
    g = Replay(head).canonical
    columns, camera = (g.means, g.quats, g.scales, g.opacities, g.sh0, g.shN), head.card.camera
    large = rasterize(*columns, camera.resized(640, 640), blend=head.card.blend)
    large = np.concatenate([large.color, large.alpha[..., None]], -1).reshape(40, 16, 40, 16, 4).mean((1, 3))
    found = {}
    for n in (1, 8):
        how = Sampling(n, EPS2D * (n * 40 / 512) ** 2 if n > 1 else EPS2D)
        options = {"depth": False, "blend": head.card.blend, "backend": "numba"}
        mine = Supersampler().draw(columns, camera.resized(40, 40), how, **options)
        mine = np.concatenate([mine.color, mine.alpha[..., None]], -1)
        error = np.square(over_grey(mine) - over_grey(large)).mean()
        found[n] = mine[..., 3].sum() / large[..., 3].sum() - 1, 10 * np.log10(1 / error)
    assert found[1][0] > 0.2
    assert found[1][1] < 25
    assert abs(found[8][0]) < 0.03
    assert found[8][1] > 35
