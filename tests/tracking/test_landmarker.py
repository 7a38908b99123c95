# SPDX-License-Identifier: GPL-3.0-or-later
"""A real face in real pictures: it is found, counted, and its lips part where the words say so."""

import subprocess
import sys
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.video import read_video
from talksplat.core.tracking import runtime
from talksplat.core.tracking.ibug import IBUG68
from talksplat.core.tracking.landmarker import BLENDSHAPES, Landmarker
from talksplat.core.tracking.selfie import PersonSegmenter

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "tests" / "fixtures" / "grid" / "sgbc6n.mpg"
UPPER, LOWER, LEFT, RIGHT = IBUG68[62], IBUG68[66], IBUG68[36], IBUG68[45]


@pytest.fixture(scope="module")
def pictures():
    return [f.rgb for f in read_video(CLIP, Fraction(25), pixel_aspect=Fraction(16, 15))]


@pytest.fixture(scope="module")
def landmarker():
    with Landmarker() as opened:
        yield opened


@pytest.fixture(scope="module")
def detections(pictures, landmarker):
    return [landmarker.detect(rgb) for rgb in pictures]


def test_one_face_in_every_picture(pictures, detections):
    height, width = pictures[0].shape[:2]
    for detection in detections:
        assert detection.face_count == 1
        assert detection.points.shape == (478, 3)
        assert detection.points.dtype == detection.blendshapes.dtype == np.float32
        assert (detection.points[:, :2] > 0).all()
        assert (detection.points[:, :2] < (width, height)).all()
        assert detection.blendshapes.shape == (len(BLENDSHAPES),)
        assert (detection.blendshapes >= 0).all()
        assert (detection.blendshapes <= 1).all()


