# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's words sharpen its lips: Attach listens anew, scrubbing, bake and render have the same words, and the switch
brings back what was."""

from dataclasses import replace
from pathlib import Path

import bpy
import pytest

SENTENCE = "Set green by C six now."


@pytest.fixture
def worded(sample_without_words, tmp_path):
    """The sample with the words of its sentence."""
    script = tmp_path / "line.txt"
    script.write_text(SENTENCE)
    bpy.ops.talksplat.choose_words(filepath=str(script))
    from talksplat.blender_addon import running

    assert running.wait().level == "INFO"
    return sample_without_words


def reason(obj):
    from talksplat.blender_addon.speech.attached_sounds import attach_reason

    return attach_reason(obj, bpy.context.scene)


def performance_of(obj):
    from talksplat.blender_addon import open_files

    return open_files.performance(obj.talksplat.performance)


def attach():
    assert bpy.ops.talksplat.attach_strip() == {"FINISHED"}


def test_words_ask_for_attach_and_are_in_the_performance_and_in_the_bake(worded):
    from talksplat.blender_addon.shot.jobs import bake_job

    before = performance_of(worded)
    assert reason(worded) == "The words of voice.wav are not those that were attached: press Attach."
    attach()
    assert reason(worded) == ""
    after = performance_of(worded)
    assert after.words_name == "line.TextGrid"
    assert after.audio_hash == before.audio_hash
    assert (after.audio["face"] != before.audio["face"]).any()
    worded.talksplat.bake_out = bpy.app.tempdir + "s.bake"
    assert bake_job(bpy.context.scene, worded).words == worded.talksplat.words


def test_the_switch_brings_back_what_was_without_listening_again(worded):
    old = worded.talksplat.performance
    attach()
    assert worded.talksplat.performance != old
    worded.talksplat.sharpen_by_words = False
    assert "press Attach" in reason(worded)
    attach()
    assert performance_of(worded).words_hash == ""
    assert reason(worded) == ""


def test_words_that_were_corrected_make_a_bake_another_one(worded, tmp_path):
    from talksplat.blender_addon.shot.jobs import bake_plan_of

    attach()
    scene, out = bpy.context.scene, tmp_path / "s.bake"
    scene.frame_start, scene.frame_end = 20, 22
    worded.talksplat.bake_out = str(out)
    assert bpy.ops.talksplat.bake() == {"FINISHED"}
    assert bake_plan_of(scene, worded).continues
    grid = Path(worded.talksplat.words)
    grid.write_text(grid.read_text().replace('"B"', '"P"'))
    attach()
    assert "the words" in bake_plan_of(scene, worded).replaces


def test_a_head_of_another_encoder_keeps_its_words_for_the_graph(worded, monkeypatch):
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.speech import words_file

    head = open_files.head(worded.talksplat.head)
    file = replace(head.file, card=replace(head.file.card, audio_encoder="moonshine"))
    monkeypatch.setattr(open_files.head, "cached", lambda path: replace(head, file=file))
    assert words_file.unsharpened_reason(worded).startswith("this head listens by moonshine")
    assert words_file.sharpening_words(worded, worded.talksplat.sound) == ("", "")
    assert "words" not in reason(worded)


def test_words_that_cannot_be_read_leave_the_lips_to_the_sound(worded):
    Path(worded.talksplat.words).write_text("damaged")
    assert reason(worded) == ""
