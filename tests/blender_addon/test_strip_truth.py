# SPDX-License-Identifier: GPL-3.0-or-later
"""What we say is heard, and when, against Blender's own mixdown: three clicks, after everything that an editor does."""

import json
import os
import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
import pytest

RATE = 16000
CLICKS = (0.5, 1.25, 2.0)  # seconds into the file
WITHIN = 0.010  # seconds
# A trimmed strip makes Blender seek, and in Matroska it starts at the next packet (1024 samples of 48 kHz), up to that
# much early: docs/research/strip_truth.md has the rule.
WITHIN_AFTER_ROUGH_SEEK = 0.022

pytestmark = pytest.mark.skipif(
    bpy.app.binary_path != "", reason="Blender's application mixes down in a job of its own"
)


@pytest.fixture
def clicks(tmp_path, make_wave):
    """A WAV of three clicks."""
    samples = np.zeros(3 * RATE)
    for click in CLICKS:
        samples[round(click * RATE) :][:160] = 0.9 * np.sin(2 * np.pi * 1500 * np.arange(160) / RATE)
    return make_wave(tmp_path / "clicks.wav", samples)


@pytest.fixture
def strip(blender, clicks, add_strip):
    scene = blender.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, 120
    return add_strip(blender, clicks, 10)


def said_by_us(mix, clicks=CLICKS) -> list[float]:
    """The same, as the mix says it: the sound's second passes a click's while it can be heard."""
    from talksplat.blender_addon.scene import strip as strips

    scene, step = mix.scene, Fraction(1, 40)  # of a frame: about a millisecond
    rate = strips.frame_rate(scene)
    count = int((scene.frame_end + 1 - scene.frame_start) / step)
    moments = [mix.at(strips.scene_time(scene, scene.frame_start + k * step)) for k in range(count)]
    heard = [float(m.seconds) - m.delay if m and m.audible > 0.99 else -1.0 for m in moments]
    return [
        float(k * step / rate)
        for k in range(1, count)
        for click in clicks
        if heard[k - 1] < click <= heard[k] < click + 0.01
    ]


@pytest.fixture
def assert_same(played_by_blender):
    """assert_same(bpy, folder, path, ...) -> the clicks of the mixdown, which are where we say they are."""

    def check(bpy, folder, path, lag=0.0, clicks=CLICKS, within=WITHIN):
        from talksplat.blender_addon.scene.sound_mix import Choice, SoundMix

        mix = SoundMix(bpy.context.scene, Choice({os.path.normpath(path): lag}))
        expected, said = played_by_blender(bpy, folder), said_by_us(mix, clicks)
        assert len(said) == len(expected), (said, expected)
        assert np.allclose(said, expected, atol=within), (said, expected)
        return expected

    return check


def meta_around(bpy, *strips):
    """A meta strip made as an editor makes it: from the selected strips."""
    from talksplat.blender_addon.scene import versions

    window, scene = bpy.context.window_manager.windows[0], bpy.context.scene
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    for strip in versions.all_strips(scene.sequence_editor):
        strip.select = strip in strips
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        bpy.ops.sequencer.meta_make()
    return next(s for s in versions.top_strips(scene.sequence_editor) if s.type == "META")


def trimmed(blender, strip, place_strip):
    place_strip(strip, trim_start=20, trim_end=30)


def held(blender, strip, place_strip):
    place_strip(strip, start=20, trim_start=-12, trim_end=-12)


def cut(blender, strip, place_strip):
    right = strip.split(frame=25, split_method="SOFT")
    place_strip(right, start=30)


def cut_with_a_piece_muted(blender, strip, place_strip):
    strip.split(frame=45, split_method="SOFT").mute = True


def in_a_meta(blender, strip, place_strip):
    meta_around(blender, strip)


def in_a_trimmed_meta(blender, strip, place_strip):
    meta = meta_around(blender, strip)
    place_strip(meta, trim_start=20, trim_end=30)


def in_a_muted_meta(blender, strip, place_strip):
    meta_around(blender, strip).mute = True


def in_a_moved_meta(blender, strip, place_strip):
    meta = meta_around(blender, strip)
    place_strip(meta, start=25)


def in_nested_metas(blender, strip, place_strip):
    inner = meta_around(blender, strip)
    place_strip(inner, trim_start=20)
    place_strip(meta_around(blender, inner), trim_end=30)


def in_a_muted_channel(blender, strip, place_strip):
    blender.context.scene.sequence_editor.channels[strip.channel].mute = True


def beside_a_muted_channel(blender, strip, place_strip):
    blender.context.scene.sequence_editor.channels[strip.channel + 1].mute = True


def in_a_muted_channel_of_a_meta(blender, strip, place_strip):
    meta = meta_around(blender, strip)
    meta.channels[strip.channel].mute = True


def at_volume_0(blender, strip, place_strip):
    strip.volume = 0.0


