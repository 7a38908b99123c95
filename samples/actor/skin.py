# SPDX-License-Identifier: GPL-3.0-or-later
"""The actor's painted skin: one square picture in the UV space of the rig's face (M_Face, tile 0).

Everything is procedural and seeded: tone, blush, mottling, freckles, lips, stubble, brows. Painted at
the positions of the 68 landlandmarks in UV space, so it fits any identity of the rig.
Coordinates below are pixels, x right, y down; v of the UV runs upwards.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from .expression_rig import Rig

SIZE = 2048
TONE = np.array([0.770, 0.575, 0.480])  # display sRGB 0..1 of the bare skin
BLUSH = np.array([0.735, 0.430, 0.375])
LIPS = np.array([0.640, 0.345, 0.330])
BROWS = np.array([0.175, 0.118, 0.092])


def landmark_pixels(rig: Rig) -> np.ndarray:
    """[68, 2] where the landlandmarks are in the picture."""
    pixels = np.zeros((68, 2))
    face_rows = rig.face_material == rig.material_names.index("M_Face")
    corners, corners_uv = rig.faces[face_rows].ravel(), rig.faces_uv[face_rows].ravel()
    for number, vertex in enumerate(rig.landmark_vertices):
        u, v = rig.uv[corners_uv[np.flatnonzero(corners == vertex)[0]]]
        pixels[number] = u * SIZE, (1.0 - v) * SIZE
    return pixels


def noise(seed: int, softness: float) -> np.ndarray:
    """[SIZE, SIZE] smooth noise of unit standard deviation."""
    field = np.random.default_rng(seed).normal(0, 1, (SIZE, SIZE)).astype(np.float32)
    field = gaussian_filter(field, softness, mode="wrap")
    return field / field.std()


def soft_spot(centre: np.ndarray, width: float, height: float) -> np.ndarray:
    """[SIZE, SIZE] a soft spot, 1 at its centre."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    return np.exp(-(((x - centre[0]) / width) ** 2 + ((y - centre[1]) / height) ** 2))


def soft_polygon(points: np.ndarray, softness: float) -> np.ndarray:
    """[SIZE, SIZE] a filled outline with a soft edge, 0..1."""
    mask = Image.new("L", (SIZE, SIZE), 0)
    ImageDraw.Draw(mask).polygon([tuple(point) for point in points], fill=255)
    return gaussian_filter(np.asarray(mask, np.float32) / 255.0, softness)


def round_outline(outline: np.ndarray, per_side: int = 12) -> np.ndarray:
    """A closed outline [N, 2] as a smooth Catmull-Rom curve [N * per_side, 2]."""
    before, start, end, after = (np.roll(outline, shift, axis=0) for shift in (1, 0, -1, -2))
    t = np.linspace(0, 1, per_side, endpoint=False)[None, :, None]
    before, start, end, after = (p[:, None] for p in (before, start, end, after))
    linear, quadratic = end - before, 2 * before - 5 * start + 4 * end - after
    cubic = 3 * (start - end) + after - before
    return (start + 0.5 * t * (linear + t * (quadratic + t * cubic))).reshape(-1, 2)


def brow_hairs(landmarks: np.ndarray, outer_to_inner: list[int], seed: int) -> np.ndarray:
    """[SIZE, SIZE] coverage of one eyebrow, hair by hair."""
    random = np.random.default_rng(seed)
    line = landmarks[outer_to_inner] + np.array([0, 8])
    layer = Image.new("L", (SIZE, SIZE), 0)
    pen = ImageDraw.Draw(layer)
    inner = np.sign(line[-1, 0] - line[0, 0])
    steps = np.linspace(0, 1, len(line))
    for _ in range(460):
        s = 1.06 * random.beta(1.3, 1.15)
        thickness = 30 * np.clip(0.25 + 1.3 * s, 0, 1) * np.clip((1.15 - s) / 0.30, 0.35, 1)
        root = np.array([np.interp(s, steps, line[:, 0]), np.interp(s, steps, line[:, 1])])
        root += random.normal(0, 5), random.normal(0, 0.30) * thickness + 8
        lean = np.radians(35 + 45 * np.clip(s, 0, 1) + random.normal(0, 9))  # upright at the nose, flat outside
        length = random.uniform(18, 30)
        tip = root + length * np.array([-inner * np.cos(lean), -np.sin(lean)])
        pen.line([tuple(root), tuple(tip)], fill=int(random.uniform(90, 225)), width=2)
    hairs = gaussian_filter(np.asarray(layer, np.float32) / 255.0, 0.8)
    return np.clip(hairs * 0.95 + 0.60 * gaussian_filter(hairs, 10), 0, 0.85)


