# SPDX-License-Identifier: GPL-3.0-or-later
"""The graph of the speech in the editors with a time axis: what it shows is what the head hears, shows and says."""

import shutil
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
FRAMES = range(1, 73)

SUBTITLES = "1\n00:00:00,500 --> 00:00:01,000\nbin\n\n2\n00:00:02,000 --> 00:00:02,500\nnow\n"


@pytest.fixture
def sample(blender, tmp_path):
    """The sample head, which speaks the sample sentence from frame 1 at 24 frames a second; its voice in a folder that
    the test may write to."""
    voice = Path(shutil.copy(SAMPLES / "voice.wav", tmp_path))
    bpy.ops.talksplat.add_sample_head()
    obj = bpy.context.object
    bpy.ops.talksplat.sample_voice()
    from talksplat.blender_addon.scene import strip as strips

    strips.find_strip(bpy.context.scene, obj.talksplat.strip).sound.filepath = str(voice)
    obj.talksplat.sound = str(voice)
    bpy.context.scene.frame_end = FRAMES[-1]
    return obj


@pytest.fixture
def fill():
    """fill(obj, view=FRAMES) -> LipsTrack with all in view known, and how many moments were looked at."""
    from talksplat.blender_addon.speech_graph import changes, graph_data, lips

    def find(obj, view=FRAMES):
        scene = bpy.context.scene
        data = graph_data.data_of(scene, obj)
        assert lips.fill(data.track, obj, scene, view, changes.state(), 60.0)
        return data.track

    yield find
    graph_data.clear()


def shown_lips(obj):
    """mm: what the head on the screen does."""
    from talksplat.blender_addon import moments, playback
    from talksplat.blender_addon.speech_graph.lips import lips_channel

    moment = playback.shown_of(obj).moment
    head = moments.loaded_head(moment.head)
    return head.rig.pose_in(playback.shown_of(obj).frame)[lips_channel(head)]


def assert_as_shown(obj, track, frames=(1, 9, 20, 21, 40, 60), within=0.15):
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        assert track.values[frame - track.frames.start] == pytest.approx(shown_lips(obj), abs=within), frame


def test_the_lips_are_those_of_the_head_on_the_screen(sample, fill):
    track = fill(sample)
    assert np.isfinite(track.values).all()
    assert track.values.max() > 8
    assert_as_shown(sample, track)


def test_a_slider_and_its_keys_move_the_graph(sample, fill):
    sliders = sample.talksplat.controls
    for frame, value in ((1, 0.0), (60, 1.5)):
        sliders.intensity = value
        sliders.keyframe_insert("intensity", frame=frame)
    assert_as_shown(sample, fill(sample), within=0.4)


def test_curves_move_the_graph_as_soon_as_they_are_edited(sample, fill):
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
    before = fill(sample).values.copy()
    from talksplat.blender_addon.scene.versions import curves_of

    curve = next(c for c in curves_of(sample.animation_data) if c.data_path == '["Lips Apart"]')
    curve.keyframe_points[19].co.y += 3.0
    curve.update()
    sample.animation_data.action.update_tag()
    bpy.context.view_layer.update()
    after = fill(sample).values
    assert after[19] == pytest.approx(before[19] + 3.0, abs=1e-3)
    assert_as_shown(sample, fill(sample))


def test_a_blend_of_takes_with_a_correction_moves_the_graph(sample, fill):
    bpy.ops.talksplat.add_take()
    bpy.ops.talksplat.duplicate_take()
    strip = sample.talksplat.strip
    bpy.ops.talksplat.add_correction()
    sample.talksplat.corrections[0].changes["lips_apart"].value = 4.0
    sample.talksplat.takes[0].strip = ""
    sample.talksplat.takes[0].performance = ""  # this one is at rest
    sample.talksplat.blend_takes = True
    for take, weight in zip(sample.talksplat.takes, (0.5, 0.5), strict=True):
        take.weight = weight
    assert sample.talksplat.strip == strip
    plain = fill(sample).values.max()
    assert_as_shown(sample, fill(sample))
    sample.talksplat.takes[0].weight = 0.0
    assert fill(sample).values.max() > 1.5 * plain


def test_a_shown_frame_is_not_looked_at_again(sample, fill, monkeypatch):
    fill(sample)
    from talksplat.blender_addon.speech_graph import changes, lips

    before = changes.state()
    for frame in (5, 50):
        bpy.context.scene.frame_set(frame)
        bpy.context.view_layer.update()
    assert changes.state() == before, "showing a frame is no change"
    monkeypatch.setattr(lips, "lips_in", lambda _moment: pytest.fail("an unchanged frame was evaluated again"))
    changes.note()
    fill(sample)


