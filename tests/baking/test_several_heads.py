# SPDX-License-Identifier: GPL-3.0-or-later
"""Several heads in one picture: as one table of Gaussians, whoever comes first, each with its own matte."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from talksplat.core.baking.cryptomatte import name_id
from talksplat.core.baking.passes import PASSES
from talksplat.core.baking.render import render
from talksplat.core.formats import transform_gaussians
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Render
from talksplat.core.raster import rasterize

from ..tiny_files import gaussians

SIZE = 48
VIEW = Camera.looking_at([0, -1, 0], [0, 0, 0], SIZE, SIZE, 0.6)


def plain(g):
    """With colours that no file clips."""
    return replace(g, sh0=g.sh0 * np.float32(0.4), shN=g.shN * np.float32(0.1))


ANNA, BEN = plain(gaussians(120, k=3, seed=1)), plain(gaussians(90, k=15, seed=2))
BESIDE = ((0.8, -0.6, 0.0, 0.1), (0.6, 0.8, 0.0, 0.05), (0.0, 0.0, 1.0, -0.04), (0.0, 0.0, 0.0, 1.0))
STEP = 0.02  # metres that Anna moves to the right in a frame; Ben does not


def moved(g, frame, step):
    return g.means + np.float32([step * frame, 0, 0]), g.quats, g.scales


@pytest.fixture
def bakes(tmp_path):
    """The bake of each head, three frames."""
    paths = {}
    for name, g, step in (("anna", ANNA, STEP), ("ben", BEN, 0.0)):
        degree = {3: 1, 15: 3}[g.shN.shape[1]]
        card = BakeCard(name, Fraction(24), 1, 3, degree, "hash", "", head=f"../heads/{name}.head")
        paths[name] = tmp_path / f"{name}.bake"
        with BakeWriter.open(paths[name], card, g, (np.arange(len(g.means)) % 4 == 0).astype(np.uint8)) as writer:
            for frame in (1, 2, 3):
                writer.append(frame, *moved(g, frame, step))
    return paths


@pytest.fixture
def draw(bakes, tmp_path, read_exr):
    """The channels of frame 2; `draw("anna", "ben", **changes of the job)`."""
    folders = iter(range(100))

    def drawn(*names, **changes):
        first, *more = (str(bakes[name]) for name in names)
        job = Render(first, str(tmp_path / f"{next(folders)}"), cameras=(VIEW,), png=False, movie=False, frames="2")
        job = replace(
            job, passes=tuple(PASSES), full_float=True, supersampling="off", more_bakes=tuple(more), **changes
        )
        *_, last = render(job)
        assert last.result["frames"] == 1
        return read_exr(f"{job.out}/{last.result['first_exr']}")

    return drawn


def rgba(channels):
    return np.stack([channels[f"ViewLayer.Combined.{c}"] for c in "RGBA"], axis=-1)


def test_interpenetrating_heads_are_the_dense_picture_of_one_table(draw):
    channels, _ = draw("anna", "ben", more_head_to_world=((BESIDE,),), space="srgb_rec709_scene")
    anna = replace(ANNA, means=moved(ANNA, 2, STEP)[0], shN=np.pad(ANNA.shN, ((0, 0), (0, 12), (0, 0))))
    ben = transform_gaussians(BEN, np.array(BESIDE))
    columns = [torch.from_numpy(np.concatenate(both)).double() for both in zip(vars(anna).values(), vars(ben).values())]
    truth = rasterize(*columns, camera=VIEW, backend="dense")
    assert np.abs(rgba(channels)[..., 3] - truth.alpha.numpy()).max() < 2e-3  # of a bake's numbers
    inside = truth.alpha.numpy() > 0.1
    assert np.abs(rgba(channels)[..., :3] - truth.color.numpy())[inside].max() < 1e-2


def test_who_comes_first_does_not_matter(draw):
    world = tuple(map(tuple, np.linalg.inv(np.array(BESIDE)).tolist()))
    one, _ = draw("anna", "ben", more_head_to_world=((BESIDE,),))
    camera = replace(VIEW, viewmat=tuple(map(tuple, (VIEW.matrix @ np.array(BESIDE)).tolist())))
    other, _ = draw("ben", "anna", cameras=(camera,), more_head_to_world=((world,),))
    for name in ("Combined.R", "Combined.A", "Depth.Z", "Vector.X", "Vector.Z", "MatteFace.A", "MatteMouth.A"):
        ours, theirs = one[f"ViewLayer.{name}"], other[f"ViewLayer.{name}"]
        assert np.abs(ours - theirs)[one["ViewLayer.Combined.A"] > 0.05].max() < 5e-3, name


def at(camera, x):
    """The camera as a head sees it that stands at x."""
    matrix = camera.matrix.copy()
    matrix[:3, 3] += matrix[:3, :3] @ [x, 0, 0]
    return replace(camera, viewmat=tuple(map(tuple, matrix.tolist())))


def test_far_apart_they_are_the_two_pictures(draw):
    wide = Camera.looking_at([0, -2, 0], [0, 0, 0], 2 * SIZE, SIZE, 0.45)
    both, _ = draw("anna", "ben", cameras=(at(wide, -0.3),), places=("-0.3,0,0,0", "0.5,0,0,0"))
    anna, ben = (rgba(draw(name, cameras=(at(wide, x),))[0]) for name, x in (("anna", -0.3), ("ben", 0.5)))
    assert np.abs(rgba(both) - (anna + ben * (1 - anna[..., 3:]))).max() < 1e-3


def test_each_head_has_a_matte_of_its_own_and_all_are_alpha(draw):
    channels, header = draw("anna", "ben", more_head_to_world=((BESIDE,),))
    names = json.loads(next(v for k, v in header.items() if k.endswith("/manifest") and "face" not in v))
    assert list(names) == ["anna", "ben"]
    alpha = channels["ViewLayer.Combined.A"]
    mattes = {name: matte_of(channels, "ViewLayer.CryptoObject", name) for name in names}
    assert min(matte.max() for matte in mattes.values()) > 0.5
    np.testing.assert_allclose(sum(mattes.values()), alpha, atol=1 / 255)
    parts = [f"{head}/{part}" for head in names for part in ("face", "mouth")]
    by_part = [matte_of(channels, "ViewLayer.CryptoPart", name) for name in parts]
    np.testing.assert_allclose(sum(by_part[:2]), mattes["anna"], atol=1 / 255)
    np.testing.assert_allclose(by_part[0] + by_part[2], channels["ViewLayer.MatteFace.A"], atol=1 / 255)
    assert "ViewLayer.CryptoPart01.r" in channels, "four names a pixel"


def matte_of(channels, layer, name):
    """As a compositor picks it."""
    found = np.zeros((SIZE, SIZE), np.float32)
    for key in channels:
        if key.startswith(layer) and key[-1] in "rb":
            coverage = channels[key[:-1] + {"r": "g", "b": "a"}[key[-1]]]
            found += np.where(channels[key] == name_id(name), coverage, 0)
    return found


def test_each_moves_by_its_own_way(draw):
    wide = Camera.looking_at([0, -2, 0], [0, 0, 0], SIZE, SIZE, 0.6)
    channels, _ = draw("anna", "ben", cameras=(at(wide, -0.3),), places=("-0.3,0,0,0", "0.3,0,0,90"))
    to_previous = channels["ViewLayer.Vector.X"]
    left = matte_of(channels, "ViewLayer.CryptoObject", "anna") > 0.9
    right = matte_of(channels, "ViewLayer.CryptoObject", "ben") > 0.9
    assert np.median(to_previous[left]) < -0.5
    assert np.abs(to_previous[right]).max() < 1e-3


def test_a_further_head_is_blurred_by_its_own_way(draw):
    """Ben crosses the picture while Anna stands still: he is as wide as his way, in the same light."""
    wide = Camera.looking_at([0, -2, 0], [0, 0, 0], SIZE, SIZE, 0.6)
    places = tuple(
        tuple(map(tuple, (np.eye(4) + np.pad([[0.3 * step], [3.0], [0.0], [0.0]], ((0, 0), (3, 0)))).tolist()))
        for step in (-1, 0, 1)
    )
    how = {"cameras": (wide,), "more_head_to_world": (places,), "with_neighbours": True}
    sharp, _ = draw("anna", "ben", **how)
    blurred, _ = draw("anna", "ben", **how, motion_blur=True, shutter=1.0, motion_samples=16)
    anna = matte_of(sharp, "ViewLayer.CryptoObject", "anna")
    ben, moved = (matte_of(each, "ViewLayer.CryptoObject", "ben") for each in (sharp, blurred))
    assert (moved.max(axis=0) > 0.02).sum() >= (ben.max(axis=0) > 0.02).sum() + 3
    assert np.abs(matte_of(blurred, "ViewLayer.CryptoObject", "anna") - anna)[anna > 0.99].max() < 0.2


def test_the_same_head_twice_has_two_names(draw):
    _, header = draw("anna", "anna", places=("-0.2,0,0,0", "0.2,0,0,0"))
    assert any(list(json.loads(value)) == ["anna", "anna.001"] for key, value in header.items() if "manifest" in key)
    _, header = draw("anna", "anna", places=("-0.2,0,0,0", "0.2,0,0,0"), head_names=("Left", "Right"))
    assert any(list(json.loads(value)) == ["Left", "Right"] for key, value in header.items() if "manifest" in key)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"places": ("0,0,0,0",)}, "1 of 2 heads"),
        ({"places": ("0,0,0,0", "here")}, "'here' cannot be read"),
        ({"more_head_to_world": ((BESIDE,), (BESIDE,))}, "2 of 1 heads"),
        ({"head_names": ("one",)}, "names 1 heads of 2"),
    ],
)
def test_what_does_not_fit_is_told(draw, changes, said):
    with pytest.raises(UserError, match=said):
        draw("anna", "ben", **changes)


@pytest.mark.parametrize(
    ("card", "frames", "said"),
    [
        ({"fps": Fraction(25)}, (1, 2, 3), "25 frames a second"),
        ({"blend": "linear"}, (1, 2, 3), "blends light and .* sRGB codes"),
        ({"antialiased": True}, (1, 2, 3), "trained antialiased"),
        ({}, (1, 3), "frames 2 are not baked"),
    ],
)
def test_heads_that_share_no_picture_are_told_before_it_starts(draw, bakes, tmp_path, card, frames, said):
    bakes["ben"] = tmp_path / "other.bake"
    changed = replace(BakeCard("ben", Fraction(24), 1, 3, 3, "hash", "", head="ben.head"), **card)
    with BakeWriter.open(bakes["ben"], changed, BEN, np.zeros(len(BEN.means), np.uint8)) as writer:
        for frame in frames:
            writer.append(frame, *moved(BEN, frame, 0))
    with pytest.raises(UserError, match=said):
        draw("anna", "ben")
