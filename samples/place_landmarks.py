# SPDX-License-Identifier: GPL-3.0-or-later
"""Where MediaPipe's landmarks are on the ICT-FaceKit rig, measured on renders of synthetic faces.

    python -m talksplat.samples.place_landmarks --data ../shared/data --pictures ../footage/places --out places.npz
    python -m talksplat.samples.pack_face_rig --data ../shared/data --places places.npz

FACES random identities (not the actor's) with random expressions are rendered in the actor's studio from SHOTS cameras
each; MediaPipe detects its landmarks; each landmark gets the point on the rig whose projection follows it best over all
pictures: first the best vertex, then the best point on the triangles around it. The residual is its noise. A landmark
also drifts: MediaPipe follows a nod by less than the nod (about a sixth is missing), and the contour slides round the
head. So its point gets a linear and a quadratic term in the view direction, fitted to the same pictures. The irises,
which the rig does not turn, are left out. All faces have the actor's skin, brows and cap, with another tint: what
MediaPipe does with other skins is not in this measurement.

Letters: N pictures, V vertices, M landmarks.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ..core.formats import atomic_write
from ..core.tracking import PART_SKIN, FaceRig, load_rig, project_points, view_direction_terms
from .actor import cameras
from .actor.expression_rig import load_rig as load_full_rig

FACES, SHOTS, SIZE, SEED = 36, 4, 320, 4100
WIDEST, HIGHEST = 40.0, 20.0  # degrees of yaw and pitch of the cameras
LANDMARKS = 468  # of 478: the last ten are the irises
BACKDROP = (112, 128, 136)
HUBER = 0.002  # metres: beyond, a landmark pulls no harder on its point
DRIFT_SIGMA = 0.02  # metres at a right angle: the prior of a drift
ROUNDS = 2  # of point, drift, point
UNPOSED = ("eyeLook",)  # left at rest: the studio's eyes are not turned with them


def random_face(random: np.random.Generator, rig: FaceRig) -> tuple[np.ndarray, np.ndarray]:
    """(identity [I], expressions [SHOTS, E]) of a random person."""
    identity = random.normal(0.0, 1.0, len(rig.identities)).clip(-2.0, 2.0)
    expressions = random.uniform(0.0, 0.6, (SHOTS, len(rig.expression_names)))
    expressions *= random.random(expressions.shape) < 0.15
    for column, name in enumerate(rig.expression_names):
        if name.startswith(UNPOSED):
            expressions[:, column] = 0.0
    expressions[:, rig.index("jawOpen")] = random.choice([0.0, 0.0, 0.15, 0.5], SHOTS) * random.random(SHOTS)
    expressions[:, rig.index("mouthClose")] = 0.0
    expressions[0] = 0.0
    return identity, expressions


def render(data: Path, folder: Path) -> None:
    """Pictures that are not there yet, and truth.npz."""
    from .actor.scene import Studio
    from .actor.skin import paint_skin

    rig = load_rig()
    folder.mkdir(parents=True, exist_ok=True)
    skin, truth = None, []
    for face in range(FACES):
        random = np.random.default_rng(SEED + face)
        identity, expressions = random_face(random, rig)
        views = random.uniform(-1.0, 1.0, (SHOTS, 2)) * (WIDEST, HIGHEST)
        tint = random.uniform(0.55, 1.08) * random.uniform(0.94, 1.06, 3)
        truth += [(identity, e, cameras.viewmat(view)) for e, view in zip(expressions, views)]
        files = [folder / f"{face:03d}_{shot}.png" for shot in range(SHOTS)]
        if all(file.exists() for file in files):
            continue
        full = load_full_rig(data, np.pad(identity, (0, 100 - len(identity))))
        skin = paint_skin(full) if skin is None else skin
        studio = Studio(full, SIZE, SIZE, 6, np.clip(skin * tint, 0.0, 1.0).astype(skin.dtype))
        for file, expression, view in zip(files, expressions, views):
            studio.pose(expression, (0.0, 0.0))
            studio.shoot(cameras.viewmat(view), cameras.focal(SIZE), file, seed=face)
        print(f"\rface {face + 1}/{FACES}", end="", file=sys.stderr)
    with atomic_write(folder / "truth.npz") as temporary:
        identity, expression, viewmat = (np.stack(column) for column in zip(*truth))
        np.savez_compressed(temporary, identity=identity, expression=expression, viewmat=viewmat)


def detect_landmarks(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """([N, 478, 2] pixels, [N] bool seen) of the pictures in `folder`."""
    from ..core.tracking import Landmarker

    points, seen = [], []
    with Landmarker() as landmarker:
        for file in sorted(folder.glob("*.png")):
            picture = Image.open(file)
            on_backdrop = Image.new("RGBA", picture.size, (*BACKDROP, 255))
            on_backdrop.alpha_composite(picture)
            detection = landmarker.detect(np.asarray(on_backdrop.convert("RGB")))
            seen.append(detection is not None)
            points.append(detection.points[:, :2] if detection else np.zeros((478, 2)))
    return np.array(points), np.array(seen)


def huber(distance: np.ndarray) -> np.ndarray:
    """Huber's cost of [...] metres."""
    return np.where(distance < HUBER, 0.5 * distance**2, HUBER * (distance - 0.5 * HUBER))


