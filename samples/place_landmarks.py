# SPDX-License-Identifier: GPL-3.0-or-later
"""Where MediaPipe's landmarks lie on the ICT-FaceKit rig, measured: made-up faces are rendered and looked at.

    python -m talksplat.samples.place_landmarks --data ../shared/data --pictures ../footage/places --out places.npz
    python -m talksplat.samples.pack_face_rig --data ../shared/data --places places.npz

FACES made-up identities (not the actor's) with made-up expressions are rendered in the actor's studio from SHOTS
cameras each; MediaPipe finds its landmarks; for each landmark that place on the rig is looked for whose projection
follows it best over all pictures: first the best vertex, then the best place on the triangles around it. What is left
over is its noise. A landmark also drifts: MediaPipe follows a nod by less than the nod (about a sixth is missing), and
the contour slides round the head. So its place gets a linear and a quadratic term in the direction of the view, fitted
to the same pictures. The irises, which the rig does not turn, are left out. All faces wear the actor's skin, brows and
cap, with another tint: what MediaPipe does with other skins is not in this measurement.

Letters: N pictures, V vertices, M landmarks.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ..core.formats import atomic_write
from ..core.tracking import PART_SKIN, FaceRig, load_rig, project_points, view_terms
from .actor import cameras
from .actor.expression_rig import load_rig as load_full_rig

FACES, SHOTS, SIZE, SEED = 36, 4, 320, 4100
WIDEST, HIGHEST = 40.0, 20.0  # degrees of yaw and pitch of the cameras
LANDMARKS = 468  # of 478: the last ten are the irises
BACKDROP = (112, 128, 136)
HUBER = 0.002  # metres: beyond, a landmark pulls no harder on its place
NEAR = 0.03  # metres on the mean face within which a landmark's place is looked for
DRIFT_SIGMA = 0.02  # metres at a right angle: the prior of a drift
ROUNDS = 2  # of place, drift, place
POSED = ("eyeLook",)  # left at rest: the studio's eyes are not turned with them


def drawn(random: np.random.Generator, rig: FaceRig) -> tuple[np.ndarray, np.ndarray]:
    """(identity [I], expressions [SHOTS, E]) of a made-up person."""
    identity = random.normal(0.0, 1.0, len(rig.identities)).clip(-2.0, 2.0)
    expressions = random.uniform(0.0, 0.6, (SHOTS, len(rig.expression_names)))
    expressions *= random.random(expressions.shape) < 0.15
    for column, name in enumerate(rig.expression_names):
        if name.startswith(POSED):
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
        identity, expressions = drawn(random, rig)
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
    with atomic_write(folder / "truth.npz") as beside:
        identity, expression, viewmat = (np.stack(column) for column in zip(*truth))
        np.savez_compressed(beside, identity=identity, expression=expression, viewmat=viewmat)


def look(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """([N, 478, 2] pixels, [N] bool seen) of the pictures in `folder`."""
    from ..core.tracking import Landmarker

    points, seen = [], []
    with Landmarker() as landmarker:
        for file in sorted(folder.glob("*.png")):
            picture = Image.open(file)
            on_backdrop = Image.new("RGBA", picture.size, (*BACKDROP, 255))
            on_backdrop.alpha_composite(picture)
            sighting = landmarker.detect(np.asarray(on_backdrop.convert("RGB")))
            seen.append(sighting is not None)
            points.append(sighting.points[:, :2] if sighting else np.zeros((478, 2)))
    return np.array(points), np.array(seen)


def robust(distance: np.ndarray) -> np.ndarray:
    """Huber's cost of [...] metres."""
    return np.where(distance < HUBER, 0.5 * distance**2, HUBER * (distance - 0.5 * HUBER))


