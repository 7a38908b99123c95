# SPDX-License-Identifier: GPL-3.0-or-later
"""A retimed strip: which second of the sound is heard, against Blender's own mixdown.

Where Blender starts to play, it adds up its speeds frame by frame: there we are within 10 ms. While it plays on, it
changes speed once a buffer (21 ms at mixdown), which it never makes up for: within two buffers.
"""

import ctypes
import signal
import struct
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import bpy
import numpy as np
import pytest

from talksplat.core.formats import UserError

RATE = 16000
WITHIN = 0.010  # seconds
CLICKS = tuple(0.25 * k for k in range(1, 25))
TWO_BUFFERS = 2 * 1024 / 48000 + WITHIN  # seconds
THAW = 0.075  # seconds by which Blender goes on early after a freeze frame, which it plays as a very slow sound
SELECTED = 16  # flag of a retiming key

pytestmark = pytest.mark.skipif(
    bpy.app.binary_path != "", reason="Blender's application mixes down in a job of its own"
)


@pytest.fixture
def strip(blender, tmp_path, make_wave, add_strip):
    """Seven seconds of clicks from frame 10 on at 24 fps, their pitch not preserved."""
    samples = np.zeros(7 * RATE)
    for click in CLICKS:
        samples[round(click * RATE) :][:80] = 0.9 * np.sin(2 * np.pi * 1500 * np.arange(80) / RATE)
    scene = blender.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, 420
    strip = add_strip(blender, make_wave(tmp_path / "clicks.wav", samples), 10)
    if hasattr(strip, "pitch_correction"):
        strip.pitch_correction = False
    return strip


def retime(strip, *frames, operator=None, **options):
    """Retiming keys, as an editor adds them: (where it is added, where it is moved to)."""
    from talksplat.blender_addon.scene import versions

    window, scene = bpy.context.window_manager.windows[0], bpy.context.scene
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    scene.sequence_editor.active_strip = strip
    for other in versions.all_strips(scene.sequence_editor):
        other.select = other == strip
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        bpy.ops.sequencer.retiming_show()
        for at, _ in frames:
            bpy.ops.sequencer.retiming_key_add(timeline_frame=at)
        for number, (_, to) in reversed(list(enumerate(frames, 1))):
            strip.retiming_keys[number].timeline_frame = to
        if operator is not None:
            scene.frame_set(frames[0][1])
            ctypes.c_int.from_address(strip.retiming_keys[1].as_pointer() + 8).value |= SELECTED
            assert operator(**options) == {"FINISHED"}


def at_normal_speed(strip):
    retime(strip, (60, 60), (100, 100))


def slower(strip):
    retime(strip, (60, 60))
    strip.retiming_keys[1].remove()
    strip.retiming_keys[1].timeline_frame = 10 + 250


def faster(strip):
    retime(strip, (60, 60))
    strip.retiming_keys[1].remove()
    strip.retiming_keys[1].timeline_frame = 10 + 84


def slow_then_fast(strip):
    retime(strip, (60, 80), (100, 100))


def with_a_freeze_frame(strip):
    retime(strip, (60, 60), operator=bpy.ops.sequencer.retiming_freeze_frame_add, duration=30)


def with_a_transition(strip):
    retime(strip, (80, 110), operator=bpy.ops.sequencer.retiming_transition_add, duration=40)


def trimmed(strip):
    slow_then_fast(strip)
    names = ("left_handle_offset", "right_handle_offset")
    names = names if hasattr(strip, names[0]) else ("frame_offset_start", "frame_offset_end")
    for name, value in zip(names, (40, 20)):
        setattr(strip, name, value)


def before_frame_0(strip):
    slow_then_fast(strip)
    setattr(strip, "content_start" if hasattr(strip, "content_start") else "frame_start", -30)


def cut_in_two(strip):
    slow_then_fast(strip)
    strip.split(frame=70, split_method="SOFT")


def with_a_sound_offset(strip):
    slow_then_fast(strip)
    strip.sound_offset = 0.25


def said_by_us(mix):
    """Seconds after the scene's first frame at which a click is heard: straight lines between quarters of a frame."""
    scene = mix.scene
    quarters = np.arange(4 * (scene.frame_end + 1 - scene.frame_start) + 1)
    moments = [mix.at(Fraction(4 * scene.frame_start + int(q), 4 * 24)) for q in quarters]
    heard = np.array([float(m.seconds) - m.delay if m.audible == 1.0 else np.nan for m in moments])
    said = []
    for k, (a, b) in enumerate(pairwise(heard)):
        said += [(k + (click - a) / (b - a)) / 96 for click in CLICKS if a <= click < b]
    return said