class LandmarkSearch:
    """The rig's skin as the pictures show it, and the landmarks detected there."""

    def __init__(self, rig: FaceRig, folder: Path) -> None:
        points, seen = detect_landmarks(folder)
        with np.load(folder / "truth.npz", allow_pickle=False) as stored:
            identity, expression, self.viewmat = (stored[k][seen] for k in ("identity", "expression", "viewmat"))
        self.points = points[seen]
        self.rig = rig
        self.K = np.broadcast_to(cameras.intrinsics(SIZE, SIZE), (len(self.points), 3, 3))
        self.skin = np.unique(rig.triangles[rig.parts == PART_SKIN])
        self.vertices = np.stack([rig.vertices(i, e)[self.skin] for i, e in zip(identity, expression)])
        pixels, camera_points = project_points(self.vertices, self.viewmat[:, :3, :3], self.viewmat[:, :3, 3], self.K)
        self.projected = pixels / self.K[0, 0, 0]  # a unit is a metre at one metre's distance
        self.depth = camera_points[..., 2].mean(1)
        self.terms, _ = view_direction_terms(self.viewmat[:, 2, :3])  # the cameras look at the head
        self.column_of = {int(vertex): column for column, vertex in enumerate(self.skin)}
        print(f"{seen.sum()} of {len(seen)} pictures show a face", file=sys.stderr)

    def cost(self, projected: np.ndarray, target: np.ndarray) -> np.ndarray:
        """[K] Huber cost of K points, projected [N, K, 2], against target [N, 2]."""
        distance = np.linalg.norm(projected - target[:, None], axis=-1) * self.depth[:, None]
        return huber(distance).mean(0)

    def nearest_point(self, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """(corners [3], barycentric [3], noise in metres per axis) of the point that follows target [N, 2] best."""
        column = int(np.argmin(self.cost(self.projected, target)))
        around = self.rig.triangles[(self.rig.triangles == self.skin[column]).any(1) & (self.rig.parts == PART_SKIN)]
        grid = np.array([(a, b, 8 - a - b) for a in range(9) for b in range(9 - a)]) / 8.0
        best = (np.inf, around[0], grid[0])
        for corners in around:
            costs = self.cost(np.einsum("nkd,sk->nsd", self.projected[:, self.columns(corners)], grid), target)
            if costs.min() < best[0]:
                best = (float(costs.min()), corners, grid[costs.argmin()])
        return best[1], best[2], float(np.sqrt(best[0]))  # Huber's cost is half a squared distance in two axes

    def columns(self, corners: np.ndarray) -> list[int]:
        return [self.column_of[int(corner)] for corner in corners]

    def drift(self, residual: np.ndarray) -> np.ndarray:
        """[3, D] metres in head space for each view term, from residual [N, 2] metres at the head's depth."""
        rotation = self.viewmat[:, :2, :3]
        rows = np.einsum("nci,nj->ncij", rotation, self.terms).reshape(2 * len(rotation), -1)
        distance = np.linalg.norm(residual, axis=-1)
        noise = max(float(np.median(distance)), 1e-4)
        weight = np.repeat(np.minimum(1.0, HUBER / np.maximum(distance, 1e-9)), 2)
        normal = rows.T @ (weight[:, None] * rows) + np.eye(rows.shape[1]) * (noise / DRIFT_SIGMA) ** 2
        return np.linalg.solve(normal, rows.T @ (weight * residual.ravel())).reshape(3, -1)

    def measure(self, landmark: int) -> dict[str, np.ndarray]:
        """The landmark's row of the table, by column."""
        target = self.points[:, landmark] / self.K[0, 0, 0]
        drifted = np.zeros_like(target)
        for _ in range(ROUNDS):
            corners, barycentric, _ = self.nearest_point(target - drifted)
            point = np.einsum("nkd,k->nd", self.projected[:, self.columns(corners)], barycentric)
            drift = self.drift((target - point) * self.depth[:, None])
            drifted = np.einsum("nci,ij,nj->nc", self.viewmat[:, :2, :3], drift, self.terms) / self.depth[:, None]
        corners, barycentric, noise = self.nearest_point(target - drifted)
        return {
            "seen_points": np.int32(landmark),
            "seen_corners": corners.astype(np.int32),
            "seen_shares": barycentric.astype(np.float32),
            "seen_noise": np.float32(noise),
            "seen_drift": drift.astype(np.float32),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pictures", type=Path, required=True, help="folder for the rendered faces; kept")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    render(arguments.data, arguments.pictures)
    search = LandmarkSearch(load_rig(), arguments.pictures)
    rows = [search.measure(landmark) for landmark in range(LANDMARKS)]
    with atomic_write(arguments.out) as temporary:
        np.savez_compressed(temporary, **{key: np.stack([row[key] for row in rows]) for key in rows[0]})


if __name__ == "__main__":
    main()
