# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig is the best linear one, the same each time, and errs by what it says."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats import UserError, read_head, rig_of, write_head
from talksplat.core.inspecting.describe import describe
from talksplat.core.jobs import Failed, Finished, MakeRig, Started
from talksplat.core.listening import AudioCodes
from talksplat.core.performance import Condition, Frame, Performance, Replay, difference_from_rest
from talksplat.core.rigging import snapshots, with_measured_rig
from talksplat.core.rigging.basis import MAX_COMPONENTS, BasisFit, component_count
from talksplat.core.rigging.conditions import sample_conditions
from talksplat.core.rigging.directions import MEASURES, name_directions
from talksplat.core.rigging.sample_gaussians import choose_samples, least_squares


@pytest.fixture(scope="module")
def head(tiny_head):
    return read_head(tiny_head)


@pytest.fixture(scope="module")
def rest(head):
    return Condition(AudioCodes(head).rest(), np.zeros(len(head.card.expression), np.float32))


@pytest.fixture(scope="module")
def performances(head, rest):
    """Two of random codes around silence."""

    def one(seed):
        rng = np.random.default_rng(seed)
        codes = {b: code + rng.normal(size=(50, len(code))).astype(np.float32) for b, code in rest.audio.items()}
        still = np.zeros((50, len(rest.expression)), np.float32)
        names, ones = head.card.expression, np.ones(50, np.float32)
        return Performance(codes, rest.audio, still, names, ones, head.card.content_hash, "0" * 64, duration=0.49)

    return [one(0), one(1)]


@pytest.fixture(scope="module")
def fitted(head, rest, performances):
    """(basis fit, samples, held back)."""
    samples = sample_conditions(performances, 60, 0)
    held_back = np.arange(len(samples)) % 4 == 3
    return fit(head, rest, samples, held_back), samples, held_back


def fit(head, rest, samples, held_back):
    found = BasisFit([sample.kind for sample in samples], held_back)
    for step in (found.measure, found.add):
        for block in snapshots.blocks(head, Replay(head), rest, [sample.condition for sample in samples]):
            step(block)
    return found


def test_no_linear_basis_errs_less(head, rest, fitted):
    """Against numpy's own decomposition of all snapshots at once."""
    found, samples, held_back = fitted
    replay = Replay(head)
    base = replay.at(rest)
    for region in found.regions.values():
        rows = np.concatenate([np.concatenate(blocks) for blocks in region.rows.values()])
        still = Frame(*(column[rows] for column in base))
        d = np.array(
            [difference_from_rest(Frame(*(c[rows] for c in replay.at(s.condition))), still) for s in samples]
        ).astype(np.float64)
        sigma = 1000 * still.scales.max(axis=1)
        weighted = (d * np.repeat([np.ones_like(sigma), 2 * sigma, sigma], 3, axis=0)).reshape(len(d), -1)
        _, _, axes = np.linalg.svd(weighted[~held_back], full_matrices=False)
        for k in (0, 1, 5, 12):
            left = weighted[held_back] - weighted[held_back] @ axes[:k].T @ axes[:k]
            errors = np.linalg.norm(left.reshape(held_back.sum(), 9, -1)[:, :3], axis=1)
            assert region.rms(k) == pytest.approx(np.sqrt(np.square(errors).mean()), rel=1e-3, abs=1e-4)
            assert region.percentile(k, 0.99) >= np.percentile(errors, 99) * 0.99


def test_blocks_of_any_size_give_the_same_basis(monkeypatch, head, rest, fitted):
    found, samples, held_back = fitted
    monkeypatch.setattr(snapshots, "BLOCK", 17)
    other = fit(head, rest, samples, held_back)
    for name, region in found.regions.items():
        assert other.regions[name].gaussians == region.gaussians
        for k in (1, 4, 12):
            assert other.regions[name].rms(k) == pytest.approx(region.rms(k), rel=1e-3, abs=1e-4)


