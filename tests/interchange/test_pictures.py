# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG and EXR: what was written comes back, named and tagged as compositing expects."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.exr import BACKGROUND, EXR_LAYOUTS, RenderPasses, read_exr, write_exr
from talksplat.core.interchange.frame_metadata import FrameMetadata, timecode, world_to_camera, world_to_ndc
from talksplat.core.interchange.png import write_png

EYE = Camera.looking_at(np.array([0.3, -1.2, 0.2]), np.array([0.0, 0.0, 0.1]), 64, 48, 0.6)
SHIFTED = Camera(64, 48, 80.0, 70.0, 20.0, 30.0, EYE.viewmat)
FLAT = Camera(64, 48, 100.0, 100.0, 30.0, 25.0, EYE.viewmat, kind="orthographic")
SLATE = FrameMetadata(Fraction(24000, 1001), 1001, EYE, head="ab" * 32, notes={"sound": "voice.wav"})


def _plate(height=48, width=64):
    rng = np.random.default_rng(0)
    alpha = rng.uniform(0, 1, (height, width)).astype(np.float32)
    alpha[:5] = 0
    light = (rng.uniform(0, 1.4, (height, width, 3)) * alpha[..., None]).astype(np.float32)
    depth = rng.uniform(0.5, 3, (height, width)).astype(np.float32)
    return RenderPasses(light, alpha, depth, depth + 0.25)


@pytest.mark.parametrize("channels", [3, 4])
def test_png_comes_back(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (17, 9, channels), dtype=np.uint8)
    write_png(tmp_path / "new" / "a.png", pixels)
    with Image.open(tmp_path / "new" / "a.png") as back:
        assert np.array_equal(np.asarray(back), pixels)
        assert back.info["srgb"] == 0
        assert np.isclose(back.info["gamma"], 0.45455)
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["a.png"]


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8)])
def test_png_takes_codes_only(tmp_path, pixels):
    with pytest.raises(ValueError, match="uint8"):
        write_png(tmp_path / "a.png", pixels)
    assert not list(tmp_path.iterdir())


NAMES = {
    "blender": {"R": "ViewLayer.Combined.R", "G": "ViewLayer.Combined.G", "B": "ViewLayer.Combined.B",
                "A": "ViewLayer.Combined.A", "Z": "ViewLayer.Depth.Z", "M": "ViewLayer.DepthMedian.Z"},
    "nuke": {"R": "R", "G": "G", "B": "B", "A": "A", "Z": "depth.Z", "M": "depth_median.Z"},
}  # fmt: skip


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
def test_exr_comes_back(tmp_path, layout):
    plate, names = _plate(), NAMES[layout]
    write_exr(tmp_path / "a.exr", plate, SLATE, layout)
    channels, _ = read_exr(tmp_path / "a.exr")
    assert set(channels) == set(names.values())
    for i, letter in enumerate("RGB"):
        assert channels[names[letter]].dtype == np.float16
        assert np.array_equal(channels[names[letter]], plate.light[..., i].astype(np.float16))
    assert np.array_equal(channels[names["A"]], plate.alpha.astype(np.float16))
    for letter, depth in (("Z", plate.depth), ("M", plate.depth_median)):
        assert channels[names[letter]].dtype == np.float32
        assert np.array_equal(channels[names[letter]], np.where(plate.alpha > 1e-4, depth, np.float32(BACKGROUND)))
    assert [f.name for f in tmp_path.iterdir()] == ["a.exr"]


def test_exr_takes_views(tmp_path):
    """Turned and flipped arrays, as they come from cameras and torch."""
    plate = _plate()
    turned = RenderPasses(plate.light[::-1].transpose(1, 0, 2), plate.alpha[::-1].T, plate.depth[::-1].T)
    write_exr(tmp_path / "a.exr", turned, SLATE, "nuke")
    channels, _ = read_exr(tmp_path / "a.exr")
    assert np.array_equal(channels["G"], turned.light[..., 1].astype(np.float16))
    assert np.array_equal(channels["A"], turned.alpha.astype(np.float16))
    assert np.array_equal(channels["depth.Z"] < BACKGROUND, turned.alpha > 1e-4)


