# SPDX-License-Identifier: GPL-3.0-or-later
"""A page is well formed whatever its texts, and self-contained; plots hold every value."""

import base64
import re
from xml.dom import minidom

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.reports.html_page import definition_list, html_figure, html_table, side_by_side, write_page
from talksplat.core.reports.svg_plots import format_number, histogram, line_plot, scatter_plot, ticks

ODD = "<b>\"x\" & 'y'</title>"


def test_a_page_is_well_formed_and_self_contained(tmp_path):
    plot = line_plot(ODD, ODD, [0, 1], {ODD: [1, 2]}, marks={0.5: ODD})
    write_page(
        tmp_path / "page.html",
        ODD,
        ODD,
        [
            definition_list({ODD: ODD}),
            side_by_side([html_figure(b"picture", "png", ODD), plot]),
            html_table(["a", "b"], [["1", "2"]]),
        ],
    )
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    document = minidom.parseString(text.replace("<!doctype html>", ""))
    texts = [
        node.data
        for name in ("title", "h1", "dt", "dd", "figcaption", "text")
        for tag in document.getElementsByTagName(name)
        for node in tag.childNodes
    ]
    assert texts.count(ODD) == 8
    assert [image.getAttribute("alt") for image in document.getElementsByTagName("img")] == [ODD]
    [data] = re.findall(r'(?:src|href)="(.*?)"', text)
    assert base64.b64decode(data.removeprefix("data:image/png;base64,")) == b"picture"


def test_numbers_are_printed_as_such():
    assert (format_number(-0.04, "z.1f"), format_number(-2.5), format_number(1.0, "+z.1f")) == ("0.0", "−2.5", "+1.0")


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_and_inside(low, width):
    found = ticks(low, low + width)
    assert len(found) <= 8
    assert all(low - 1e-6 * abs(low) - 1e-9 <= value <= low + width + 1e-6 * abs(low) + 1e-9 for value in found)


def test_plots_are_well_formed_and_hold_every_value():
    rng = np.random.default_rng(1)
    for values in (rng.normal(size=500), np.zeros(3), np.array([2.0])):
        drawn = minidom.parseString(histogram("T <&>", "x", {"a": values, "b": values[:1]}))
        assert drawn.documentElement.tagName == "svg"
        minidom.parseString(scatter_plot("T", "x", values, values))
    minidom.parseString(line_plot("T", "x", [0, 1, 2], {"r": [0.1, 0.4, -0.2]}))
    bars = [
        rect
        for rect in minidom.parseString(histogram("T", "x", {"a": np.r_[np.zeros(3), 1.0]}, 2)).getElementsByTagName(
            "rect"
        )
    ]
    assert "0.5<" not in histogram("T", "x", {"a": np.zeros(1)}), "they are counted"
    heights = [float(rect.getAttribute("height")) for rect in bars]
    assert heights[0] == pytest.approx(3 * heights[1], rel=0.01)


def test_names_of_stages_never_overlap():
    marks = {500: "move", 0: "static", 520: "grow", 15000: "fuse"}
    drawn = minidom.parseString(line_plot("T", "x", [0, 16000], {"r": [0, 1]}, marks=marks))
    names = [text for text in drawn.getElementsByTagName("text") if text.getAttribute("class") == "s"]
    assert [name.firstChild.data for name in names] == ["static", "move", "grow", "fuse"]
    boxes = [
        (float(name.getAttribute("x")), 6 * len(name.firstChild.data), float(name.getAttribute("y"))) for name in names
    ]
    for k, (x, _, y) in enumerate(boxes):
        assert all(abs(y - low) >= 11 or x >= left + wide for left, wide, low in boxes[:k])
    assert boxes[0][2] == boxes[3][2]