EDITS = (
    at_normal_speed,
    slower,
    faster,
    slow_then_fast,
    with_a_freeze_frame,
    with_a_transition,
    trimmed,
    before_frame_0,
    cut_in_two,
    with_a_sound_offset,
)


MIXDOWN = """
import sys
import bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bpy.context.view_layer.update()
bpy.ops.sound.mixdown(filepath=sys.argv[2], container="WAV", codec="PCM", format="S16")
"""


def mix_down_apart(bpy, folder):
    """Blender's mixdown of the open scene in a process of its own, or None where that ended in a division by zero, as
    some of retimed strips do."""
    blend, mix = folder / "apart.blend", folder / "mix.wav"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), copy=True)
    done = subprocess.run([sys.executable, "-c", MIXDOWN, blend, mix], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, -signal.SIGFPE), done.stdout + done.stderr
    return None if done.returncode else mix


@pytest.fixture
def compare(blender, strip, tmp_path, clicks_in):
    """compare(frame) -> milliseconds by which each click of a mixdown from that frame on is elsewhere than we say.

    On 5.0.1 one mixdown of a retimed strip in some tens is another than all others of the very same file (off by 0.4 s,
    two thirds missing), so of up to three that one counts which is nearest to what we say.
    """
    from talksplat.blender_addon.scene.sound_mix import Choice, SoundMix
    from talksplat.blender_addon.scene.sound_source import sound_source

    def errors(start):
        blender.context.scene.frame_start = start
        said = said_by_us(SoundMix(blender.context.scene, Choice({sound_source(strip.sound): 0.0})))
        found = []
        for _ in range(3):
            if (mix := mix_down_apart(blender, tmp_path)) is None:
                continue
            played = clicks_in(mix, gap=0.05)
            fits = len(said) == len(played)
            found.append(np.abs(np.subtract(said, played)) * 1000 if fits else np.array([np.inf]))
            if max(found[-1], default=0.0) < 1000 * TWO_BUFFERS:
                break
        if not found:
            pytest.skip("Blender's own mixdown of this strip ended in a division by zero, three times")
        return min(found, key=lambda error: max(error, default=0.0))

    return errors


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_a_retimed_strip_is_where_blender_plays_it(strip, compare, edit):
    edit(strip)
    errors = compare(1)
    assert max(errors) < 1000 * (THAW if edit is with_a_freeze_frame else TWO_BUFFERS), errors
    if edit is not cut_in_two:  # there Blender's own start inside of the second piece is off by up to 61 ms
        errors = compare(115)
        assert max(errors[:1], default=0.0) < 1000 * WITHIN, errors


@pytest.mark.skipif(bpy.app.version < (5, 0), reason="5.0 brought it")
@pytest.mark.parametrize("edit", [slower, slow_then_fast, with_a_transition], ids=lambda edit: edit.__name__)
def test_pitch_correction_does_not_move_the_sound(strip, compare, edit):
    edit(strip)
    strip.pitch_correction = True
    errors = compare(115)
    assert errors[0] < 1000 * WITHIN, errors


@pytest.mark.skipif(bpy.app.version < (5, 0), reason="5.0 brought pitch correction")
def test_a_freeze_frame_with_its_pitch_preserved_is_said_since_blender_plays_it_in_two_ways(blender, strip):
    from talksplat.blender_addon.scene.retiming import retiming_of

    with_a_freeze_frame(strip)
    strip.pitch_correction = True
    with pytest.raises(UserError, match="freeze frame"):
        retiming_of(strip)


def test_retiming_rises_and_joins_without_a_jump(blender, strip):
    from talksplat.blender_addon.scene.retiming import retiming_of

    with_a_transition(strip)
    knots = retiming_of(strip).knots
    assert len(knots) > 50, "a knot for each frame of the transition"
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(knots))
    speeds = [float((b[1] - a[1]) / (b[0] - a[0])) for a, b in pairwise(knots)]
    assert max(np.abs(np.diff(speeds[1:-1]))) < 0.2


def test_memory_that_does_not_hold_what_python_knows_is_not_believed(blender, strip):
    from talksplat.blender_addon.scene.strip_memory import FACTOR_OFFSETS, retiming_keys

    slow_then_fast(strip)
    assert [key.index for key in retiming_keys(strip)][:3] == [0, 70, 90]
    key = strip.retiming_keys[1].as_pointer()
    stored = ctypes.string_at(key, 24)
    for offset in FACTOR_OFFSETS:
        ctypes.memmove(key + offset, struct.pack("<f", float("nan")), 4)
    with pytest.raises(UserError, match="cannot be followed"):
        retiming_keys(strip)
    ctypes.memmove(key, stored, 24)
    assert retiming_keys(strip)