def test_lips_part_at_open_vowels_and_meet_at_b(detections):
    """Set green by c six now: the words' times are the clip's own (in 1/25000 s, so 1000 a picture)."""
    spans = {}
    for line in CLIP.with_suffix(".align").read_text().splitlines():
        begin, end, word = line.split()
        spans[word] = slice(int(begin) // 1000, int(end) // 1000)
    gap = np.array([np.linalg.norm(s.points[LOWER] - s.points[UPPER]) for s in detections])
    eyes = np.array([np.linalg.norm(s.points[LEFT, :2] - s.points[RIGHT, :2]) for s in detections])
    open_ = gap / eyes
    silent = np.r_[0:10, 57:75]
    assert open_[silent].max() < 0.02
    assert open_[spans["by"]].min() < 0.02, "b"
    for word in ("green", "c", "now"):
        assert open_[spans[word]].max() > 0.1, f"the vowel of {word}"
    jaw = np.array([s.blendshapes[BLENDSHAPES.index("jawOpen")] for s in detections])
    assert np.corrcoef(jaw, open_)[0, 1] > 0.8


def test_the_same_picture_gives_the_same_result_whatever_came_before(landmarker, pictures):
    """A tracker with state would lag behind the lips."""
    alone = landmarker.detect(pictures[40])
    for k in (5, 60):
        landmarker.detect(pictures[k])
        assert np.array_equal(landmarker.detect(pictures[40]).points, alone.points)


def test_landmarks_are_in_pixels(landmarker, pictures, detections):
    """Moved by whole pixels, the landmarks move along; mirrored, left and right change places."""
    rgb, points = pictures[30], detections[30].points
    moved = landmarker.detect(np.roll(rgb, (7, 12), axis=(0, 1))).points
    assert np.abs(np.median(moved - points, axis=0)[:2] - (12, 7)).max() < 0.5
    mirrored = landmarker.detect(np.ascontiguousarray(rgb[:, ::-1])).points
    eye = (points[RIGHT, :2] - (rgb.shape[1], 0)) * (-1, 1)
    assert np.abs(mirrored[LEFT, :2] - eye).max() < 2.5


def test_ibug_landmarks_are_where_ibug_says(detections):
    """Order and anatomy of the 68: what is left of, above or between what."""
    assert len(set(IBUG68.tolist())) == 68
    x, y = detections[0].points[IBUG68, :2].T
    assert (np.diff(y[:9]) > 0).all()  # down the jaw to the chin
    assert (np.diff(y[8:17]) < 0).all()  # and up again
    assert (np.diff(x[17:27]) > 0).all()  # along the brows
    assert (np.diff(y[27:31]) > 0).all()  # down the nose
    assert y[17:22].max() < y[36:42].min()
    assert y[22:27].max() < y[42:48].min()
    assert x[36] < x[37] < x[38] < x[39] < x[42] < x[43] < x[44] < x[45]
    assert (y[[37, 38, 43, 44]] < y[[41, 40, 47, 46]]).all()
    assert (np.diff(x[48:55]) > 0).all()
    assert (np.diff(x[54:60]) < 0).all()
    assert x[48] < x[60] < x[61] < x[62] < x[63] < x[64] < x[54]
    assert x[67] < x[66] < x[65]
    middle = x[[8, 27, 28, 29, 30, 33, 51, 57, 62, 66]]
    assert np.ptp(middle) < 0.06 * (x[16] - x[0])


def test_no_face_and_two_faces(landmarker, pictures):
    rgb = pictures[30]
    assert landmarker.detect(np.full_like(rgb, 128)) is None
    assert landmarker.detect(np.random.default_rng(1).integers(0, 255, rgb.shape, np.uint8)) is None
    small = np.asarray(Image.fromarray(rgb).resize((rgb.shape[1] * 3 // 4, rgb.shape[0] * 3 // 4)))
    both = np.zeros((rgb.shape[0], rgb.shape[1] + small.shape[1], 3), np.uint8)
    both[: small.shape[0], : small.shape[1]] = small
    both[:, small.shape[1] :] = rgb
    detection = landmarker.detect(both)
    assert detection.face_count == 2
    assert detection.points[:, 0].min() > small.shape[1], "the larger of the two"
    for wrong in (rgb[..., 0], rgb.astype(np.float32), rgb[:0]):
        with pytest.raises(ValueError, match="uint8"):
            landmarker.detect(wrong)


def test_the_mask_covers_the_person(pictures, detections):
    rgb = pictures[30]
    with PersonSegmenter() as segmenter:
        mask = segmenter.segment(rgb)
        for shape in ((300, 500), (500, 300)):  # MediaPipe itself shears what is not square
            other = segmenter.segment(np.asarray(Image.fromarray(rgb).resize(shape[::-1])))
            back = np.asarray(Image.fromarray(other).resize(mask.shape[::-1]))
            assert ((back > 0.5) != (mask > 0.5)).mean() < 0.01
    assert (mask.shape, mask.dtype) == (rgb.shape[:2], np.float32)
    assert 0 <= mask.min() <= mask.max() <= 1
    x, y = detections[30].points[:, :2].astype(int).T
    assert mask[y, x].mean() > 0.98
    blue = (rgb[..., 2] > 150) & (rgb[..., 0] < 60)  # the backdrop
    assert blue.mean() > 0.3
    assert mask[blue].mean() < 0.03


def test_without_mediapipe_the_error_is_one_sentence(monkeypatch):
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["train"]
    assert runtime.MEDIAPIPE_PACKAGE in extra
    monkeypatch.setitem(sys.modules, "mediapipe.tasks", None)
    for model in (Landmarker, PersonSegmenter):
        with pytest.raises(UserError, match="pip install mediapipe==") as said:
            model()
        assert "\n" not in str(said.value)


def test_mediapipe_is_imported_late_and_silent():
    """Also where nobody closed it: its own finalizer prints a traceback."""
    code = (
        "import sys, numpy as np\n"
        "from talksplat.core.tracking.landmarker import Landmarker\n"
        "from talksplat.core.tracking.selfie import PersonSegmenter\n"
        "assert not any(name.startswith('mediapipe') for name in sys.modules)\n"
        "picture = np.zeros((48, 64, 3), np.uint8)\n"
        "l, s = Landmarker(), PersonSegmenter()\n"
        "assert l.detect(picture) is None and s.segment(picture).max() < 0.1\n"
        "print('still here', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "still here\n")
