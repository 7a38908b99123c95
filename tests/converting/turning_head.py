# SPDX-License-Identifier: GPL-3.0-or-later
"""A footage folder made in code: two clips of a turning head, the projection of every landmark exact."""

import json

import numpy as np
from PIL import Image

from talksplat.core.audio import Sound, write_wav
from talksplat.core.converting.convert import convert
from talksplat.core.formats import Camera
from talksplat.core.jobs import Convert, Finished

W, H, F = 64, 48, 40
TRAIN = 30
NAMES = ("blink_left", "blink_right", "brow_inner_up", "gaze_x")


def face():
    """[68,3] metres: a curved cloud of human size whose nose points along -Y, eye corners 9 cm apart."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.06, 0.06, (68, 3))
    points[:, 1] = -0.07 + 8 * (points[:, 0] ** 2 + points[:, 2] ** 2)
    points[36], points[45] = (-0.045, -0.05, 0.03), (0.045, -0.05, 0.03)
    return points


def run_convert(source, out):
    events = list(convert(Convert(str(source), str(out))))
    assert isinstance(events[-1], Finished)
    return events


def write_turning_head(folder):
    """Fill an empty folder."""
    for part in ("image", "label", "tracks", "audio"):
        (folder / part).mkdir()
    rng = np.random.default_rng(1)
    card = {
        "format": "talksplat footage",
        "version": 1,
        "name": "x",
        "rate": "25/1",
        "width": W,
        "height": H,
        "colour_space": "srgb_rec709_display",
        "expression_names": NAMES,
        "licence": "CC0",
        "clips": [
            {"name": "held", "audio": "audio/held.wav", "split": "test"},
            {"name": "seen", "audio": "audio/seen.wav", "split": "train"},
        ],
    }
    (folder / "footage.json").write_text(json.dumps(card))
    landmarks, viewmats, pixels = face(), [], []
    for i in range(F):
        eye = [0.25 * np.sin(i), -0.7, 0.2 * np.cos(2.2 * i)]
        camera = Camera.looking_at(eye, [0.002, 0, 0], W, H, 0.4)
        viewmats.append(camera.matrix)
        in_camera = landmarks @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
        pixels.append(in_camera[:, :2] / in_camera[:, 2:] * camera.fx + [camera.cx, camera.cy])
        label = np.repeat(np.repeat(rng.integers(0, 3, (H // 8, W // 8), np.uint8), 8, 0), 8, 1)
        Image.fromarray(label).save(folder / f"label/{i:06d}.png")
        rgb = np.repeat(np.repeat(rng.integers(0, 256, (H // 8, W // 8, 3), np.uint8), 8, 0), 8, 1)
        alpha = np.where(label > 0, 255, 0).astype(np.uint8)
        alpha[:4] //= 3  # a soft edge: parsing is yes or no
        Image.fromarray(np.dstack([rgb, alpha])).save(folder / f"image/{i:06d}.png")
    train = np.arange(F) < TRAIN
    K = np.array([[camera.fx, 0, camera.cx], [0, camera.fx, camera.cy], [0, 0, 1]])
    expression = rng.uniform(0, 1, (F, 4)).astype(np.float32)
    expression[:, 1] = expression[:, 0]
    np.savez(
        folder / "frames.npz",
        clip=np.where(train, 1, 0).astype(np.int32),
        time=np.where(train, np.arange(F), np.arange(F) - TRAIN + 3) / 25,
        split=np.where(train, 0, 1),
        viewmat=np.stack(viewmats),
        K=np.tile(K, (F, 1, 1)),
        landmarks2d=np.array(pixels, np.float32),
        expression=expression,
    )
    for name, length in (("seen", 20123), ("held", 9000)):
        write_wav(folder / f"audio/{name}.wav", Sound(rng.uniform(-0.5, 0.5, length).astype(np.float32)))
        np.savez(
            folder / f"tracks/{name}.npz",
            time=np.arange(3) / 25,
            landmarks=np.tile(landmarks, (3, 1, 1)),
            expression=np.zeros((3, 4), np.float32),
        )
