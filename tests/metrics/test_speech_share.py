# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage that is hardly speech was prepared without a word: speech is told from silence, noise, hums and notes."""

from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import load_sound
from talksplat.core.metrics import speech_share

ROOT = Path(__file__).resolve().parents[2]
RATE, SECONDS = 16000, 12
T = np.arange(RATE * SECONDS) / RATE


def melody(struck):
    """Notes of a quarter of a second, struck or held."""
    pitch = 220 * 2 ** (np.array([0, 4, 7, 12, 7, 4, 2, 5])[(4 * T).astype(int) % 8] / 12)
    return 0.2 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * (np.exp(-6 * (T % 0.25)) if struck else 1)


def not_speech():
    noise = np.random.default_rng(0).normal(size=len(T))
    yield "silence", np.zeros(len(T))
    yield "noise", 0.1 * noise
    yield "room tone", 1e-4 * noise
    yield "traffic", np.convolve(noise, np.ones(40) / 40, "same") * (1 + 0.5 * np.sin(T))
    yield "mains hum", 0.1 * np.sin(2 * np.pi * 50 * T) + 0.001 * noise
    yield "clicks", noise * (np.random.default_rng(1).random(len(T)) < 1 / 4000)
    yield "struck notes", melody(True)
    yield "held notes", melody(False)


@pytest.mark.parametrize(
    ("name", "samples"), list(not_speech()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_this_is_no_speech(name, samples):
    assert speech_share(samples.astype(np.float32), RATE) < 0.05


def test_a_voice_is_speech_however_loud_and_its_share_counts():
    voice = load_sound(ROOT / "samples" / "voice.wav").samples
    share = speech_share(voice, RATE)
    assert share > 0.5
    assert speech_share(0.01 * voice, RATE) == pytest.approx(share, abs=0.02)
    quarter = np.concatenate([voice, np.zeros(3 * len(voice), np.float32)])
    assert speech_share(quarter, RATE) == pytest.approx(share / 4, abs=0.05)


def test_many_voices_are_speech(shared_data):
    files = sorted((shared_data / "voices").rglob("*.flac"))[::60]
    shares = [speech_share(load_sound(path).samples, RATE) for path in files]
    assert np.median(shares) > 0.6
    assert np.mean(np.array(shares) > 0.2) > 0.9


def test_what_is_too_short_holds_none():
    assert speech_share(np.zeros(0), RATE) == speech_share(np.ones(100), RATE) == 0
    with pytest.raises(ValueError, match="one channel"):
        speech_share(np.zeros((5, 2)), RATE)
