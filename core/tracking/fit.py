# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe's landmarks of a person's clips -> one identity, and a pose and an expression for every frame.

The identity is fitted once, from a spread of frames jointly with their poses and expressions; then each clip with the
identity fixed. Focal length is not observable from a talking head (it trades against distance), so it
is given in K, by default FOCAL picture heights. Letters: T frames, E = 53 expressions, I identity modes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from .fit_solver import Problem, State, places, solved, started
from .ibug import IBUG68
from .pose import lenses, mean_rotation, project_points, turned, turning_vectors, viewmats
from .rig import FaceRig
from .smoothing import filled, smoothed

FOCAL = 2.3  # picture heights, when nothing is known: a portrait lens (24.5 degrees upright)
SPREAD = 64  # frames that an identity is fitted from
STRANGE = 3.0  # times the median distance from the median shape
EXPRESSION_SIGMA = 0.3  # Gaussian prior of a weight; not from a paper: chosen on the actor's renders
COMMON_NOISE = 2.0  # landmarks of one detector err together: 110 of them tell what 110 / 2^2 independent ones would
IDENTITY_PRIOR = 2.0  # a detector's mistakes about a face are in every frame: 64 do not tell 64 times as much
POSE_CUTOFF = 4.0  # hertz: heads do not turn faster while they talk
MOUTH_CUTOFF = 8.0  # hertz: as a Gaussian of 0.6 frames at 25 per second
CHUNK = 75  # frames solved at once
INNER_FACE = slice(17, 68)  # iBUG landmarks that lie on the face, not on its contour


@dataclass(frozen=True)
class Identity:
    coefficients: np.ndarray  # [I] sigmas of the rig's modes
    residual: float  # median pixels, of the frames it was fitted from


@dataclass(frozen=True)
class Fitted:
    viewmat: np.ndarray  # [T, 4, 4] float64 head space -> camera (x right, y down, z forward)
    expression: np.ndarray  # [T, E] float32 0..1
    landmarks: np.ndarray  # [T, 68, 3] float32 metres, head space
    landmarks2d: np.ndarray  # [T, 68, 2] float32 pixels
    residual: np.ndarray  # [T] float32 pixels, median over the points; NaN where no face was seen
    seen: np.ndarray  # [T] bool; False: interpolated from its neighbours


def lens_matrix(
    width: float,
    height: float,
    focal: float | None = None,  # pixels; None = FOCAL heights
) -> np.ndarray:
    """[3, 3] float64 of a picture in square pixels; principal point in the middle, pixel centres at +0.5."""
    focal = FOCAL * height if focal is None else focal
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def spread(
    points: np.ndarray,  # [T, 478, >=2] pixels
    count: int = SPREAD,
) -> np.ndarray:
    """[<= count] indices of frames as different as possible: farthest points among the landmark shapes.

    Shapes are compared without place and size, so turns of the head and movements of the face count, walking does not.
    What lies beyond STRANGE times the usual distance from the median shape is taken for a wrong detection.
    """
    shapes = np.asarray(points, np.float64)[..., :2]
    shapes = shapes - shapes.mean(1, keepdims=True)
    shapes = (shapes / np.linalg.norm(shapes, axis=(1, 2), keepdims=True)).reshape(len(shapes), -1)
    off = np.linalg.norm(shapes - np.median(shapes, 0), axis=1)
    usual = np.flatnonzero(off <= STRANGE * np.median(off))
    shapes = shapes[usual]
    chosen = [int(np.argmin(off[usual]))]
    distance = ((shapes - shapes[chosen[0]]) ** 2).sum(1)
    while len(chosen) < min(count, len(shapes)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, ((shapes - shapes[chosen[-1]]) ** 2).sum(1))
    return usual[np.sort(chosen)]


def problem_of(points: np.ndarray, K: np.ndarray, rig: FaceRig) -> Problem:
    pixels = np.asarray(points, np.float64)[:, rig.seen_points, :2]
    sigma = np.full(len(rig.expression_names), EXPRESSION_SIGMA)
    noise, drift = COMMON_NOISE * rig.seen_noise.astype(np.float64), rig.seen_drift.astype(np.float64)
    return Problem(rig.seen, pixels, lenses(K, len(pixels)), noise, drift, sigma)


