# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of every pass: shape and kind, names of its own, the same pixels back from an EXR in every layout."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.baking.exr_layers import exr_layers
from talksplat.core.baking.pass_picture import PassPicture
from talksplat.core.baking.passes import PASSES, PassKind, blended_by, select_passes
from talksplat.core.baking.splat_channels import SplatFrame, View, blended_channels, splat_channels
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.colour import FAR_AWAY, scene_linear_planes
from talksplat.core.interchange.exr import EXR_LAYOUTS, write_exr
from talksplat.core.interchange.frame_metadata import FrameMetadata
from talksplat.core.jobs import Render
from talksplat.core.raster.rasterizer import rasterize

from ..interchange.float64_colour import scene_linear

METADATA = FrameMetadata(Fraction(24), 1)
SPACE = "lin_ap1_scene"
H, W = 24, 32


def in_space(rendering, full_float):
    return scene_linear_planes(rendering.color, rendering.alpha, rendering.blend, SPACE, full_float)


@pytest.fixture(scope="module")
def picture(make):
    """Of a head that moves, with all that any pass asks for."""
    g, camera = make.gaussians(200), Camera.looking_at([0, -1, 0], [0, 0, 0], W, H, 0.6)
    views = [View(g.means + np.float32(step), camera) for step in (0, -0.01, 0.02)]
    names = blended_by(PASSES.values())
    extra = splat_channels(names, SplatFrame((np.arange(200) % 2).astype(np.uint8), g.quats, g.scales, *views))
    rendering = rasterize(g.means, g.quats, g.scales, g.opacities, g.sh0, g.shN, camera, extra=extra, depth=True)
    return PassPicture(rendering, camera, 1.0, blended_channels(names, rendering.extra), ("anna",))


@pytest.fixture(scope="module")
def rendering(picture):
    return picture.rendering


@pytest.mark.parametrize("name", list(PASSES))
def test_a_pass_has_pixels_of_its_kind(picture, name):
    row = PASSES[name]
    pixels = row.pixels(picture)
    assert pixels.shape == (H, W, len(row.channels))
    assert pixels.dtype == np.float32
    assert np.isfinite(pixels).all()
    assert np.ptp(pixels) > 0, "there is something to see"
    assert len(row.channels) == {PassKind.COLOUR: 4, PassKind.DEPTH: 1}.get(row.kind, len(row.channels))
    assert row.needs_depth or row.kind is not PassKind.DEPTH


@pytest.mark.parametrize("name", list(PASSES))
def test_a_pass_says_what_the_raster_makes_for_it(picture, rendering, name):
    without = type(rendering)(rendering.color, rendering.alpha, rendering.backend, rendering.density)
    if PASSES[name].needs_depth:
        without = replace(without, depth_expected=rendering.depth_expected, depth_median=rendering.depth_median)
    blended = {name: picture.blended[name] for name in PASSES[name].blends}
    least = PassPicture(without, picture.camera, picture.scale, blended, picture.heads)
    assert np.array_equal(PASSES[name].pixels(least), PASSES[name].pixels(picture))


@pytest.mark.parametrize("name", list(PASSES))
def test_a_pass_has_words_for_the_panel(name):
    row = PASSES[name]
    assert row.label
    assert row.description[0].isupper()
    assert not row.description.endswith(".")


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
def test_all_passes_come_back_from_one_exr(picture, rendering, tmp_path, read_exr, layout):
    """Also: no two passes have a channel in common, or `write_exr` would not take them."""
    write_exr(tmp_path / "a.exr", exr_layers(PASSES.values(), picture, layout, in_space), METADATA, layout)
    channels, _ = read_exr(tmp_path / "a.exr")
    assert len(channels) == sum(len(row.channels) for row in PASSES.values())
    for row in PASSES.values():
        layers = row.layers_in(layout)
        names = [f"{layer.name}.{c}".lstrip(".") for layer in layers for c in layer.letters]
        got = np.dstack([channels[name] for name in names])
        if row.kind is PassKind.DATA:
            got = got * np.repeat([np.float32(layer.factor) for layer in layers], [len(p.letters) for p in layers])
        pixels = row.pixels(picture)
        if row.kind is PassKind.COLOUR:
            assert got.dtype == np.float16
            light = scene_linear(pixels[..., :3], pixels[..., 3], space=SPACE)
            assert np.array_equal(got, np.dstack([light, pixels[..., 3]]).astype(np.float16))
        elif row.kind is PassKind.DEPTH:
            assert got.dtype == np.float32
            visible = (rendering.alpha > 1e-4) & (pixels[..., 0] > 0)
            assert np.array_equal(got[visible], pixels[visible])
            assert (got[~visible] == np.float32(FAR_AWAY)).all()
        else:
            assert np.array_equal(got, pixels)


