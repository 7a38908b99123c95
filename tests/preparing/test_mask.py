# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a busy wall that moves no colour key will do: the person mask takes over, held against the alpha that the same
film has before its plain backdrop."""

import json

import numpy as np
import pytest
from PIL import Image

from talksplat.core.footage import Footage
from talksplat.core.jobs.messages import Prepare
from talksplat.core.matting import Backdrop, despill
from talksplat.core.preparing.prepare import prepare
from talksplat.core.tracking.landmarker import Landmarker

SIDE, FIRST, COUNT = 192, 38, 26
GREY = 128


def wall(height, width):
    """[H,2W,3] 0..255: blots of three sizes in all colours."""
    rng, out = np.random.default_rng(0), 0.0
    for share, size in ((0.6, 40), (0.25, 12), (0.15, 4)):
        blots = rng.integers(0, 256, (height // size + 2, 2 * width // size + 2, 3), np.uint8)
        out = out + share * np.asarray(Image.fromarray(blots).resize((2 * width, height), Image.Resampling.BICUBIC))
    return out


@pytest.fixture(scope="module")
def cut_out(film):
    """(alpha [T,H,W], straight rgb [T,H,W,3]) of the talker, by the key over the film's own backdrop."""
    pictures = film[FIRST : FIRST + COUNT]
    with Landmarker() as landmarker:
        points = np.stack([landmarker.detect(picture).points[:, :2] for picture in pictures])
    backdrop = Backdrop.estimate(pictures, points).for_clip(pictures[::4], points[::4])
    even = [backdrop.match_colour(*both) for both in zip(pictures, points)]
    alpha = [backdrop.alpha(*both) for both in zip(even, points)]
    return np.stack(alpha), np.stack([despill(*both, backdrop.field) for both in zip(even, alpha)])


@pytest.fixture(scope="module")
def prepared(cut, cut_out, tmp_path_factory):
    alpha, rgb = cut_out
    behind = wall(*alpha.shape[1:])
    moved = np.stack([behind[:, 3 * t : 3 * t + alpha.shape[2]] for t in range(COUNT)])
    folder = tmp_path_factory.mktemp("busy")
    cut(folder / "busy.mp4", (rgb * alpha[..., None] + moved * (1 - alpha[..., None])).astype(np.uint8), FIRST)
    job = Prepare((str(folder / "busy.mp4"),), str(folder / "out"), str(SIDE), torso="keep", every=2, workers=1)
    return folder / "out", list(prepare(job))[-1].result


def test_the_report_says_how_it_was_cut_out(prepared):
    out, result = prepared
    assert (result["clips"], result["pictures"]) == (1, COUNT // 2)
    page = (out / "report.html").read_text()
    assert "not plain" in page
    assert "cut out by a person mask instead of a colour key" in page
    assert "MediaPipe Selfie Segmentation" in json.loads((out / "footage.json").read_text())["provenance"]


def test_the_mask_is_the_person_and_nothing_of_the_wall(prepared, cut_out):
    footage = Footage.open(prepared[0])
    with np.load(prepared[0] / "work" / "identity" / "identity.npz") as identity:
        left, top, side, _ = identity["crop"].tolist()

    def cropped(values):
        return np.asarray(
            Image.fromarray(values).resize(
                (SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
            )
        )

    overlap, off, tint = [], [], []
    for i, time in enumerate(footage.time):
        moment = int(np.round(time * 25))
        true = cropped(cut_out[0][moment]).clip(0, 1)
        picture, marks = footage.picture(i), footage.landmarks2d[i]
        person, found = true > 0.5, picture.label > 0
        overlap.append((person & found).sum() / (person | found).sum())
        edge = (true > 0.02) & (true < 0.98)
        off.append(np.abs(picture.alpha - true)[edge].mean())
        over = 255 * picture.rgb + GREY * (1 - picture.alpha[..., None])
        meant = cropped(cut_out[1][moment]) * true[..., None] + GREY * (1 - true[..., None])
        tint.append(np.abs(over - meant)[edge].mean())
        x, y = marks[17:].astype(int).T
        assert (picture.alpha[y, x] > 0.99).all()
        assert (picture.alpha[: SIDE // 3, [0, -1]] == 0).all()
        inside = np.argwhere(picture.label == 2)[:, ::-1]
        low, high = marks[60:].min(0) - 3, marks[60:].max(0) + 3
        assert ((inside > low) & (inside < high)).all()
    assert min(overlap) > 0.97
    assert np.mean(off) < 0.18
    assert np.mean(tint) < 9
    assert max((footage.picture(i).label == 2).sum() for i in range(len(footage))) > 30
