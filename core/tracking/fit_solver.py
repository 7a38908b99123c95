# SPDX-License-Identifier: GPL-3.0-or-later
"""Gauss-Newton over many frames at once: pose, expression and, if wanted, one identity shared by all.

Minimised: sum over points of huber(|seen - projected| * depth / focal / noise), plus Gaussian priors of expression and
identity; expression weights stay in 0..1 (active set: a weight at a bound that is pushed outwards is fixed there for
the step). With an identity the normal matrix is an arrow: the frames' blocks are eliminated first (Schur complement).

Letters: T frames, M points, E expressions, I identity modes, D view terms, P = 6 + E unknowns per frame, J Jacobian.
"""

from dataclasses import dataclass, replace

import numpy as np

from .pose import initial_pose, project_points, rotation_matrices, skew_matrices
from .rig import SurfacePoints, view_direction_terms

HUBER = 2.0  # noises: farther points pull no harder
POSE_STEPS, STEPS = 4, 8
FIXED = 1e9  # added to the normal matrix's diagonal where a weight is fixed


@dataclass(frozen=True)
class FitProblem:
    """What does not change while a fit runs."""

    points: SurfacePoints
    pixels: np.ndarray  # [T, M, 2] where the points were detected
    K: np.ndarray  # [T, 3, 3]
    noise: np.ndarray  # [M] metres, per axis
    drift: np.ndarray  # [M, 3, D] metres in head space for each of the rig's view_direction_terms
    expression_sigma: np.ndarray  # [E]
    identity_prior: float = 1.0  # how many times the prior of the identity counts
    fixed_pose: bool = False

    def part(self, frames: slice) -> "FitProblem":
        """The same for some of the frames."""
        return replace(self, pixels=self.pixels[frames], K=self.K[frames])


@dataclass
class FitState:
    """The unknowns of a fit."""

    rotation: np.ndarray  # [T, 3, 3]
    translation: np.ndarray  # [T, 3] metres
    expression: np.ndarray  # [T, E] 0..1
    identity: np.ndarray  # [I] sigmas

    def part(self, frames: slice) -> "FitState":
        """The same for some of the frames."""
        return FitState(self.rotation[frames], self.translation[frames], self.expression[frames], self.identity)


@dataclass(frozen=True)
class Linearization:
    """The cost around a state, whitened and robustly weighted."""

    residual: np.ndarray  # [T, 2M]
    jacobian: np.ndarray  # [T, 2M, 6 or P]
    identity_jacobian: np.ndarray | None  # [T, 2M, I]


def initial_state(problem: FitProblem, identity: np.ndarray) -> FitState:
    """Poses of a face at rest, to begin with."""
    count, shapes = len(problem.pixels), len(problem.expression_sigma)
    rest = problem.points.at(identity, np.zeros(shapes))
    rotation, translation = initial_pose(rest, problem.pixels, problem.K)
    state = FitState(rotation, translation, np.zeros((count, shapes)), identity)
    for _ in range(POSE_STEPS):
        gauss_newton_step(problem, state, 6, False)
    return state


def view_directions(state: FitState) -> np.ndarray:
    """[T, 3] the unit vector from the camera to the head, camera space."""
    return state.translation / np.linalg.norm(state.translation, axis=-1, keepdims=True)


def expected_points(problem: FitProblem, state: FitState) -> np.ndarray:
    """[T, M, 3] metres, head space: where the detector is expected to see the points."""
    terms, _ = view_direction_terms(np.einsum("tij,ti->tj", state.rotation, view_directions(state)))
    return problem.points.at(state.identity, state.expression) + np.einsum("mij,tj->tmi", problem.drift, terms)


def linearize(problem: FitProblem, state: FitState, unknowns: int, with_identity: bool) -> Linearization:
    """The residuals and their derivatives. unknowns: 6 (pose only) or P."""
    pixels, camera_points = project_points(
        expected_points(problem, state), state.rotation, state.translation, problem.K
    )
    count, many = pixels.shape[:2]
    z = camera_points[..., 2]
    metres_per_pixel = z.mean(1)[:, None, None] / problem.K[:, None, :2, :2].diagonal(axis1=-2, axis2=-1)
    residual = (problem.pixels - pixels) * metres_per_pixel / problem.noise[:, None]
    distance = np.linalg.norm(residual, axis=-1)
    weight = np.sqrt(np.minimum(1.0, HUBER / np.maximum(distance, 1e-12)))
    slope = _projection_slope(camera_points) * (z.mean(1)[:, None] * weight / problem.noise)[..., None, None]
    head_slope = slope @ state.rotation[:, None]  # by a point's place in head space
    jacobian = np.empty((count, 2 * many, unknowns))
    jacobian[..., :3] = _rotation_slope(problem, state, camera_points, slope, head_slope).reshape(count, -1, 3)
    jacobian[..., 3:6] = slope.reshape(count, -1, 3)
    if unknowns > 6:
        jacobian[..., 6:] = _mode_slope(head_slope, problem.points.expressions)
    identity_jacobian = _mode_slope(head_slope, problem.points.identities) if with_identity else None
    return Linearization((residual * weight[..., None]).reshape(count, -1), jacobian, identity_jacobian)


