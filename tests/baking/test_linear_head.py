# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that is trained for blending in linear light: its bake knows it, and each file of a render shows the light."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from talksplat.core.baking.bake import bake
from talksplat.core.baking.movie import over_grey
from talksplat.core.baking.render import render
from talksplat.core.formats import BakeReader, linear_to_srgb, read_head, srgb_to_linear, write_head
from talksplat.core.inspecting.describe import describe
from talksplat.core.interchange.movie import MovieWriter
from talksplat.core.jobs import Bake, Render
from talksplat.core.raster import rasterize

SIZE = 48


@pytest.fixture(scope="module")
def shots(tiny_head, voice, tmp_path_factory):
    """The same tensors as a head of each kind, baked: {blend: path}."""
    folder, head = tmp_path_factory.mktemp("shots"), read_head(tiny_head)
    for blend in ("display", "linear"):
        write_head(folder / f"{blend}.head", replace(head, card=replace(head.card, blend=blend)))
        list(bake(Bake(str(folder / f"{blend}.head"), str(voice), str(folder / f"{blend}.bake"), "24", 1, 2)))
    return {blend: folder / f"{blend}.bake" for blend in ("display", "linear")}


def rendered(shot, folder):
    list(render(Render(str(shot), str(folder), SIZE, supersampling="off")))
    return folder


def test_the_bake_knows_how_its_head_is_blended_and_is_another_shot(shots):
    with BakeReader.open(shots["display"]) as display, BakeReader.open(shots["linear"]) as linear:
        assert (display.card.blend, display.card.version) == ("display", 2)
        assert (linear.card.blend, linear.card.version) == ("linear", 3)
        assert display.card.head_hash == linear.card.head_hash
        assert display.card.shot != linear.card.shot, "else a folder of pictures would keep those of the other"
    for blend, path in shots.items():
        assert dict(describe(path))["blend"] == blend
        assert dict(describe(path.with_suffix(".head")))["blend"] == blend


def test_an_older_bake_is_not_taken_over_by_a_head_of_the_other_kind(shots, tmp_path, voice):
    job = Bake(str(shots["linear"].with_suffix(".head")), str(voice), str(tmp_path / "b.bake"), "24", 1, 2)
    *_, last = bake(replace(job, reuse=str(shots["display"])))
    assert last.result["reused"] == 0
    *_, last = bake(replace(job, out=str(tmp_path / "c.bake"), reuse=str(shots["linear"])))
    assert last.result["reused"] == 2


def test_png_and_exr_have_the_light_that_was_blended(shots, tmp_path, read_exr):
    folder = rendered(shots["linear"], tmp_path / "out")
    with BakeReader.open(shots["linear"]) as reader:
        g, camera = reader.canonical, reader.card.camera.resized(SIZE, SIZE)
        picture = rasterize(*reader.frame(2), g.opacities, g.sh0, g.shN, camera, blend="linear")
    channels, _ = read_exr(folder / "linear.0002.exr")
    light = np.stack([channels[f"ViewLayer.Combined.{c}"] for c in "RGB"], -1).astype(np.float32)
    np.testing.assert_allclose(light, picture.color, rtol=2e-3, atol=1e-4)  # half floats, and nothing decoded
    rgba = np.asarray(Image.open(folder / "linear.0002.png")).astype(float) / 255
    solid = picture.alpha > 0.1
    straight = picture.color[solid] / picture.alpha[solid][:, None]
    np.testing.assert_allclose(rgba[solid][:, :3], np.clip(linear_to_srgb(straight), 0, 1), atol=0.5 / 255 + 1e-6)
    other = np.asarray(Image.open(rendered(shots["display"], tmp_path / "other") / "display.0002.png"))
    assert np.abs(other[solid][:, :3] / 255.0 - rgba[solid][:, :3]).max() > 0.02, "the two kinds differ"


def test_the_movies_grey_is_blended_as_the_head_is(shots, tmp_path, monkeypatch):
    added, add = [], MovieWriter.add
    monkeypatch.setattr(MovieWriter, "add", lambda self, pixels: added.append(pixels) or add(self, pixels))
    folder = rendered(shots["linear"], tmp_path / "out")
    rgba = np.asarray(Image.open(folder / "linear.0001.png")).astype(float) / 255
    alpha = rgba[..., 3:]
    expected = 255 * linear_to_srgb(srgb_to_linear(rgba[..., :3]) * alpha + srgb_to_linear(0.5) * (1 - alpha))
    np.testing.assert_allclose(added[0], expected, atol=0.51)
    soft = (alpha[..., 0] > 0.3) & (alpha[..., 0] < 0.7)
    codes = over_grey(np.rint(rgba * 255).astype(np.uint8))
    assert np.abs(codes[soft].astype(int) - added[0][soft]).max() >= 2
