# SPDX-License-Identifier: GPL-3.0-or-later
"""Branch, fusions, audio code and the composed field: what must hold whatever the weights are."""

import json

import pytest
import torch

from talksplat.core.deformation.audio_net import AudioNet
from talksplat.core.deformation.branch import Branch, apply_offsets
from talksplat.core.deformation.field import HeadField
from talksplat.core.deformation.fusion import FUSIONS
from talksplat.core.formats.user_error import UserError
from talksplat.core.performance.branch_settings import BranchSettings
from talksplat.core.performance.folding import FUSION_TYPES

BOUNDS = {"centre": (0.0, -0.03, 0.05), "half_extent": 0.12}
CASES = [
    (maker, fusion, channels)
    for maker in (BranchSettings.face, BranchSettings.mouth)
    for fusion in FUSION_TYPES
    for channels in (0, 5)
]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def with_large_weights(module, seed=0):
    """Weights far from their small initial ones, so that a leak would show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.normal_(std=0.5 if "tables" in name else 0.3, generator=generator)
    return module


def gaussians(n=400, seed=1):
    g = torch.Generator().manual_seed(seed)
    means = torch.tensor(BOUNDS["centre"]) + (torch.rand(n, 3, generator=g) - 0.5) * 0.36
    quats = torch.nn.functional.normalize(torch.randn(n, 4, generator=g), dim=1)
    return means, quats, torch.rand(n, 3, generator=g) * 0.01 + 1e-3


@pytest.mark.parametrize(("maker", "fusion", "channels"), CASES)
def test_outside_the_bounds_not_one_bit_moves(maker, fusion, channels):
    branch = with_large_weights(Branch(maker(fusion=fusion, expression=channels, **BOUNDS)))
    canonical = gaussians()
    offsets = branch(canonical[0], torch.randn(32), torch.randn(channels))
    moved = apply_offsets(*canonical, offsets)
    outside = ~offsets.inside
    assert 50 < outside.sum() < 350
    for before, after in zip(canonical, moved):
        assert torch.equal(before[outside].view(torch.int32), after[outside].view(torch.int32))
    assert ((moved[0] - canonical[0])[~outside].abs().sum(1) > 0).float().mean() > 0.9
    assert torch.allclose(moved[1].norm(dim=1), torch.ones(400), atol=1e-6)
    assert (moved[2] > 0).all()


@pytest.mark.parametrize("fusion", FUSION_TYPES)
def test_no_encoding_no_motion_even_inside(fusion):
    """The fusions' promise: x = 0 gives f = 0 exactly, whatever the gate's bias."""
    settings = BranchSettings.face(fusion=fusion, expression=3, **BOUNDS)
    branch = with_large_weights(Branch(settings))
    fused = branch.fusion(torch.zeros(7, 36), branch.audio_gate(torch.zeros(7, 36)) * torch.randn(32))
    assert (fused == 0).all()
    with torch.no_grad():
        branch.encoder.tables.zero_()
    offsets = branch(gaussians()[0], torch.randn(32), torch.randn(3))
    assert all((part == 0).all() for part in offsets[:3])


def test_the_gate_can_choose_either_modality():
    fusion = with_large_weights(FUSIONS["gated"](BranchSettings.face()))
    x, a = torch.randn(9, 36), torch.randn(9, 32)
    for bias, chosen in ((1e4, fusion.audio(a)), (-1e4, fusion.spatial(x))):
        with torch.no_grad():
            fusion.gate.bias.fill_(bias)
        torch.testing.assert_close(fusion(x, a), chosen)


@pytest.mark.parametrize(("maker", "fusion", "channels"), CASES)
def test_every_weight_the_code_and_the_positions_get_a_gradient(maker, fusion, channels):
    branch = with_large_weights(Branch(maker(fusion=fusion, expression=channels, **BOUNDS)))
    means, quats, scales = gaussians()
    means.requires_grad_()
    code, expression = torch.randn(32, requires_grad=True), torch.ones(channels, requires_grad=True)
    moved = apply_offsets(means, quats, scales, branch(means, code, expression))
    sum((a - b).square().sum() for a, b in zip(moved, (means.detach(), quats, scales))).backward()
    learning = {**dict(branch.named_parameters()), "code": code, "means": means}
    assert {k for k, p in learning.items() if p.grad is None or not p.grad.abs().max() > 0} == set()
    assert channels == 0 or expression.grad.abs().max() > 0


def test_branch_gradients_by_finite_differences():
    settings = BranchSettings(
        base=2.0, finest=3.0, levels=2, hidden=8, audio_code=4, fused=4, expression=2, motion=(1.0, 0.5, 2.0), **BOUNDS
    )
    branch = with_large_weights(Branch(settings)).double()
    means, quats, scales = (t.double() for t in gaussians(12))

    def moved(code, expression, table):
        weights = {"encoder.tables": table}
        offsets = torch.func.functional_call(branch, weights, (means, code, expression))
        return apply_offsets(means, quats, scales, offsets)

    inputs = [torch.randn(4).double(), torch.rand(2).double(), branch.encoder.tables.detach().clone()]
    assert torch.autograd.gradcheck(moved, [t.requires_grad_() for t in inputs], atol=1e-6)


def test_the_inside_mouth_moves_mostly_up():
    branch = with_large_weights(Branch(BranchSettings.mouth(**BOUNDS)))
    same = with_large_weights(Branch(BranchSettings.mouth(**{**BOUNDS, "motion": (1.0, 1.0, 1.0)})))
    means, code = gaussians()[0], torch.randn(32)
    ratio = branch(means, code).d_means / same(means, code).d_means
    inside = branch.inside(means)
    torch.testing.assert_close(ratio[inside].nanmean(0), torch.tensor([0.002, 0.005, 0.01]), rtol=1e-4, atol=0)


def test_the_field_joins_face_then_mouth_and_names_its_tensors_as_the_head_does():
    settings = {"face": BranchSettings.face(expression=5, **BOUNDS), "mouth": BranchSettings.mouth(**BOUNDS)}
    field = with_large_weights(HeadField(settings, channels=20))
    canonical = {"face": gaussians(30, 3), "mouth": gaussians(20, 4)}
    codes = {k: v[0] for k, v in field.codes(torch.randn(1, 8, 20, 2)).items()}
    expression = torch.rand(5)
    joint = field(canonical, codes, expression)
    mouth = apply_offsets(*canonical["mouth"], field.mouth.field(canonical["mouth"][0], codes["mouth"], expression))
    assert [len(t) for t in joint] == [50, 50, 50]
    for both, part in zip(joint, mouth):
        assert torch.equal(both[30:], part)
    names = set(field.state_dict())
    assert {n.split(".")[0] for n in names} == {"face", "mouth"}
    assert {n.split(".")[1] for n in names} == {"field", "audio"}


def test_audio_code_reads_normalised_features_of_all_eight_frames():
    net = AudioNet(12)
    features = torch.randn(500, 12) * torch.arange(12) + 3.0
    net.normalise_to(features)
    windows = features[: 16 * 6].reshape(6, 8, 2, 12).transpose(2, 3).contiguous().requires_grad_()
    code = net(windows)
    assert code.shape == (6, 32)
    code.square().sum().backward()
    assert (windows.grad.abs().sum((2, 3)) > 0).all()
    assert (windows.grad[:, :, 1:].abs().sum((0, 1)) > 0).all()  # both feature frames of a window, all channels
    assert {k for k, p in net.named_parameters() if not p.grad.abs().max() > 0} == set()  # the attention too
    unnormalised = AudioNet(12)
    unnormalised.load_state_dict({**net.state_dict(), "feature_mean": torch.zeros(12), "feature_std": torch.ones(12)})
    deviation = torch.where(features.std(0) > 0, features.std(0, False), 1.0)  # channel 0 never changes
    by_hand = (windows - features.mean(0)[:, None]) / deviation[:, None]
    torch.testing.assert_close(unnormalised(by_hand), code, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="expected"):
        net(torch.zeros(1, 8, 11, 2))


@pytest.mark.parametrize("settings", [BranchSettings.face(expression=8), BranchSettings.mouth(fusion="concat")])
def test_settings_survive_the_card(settings):
    assert BranchSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize(
    "spoil",
    [
        {"fusion": "magic"},
        {"fusion": ["gated"]},
        {"hidden": 10**9},
        {"levels": 0},
        {"levels": "12"},
        {"finest": 361.5},
        {"base": 362},
        {"finest": float("nan")},
        {"half_extent": 0},
        {"outputs": ["quats", "means"]},
        {"outputs": []},
        {"centre": [0, 0]},
        {"centre": "abc"},
        {"colour": 1},
        {"motion": None},
        {"outputs": ["means", [1]]},
        {"audio_code": True},
        {"motion": [1e300] * 3},
        {"centre": [0, 0, -1e9]},
        {"half_extent": 1e-300},
        {"half_extent": 1e9},
    ],
)
def test_a_damaged_card_is_an_error_in_a_sentence(spoil):
    with pytest.raises(UserError):
        BranchSettings.from_dict({**BranchSettings().to_dict(), **spoil})
