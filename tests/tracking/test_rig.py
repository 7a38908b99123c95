# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped rig: what it is cut from, and what of it must hold for tracking."""

import numpy as np
import pytest

from talksplat.core.tracking.ibug import IBUG68
from talksplat.core.tracking.rig import PART_EYE, PART_MOUTH, PART_NECK, PART_SKIN, RIG_FILE, load_rig


def test_small_and_licensed():
    assert RIG_FILE.stat().st_size < 6e6
    assert "MIT" in RIG_FILE.with_name("ICT_LICENSE").read_text()


def test_head_space():
    """Metres, Z up, looks along -Y, own left +X."""
    rig = load_rig()
    points = rig.neutral[rig.landmark_vertices]
    assert 0.12 < np.linalg.norm(points[0] - points[16]) < 0.17
    assert points[30, 1] < points[0, 1] - 0.05  # the nose in front of the ear
    assert points[27, 2] > points[8, 2] + 0.08  # the bridge above the chin
    assert points[45, 0] > 0.03  # iBUG 42-47 is the own left eye
    moved = rig.expressions[rig.index("mouthSmile_L")][rig.landmark_vertices]
    assert np.linalg.norm(moved[54]) > 5 * np.linalg.norm(moved[48])


def test_triangles_wind_outwards():
    rig = load_rig()
    a, b, c = (rig.neutral[rig.triangles[rig.parts == PART_EYE][:, i]].astype(float) for i in range(3))
    assert np.einsum("ij,ij->", a - rig.neutral.mean(0), np.cross(b - a, c - a)) > 0
    assert set(np.unique(rig.parts)) == {PART_SKIN, PART_NECK, PART_EYE, PART_MOUTH}


def test_mediapipe_points_are_on_the_face():
    rig = load_rig()
    np.testing.assert_allclose(rig.mediapipe_barycentric.sum(1), 1, atol=1e-6)
    assert set(IBUG68[17:]) <= set(rig.mediapipe_indices)
    near = np.linalg.norm(
        rig.mediapipe_points.neutral[np.searchsorted(rig.mediapipe_indices, IBUG68[17:])]
        - rig.neutral[rig.landmark_vertices[17:]],
        axis=-1,
    )
    assert np.median(near) < 0.004  # MediaPipe's landmarks are near iBUG's, but not the same
    assert 0.0005 < rig.mediapipe_noise.min() < rig.mediapipe_noise.max() < 0.005


def test_a_jaw_opens_the_mouth():
    rig = load_rig()
    weights = np.zeros(len(rig.expression_names))
    still = rig.landmarks.at(np.zeros(len(rig.identities)), weights)
    weights[rig.index("jawOpen")] = 1.0
    wide = rig.landmarks.at(np.zeros(len(rig.identities)), weights)
    gap = [np.linalg.norm(x[62] - x[66]) for x in (still, wide)]
    assert gap[0] < 0.002
    assert gap[1] == pytest.approx(0.0387, abs=2e-4)  # measured on the source


@pytest.mark.shared_data
def test_the_cut_is_the_source(shared_data):
    """The same head as the sample's rig makes of the source, to the rounding of the pack."""
    from talksplat.samples.actor.expression_rig import load_rig as full_rig

    rig, random = load_rig(), np.random.default_rng(0)
    identity, weights = random.normal(size=len(rig.identities)), random.random(len(rig.expression_names))
    full = full_rig(shared_data, np.pad(identity, (0, 100 - len(identity))))
    assert full.expression_names == rig.expression_names
    cut = np.r_[0:13294, 14062:24591]
    np.testing.assert_allclose(rig.vertices(identity, weights), full.vertices(weights)[cut], atol=1e-4)
    np.testing.assert_allclose(rig.landmarks.at(identity, weights), full.landmarks(weights), atol=1e-4)