def test_the_bound_chooses_the_fewest_channels(fitted):
    for region in fitted[0].regions.values():
        most = region.components.shape[1]
        errors = [region.rms(k) for k in range(most + 1)]
        for bound in (errors[3], errors[8], 1.001 * errors[most]):
            k = component_count(region, bound, 1)
            assert errors[k] <= bound
            assert all(error > bound for error in errors[1:k])
        assert component_count(region, 0.0, 1) == most <= MAX_COMPONENTS
        assert component_count(region, 1e9, 6) == 6


def test_the_samples_tell_the_pose(fitted):
    """What is a mixture of the components is found again from the sample Gaussians alone."""
    rng = np.random.default_rng(0)
    for region in fitted[0].regions.values():
        moves = np.concatenate([np.concatenate(blocks, axis=2) for blocks in region.moves.values()], axis=2)[:6]
        weights = np.concatenate([np.concatenate(blocks, axis=1) for blocks in region.weights.values()], axis=1)
        chosen = choose_samples(moves)
        assert len(set(chosen)) == min(24, moves.shape[2])
        solve = least_squares(moves[:, :, chosen], weights[:, chosen])
        pose = rng.normal(size=6)
        seen = np.tensordot(pose, moves / weights, 1)[:, chosen]
        np.testing.assert_allclose(np.einsum("ksc,cs->k", solve, seen), pose, atol=1e-3)


def test_a_named_channel_moves_its_own_measure():
    """On a face whose components mix everything: a millimetre of a channel is a millimetre of its measure, and nothing
    of the others."""
    rng = np.random.default_rng(0)
    landmarks, coefficients = rng.normal(size=(14, 68, 3)), rng.normal(size=(400, 14)) * np.linspace(3, 0.3, 14)
    directions = name_directions("lower", coefficients, landmarks, 1000)
    named = [measure for measure in MEASURES if measure.name in directions.names]
    assert [measure.name for measure in named] == directions.names[: len(named)]
    assert len(named) == 7
    moved = np.tensordot(directions.mixtures.T, landmarks, 1)  # [14,68,3] of each channel
    told = np.array([measure.of(moved) for measure in named]).T
    np.testing.assert_allclose(told[: len(named)], np.eye(len(named)), atol=1e-9)
    np.testing.assert_allclose(told[len(named) :], 0, atol=1e-9)
    details = directions.mixtures[:, len(named) :] / np.sqrt(1000)
    np.testing.assert_allclose(details.T @ details, np.eye(7), atol=1e-9)


def test_eyes_that_only_close_together_have_one_channel():
    rng = np.random.default_rng(0)
    landmarks = rng.normal(size=(12, 68, 3))
    landmarks[:, [37, 38, 40, 41]] = landmarks[:, [44, 43, 47, 46]]
    names = name_directions("upper", rng.normal(size=(300, 12)), landmarks, 10).names
    assert names[0] == "blink"
    assert not {"blink_left", "blink_right"} & set(names)


def test_a_head_that_moves_no_landmark_has_details_alone():
    names = name_directions("lower", np.eye(4), np.zeros((4, 68, 3)), 10).names
    assert names == [f"lower_detail_{i}" for i in (1, 2, 3, 4)]


def test_a_head_gets_the_same_rig_each_time(rigged, tiny_head, finish):
    again = finish(with_measured_rig(read_head(tiny_head), 0.1))
    assert again.rig_card == rigged.rig_card
    assert {n: a.tobytes() for n, a in again.tensors.items()} == {n: a.tobytes() for n, a in rigged.tensors.items()}


def test_info_says_what_the_rig_is(rigged, tmp_path):
    write_head(tmp_path / "tiny.head", rigged)
    said = dict(describe(tmp_path / "tiny.head"))["rig"]
    assert said == f"{len(rig_of(rigged).card.channels)} channels (bound 0.1 mm RMS): none has a name"


