# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from talksplat.core.metrics import correlation, face_box, jitter, landmark_distance, lip_gap, mouth_box


def face(x, y, scale=10.0):
    marks = np.zeros((68, 2))
    marks[48:] = np.random.default_rng(0).uniform(-1, 1, (20, 2)) * scale + [x, y]
    return marks


@pytest.mark.parametrize("place", [(50, 50), (0, 0), (99, 99), (-400, 20)])
def test_box_stays_inside(place):
    rows, columns = mouth_box(face(*place), 100, 100)
    assert 0 <= rows.start < rows.stop <= 100
    assert 0 <= columns.start < columns.stop <= 100
    assert rows.stop - rows.start >= 16


def test_box_holds_the_mouth():
    marks = face(50, 60)
    rows, columns = mouth_box(marks, 100, 100)
    assert ((marks[48:, 0] >= columns.start) & (marks[48:, 0] <= columns.stop)).all()
    assert ((marks[48:, 1] >= rows.start) & (marks[48:, 1] <= rows.stop)).all()
    assert columns.stop - columns.start == pytest.approx(1.7 * np.ptp(marks[48:, 0]), abs=2)


def test_gap_and_likeness():
    marks = np.random.default_rng(0).random((5, 68, 3))
    marks[:, 62] = 0
    marks[:, 66] = -np.arange(5)[:, None] * [0, 0, 1]
    assert np.allclose(lip_gap(marks), np.arange(5))
    t = np.linspace(0, 6, 50)
    assert correlation(np.sin(t), 3 * np.sin(t) + 7) == pytest.approx(1)
    assert correlation(np.sin(t), -np.sin(t)) == pytest.approx(-1)
    assert correlation(np.sin(t), np.ones(50)) == 0
    mouth = np.random.default_rng(0).random((4, 20, 2))
    assert landmark_distance(mouth, mouth + 5) == pytest.approx(0, abs=1e-12)
    assert landmark_distance(np.float64([[[0, 0], [6, 8]]]), np.zeros((1, 2, 2))) == pytest.approx(5)
    assert jitter(np.arange(10)[:, None, None] * np.ones((10, 3, 2))) == pytest.approx(0)
    assert jitter(np.random.default_rng(0).random((10, 3, 2))) > 0.1


def test_lmd_sees_shape_but_not_place():
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 7, 68, 2)) * 100
    mouth = landmark_distance(first[:, 48:], second[:, 48:])
    assert landmark_distance(first, second) == pytest.approx(mouth)  # of a whole face, the mouth
    there, here = rng.random((2, 7, 1, 2)) * 50  # another place every frame, other for each set
    assert landmark_distance(first + there, second + here) == pytest.approx(mouth)
    assert landmark_distance(3 * first, 3 * second) == pytest.approx(3 * mouth)  # pixels stay pixels
    twice = landmark_distance(np.concatenate([first, first]), np.concatenate([second, first]))
    assert twice == pytest.approx(mouth / 2)
    for strange, other in ((first[:3], second), (first[:, :20], second), (first[0], second[0]), (first[:0], first[:0])):
        with pytest.raises(ValueError, match="equal sets"):
            landmark_distance(strange, other)


def test_a_face_box_holds_all_landmarks_and_a_forehead():
    marks = np.random.default_rng(0).uniform(30, 70, (68, 2))
    rows, columns = face_box(marks, 100, 100)
    low, high = marks.min(axis=0), marks.max(axis=0)
    assert columns.start <= low[0] <= high[0] <= columns.stop
    assert rows.start <= low[1] - 0.3 * (high[1] - low[1])
    assert high[1] <= rows.stop <= high[1] + 1
    inside = face_box(marks - [0, 35], 100, 60)
    assert (inside[0].start, inside[0].stop <= 60) == (0, True)
