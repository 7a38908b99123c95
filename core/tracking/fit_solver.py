# SPDX-License-Identifier: GPL-3.0-or-later
"""Gauss-Newton over many frames at once: pose, expression and, if wanted, one identity shared by all.

Minimised: sum over points of huber(|seen - projected| * depth / focal / noise), plus Gaussian priors of expression and
identity; expression weights stay in 0..1 (active set: a weight at a bound that is pushed outwards is held there for the
step). With an identity the normal matrix is an arrow: the frames' blocks are eliminated first (Schur complement).

Letters: T frames, M points, E expressions, I identity modes, P = 6 + E unknowns a frame.
"""

from dataclasses import dataclass, replace

import numpy as np

from .pose import crossing, first_guess, project_points, turned
from .rig import Points, view_terms

HUBER = 2.0  # noises: farther points pull no harder
POSE_STEPS, STEPS = 4, 8
HELD = 1e9  # added to the normal matrix's diagonal where a weight is held


@dataclass(frozen=True)
class Problem:
    """What does not change while a fit runs."""

    points: Points
    pixels: np.ndarray  # [T, M, 2] where the points were seen
    K: np.ndarray  # [T, 3, 3]
    noise: np.ndarray  # [M] metres, per axis
    drift: np.ndarray  # [M, 3, D] metres in head space for each of the rig's view_terms
    expression_sigma: np.ndarray  # [E]
    identity_prior: float = 1.0  # how many times the prior of the identity counts
    fixed_pose: bool = False

    def part(self, frames: slice) -> "Problem":
        return replace(self, pixels=self.pixels[frames], K=self.K[frames])


@dataclass
class State:
    """What a fit looks for."""

    rotation: np.ndarray  # [T, 3, 3]
    translation: np.ndarray  # [T, 3] metres
    expression: np.ndarray  # [T, E] 0..1
    identity: np.ndarray  # [I] sigmas

    def part(self, frames: slice) -> "State":
        return State(self.rotation[frames], self.translation[frames], self.expression[frames], self.identity)


def started(problem: Problem, identity: np.ndarray) -> State:
    """Poses of a face at rest, as a beginning."""
    count, shapes = len(problem.pixels), len(problem.expression_sigma)
    rest = problem.points.at(identity, np.zeros(shapes))
    rotation, translation = first_guess(rest, problem.pixels, problem.K)
    state = State(rotation, translation, np.zeros((count, shapes)), identity)
    for _ in range(POSE_STEPS):
        step(problem, state, 6, False)
    return state


def sight(state: State) -> np.ndarray:
    """[T, 3] the unit vector from the camera to the head, camera space."""
    return state.translation / np.linalg.norm(state.translation, axis=-1, keepdims=True)


def places(problem: Problem, state: State) -> np.ndarray:
    """[T, M, 3] metres: where the landmarks are expected, head space."""
    terms, _ = view_terms(np.einsum("tij,ti->tj", state.rotation, sight(state)))
    return problem.points.at(state.identity, state.expression) + np.einsum("mij,tj->tmi", problem.drift, terms)


