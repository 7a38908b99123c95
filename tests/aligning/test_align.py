# SPDX-License-Identifier: GPL-3.0-or-later
"""A text laid over a sound, against people's alignments; and the texts and sounds that do not fit each other."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import Sound, load_sound, write_wav
from talksplat.core.dispatch import run_job
from talksplat.core.formats import read_words
from talksplat.core.jobs import Align, Failed, Finished, Progress, Warned
from talksplat.samples.mouth_net.clips import HELD_BACK_TALKERS

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
VOICE, SENTENCE = SAMPLES / "voice.wav", "Set green by C six now."
OTHER = "The quick brown fox jumps over the lazy dog."
RATE = 16000


@pytest.fixture
def align(tmp_path):
    """align(text, sound=VOICE, name="line.txt") -> (the last event, the warnings, the file)."""

    def run(text, sound=VOICE, name="line.txt"):
        script, out = tmp_path / name, tmp_path / "out.TextGrid"
        script.write_text(text, encoding="utf-8")
        events = list(run_job(Align(str(sound), str(script), str(out))))
        return events[-1], [event.sentence for event in events if isinstance(event, Warned)], out

    return run


def sound_of(tmp_path, *parts):
    """A file with these stretches of samples one after the other."""
    path = tmp_path / "sound.wav"
    write_wav(path, Sound(np.concatenate(parts).astype(np.float32)))
    return path


def voice():
    return load_sound(VOICE).samples


def edges(words):
    return np.array([word[:2] for word in words])


def test_words_and_phones_are_where_the_corpus_has_them(align):
    end, warnings, out = align(SENTENCE)
    assert isinstance(end, Finished), end
    assert end.result["confidence"] > 0.9
    assert warnings == []
    found, truth = read_words(out), read_words(SAMPLES / "voice.align").words
    assert [word.label for word in found.words] == ["Set", "green", "by", "C", "six", "now"]
    errors = np.abs(edges(found.words) - edges(truth))
    assert np.median(errors) < 0.035
    for word in found.words:  # each word is its phones
        inside = [phone for phone in found.phones if word.start <= phone.start < word.end]
        assert (inside[0].start, inside[-1].end) == word[:2]
    assert [phone.label for phone in found.phones][:3] == ["S", "EH", "T"]


@pytest.mark.parametrize("text", [OTHER, "now six C by green set", "Bin blue at F two now", "zwei Bier bitte " * 3])
def test_a_text_that_is_not_spoken_is_told_and_nothing_is_written(align, text):
    end, _, out = align(text)
    assert isinstance(end, Failed), end
    assert "line.txt" in end.sentence
    assert "does not seem to be what is spoken in voice.wav (confidence 0.0" in end.sentence
    assert not out.exists()


def noise(seconds):
    return np.random.default_rng(0).normal(0, 0.05, round(seconds * RATE))


def chords(seconds):
    t = np.arange(round(seconds * RATE)) / RATE
    beat = np.exp(-((t * 2) % 1) * 3)
    return 0.1 * beat * sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440))


@pytest.mark.parametrize("made", [noise, chords])
def test_noise_and_music_speak_no_text(align, tmp_path, made):
    end, _, out = align(SENTENCE, sound_of(tmp_path, made(3)))
    assert isinstance(end, Failed), end
    assert not out.exists()


def test_silence_is_told_before_anything_is_looked_for(align, tmp_path):
    end, _, _ = align(SENTENCE, sound_of(tmp_path, np.zeros(2 * RATE)))
    assert end == Failed(f"{tmp_path / 'sound.wav'}: is silent; choose another sound, track or channel.")


def test_pauses_and_music_around_and_between_two_sentences_move_no_word(align, tmp_path):
    """The words of each sentence stay where they are in the sentence alone."""
    alone = edges(read_words(align(SENTENCE)[2]).words)
    gap = [chords(4), voice(), np.zeros(7 * RATE), noise(2), voice(), chords(3)]
    starts = np.cumsum([0, *map(len, gap)]) / RATE
    end, warnings, out = align(f"{SENTENCE}\n{SENTENCE}", sound_of(tmp_path, *gap))
    assert isinstance(end, Finished), end
    assert warnings == []
    found = edges(read_words(out).words)
    errors = np.abs(np.concatenate([found[:6] - starts[1], found[6:] - starts[4]]) - np.tile(alone, (2, 1)))
    assert np.median(errors) <= 0.02
    assert errors.max() < 0.15


def test_a_sentence_that_is_not_in_the_sound_is_left_out_and_named(align, tmp_path):
    sound = sound_of(tmp_path, voice(), voice())
    end, [warning], out = align(f"{SENTENCE} {OTHER} {SENTENCE}", sound)
    assert isinstance(end, Finished), end
    assert "line.txt" in warning
    assert "not heard in sound.wav" in warning
    labels = [word.label for word in read_words(out).words]
    assert labels == ["Set", "green", "by", "C", "six", "now"] * 2


def test_the_times_of_subtitles_choose_among_equal_sentences(align, tmp_path):
    """The sound has the sentence three times, the subtitles have its second time alone."""
    sound = sound_of(tmp_path, voice(), voice(), voice())
    length = len(voice()) / RATE
    clock = "00:00:{:06.3f}".format
    cue = f"1\n{clock(length)} --> {clock(2 * length)}\n{SENTENCE}\n".replace(".", ",", 2)
    end, _, out = align(cue, sound, "line.srt")
    assert isinstance(end, Finished), end
    words = read_words(out).words
    assert words[0].start > length
    assert words[-1].end < 2 * length


def test_a_job_that_is_cancelled_leaves_no_file(tmp_path):
    (tmp_path / "line.txt").write_text(SENTENCE)
    job = run_job(Align(str(VOICE), str(tmp_path / "line.txt"), str(tmp_path / "out.TextGrid")))
    next(event for event in job if isinstance(event, Progress) and event.note == "aligning")
    job.close()
    assert [path.name for path in tmp_path.iterdir()] == ["line.txt"]


def test_a_file_that_is_no_textgrid_is_not_replaced(align, tmp_path):
    shutil.copy(VOICE, tmp_path / "out.TextGrid")
    script = tmp_path / "line.txt"
    script.write_text(SENTENCE)
    [end] = run_job(Align(str(VOICE), str(script), str(tmp_path / "out.TextGrid")))
    assert "is not a .TextGrid file and is not replaced" in end.sentence


@pytest.mark.shared_data
def test_word_edges_of_talkers_that_no_net_has_heard_are_those_of_the_corpus(shared_data, tmp_path):
    """GRID's alignments are the truth. Of all clips: docs/research/align.md."""
    clips = [
        clip
        for clip in sorted((shared_data / "grid_talkers").glob("*.mpg"))
        if clip.stem.split("_")[1] in HELD_BACK_TALKERS
    ]
    errors = []
    for clip in clips[::2]:
        truth = read_words(clip.with_suffix(".align")).words
        script, out = tmp_path / f"{clip.stem}.txt", tmp_path / f"{clip.stem}.TextGrid"
        script.write_text(" ".join(word.label for word in truth))
        *_, end = run_job(Align(str(clip), str(script), str(out)))
        assert isinstance(end, Finished), end
        errors.append(np.abs(edges(read_words(out).words) - edges(truth)))
    assert len(errors) == 7
    assert np.median(errors) < 0.035
    assert np.percentile(errors, 90) < 0.08
