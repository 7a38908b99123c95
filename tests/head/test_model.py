# SPDX-License-Identifier: GPL-3.0-or-later
"""The trainable head is the same function as the numpy replay, and is unchanged by its file."""

import numpy as np
import pytest
import torch

from talksplat.core.formats.head_file import HeadFile, read_head, write_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.head import Cloud, HeadModel
from talksplat.core.performance.condition import Condition
from talksplat.core.performance.replay import Replay


@pytest.fixture
def tiny(make_tiny_head, tmp_path):
    return read_head(make_tiny_head(tmp_path / "tiny.head"))


def random_condition(head, seed=0):
    rng = np.random.default_rng(seed)
    codes = {name: rng.standard_normal(width).astype(np.float32) for name, width in head.card.audio_code.items()}
    return codes, rng.random(len(head.card.expression)).astype(np.float32)


def test_forward_equals_replay(tiny):
    model, replay = HeadModel.from_file(tiny), Replay(tiny)
    for seed in range(3):
        codes, expression = random_condition(tiny, seed)
        with torch.no_grad():
            moved = model({name: torch.from_numpy(code) for name, code in codes.items()}, torch.from_numpy(expression))
        frame = replay.at(Condition(codes, expression))
        assert np.abs(moved.means.numpy() - replay.canonical.means).max() > 1e-4
        for column in ("means", "quats", "scales"):
            assert np.abs(getattr(moved, column).numpy() - getattr(frame, column)).max() < 1e-5
        assert np.abs(moved.opacities.numpy() - replay.canonical.opacities).max() < 1e-5
        assert np.array_equal(moved.sh[:, 0].detach().numpy(), replay.canonical.sh0)


def test_round_trip(tiny, tmp_path):
    head = HeadModel.from_file(tiny).to_file(tiny.card)
    assert set(head.tensors) == set(tiny.tensors)
    for name, values in tiny.tensors.items():
        assert np.allclose(head.tensors[name], values, rtol=2e-5, atol=2e-6), name
    card = write_head(tmp_path / "again.head", head)
    again = read_head(tmp_path / "again.head")
    assert again.card == card
    assert (card.branches, card.audio_code, card.fusion) == (tiny.card.branches, tiny.card.audio_code, tiny.card.fusion)


def test_rest_is_canonical(tiny):
    model = HeadModel.from_file(tiny)
    assert np.allclose(model.canonical().means.detach().numpy(), Replay(tiny).canonical.means)


def test_opaque_and_clear_gaussians_stay_finite(tiny):
    table = tiny.gaussians("face")
    table.opacities[:2] = [0, 1]
    cloud = Cloud.from_gaussians(table)
    assert torch.isfinite(cloud.logits).all()
    assert np.allclose(cloud.to_gaussians().opacities, table.opacities, atol=2e-6)


def test_networks_that_do_not_fit_are_an_error(tiny):
    for name in ("face.audio.feature_mean", "mouth.field.deform.0.weight"):
        tensors = dict(tiny.tensors)
        del tensors[name]
        with pytest.raises(UserError, match="export the head again"):
            HeadModel.from_file(HeadFile(tiny.card, tensors, "x.head"))
    tensors = dict(tiny.tensors)
    tensors["face.field.deform.0.weight"] = np.zeros((3, 3), np.float32)
    with pytest.raises(UserError, match="do not fit its card"):
        HeadModel.from_file(HeadFile(tiny.card, tensors, "x.head"))
