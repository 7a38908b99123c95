# SPDX-License-Identifier: GPL-3.0-or-later
"""Near the slider Mouth Open the panel says that a line is lively and what suits it; only the button sets it."""

from dataclasses import replace

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance.condition import read_performance, write_performance


class Row:
    """Stands in for Blender's layout: which operators are drawn and what they are called."""

    def __init__(self):
        self.drawn = {}

    def operator(self, name, text=""):
        self.drawn[name] = text


@pytest.fixture
def offered(talking, make, tmp_path, monkeypatch):
    """offered() -> the text of the button; "" where there is none. The head speaks a lively line."""
    from talksplat.blender_addon import control_sliders, playback

    settings, path = talking.talksplat, tmp_path / "rigged.head"
    write_head(path, make.rigged(read_head(settings.head)))
    settings.head = str(path)
    monkeypatch.setattr(control_sliders, "draw_sentence", lambda *_: None)

    def draw(swing=None):
        if swing is not None:
            performance = read_performance(settings.performance)
            t = np.arange(len(performance.loudness)) / 100
            level = 0.3 * 10 ** (swing * (np.cos(2 * np.pi * 4.5 * t) - 1) / 40)
            write_performance(settings.performance, replace(performance, loudness=level.astype(np.float32)))
        playback.forget_frames()
        playback.refresh(bpy.context.scene)
        row = Row()
        control_sliders._draw_suggested_opening(row, bpy.context, talking)
        return row.drawn.get("talksplat.use_suggested_opening", "")

    return draw


def test_it_is_shown_and_never_set_until_the_button_is_pressed(talking, offered):
    controls = talking.talksplat.controls
    assert offered(20) == "Use Mouth Open 1.15"
    assert controls.mouth_open == 1.0
    bpy.ops.talksplat.use_suggested_opening()
    assert controls.mouth_open == pytest.approx(1.15)
    assert offered() == "", "the slider has it"
    controls.mouth_open = 0.8
    assert offered() == "Use Mouth Open 1.15"


def test_nothing_is_said_of_a_calm_line_or_before_one_is_attached(talking, offered):
    assert offered(8) == ""
    assert not bpy.ops.talksplat.use_suggested_opening.poll()
    talking.talksplat.sound = ""
    assert offered() == ""
    assert not bpy.ops.talksplat.use_suggested_opening.poll()
