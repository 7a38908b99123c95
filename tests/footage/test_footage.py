# SPDX-License-Identifier: GPL-3.0-or-later
"""The footage reader: what it reads is what was written; what is hostile ends in one sentence."""

import io
import json
import os
import signal
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from talksplat.core.footage import Footage
from talksplat.core.formats import UserError

W, H, F = 32, 24, 3


def columns():
    rng = np.random.default_rng(0)
    return {
        "clip": np.array([0, 0, 1], np.int32),
        "time": np.array([0.0, 0.04, 1.0]),
        "split": np.array([0, 2, 1], np.uint8),
        "viewmat": np.tile(np.eye(4), (F, 1, 1)),
        "K": np.tile([[30.0, 0, 16], [0, 30, 12], [0, 0, 1]], (F, 1, 1)),
        "landmarks2d": rng.random((F, 68, 2)).astype(np.float32) * 20,
        "expression": np.zeros((F, 2), np.float32),
    }


@pytest.fixture
def folder(tmp_path):
    for part in ("image", "label", "depth", "tracks", "audio"):
        (tmp_path / part).mkdir()
    card = {
        "format": "talksplat footage",
        "version": 1,
        "name": "x",
        "rate": "25/1",
        "width": W,
        "height": H,
        "colour_space": "srgb_rec709_display",
        "expression_names": ["a", "b"],
        "licence": "CC0",
        "clips": [
            {"name": "one", "audio": "audio/one.wav", "split": "train"},
            {"name": "two", "audio": "audio/two.wav", "split": "test"},
        ],
    }
    (tmp_path / "footage.json").write_text(json.dumps(card))
    np.savez(tmp_path / "frames.npz", **columns())
    rng = np.random.default_rng(1)
    for i in range(F):
        Image.fromarray(rng.integers(0, 256, (H, W, 4), np.uint8)).save(tmp_path / f"image/{i:06d}.png")
        Image.fromarray(rng.integers(0, 3, (H, W), np.uint8)).save(tmp_path / f"label/{i:06d}.png")
        Image.fromarray(rng.integers(0, 9000, (H, W)).astype(np.uint16)).save(tmp_path / f"depth/{i:06d}.png")
    np.savez(
        tmp_path / "tracks/one.npz",
        time=np.arange(5) / 25,
        landmarks=np.zeros((5, 68, 3), np.float32),
        expression=np.ones((5, 2), np.float32),
        blendshapes=np.zeros((5, 53)),
    )
    return tmp_path


def test_reads_what_is_there(folder):
    footage = Footage.open(folder)
    assert [list(footage.frames(s)) for s in ("train", "test", "camera")] == [[0], [2], [1]]
    stored = np.asarray(Image.open(folder / "image/000001.png")).astype(np.float32) / 255
    label = np.asarray(Image.open(folder / "label/000001.png"))
    for _ in range(2):  # decoded, then from the cache
        picture = footage.picture(1)
        assert np.abs(picture.rgb - stored[..., :3] * stored[..., 3:]).max() <= 0.5 / 255 + 1e-6
        assert np.allclose(picture.alpha, stored[..., 3], atol=1e-6)
        assert np.allclose(picture.mouth, (label == 2) * stored[..., 3], atol=0.51 / 255)
    assert np.allclose(footage.depth(1), np.asarray(Image.open(folder / "depth/000001.png")) * 1e-4)
    assert footage.track(0).expression.shape == (5, 2)
    assert footage.clips_of("test") == [1]
    camera = footage.camera(0)
    assert (camera.width, camera.height, camera.fx, camera.cy) == (W, H, 30, 12)


