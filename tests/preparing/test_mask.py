# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a busy wall that moves no colour key will do: the person mask takes over, held against the alpha that the same
film has before its plain backdrop."""

import json

import numpy as np
import pytest
from PIL import Image

from talksplat.core.footage import Footage
from talksplat.core.jobs import Prepare
from talksplat.core.preparing.prepare import prepare

SIDE = 192
GREY = 128


def wall(height, width):
    """[H,2W,3] 0..255: blots of three sizes in all colours."""
    rng, out = np.random.default_rng(0), 0.0
    for share, size in ((0.6, 40), (0.25, 12), (0.15, 4)):
        blots = rng.integers(0, 256, (height // size + 2, 2 * width // size + 2, 3), np.uint8)
        out = out + share * np.asarray(Image.fromarray(blots).resize((2 * width, height), Image.Resampling.BICUBIC))
    return out


@pytest.fixture(scope="module")
def prepared(cut_before, keyed_talker, tmp_path_factory):
    count, height, width = keyed_talker[0].shape
    behind, folder = wall(height, width), tmp_path_factory.mktemp("busy")
    cut_before(folder / "busy.mp4", np.stack([behind[:, 3 * t : 3 * t + width] for t in range(count)]))
    job = Prepare((str(folder / "busy.mp4"),), str(folder / "out"), str(SIDE), torso="keep", every=2, workers=1)
    return folder / "out", list(prepare(job))[-1].result


def test_the_report_says_how_it_was_cut_out(prepared):
    out, result = prepared
    assert (result["clips"], result["pictures"]) == (1, 13)
    page = (out / "report.html").read_text()
    assert "not plain" in page
    assert "cut out by a person mask instead of a colour key" in page
    assert "MediaPipe Selfie Segmentation" in json.loads((out / "footage.json").read_text())["provenance"]


def test_the_mask_is_the_person_and_nothing_of_the_wall(prepared, keyed_talker):
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
        true = cropped(keyed_talker[0][moment]).clip(0, 1)
        picture, marks = footage.picture(i), footage.landmarks2d[i]
        person, found = true > 0.5, picture.label > 0
        overlap.append((person & found).sum() / (person | found).sum())
        edge = (true > 0.02) & (true < 0.98)
        off.append(np.abs(picture.alpha - true)[edge].mean())
        over = 255 * picture.rgb + GREY * (1 - picture.alpha[..., None])
        meant = cropped(keyed_talker[1][moment]) * true[..., None] + GREY * (1 - true[..., None])
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
