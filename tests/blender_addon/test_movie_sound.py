# SPDX-License-Identifier: GPL-3.0-or-later
"""The movie of an edited shot has the sound that Blender plays, held against Blender's own mixdown."""

import wave
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats import BakeCard
from talksplat.core.jobs import Render

RATE, FRAMES = 16000, 72

pytestmark = pytest.mark.skipif(
    bpy.app.binary_path != "", reason="Blender's application mixes down in a job of its own"
)


@pytest.fixture
def edit(talking, blender, tmp_path, make_wave, add_strip):
    """The head's strip of three seconds of words (noise in bursts), one channel, at 24 fps."""
    from talksplat.blender_addon.scene import versions

    rng, scene = np.random.default_rng(7), blender.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, FRAMES
    strips = versions.top_strips(scene.sequence_editor)
    for strip in list(strips):
        strips.remove(strip)
    bursts = np.repeat(rng.uniform(0, 0.4, 60), RATE // 20)
    smooth = np.convolve(rng.normal(size=3 * RATE), np.ones(8) / 8, "same")
    path = make_wave(tmp_path / "words.wav", np.clip(bursts * smooth, -0.9, 0.9))
    strip = add_strip(blender, path)
    talking.talksplat.sound, talking.talksplat.strip = str(path), strip.name
    talking.talksplat.listen_to = "SOUND"
    return strip


def card_of(**changes):
    return BakeCard("tiny", Fraction(24), 1, FRAMES, 1, "h", "a", **changes)


def movie_sound(talking, card=None):
    from talksplat.blender_addon.speech.movie_sound import movie_sound as sound_of

    return sound_of(bpy.context.scene, talking, card or card_of())


def assert_blender_plays_the_same(talking, folder, card=None):
    pytest.importorskip("av")
    from talksplat.core.baking.edited_sound import edited_sound

    sounds, rows = movie_sound(talking, card)
    ours, rate, _ = edited_sound(Render("b", "o", sounds=sounds, sound_per_frame=rows), card or card_of())
    path = folder / "mix.wav"
    bpy.context.view_layer.update()
    bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S16")
    with wave.open(str(path)) as file:
        assert file.getframerate() == rate
        blenders = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 0] / 32768
    length = min(len(ours), len(blenders))
    ours, blenders = ours[:length, 0], blenders[:length]
    assert np.abs(blenders).max() > 0.05
    for number, (row, after) in enumerate(pairwise(rows), 1):
        if row and not after:  # Blender ends a strip with its buffer of 21 ms
            ours[number * 2000 :][:2000] = blenders[number * 2000 :][:2000] = 0
    difference = ours / np.linalg.norm(ours) - blenders / np.linalg.norm(blenders)
    assert np.linalg.norm(difference) < 0.1


def test_the_movie_of_one_strip_that_plays_through_has_the_bakes_own_sound(talking, edit):
    assert movie_sound(talking) == ((), ())


def test_the_movie_of_a_cut_strip_is_cut(talking, edit, tmp_path, place_strip, add_strip):
    """It played the file from its start to its end, whatever the editor had done."""
    place_strip(edit, trim_end=FRAMES - 20)
    second = add_strip(bpy, tmp_path / "words.wav", 1)
    place_strip(second, start=-5, trim_start=40)
    assert_blender_plays_the_same(talking, tmp_path)
    assert movie_sound(talking)[1].count(()) > 5


def test_the_movie_of_a_channel_with_two_sounds_has_both(talking, edit, tmp_path, place_strip, add_strip, make_wave):
    """It was silent."""
    other = make_wave(tmp_path / "answer.wav", 0.3 * np.sin(np.arange(RATE) / 9))
    place_strip(edit, trim_end=FRAMES - 30)
    add_strip(bpy, other, 41)
    settings, item = talking.talksplat, talking.talksplat.more_sounds.add()
    item.sound, item.performance = str(other), settings.performance
    settings.listen_to, settings.listen_channel = "CHANNEL", 1
    assert_blender_plays_the_same(talking, tmp_path, card_of(more_audio=("answer.wav",)))
    assert [Path(path).name for path in movie_sound(talking)[0]] == ["words.wav", "answer.wav"]


def test_a_strip_at_half_volume_or_muted_is_so_in_the_movie(talking, edit):
    edit.volume = 0.5
    assert {row[3] for row in movie_sound(talking)[1]} == {0.5}
    edit.mute = True
    assert set(movie_sound(talking)[1]) == {()}


def test_a_retimed_strip_is_retimed_in_the_movie(talking, edit, monkeypatch):
    """Its pictures followed the retiming and its sound did not."""
    from talksplat.blender_addon.scene import strip as strips
    from talksplat.blender_addon.scene.retiming import Retiming

    monkeypatch.setattr(
        strips, "retiming_of", lambda _strip: Retiming(((Fraction(0), Fraction(0)), (Fraction(100), Fraction(50))))
    )
    rows = movie_sound(talking)[1]
    np.testing.assert_allclose([row[1] for row in rows], np.arange(FRAMES) / 48, atol=1e-9)
    np.testing.assert_allclose([row[2] for row in rows], np.arange(1, FRAMES + 1) / 48, atol=1e-9)
