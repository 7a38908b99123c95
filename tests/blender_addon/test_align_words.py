# SPDX-License-Identifier: GPL-3.0-or-later
"""From a text to the words in the graph: a file, a text block, subtitles; and what is never overwritten."""

from pathlib import Path

import bpy
import pytest

SENTENCE = "Set green by C six now."
LABELS = ["Set", "green", "by", "C", "six", "now"]


def shown(obj):
    """(words, phones) of the graph."""
    from talksplat.blender_addon.speech_graph import graph_data

    graph_data.clear()
    data = graph_data.data_of(bpy.context.scene, obj)
    return [word.label for word in data.words], [phone.label for phone in data.phones]


def test_a_text_file_becomes_words_and_phones_in_the_graph(sample_without_words, tmp_path):
    script = tmp_path / "line.txt"
    script.write_text(SENTENCE)
    bpy.ops.talksplat.choose_words(filepath=str(script))
    from talksplat.blender_addon import running

    ended = running.wait()
    assert ended.level == "INFO", ended
    assert ended.sentence.startswith("6 words are in line.TextGrid (confidence ")
    assert Path(sample_without_words.talksplat.words) == tmp_path / "line.TextGrid"
    words, phones = shown(sample_without_words)
    assert words == LABELS
    assert phones[:3] == ["S", "EH", "T"]


def test_a_text_block_is_aligned_and_words_corrected_by_hand_are_never_replaced(sample_without_words, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    kept = tmp_path / "Line.TextGrid"
    kept.write_text("corrected by hand")
    text = bpy.data.texts.new("Line")
    text.write(SENTENCE)
    assert bpy.ops.talksplat.align_text(text="Line") == {"FINISHED"}
    assert bpy.context.object.talksplat.words == "//Line.2.TextGrid"
    assert shown(bpy.context.object)[0] == LABELS
    assert kept.read_text() == "corrected by hand"


def test_the_cues_of_subtitles_become_words(sample_without_words, tmp_path):
    (tmp_path / "voice.srt").write_text(f"1\n00:00:00,000 --> 00:00:03,000\n{SENTENCE}\n")
    assert shown(sample_without_words)[0] == [SENTENCE]
    assert bpy.ops.talksplat.align_words() == {"FINISHED"}
    assert shown(sample_without_words)[0] == LABELS


def test_a_text_that_is_not_spoken_leaves_the_words_as_they_were(sample_without_words, tmp_path):
    script = tmp_path / "other.txt"
    script.write_text("The quick brown fox jumps over the lazy dog.")
    with pytest.raises(RuntimeError, match="does not seem to be what is spoken"):
        bpy.ops.talksplat.align_words(filepath=str(script))
    assert sample_without_words.talksplat.words == ""
    assert not (tmp_path / "other.TextGrid").exists()


def test_a_text_needs_a_sound_first(blender, tmp_path):
    bpy.ops.talksplat.add_sample_head()
    script = tmp_path / "line.txt"
    script.write_text(SENTENCE)
    with pytest.raises(RuntimeError, match=r"line\.txt.*press Attach"):
        bpy.ops.talksplat.choose_words(filepath=str(script))


def test_labels_of_audacity_are_words_though_they_are_a_text_file(sample_without_words, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("0.500000\t0.750000\tSet\n0.750000\t1.250000\tgreen\n")
    assert bpy.ops.talksplat.choose_words(filepath=str(labels)) == {"FINISHED"}
    assert shown(sample_without_words)[0] == ["Set", "green"]


@pytest.mark.parametrize(("content", "why"), [("", "is empty"), ("The quick brown fox.", "does not seem to be")])
def test_a_text_block_is_named_as_the_artist_named_it(sample_without_words, tmp_path, content, why):
    bpy.data.texts.new("Take two").write(content)
    with pytest.raises(RuntimeError) as error:
        bpy.ops.talksplat.align_text(text="Take two")
    assert 'The text block "Take two"' in str(error.value)
    assert why in str(error.value)
    assert str(tmp_path) not in str(error.value), "a private copy"
