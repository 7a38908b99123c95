# SPDX-License-Identifier: GPL-3.0-or-later
"""Silence of many kinds, and its one target: the mouth that the person showed in the pauses."""

import numpy as np
import pytest
import torch

from talksplat.core.audio.encoders import ENCODERS
from talksplat.core.audio.sound import Sound
from talksplat.core.audio.windows import windows_at
from talksplat.core.metrics import lip_gap
from talksplat.core.training.reference import picture_landmarks
from talksplat.core.training.silence_samples import LOWER_FACE, collect_silence, rest_pictures


@pytest.fixture(scope="module")
def silence(footage, speech):
    return collect_silence(footage, speech, "logmel")


def test_rest_is_the_mouth_of_the_pauses(speech, silence):
    gaps = lip_gap(speech.stack_tracks("landmarks"))
    assert lip_gap(silence.rest) < gaps.min() + 1e-3
    assert np.isin(silence.rest_rows, np.flatnonzero(gaps < np.median(gaps))).all()


def test_windows_are_of_silence_and_not_of_speech(silence):
    """Every window of digital silence is among them; none is as lively as the clip in the middle."""
    windows = silence.windows(300, np.random.default_rng(0))
    silent = windows_at(ENCODERS["logmel"].encode(Sound(np.zeros(64000, np.float32))), [2.0])
    assert windows.shape[1:] == silent.shape[1:]
    assert np.abs(windows - silent).max(axis=(1, 2, 3)).min() < 1e-5
    row, _, last = silence.spans[-2]  # silence before a clip
    spoken = windows_at(silence.features[row], np.linspace(last + 0.8, last + 2.4, 20))
    beside = windows_at(silence.features[row], np.linspace(*silence.spans[-2][1:], 20))
    assert np.abs(beside - silent).max() < 0.2 * np.abs(spoken - silent).max()
    assert np.array_equal(windows, silence.windows(300, np.random.default_rng(0)))
    assert silence.windows(0, np.random.default_rng(0)).shape == (0, *silent.shape[1:])


def test_only_what_speech_moves_is_put_to_rest(speech, silence):
    marks = speech.stack_tracks("landmarks", np.arange(40, 60))
    still = silence.rest_mouth(marks)
    upper = np.setdiff1d(np.arange(68), LOWER_FACE)
    assert np.array_equal(still[:, upper], marks[:, upper])
    assert np.ptp(lip_gap(still)) < 1e-9


def test_pictures_at_rest_show_closed_lips(footage, speech, silence):
    marks = picture_landmarks(footage, speech, footage.frames("train"))
    rows = rest_pictures(marks, silence)
    assert len(rows) > 2
    assert lip_gap(marks[rows]).max() < 0.004 < lip_gap(marks).max()


def test_without_pauses_the_most_closed_moments_stand_for_rest(footage, speech, monkeypatch):
    monkeypatch.setattr("talksplat.core.training.silence_samples.silent_spans", lambda *_: [])
    silence = collect_silence(footage, speech, "logmel")
    gaps = lip_gap(speech.stack_tracks("landmarks"))
    assert gaps[silence.rest_rows].max() <= np.percentile(gaps, 11)
    assert torch.isfinite(torch.from_numpy(silence.rest)).all()
