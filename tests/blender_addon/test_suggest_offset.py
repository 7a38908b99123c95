# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggest Offset in Blender: known shifts are found, applied once, and taken back by undo."""

import bpy
import numpy as np
import pytest


@pytest.fixture
def sample(blender):
    """The sample head and the sample sentence, its speech in keyframes."""
    bpy.ops.talksplat.add_sample_head()
    bpy.ops.talksplat.sample_voice()
    obj = bpy.context.object
    bpy.context.scene.frame_end = 76
    bpy.ops.talksplat.bake_keyframes(tolerance=0.05)
    return obj


def suggestion(obj):
    from talksplat.blender_addon.operators.suggest_offset import suggestion_of

    assert bpy.ops.talksplat.suggest_offset() == {"FINISHED"}
    return suggestion_of(obj)


def lips_keys(obj):
    from talksplat.blender_addon.scene.versions import curves_of

    curve = next(c for c in curves_of(obj.animation_data) if c.data_path == '["Lips Apart"]')
    return np.array([point.co.x for point in curve.keyframe_points])


@pytest.mark.parametrize("frames", [-8, 0, 1, 8])
def test_moved_keys_are_found_and_moved_back(sample, frames):
    before = lips_keys(sample)
    from talksplat.blender_addon.speech.offset import CURVES, shift_mouth

    shift_mouth(sample, bpy.context.scene, CURVES, frames)
    found = suggestion(sample)
    assert found.suggestion.frames == frames
    assert found.suggestion.confidence > 0.5
    if frames:
        np.testing.assert_allclose(lips_keys(sample), before + frames, atol=1e-4)
        assert bpy.ops.talksplat.apply_offset(frames=frames) == {"FINISHED"}
        np.testing.assert_allclose(lips_keys(sample), before, atol=1e-4)
        assert suggestion(sample).sentence.startswith("In sync")


def test_a_suggestion_changes_nothing_and_applying_can_be_undone(sample):
    bpy.ops.ed.undo_push(message="baked")
    before, name = lips_keys(sample), sample.name
    suggestion(sample)
    np.testing.assert_array_equal(lips_keys(sample), before)
    bpy.ops.talksplat.apply_offset(frames=3)
    bpy.ops.ed.undo_push(message="applied")
    np.testing.assert_allclose(lips_keys(sample), before - 3, atol=1e-4)
    bpy.ops.ed.undo()
    np.testing.assert_allclose(lips_keys(bpy.data.objects[name]), before, atol=1e-4)


def test_a_delay_of_live_speech_is_found_and_taken_away(sample):
    sample.talksplat.follow = "SPEECH"
    sample.talksplat.controls.delay = 5 / 24
    found = suggestion(sample)
    assert found.sentence.startswith("+5 frames (confidence")
    bpy.ops.talksplat.apply_offset(frames=5)
    assert sample.talksplat.controls.delay == pytest.approx(0.0, abs=1e-6)


def test_a_strip_that_was_moved_after_the_keys_were_made_is_found(sample):
    """The edit came later than the animation."""
    from talksplat.blender_addon.scene import strip as strips

    strip = strips.find_strip(bpy.context.scene, sample.talksplat.strip)
    if hasattr(strip, "content_start"):
        strip.content_start += 4
    else:
        strip.frame_start += 4
    bpy.context.view_layer.update()
    assert suggestion(sample).suggestion.frames == -4


def test_silence_says_that_it_cannot_be_told(sample, tmp_path):
    from talksplat.core.performance import read_performance, write_performance

    performance = read_performance(bpy.path.abspath(sample.talksplat.performance))
    for branch, codes in performance.audio.items():
        codes[:] = performance.rest[branch]
    write_performance(tmp_path / "silent.performance", performance)
    sample.talksplat.performance = str(tmp_path / "silent.performance")
    found = suggestion(sample)
    assert found.suggestion.frames is None
    assert found.sentence == "Cannot be told: no speech to go by"


def test_a_head_without_a_sound_says_what_to_do(blender):
    bpy.ops.talksplat.add_sample_head()
    from talksplat.blender_addon.operators.suggest_offset import TALKSPLAT_OT_suggest_offset

    assert "press Attach" in TALKSPLAT_OT_suggest_offset.disabled_reason(bpy.context)


def test_keys_in_the_nla_are_found_but_not_moved(sample):
    from talksplat.blender_addon.speech.offset import CURVES, apply_reason

    animation = sample.animation_data
    action, slot = animation.action, animation.action_slot
    strip = animation.nla_tracks.new().strips.new("speech", 1 + 2, action)
    strip.action_slot = slot
    animation.action = None
    assert suggestion(sample).suggestion.frames in (2, 3)
    assert "NLA" in apply_reason(sample, CURVES)
    with pytest.raises(RuntimeError, match="NLA"):
        bpy.ops.talksplat.apply_offset(frames=2)