def linearised(problem: Problem, state: State, unknowns: int, with_identity: bool):
    """(residuals [T, 2M], J [T, 2M, unknowns], J_identity [T, 2M, I] or None), whitened and robustly weighted."""
    pixels, camera = project_points(places(problem, state), state.rotation, state.translation, problem.K)
    count, many = pixels.shape[:2]
    z = camera[..., 2]
    scale = z.mean(1)[:, None, None] / problem.K[:, None, :2, :2].diagonal(axis1=-2, axis2=-1)  # metres a pixel
    residual = (problem.pixels - pixels) * scale / problem.noise[:, None]
    distance = np.linalg.norm(residual, axis=-1)
    weight = np.sqrt(np.minimum(1.0, HUBER / np.maximum(distance, 1e-12)))
    slope = np.zeros((count, many, 2, 3))
    slope[..., 0, 0] = slope[..., 1, 1] = 1.0 / z
    slope[..., 2] = -camera[..., :2] / z[..., None] ** 2
    slope *= (z.mean(1)[:, None] * weight / problem.noise)[..., None, None]
    in_head = slope @ state.rotation[:, None]
    back, towards = state.rotation.swapaxes(-1, -2), sight(state)
    _, slopes = view_terms(np.einsum("tij,tj->ti", back, towards))
    view_turn = slopes @ back @ crossing(towards)  # [T, D, 3]: the terms' change when the head turns
    turn = -slope @ crossing(camera - state.translation[:, None]) + in_head @ problem.drift @ view_turn[:, None]
    jacobian = np.empty((count, 2 * many, unknowns))
    jacobian[..., :3] = turn.reshape(count, -1, 3)
    jacobian[..., 3:6] = slope.reshape(count, -1, 3)
    in_head = in_head.transpose(1, 0, 2, 3).reshape(many, -1, 3)  # [M, 2T, 3]

    def along(modes: np.ndarray) -> np.ndarray:  # [N, M, 3] -> [T, 2M, N]
        moved = in_head @ modes.transpose(1, 2, 0)
        return moved.reshape(many, count, 2, -1).transpose(1, 0, 2, 3).reshape(count, 2 * many, -1)

    if unknowns > 6:
        jacobian[..., 6:] = along(problem.points.expressions)
    shape = along(problem.points.identities) if with_identity else None
    return (residual * weight[..., None]).reshape(count, -1), jacobian, shape


def step(problem: Problem, state: State, unknowns: int, with_identity: bool) -> None:
    """One Gauss-Newton step, in place. unknowns: 6 (pose only) or 6 + E."""
    residual, jacobian, shape = linearised(problem, state, unknowns, with_identity)
    transposed = jacobian.swapaxes(-1, -2)
    normal = transposed @ jacobian
    right = (transposed @ residual[..., None])[..., 0]
    if unknowns > 6:
        inverse_variance = problem.expression_sigma**-2.0
        normal[:, np.arange(6, unknowns), np.arange(6, unknowns)] += inverse_variance
        right[:, 6:] -= inverse_variance * state.expression
        hold(normal, right, state.expression)
    if problem.fixed_pose:
        normal[:, np.arange(6), np.arange(6)] += HELD * 1e6
    if shape is None:
        move(state, np.linalg.solve(normal, right[..., None])[..., 0])
        return
    mixed = transposed @ shape  # [T, P, I]
    solved = np.linalg.solve(normal, np.concatenate([mixed, right[..., None]], -1))
    modes = shape.shape[-1]
    core = problem.identity_prior * np.eye(modes) + np.einsum("tmi,tmj->ij", shape, shape, optimize=True)
    core -= np.einsum("tpi,tpj->ij", mixed, solved[..., :modes], optimize=True)
    pull = np.einsum("tmi,tm->i", shape, residual) - problem.identity_prior * state.identity
    pull -= np.einsum("tpi,tp->i", mixed, solved[..., modes])
    change = np.linalg.solve(core, pull)
    move(state, solved[..., modes] - solved[..., :modes] @ change)
    state.identity = state.identity + change


def hold(normal: np.ndarray, right: np.ndarray, expression: np.ndarray) -> None:
    """Hold weights at a bound that the gradient pushes out of 0..1, in place."""
    outwards = ((expression <= 0.0) & (right[:, 6:] < 0.0)) | ((expression >= 1.0) & (right[:, 6:] > 0.0))
    frames, shapes = np.nonzero(outwards)
    normal[frames, shapes + 6, shapes + 6] += HELD
    right[frames, shapes + 6] = 0.0


def move(state: State, change: np.ndarray) -> None:
    """Apply [T, 6 or 6 + E] changes, in place."""
    turn = turned(change[:, :3])
    state.rotation = turn @ state.rotation
    state.translation = state.translation + change[:, 3:6]
    if change.shape[1] > 6:
        state.expression = np.clip(state.expression + change[:, 6:], 0.0, 1.0)


def solved(problem: Problem, state: State, with_identity: bool = False, steps: int = STEPS) -> State:
    """`state`, moved to the least cost."""
    for _ in range(steps):
        step(problem, state, 6 + len(problem.expression_sigma), with_identity)
    return state
