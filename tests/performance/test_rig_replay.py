# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig's replay against a plain float64 formula, Gaussian by Gaussian, and against the networks themselves."""

import numpy as np
import pytest

from talksplat.core.formats import (
    Rig,
    RigCard,
    RigChannel,
    RigMoves,
    RigRegion,
    UserError,
)
from talksplat.core.formats.rotate import quaternion_product
from talksplat.core.performance import Condition, Frame, Replay, RigReplay, difference_from_rest, rig_replay
from talksplat.core.performance.rest_difference import quaternion_moves

CHANNELS = 5


@pytest.fixture
def head(random_head):
    return random_head(channels=2)[2]


@pytest.fixture
def rig(head):
    """Two regions; every third Gaussian of each branch in one of them, those of the mouth only moved."""
    rng, total = np.random.default_rng(0), len(Replay(head).canonical)
    rows = np.arange(total)
    face, mouth = rows[rows < 700], rows[rows >= 700]

    def part(channels, numbers, own):
        moves = rng.normal(size=(channels, numbers, len(own))) * np.repeat([1.0, 0.1, 0.1], 3)[:numbers, None]
        return RigMoves(own, moves.astype(np.float16))

    def region(channels, branches):
        samples = np.sort(rng.choice(np.concatenate([p.rows for p in branches.values()]), 6 * channels, replace=False))
        return RigRegion(samples, np.zeros((channels, len(samples), 9), np.float32), branches)

    names = [RigChannel(f"lower_{i}", "lower", -1, 1) for i in range(3)] + [
        RigChannel(f"upper_{i}", "upper", -1, 1) for i in range(2)
    ]
    rest = {"face": rng.normal(size=32).astype(np.float32), "mouth": rng.normal(size=32).astype(np.float32)}
    regions = {
        "lower": region(3, {"face": part(3, 9, face[::3]), "mouth": part(3, 3, mouth[::3])}),
        "upper": region(2, {"face": part(2, 9, face[1::3])}),
    }
    return Rig(RigCard(tuple(names), 0.1), rest, regions)


@pytest.fixture
def replay(head, rig):
    return RigReplay(head, Replay(head), rig)


def plain_pose(rest: Frame, rig: Rig, pose: np.ndarray) -> list[np.ndarray]:
    """Gaussian by Gaussian in float64, as formats/rig.py says it."""
    means, quats, scales = (column.astype(np.float64) for column in rest)
    for name, region in rig.regions.items():
        own = pose[rig.card.rows_of(name)].astype(np.float64)
        for part in region.branches.values():
            for column, row in enumerate(part.rows):
                d = own @ part.moves[:, :, column].astype(np.float64)
                means[row] += d[:3] / 1000
                if len(d) > 3:
                    turned = quaternion_product(quats[row], np.array([1.0, *d[3:6]]))
                    quats[row] = turned / np.linalg.norm(turned)
                    scales[row] *= np.exp(d[6:])
    return [means, quats, scales]


@pytest.mark.parametrize("chunk", [7, 8192])
def test_it_is_what_the_file_says(monkeypatch, head, rig, chunk):
    monkeypatch.setattr(rig_replay, "CHUNK", chunk)
    replay = RigReplay(head, Replay(head), rig)
    out = replay.frame()
    for pose in np.random.default_rng(1).normal(size=(3, CHANNELS)):
        for found, true in zip(replay.posed(pose, out), plain_pose(replay.frame(), rig, pose)):
            np.testing.assert_allclose(found, true, rtol=2e-5, atol=2e-6)


def test_zero_is_the_head_at_rest(head, rig, replay):
    exact = Replay(head).at(Condition(rig.rest, np.zeros(2, np.float32)))
    for found, true in zip(replay.posed(np.zeros(CHANNELS)), exact):
        np.testing.assert_allclose(found, true, rtol=1e-6, atol=1e-7)


def test_a_difference_is_undone_by_what_it_says():
    rng = np.random.default_rng(3)

    def frame(angle):
        axis = rng.normal(size=(200, 3))
        axis *= np.sin(angle / 2) / np.linalg.norm(axis, axis=1, keepdims=True)
        turn = np.concatenate([np.full((200, 1), np.cos(angle / 2)), axis], axis=1)
        return Frame(rng.normal(size=(200, 3)), turn, rng.uniform(0.1, 1, (200, 3)))

    rest = frame(1.0)
    turn = frame(2.5)
    moved = Frame(turn.means, -quaternion_product(rest.quats, turn.quats), turn.scales)  # minus: the same rotation
    d = difference_from_rest(moved, rest).astype(np.float64)
    np.testing.assert_allclose(rest.means + d[:3].T / 1000, moved.means, atol=1e-5)
    np.testing.assert_allclose(rest.scales * np.exp(d[6:].T), moved.scales, rtol=1e-5)
    quats = rest.quats + quaternion_moves(rest.quats, d[None, 3:6])[0].T
    np.testing.assert_allclose(quats / np.linalg.norm(quats, axis=1, keepdims=True), -moved.quats, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(d[3:6], axis=0), np.tan(2.5 / 2), rtol=1e-5)


@pytest.mark.parametrize("pose", [np.nan, np.inf, -np.inf, 1e30, -1e30])
def test_any_pose_is_a_head(head, rig, replay, pose):
    frame = replay.posed(np.full(CHANNELS, pose))
    assert all(np.isfinite(column).all() for column in frame)
    assert (frame.scales > 0).all()
    np.testing.assert_allclose(np.linalg.norm(frame.quats, axis=1), 1, atol=1e-5)


def test_any_rig_is_a_head(head, rig):
    for part in rig.regions["lower"].branches.values():
        part.moves[:] = 65504
    test_any_pose_is_a_head(head, rig, RigReplay(head, Replay(head), rig), 1e4)


def test_a_frame_is_used_again_and_another_is_not_shared(replay):
    first = replay.posed(np.ones(CHANNELS))
    kept = [column.copy() for column in first]
    again = replay.posed(-np.ones(CHANNELS))
    assert all(np.array_equal(a, b) for a, b in zip(first, kept))
    assert replay.posed(np.ones(CHANNELS), again) is again
    assert all(np.array_equal(a, b) for a, b in zip(again, kept))


def test_a_pose_of_another_rig_is_said(replay):
    with pytest.raises(UserError, match="4 channels and the head's rig 5"):
        replay.posed(np.zeros(4))