def test_what_is_in_view_comes_first_and_coarsely(sample):
    from talksplat.blender_addon.speech_graph.lips import LipsTrack

    track = LipsTrack(range(1, 14401))
    found = [frame for some in track.missing(range(5000, 5129), 0) for frame in some]
    assert found[:3] == [5056, 5120, 5008]
    assert set(found) == set(range(5000, 5129))


def test_a_bake_is_what_plays(sample, fill, tmp_path):
    from talksplat.blender_addon import open_files
    from talksplat.core.formats import BakeCard, BakeWriter

    head = open_files.head(bpy.path.abspath(sample.talksplat.head))
    replay = head.replay
    card = BakeCard("bake", Fraction(24), 1, 72, replay.canonical.sh_degree, head.hash, "")
    pose = np.zeros(len(head.rig.channels), np.float32)
    with BakeWriter.open(tmp_path / "a.bake", card, replay.canonical, replay.branch) as writer:
        for number in FRAMES:
            pose[0] = number / 10
            writer.append(number, *head.rig.posed(pose))
    sample.talksplat.bake = str(tmp_path / "a.bake")
    track = fill(sample)
    np.testing.assert_allclose(track.values, np.array(FRAMES) / 10, atol=0.1)


def test_the_level_is_that_of_the_second_that_plays(sample, add_strip):
    """As the exact, slow way of the sequencer finds it, with a cut, a trim, a mute and a volume."""
    from talksplat.blender_addon import open_files, playback
    from talksplat.blender_addon.speech_graph.heard import heard_strips_of
    from talksplat.blender_addon.speech_graph.levels import levels_at

    scene = bpy.context.scene
    strip = next(iter(scene.sequence_editor.strips_all if hasattr(scene.sequence_editor, "strips_all")
                      else scene.sequence_editor.sequences_all))  # fmt: skip
    right = strip.split(30, "SOFT")
    right.volume = 0.25
    for piece, start in ((right, 7),):
        if hasattr(piece, "content_start"):
            piece.content_start += start
        else:
            piece.frame_start += start
    bpy.context.view_layer.update()
    strips, mix = heard_strips_of(sample, scene), playback.mix_of(sample, scene)
    performance = open_files.performance(bpy.path.abspath(sample.talksplat.performance))
    edges = np.linspace(0, 80 / 24, 1601)
    found = levels_at(strips, edges) ** 2 * performance.loudness.max()
    for i in range(3, 1600, 37):
        time = Fraction((edges[i] + edges[i + 1]) / 2)
        heard = mix.heard(time, time)
        at = (float(heard.start) - float(performance.start)) * 100 if heard else 0
        level = np.interp(at, np.arange(len(performance.loudness)), performance.loudness) * heard.volume if heard else 0
        assert found[i] == pytest.approx(level, abs=0.01), float(time)


def words_in(obj):
    from talksplat.blender_addon.speech_graph import changes, graph_data

    changes.note()
    return graph_data.data_of(bpy.context.scene, obj).words


def test_words_are_found_beside_the_sound_and_follow_its_strips(sample):
    sound = Path(sample.talksplat.sound)
    sound.with_suffix(".srt").write_text(SUBTITLES)
    assert [(round(w.start * 24, 3), w.label) for w in words_in(sample)] == [(13, "bin"), (49, "now")]
    from talksplat.blender_addon.scene import strip as strips

    strip = strips.find_strip(bpy.context.scene, sample.talksplat.strip)
    right = strip.split(31, "SOFT")
    if hasattr(right, "content_start"):
        right.content_start += 10
    else:
        right.frame_start += 10
    bpy.context.view_layer.update()
    assert [(round(w.start * 24, 3), w.label) for w in words_in(sample)] == [(13, "bin"), (59, "now")]