def _projection_slope(camera_points: np.ndarray) -> np.ndarray:
    """[T, M, 3] -> [T, M, 2, 3] of x/z and y/z by the camera point."""
    z = camera_points[..., 2]
    slope = np.zeros((*z.shape, 2, 3))
    slope[..., 0, 0] = slope[..., 1, 1] = 1.0 / z
    slope[..., 2] = -camera_points[..., :2] / z[..., None] ** 2
    return slope


def _rotation_slope(
    problem: FitProblem,
    state: FitState,
    camera_points: np.ndarray,
    slope: np.ndarray,
    head_slope: np.ndarray,
) -> np.ndarray:
    """[T, M, 2, 3] by a rotation vector of the head: the points turn, and their drift follows the view direction."""
    inverse, directions = state.rotation.swapaxes(-1, -2), view_directions(state)
    _, term_slopes = view_direction_terms(np.einsum("tij,tj->ti", inverse, directions))
    view_slope = term_slopes @ inverse @ skew_matrices(directions)  # [T, D, 3]
    turn = -slope @ skew_matrices(camera_points - state.translation[:, None])
    return turn + head_slope @ problem.drift @ view_slope[:, None]


def _mode_slope(head_slope: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """[T, M, 2, 3] and [N, M, 3] -> [T, 2M, N], one product per point."""
    count, many = head_slope.shape[:2]
    by_point = head_slope.transpose(1, 0, 2, 3).reshape(many, -1, 3)  # [M, 2T, 3]
    moved = by_point @ modes.transpose(1, 2, 0)
    return moved.reshape(many, count, 2, -1).transpose(1, 0, 2, 3).reshape(count, 2 * many, -1)


def gauss_newton_step(problem: FitProblem, state: FitState, unknowns: int, with_identity: bool) -> None:
    """One step, in place. unknowns: 6 (pose only) or P."""
    local = linearize(problem, state, unknowns, with_identity)
    transposed = local.jacobian.swapaxes(-1, -2)
    normal = transposed @ local.jacobian
    gradient = (transposed @ local.residual[..., None])[..., 0]
    if unknowns > 6:
        inverse_variance = problem.expression_sigma**-2.0
        normal[:, np.arange(6, unknowns), np.arange(6, unknowns)] += inverse_variance
        gradient[:, 6:] -= inverse_variance * state.expression
        fix_bounded_weights(normal, gradient, state.expression)
    if problem.fixed_pose:
        normal[:, np.arange(6), np.arange(6)] += FIXED * 1e6
    if local.identity_jacobian is None:
        apply_update(state, np.linalg.solve(normal, gradient[..., None])[..., 0])
    else:
        _step_with_identity(problem, state, normal, gradient, local.residual, transposed, local.identity_jacobian)


def _step_with_identity(
    problem: FitProblem,
    state: FitState,
    normal: np.ndarray,  # [T, P, P]
    gradient: np.ndarray,  # [T, P]
    residual: np.ndarray,  # [T, 2M]
    transposed: np.ndarray,  # [T, P, 2M]
    identity_jacobian: np.ndarray,  # [T, 2M, I]
) -> None:
    """The frames' blocks eliminated, the identity solved from the Schur complement, then the frames; in place."""
    mixed = transposed @ identity_jacobian  # [T, P, I]
    solved = np.linalg.solve(normal, np.concatenate([mixed, gradient[..., None]], -1))
    modes, prior = identity_jacobian.shape[-1], problem.identity_prior
    schur = prior * np.eye(modes) + np.einsum("tmi,tmj->ij", identity_jacobian, identity_jacobian, optimize=True)
    schur -= np.einsum("tpi,tpj->ij", mixed, solved[..., :modes], optimize=True)
    right = np.einsum("tmi,tm->i", identity_jacobian, residual) - prior * state.identity
    right -= np.einsum("tpi,tp->i", mixed, solved[..., modes])
    change = np.linalg.solve(schur, right)
    apply_update(state, solved[..., modes] - solved[..., :modes] @ change)
    state.identity = state.identity + change


def fix_bounded_weights(normal: np.ndarray, gradient: np.ndarray, expression: np.ndarray) -> None:
    """Fix weights at a bound that the gradient pushes out of 0..1, in place."""
    outwards = ((expression <= 0.0) & (gradient[:, 6:] < 0.0)) | ((expression >= 1.0) & (gradient[:, 6:] > 0.0))
    frames, shapes = np.nonzero(outwards)
    normal[frames, shapes + 6, shapes + 6] += FIXED
    gradient[frames, shapes + 6] = 0.0


def apply_update(state: FitState, change: np.ndarray) -> None:
    """Add [T, 6 or P] changes (rotation vector, translation, weights), in place."""
    state.rotation = rotation_matrices(change[:, :3]) @ state.rotation
    state.translation = state.translation + change[:, 3:6]
    if change.shape[1] > 6:
        state.expression = np.clip(state.expression + change[:, 6:], 0.0, 1.0)


def solve(problem: FitProblem, state: FitState, with_identity: bool = False, steps: int = STEPS) -> FitState:
    """`state` itself, moved to the least cost."""
    for _ in range(steps):
        gauss_newton_step(problem, state, 6 + len(problem.expression_sigma), with_identity)
    return state
