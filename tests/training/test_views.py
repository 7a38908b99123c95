# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a picture are the picture; points lifted from it fall back onto it; a batch of sound is its windows."""

import numpy as np
import pytest
import torch

from talksplat.core.head import DeformedHead
from talksplat.core.metrics import lip_gap
from talksplat.core.training.initial_cloud import initial_cloud
from talksplat.core.training.lift_depth import depth_edges, lift_pixels
from talksplat.core.training.reference import choose_reference, picture_landmarks
from talksplat.core.training.views import blend_target, crop_view, draw, full_view


@pytest.fixture(scope="module")
def reference(footage, speech):
    return choose_reference(footage, speech, footage.frames("train"))


def cloud_of(footage, reference, branch):
    return initial_cloud(footage, footage.frames("train"), reference, branch, 300, 1, np.random.default_rng(0))


def test_a_window_is_a_part_of_the_picture(footage, reference):
    view = full_view(footage, 5)
    part = crop_view(view, np.array([20.0, 41.0]), 24, 16)
    cloud = cloud_of(footage, reference, "face")
    moved = DeformedHead(
        cloud.means, cloud.unit_quats, cloud.scales, cloud.opacities, torch.cat([cloud.sh0[:, None], cloud.shN], 1)
    )
    background = torch.tensor([0.2, 0.4, 0.6])
    with torch.no_grad():
        big, small = draw(moved, view.camera, background).color, draw(moved, part.camera, background).color
    assert small.shape == (16, 24, 3)
    assert torch.allclose(big[33:49, 8:32], small, atol=2e-5)
    assert torch.equal(blend_target(view, background)[33:49, 8:32], blend_target(part, background))
    inside = np.zeros((64, 64))
    inside[view.box] = 1
    assert inside[33:49, 8:32].sum() == np.ones((16, 24))[part.box].sum()


def test_lifted_points_fall_back_onto_their_pixels(footage):
    camera, depth = footage.camera(3), footage.depth(3)
    rows, columns = np.nonzero(depth)
    points = lift_pixels(camera, depth, rows, columns)
    in_camera = points @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
    assert np.allclose(camera.fx * in_camera[:, 0] / in_camera[:, 2] + camera.cx, columns + 0.5)
    assert np.allclose(camera.fy * in_camera[:, 1] / in_camera[:, 2] + camera.cy, rows + 0.5)


def test_edges_are_left_out():
    depth = np.full((6, 6), 0.5)
    depth[:, 3:] = 0.6
    assert np.array_equal(depth_edges(depth), np.tile([False, False, True, True, False, False], (6, 1)))


def test_the_first_gaussians_are_on_the_face_in_its_colours(footage, reference):
    face, mouth = (cloud_of(footage, reference, name).to_gaussians() for name in ("face", "mouth"))
    assert np.abs(face.means[:, 1]).max() < 1e-3
    assert np.allclose(mouth.means[:, 1], 0.01, atol=1e-3)
    assert np.abs(mouth.sh0 * 0.282095 + 0.5 - [0.1, 0.02, 0.02]).max() < 0.02
    assert (mouth.means[:, 2] < -0.035).all()


def test_without_depth_they_fill_the_bounds(footage, reference, monkeypatch):
    monkeypatch.setattr(type(footage), "depth", lambda self, i: None)
    cloud = cloud_of(footage, reference, "mouth")
    assert len(cloud) == 300
    away = np.abs(cloud.means.detach().numpy() - reference.mouth_centre)
    assert away.max() <= 0.6 * reference.mouth_half_extent + 1e-6


def test_the_reference_is_open_and_its_pictures_look_alike(footage, speech, reference):
    gaps = lip_gap(picture_landmarks(footage, speech, footage.frames("train")))
    assert lip_gap(reference.landmarks) > np.median(gaps)
    alike = lip_gap(picture_landmarks(footage, speech, reference.frames[:3]))
    assert np.abs(alike - lip_gap(reference.landmarks)).max() < 0.002
    assert np.abs(reference.landmarks - reference.centre).max() < 1.5 * reference.half_extent


def test_a_batch_is_its_windows(speech):
    rng = np.random.default_rng(0)
    rows = rng.choice(len(speech.moments), 40)
    shift = rng.normal(0, 0.01, 40)
    batch = speech.window_batch(rows, shift)
    for m, (clip, frame) in enumerate(speech.moments[rows]):
        one = speech.windows(clip, speech.tracks[clip].time[[frame]] + shift[m])
        assert np.allclose(batch[m], one[0], atol=2e-3 * np.abs(one).max())