def with_keyed_volume(blender, strip, place_strip):
    for frame, volume in ((30, 1.0), (34, 0.0), (50, 0.0), (54, 1.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)


def muted(blender, strip, place_strip):
    strip.mute = True


def with_keyed_volume_in_stretched_time(blender, strip, place_strip):
    """Blender's time stretching moves the keys, not the sound."""
    with_keyed_volume(blender, strip, place_strip)
    blender.context.scene.render.frame_map_old, blender.context.scene.render.frame_map_new = 100, 150


def in_a_scene_strip(blender, strip, place_strip, rate=24, first=4, trim=0, **settings):
    """Another scene's sequencer plays the strip; the scene that is mixed down holds that scene as a strip."""
    from talksplat.blender_addon.scene import versions

    set_scene = blender.context.scene
    set_scene.render.fps, set_scene.frame_start = rate, first
    shot = blender.data.scenes.new("shot")
    shot.render.fps, shot.frame_start, shot.frame_end = 24, 1, 160
    blender.context.window.scene = shot
    scene_strip = versions.top_strips(shot.sequence_editor_create()).new_scene("set", set_scene, 2, 20)
    scene_strip.scene_input = "SEQUENCER"
    place_strip(scene_strip, trim_start=trim)
    for name, value in settings.items():
        setattr(scene_strip, name, value)


def in_a_scene_strip_of_another_rate(blender, strip, place_strip):
    in_a_scene_strip(blender, strip, place_strip, rate=30, first=11)


def in_a_trimmed_scene_strip(blender, strip, place_strip):
    in_a_scene_strip(blender, strip, place_strip, trim=24)


def in_a_muted_scene_strip(blender, strip, place_strip):
    in_a_scene_strip(blender, strip, place_strip, mute=True)


def in_a_scene_strip_at_volume_0(blender, strip, place_strip):
    in_a_scene_strip(blender, strip, place_strip, volume=0.0)


def in_a_scene_strip_that_shows_the_camera(blender, strip, place_strip):
    in_a_scene_strip(blender, strip, place_strip, scene_input="CAMERA")


def untouched(blender, strip, place_strip):
    pass


EDITS = {
    untouched: 3,
    trimmed: 1,
    held: 3,
    muted: 0,
    cut: 3,
    cut_with_a_piece_muted: 2,
    in_a_meta: 3,
    in_a_moved_meta: 3,
    in_a_trimmed_meta: 1,
    in_a_muted_meta: 0,
    in_nested_metas: 1,
    in_a_muted_channel: 0,
    beside_a_muted_channel: 3,
    in_a_muted_channel_of_a_meta: 0,
    at_volume_0: 0,
    with_keyed_volume: 2,
    with_keyed_volume_in_stretched_time: 2,
    in_a_scene_strip: 3,
    in_a_scene_strip_of_another_rate: 3,
    in_a_trimmed_scene_strip: 2,
    in_a_muted_scene_strip: 0,
    in_a_scene_strip_at_volume_0: 0,
    in_a_scene_strip_that_shows_the_camera: 0,
}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_after_every_edit_the_mix_is_what_blender_plays(
    blender, strip, tmp_path, place_strip, clicks, edit, assert_same
):
    edit(blender, strip, place_strip)
    assert len(assert_same(blender, tmp_path, clicks)) == EDITS[edit]


def test_a_renamed_strip_is_still_the_heads(talking, blender):
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.scene import strip as strips

    scene = blender.context.scene
    strips.sound_strips(scene)[0].name = "dialogue"
    moment = playback.moment_of(talking, scene, Fraction(20), talking.talksplat.controls.values())
    assert moment.source.endswith("voice.performance")


def test_a_moved_piece_of_a_cut_strip_moves_the_head_in_the_viewport_and_in_the_bake(
    talking, blender, place_strip, tmp_path
):
    from talksplat.blender_addon import open_files, playback
    from talksplat.blender_addon.scene import strip as strips
    from talksplat.blender_addon.shot import jobs as shot_jobs

    scene = blender.context.scene
    scene.frame_start, scene.frame_end = 1, 60
    sliders = talking.talksplat.controls.values()
    talking.talksplat.bake_out = str(tmp_path / "shot.bake")

    def spoken(frame):
        moment = playback.moment_of(talking, scene, Fraction(frame), sliders)
        return moment, open_files.performance(moment.source).at(moment.time, moment.controls).audio["mouth"]

    before = spoken(30)[1]
    strip = strips.sound_strips(scene)[0]
    right = strip.split(frame=25, split_method="SOFT")
    place_strip(right, start=strips.strip_frames(right)[0] + 7)
    moment, after = spoken(37)
    np.testing.assert_allclose(after, before, atol=1e-6)
    job = shot_jobs.bake_job(scene, talking)
    assert job.controls_per_frame[36] == moment.controls
    assert job.controls_per_frame[27].intensity == 0.0, "the gap between the two pieces is silent"


MAKE = Path(__file__).with_name("make_late_sounds.py")
# file -> (codec, seconds by which the sound starts late, whether there is a picture)
FILES = {
    "plain.wav": ("pcm_s16le", 0.0, False),
    "plain.flac": ("flac", 0.0, False),
    "plain.m4a": ("aac", 0.0, False),
    "plain.mka": ("aac", 0.0, False),
    "plain.ogg": ("libopus", 0.0, False),
    "film.mp4": ("aac", 0.0, True),
    "film.mkv": ("aac", 0.0, True),
    "late0.3.mp4": ("aac", 0.3, True),
    "late0.7.mp4": ("aac", 0.7, True),
    "late0.3.mkv": ("aac", 0.3, True),
    "late0.7.mkv": ("aac", 0.7, True),
    "late0.3.mov": ("pcm_s16le", 0.3, True),
    "late0.7.mov": ("pcm_s16le", 0.7, True),
}


@pytest.fixture(scope="session")
def late_sounds(tmp_path_factory):
    """(folder, {file: (duration, times of its clicks)} as the core reads it): Blender's own Python has no PyAV."""
    folder = tmp_path_factory.mktemp("late")
    python = os.environ.get("TALKSPLAT_PYTHON", sys.executable)
    made = subprocess.run([python, str(MAKE), str(folder), json.dumps(FILES)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder, json.loads(made.stdout)


def read_by_the_core(path, folder):
    """[L] samples of 16 kHz, as the core reads them."""
    python = os.environ.get("TALKSPLAT_PYTHON", sys.executable)
    made = subprocess.run([python, str(MAKE), "--read", str(path), str(folder / "read.npy")], capture_output=True)
    assert made.returncode == 0, made.stderr
    return np.load(folder / "read.npy")


def mixdown_samples(bpy, folder):
    """[L] samples of 16 kHz of Blender's mixdown."""
    bpy.context.view_layer.update()
    bpy.ops.sound.mixdown(filepath=str(folder / "mix.wav"), container="WAV", codec="PCM", format="S16")
    with wave.open(str(folder / "mix.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())[:, 0]
        assert file.getframerate() == 3 * RATE
    return samples[: len(samples) // 3 * 3].reshape(-1, 3).mean(axis=1)


@pytest.mark.parametrize("trim", [0, 14])
@pytest.mark.parametrize("name", FILES)
def test_a_sound_that_starts_late_in_its_file_is_where_blender_plays_it(
    blender, late_sounds, add_strip, place_strip, tmp_path, name, trim, assert_same
):
    from talksplat.blender_addon.scene.sound_lag import measure_lag

    folder, read = late_sounds
    duration, clicks = read[name]
    scene = blender.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, 120
    place_strip(add_strip(blender, folder / name, 10), trim_start=trim)
    lag = measure_lag(str(folder / name), duration)
    assert abs(lag - FILES[name][1]) < 0.025, "the encoder's delay at most besides the lag"
    within = WITHIN_AFTER_ROUGH_SEEK if trim and name.endswith((".mkv", ".mka")) else WITHIN
    assert len(assert_same(blender, tmp_path, folder / name, lag, clicks, within)) == (2 if trim else 3)


@pytest.mark.parametrize("trim", [0, 14])
@pytest.mark.parametrize("name", ["late0.7.mp4", "late.mkv", "aac.mkv"])
def test_a_voice_in_a_file_that_went_wrong_is_where_blender_plays_it(
    blender, shared_cases, add_strip, place_strip, tmp_path, name, trim
):
    """A word has no click: the mixdown is the file's own sound, moved to where we say that it is heard."""
    from talksplat.blender_addon.scene.sound_lag import measure_lag
    from talksplat.blender_addon.scene.sound_mix import Choice, SoundMix

    path = shared_cases / "strip" / name
    samples = read_by_the_core(path, tmp_path)
    scene = blender.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, 100
    place_strip(add_strip(blender, path, 10), trim_start=trim)
    mix = SoundMix(scene, Choice({os.path.normpath(path): measure_lag(str(path), len(samples) / RATE)}))
    played = mixdown_samples(blender, tmp_path)
    start = Fraction(34, 24)  # seconds after the first frame: inside of the strip, trimmed or not
    said = mix.at(start + Fraction(1, 24))
    heard = samples[round(float(said.seconds - Fraction(said.delay)) * RATE) :][: RATE // 2]
    reach = RATE // 10
    late = [np.vdot(heard, played[round(float(start) * RATE) + n :][: len(heard)]) for n in range(-reach, reach + 1)]
    within = 1024 / RATE + WITHIN if trim and name.endswith(".mkv") else WITHIN  # a packet of a sound of 16 kHz
    assert abs(int(np.argmax(late)) - reach) / RATE < within, int(np.argmax(late)) - reach


def test_a_sound_that_blender_cannot_decode_has_no_lag(blender, tmp_path):
    from talksplat.blender_addon.scene.sound_lag import measure_lag

    (tmp_path / "broken.wav").write_bytes(b"no sound")
    assert measure_lag(str(tmp_path / "broken.wav"), 2.0) == 0.0
