# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians stay near the first surface; depth is guessed only where there is none; the neck is out of bounds."""

from types import SimpleNamespace

import numpy as np
import torch

from talksplat.core.footage import Footage
from talksplat.core.footage.clip_speech import encode_clips
from talksplat.core.training.front_surface import CELL, FrontSurface
from talksplat.core.training.lift_depth import complete_depth
from talksplat.core.training.reference import choose_reference
from talksplat.core.training.views import torso_mask

RNG = np.random.default_rng(0)


def dome(xz):
    return 0.5 * (xz**2).sum(-1) / 0.1 - 0.1


def surface():
    xz = RNG.uniform(-0.1, 0.1, (20_000, 2))
    points = np.stack([xz[:, 0], dome(xz), xz[:, 1]], 1)
    points[::50, 1] += RNG.uniform(-0.05, 0.05, 400)  # mixed pixels
    return FrontSurface.from_points(points)


def test_the_map_is_the_surface_and_brings_back_what_leaves_it():
    front, xz = surface(), RNG.uniform(-0.09, 0.09, (500, 2))
    away = RNG.uniform(-0.03, 0.03, 500)
    means = torch.from_numpy(np.stack([xz[:, 0], dome(xz) + away, xz[:, 1]], 1).astype(np.float32))
    before = means.clone()
    front.clamp_depth(SimpleNamespace(means=means), 0.008)
    left = means[:, 1].numpy() - dome(xz)
    assert np.abs(left).max() < 0.008 + CELL
    near = np.abs(away) < 0.008 - CELL
    assert near.any()
    assert torch.equal(means[near], before[near])
    assert torch.equal(means[:, [0, 2]], before[:, [0, 2]])


def test_outside_the_map_everything_is_free_and_few_points_make_none():
    means = torch.tensor([[0.5, 3.0, 0.0], [0.0, 3.0, -0.4]])
    surface().clamp_depth(SimpleNamespace(means=means), 0.001)
    assert (means[:, 1] == 3).all()
    assert FrontSurface.from_points(np.zeros((20, 3))) is None


def test_a_checkpoint_keeps_it():
    one = surface()
    other = FrontSurface.from_state_dict(one.state_dict())
    assert torch.equal(one.depth.nan_to_num(9), other.depth.nan_to_num(9))
    assert one.low == other.low
    assert FrontSurface.from_state_dict({}) is None


def test_depth_is_completed_behind_what_is_known():
    alpha, depth = np.zeros((60, 60)), np.zeros((60, 60), np.float32)
    alpha[5:55, 5:55], depth[20:40, 20:40] = 1, 0.8
    completed = complete_depth(depth, alpha, 200.0)
    assert (completed[alpha > 0] >= 0.8 - 1e-6).all()
    assert not completed[alpha == 0].any()
    assert np.array_equal(completed[20:40, 20:40], depth[20:40, 20:40])
    assert np.isclose(completed[30, 50] - 0.8, 0.6 * 11 * 0.8 / 200)
    alpha[:20] = alpha[40:] = alpha[:, :20] = alpha[:, 41:] = 0
    assert complete_depth(depth, alpha, 200.0) is depth


def test_neck_and_torso_are_out_of_the_field(tiny_footage):
    footage = Footage.open(tiny_footage)
    speech = encode_clips(footage, "train", "logmel")
    for below in (0.005, 0.02):
        r = choose_reference(footage, speech, footage.frames("train"), below)
        assert r.centre[2] - r.half_extent >= r.landmarks[:, 2].min() - below - 1e-9
        assert (np.abs(r.landmarks - r.centre) < r.half_extent).all()


def test_the_torso_is_below_the_chin_however_the_head_is_tilted():
    marks = np.zeros((68, 2))
    marks[27], marks[8] = (30, 20), (30, 40)
    torso = torso_mask(marks, 64, 64)
    assert not torso[:42].any()
    assert torso[43:].all()
    marks[27], marks[8] = (20, 30), (40, 30)
    assert np.array_equal(torso_mask(marks, 64, 64), torso.T)
