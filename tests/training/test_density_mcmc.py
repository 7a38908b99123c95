# SPDX-License-Identifier: GPL-3.0-or-later
"""3DGS-MCMC: relocation against the paper's double sum, quadrature and the raster; noise against its covariance."""

import math

import numpy as np
import pytest
import torch

from talksplat.core.formats.camera import Camera
from talksplat.core.head import Cloud
from talksplat.core.raster.rasterizer import rasterize
from talksplat.core.training.density import DensityInfo, DensitySettings
from talksplat.core.training.density.cloud_edits import rotation_matrices
from talksplat.core.training.density.density_settings import McmcSettings
from talksplat.core.training.density.mcmc import Mcmc
from talksplat.core.training.density.relocation import relocated_opacity_and_scale

CASES = [(o, n) for o in (0.006, 0.3, 0.9, 0.999) for n in (1, 2, 3, 17, 51)]


def cloud(n=60, seed=0, logits=None):
    g = torch.Generator().manual_seed(seed)
    r = lambda *shape: torch.randn(*shape, generator=g)  # noqa: E731
    logits = 1 + r(n) if logits is None else logits
    return Cloud(0.1 * r(n, 3), r(n, 4), -6 + 0.3 * r(n, 3), logits, r(n, 3), r(n, 3, 3))


def stepped(c, rate=1e-4):
    """Adam with moments in every row."""
    optimizer = torch.optim.Adam([{"params": [p], "names": [name]} for name, p in c.named_parameters()], lr=rate)
    sum((p**2).sum() for p in c.parameters()).backward()
    optimizer.step()
    return optimizer


def info(n):
    return DensityInfo(*torch.zeros(4, n), torch.ones(n, dtype=torch.bool))


@pytest.mark.parametrize(("o", "n"), CASES)
def test_relocation_equals_the_papers_sum_and_keeps_product_and_mass(o, n):
    after, grown = (
        float(x) for x in relocated_opacity_and_scale(torch.tensor([o], dtype=torch.float64), torch.tensor([n]))
    )
    assert (1 - after) ** n == pytest.approx(1 - o, rel=1e-12)
    paper = math.fsum(
        math.comb(i - 1, k) * (-1) ** k * after ** (k + 1) / math.sqrt(k + 1) for i in range(1, n + 1) for k in range(i)
    )
    assert grown == pytest.approx(o / paper, rel=1e-9)
    x = np.linspace(-12, 12, 40_001)
    before = o * np.exp(-(x**2) / 2)
    stacked = 1 - (1 - after * np.exp(-(x**2) / (2 * grown**2))) ** n
    assert stacked.sum() == pytest.approx(before.sum(), rel=1e-9)


def test_a_raised_opacity_keeps_the_mass_and_bad_corners_stay_finite():
    after, grown = (
        float(x) for x in relocated_opacity_and_scale(torch.tensor([0.02]), torch.tensor([51]), least=0.005)
    )
    assert after == 0.005
    x = np.linspace(-12, 12, 40_001)
    stacked = 1 - (1 - after * np.exp(-(x**2) / (2 * grown**2))) ** 51
    assert stacked.sum() == pytest.approx((0.02 * np.exp(-(x**2) / 2)).sum(), rel=1e-6)
    after, grown = relocated_opacity_and_scale(torch.tensor([1.0, 1.0, 0.5]), torch.tensor([2, 51, 1]))
    assert (after < 1).all()
    assert ((grown > 0) & (grown <= 1 + 1e-9)).all()
    assert grown[2] == 1
    assert len(relocated_opacity_and_scale(torch.zeros(0), torch.zeros(0, dtype=torch.int64))[0]) == 0


@pytest.mark.parametrize(("o", "n"), [(0.9, 2), (0.9, 4), (0.5, 3)])
def test_the_picture_of_n_relocated_is_the_old_one(o, n):
    """One round Gaussian, 8 pixels wide, against the n that take its place."""

    def alpha(opacity, factor, count):
        arrays = (
            np.tile([[0.0, 0.0, 1.0]], (count, 1)),
            np.tile([[1.0, 0, 0, 0]], (count, 1)),
            np.full((count, 3), 0.08 * factor),
            np.full(count, opacity),
            np.zeros((count, 3)),
            np.zeros((count, 0, 3)),
        )
        camera = Camera(81, 81, 100.0, 100.0, 40.5, 40.5, tuple(map(tuple, np.eye(4))))
        return rasterize(*(a.astype(np.float32) for a in arrays), camera).alpha

    after, grown = (float(x) for x in relocated_opacity_and_scale(torch.tensor([o]), torch.tensor([n])))
    old, new = alpha(o, 1.0, 1), alpha(after, grown, n)
    assert new[40, 40] == pytest.approx(old[40, 40], abs=1e-4)
    assert new[40].sum() == pytest.approx(old[40].sum(), rel=0.01)
    assert np.abs(alpha(o, 1.0, n) - old).max() > 0.05  # copying alone would show


