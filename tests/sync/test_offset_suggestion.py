# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggest Offset: what is known to be shifted is found, and where nothing can be found that is said."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import load_sound
from talksplat.core.formats import read_head
from talksplat.core.listening import compute_performance
from talksplat.core.performance import Controls, HeadReplay
from talksplat.core.sync import suggest_offset

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
RATE = Fraction(25)
SHIFTS = range(-8, 9)


def lips_of(head, performance, frames):  # [frames] mm, at 25 a second
    replay = HeadReplay(head)
    lips = [channel.name for channel in replay.rig.channels].index("lips_apart")
    moments = (performance.at(frame / RATE) for frame in range(frames))
    return np.array([replay.pose(moment, Controls())[lips] for moment in moments])


def listen(head, path):
    steps = compute_performance(head, load_sound(str(path)), str(path))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def head():
    return read_head(SAMPLES / "sample.head")


@pytest.fixture(scope="module")
def voice(head):
    """[75] mm: the sample sentence."""
    return lips_of(head, listen(head, SAMPLES / "voice.wav"), 75)


def shifted(lips, frames):
    """The curve so many frames later, still before and after, as keys that were moved are."""
    at = np.clip(np.arange(len(lips)) - frames, 0, len(lips) - 1)
    return lips[at]


def assert_recovers(lips):
    found = [suggest_offset(shifted(lips, k), lips, RATE) for k in SHIFTS]
    assert [suggestion.frames for suggestion in found] == list(SHIFTS)
    assert min(suggestion.confidence for suggestion in found) > 0.5


def test_the_sample_sentence_is_found_at_every_shift(voice):
    assert_recovers(voice)


def test_a_strangers_sentence_is_found_at_every_shift(head, shared_voice):
    assert_recovers(lips_of(head, listen(head, shared_voice), 150))


@pytest.fixture
def shared_voice(shared_data):
    path = shared_data / "voices" / "ljspeech"
    found = sorted(path.rglob("*.wav")) + sorted(path.rglob("*.flac"))
    if not found:
        pytest.skip("needs the voices of the shared data")
    return found[0]


def test_edited_and_noisy_keys_are_found_with_less_confidence(voice):
    rng = np.random.default_rng(4)
    edited = shifted(voice, 3) * 0.6 + rng.normal(0, 1.0, len(voice))
    suggestion = suggest_offset(edited, voice, RATE)
    assert suggestion.frames == 3
    assert 0.3 < suggestion.confidence < suggest_offset(shifted(voice, 3), voice, RATE).confidence


def test_silence_and_music_say_that_it_cannot_be_told(head, voice, tmp_path):
    from talksplat.core.audio import Sound, write_wav

    t = np.arange(3 * 16000) / 16000
    notes = 110 * 2 ** (np.array([0, 7, 12, 3, 10, 5, 0, 12])[(t * 4).astype(int) % 8] / 12)
    music = (
        sum(np.sin(np.cumsum(2 * np.pi * k * notes / 16000)) / k for k in (1, 2, 3)) * np.exp(-3 * (t * 4 % 1)) * 0.2
    )
    write_wav(tmp_path / "music.wav", Sound(music.astype(np.float32), 16000, "m"))
    write_wav(tmp_path / "silence.wav", Sound(np.zeros(len(t), np.float32), 16000, "s"))
    for name in ("music", "silence"):
        heard = lips_of(head, listen(head, tmp_path / f"{name}.wav"), 75)
        suggestion = suggest_offset(voice, heard, RATE)
        assert suggestion.frames is None, name
        assert suggestion.reason


def test_an_evenly_repeated_syllable_has_two_answers():
    lips = 5 + 5 * np.sin(2 * np.pi * np.arange(200) / 8)
    suggestion = suggest_offset(lips, lips, RATE)
    assert suggestion.frames is None
    assert "two answers" in suggestion.reason


def test_random_mouths_are_hardly_ever_told():
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(200):
        shown, heard = (np.convolve(np.abs(rng.normal(size=155)), np.hanning(7), "valid")[:149] * 3 for _ in range(2))
        told += suggest_offset(shown, heard, RATE).frames is not None
    assert told <= 4


@pytest.mark.parametrize("frames", [0, 10, 40])
def test_a_short_shot_has_too_little_speech(voice, frames):
    assert suggest_offset(voice[:frames], voice[:frames], RATE).reason == "too little speech"


def test_what_is_further_apart_than_the_search_is_not_told_as_its_end(voice):
    lips = np.concatenate([np.zeros(40), voice, np.zeros(40)])
    assert suggest_offset(shifted(lips, 16), lips, RATE).frames is None
