# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sounds a head listens to, and that they still are what it listened to: no worker is needed here."""

import hashlib
import os
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.formats import UserError
from talksplat.core.performance import read_performance, write_performance

RATE = 16000


def attach(item, path, performance, digest):
    """What Attach stores, the performance made by hand."""
    from talksplat.blender_addon.speech.sound_content import stamp_of

    made = Path(performance).with_name(f"{Path(path).stem}-{digest[:8]}.performance")
    write_performance(made, replace(read_performance(performance), audio_hash=digest))
    item.sound, item.performance, item.sound_stamp = str(path), str(made), stamp_of(str(path))


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture
def own_sound(talking, blender, tmp_path, make_wave):
    """The head's strip plays a file of its own, which a test may write to."""
    path = make_wave(tmp_path / "dialogue.wav", np.sin(np.arange(2 * RATE) / 20))
    from talksplat.blender_addon.scene import strip as strips

    strip = strips.sound_strips(blender.context.scene)[0]
    strip.sound.filepath = str(path)
    attach(talking.talksplat, path, talking.talksplat.performance, sha256(path))
    talking.talksplat.bake_out = str(tmp_path / "shot.bake")
    return path


def wait_for(question):
    until = time.monotonic() + 20
    while not (answer := question()) and time.monotonic() < until:
        time.sleep(0.01)
    return answer


def test_a_sound_that_was_recorded_over_is_said_in_the_viewport_and_in_the_bake(talking, blender, own_sound, make_wave):
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.shot import jobs as shot_jobs
    from talksplat.blender_addon.speech.attached_sounds import attach_reason, changed_sentence
    from talksplat.blender_addon.speech.sound_content import known_hash

    scene = blender.context.scene
    os.utime(own_sound, (1, 1))
    assert attach_reason(talking, scene) == "", "not known yet"
    assert wait_for(lambda: known_hash(str(own_sound)))
    assert attach_reason(talking, scene) == "", "a copy with another time is the same sound"
    make_wave(own_sound, np.sin(np.arange(2 * RATE) / 25))
    assert "has changed" in wait_for(lambda: changed_sentence(talking))
    playback.forget()
    playback.refresh(scene)
    assert "Attach again" in playback.problem_of(talking)
    assert "Attach again" in attach_reason(talking, scene)
    with pytest.raises(UserError, match="Attach again"):
        shot_jobs.bake_job(scene, talking)


def test_a_redraw_looks_at_the_disk_and_never_reads_a_sound(talking, blender, own_sound, monkeypatch):
    from talksplat.blender_addon.speech import attached_sounds, sound_content

    read_in = []
    monkeypatch.setattr(
        sound_content, "_file_hash", lambda path: read_in.append(threading.current_thread()) or "f" * 64
    )
    attached_sounds.attach_reason(talking, blender.context.scene)
    assert read_in == [], "nothing has changed: a look at size and time says so"
    os.utime(own_sound, (2, 2))
    attached_sounds.attach_reason(talking, blender.context.scene)
    assert wait_for(lambda: read_in)
    assert threading.main_thread() not in read_in


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such devices here")
def test_devices_and_pipes_are_no_sounds_and_nothing_waits_for_them(tmp_path):
    from talksplat.blender_addon.speech import sound_content

    os.mkfifo(tmp_path / "pipe.wav")
    for path in ("/dev/zero", str(tmp_path / "pipe.wav"), str(tmp_path)):
        assert sound_content.stamp_of(path) == ""
        with pytest.raises(UserError, match="not a file"):
            sound_content.playable_file(path)
        with pytest.raises(UserError, match="not a file"):
            list(sound_content.hash_steps(path))


def test_a_packed_sound_plays_from_the_blend(talking, blender, own_sound):
    from talksplat.blender_addon.shot import jobs as shot_jobs
    from talksplat.blender_addon.speech.attached_sounds import attach_reason

    scene, data = blender.context.scene, own_sound.read_bytes()
    sound = next(sound for sound in blender.data.sounds if sound.filepath == str(own_sound))
    sound.pack()
    own_sound.write_bytes(b"no sound")
    assert wait_for(lambda: attach_reason(talking, scene) == ""), "what is packed is what was listened to"
    job = shot_jobs.bake_job(scene, talking)
    assert Path(job.audio).read_bytes() == data
    Path(job.audio).write_bytes(data[:100])  # as if a disk had been full
    assert Path(shot_jobs.bake_job(scene, talking).audio).read_bytes() == data
    own_sound.unlink()
    assert shot_jobs.bake_job(scene, talking).audio == job.audio


@pytest.fixture
def two_sounds(talking, blender, own_sound, tmp_path, make_wave):
    """A channel with two files, the second from frame 61 on, and a third file in another channel."""
    from talksplat.blender_addon.scene import versions

    scene = blender.context.scene
    scene.frame_start, scene.frame_end = 1, 120
    settings, strips = talking.talksplat, versions.top_strips(scene.sequence_editor)
    answer = make_wave(tmp_path / "answer.wav", np.sin(np.arange(RATE) / 30))
    strips.new_sound("answer", str(answer), 1, 61)
    strips.new_sound("music", str(make_wave(tmp_path / "music.wav", np.sin(np.arange(5 * RATE) / 9))), 3, 1)
    settings.listen_to, settings.listen_channel = "CHANNEL", 1
    return answer