class Search:
    """The rig's skin as the pictures show it, and the landmarks found there."""

    def __init__(self, rig: FaceRig, folder: Path) -> None:
        points, seen = look(folder)
        with np.load(folder / "truth.npz", allow_pickle=False) as stored:
            identity, expression, self.viewmat = (stored[k][seen] for k in ("identity", "expression", "viewmat"))
        self.points = points[seen]
        self.rig = rig
        self.K = np.broadcast_to(cameras.intrinsics(SIZE, SIZE), (len(self.points), 3, 3))
        self.skin = np.unique(rig.triangles[rig.parts == PART_SKIN])
        self.vertices = np.stack([rig.vertices(i, e)[self.skin] for i, e in zip(identity, expression)])
        pixels, camera = project_points(self.vertices, self.viewmat[:, :3, :3], self.viewmat[:, :3, 3], self.K)
        self.film = pixels / self.K[0, 0, 0]  # a unit = a metre at one metre
        self.depth = camera[..., 2].mean(1)
        self.terms, _ = view_terms(self.viewmat[:, 2, :3])  # the cameras look at the head
        self.home = {int(vertex): column for column, vertex in enumerate(self.skin)}
        print(f"{seen.sum()} of {len(seen)} pictures show a face", file=sys.stderr)

    def cost(self, film: np.ndarray, target: np.ndarray) -> np.ndarray:
        """[K] robust cost of K places, film [N, K, 2], against target [N, 2]."""
        distance = np.linalg.norm(film - target[:, None], axis=-1) * self.depth[:, None]
        return robust(distance).mean(0)

    def place(self, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """(corners [3], shares [3], noise in metres per axis) of the place that follows target [N, 2] best."""
        column = int(np.argmin(self.cost(self.film, target)))
        around = self.rig.triangles[(self.rig.triangles == self.skin[column]).any(1) & (self.rig.parts == PART_SKIN)]
        grid = np.array([(a, b, 8 - a - b) for a in range(9) for b in range(9 - a)]) / 8.0
        best = (np.inf, around[0], grid[0])
        for corners in around:
            costs = self.cost(np.einsum("nkd,sk->nsd", self.film[:, self.columns(corners)], grid), target)
            if costs.min() < best[0]:
                best = (float(costs.min()), corners, grid[costs.argmin()])
        return best[1], best[2], float(np.sqrt(best[0]))  # Huber's cost is half a squared distance in two axes

    def columns(self, corners: np.ndarray) -> list[int]:
        return [self.home[int(corner)] for corner in corners]

    def drift(self, leftover: np.ndarray) -> np.ndarray:
        """[3, D] metres in head space for each of the view's terms, from leftover [N, 2] metres on film."""
        turn = self.viewmat[:, :2, :3]
        rows = np.einsum("nci,nj->ncij", turn, self.terms).reshape(2 * len(turn), -1)
        distance = np.linalg.norm(leftover, axis=-1)
        noise = max(float(np.median(distance)), 1e-4)
        weight = np.repeat(np.minimum(1.0, HUBER / np.maximum(distance, 1e-9)), 2)
        normal = rows.T @ (weight[:, None] * rows) + np.eye(rows.shape[1]) * (noise / DRIFT_SIGMA) ** 2
        return np.linalg.solve(normal, rows.T @ (weight * leftover.ravel())).reshape(3, -1)

    def found(self, landmark: int) -> dict[str, np.ndarray]:
        """A row of each column of the table."""
        target = self.points[:, landmark] / self.K[0, 0, 0]
        moved = np.zeros_like(target)
        for _ in range(ROUNDS):
            corners, shares, _ = self.place(target - moved)
            at = np.einsum("nkd,k->nd", self.film[:, self.columns(corners)], shares)
            drift = self.drift((target - at) * self.depth[:, None])
            moved = np.einsum("nci,ij,nj->nc", self.viewmat[:, :2, :3], drift, self.terms) / self.depth[:, None]
        corners, shares, noise = self.place(target - moved)
        return {
            "seen_points": np.int32(landmark),
            "seen_corners": corners.astype(np.int32),
            "seen_shares": shares.astype(np.float32),
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
    search = Search(load_rig(), arguments.pictures)
    found = [search.found(landmark) for landmark in range(LANDMARKS)]
    with atomic_write(arguments.out) as beside:
        np.savez_compressed(beside, **{key: np.stack([row[key] for row in found]) for key in found[0]})


if __name__ == "__main__":
    main()