def test_shrunk_pictures_keep_their_light_and_their_place(folder):
    fine, coarse = Footage.open(folder), Footage.open(folder, shrink=4)
    assert abs(fine.picture(0).rgb.mean() - coarse.picture(0).rgb.mean()) < 2e-3
    assert coarse.picture(0).rgb.shape == (H // 4, W // 4, 3)
    assert np.allclose(coarse.landmarks2d * 4, fine.landmarks2d)
    point = np.array([0.1, -0.05, 1.0])
    pixels = [np.array([c.fx * point[0] + c.cx, c.fy * point[1] + c.cy]) for c in (fine.camera(0), coarse.camera(0))]
    assert np.allclose(pixels[0], 4 * pixels[1])
    with pytest.raises(UserError, match="divisor"):
        Footage.open(folder, shrink=5)


def test_cache_is_bounded(folder):
    one = W * H * 5
    footage = Footage.open(folder, cache_bytes=2 * one)
    for i in (0, 1, 2, 0, 2):
        footage.picture(i)
        assert footage._cache.used_bytes <= 2 * one
    assert Footage.open(folder, cache_bytes=10).picture(0).rgb.shape == (H, W, 3)


def change(folder, **fields):
    path = folder / "footage.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "other"},
        {"version": 2},
        {"width": "wide"},
        {"width": 10**9},
        {"height": -1},
        {"rate": "0/1"},
        {"rate": "1/0"},
        {"rate": []},
        {"clips": []},
        {"clips": 3},
        {"expression_names": [1]},
        {"clips": [{}]},
        {"clips": [{"name": "../../etc/passwd", "audio": "audio/a.wav", "split": "train"}]},
        {"clips": [{"name": "a", "audio": "audio/../../secret.wav", "split": "train"}]},
        {"clips": [{"name": "a", "audio": "/etc/passwd", "split": "train"}]},
        {"clips": [{"name": "a", "audio": "audio/a.wav", "split": "maybe"}]},
        {"clips": [{"name": "a", "audio": "audio/a.wav", "split": "train"}]},  # frames.npz names clip 1
    ],
)
def test_hostile_cards(folder, fields):
    change(folder, **fields)
    with pytest.raises(UserError, match=str(folder)):
        Footage.open(folder)


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, "\xff"])
def test_cards_that_are_not_json(folder, text):
    (folder / "footage.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError):
        Footage.open(folder)


def forged(shape, dtype="<f8"):
    """An .npy whose header claims `shape` and whose body is 8 bytes."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue() + b"\0" * 8


@pytest.mark.parametrize("spoil", ["missing", "claims", "object", "nan", "shape", "split", "short", "text", "empty"])
def test_hostile_tables(folder, spoil):
    path, good = folder / "frames.npz", columns()
    if spoil == "missing":
        del good["K"]
    if spoil == "nan":
        good["viewmat"][1, 2, 3] = np.nan
    if spoil == "shape":
        good["time"] = good["time"][:2]
    if spoil == "split":
        good["split"][0] = 7
    if spoil == "empty":
        good = {name: values[:0] for name, values in good.items()}
    np.savez(path, **good)
    if spoil in ("claims", "object"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("clip.npy", forged((10**12,), "|O" if spoil == "object" else "<i8"))
    if spoil == "short":
        path.write_bytes(path.read_bytes()[:-200])
    if spoil == "text":
        path.write_text("no zip")
    with pytest.raises(UserError, match=r"frames\.npz"):
        Footage.open(folder)


@pytest.mark.parametrize(("field", "value"), [("version", 99), ("method", 77), ("encrypted", 1)])
def test_a_zip_of_another_kind_is_a_sentence(folder, field, value):
    """zipfile throws NotImplementedError or RuntimeError at these."""
    path = folder / "frames.npz"
    data = bytearray(path.read_bytes())
    for header, start in ((b"PK\x03\x04", 4), (b"PK\x01\x02", 6)):
        place = data.index(header) + start + {"version": 0, "method": 4, "encrypted": 2}[field]
        data[place : place + 2] = struct.pack("<H", value)
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"frames\.npz is damaged; prepare") as caught:
        Footage.open(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
@pytest.mark.parametrize("name", ["footage.json", "frames.npz", "image/000000.png", "tracks/one.npz"])
def test_a_pipe_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)

    def read():
        footage = Footage.open(folder)
        footage.track(0)
        footage.picture(0)

    signal.alarm(30)  # ends the test where it is
    try:
        with pytest.raises(UserError, match="is not a file"):
            read()
    finally:
        signal.alarm(0)


def test_a_byte_order_mark_in_the_card_changes_nothing(folder):
    path = folder / "footage.json"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert len(Footage.open(folder)) == F


@pytest.mark.parametrize(
    "thrown", [IndexError("words\nof a library"), struct.error("x"), MemoryError(), AssertionError()]
)
def test_whatever_is_thrown_at_a_picture_is_a_sentence(folder, monkeypatch, thrown):
    def throw(*_, **__):
        raise thrown

    footage = Footage.open(folder)
    monkeypatch.setattr(Image, "open", throw)
    with pytest.raises(UserError, match=r"000000\.png") as caught:
        footage.picture(0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spoil", ["gone", "size", "text", "cut", "bomb"])
def test_hostile_pictures(folder, spoil):
    path = folder / "image/000000.png"
    if spoil == "gone":
        path.unlink()
    elif spoil == "size":
        Image.new("RGBA", (W + 1, H)).save(path)
    elif spoil == "text":
        path.write_text("no picture")
    elif spoil == "cut":
        path.write_bytes(path.read_bytes()[:300])
    else:
        data = bytearray(path.read_bytes())
        data[16:24] = struct.pack(">II", 60000, 60000)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        path.write_bytes(data)
    with pytest.raises(UserError, match=r"000000\.png"):
        Footage.open(folder).picture(0)


def test_no_depth_is_no_error(folder):
    (folder / "depth/000000.png").unlink()
    assert Footage.open(folder).depth(0) is None
