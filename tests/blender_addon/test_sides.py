# SPDX-License-Identifier: GPL-3.0-or-later
"""More on one side in Blender: a slider that is in the keys, channels that can be keyed, files from before them."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.performance import head_replay

VOICE = Path(__file__).resolve().parents[2] / "samples/voice.wav"
OPEN = 20  # a frame at which the sample voice's mouth is open


@pytest.fixture
def sample(blender, add_strip):
    """The sample head that speaks the sample voice."""
    bpy.ops.talksplat.add_sample_head()
    obj, strip = bpy.context.object, add_strip(bpy, VOICE)
    obj.talksplat.sound, obj.talksplat.strip = str(VOICE), strip.name
    obj.talksplat.performance = str(VOICE.with_suffix(".performance"))
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = OPEN - 1, OPEN + 1
    scene.frame_set(OPEN)
    return obj


def test_the_slider_is_in_the_keys_and_the_channels_can_be_keyed_on(sample, shown):
    before = shown(sample).means
    sample.talksplat.controls.mouth_side = 1.0
    spoken = shown(sample).means
    assert 1000 * np.abs(spoken - before).max() > 1.0
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
    bpy.context.scene.frame_set(OPEN)
    np.testing.assert_allclose(shown(sample).means, spoken, atol=2e-6)
    sample["Smile Side"] += 2.0
    sample.update_tag()
    assert 1000 * np.abs(shown(sample).means - spoken).max() > 1.0


def test_keyframes_of_before_play_on_without_the_add_on(sample, monkeypatch):
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.keyframes import head_keyframes

    with monkeypatch.context() as before:
        before.setattr(head_replay, "with_sides", lambda rig, head, means: rig)
        playback.forget_frames()
        bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
        assert "Smile Side" not in sample
    playback.forget_frames()
    playback.refresh(bpy.context.scene)
    cloud = head_keyframes.playable_cloud(sample)
    assert cloud is not None
    assert head_keyframes.has_keyframes(sample)
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
    assert "Smile Side" in sample
