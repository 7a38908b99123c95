# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG and EXR: what was written comes back, named and tagged as compositing expects."""

from fractions import Fraction

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from talksplat.core.formats.camera import Camera
from talksplat.core.interchange.exr import EXR_COMPRESSIONS, EXR_LAYOUTS, ExrLayer, write_exr
from talksplat.core.interchange.frame_metadata import FrameMetadata, smpte_timecode, world_to_camera, world_to_ndc
from talksplat.core.interchange.png import write_png

EYE = Camera.looking_at(np.array([0.3, -1.2, 0.2]), np.array([0.0, 0.0, 0.1]), 64, 48, 0.6)
SHIFTED = Camera(64, 48, 80.0, 70.0, 20.0, 30.0, EYE.viewmat)
FLAT = Camera(64, 48, 100.0, 100.0, 30.0, 25.0, EYE.viewmat, kind="orthographic")
METADATA = FrameMetadata(Fraction(24000, 1001), 1001, EYE, head="ab" * 32, notes={"sound": "voice.wav"})


def _layers(height=48, width=64):
    """Colours in half float and two channels of data, named as for Blender."""
    rng = np.random.default_rng(0)
    rgba = rng.uniform(0, 1.4, (4, height, width)).astype(np.float16)
    z, m = rng.uniform(0.5, 3, (2, height, width)).astype(np.float32)
    return [
        ExrLayer("ViewLayer.Combined", dict(zip("RGBA", rgba)), is_colour=True),
        ExrLayer("ViewLayer.Depth", {"Z": z}),
        ExrLayer("ViewLayer.DepthMedian", {"Z": m}),
    ]


@pytest.mark.parametrize("channels", [3, 4])
def test_a_png_comes_back(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (17, 9, channels), dtype=np.uint8)
    write_png(tmp_path / "new" / "a.png", pixels)
    with Image.open(tmp_path / "new" / "a.png") as back:
        assert np.array_equal(np.asarray(back), pixels)
        assert back.info["srgb"] == 0
        assert np.isclose(back.info["gamma"], 0.45455)
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["a.png"]


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8)])
def test_a_png_takes_codes_only(tmp_path, pixels):
    with pytest.raises(ValueError, match="uint8"):
        write_png(tmp_path / "a.png", pixels)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
def test_an_exr_has_the_layers_it_was_written_from(tmp_path, read_exr, layout):
    layers = [*_layers(), ExrLayer("", {"N": np.zeros((48, 64), np.float32)})]
    write_exr(tmp_path / "a.exr", layers, METADATA, layout)
    channels, _ = read_exr(tmp_path / "a.exr")
    written = {name: values for layer in layers for name, values in layer.named_channels().items()}
    assert set(channels) == set(written) >= {"ViewLayer.Combined.A", "ViewLayer.DepthMedian.Z", "N"}
    for name, values in written.items():
        assert channels[name].dtype == values.dtype
        assert np.array_equal(channels[name], values)
    assert [f.name for f in tmp_path.iterdir()] == ["a.exr"]


def test_an_exr_takes_views(tmp_path, read_exr):
    """Transposed and flipped arrays, as they come from cameras and torch."""
    layers = [ExrLayer("", {letter: values[::-1].T for letter, values in _layers()[0].channels.items()})]
    write_exr(tmp_path / "a.exr", layers, METADATA, "nuke")
    channels, _ = read_exr(tmp_path / "a.exr")
    assert all(np.array_equal(channels[letter], values) for letter, values in layers[0].channels.items())


