# SPDX-License-Identifier: GPL-3.0-or-later
"""The numpy replay against the torch field, and what a damaged head does to it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from talksplat.core.deformation.fusion import FUSIONS
from talksplat.core.formats.head_file import HeadFile
from talksplat.core.formats.user_error import UserError
from talksplat.core.performance import replay as replay_module
from talksplat.core.performance.branch_settings import BranchSettings
from talksplat.core.performance.condition import Condition
from talksplat.core.performance.folding import FUSION_TYPES
from talksplat.core.performance.replay import Replay


def condition(channels, seed=0):
    rng = np.random.default_rng(seed)
    codes = {name: rng.normal(size=32).astype(np.float32) for name in ("face", "mouth")}
    return Condition(codes, rng.random(channels).astype(np.float32))


@torch.no_grad()
def by_torch(field, canonical, moment):
    codes = {name: torch.tensor(code) for name, code in moment.audio.items()}
    return [t.numpy() for t in field(canonical, codes, torch.tensor(moment.expression))]


@pytest.mark.parametrize("fusion", FUSION_TYPES)
def test_both_halves_of_a_fusion_have_the_same_tensors(fusion):
    settings = BranchSettings(fusion=fusion, audio_code=7, fused=5, levels=3)
    network, folding = FUSIONS[fusion](settings), FUSION_TYPES[fusion].folding
    tensors = {f"fusion.{name}": tuple(weight.shape) for name, weight in network.state_dict().items()}
    assert folding.shapes(settings) == tensors
    assert folding.width(settings) == network.width


@pytest.mark.parametrize("channels", [0, 5])
@pytest.mark.parametrize("fusion", FUSION_TYPES)
def test_equals_the_torch_field(random_head, monkeypatch, fusion, channels):
    monkeypatch.setattr(replay_module, "CHUNK", 256)  # several chunks and a short last one
    field, canonical, head = random_head(fusion, channels)
    replay = Replay(head)
    for seed in range(3):
        moment = condition(channels, seed)
        frame, expected = replay.at(moment), by_torch(field, canonical, moment)
        for ours, theirs in zip(frame, expected):
            assert ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
        assert np.abs(frame.means - replay.canonical.means).max() > 3e-3
    np.testing.assert_array_equal(replay.branch, [0] * 700 + [1] * 300)


@pytest.mark.parametrize("fusion", FUSION_TYPES)
def test_loud_gates_saturate_without_a_warning(random_head, fusion):
    field, canonical, head = random_head(fusion)
    moment = condition(0)
    for code in moment.audio.values():
        code *= 300
    replay = Replay(head)
    expected = by_torch(field, canonical, moment)
    most = np.exp(np.float32(replay_module.LIMITS["logscales"]))  # the torch field has no limit
    expected[2] = np.clip(expected[2], replay.canonical.scales / most, replay.canonical.scales * most)
    for ours, theirs in zip(replay.at(moment), expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_outside_the_bounds_not_one_bit_moves(random_head):
    field, canonical, head = random_head("gated", 3)
    replay = Replay(head)
    outside = np.concatenate([~getattr(field, k).field.inside(canonical[k][0]).numpy() for k in canonical])
    assert 100 < outside.sum() < 900
    for before, after in zip(replay.frame(), replay.at(condition(3))):
        assert before[outside].tobytes() == after[outside].tobytes()
        assert (after[~outside] != before[~outside]).any(1)[:200].mean() > 0.9


def test_frames_are_new_unless_one_is_passed(random_head):
    replay = Replay(random_head()[2])
    first = replay.at(condition(0, 1))
    kept = [c.copy() for c in first]
    reused = replay.frame()
    assert replay.at(condition(0, 2), reused) is reused
    assert all((a == b).all() for a, b in zip(first, kept))
    again = replay.at(condition(0, 1), reused)
    assert all((a == b).all() for a, b in zip(again, first))
    assert not np.array_equal(replay.canonical.means, reused.means)


def test_four_threads_see_the_frames_that_one_sees(random_head):
    replay = Replay(random_head()[2])
    alone = [replay.at(condition(0, seed)).means for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: replay.at(condition(0, seed)).means, range(16)))
    assert all((a == b).all() for a, b in zip(alone, together))


@pytest.mark.parametrize("counts", [(1, 1), (0, 5), (5, 0)])
def test_tiny_and_empty_branches(random_head, counts):
    field, canonical, head = random_head(counts=counts, spread=0.1)
    moment = condition(0)
    for ours, theirs in zip(Replay(head).at(moment), by_torch(field, canonical, moment)):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_head_without_a_mouth(random_head):
    head = random_head()[2]
    card = replace(head.card, branches={"face": head.card.branches["face"]}, audio_code={"face": 32})
    face = Replay(HeadFile(card, {k: v for k, v in head.tensors.items() if k.startswith("face.")}))
    both, moment = Replay(head), condition(0)
    np.testing.assert_array_equal(face.at(moment).means, both.at(moment).means[:700])


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda t: t.pop("face.field.deform.2.weight"), "deform.2.weight"),
        (lambda t: t.update({"mouth.field.encoder.tables": np.zeros((3, 9), np.float32)}), "encoder.tables"),
        (lambda t: t.update({"face.field.fusion.gate.bias": np.zeros(32, np.int32)}), "gate.bias"),
        (lambda t: t.pop("mouth.gaussians.quats"), "quats"),
    ],
)
def test_a_head_that_does_not_match_its_card_is_rejected(random_head, spoil, word):
    head = random_head()[2]
    spoil(head.tensors)
    with pytest.raises(UserError, match=word):
        Replay(head)


@pytest.mark.parametrize(
    "change",
    [{"fusion": "concat"}, {"audio_code": {"face": 32, "mouth": 16}}, {"expression": ("blink",)}],
    ids=lambda change: next(iter(change)),
)
def test_a_card_that_contradicts_its_branches_is_rejected(random_head, change):
    _, _, head = random_head("gated", 5)
    Replay(head)
    with pytest.raises(UserError, match="on the card are not"):
        Replay(HeadFile(replace(head.card, **change), head.tensors, head.source))


def test_another_heads_performance_is_rejected(random_head):
    replay = Replay(random_head(channels=3)[2])
    good = condition(3)
    for bad in (
        Condition({"face": good.audio["face"]}, good.expression),
        Condition(good.audio, np.zeros(4, np.float32)),
        Condition({**good.audio, "mouth": np.zeros(64, np.float32)}, good.expression),
    ):
        with pytest.raises(UserError, match="recreate the performance"):
            replay.at(bad)


def test_the_package_needs_no_torch():
    code = (
        "import sys; import talksplat.core.performance.replay, talksplat.core.performance.frame_rate; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'numba', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("fusion", FUSION_TYPES)
@pytest.mark.parametrize("value", [1e38, -1e38, 3e4, 0.0])
@pytest.mark.parametrize(
    "part", ["field.encoder.tables", "field.deform.4.weight", "gaussians.scales", "gaussians.quats"]
)
def test_a_hostile_head_never_gives_a_frame_that_cannot_be_drawn(random_head, fusion, value, part):
    head = random_head(fusion, 3)[2]
    if part == "gaussians.scales":
        value = abs(value) or 1e-38
    values = head.tensors[f"face.{part}"].reshape(-1)
    values[1 if part.endswith("quats") else 0 :: 2] = value
    replay = Replay(head)
    for code in (0.0, 1.0, -30.0, 1e6):  # 1e6 is the most that a performance may hold
        codes = {name: np.full(32, code, np.float32) for name in ("face", "mouth")}
        means, quats, scales = replay.at(Condition(codes, np.full(3, min(code, 1.0), np.float32)))
        assert all(np.isfinite(column).all() for column in (means, quats, scales))
        assert (scales > 0).all()
        np.testing.assert_allclose(np.linalg.norm(quats, axis=1), 1, atol=1e-5)


def test_a_gaussian_sent_to_nan_is_at_rest_and_one_sent_too_far_is_held(random_head):
    head = random_head("gated", 0)[2]
    for weight in (np.nan, np.inf):
        head.tensors["face.field.deform.4.weight"][:] = weight  # read_head would reject it; training may meet it
        replay = Replay(head)
        for moved, rest in zip(replay.at(condition(0)), replay.frame()):
            np.testing.assert_allclose(moved[:700], rest[:700], rtol=1e-6)
    head.tensors["face.field.deform.4.weight"][:] = 1e30
    frame = Replay(head).at(condition(0))
    assert np.abs(frame.means[:700]).max() <= replay_module.LIMITS["means"] * 1.01
    change = np.log(frame.scales[:700] / replay.canonical.scales[:700])
    assert np.abs(change).max() <= replay_module.LIMITS["logscales"] * 1.01
    assert all(np.isfinite(column).all() for column in frame)
