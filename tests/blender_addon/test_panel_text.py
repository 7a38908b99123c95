# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in the sidebar: all of it can be read, whatever is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("bpy")

from talksplat.blender_addon.panel_text import wrapped


def test_a_long_path_is_broken_behind_a_folder_rather_than_cut_off():
    text = "The finished frames in /projects/film/bake/sample_v001.bake are kept."
    assert wrapped(text, lambda line: len(line) <= 20) == [
        "The finished frames",
        "in /projects/film/",
        "bake/",
        "sample_v001.bake are",
        "kept.",
    ]


@given(st.text(st.sampled_from("ab /\\_.")), st.integers(1, 30))
def test_every_line_fits_and_no_character_is_lost(text: str, width: int):
    lines = wrapped(text, lambda line: len(line) <= width)
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
