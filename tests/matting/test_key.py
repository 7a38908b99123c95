# SPDX-License-Identifier: GPL-3.0-or-later
"""Alpha and despill against renders whose alpha and colours are known."""

import numpy as np
import pytest
from scipy import ndimage

from talksplat.core.matting import Backdrop, alpha_from_mask, despill


@pytest.fixture(scope="module")
def keyed(film, truth):
    """(backdrop, matched [4,...], alpha [4,...], colours [4,...])"""
    frames = film()
    backdrop = Backdrop.estimate(frames, truth.points).for_clip(frames, truth.points)
    matched = [backdrop.match_colour(f, p) for f, p in zip(frames, truth.points)]
    alpha = np.stack([backdrop.alpha(e, p) for e, p in zip(matched, truth.points)])
    return backdrop, np.stack(matched), alpha, np.stack([despill(e, a, backdrop.field) for e, a in zip(matched, alpha)])


def test_alpha_is_the_renders(keyed, truth):
    _, _, alpha, _ = keyed
    error, edge = np.abs(alpha - truth.alpha), (truth.alpha > 0.02) & (truth.alpha < 0.98)
    assert error.mean() < 0.004
    assert error[edge].mean() < 0.11
    assert (error > 0.6).sum() < 12
    assert abs((alpha - truth.alpha)[edge].mean()) < 0.04  # neither eats nor grows


def test_despill_removes_the_backdrops_colour_at_the_edge(keyed, truth):
    _, matched, _, colours = keyed
    edge = (truth.alpha > 0.1) & (truth.alpha < 0.98)
    weight = truth.alpha[edge][:, None]
    before = (np.abs(matched - truth.rgb)[edge] * weight).mean()
    after = (np.abs(colours - truth.rgb)[edge] * weight).mean()
    assert after < 0.35 * before
    inside = np.stack([ndimage.binary_erosion(a == 1, np.ones((17, 17))) for a in truth.alpha])
    assert np.abs(colours - matched)[inside].max() <= 0.51  # and nothing else is touched


def test_backdrop_colours_inside_the_face_stay_opaque(keyed, film, truth):
    backdrop, matched, _, _ = keyed
    picture, points = matched[2].copy(), truth.points[2]
    for x, y in points[[13, 14, 468, 473, 4]].astype(int):  # teeth, irises, nose
        picture[y - 2 : y + 3, x - 2 : x + 3] = backdrop.field[y - 2 : y + 3, x - 2 : x + 3]
    brow = points[10].astype(int) - [0, 22]  # above the oval, deep in the cap
    picture[brow[1] - 3 : brow[1] + 4, brow[0] - 3 : brow[0] + 4] = backdrop.field[:7, :7]
    alpha = backdrop.alpha(picture, points)
    assert (alpha[ndimage.binary_erosion(truth.alpha[2] == 1, iterations=5)] == 1).all()


def test_islands_are_removed_and_gaps_at_the_rim_stay(keyed, truth):
    backdrop, matched, _, _ = keyed
    picture, points = matched[1].copy(), truth.points[1]
    picture[10:20, 10:20] = 30.0  # an object on the wall
    top = int(np.nonzero((truth.alpha[1] > 0.5).any(1))[0][0])
    middle = int(np.nonzero(truth.alpha[1][top] > 0.5)[0].mean())
    ring = np.hypot(*(np.mgrid[:256, :256] - np.array([top, middle])[:, None, None]))
    arch = (ring < 9) & (ring > 5) & (truth.alpha[1] == 0)
    picture[arch] = 30.0
    alpha = backdrop.alpha(picture, points)
    assert (alpha[10:20, 10:20] == 0).all()
    assert alpha[arch].mean() > 0.8
    assert alpha[top - 4 : top - 1, middle - 1 : middle + 2].max() < 0.2  # the wall visible through the lock


def test_noise_does_not_make_the_silhouette_flicker(keyed, film, truth):
    backdrop = keyed[0]
    again = [backdrop.match_colour(film(seed=seed)[0], truth.points[0]) for seed in (1, 2)]
    first, second = (backdrop.alpha(e, truth.points[0]) for e in again)
    edge = (truth.alpha[0] > 0.02) & (truth.alpha[0] < 0.98)
    assert np.abs(first - second)[edge].mean() < 0.04
    assert np.abs(first - second)[~edge].mean() < 0.0005


def test_a_picture_without_a_person_or_all_grey_works(keyed, cyan):
    backdrop = keyed[0]
    assert (backdrop.alpha(cyan.astype(np.float32)) < 0.02).all()
    grey = np.full((256, 256, 3), 128, np.uint8)
    matched = backdrop.match_colour(grey, np.full((478, 2), np.nan))
    alpha = backdrop.alpha(matched, np.full((478, 2), np.nan))
    assert np.isfinite(alpha).all()
    assert despill(matched, alpha, backdrop.field).shape == (256, 256, 3)


def test_the_guided_filter_moves_a_coarse_mask_onto_the_edge(film, truth, keyed):
    rng = np.random.default_rng(0)
    bookshelf = ndimage.gaussian_filter(rng.uniform(60, 255, (256, 256, 3)), (6, 6, 0)) * 1.1
    frames = film(bookshelf)
    for picture, alpha, points in zip(frames, truth.alpha, truth.points):
        small = ndimage.zoom(ndimage.gaussian_filter(alpha, 3), 0.5, order=1)
        person = ndimage.zoom(small, 2, order=1).clip(0, 1).astype(np.float32)
        refined = alpha_from_mask(picture, person, points)
        assert np.abs(refined - alpha).mean() < 0.75 * np.abs(person - alpha).mean()
        assert despill(picture.astype(np.float32), refined).dtype == np.uint8
