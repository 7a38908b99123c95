# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rig has not: a knitted cap, a roll-neck jumper and eyeballs with irises, as plain meshes.

All in head space (metres, Z up, looking along -Y). None of them moves with the expressions; the
eyeballs turn about their centres. Cap and jumper are wrapped around whatever identity the rig has.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull

from .expression_rig import BACK_HEAD, FACE, Rig

CAP_CENTRE = np.array([0.0, -0.005, 0.055])  # inside the skull, above the ears
NECK_AXIS_Y = 0.015  # the neck is behind the face
AZIMUTHS = 512
IRIS_DEGREES, PUPIL_DEGREES = 22.5, 8.5  # half angles seen from the eye's centre
EYE_RADIUS, CORNEA_BULGE = 0.0149, 0.0010  # metres


@dataclass(frozen=True)
class Garment:
    """A mesh with its colours."""

    vertices: np.ndarray  # [N, 3] float32 metres
    faces: np.ndarray  # [M, 4] int32, -1 in the last column of a triangle
    colours: np.ndarray  # [N, 3] float32 linear Rec.709 albedo


def grid_faces(rows: int, columns: int) -> np.ndarray:
    """Quads of a tube of `rows` rings of `columns` vertices, row-major; counter-clockwise from outside
    when the columns turn counter-clockwise seen from above and the rows climb."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    following = (column + 1) % columns
    corners = [
        row * columns + column,
        row * columns + following,
        (row + 1) * columns + following,
        (row + 1) * columns + column,
    ]
    return np.stack(corners, axis=-1).reshape(-1, 4).astype(np.int32)


def azimuths() -> np.ndarray:
    """[AZIMUTHS] radians, 0 = front (-Y), turning towards the head's own left (+X)."""
    return np.linspace(0.0, 2 * np.pi, AZIMUTHS, endpoint=False)


