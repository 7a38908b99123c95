# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines in the names of timeline markers, in the seconds of the sound that the sequencer plays there."""

from pathlib import Path

import bpy
import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture
def sample(sample_without_words):
    """It speaks from frame 49 on."""
    from talksplat.blender_addon.scene import strip as strips

    obj = sample_without_words
    strip = strips.find_strip(bpy.context.scene, obj.talksplat.strip)
    first = getattr(strip, "content_start", None) or strip.frame_start
    bpy.context.scene.frame_end = 200
    for name, seconds in (("Set green by", 0.0), ("C six now.", 1.55), ("F_90", 3.0), ("Never said", 20.0)):
        bpy.context.scene.timeline_markers.new(name, frame=round(first + seconds * bpy.context.scene.render.fps))
    return obj


def test_only_named_markers_are_lines_and_blender_s_own_names_end_them(sample):
    from talksplat.blender_addon.operators.align_markers import spoken_markers

    rows = spoken_markers(bpy.context.scene)
    assert [row[2] for row in rows] == ["Set green by", "C six now.", "Never said"]
    assert rows[0][1] == rows[1][0]
    assert rows[1][1] < rows[2][0]


def test_markers_become_words_and_a_line_without_sound_is_left_out(sample):
    assert bpy.ops.talksplat.align_markers() == {"FINISHED"}
    from talksplat.blender_addon import head_paths
    from talksplat.core.formats import read_words

    found = read_words(head_paths.path_of(sample, "words")).words
    truth = read_words(SAMPLES / "voice.align").words
    assert [word.label for word in found] == ["Set", "green", "by", "C", "six", "now"]
    assert max(abs(a.start - b.start) for a, b in zip(found, truth)) < 0.25


def test_no_marker_with_a_line_is_a_reason(blender):
    from talksplat.blender_addon.operators.align_markers import spoken_markers

    bpy.context.scene.timeline_markers.new("F_12", frame=12)
    assert spoken_markers(bpy.context.scene) == []