DEFAULT_CHANNELS = {
    "blender": [*(f"ViewLayer.Combined.{c}" for c in "ABGR"), "ViewLayer.Depth.Z", "ViewLayer.DepthMedian.Z"],
    "nuke": ["A", "B", "G", "R", "depth.Z", "depth_median.Z"],
}


@pytest.mark.parametrize("layout", list(DEFAULT_CHANNELS))
def test_the_default_passes_are_those_of_0_1_0(picture, tmp_path, read_exr, layout):
    passes = select_passes(Render("", "").passes)
    write_exr(tmp_path / "a.exr", exr_layers(passes.values(), picture, layout, in_space), METADATA, layout)
    assert sorted(read_exr(tmp_path / "a.exr")[0]) == DEFAULT_CHANNELS[layout]


def test_no_depth_of_nothing_and_no_alpha_above_one(picture, rendering, tmp_path, read_exr):
    alpha, depth = rendering.alpha.copy(), rendering.depth_expected.copy()
    alpha[10, 10], depth[11, 11] = 1.0 + 1e-2, 0.0  # rounding of a raster; a ray that met nothing
    odd = type(rendering)(rendering.color, alpha, "", rendering.density, depth, rendering.depth_median)
    odd = PassPicture(odd, picture.camera, 1.0, picture.blended)
    write_exr(tmp_path / "a.exr", exr_layers(PASSES.values(), odd, "nuke", in_space), METADATA, "nuke")
    channels, _ = read_exr(tmp_path / "a.exr")
    assert channels["A"][10, 10] == 1.0
    assert channels["depth.Z"][11, 11] == np.float32(FAR_AWAY)


def test_passes_are_selected_in_the_tables_order():
    assert list(select_passes(list(PASSES)[::-1])) == list(PASSES)
    for names, problem in (((), "at least one pass"), (("beauty", "soul"), "pass 'soul' is unknown; use beauty")):
        with pytest.raises(UserError, match=problem):
            select_passes(names)


def test_the_table_needs_only_numpy():
    code = (
        "import sys, talksplat.core.baking as baking\n"
        "loaded = {'torch', 'numba', 'OpenEXR', 'PIL', 'av', 'scipy'} & set(sys.modules)\n"
        "assert baking.PASSES and not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.bpy
@pytest.mark.parametrize(("layout", "sockets"), [
    ("blender", ["Combined", "Alpha", "Depth", "DepthMedian"]),
    ("nuke", ["Combined", "Alpha", "depth", "depth_median"]),
])  # fmt: skip
def test_blender_finds_the_passes(picture, tmp_path, layout, sockets):
    """In a process of its own: bpy keeps what it loads."""
    pytest.importorskip("bpy")
    passes = select_passes(Render("", "").passes)
    layers = exr_layers(passes.values(), picture, layout)
    write_exr(tmp_path / "a.exr", layers, METADATA, layout)
    script = f"""
import bpy
node = bpy.data.node_groups.new("c", "CompositorNodeTree").nodes.new("CompositorNodeImage")
node.image = bpy.data.images.load({str(tmp_path / "a.exr")!r})
print("found", [s.name for s in node.outputs], node.image.colorspace_settings.name)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"found {sockets} Linear Rec.709" in done.stdout


def test_what_an_exr_takes_is_planar_already(picture):
    """Copies of channels cost a tenth of the writing: writing was once 14 % slower than in 0.1.0."""
    for layer in exr_layers(PASSES.values(), picture, "blender", in_space):
        named = layer.named_channels()
        assert all(np.shares_memory(named[layer.full_name(c)], values) for c, values in layer.channels.items())