def test_chosen_words_are_kept_with_the_file_and_can_be_removed(sample, tmp_path):
    path = tmp_path / "other.lab"
    path.write_text("0 5000000 hello\n")
    assert bpy.ops.talksplat.choose_words(filepath=str(path)) == {"FINISHED"}
    assert [w.label for w in words_in(sample)] == ["hello"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    obj = next(o for o in bpy.data.objects if o.talksplat.head)
    assert obj.talksplat.words == "//other.lab"
    assert [w.label for w in words_in(obj)] == ["hello"]
    bpy.ops.talksplat.remove_words()
    assert words_in(obj) == []


def test_a_file_that_is_no_words_is_refused_in_one_sentence(sample, tmp_path):
    (tmp_path / "bad.srt").write_bytes(b"\0\1\2")
    with pytest.raises(RuntimeError, match=r"bad\.srt.*choose a TextGrid"):
        bpy.ops.talksplat.choose_words(filepath=str(tmp_path / "bad.srt"))
    assert sample.talksplat.words == ""


def test_closures_and_curves_lie_on_the_time_axis():
    from talksplat.blender_addon.speech_graph.layout import Band, TimeAxis, closed_bars, label_bars, lips_line
    from talksplat.core.formats import TimedLabel

    axis = TimeAxis(10.0, 30.0, 200, 25.0)  # 10 pixels a frame
    frames = np.arange(9, 32, dtype=float)
    lips = np.where((frames >= 15) & (frames <= 17), 0.2, 8.0)
    assert closed_bars(axis, frames, lips, 1.5) == [(45.0, 75.0)]
    line = lips_line(axis, Band(0, 110), frames, lips, 8.0 / 1.05)
    assert line[frames == 15][0] == pytest.approx([50, 10 + 0.2 / 8 * 100])
    lips[frames == 20] = np.nan
    assert len(lips_line(axis, Band(0, 110), frames, lips, 8.0)) == 22, "what is not known is left out"
    labels = [TimedLabel(0.0, 0.3, "before"), TimedLabel(0.6, 0.8, "in"), TimedLabel(1.19, 2.0, "cut")]
    assert label_bars(axis, labels) == [(50.0, 100.0, "in"), (pytest.approx(197.5), pytest.approx(400), "cut")]


def test_the_sound_is_filled_from_the_bottom_at_its_pixels():
    from talksplat.blender_addon.speech_graph.layout import Band, level_shape

    shape = level_shape(np.array([0.0, 0.5, 1.0]), Band(10, 30))
    assert shape.tolist() == [[0.5, 10], [0.5, 10], [1.5, 10], [1.5, 20], [2.5, 10], [2.5, 30]]


def test_the_sample_sentence_comes_with_its_words(blender):
    bpy.ops.talksplat.add_sample_head()
    bpy.ops.talksplat.sample_voice()
    assert [word.label for word in words_in(bpy.context.object)] == "set green by c six now".split()


def test_a_long_shot_is_drawn_as_its_widest_and_closest_frames():
    from talksplat.blender_addon.speech_graph.layout import Band, TimeAxis, lips_line

    frames, lips = np.arange(14400.0), np.zeros(14400)
    lips[7000] = 10.0
    line = lips_line(TimeAxis(0, 14400, 400, 24.0), Band(0, 110), frames, lips, 10 / 1.05)
    assert len(line) <= 2 * 400
    assert line[:, 1].max() == pytest.approx(110), "one open frame among thirty-six is seen"


def test_a_hidden_head_and_a_switched_off_graph_cost_nothing(sample, monkeypatch):
    from talksplat.blender_addon.speech_graph import drawing, graph_data, view

    monkeypatch.setattr(graph_data, "data_of", lambda *_: pytest.fail("something was looked at"))
    view.view_of(bpy.context.scene).show = False
    drawing.draw("graph_editor", drawing.SHAPES)
    view.view_of(bpy.context.scene).show = True
    sample.hide_set(True)
    assert not drawing._is_shown(bpy.context, sample)
    sample.hide_set(False)
    assert drawing._is_shown(bpy.context, sample)


def test_nothing_of_it_is_left_after_the_add_on(blender):
    from talksplat import blender_addon
    from talksplat.blender_addon.speech_graph import changes, drawing, graph_data

    blender_addon.unregister()
    assert not drawing._handles
    assert not bpy.app.timers.is_registered(graph_data.work)
    assert changes.on_update not in bpy.app.handlers.depsgraph_update_post
    assert not [name for name in ("talksplat_graph",) if hasattr(bpy.types.Scene, name)]
    blender_addon.register()


def test_the_word_at_a_moment():
    """A word begins at its start and has ended at its end; between words there is none."""
    from talksplat.blender_addon.speech_graph.words import label_at
    from talksplat.core.formats import TimedLabel

    words = [TimedLabel(0.5, 0.75, "bin"), TimedLabel(0.75, 1.25, "blue"), TimedLabel(1.5, 2.0, "at")]
    said = [label_at(words, time) for time in (0, 0.5, 0.749, 0.75, 1.3, 1.99, 2.0)]
    assert said == ["", "bin", "bin", "blue", "", "at", ""]
