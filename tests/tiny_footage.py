# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny footage made in code: a flat face that opens its mouth as loud as its sound is. 64 x 64 pixels, exact."""

import json
import wave

import numpy as np
import pytest
from PIL import Image

from talksplat.core.jobs import Train
from talksplat.core.training.train import train

W = 64
DISTANCE, FOCAL = 0.6, 110.0  # metres, pixels: the picture is 0.35 m wide


def landmarks(gap):
    """[68,3]: face on the plane y = 0; 48-59 outer lip, 60-67 inner lip, the lower lip and the chin move."""
    points = np.zeros((68, 3))
    angle = np.linspace(np.pi, 2 * np.pi, 17)
    points[:17, 0], points[:17, 2] = 0.09 * np.cos(angle), 0.1 * np.sin(angle)
    points[17:48, 0] = np.linspace(-0.06, 0.06, 31)
    points[17:48, 2] = 0.04
    points[30] = 0
    outer, inner = np.linspace(np.pi, -np.pi, 13)[:-1], np.linspace(np.pi, -np.pi, 9)[:-1]
    points[48:60, 0], points[48:60, 2] = 0.03 * np.cos(outer), -0.04 + 0.012 * np.sin(outer)
    points[60:68, 0], points[60:68, 2] = 0.022 * np.cos(inner), -0.04 + 0.0001 * np.sin(inner)
    lower = np.r_[55:60, 65:68]
    points[lower, 2] -= gap
    points[5:12, 2] -= gap
    return points


def face_pictures(gap):
    """(rgba, label, depth) of the face, from the front."""
    v, u = np.mgrid[:W, :W] + 0.5
    x, z = (u - W / 2) * DISTANCE / FOCAL, -(v - W / 2) * DISTANCE / FOCAL
    face = (x / 0.1) ** 2 + (z / 0.13) ** 2 < 1
    top, bottom = -0.04, -0.04 - gap
    lips = (np.abs(x) < 0.03) & (z < top + 0.012) & (z > bottom - 0.012)
    mouth = (np.abs(x) < 0.022) & (z < top) & (z > bottom)
    rgb = np.zeros((W, W, 3))
    rgb[face] = [0.8, 0.6, 0.5]
    rgb[face & (np.abs(z - 0.04) < 0.006)] = [0.2, 0.15, 0.1]
    rgb[lips] = [0.7, 0.25, 0.25]
    rgb[mouth] = [0.1, 0.02, 0.02]
    label = np.where(mouth, 2, face).astype(np.uint8)
    rgba = np.concatenate([rgb, face[..., None]], axis=2)
    return (rgba * 255).astype(np.uint8), label, (face * (DISTANCE + mouth * 0.01) * 1e4).astype(np.uint16)


def lip_gap_at(clip, times):
    """Metres; the sound of a clip is as loud as its mouth is open."""
    return 0.014 * np.clip(np.sin(2 * np.pi * (0.6 + 0.15 * clip) * times + clip), 0, 1)


def write_clip(folder, clip, name):
    times = np.arange(75) / 25
    points = np.stack([landmarks(gap) for gap in lip_gap_at(clip, times)]).astype(np.float32)
    np.savez(folder / "tracks" / f"{name}.npz", time=times, landmarks=points, expression=np.zeros((75, 1), np.float32))
    t = np.arange(48000) / 16000
    noise = np.random.default_rng(clip).standard_normal(48000)
    sound = (noise * lip_gap_at(clip, t) / 0.014 * 6000).astype(np.int16)
    with wave.open(str(folder / "audio" / f"{name}.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    return times, points


@pytest.fixture(scope="session")
def tiny_footage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "footage"
    for part in ("audio", "tracks", "image", "label", "depth"):
        (folder / part).mkdir(parents=True)
    viewmat = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, DISTANCE], [0, 0, 0, 1]], np.float64)
    K = np.array([[FOCAL, 0, W / 2], [0, FOCAL, W / 2], [0, 0, 1]])
    clips, rows = [], []
    for clip in range(5):
        split = "test" if clip == 4 else "train"
        clips.append({"name": f"c{clip}", "audio": f"audio/c{clip}.wav", "split": split})
        times, points = write_clip(folder, clip, f"c{clip}")
        for frame in range(2, 75, 9):
            i = len(rows)
            rgba, label, depth = face_pictures(lip_gap_at(clip, times[frame]))
            for kind, pixels in (("image", rgba), ("label", label), ("depth", depth)):
                Image.fromarray(pixels).save(folder / kind / f"{i:06d}.png")
            in_camera = points[frame] @ viewmat[:3, :3].T + viewmat[:3, 3]
            rows.append((clip, times[frame], split == "test", in_camera[:, :2] / in_camera[:, 2:] * FOCAL + W / 2))
    n = len(rows)
    np.savez(
        folder / "frames.npz",
        clip=np.array([r[0] for r in rows], np.int32),
        time=np.array([r[1] for r in rows]),
        split=np.array([r[2] for r in rows], np.uint8),
        viewmat=np.tile(viewmat, (n, 1, 1)),
        K=np.tile(K, (n, 1, 1)),
        landmarks2d=np.stack([r[3] for r in rows]).astype(np.float32),
        expression=np.zeros((n, 1), np.float32),
    )
    (folder / "footage.json").write_text(
        json.dumps(
            {
                "format": "talksplat footage",
                "version": 1,
                "name": "tiny",
                "rate": "25/1",
                "width": W,
                "height": W,
                "colour_space": "srgb_rec709_display",
                "expression_names": ["blink"],
                "clips": clips,
                "licence": "CC0",
                "provenance": "made in code",
            }
        )
    )
    return folder


@pytest.fixture(scope="session")
def smoke(tiny_footage, tmp_path_factory):
    """(events, head path, work folder) of the smoke preset."""
    folder = tmp_path_factory.mktemp("smoke")
    job = Train(str(tiny_footage), str(folder / "tiny.head"), str(folder / "work"), "smoke", 1)
    return list(train(job)), folder / "tiny.head", folder / "work"