def test_a_channel_of_several_files_is_spoken_one_after_the_other(talking, blender, own_sound, two_sounds):
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.shot import jobs as shot_jobs
    from talksplat.blender_addon.speech.attached_sounds import attach_reason, wanted_sounds

    scene, settings = blender.context.scene, talking.talksplat
    assert [Path(source).name for source in wanted_sounds(talking, scene, None)] == ["dialogue.wav", "answer.wav"]
    assert attach_reason(talking, scene) == "answer.wav is not attached yet: press Attach."
    attach(settings.more_sounds.add(), two_sounds, settings.performance, sha256(two_sounds))
    assert attach_reason(talking, scene) == ""
    job = shot_jobs.bake_job(scene, talking)
    assert (job.audio, job.more_audio) == (str(own_sound), (str(two_sounds),))
    sliders = settings.controls.values()
    for frame, source, second in ((10, own_sound, 9 / 24), (70, two_sounds, 9 / 24)):
        moment = playback.moment_of(talking, scene, Fraction(frame), sliders)
        assert Path(moment.source).name.startswith(Path(source).stem)
        assert float(moment.time) - moment.controls.delay == pytest.approx(second)
        assert (job.audio, *job.more_audio)[job.audio_per_frame[frame - 1]] == str(source)
        assert job.controls_per_frame[frame - 1] == moment.controls
    assert job.controls_per_frame[57].intensity == 0.0, "between the two"


def test_this_strip_alone_is_spoken_and_all_strips_of_its_sound_by_default(talking, blender, place_strip):
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.scene import strip as strips

    scene, settings = blender.context.scene, talking.talksplat
    strips.sound_strips(scene)[0].split(frame=25, split_method="SOFT")
    assert settings.listen_to == "SOUND"
    audible = {}
    for settings.listen_to in ("SOUND", "STRIP"):
        mix = playback.mix_of(talking, scene)
        audible[settings.listen_to] = [mix.at(Fraction(frame, 24)).audible for frame in (10, 40)]
    assert audible == {"SOUND": [1.0, 1.0], "STRIP": [1.0, 0.0]}


def test_two_heads_speak_the_left_and_the_right_channel_of_one_file(talking, blender, own_sound):
    from talksplat.blender_addon.shot import jobs as shot_jobs
    from talksplat.blender_addon.speech.attached_sounds import attach_reason, audio_hash, choice_text, sound_choice
    from talksplat.blender_addon.speech.sound_content import known_hash

    scene, settings = blender.context.scene, talking.talksplat
    settings.sound_channel = "RIGHT"
    assert "track or channel" in attach_reason(talking, scene)
    choice = sound_choice(settings)
    attach(settings, own_sound, settings.performance, choice.content_hash(sha256(own_sound)))
    settings.sound_choice = choice_text(choice)
    assert attach_reason(talking, scene) == ""
    os.utime(own_sound, (3, 3))
    assert wait_for(lambda: known_hash(str(own_sound)))
    assert attach_reason(talking, scene) == "", "the choice is part of what is compared"
    job = shot_jobs.bake_job(scene, talking)
    assert (job.track, job.channel) == (0, "right")
    assert audio_hash(job, talking) == choice.content_hash(sha256(own_sound)), "another shot than the left channel's"


def test_paths_of_all_sounds_of_a_channel_are_stored_relative(talking, blender, own_sound, two_sounds, tmp_path):
    settings = talking.talksplat
    attach(settings.more_sounds.add(), two_sounds, settings.performance, sha256(two_sounds))
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert (settings.sound, settings.more_sounds[0].sound) == ("//dialogue.wav", "//answer.wav")


class Layout:
    """Stands in for Blender's layout: what is drawn must be there."""

    def __init__(self, drawn):
        self.drawn = drawn

    def __getattr__(self, name):
        return lambda *_args, **_settings: self

    def prop(self, owner, name, **_settings):
        assert hasattr(owner, name)
        self.drawn.append(name)

    def label(self, text="", **_settings):
        self.drawn.append(text)


@pytest.mark.parametrize("listen_to", ["STRIP", "SOUND", "CHANNEL"])
def test_the_panel_offers_the_choice_and_says_what_is_attached(talking, blender, own_sound, monkeypatch, listen_to):
    from talksplat.blender_addon import panels

    drawn, settings = [], talking.talksplat
    monkeypatch.setattr(panels, "draw_sentence", lambda _layout, _context, text, *_: drawn.append(text))
    monkeypatch.setattr(panels, "draw_button", lambda *_: drawn.append("Attach"))
    settings.listen_to, settings.sound_note = listen_to, "dialogue.wav is silent, so the mouth stays at rest."
    panel = panels.TALKSPLAT_PT_speech
    panel.draw_head(panel, Layout(drawn), blender.context, talking)
    assert {"listen_to", "sound_track", "sound_channel"} <= set(drawn)
    assert ("listen_channel" in drawn) == (listen_to == "CHANNEL")
    assert "Attached: scrub or play" in drawn
    assert settings.sound_note in drawn
    drawn.clear()
    settings.sound_track = "TRACK_2"
    panel.draw_head(panel, Layout(drawn), blender.context, talking)
    assert {"Attach", "Another track or channel was chosen: press Attach again."} <= set(drawn)


@pytest.mark.parametrize(("stored", "name"), [(None, "Automatic"), (0, "Automatic"), (2, "Track 2")])
def test_a_track_has_a_name_where_0_2_0_had_a_number(talking, stored, name):
    """The panel said "Track 0"; a .blend of that time keeps its choice."""
    from talksplat.blender_addon.scene.versions import stored_properties
    from talksplat.blender_addon.speech.attached_sounds import sound_choice

    settings = talking.talksplat
    if stored is not None:
        stored_properties(talking)["talksplat"]["sound_track"] = stored
    assert settings.bl_rna.properties["sound_track"].enum_items[settings.sound_track].name == name
    assert sound_choice(settings).track == (stored or 0)
