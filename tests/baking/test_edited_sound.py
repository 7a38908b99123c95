# SPDX-License-Identifier: GPL-3.0-or-later
"""The movie of an edited shot: what the sequencer plays, put together from its sounds."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.audio.decode import load_soundtrack
from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav
from talksplat.core.baking.edited_sound import edited_sound
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Render

FRAMES = 12


@pytest.fixture
def sounds(tmp_path):
    """Two files of noise of two seconds."""
    rng, paths = np.random.default_rng(3), (str(tmp_path / "a.wav"), str(tmp_path / "b.wav"))
    for path in paths:
        write_wav(path, Sound(rng.uniform(-0.5, 0.5, 2 * SOUND_RATE).astype(np.float32)))
    return paths


def edited(sounds, rows, fps=Fraction(24)):
    card = BakeCard("anna", fps, 1, FRAMES, 1, "h", "a")
    return edited_sound(Render("anna.bake", "out", sounds=sounds, sound_per_frame=tuple(rows)), card)


def played(file, start, fps=Fraction(24), volume=1.0):
    """The rows of a piece that plays on at normal speed."""
    seconds = [float(start + Fraction(i) / fps) for i in range(FRAMES + 1)]
    return [(float(file), a, b, volume) for a, b in itertools.pairwise(seconds)]


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(15)])
def test_a_piece_that_plays_on_is_the_file_itself_to_the_bit(sounds, fps):
    samples, rate, _ = edited(sounds, played(0, Fraction(1, 2), fps), fps)
    track = load_soundtrack(sounds[0])[0]
    assert len(samples) == round(FRAMES * rate / fps)
    np.testing.assert_array_equal(samples, track[rate // 2 :][: len(samples)])


def test_a_cut_two_sounds_silence_and_volume_are_heard_where_the_sequencer_has_them(sounds):
    """The movie of a shot that was cut played the whole file through; with two sounds it was silent."""
    rows = [
        *played(0, Fraction(0))[:4],
        (),
        (),
        *played(1, Fraction(1, 4), volume=0.5)[:3],
        *played(0, Fraction(1))[:3],
    ]
    samples, rate, _ = edited(sounds, rows)
    a, b, n = load_soundtrack(sounds[0])[0], load_soundtrack(sounds[1])[0], rate // 24
    expected = [a[: 4 * n], np.zeros((2 * n, 2)), 0.5 * b[rate // 4 :][: 3 * n], a[rate:][: 3 * n]]
    np.testing.assert_allclose(samples, np.concatenate(expected), atol=1e-6)


def test_a_sound_at_double_speed_has_twice_the_pitch(tmp_path):
    path = str(tmp_path / "tone.wav")
    write_wav(path, Sound(np.sin(2 * np.pi * 400 * np.arange(2 * SOUND_RATE) / SOUND_RATE).astype(np.float32)))
    samples, rate, _ = edited((path,), [(0.0, i / 12, (i + 1) / 12, 1.0) for i in range(FRAMES)])
    tone = np.sin(2 * np.pi * 800 * np.arange(len(samples)) / rate)
    assert np.abs(samples[500:, 0] / np.abs(samples).max() - tone[500:]).max() < 0.05, "no click between the frames"


def test_before_and_after_a_file_there_is_silence(sounds):
    samples, rate, _ = edited(sounds, played(0, Fraction(-1, 4)))
    assert not samples[: rate // 4].any()
    assert samples[rate // 4 :].any()
    assert not edited(sounds, played(0, Fraction(99)))[0].any()


NONSENSE = [
    (2.0, 0.0, 0.1, 1.0),
    (-1.0, 0.0, 0.1, 1.0),
    (0.5, 0.0, 0.1, 1.0),
    (0.0, 0.0, 1e9, 1.0),
    (0.0, 1e300, 1e300, 1.0),
    (0.0, float("nan"), 0.0, 1.0),
    (0.0,),
]


@pytest.mark.parametrize("row", NONSENSE)
def test_rows_that_make_no_sense_are_one_sentence(sounds, row):
    with pytest.raises(UserError, match="sound_per_frame does not fit"):
        edited(sounds, [*played(0, Fraction(0))[1:], row])
    with pytest.raises(UserError, match="sound_per_frame does not fit"):
        edited(sounds, [row])
