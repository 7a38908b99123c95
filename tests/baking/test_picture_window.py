# SPDX-License-Identifier: GPL-3.0-or-later
"""Overscan and render regions: an EXR's data window, and the picture that stays the same."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import OpenEXR
import pytest

from talksplat.core.baking.picture_window import margin_of
from talksplat.core.baking.render import render
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange import read_png
from talksplat.core.jobs import Render

WIDTH, HEIGHT = 41, 30
# So near that the head is cut by every edge.
VIEW = Camera.looking_at([0.02, -0.35, 0], [0, 0, 0], WIDTH, HEIGHT, 0.5)
PASSES = ("beauty", "depth", "position", "vector")


@pytest.fixture
def job(make, tmp_path):
    """Of one frame; `job(folder, **changes)`."""
    g, path = make.gaussians(80), tmp_path / "shot.bake"
    card = BakeCard("v001", Fraction(24), 1, 1, 1, "hash", "", head="../heads/anna.head")
    with BakeWriter.open(path, card, g, np.zeros(80, np.uint8)) as writer:
        # Small ones: how a splat beyond the edge is flattened depends on where the edge is.
        writer.append(1, g.means, g.quats, g.scales * np.float32(0.3))
    plain = Render(str(path), "", cameras=(VIEW,), movie=False, passes=PASSES, exr_layout="nuke", supersampling="off")
    return lambda folder, **changes: replace(plain, out=str(tmp_path / folder), **changes)


def opened(job):
    """(channels, data window, display window as left, top, right and bottom, the header, PNG)."""
    *_, finished = render(job)
    path = f"{job.out}/{finished.result['first_exr']}"
    with OpenEXR.File(path, separate_channels=True) as file:
        header, channels = dict(file.header()), {name: channel.pixels for name, channel in file.channels().items()}
    windows = [[*map(int, (*header[name][0], *header[name][1]))] for name in ("dataWindow", "displayWindow")]
    return channels, *windows, header, f"{job.out}/{finished.result['first_png']}"


def test_overscan_holds_more_around_the_same_picture(job):
    channels, data, display, header, png = opened(job("plain"))
    more, data_of_more, display_of_more, header_of_more, png_of_more = opened(job("more", overscan=10))
    assert (data, display) == ([0, 0, WIDTH - 1, HEIGHT - 1],) * 2
    assert (data_of_more, display_of_more) == ([-5, -3, WIDTH + 4, HEIGHT + 2], display)
    for name, values in channels.items():
        np.testing.assert_allclose(more[name][3:-3, 5:-5], values, atol=1e-5, err_msg=name)
    assert more["A"][:3].max() > 0.1  # there is something beyond the edge
    np.testing.assert_array_equal(header["worldToNDC"], header_of_more["worldToNDC"])
    np.testing.assert_array_equal(*(read_png(path, WIDTH, HEIGHT) for path in (png, png_of_more)))


@pytest.mark.parametrize("layout", ["nuke", "blender"])
@pytest.mark.parametrize("is_cut", [True, False])
def test_a_region_is_the_data_window_where_that_is_asked_for(job, layout, is_cut):
    whole, *_ = opened(job("whole", exr_layout=layout))
    part, data, display, *_ = opened(job("part", exr_layout=layout, region=(6, 4, 30, 99), data_window=is_cut))
    assert display == [0, 0, WIDTH - 1, HEIGHT - 1]
    assert data == ([6, 4, 29, HEIGHT - 1] if is_cut else display)
    for name, values in part.items():
        inside = values if is_cut else values[4:, 6:30]
        np.testing.assert_array_equal(inside, whole[name][4:, 6:30], err_msg=name)


def test_an_empty_region_keeps_the_picture(job):
    channels, data, display, *_ = opened(job("none", region=(9, 9, 9, 20), data_window=True))
    assert data == display
    assert not channels["A"].any()


def test_what_cannot_be_is_told(job):
    for changes, said in (({"overscan": -1}, "0 to 100"), ({"overscan": 5, "region": (0, 0, 9, 9)}, "no overscan")):
        with pytest.raises(UserError, match=said):
            list(render(job("x", **changes)))


@pytest.mark.parametrize(("size", "overscan", "margin"), [((1920, 1080), 5, (96, 54)), ((41, 30), 10, (5, 3))])
def test_a_margin_is_whole_pixels_and_never_less(size, overscan, margin):
    assert margin_of(replace(VIEW, width=size[0], height=size[1]), overscan) == margin
