# SPDX-License-Identifier: GPL-3.0-or-later
"""Density rules against brute force; what clones, splits and edits of the optimiser must keep."""

import numpy as np
import pytest
import torch

from talksplat.core.head import Cloud
from talksplat.core.training.density import STRATEGIES, DensityInfo, DensitySettings
from talksplat.core.training.density.cloud_edits import (
    copy_rows,
    long_axis_children,
    random_children,
    replace_rows,
    rotation_matrices,
)
from talksplat.core.training.density.scored import Scored


def cloud(n=40, seed=0):
    g = torch.Generator().manual_seed(seed)
    r = lambda *shape: torch.randn(*shape, generator=g)  # noqa: E731
    return Cloud(0.1 * r(n, 3), r(n, 4), -6 + r(n, 3), 1 + r(n), r(n, 3), r(n, 3, 3))


def adam(c):
    return torch.optim.Adam([{"params": [p], "names": [name]} for name, p in c.named_parameters()], lr=1e-3)


def views(n, count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        gradient = rng.random(n, dtype=np.float32) * 1e-3
        pixels = rng.integers(0, 50, n)
        yield DensityInfo(
            *map(torch.from_numpy, (gradient, 2 * gradient, pixels, np.full(n, 0.7, np.float32), pixels > 0))
        )


@pytest.mark.parametrize("name", ["pixel_aware", "adc", "absgrad", "pixel_aware_budget"])
def test_scores_equal_brute_force(name):
    c = cloud()
    rule = STRATEGIES[name](DensitySettings(start=10**6, stop=10**7))
    state = rule.initialize_state(c)
    seen = list(views(len(c), 7))
    for step, info in enumerate(seen):
        assert rule.step_post_backward(c, adam(c), state, step, info) is None
    expected = []
    for i in range(len(c)):
        weights = [float(v.pixels[i]) if "pixel" in name else float(v.pixels[i] > 0) for v in seen]
        total = sum(w * float((v.absolute if name == "absgrad" else v.gradient)[i]) for w, v in zip(weights, seen))
        expected.append(total / sum(weights) if sum(weights) else 0.0)
    assert np.allclose(rule.scores(state).numpy(), expected, rtol=1e-5)


def moments(columns, rows):
    """Opacity-weighted mean and covariance of some Gaussians, as integrals."""
    means, R = columns["means"][rows].double(), rotation_matrices(columns["quats"][rows].double())
    s = torch.exp(columns["logscales"][rows].double())
    cov = R @ torch.diag_embed(s**2) @ R.transpose(1, 2)
    weight = torch.sigmoid(columns["logits"][rows].double()) * s.prod(1)
    share = weight / weight.sum()
    mean = (share[:, None] * means).sum(0)
    away = means - mean
    return weight.sum(), mean, (share[:, None, None] * (cov + away[:, :, None] * away[:, None])).sum(0)


def test_long_axis_split_keeps_mass_mean_and_covariance():
    c = cloud()
    rows = torch.arange(5)
    born = long_axis_children(c, rows)
    parents = {name: p.detach() for name, p in c.named_parameters()}
    for i in range(5):
        for before, after in zip(moments(parents, [i]), moments(born, [i, i + 5])):
            assert torch.allclose(before, after, rtol=1e-4, atol=1e-12)
    assert (born["logscales"] <= parents["logscales"][rows].repeat(2, 1) + 1e-6).all()


def test_random_children_and_clones():
    c = cloud()
    rows = torch.tensor([3, 7])
    torch.manual_seed(0)
    born = random_children(c, rows.repeat(2000))
    parent = {name: p.detach()[[3]] for name, p in c.named_parameters()}
    _, mean, cov = moments(parent, [0])
    first = born["means"][0::2].double()
    assert torch.allclose(first.mean(0), mean, atol=4 * float(cov.diagonal().max().sqrt()) / 2000**0.5 * 2)
    assert torch.allclose(born["logscales"][0], c.logscales[3] - np.log(1.6))
    for name, column in copy_rows(c, rows).items():
        assert torch.equal(column, getattr(c, name)[rows])


def test_edits_keep_moments_of_those_that_stay():
    c = cloud()
    optimizer = adam(c)
    for _ in range(3):
        optimizer.zero_grad()
        sum((p**2).sum() for p in c.parameters()).backward()
        optimizer.step()
    before = {
        name: (p.detach().clone(), optimizer.state[p]["exp_avg"].clone(), optimizer.state[p]["step"].clone())
        for name, p in c.named_parameters()
    }
    keep = torch.tensor([5, 1, 30])
    replace_rows(c, optimizer, keep, copy_rows(c, torch.tensor([2, 2])))
    for name, p in c.named_parameters():
        values, average, count = before[name]
        assert torch.equal(p.detach(), torch.cat([values[keep], values[[2, 2]]]))
        assert torch.equal(optimizer.state[p]["exp_avg"][:3], average[keep])
        assert not optimizer.state[p]["exp_avg"][3:].any()
        assert optimizer.state[p]["step"] == count
    assert len(optimizer.state) == 6
    sum((p**2).sum() for p in c.parameters()).backward()
    optimizer.step()


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_the_budget_is_reached_and_kept(name):
    c = cloud(200)
    settings = DensitySettings(
        start=0, stop=100, every=10, budget=260, tau=1e-6, prune_from=0.0, prune_to=0.0, largest=1e9
    )
    rule, optimizer = STRATEGIES[name](settings), adam(c)
    state, sizes = rule.initialize_state(c), []
    for step in range(1, 100):
        change = rule.step_post_backward(c, optimizer, state, step, next(views(len(c), 1, step)))
        if change:
            sizes.append(len(c))
            if isinstance(rule, Scored):
                assert len(c) <= rule.allowed(state, step)
    assert sizes == sorted(sizes)
    assert 255 <= sizes[-1] <= 260


def test_pruning_takes_the_faint_and_the_huge():
    c = cloud(50)
    with torch.no_grad():
        c.logits[:10] = -9.0
        c.logscales[10:15] = 0.0
    rule = STRATEGIES["pixel_aware"](DensitySettings(start=0, stop=100, every=1, tau=1e9))
    change = rule.step_post_backward(c, adam(c), rule.initialize_state(c), 1, next(views(50, 1)))
    assert change.pruned >= 15
    assert len(c) == 50 - change.pruned
    assert c.scales.max() < 0.02


def test_absgrad_sees_what_cancels():
    """One Gaussian is pulled apart (signed sum 0), one is pulled evenly, one hardly."""
    pulls = torch.tensor([0.0, 1e-3, 1e-5]), torch.tensor([1e-3, 1e-3, 7e-4])
    info = DensityInfo(*pulls, torch.ones(3), torch.ones(3), torch.ones(3, dtype=torch.bool))
    grown = {}
    for name in ("adc", "absgrad"):
        c = cloud(3)
        rule = STRATEGIES[name](DensitySettings(start=0, stop=10, every=1, largest=1e9, prune_from=0, prune_to=0))
        change = rule.step_post_backward(c, adam(c), rule.initialize_state(c), 9, info)
        grown[name] = change.cloned + change.split
    assert grown == {"adc": 1, "absgrad": 2}  # 7e-4 is under 4 tau