def test_the_parts_of_an_exr_are_those_of_blender(tmp_path):
    write_exr(tmp_path / "a.exr", _layers(), METADATA)
    with OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True) as file:
        parts = [(part.name(), part.header["colorInteropID"], part.compression()) for part in file.parts]
    compression = OpenEXR.ZIP_COMPRESSION
    assert parts == [
        ("ViewLayer.Combined", "lin_rec709_scene", compression),
        ("ViewLayer.Depth", "data", compression),
        ("ViewLayer.DepthMedian", "data", compression),
    ]


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
@pytest.mark.parametrize("compression", list(EXR_COMPRESSIONS))
def test_data_keeps_every_bit_under_any_compression(tmp_path, read_exr, layout, compression):
    """DWAA loses on R, G and B, also of data that has such channels, as Cryptomatte's; a matte must not change."""
    rng = np.random.default_rng(0)
    noise = {letter: rng.normal(size=(48, 64)).astype(np.float32) for letter in "rgba"}
    layers = [*_layers(), ExrLayer("ViewLayer.CryptoObject00", noise)]
    write_exr(tmp_path / "a.exr", layers, METADATA, layout, compression)
    channels, _ = read_exr(tmp_path / "a.exr")
    for layer in layers:
        for name, values in layer.named_channels().items():
            if not layer.is_colour or compression != "dwaa":
                assert np.array_equal(channels[name], values), name


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
def test_dwaa_is_smaller_and_near(tmp_path, read_exr, layout):
    """Of a picture such as a render is: smooth."""
    y, x = np.mgrid[:240, :320].astype(np.float32) / 320
    colours = {
        letter: (np.sin(7 * x + k) * np.cos(5 * y) * 0.4 + 0.5).astype(np.float16) for k, letter in enumerate("RGBA")
    }
    layers = [ExrLayer("", colours, is_colour=True), ExrLayer("depth", {"Z": x + y})]
    for compression in EXR_COMPRESSIONS:
        write_exr(tmp_path / f"{compression}.exr", layers, METADATA, layout, compression)
    sizes = {compression: (tmp_path / f"{compression}.exr").stat().st_size for compression in EXR_COMPRESSIONS}
    assert sizes["dwaa"] < sizes["zip"] < sizes["zips"]
    channels, _ = read_exr(tmp_path / "dwaa.exr")
    assert np.array_equal(channels["A"], colours["A"])
    assert 0 < max(np.abs(channels[c].astype(float) - colours[c]).max() for c in "RGB") < 0.01


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
def test_an_exr_without_colours_is_data(tmp_path, read_exr, layout):
    write_exr(tmp_path / "a.exr", _layers()[1:], METADATA, layout)
    assert read_exr(tmp_path / "a.exr")[1]["colorInteropID"] == "data"


@pytest.mark.parametrize("layout", list(EXR_LAYOUTS))
def test_an_exr_says_when_and_through_which_camera(tmp_path, read_exr, layout):
    metadata = FrameMetadata(METADATA.rate, 1001, EYE, "lin_ap1_scene", "ab" * 32, METADATA.notes)
    write_exr(tmp_path / "a.exr", _layers(), metadata, layout)
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
    divisor = z if camera.kind == "perspective" else 1.0
    u, v = camera.fx * x / divisor + camera.cx, camera.fy * y / divisor + camera.cy
    in_camera = rows @ world_to_camera(camera)
    assert np.allclose(in_camera[:, :3], np.stack([x, -y, z], axis=1))
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
    timecode = smpte_timecode(frame, rate)
    got = (timecode.hours, timecode.minutes, timecode.seconds, timecode.frame, timecode.fieldPhase)
    assert got == code


@pytest.mark.parametrize(
    ("frame", "rate"), [(-1, 24), (86400 * 24, 24), (5, 120), (5, Fraction(1, 4)), (5, Fraction(25, 2)), (5, 45)]
)
def test_no_timecode_rather_than_a_wrong_one(tmp_path, read_exr, frame, rate):
    assert smpte_timecode(frame, Fraction(rate)) is None
    write_exr(tmp_path / "a.exr", _layers(), FrameMetadata(Fraction(rate), frame), "nuke")
    assert "timeCode" not in read_exr(tmp_path / "a.exr")[1]


def test_layers_that_do_not_fit_leave_no_file(tmp_path):
    combined, depth, _ = _layers()
    broken = np.where(np.arange(64) == 3, np.nan, depth.channels["Z"])
    for layers, problem in [
        ([], "must be there"),
        ([depth, depth], "differ in name"),
        ([combined, ExrLayer("D", {"Z": depth.channels["Z"].T})], "differ in size"),
        ([ExrLayer("D", {"Z": np.zeros((4, 4, 1), np.float32)})], "differ in size"),
        ([ExrLayer("D", {"Z": broken})], "not finite"),
    ]:
        with pytest.raises(ValueError, match=problem):
            write_exr(tmp_path / "a.exr", layers, METADATA)
    with pytest.raises(ValueError, match="colour space"):
        FrameMetadata(Fraction(24), 1, space="sRGB")
    assert not list(tmp_path.iterdir())
