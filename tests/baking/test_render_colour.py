# SPDX-License-Identifier: GPL-3.0-or-later
"""A render in a configuration's colours: EXR files in its spaces, previews and movie through its view."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.baking.render import render
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange import read_png
from talksplat.core.jobs import Render

from ..tiny_files import gaussians

CONFIG, VIEW = "ocio://default", "ACES 2.0 - SDR 100 nits (Rec.709)"


@pytest.fixture
def job(tmp_path):
    g, path = gaussians(80), tmp_path / "shot.bake"
    with BakeWriter.open(path, BakeCard("v001", Fraction(24), 1, 1, 1, "hash", ""), g, np.zeros(80, np.uint8)) as file:
        file.append(1, g.means, g.quats, g.scales)
    plain = Render(str(path), "", size=24, movie=False, passes=("beauty",), full_float=True)
    folders = iter(range(99))
    return lambda **changes: replace(plain, out=str(tmp_path / f"out{next(folders)}"), **changes)


def rendered(job, read_exr):
    *_, last = render(job)
    channels, header = read_exr(f"{job.out}/{last.result['first_exr']}")
    return channels, header, read_png(f"{job.out}/{last.result['first_png']}", 24, 24)


def test_files_are_in_its_space_and_previews_through_its_view(job, read_exr):
    pytest.importorskip("PyOpenColorIO")
    plain, header, codes = rendered(job(space="lin_ap1_scene"), read_exr)
    ours, own_header, seen = rendered(job(space="ocio:ACEScg", ocio=CONFIG, view=VIEW), read_exr)
    for name, values in plain.items():
        np.testing.assert_allclose(ours[name], values, atol=2e-5, err_msg=name)
    assert own_header["talksplat/colour_space"] == "ACEScg"
    assert "chromaticities" in header
    assert "chromaticities" not in own_header
    np.testing.assert_array_equal(seen[..., 3], codes[..., 3])
    assert np.abs(seen[..., :3].astype(int) - codes[..., :3]).max() > 20


def test_another_view_is_another_picture_and_the_same_one_is_not_made_again(job):
    pytest.importorskip("PyOpenColorIO")
    view = job(ocio=CONFIG, view=VIEW)
    counts = []
    for each in (view, view, replace(view, exposure=1.0), replace(view, ocio="", view="", exposure=0.0)):
        *_, last = render(each)
        counts.append(last.result["rendered"])
    assert counts == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": "red"}, "or ocio:NAME"),
        ({"exposure": 1.0}, "of a view"),
        ({"view": "AgX"}, "is named|is not installed"),
    ],
)
def test_what_there_is_not_is_told(job, monkeypatch, changes, said):
    monkeypatch.delenv("OCIO", raising=False)
    with pytest.raises(UserError, match=said):
        list(render(job(**changes)))


def test_without_the_library_the_cure_is_named(job, monkeypatch):
    monkeypatch.setattr("talksplat.core.interchange.ocio.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'talksplat\[ocio\]'"):
        list(render(job(ocio=CONFIG + "x", view="AgX")))
