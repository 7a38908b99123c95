# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe's landmarks of a person's clips -> one identity, and a pose and an expression for every frame.

The identity is fitted once, from a varied sample of frames jointly with their poses and expressions; then each clip
with the identity fixed. Focal length is not observable from a talking head (it trades against distance), so it is given
in K, by default FOCAL picture heights. Letters: T frames, E = 53 expressions, I identity modes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from .fit_solver import FitProblem, FitState, expected_points, initial_state, solve
from .ibug import IBUG68
from .pose import (
    intrinsics_per_frame,
    mean_rotation,
    project_points,
    rotation_matrices,
    rotation_vectors,
    view_matrices,
)
from .rig import FaceRig
from .smoothing import fill_unseen, smooth_signal

FOCAL = 2.3  # picture heights, when nothing is known: a portrait lens (24.5 degrees upright)
IDENTITY_FRAMES = 64  # that an identity is fitted from
OUTLIER = 3.0  # times the median distance from the median shape
EXPRESSION_SIGMA = 0.3  # Gaussian prior of a weight; not from a paper: chosen on the actor's renders
COMMON_NOISE = 2.0  # landmarks of one detector err together: 110 of them weigh as 110 / 2^2 independent ones would
IDENTITY_PRIOR = 2.0  # a detector's mistakes about a face are in every frame: 64 do not tell 64 times as much
POSE_CUTOFF = 4.0  # hertz: heads do not turn faster while they talk
MOUTH_CUTOFF = 8.0  # hertz: as a Gaussian of 0.6 frames at 25 per second
CHUNK = 75  # frames solved at once
INNER_LANDMARKS = slice(17, 68)  # iBUG landmarks on the face, not on its contour


@dataclass(frozen=True)
class FaceIdentity:
    """The shape of a person's face."""

    coefficients: np.ndarray  # [I] sigmas of the rig's modes
    residual: float  # median pixels, of the frames it was fitted from


@dataclass(frozen=True)
class FaceTrack:
    """A clip's poses and expressions."""

    viewmat: np.ndarray  # [T, 4, 4] float64 head space -> camera (x right, y down, z forward)
    expression: np.ndarray  # [T, E] float32 0..1
    landmarks: np.ndarray  # [T, 68, 3] float32 metres, head space
    landmarks2d: np.ndarray  # [T, 68, 2] float32 pixels
    residual: np.ndarray  # [T] float32 pixels, median over the points; NaN where no face was seen


def intrinsics_matrix(
    width: float,
    height: float,
    focal: float | None = None,  # pixels; None = FOCAL heights
) -> np.ndarray:
    """[3, 3] float64 of a picture in square pixels; principal point in the middle, pixel centres at +0.5."""
    focal = FOCAL * height if focal is None else focal
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def select_diverse_frames(
    points: np.ndarray,  # [T, 478, >=2] pixels
    count: int = IDENTITY_FRAMES,
) -> np.ndarray:
    """[<= count] indices of frames as different as possible: farthest-point sampling of the landmark shapes.

    Shapes are compared without place and size, so turns of the head and movements of the face count, walking does not.
    What is beyond OUTLIER times the usual distance from the median shape is taken for a wrong detection.
    """
    shapes = np.asarray(points, np.float64)[..., :2]
    shapes = shapes - shapes.mean(1, keepdims=True)
    shapes = (shapes / np.linalg.norm(shapes, axis=(1, 2), keepdims=True)).reshape(len(shapes), -1)
    away = np.linalg.norm(shapes - np.median(shapes, 0), axis=1)
    usual = np.flatnonzero(away <= OUTLIER * np.median(away))
    shapes = shapes[usual]
    selected = [int(np.argmin(away[usual]))]
    distance = ((shapes - shapes[selected[0]]) ** 2).sum(1)
    while len(selected) < min(count, len(shapes)):
        selected.append(int(np.argmax(distance)))
        distance = np.minimum(distance, ((shapes - shapes[selected[-1]]) ** 2).sum(1))
    return usual[np.sort(selected)]


def make_problem(points: np.ndarray, K: np.ndarray, rig: FaceRig) -> FitProblem:
    """Of [T, 478, >=2] pixels and [3, 3] or [T, 3, 3] intrinsics."""
    pixels = np.asarray(points, np.float64)[:, rig.mediapipe_indices, :2]
    sigma = np.full(len(rig.expression_names), EXPRESSION_SIGMA)
    noise, drift = COMMON_NOISE * rig.mediapipe_noise.astype(np.float64), rig.mediapipe_drift.astype(np.float64)
    return FitProblem(rig.mediapipe_points, pixels, intrinsics_per_frame(K, len(pixels)), noise, drift, sigma)


@threadpool_limits.wrap(limits=1, user_api="blas")  # thousands of small products: threads only wait for each other
def fit_identity(
    points: np.ndarray,  # [T, 478, >=2] pixels, of frames that show one person
    K: np.ndarray,  # [3, 3] or [T, 3, 3]
    rig: FaceRig,
) -> FaceIdentity:
    """The person's shape, from up to IDENTITY_FRAMES of the frames. Raises ValueError without any frame."""
    if not len(points):
        raise ValueError("no detection to fit an identity to")
    selected = select_diverse_frames(points)
    problem = make_problem(points[selected], intrinsics_per_frame(K, len(points))[selected], rig)
    problem = replace(problem, identity_prior=IDENTITY_PRIOR)
    state = initial_state(problem, np.zeros(len(rig.identities)))
    state = solve(problem, state, with_identity=True, steps=12)
    return FaceIdentity(state.identity, float(np.median(reprojection_errors(problem, state))))


