# SPDX-License-Identifier: GPL-3.0-or-later
"""In a pause of any voice the head rests, and nowhere else: its own codes, unchanged, while somebody speaks."""

import numpy as np
import pytest

from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav
from talksplat.core.baking.perform import perform
from talksplat.core.formats.head_file import read_head
from talksplat.core.jobs import Perform
from talksplat.core.listening.audio_codes import AudioCodes
from talksplat.core.listening.pauses import EASE, HOLD, LEAD, speech_presence
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls

SPEECH = ((0.5, 1.5), (1.7, 2.5), (3.5, 4.5))  # seconds: a stop of 0.2 s, a pause of 1 s, half a second at both ends
TIMES = np.arange(-50, 551) / 100


def spoken(room, scale=1.0):
    """5 s of a voice over room tone at so many dB of full scale."""
    t, rng = np.arange(5 * SOUND_RATE) / SOUND_RATE, np.random.default_rng(0)
    voice = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20)) * (1.2 + np.sin(2 * np.pi * 4 * t)) * 0.05
    voiced = sum((t >= a) & (t < b) for a, b in SPEECH)
    return Sound((scale * (voice * voiced + 10 ** (room / 20) * rng.standard_normal(len(t)))).astype(np.float32))


@pytest.mark.parametrize("room", [-90, -60, -46])
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_rest_in_pauses_and_nowhere_else(room, scale):
    present = speech_presence(spoken(room, scale), TIMES)
    assert present.min() == 0
    assert np.abs(np.diff(present)).max() < 1.6 * 0.01 / EASE, "it goes and comes smoothly"
    for first, last in ((0.5, 2.5), (3.5, 4.5)):  # with the stop between two words
        there = (TIMES >= first - LEAD + 0.04) & (TIMES <= last + HOLD - 0.04)
        assert (present[there] == 1).all()
    for first, last in ((-0.5, 0.5), (2.5, 3.5), (4.5, 5.5)):
        away = (TIMES >= first + HOLD + EASE + 0.04) & (TIMES <= last - LEAD - EASE - 0.04)
        assert (present[away] == 0).all()


def test_what_does_not_vary_has_no_pauses_and_nothing_is_one():
    hum = Sound((0.1 * np.random.default_rng(1).standard_normal(3 * SOUND_RATE)).astype(np.float32))
    assert (speech_presence(hum, TIMES) == 1).all()
    assert (speech_presence(Sound(np.zeros(5 * SOUND_RATE, np.float32)), TIMES) == 0).all()


def test_a_performance_rests_in_pauses(tiny_head, tmp_path):
    sound = spoken(-50)
    write_wav(tmp_path / "v.wav", sound)
    list(perform(Perform(str(tiny_head), str(tmp_path / "v.wav"), str(tmp_path / "v.performance"))))
    performance, nets = read_performance(tmp_path / "v.performance"), AudioCodes(read_head(tiny_head))
    [followed] = list(nets.codes(sound, np.array([1.0, 1.6, 3.0])))
    for branch, codes in followed.items():
        stored = np.stack([performance.at(t, Controls(blinks=0.0)).audio[branch] for t in (1.0, 1.6, 3.0)])
        np.testing.assert_allclose(stored[:2], codes[:2], atol=1e-4)
        np.testing.assert_array_equal(stored[2], performance.rest[branch])
        assert np.abs(codes[2] - performance.rest[branch]).max() > 1e-3, "the audio net alone would not rest"