def test_exr_holds_no_depth_of_nothing_and_no_alpha_above_one(tmp_path):
    plate = _plate()
    plate.alpha[10, 10], plate.depth[11, 11] = 1.0 + 1e-2, 0.0  # rounding of a raster; a ray that met nothing
    write_exr(tmp_path / "a.exr", plate, SLATE, "nuke")
    channels = read_exr(tmp_path / "a.exr")[0]
    assert channels["A"][10, 10] == 1.0
    assert channels["depth.Z"][11, 11] == np.float32(BACKGROUND)


def test_exr_parts_are_those_of_blender(tmp_path):
    write_exr(tmp_path / "a.exr", _plate(), SLATE)
    with OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True) as file:
        parts = [(part.name(), part.header["colorInteropID"], part.compression()) for part in file.parts]
    tight = OpenEXR.ZIP_COMPRESSION
    assert parts == [("ViewLayer.Combined", "lin_rec709_scene", tight), ("ViewLayer.Depth", "data", tight),
                     ("ViewLayer.DepthMedian", "data", tight)]  # fmt: skip


def test_exr_without_depth(tmp_path):
    plate = _plate()
    write_exr(tmp_path / "a.exr", RenderPasses(plate.light, plate.alpha), SLATE, "nuke")
    assert set(read_exr(tmp_path / "a.exr")[0]) == set("RGBA")


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
def test_exr_says_when_and_through_what(tmp_path, layout):
    slate = FrameMetadata(SLATE.rate, 1001, EYE, "lin_ap1_scene", "ab" * 32, SLATE.notes)
    write_exr(tmp_path / "a.exr", _plate(), slate, layout)
    header = read_exr(tmp_path / "a.exr")[1]
    assert header["framesPerSecond"] == Fraction(24000, 1001)
    code = header["timeCode"]
    assert (code.hours, code.minutes, code.seconds, code.frame) == (0, 0, 41, 17)
    assert header["colorInteropID"] == "lin_ap1_scene"
    assert header["talksplat/head"] == "ab" * 32
    assert header["talksplat/frame"] == "1001"
    assert header["talksplat/sound"] == "voice.wav"
    assert np.allclose(header["worldToCamera"], world_to_camera(EYE), atol=1e-6)
    assert np.allclose(header["worldToNDC"], world_to_ndc(EYE), atol=1e-4)
    data = (tmp_path / "a.exr").read_bytes()  # the file's own bytes: translation in the last row
    place = data.index(b"worldToCamera\0m44f\0") + len(b"worldToCamera\0m44f\0") + 4
    stored = np.frombuffer(data, "<f4", 16, place)
    assert np.allclose(stored[12:15], EYE.matrix[:3, 3] * [1, -1, 1], atol=1e-6)


@pytest.mark.parametrize("camera", [EYE, SHIFTED, FLAT], ids=["eye", "shifted", "orthographic"])
def test_matrices_put_points_where_the_camera_sees_them(camera):
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (50, 3))
    rows = np.concatenate([points, np.ones((50, 1))], axis=1)
    x, y, z = (rows @ camera.matrix.T)[:, :3].T
    by = z if camera.kind == "perspective" else 1.0
    u, v = camera.fx * x / by + camera.cx, camera.fy * y / by + camera.cy
    seen = rows @ world_to_camera(camera)
    assert np.allclose(seen[:, :3], np.stack([x, -y, z], axis=1))
    clip = rows @ world_to_ndc(camera)
    ndc = clip[:, :3] / clip[:, 3:]
    assert np.allclose((ndc[:, 0] + 1) / 2 * camera.width, u)
    assert np.allclose((1 - ndc[:, 1]) / 2 * camera.height, v)
    assert np.all((ndc[:, 2] > 0) & (ndc[:, 2] < 1))
    assert np.array_equal(np.argsort(ndc[:, 2]), np.argsort(z))