def test_it_errs_by_what_it_says(rigged):
    """What the samples find is nearly the best that the channels can do."""
    card = rig_of(rigged).card
    for said in card.errors["measured"].values():
        assert 0 < said["rms mm"] <= said["p99.9 mm"] <= said["max mm"]
    best = max(card.errors[name]["by channels"][str(len(card.rows_of(name)))]["rms"] for name in card.regions)
    assert card.errors["measured"]["speech and controls"]["rms mm"] < 1.5 * max(best, card.bound)


def test_the_job_keeps_all_else_of_the_head(tmp_path, tiny_head):
    path = tmp_path / "tiny.head"
    shutil.copy(tiny_head, path)
    *_, last = run_job(MakeRig(str(path)))
    assert isinstance(last, Finished), last
    before, after = read_head(tiny_head), read_head(path)
    assert after.card.content_hash == before.card.content_hash
    assert all(np.array_equal(after.tensors[name], array) for name, array in before.tensors.items())
    assert last.result["channels"] == len(rig_of(after).card.channels)
    size = path.stat().st_size
    *_, last = run_job(MakeRig(str(path)))
    assert path.stat().st_size == size, "a second rig takes the first one's place"


def test_cancelling_leaves_the_head_as_it_was(tmp_path, tiny_head):
    path = tmp_path / "tiny.head"
    shutil.copy(tiny_head, path)
    job = run_job(MakeRig(str(path)))
    for _ in range(20):
        next(job)
    job.close()
    assert path.read_bytes() == tiny_head.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.head"]


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), -1.0])
def test_a_bound_that_is_no_length_is_one_sentence_before_the_work(tmp_path, tiny_head, bound):
    *_, before, last = run_job(MakeRig(str(tiny_head), str(tmp_path / "out.head"), bound))
    assert isinstance(before, Started)
    assert isinstance(last, Failed)
    assert "mm" in last.sentence
    assert not list(tmp_path.iterdir())


def test_what_cannot_work_is_said_before_the_work(tmp_path, head, tiny_head, voice):
    """A voice that is missing, and a card that is not that of the networks, not after minutes of listening."""
    wrong = tmp_path / "wrong.head"
    write_head(wrong, replace(head, card=replace(head.card, expression=())))
    for path, voices in ((tiny_head, (str(voice), str(tmp_path / "missing.wav"))), (wrong, ())):
        *_, before, last = run_job(MakeRig(str(path), str(tmp_path / "out.head"), voices=voices))
        assert isinstance(before, Started)
        assert isinstance(last, Failed), last
        assert ("missing.wav" if voices else "wrong.head") in last.sentence


def test_a_head_that_is_trained_again_meanwhile_is_not_written_over(tmp_path, tiny_head, make_tiny_head):
    path = tmp_path / "tiny.head"
    shutil.copy(tiny_head, path)
    job = run_job(MakeRig(str(path)))
    for _ in range(20):
        next(job)
    newer = make_tiny_head(path, seed=1).read_bytes()
    *_, last = job
    assert path.read_bytes() == newer
    assert isinstance(last, Failed)
    assert "tiny.head" in last.sentence
    assert "again" in last.sentence


def test_a_card_that_is_edited_meanwhile_stays_edited(tmp_path, head, tiny_head):
    path = tmp_path / "tiny.head"
    shutil.copy(tiny_head, path)
    job = run_job(MakeRig(str(path)))
    next(job)
    write_head(path, replace(head, card=replace(head.card, provenance="an actor")))
    *_, last = job
    assert isinstance(last, Finished), last
    assert read_head(path).card.provenance == "an actor"
    assert rig_of(read_head(path)) is not None


def test_a_head_that_nothing_moves_says_so(tmp_path, head):
    tensors = {name: 0 * a if ".deform.4." in name else a for name, a in head.tensors.items()}
    write_head(tmp_path / "still.head", type(head)(head.card, tensors))
    *_, last = run_job(MakeRig(str(tmp_path / "still.head")))
    assert "nothing moves this head" in last.sentence
    with pytest.raises(UserError):
        list(with_measured_rig(read_head(tmp_path / "still.head"), 0.1))
