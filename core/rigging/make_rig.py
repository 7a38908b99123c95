# SPDX-License-Identifier: GPL-3.0-or-later
"""From a head to its rig. Deterministic: equal heads get equal rigs, on one machine to the last bit.

Letters: K channels of a region, M of a branch's Gaussians.
"""

from collections.abc import Generator, Sequence

import numpy as np

from ..formats import RIG_NUMBERS, HeadFile, Rig, RigCard, RigChannel, RigMoves, RigRegion
from ..jobs import Pace, Progress
from ..listening import AudioCodes
from ..performance import Condition, LandmarkCarrier, Performance, Replay
from .basis import BasisFit, RegionBasis, component_count
from .conditions import sample_conditions
from .directions import MEASURES, Directions, name_directions
from .sample_gaussians import choose_samples, least_squares
from .snapshots import blocks

MADE_FROM, MEASURED_ON = 480, 120  # conditions
RANGE = (0.5, 99.5)  # percentiles of what a channel does, for its sliders


def make_rig(
    head: HeadFile, made_from: Sequence[Performance], measured_on: Sequence[Performance], bound: float
) -> Generator[Progress, None, Rig]:
    """bound: mm, the RMS position error that the channels may leave where 32 a region suffice for it.

    Raises UserError for a head that nothing moves, and for one whose networks do not match its card.
    """
    replay, rest = Replay(head), AudioCodes(head).rest()
    at_rest = Condition(rest, np.zeros(len(head.card.expression), np.float32))
    samples = sample_conditions(made_from, MADE_FROM, 0) + sample_conditions(measured_on, MEASURED_ON, 1)
    fit = BasisFit([sample.kind for sample in samples], np.arange(len(samples)) >= MADE_FROM)
    conditions = [sample.condition for sample in samples]
    pace = Pace(2 * sum(len(rows) for rows in replay.moving.values()))
    for step in (fit.measure, fit.add):
        for block in blocks(head, replay, at_rest, conditions):
            step(block)
            yield pace.at(pace.done + len(block.rows), "posing the head")
    carrier, channels, parts = _carrier(head), [], {}
    for name, basis in fit.regions.items():
        region_channels, parts[name] = _region(name, basis, bound, carrier)
        channels += region_channels
    errors = {name: _errors(basis, len(parts[name].solve)) for name, basis in fit.regions.items()}
    return Rig(RigCard(tuple(channels), bound, errors), rest, parts)


def _carrier(head: HeadFile) -> LandmarkCarrier | None:
    """None for a head whose card has no landmarks: its channels have no names."""
    return LandmarkCarrier(head) if head.card.training.get("landmarks") else None


def _region(
    name: str, basis: RegionBasis, bound: float, carrier: LandmarkCarrier | None
) -> tuple[list[RigChannel], RigRegion]:
    least = 1 + sum(measure.region == name for measure in MEASURES)
    k = component_count(basis, bound, least)
    moves = {branch: np.concatenate([m[:k] for m in blocks], axis=2) for branch, blocks in basis.moves.items()}
    weights = {branch: np.concatenate(blocks, axis=1) for branch, blocks in basis.weights.items()}
    rows = {branch: np.concatenate(blocks) for branch, blocks in basis.rows.items()}
    landmarks = np.zeros((k, 68, 3))
    if carrier is not None and "face" in rows:
        landmarks = carrier.moves(rows["face"], moves["face"][:, :3])
    directions = name_directions(name, basis.coefficients[:, :k], landmarks, basis.gaussians)
    joined = np.concatenate(list(moves.values()), axis=2)
    chosen = choose_samples(joined)
    solve = least_squares(joined[:, :, chosen], np.concatenate(list(weights.values()), axis=1)[:, chosen])
    solve = np.einsum("jk,ksc->jsc", np.linalg.inv(directions.mixtures), solve)
    poses = basis.coefficients[:, :k] @ np.linalg.inv(directions.mixtures).T
    turned = {b: _turned(m, weights[b], directions) for b, m in moves.items()}
    region = RigRegion(
        np.concatenate(list(rows.values()))[chosen],
        solve.astype(np.float32),
        {branch: RigMoves(rows[branch], turned[branch]) for branch in turned},
    )
    return _channels(name, directions, poses), region


def _turned(moves: np.ndarray, weights: np.ndarray, directions: Directions) -> np.ndarray:
    """moves [K,9,M] weighted, of the components -> [K,9,M] float16 of the channels, or [K,3,M] where nothing turns."""
    mixed = np.einsum("kj,kcm->jcm", directions.mixtures, moves / weights, optimize=True)
    turns = np.abs(mixed[:, 3:]).max(initial=0) > 0
    return mixed[:, : RIG_NUMBERS if turns else 3].astype(np.float16)


def _channels(region: str, directions: Directions, poses: np.ndarray) -> list[RigChannel]:
    low, high = np.percentile(poses, RANGE, axis=0)
    return [
        RigChannel(name, region, round(float(min(a, 0.0)), 2), round(float(max(b, 0.0)), 2))
        for name, a, b in zip(directions.names, low, high)
    ]


def _errors(basis: RegionBasis, chosen: int) -> dict:
    """Position errors of the best projection onto K channels, mm, on what the rig was not made from."""
    counts = [k for k in range(4, basis.components.shape[1] + 1) if k % 4 == 0 or k == chosen]
    table = {
        str(k): {"rms": round(basis.rms(k), 4), "p99.9": round(basis.percentile(k, 0.999), 3)} for k in (0, *counts)
    }
    return {"gaussians": basis.gaussians, "channels": chosen, "by channels": table}