def directions(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Unit vectors [..., 3]."""
    return np.stack([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)], -1)


def scalp_radius(rig: Rig) -> Callable[[np.ndarray], np.ndarray]:
    """A function of unit directions [..., 3] -> [...] metres from CAP_CENTRE to the skull's convex hull."""
    skin, mean = (np.concatenate([v[FACE], v[BACK_HEAD]]) for v in (rig.neutral, rig.mean_face))
    ears = (np.abs(mean[:, 0]) > 0.072) & (mean[:, 2] < 0.042)
    hull = ConvexHull(skin[(mean[:, 2] > -0.01) & ~ears & (mean[:, 1] > -0.105)] - CAP_CENTRE)
    normals, offsets = hull.equations[:, :3], hull.equations[:, 3]

    def along(ring: np.ndarray) -> np.ndarray:
        facing = np.einsum("nc,fc->nf", ring, normals)  # a ring at a time: the whole cap would take half a gigabyte
        return np.where(facing > 1e-6, -offsets / np.maximum(facing, 1e-6), np.inf).min(axis=1)

    def radius(direction: np.ndarray) -> np.ndarray:
        rings = direction.reshape(-1, AZIMUTHS, 3)
        return np.concatenate([along(ring) for ring in rings]).reshape(direction.shape[:-1])

    return radius


def cap_brim_height(azimuth: np.ndarray) -> np.ndarray:
    """[...] metres: high on the forehead, over the tips of the ears, low at the nape."""
    front = 0.5 + 0.5 * np.cos(azimuth)
    return -0.005 + 0.088 * front**1.15 + 0.012 * np.sin(azimuth) ** 2


def knitted_cap(rig: Rig) -> Garment:
    """A ribbed beanie with a turned-up brim."""
    radius = scalp_radius(rig)
    azimuth = azimuths()
    low, high = np.full(AZIMUTHS, -1.2), np.full(AZIMUTHS, 1.4)
    for _ in range(30):  # the elevation at which the skull reaches the brim's height
        middle = (low + high) / 2
        direction = directions(azimuth, middle)
        below = CAP_CENTRE[2] + direction[:, 2] * radius(direction) < cap_brim_height(azimuth)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    # Rows: the brim's inner edge, its roll, the fold (until 0.32), a step inwards, the body, the crown.
    brim_edge = [0.03, 0.0, 0.0, 0.012]
    along = np.concatenate([brim_edge, np.linspace(0.03, 0.30, 26), [0.315, 0.325], np.linspace(0.34, 1, 60)])
    fold = np.concatenate([np.linspace(0.0085, 0.0095, 26), [0.0085, 0.0062]])
    thickness = np.concatenate([[0.001, 0.002, 0.0055, 0.0078], fold, np.full(60, 0.0055)])
    elevation = low[None] + along[:, None] * (np.pi / 2 - low[None])
    direction = directions(np.broadcast_to(azimuth, elevation.shape), elevation)
    slack = 0.011 * np.sin(np.pi * np.clip((along - 0.33) / 0.85, 0, 1)) ** 1.2  # knitwear is loose over the crown
    smoothed = gaussian_filter1d(radius(direction), 6, axis=1, mode="wrap")
    rib_phase = np.cos(azimuth * 84)[None] * np.sqrt(np.cos(elevation).clip(0, 1))
    rib = 0.0008 * rib_phase * (along > 0.005)[:, None]
    points = CAP_CENTRE + direction * (smoothed + thickness[:, None] + slack[:, None] + rib)[..., None]
    yarn = np.array([0.055, 0.085, 0.13])  # slate blue
    shade = 0.85 + 0.25 * rib_phase + np.random.default_rng(3).normal(0, 0.05, rib_phase.shape)
    colours = yarn * shade[..., None].clip(0.4, 1.4)
    return Garment(
        points.reshape(-1, 3).astype(np.float32),
        grid_faces(*elevation.shape),
        colours.reshape(-1, 3).astype(np.float32),
    )


def body_radius(rig: Rig) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function (azimuth, height) -> metres from the neck's axis to the skin of neck and chest."""
    skin, mean = (np.concatenate([v[FACE], v[BACK_HEAD]]) for v in (rig.neutral, rig.mean_face))
    skin = skin[(mean[:, 2] < -0.095) & ~((mean[:, 1] < -0.07) & (mean[:, 2] > -0.11))]
    outward = skin[:, :2] - np.array([0.0, NECK_AXIS_Y])
    angle = np.arctan2(outward[:, 0], -outward[:, 1])
    samples = np.c_[np.concatenate([angle - 2 * np.pi, angle, angle + 2 * np.pi]) * 0.06, np.tile(skin[:, 2], 3)]
    reach = np.tile(np.linalg.norm(outward, axis=1), 3)
    inside, beyond = LinearNDInterpolator(samples, reach), NearestNDInterpolator(samples, reach)

    def radius(azimuth: np.ndarray, height: np.ndarray) -> np.ndarray:
        arc = np.mod(azimuth, 2 * np.pi) * 0.06
        reached = inside(arc, height)
        return np.where(np.isnan(reached), beyond(arc, height), reached)  # the rig's chest is cut at a slant

    return radius


def roll_neck(rig: Rig) -> Garment:
    """A jumper from its rolled collar down to where the bust is cut, closed underneath."""
    azimuth = azimuths()
    chin_to_collar = 0.5 - 0.5 * np.cos(azimuth)  # 0 front, 1 back
    top = -0.116 + 0.016 * chin_to_collar
    bottom = -0.172 + 0.020 * chin_to_collar
    roll_drop, roll_extra = [0.012, 0.006, 0.0015, 0.0, 0.002, 0.006], [0.001, 0.0015, 0.003, 0.006, 0.0095, 0.0115]
    drop = np.concatenate([roll_drop, np.linspace(0.010, 0.030, 12), [0.033, 0.034, 0.033]])
    extra = np.concatenate([roll_extra, np.full(12, 0.012), [0.0105, 0.008, 0.0055]])
    collar_height = top[None] - drop[:, None]
    below = np.linspace(0.0, 1.0, 40)[1:]
    chest_height = collar_height[-1] + below[:, None] * (bottom - collar_height[-1])
    height = np.concatenate([collar_height, chest_height])
    offset = np.concatenate([extra, np.full(len(below), 0.005)])
    radius = body_radius(rig)(np.broadcast_to(azimuth, height.shape), height)
    radius = gaussian_filter1d(gaussian_filter1d(radius, 8, axis=1, mode="wrap"), 1.0, axis=0, mode="nearest")
    rib_phase = np.cos(azimuth * 64)[None] * (offset > 0.006)[:, None]
    reach = radius + offset[:, None] + 0.0006 * rib_phase
    points = np.stack([np.sin(azimuth) * reach, NECK_AXIS_Y - np.cos(azimuth) * reach, height], -1)[::-1]
    points = np.concatenate([points.reshape(-1, 3), [[0.0, NECK_AXIS_Y, bottom.mean()]]])
    rim = np.arange(AZIMUTHS, dtype=np.int32)
    base = np.stack([np.roll(rim, -1), rim, np.full(AZIMUTHS, len(points) - 1), np.full(AZIMUTHS, -1)], -1)
    wool = np.array([0.030, 0.032, 0.038])
    shade = 1.0 + 0.2 * rib_phase[::-1].reshape(-1) + np.random.default_rng(4).normal(0, 0.06, rib_phase.size)
    colours = wool * np.append(shade, 0.3)[:, None]
    return Garment(
        points.astype(np.float32),
        np.concatenate([grid_faces(*height.shape), base]).astype(np.int32),
        colours.astype(np.float32),
    )


def eyeball() -> Garment:
    """An eye about the origin that looks along -Y: white, limbal ring, fibred iris, pupil, cornea bulge."""
    rings = (
        np.linspace(0.5, PUPIL_DEGREES, 5),
        np.linspace(PUPIL_DEGREES + 0.6, IRIS_DEGREES, 14),
        np.linspace(IRIS_DEGREES + 0.8, 30, 7),
        np.linspace(33, 178, 36),
    )
    angles = np.radians(np.concatenate(rings))
    columns = 96
    azimuth = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    reach = EYE_RADIUS + CORNEA_BULGE * np.exp(-((np.degrees(angles) / 19.0) ** 4))
    sine, cosine = np.sin(angles)[:, None], np.cos(angles)[:, None]
    ring = np.stack([sine * np.cos(azimuth), -cosine + 0 * azimuth, sine * np.sin(azimuth)], -1) * reach[:, None, None]
    degrees = np.broadcast_to(np.degrees(angles)[:, None], (len(angles), columns))
    random = np.random.default_rng(5)
    coarse, fine = random.normal(0, 1, (2, 1, columns))
    fibre = gaussian_filter1d(coarse, 0.7, mode="wrap") + 0.5 * fine
    collarette = np.exp(-(((degrees - 11.0) / 2.6) ** 2))[..., None]
    iris = np.array([0.075, 0.110, 0.120]) * (1.0 + 0.35 * fibre[..., None]).clip(0.3, 2.0)
    iris = iris * (1 - 0.6 * collarette) + 0.6 * collarette * np.array([0.12, 0.085, 0.04])
    white = np.array([0.62, 0.57, 0.54]) - np.clip((degrees - 35) / 50, 0, 1)[..., None] * np.array([0.05, 0.15, 0.15])

    def step(at: float, softness: float) -> np.ndarray:
        return (1 / (1 + np.exp(-(degrees - at) / softness)))[..., None]

    limbal = np.exp(-(((degrees - IRIS_DEGREES) / 2.0) ** 2))[..., None]
    colour = iris * step(PUPIL_DEGREES, 0.3) * (1 - step(IRIS_DEGREES, 0.7)) + white * step(IRIS_DEGREES, 0.7)
    colour = colour * (1 - 0.75 * limbal) + 0.006
    faces = grid_faces(len(angles), columns)
    return Garment(ring.reshape(-1, 3).astype(np.float32), faces, colour.reshape(-1, 3).astype(np.float32))