@pytest.mark.parametrize(("frame", "rate", "code"), [
    (0, Fraction(24), (0, 0, 0, 0, 0)),
    (86399 * 24 + 23, Fraction(24), (23, 59, 59, 23, 0)),
    (1800, Fraction(30000, 1001), (0, 1, 0, 0, 0)),
    (61, Fraction(60), (0, 0, 1, 0, 1)),
    (49, Fraction(50), (0, 0, 0, 24, 1)),
])  # fmt: skip
def test_timecode(frame, rate, code):
    found = timecode(frame, rate)
    assert (found.hours, found.minutes, found.seconds, found.frame, found.fieldPhase) == code


@pytest.mark.parametrize(
    ("frame", "rate"), [(-1, 24), (86400 * 24, 24), (5, 120), (5, Fraction(1, 4)), (5, Fraction(25, 2)), (5, 45)]
)
def test_no_timecode_rather_than_a_wrong_one(tmp_path, frame, rate):
    assert timecode(frame, Fraction(rate)) is None
    write_exr(tmp_path / "a.exr", _plate(), FrameMetadata(Fraction(rate), frame), "nuke")
    assert "timeCode" not in read_exr(tmp_path / "a.exr")[1]


def test_bad_plates_leave_nothing(tmp_path):
    good = _plate()
    broken = good.light.copy()
    broken[3, 3, 1] = np.nan
    bad = [(broken, good.alpha), (good.light[:-1], good.alpha), (good.light, good.alpha, good.depth.T)]
    for plate in (RenderPasses(*arrays) for arrays in bad):
        with pytest.raises(ValueError, match="plate"):
            write_exr(tmp_path / "a.exr", plate, SLATE)
    with pytest.raises(ValueError, match="colour space"):
        FrameMetadata(Fraction(24), 1, space="sRGB")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"text, not a picture", b"\x76\x2f\x31\x01" + bytes(40)])
def test_what_is_no_exr(tmp_path, data):
    (tmp_path / "a.exr").write_bytes(data)
    with pytest.raises(UserError, match=r"a\.exr"):
        read_exr(tmp_path / "a.exr")


def test_an_exr_that_boasts_or_breaks_off(tmp_path):
    write_exr(tmp_path / "a.exr", _plate(), SLATE, "nuke")
    whole = (tmp_path / "a.exr").read_bytes()
    place = whole.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    boast = np.array([0, 0, 59999, 59999], "<i4").tobytes()
    for data in (whole[:place] + boast + whole[place + 16 :], whole[: len(whole) // 2], whole[:300]):
        (tmp_path / "a.exr").write_bytes(data)
        with pytest.raises(UserError, match=r"a\.exr cannot be read"):
            read_exr(tmp_path / "a.exr")


@pytest.mark.bpy
@pytest.mark.parametrize(("layout", "sockets"), [
    ("blender", ["Combined", "Alpha", "Depth", "DepthMedian"]),
    ("nuke", ["Combined", "Alpha", "depth", "depth_median"]),
])  # fmt: skip
def test_blender_finds_the_passes(tmp_path, layout, sockets):
    """In a process of its own: bpy keeps what it loads."""
    pytest.importorskip("bpy")
    write_exr(tmp_path / "a.exr", _plate(), SLATE, layout)
    script = f"""
import bpy
node = bpy.data.node_groups.new("c", "CompositorNodeTree").nodes.new("CompositorNodeImage")
node.image = bpy.data.images.load({str(tmp_path / "a.exr")!r})
print("found", [s.name for s in node.outputs], node.image.colorspace_settings.name)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert f"found {sockets} Linear Rec.709" in said