def reprojection_errors(problem: FitProblem, state: FitState) -> np.ndarray:
    """[T] pixels: the median over the points."""
    pixels, _ = project_points(expected_points(problem, state), state.rotation, state.translation, problem.K)
    return np.median(np.linalg.norm(pixels - problem.pixels, axis=-1), axis=1)


def chunks(count: int) -> Iterator[slice]:
    """Slices of CHUNK frames that cover `count`."""
    for start in range(0, count, CHUNK):
        yield slice(start, min(start + CHUNK, count))


@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_clip(
    points: np.ndarray,  # [T, 478, >=2] pixels; anything where not seen
    seen: np.ndarray,  # [T] bool
    K: np.ndarray,  # [3, 3] or [T, 3, 3]
    rig: FaceRig,
    identity: FaceIdentity,
    rate: float = 25.0,  # frames per second
    smooth: bool = True,  # False: frames that are not neighbours in time
) -> FaceTrack:
    """Pose and expression of every frame of a clip; frames that are not seen are interpolated from their neighbours.
    Raises ValueError when no frame shows a face."""
    seen = np.asarray(seen, bool)
    if not seen.any():
        raise ValueError("no frame of the clip shows a face")
    cutoff = MOUTH_CUTOFF if smooth else None
    problem = make_problem(_prepare_points(points, seen, cutoff, float(rate)), K, rig)
    parts = [problem.part(frames) for frames in chunks(len(seen))]
    state = join_states([solve(part, initial_state(part, identity.coefficients)) for part in parts])
    if smooth:
        smooth_poses(problem, state, seen, float(rate))
    return _make_track(problem, state, seen, rig)


def _prepare_points(points: np.ndarray, seen: np.ndarray, cutoff: float | None, rate: float) -> np.ndarray:
    """[T, 478, 2] float64 pixels, interpolated where not seen and smoothed at a cutoff in hertz."""
    flat = np.asarray(points, np.float64)[..., :2].reshape(len(seen), -1)
    flat = fill_unseen(flat, seen)
    if cutoff is not None:
        flat = smooth_signal(flat, cutoff, rate, seen)
    return flat.reshape(len(seen), -1, 2)


def _make_track(problem: FitProblem, state: FitState, seen: np.ndarray, rig: FaceRig) -> FaceTrack:
    """What the state says, in the track's types."""
    landmarks = correct_landmarks(rig.landmarks.at(state.identity, state.expression), problem, state, rig)
    pixels, _ = project_points(landmarks, state.rotation, state.translation, problem.K)
    return FaceTrack(
        view_matrices(state.rotation, state.translation),
        state.expression.astype(np.float32),
        landmarks.astype(np.float32),
        pixels.astype(np.float32),
        np.where(seen, reprojection_errors(problem, state), np.nan).astype(np.float32),
    )


def join_states(parts: list[FitState]) -> FitState:
    """The frames of all parts, which share an identity."""
    return FitState(
        np.concatenate([p.rotation for p in parts]),
        np.concatenate([p.translation for p in parts]),
        np.concatenate([p.expression for p in parts]),
        parts[0].identity,
    )


def smooth_poses(problem: FitProblem, state: FitState, seen: np.ndarray, rate: float) -> None:
    """Smooth the poses in time, then fit the expressions again with the poses fixed; in place."""
    mean = mean_rotation(state.rotation)
    vectors = rotation_vectors(state.rotation @ mean.T)
    state.rotation = rotation_matrices(smooth_signal(vectors, POSE_CUTOFF, rate, seen)) @ mean
    state.translation = smooth_signal(state.translation, POSE_CUTOFF, rate, seen)
    expressions = []
    for frames in chunks(len(seen)):
        fixed = replace(problem.part(frames), fixed_pose=True)
        expressions.append(solve(fixed, state.part(frames), steps=3).expression)
    state.expression = np.concatenate(expressions)


def correct_landmarks(
    landmarks: np.ndarray,  # [T, 68, 3] head space
    problem: FitProblem,
    state: FitState,
    rig: FaceRig,
) -> np.ndarray:
    """[T, 68, 3] landmarks 17..67 moved, in their depth plane, by the fit's residual at the same landmark.

    The rig's landmark and MediaPipe's are at slightly different points of the face, so the residual moves it, not the
    point itself. The lips' gap then is the one that was seen.
    """
    row_of = {int(index): row for row, index in enumerate(rig.mediapipe_indices)}
    inner = [number for number in range(INNER_LANDMARKS.start, INNER_LANDMARKS.stop) if int(IBUG68[number]) in row_of]
    rows = [row_of[int(IBUG68[number])] for number in inner]
    expected = expected_points(problem, state)[:, rows]
    pixels, camera_points = project_points(expected, state.rotation, state.translation, problem.K)
    residual = (problem.pixels[:, rows] - pixels) / problem.K[:, None, [0, 1], [0, 1]] * camera_points[..., 2:]
    landmarks = landmarks.copy()
    landmarks[:, inner] += residual @ state.rotation[:, :2]
    return landmarks