@threadpool_limits.wrap(limits=1, user_api="blas")  # thousands of small products: threads only wait for each other
def fit_identity(
    sightings: np.ndarray,  # [T, 478, >=2] pixels, of frames that show one person
    K: np.ndarray,  # [3, 3] or [T, 3, 3]
    rig: FaceRig,
) -> Identity:
    """The person's shape, from up to SPREAD of the frames. Raises ValueError without any frame."""
    if not len(sightings):
        raise ValueError("no sighting to fit an identity to")
    chosen = spread(sightings)
    problem = problem_of(sightings[chosen], lenses(K, len(sightings))[chosen], rig)
    problem = replace(problem, identity_prior=IDENTITY_PRIOR)
    state = started(problem, np.zeros(len(rig.identities)))
    state = solved(problem, state, with_identity=True, steps=12)
    return Identity(state.identity, float(np.median(residuals(problem, state))))


def residuals(problem: Problem, state: State) -> np.ndarray:
    """[T] pixels: the median over the points."""
    pixels, _ = project_points(places(problem, state), state.rotation, state.translation, problem.K)
    return np.median(np.linalg.norm(pixels - problem.pixels, axis=-1), axis=1)


def chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, CHUNK):
        yield slice(start, min(start + CHUNK, count))


@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_clip(
    points: np.ndarray,  # [T, 478, >=2] pixels; anything where not seen
    seen: np.ndarray,  # [T] bool
    K: np.ndarray,  # [3, 3] or [T, 3, 3]
    rig: FaceRig,
    identity: Identity,
    rate: float = 25.0,  # frames per second
    smooth: bool = True,  # False: frames that are not neighbours in time
) -> Fitted:
    """Pose and expression of every frame of a clip. Raises ValueError when no frame shows a face."""
    seen = np.asarray(seen, bool)
    if not seen.any():
        raise ValueError("no frame of the clip shows a face")
    flat = np.asarray(points, np.float64)[..., :2].reshape(len(seen), -1)
    flat = filled(flat, seen)
    if smooth:
        flat = smoothed(flat, MOUTH_CUTOFF, float(rate), seen)
    points = flat.reshape(len(seen), -1, 2)
    problem = problem_of(points, K, rig)
    state = joined([fitted_part(problem.part(p), identity.coefficients) for p in chunks(len(seen))])
    if smooth:
        steadied(problem, state, seen, float(rate))
    landmarks = rig.landmarks.at(state.identity, state.expression)
    landmarks = on_rays(landmarks, problem, state, rig)
    pixels, _ = project_points(landmarks, state.rotation, state.translation, problem.K)
    off = np.where(seen, residuals(problem, state), np.nan)
    return Fitted(
        viewmats(state.rotation, state.translation),
        state.expression.astype(np.float32),
        landmarks.astype(np.float32),
        pixels.astype(np.float32),
        off.astype(np.float32),
        seen,
    )


def fitted_part(problem: Problem, identity: np.ndarray) -> State:
    return solved(problem, started(problem, identity))


def joined(parts: list[State]) -> State:
    return State(
        np.concatenate([p.rotation for p in parts]),
        np.concatenate([p.translation for p in parts]),
        np.concatenate([p.expression for p in parts]),
        parts[0].identity,
    )


def steadied(problem: Problem, state: State, seen: np.ndarray, rate: float) -> None:
    """Smooth the poses in time, then fit the expressions again under them, in place."""
    mean = mean_rotation(state.rotation)
    turns = turning_vectors(state.rotation @ mean.T)
    state.rotation = turned(smoothed(turns, POSE_CUTOFF, rate, seen)) @ mean
    state.translation = smoothed(state.translation, POSE_CUTOFF, rate, seen)
    again = []
    for part in chunks(len(seen)):
        fixed = replace(problem.part(part), fixed_pose=True)
        again.append(solved(fixed, state.part(part), steps=3).expression)
    state.expression = np.concatenate(again)


def on_rays(
    landmarks: np.ndarray,  # [T, 68, 3] head space
    problem: Problem,
    state: State,
    rig: FaceRig,
) -> np.ndarray:
    """[T, 68, 3] landmarks 17..67 moved, in their depth plane, by what the fit left over at the same landmark.

    The rig's landmark and MediaPipe's lie at slightly different places of the face, so the leftover moves it, not the
    point itself. The lips' gap then is the one that was seen.
    """
    row_of = {int(point): row for row, point in enumerate(rig.seen_points)}
    moved = [number for number in range(INNER_FACE.start, INNER_FACE.stop) if int(IBUG68[number]) in row_of]
    rows = [row_of[int(IBUG68[number])] for number in moved]
    expected = places(problem, state)[:, rows]
    pixels, camera = project_points(expected, state.rotation, state.translation, problem.K)
    leftover = (problem.pixels[:, rows] - pixels) / problem.K[:, None, [0, 1], [0, 1]] * camera[..., 2:]
    landmarks = landmarks.copy()
    landmarks[:, moved] += leftover @ state.rotation[:, :2]
    return landmarks
