# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenColorIO: its spaces are ours where we have them, and Blender's view is what Blender shows."""

from pathlib import Path

import numpy as np
import pytest

from talksplat.core.formats import UserError
from talksplat.core.interchange import OcioConfig, View, read_png, scene_linear_planes

pytest.importorskip("PyOpenColorIO")
DEFAULT = "ocio://default"


@pytest.fixture(scope="module")
def config():
    return OcioConfig(DEFAULT)


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    alpha = np.where(rng.random((20, 30)) < 0.3, 0, rng.random((20, 30))).astype(np.float32)
    return (rng.random((20, 30, 3)) * alpha[..., None]).astype(np.float32), alpha


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("ACEScg", "lin_ap1_scene"), ("ACES2065-1", "lin_ap0_scene"), ("Linear Rec.709 (sRGB)", "lin_rec709_scene")],
)
def test_known_spaces_are_ours(config, picture, theirs, ours):
    planes = scene_linear_planes(*picture, full_float=True)
    expected = scene_linear_planes(*picture, space=ours, full_float=True)
    np.testing.assert_allclose(config.in_space(planes, theirs), expected, atol=2e-5)


def test_an_encoded_space_is_straight_before_it_is_multiplied(config):
    """A grey of 0.5 light at half coverage: the curve sees 0.5."""
    half = np.array([0.25, 0.25, 0.25, 0.5], np.float32).reshape(4, 1, 1)
    full = np.array([0.5, 0.5, 0.5, 1], np.float32).reshape(4, 1, 1)
    coded = [config.in_space(planes, "ACEScct")[:3, 0, 0] for planes in (half, full)]
    np.testing.assert_allclose(coded[0], coded[1] / 2, rtol=1e-5)
    assert not config.in_space(np.zeros((4, 2, 2), np.float32), "ACEScct").any()


@pytest.mark.parametrize(("view", "exposure"), [("Standard", 0.0), ("AgX", 0.0), ("Filmic", 1.0)])
def test_blenders_views_are_what_blender_shows(tmp_path, view, exposure):
    """Its own save_render of the same light, to one code."""
    bpy = pytest.importorskip("bpy")
    file = Path(bpy.utils.system_resource("DATAFILES")) / "colormanagement" / "config.ocio"
    light = np.random.default_rng(1).uniform(0, 1, (16, 24, 3)).astype(np.float32)
    alpha = np.ones((16, 24), np.float32)
    image = bpy.data.images.new("light", 24, 16, alpha=True, float_buffer=True)
    image.pixels.foreach_set(np.concatenate([light, alpha[..., None]], -1)[::-1].ravel())
    scene = bpy.data.scenes.new("view")
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
    scene.view_settings.view_transform, scene.view_settings.exposure = view, exposure
    image.save_render(str(tmp_path / "theirs.png"), scene=scene)
    theirs = read_png(tmp_path / "theirs.png", 24, 16).astype(int)
    ours = OcioConfig(str(file)).display_codes(light, alpha, "linear", View("sRGB", view, exposure))
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize(
    ("source", "said"),
    [("none.ocio", "is no OpenColorIO configuration"), ("ocio://none", "is no OpenColorIO"), ("", "is named")],
)
def test_what_is_no_configuration_is_told(monkeypatch, source, said):
    monkeypatch.delenv("OCIO", raising=False)
    with pytest.raises(UserError, match=said):
        OcioConfig(source)


def test_the_environment_names_one_and_names_are_checked(config, monkeypatch, tmp_path):
    monkeypatch.setenv("OCIO", DEFAULT)
    assert OcioConfig("").key == config.key
    with pytest.raises(UserError, match="no colour space 'Foo'; use one of"):
        config.check_space("Foo")
    with pytest.raises(UserError, match="no view 'Foo'"):
        config.check_view(View("", "Foo"))
    with pytest.raises(UserError, match="no display 'Foo'"):
        config.check_view(View("Foo", "Foo"))
    (tmp_path / "odd.ocio").write_text("ocio_profile_version: 2\ncolorspaces: !<nothing> {}\n")
    with pytest.raises(UserError, match=r"odd\.ocio"):
        OcioConfig(str(tmp_path / "odd.ocio"))