def test_the_dead_are_relocated_and_nothing_else_moves():
    logits = torch.ones(60)
    logits[:20] = -9.0
    c = cloud(logits=logits)
    optimizer = stepped(c)
    before = {name: p.detach().clone() for name, p in c.named_parameters()}
    average = {name: optimizer.state[p]["exp_avg"].clone() for name, p in c.named_parameters()}
    torch.manual_seed(1)
    assert Mcmc(DensitySettings()).relocate(c, optimizer) == 20
    survived = torch.zeros(60, dtype=torch.bool)
    for i in range(20, 60):
        here = (c.means == c.means[i]).all(1)
        o = torch.sigmoid(before["logits"][i].double())
        group = c.opacities[here].detach().double()
        assert float((1 - group).prod()) == pytest.approx(float(1 - o), rel=1e-4)
        assert torch.equal(c.means[i], before["means"][i])
        expected = (
            torch.exp(before["logscales"][i].double())
            * relocated_opacity_and_scale(o[None], torch.tensor([len(group)]))[1]
        )
        assert torch.allclose(c.scales[here].double(), expected.expand(len(group), 3), rtol=1e-5)
        survived[i] = len(group) == 1
    assert 0 < survived.sum() < 40
    assert torch.isin(c.sh0[:20], before["sh0"][20:]).all()
    for name, p in c.named_parameters():
        assert torch.equal(p[survived], before[name][survived])
        now = optimizer.state[p]["exp_avg"]
        assert torch.equal(now[survived], average[name][survived])
        assert not now[~survived].any()
        assert optimizer.state[p]["step"] == 1


def test_growth_is_five_percent_up_to_the_cap():
    c, rule = cloud(100), Mcmc(DensitySettings(start=0, stop=100, every=10, budget=120))
    optimizer, state, sizes = stepped(c), rule.initialize_state(c), []
    transparency = float(torch.log1p(-c.opacities.detach().double()).sum())
    for step in range(100):
        change = rule.step_post_backward(c, optimizer, state, step, info(len(c)))
        assert (change is not None) == (step % 10 == 0)
        if change:
            sizes.append(len(c))
    assert sizes == [105, 110, 115, 120, 120, 120, 120, 120, 120, 120]
    assert len(c) == 120
    # each split keeps (1 - o')^n = 1 - o, so the sum over all of log(1 - o) does not move
    assert float(torch.log1p(-c.opacities.detach().double()).sum()) == pytest.approx(transparency, rel=1e-4)
    over = cloud(100)
    rule.settings = DensitySettings(start=0, stop=100, every=10, budget=50)
    assert rule.step_post_backward(over, stepped(over), rule.initialize_state(over), 0, info(100)).cloned == 0
    assert len(over) == 100


def test_noise_has_the_papers_covariance_and_spares_the_opaque():
    n, extent, rate = 40_000, 0.2, 3.2e-5
    c = cloud(1)
    many = Cloud(*(p.detach().repeat(n, *[1] * (p.ndim - 1)) for p in c.parameters()))
    with torch.no_grad():
        many.logits.fill_(math.log(0.004 / 0.996))
        many.logits[0] = 2.0
    start = many.means.detach().clone()
    torch.manual_seed(0)
    optimizer = torch.optim.SGD([{"params": [many.means], "names": ["means"], "lr": rate}])
    Mcmc(DensitySettings(extent=extent)).add_noise(many, optimizer)
    moved = (many.means.detach() - start).double()
    R, s = rotation_matrices(c.quats.detach().double())[0], c.scales.detach().double()[0]
    S = R @ torch.diag(s**2) @ R.T * rate * 5e5 / extent**2 / (1 + math.exp(100 * (0.004 - 0.005)))
    expected, found = S @ S.T, torch.cov(moved[1:].T)
    assert torch.allclose(found, expected, atol=0.03 * float(expected.diagonal().max()))
    assert moved[1:].mean(0).abs().max() < 5 * float(expected.diagonal().max().sqrt()) / n**0.5
    assert moved[0].abs().max() < 1e-8


def test_noise_and_terms_do_not_depend_on_the_unit_of_length():
    """The same head in decimetres: ten times the size, the same picture, the same numbers."""
    seen = []
    for unit in (1.0, 10.0):
        c = cloud(logits=torch.full((60,), -5.3))
        with torch.no_grad():
            c.means *= unit
            c.logscales += math.log(unit)
        rule, start = Mcmc(DensitySettings(extent=0.2 * unit)), c.means.detach().clone()
        torch.manual_seed(3)
        rule.add_noise(c, torch.optim.SGD([{"params": [c.means], "names": ["means"], "lr": 3e-5 * unit}]))
        seen.append(((c.means.detach() - start) / unit, *(x.detach() for x in rule.terms(c).values())))
    for one, other in zip(*seen):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-7)
    assert seen[0][0].abs().max() > 1e-6


def test_terms_are_weighted_means_and_pull_down():
    c = cloud()
    own = McmcSettings(opacity_weight=0.3, scale_weight=0.2)
    terms = Mcmc(DensitySettings(extent=0.5, mcmc=own)).terms(c)
    values = {name: float(value.detach()) for name, value in terms.items()}
    assert values["opacity"] == pytest.approx(0.3 * float(torch.sigmoid(c.logits.detach()).mean()))
    assert values["scale"] == pytest.approx(0.4 * float(c.logscales.detach().exp().mean()))
    sum(terms.values()).backward()
    assert (c.logits.grad > 0).all()
    assert (c.logscales.grad > 0).all()


def test_a_seed_decides_the_run_and_no_living_is_no_harm():
    def ran(seed):
        torch.manual_seed(seed)
        c, rule = cloud(), Mcmc(DensitySettings(start=0, stop=9, every=3, budget=70))
        optimizer, state = stepped(c), rule.initialize_state(c)
        for step in range(12):
            rule.step_post_backward(c, optimizer, state, step, info(len(c)))
        return c.means.detach()

    assert torch.equal(ran(0), ran(0))
    assert not torch.equal(ran(0), ran(1))
    c = cloud(logits=torch.full((60,), -9.0))
    rule = Mcmc(DensitySettings(start=0, every=1))
    change = rule.step_post_backward(c, stepped(c), rule.initialize_state(c), 1, info(60))
    assert (change.cloned, change.relocated, len(c)) == (0, 0, 60)