def stubble_mask(landmarks: np.ndarray) -> np.ndarray:
    """[SIZE, SIZE] where a beard would grow, 0..1."""
    jaw = landmarks[3:14] + np.array([0, 90])
    moustache = [
        landmarks[54] + [60, -60],
        landmarks[33] + [60, 26],
        landmarks[33] + [-60, 26],
        landmarks[48] + [-60, -60],
    ]
    upper = np.array([landmarks[12], *moustache, landmarks[4]])
    return soft_polygon(np.concatenate([jaw, upper]), 34)


def paint_skin(rig: Rig) -> np.ndarray:
    """[SIZE, SIZE, 3] float32 display sRGB 0..1."""
    landmarks = landmark_pixels(rig)
    scale = np.linalg.norm(landmarks[36] - landmarks[45])  # distance of the outer eye corners, in pixels
    blush = sum(
        strength * soft_spot(landmarks[a] * (1 - t) + landmarks[b] * t, width * scale, height * scale)
        for a, b, t, width, height, strength in (
            (2, 31, 0.50, 0.26, 0.24, 0.55),
            (14, 35, 0.50, 0.26, 0.24, 0.55),
            (30, 33, 0.2, 0.16, 0.14, 0.42),
            (8, 57, 0.3, 0.22, 0.14, 0.35),
            (36, 39, 0.5, 0.24, 0.07, 0.30),
            (42, 45, 0.5, 0.24, 0.07, 0.30),
        )
    )
    along = np.linspace(0, 1, SIZE)
    ears = ((np.abs(2 * along - 1) > 0.88)[None, :] & ((along > 0.31) & (along < 0.52))[:, None]).astype(np.float32)
    blush = blush + 0.5 * gaussian_filter(ears, 40)
    blush = np.clip(blush + 0.06 * noise(1, 26) + 0.05 * noise(2, 9), 0, 1)[..., None]
    skin = TONE * (1 - blush) + BLUSH * blush
    skin = skin * (1 + 0.018 * noise(6, 2.0) + 0.016 * noise(7, 60))[..., None]
    under_eyes = sum(
        soft_spot((landmarks[a] + landmarks[b]) / 2 + [0, 42], 0.20 * scale, 0.055 * scale)
        for a, b in ((40, 41), (46, 47))
    )
    skin = skin * (1 - 0.10 * under_eyes[..., None] * np.array([0.8, 1.0, 0.85]))
    nose_and_cheeks = np.clip(soft_spot(landmarks[29], 0.75 * scale, 0.30 * scale), 0, 1)
    freckles = np.clip(noise(8, 3.2) - 2.1, 0, 1) * nose_and_cheeks
    skin = skin * (1 - 0.30 * freckles[..., None] * np.array([0.7, 1.0, 1.1]))
    beard = stubble_mask(landmarks) * (0.55 + 0.45 * np.clip(noise(9, 1.3), -1, 1.5))
    skin = skin * (1 - np.clip(beard, 0, 1)[..., None] * np.array([0.155, 0.125, 0.100]))
    lips = soft_polygon(round_outline(landmarks[48:60]), 5.0)[..., None]
    lip_colour = LIPS * (1 + 0.05 * noise(10, 3) + 0.05 * noise(11, 14))[..., None]
    skin = skin * (1 - 0.92 * lips) + 0.92 * lips * lip_colour
    for numbers, seed in (([17, 18, 19, 20, 21], 12), ([26, 25, 24, 23, 22], 13)):
        hairs = brow_hairs(landmarks, numbers, seed)[..., None]
        skin = skin * (1 - hairs) + hairs * BROWS
    return np.clip(skin, 0, 1).astype(np.float32)
