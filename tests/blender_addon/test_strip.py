# SPDX-License-Identifier: GPL-3.0-or-later
"""Strip timing against Blender's own mixdown: a click sounds where we say it does."""

import wave
from fractions import Fraction

import bpy
import numpy as np
import pytest

RATE = 16000
CLICK = 1.25  # seconds into the file


@pytest.fixture
def strip(blender, tmp_path, make_wave):
    """A strip whose sound has one click."""
    from talksplat.blender_addon.scene import versions

    samples = np.zeros(4 * RATE)
    samples[round(CLICK * RATE)] = 0.9
    editor = blender.context.scene.sequence_editor_create()
    return versions.top_strips(editor).new_sound("click", str(make_wave(tmp_path / "click.wav", samples)), 1, 10)


def click_in_mixdown(bpy, folder) -> float:
    """Seconds after the scene's first frame at which Blender's own mixdown has the click."""
    path = folder / "mix.wav"
    bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S16")
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return int(np.abs(samples[:, 0].astype(int)).argmax()) / file.getframerate()


@pytest.mark.skipif(bpy.app.binary_path != "", reason="Blender's application mixes down in a job of its own")
@pytest.mark.parametrize(
    ("fps", "base", "rate"),
    [
        (24, 1.0, Fraction(24)),
        (24, 1.001, Fraction(24000, 1001)),
        (30, 1.001, Fraction(30000, 1001)),
        (25, 1.0, Fraction(25)),
        (60, 1.0, Fraction(60)),
    ],
)
@pytest.mark.parametrize(("start", "trim", "offset"), [(10, 0, 0.0), (-7, 12, 0.0), (31, 5, 0.02), (1, 20, 0.0)])
def test_a_click_sounds_where_the_placement_says(
    blender, strip, tmp_path, fps, base, rate, start, trim, offset, place_strip
):
    from talksplat.blender_addon.scene import strip as strips

    scene = blender.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    scene.frame_start, scene.frame_end = 1, 200
    place_strip(strip, start=start, trim_start=trim)
    strip.sound_offset = offset
    blender.context.view_layer.update()

    assert strips.frame_rate(scene) == rate
    placement = strips.placement(scene, strip)
    frame = scene.frame_start + Fraction(click_in_mixdown(blender, tmp_path)) * rate
    assert abs(float(placement.seconds(frame / rate)) - CLICK) < 2 / 48000 + 1e-4
    assert placement.audible(frame / rate) == 1.0


def test_the_mouth_rests_outside_a_trimmed_strip(blender, strip, place_strip):
    from talksplat.blender_addon.scene import strip as strips

    scene = blender.context.scene
    place_strip(strip, trim_start=6, trim_end=30)
    placement = strips.placement(scene, strip)
    left, right = (round(t * strips.frame_rate(scene)) for t in (placement.left, placement.right))
    assert left == 16
    gate = [placement.audible(strips.scene_time(scene, frame)) for frame in range(left - 10, right + 10)]
    assert gate[10] == gate[10 + right - left] == 1.0
    assert gate[0] == gate[-1] == 0.0
    assert max(np.abs(np.diff(gate))) < 0.5, "the mouth must not jump at the cut"


def test_subframes_and_rates_are_exact(blender):
    from talksplat.blender_addon.scene import strip as strips

    scene = blender.context.scene
    scene.render.fps, scene.render.fps_base = 24, 1.001
    scene.frame_set(14401, subframe=0.5)
    assert strips.scene_time(scene, strips.current_frame(scene)) == (14401 + Fraction(1, 2)) * Fraction(1001, 24000)


def test_an_empty_sequencer_and_a_strip_without_sound_are_no_problem(blender):
    from talksplat.blender_addon.scene import strip as strips

    scene = blender.context.scene
    assert strips.sound_strips(scene) == []
    scene.sequence_editor_create()
    assert strips.sound_strips(scene) == []
    assert strips.find_strip(scene, "gone") is None


def test_strips_inside_a_meta_strip_are_found(blender, strip):
    from talksplat.blender_addon.scene import strip as strips
    from talksplat.blender_addon.scene import versions

    editor = blender.context.scene.sequence_editor
    strip.move_to_meta(versions.top_strips(editor).new_meta("meta", 2, 1))
    assert [s.name for s in strips.sound_strips(blender.context.scene)] == ["click"]


def test_no_deprecated_name_is_used(blender, strip, recwarn):
    from talksplat.blender_addon.scene import strip as strips

    strips.placement(blender.context.scene, strip)
    assert not [w for w in recwarn if issubclass(w.category, DeprecationWarning)]
