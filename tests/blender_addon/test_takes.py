# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: an actor's several readings in a list, chosen, blended and compared, without a file read twice."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance import Controls, HeadReplay, read_performance, write_performance

LENGTH = 30
RIG = ("Lips Apart", "Mouth Width", "Blink")


@pytest.fixture
def rigged(talking, make, tmp_path):
    """The talking head with a rig."""
    from talksplat.blender_addon import playback

    path = tmp_path / "rigged.head"
    write_head(path, make.rigged(read_head(talking.talksplat.head)))
    talking.talksplat.head, talking.talksplat.bake_out = str(path), str(tmp_path / "{head}_{version}.bake")
    bpy.context.scene.frame_end = LENGTH
    playback.forget_frames()
    playback.refresh(bpy.context.scene)
    return talking


@pytest.fixture
def two(rigged, make_wave, tmp_path):
    """Two takes, each of its own strip: the second one is another sound, from frame 5 on, in channel 2. The first one
    is active; no strip is muted."""
    settings = rigged.talksplat
    add()
    sound = make_wave(tmp_path / "second.wav", np.random.default_rng(1).uniform(-0.2, 0.2, 32000))
    performance = read_performance(settings.performance)
    codes = {branch: -3 * track[::-1] for branch, track in performance.audio.items()}
    write_performance(tmp_path / "second.performance", replace(performance, audio=codes, audio_hash="2" * 64))
    settings.solo_take = False
    add()
    settings.strip = new_strip(sound, "second", 2, 5).name
    settings.sound, settings.performance = str(sound), str(tmp_path / "second.performance")
    choose(rigged, 0)
    return rigged


def new_strip(sound, name, channel, start):
    from talksplat.blender_addon.scene import versions

    return versions.top_strips(bpy.context.scene.sequence_editor).new_sound(name, str(sound), channel, start)


def strip_of(name):
    from talksplat.blender_addon.scene import versions

    return next(s for s in versions.all_strips(bpy.context.scene.sequence_editor) if s.name == name)


def add():
    assert bpy.ops.talksplat.add_take() == {"FINISHED"}


def choose(obj, row):
    obj.talksplat.active_take = row


def speech_of(obj):
    """Everything that a take keeps, as it is read."""
    from talksplat.blender_addon.takes.take_list import COPIED

    return {name: getattr(obj.talksplat, name) for name in COPIED}


def own_pose(obj, row, frame, controls=None):
    """[K]: what a take says at a frame, its strip's start taken from the fixtures: an oracle without any of ours but
    the core."""
    path = obj.talksplat.performance if row == obj.talksplat.loaded_take else obj.talksplat.takes[row].performance
    controls = controls or Controls()
    condition = read_performance(path).at(Fraction(frame - (1, 5)[row], 24), controls)
    return HeadReplay(read_head(obj.talksplat.head)).pose(condition, controls)


def shown_pose(obj, frame):
    """[K] of what the cloud shows, by the rig."""
    from talksplat.blender_addon import moments, playback

    bpy.context.scene.frame_set(frame)
    moment = playback.shown_of(obj).moment
    return moments.live_pose(moment)


def blend(obj, *weights):
    obj.talksplat.blend_takes = True
    for take, weight in zip(obj.talksplat.takes, weights, strict=True):
        take.weight = weight


def test_a_head_without_takes_and_one_with_a_single_take_show_the_same_to_the_bit(rigged, shown):
    bpy.context.scene.frame_set(9)
    before, speech = shown(rigged), speech_of(rigged)
    add()
    rigged.talksplat.blend_takes = True
    assert rigged.talksplat.takes[0].weight == 1.0
    bpy.context.scene.frame_set(10)
    bpy.context.scene.frame_set(9)
    assert speech_of(rigged) == speech
    for one, two in zip(before, shown(rigged)):
        np.testing.assert_array_equal(one, two)


def test_choosing_a_row_speaks_it_at_once_and_going_back_changes_nothing(two, shown):
    bpy.context.scene.frame_set(12)
    first, speech = shown(two).means, speech_of(two)
    choose(two, 1)
    second = shown(two).means
    assert np.abs(second - first).max() > 1e-4
    assert (two.talksplat.strip, Path(two.talksplat.sound).name) == ("second", "second.wav")
    choose(two, 0)
    assert speech_of(two) == speech
    np.testing.assert_array_equal(shown(two).means, first)
    choose(two, 7)
    assert two.talksplat.active_take == 1, "a script's number that is too high is the last row"


def test_duplicates_are_cheap_and_open_no_file_twice(rigged):
    from talksplat.blender_addon import open_files

    add()
    for _ in range(2):
        bpy.ops.talksplat.duplicate_take()
    assert [take.name for take in rigged.talksplat.takes] == ["Take 1", "Take 1.001", "Take 1.002"]
    blend(rigged, 0.2, 0.3, 0.5)
    for row in range(3):
        choose(rigged, row)
        bpy.context.scene.frame_set(5 + row)
    assert len(open_files.performance._entries) == 1
    assert len(open_files.head._entries) <= 2, "the head with and the head before its rig"


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.25, 0.75), (0.0, 0.4), (0.6, 0.0)])
def test_what_is_shown_is_the_weighted_mean_of_the_poses_whichever_row_is_active(two, weights, active):
    blend(two, *weights)
    choose(two, active)
    share = np.array(weights) / sum(weights)
    for frame in (8, 14):
        expected = sum(part * own_pose(two, row, frame) for row, part in enumerate(share))
        np.testing.assert_allclose(shown_pose(two, frame), expected, atol=2e-6)


def test_weights_of_nothing_leave_the_active_take(two, shown):
    bpy.context.scene.frame_set(9)
    before = shown(two).means
    blend(two, 0.0, 0.0)
    np.testing.assert_array_equal(shown(two).means, before)


def test_a_muted_strip_moves_the_mouth_when_its_take_is_weighted(two):
    """Which of the takes is heard is the sequencer's business."""
    blend(two, 0.5, 0.5)
    expected = shown_pose(two, 12)
    strip_of("second").mute = True
    np.testing.assert_allclose(shown_pose(two, 12), expected, atol=1e-6)
    two.talksplat.blend_takes = False
    choose(two, 1)
    assert np.abs(shown_pose(two, 12) - own_pose(two, 1, 12, Controls(intensity=0.0))).max() < 2e-6


@pytest.fixture
def crossfaded(two):
    """From the first to the second take over frames 4 to 12, by the networks."""
    two.talksplat.use_rig = False
    blend(two, 1.0, 0.0)
    for row, values in ((0, (1.0, 0.0)), (1, (0.0, 1.0))):
        for frame, weight in zip((4, 12), values, strict=True):
            two.talksplat.takes[row].weight = weight
            two.talksplat.takes[row].keyframe_insert("weight", frame=frame)
    return two


@pytest.mark.parametrize("corrected", [False, True], ids=["plain", "corrected"])
def test_the_bake_is_what_the_viewport_shows_of_keyed_weights(crossfaded, shown, corrected):
    if corrected:
        bpy.context.scene.frame_set(8)
        bpy.ops.talksplat.add_correction()
        crossfaded.talksplat.corrections[0].changes["lips_apart"].value = -2.0
    baking = pytest.importorskip("talksplat.core.baking.shot_evaluation", reason="bakes in this process")
    from talksplat.blender_addon.shot.jobs import shot_to_bake

    job = shot_to_bake(bpy.context.scene, crossfaded, range(4, 13))
    shot, performance = baking.Shot.of(job, 2), read_performance(crossfaded.talksplat.performance)
    head = HeadReplay(read_head(job.head))
    baked = baking.ShotEvaluation("anna", shot, shot.span, None, head, [performance])
    for number in shot.span:
        bpy.context.scene.frame_set(number)
        for one, other in zip(shown(crossfaded), baked.at(number, baked.buffers()), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_keyframes_are_the_crossfade_and_so_is_its_end(crossfaded):
    frames = range(4, 13)
    poses = {frame: shown_pose(crossfaded, frame) for frame in frames}
    np.testing.assert_allclose(poses[4], own_pose(crossfaded, 0, 4), atol=2e-6)
    np.testing.assert_allclose(poses[12], own_pose(crossfaded, 1, 12), atol=2e-6)
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        np.testing.assert_allclose([crossfaded[label] for label in RIG], poses[frame], atol=2e-6)


def test_a_driven_weight_is_sampled_as_it_is_shown(two):
    from talksplat.blender_addon.shot.sampling import are_channels_driven, sample_shares

    blend(two, 1.0, 0.0)
    driver = two.driver_add("talksplat.takes[1].weight").driver
    driver.expression = "frame / 20"
    assert are_channels_driven(two)
    shares = [dict(shares).get(1, 0.0) for shares in sample_shares(bpy.context.scene, two, range(0, 21, 5))]
    assert shares == pytest.approx([0.0, 0.2, 1 / 3, 0.75 / 1.75, 0.5], abs=1e-6)


def test_curves_and_drivers_follow_their_take_when_rows_move_and_go_with_it(two):
    from talksplat.blender_addon.scene.versions import curves_of

    def keyed():
        return sorted(curve.data_path for curve in curves_of(two.animation_data))

    bpy.ops.talksplat.duplicate_take()  # active, third
    for row, value in enumerate((0.25, 0.5, 0.75)):
        two.talksplat.takes[row].weight = value
        two.talksplat.takes[row].keyframe_insert("weight", frame=1)
    two.driver_add("talksplat.curve_weight")
    names = {take.name: take.weight for take in two.talksplat.takes}
    bpy.ops.talksplat.move_take(direction="UP")
    bpy.ops.talksplat.move_take(direction="UP")
    bpy.ops.talksplat.move_take(direction="UP")
    bpy.context.scene.frame_set(2)
    assert [take.name for take in two.talksplat.takes] == ["Take 1.001", "Take 1", "Take 2"]
    assert {take.name: take.weight for take in two.talksplat.takes} == names
    bpy.ops.talksplat.remove_take()
    bpy.context.scene.frame_set(3)
    assert keyed() == ["talksplat.takes[0].weight", "talksplat.takes[1].weight"]
    assert {take.name: take.weight for take in two.talksplat.takes} == {"Take 1": 0.25, "Take 2": 0.5}
    assert (two.talksplat.loaded_take, two.talksplat.strip) == (0, "voice")
    assert len(two.animation_data.drivers) == 1, "other drivers stay"


def test_removing_the_last_row_leaves_what_the_head_speaks(two, shown):
    choose(two, 1)
    bpy.ops.talksplat.remove_take()
    assert (len(two.talksplat.takes), two.talksplat.strip) == (1, "voice")
    bpy.context.scene.frame_set(9)
    before = shown(two).means
    bpy.ops.talksplat.remove_take()
    np.testing.assert_array_equal(shown(two).means, before)
    assert not bpy.ops.talksplat.remove_take.poll()


def test_comparing_shows_the_other_take_and_changes_nothing_of_the_file(two, shown):
    """No undo step, no key, no "Changed since the bake", nothing to save."""
    from talksplat.blender_addon import operators
    from talksplat.blender_addon.shot import jobs as shot_jobs

    scene, settings = bpy.context.scene, two.talksplat
    settings.compare_with = ""
    assert not bpy.ops.talksplat.compare_takes.poll()
    settings.compare_with = "Take 2"
    scene.frame_set(12)
    first, speech, job = shown(two).means, speech_of(two), shot_jobs.shot_to_bake(scene, two, range(1, 5))
    bpy.ops.talksplat.compare_takes()
    second = shown(two).means
    assert (speech_of(two), settings.active_take) == (speech, 0)
    assert shot_jobs.shot_to_bake(scene, two, range(1, 5)) == job
    bpy.ops.talksplat.compare_takes()
    np.testing.assert_array_equal(shown(two).means, first)
    choose(two, 1)
    np.testing.assert_array_equal(shown(two).means, second)
    assert "UNDO" not in getattr(operators.takes.TALKSPLAT_OT_compare_takes, "bl_options", ())


def test_stored_frames_are_of_the_active_take_while_another_is_compared(two):
    from talksplat.blender_addon.takes import compare as take_compare

    stored = two.talksplat.stored
    bpy.context.view_layer.objects.active, stored.keep = two, "PACKED"
    two.talksplat.compare_with = two.talksplat.takes[1].name
    bpy.ops.talksplat.compare_takes()
    seen = []

    def look(scene, depsgraph):
        seen.append(take_compare.shown_row(two))

    bpy.app.handlers.frame_change_post.append(look)
    try:
        bpy.ops.talksplat.make_self_contained()
    finally:
        bpy.app.handlers.frame_change_post.remove(look)
    assert len(seen) >= LENGTH
    assert set(seen) == {None}


def test_comparing_goes_by_the_name_which_stays_unique(two):
    from talksplat.blender_addon.takes import compare as take_compare

    settings = two.talksplat
    settings.compare_with = "Take 2"
    settings.takes[1].name = "Take 1"
    assert [take.name for take in settings.takes] == ["Take 1", "Take 1.001"]
    assert settings.compare_with == "Take 1.001"
    settings.takes[1].name = ""
    assert (settings.compare_with, take_compare.compared_row(two)) == (settings.takes[1].name, 1)


def test_a_row_that_is_chosen_is_seen_and_compared_with_the_one_before(two, shown):
    """Also while another one is compared."""
    from talksplat.blender_addon.takes import compare as take_compare

    settings = two.talksplat
    assert settings.compare_with == "Take 2", "the one that was active before"
    settings.compare_with = ""
    bpy.context.scene.frame_set(12)
    first = shown(two).means
    choose(two, 1)
    second = shown(two).means
    assert settings.compare_with == "Take 1"
    bpy.ops.talksplat.compare_takes()
    np.testing.assert_array_equal(shown(two).means, first)
    choose(two, 0)
    assert (settings.compare_with, take_compare.is_comparing(two)) == ("Take 2", False)
    bpy.ops.talksplat.compare_takes()
    np.testing.assert_array_equal(shown(two).means, second)
    bpy.ops.talksplat.compare_takes()
    blend(two, 0.5, 0.5)
    settings.compare_with = "Take 1"
    bpy.ops.talksplat.compare_takes()
    np.testing.assert_array_equal(shown(two).means, first, "a blend is compared with what it is made of")


def test_a_render_shows_what_the_head_speaks_while_another_take_is_compared(two):
    from talksplat.blender_addon import playback

    scene, rendered = bpy.context.scene, []
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    scene.collection.objects.link(scene.camera)
    scene.render.engine, scene.render.resolution_x, scene.render.resolution_y = "CYCLES", 16, 16
    scene.cycles.samples = 1
    two.talksplat.compare_with = "Take 2"
    bpy.ops.talksplat.compare_takes()
    assert Path(playback.shown_of(two).moment.source).name == "second.performance"

    def look(*_):
        rendered.append(Path(playback.shown_of(two).moment.source).name)

    bpy.app.handlers.render_post.append(look)
    bpy.ops.render.render()
    bpy.app.handlers.render_post.remove(look)
    assert rendered == ["voice.performance"]


def test_solo_hears_the_chosen_take_and_leaves_muted_what_an_artist_muted(two):
    strip_of("voice").split(frame=15, split_method="SOFT")
    piece = strip_of("voice.001")
    piece.mute = True  # a word that is cut out

    def muted():
        return [strip_of(name).mute for name in ("voice", "voice.001", "second")]

    two.talksplat.solo_take = True
    assert muted() == [False, True, True]
    choose(two, 1)
    assert muted() == [True, True, False]
    two.talksplat.blend_takes = True
    two.talksplat.takes[0].weight = 1.0
    rest = own_pose(two, 0, 20, Controls(intensity=0.0))
    two.talksplat.takes[1].weight = 0.0
    np.testing.assert_allclose(shown_pose(two, 20), rest, atol=2e-6)
    choose(two, 0)
    assert muted() == [False, True, True]
    two.talksplat.solo_take = False
    assert muted() == [False, True, False]


def test_each_take_plays_its_own_bake_and_goes_on_with_it(two, changes):
    """The newest version is another take's: it is neither played nor continued, nor made once more."""
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.shot.bake_plan import plan_bake
    from talksplat.blender_addon.shot.jobs import shot_to_bake

    scene, made = bpy.context.scene, []
    for row in (0, 1):
        choose(two, row)
        made.append(plan_bake(shot_to_bake(scene, two, range(1, LENGTH + 1)), two).job)
        begin_bake(made[-1], read_performance(two.talksplat.performance).audio_hash)
        two.talksplat.bake = made[-1].out
        open_files.bake(made[-1].out)
    assert [Path(job.out).name for job in made] == ["tiny_v001.bake", "tiny_v002.bake"]
    for row in (0, 1):
        choose(two, row)
        assert two.talksplat.bake == made[row].out
        assert changes(scene, two) == []
        plan = plan_bake(shot_to_bake(scene, two, range(1, LENGTH + 1)), two)
        assert plan.continues
        assert plan.job.out == made[row].out
    two.talksplat.controls.mouth_open = 1.5
    choose(two, 0)
    plan = plan_bake(shot_to_bake(scene, two, range(1, LENGTH + 1)), two)
    assert (Path(plan.job.out).name, Path(plan.job.reuse).name) == ("tiny_v003.bake", "tiny_v001.bake")


def begin_bake(job, audio_hash):
    """The bake of the job with nothing in it yet."""
    from talksplat.core.baking.reuse import keyed_controls
    from talksplat.core.baking.shot import Shot
    from talksplat.core.formats import BakeCard, BakeWriter

    file, shot = read_head(job.head), Shot.of(job, 2)
    head = HeadReplay(file).replay
    card = BakeCard(
        "b", shot.rate, shot.frame_start, shot.frame_count, head.canonical.sh_degree, file.card.content_hash,
        audio_hash, offset=job.offset, controls=shot.controls_card(),
        pose_change=shot.pose_change.to_card(file.rig_hash, False),
    )  # fmt: skip
    columns = shot.pose_change.columns(shot.frame_count)
    BakeWriter.open(job.out, card, head.canonical, head.branch, keyed_controls(shot), columns).close()


def test_without_a_rig_the_weights_change_nothing_and_say_why(talking, shown):
    from talksplat.blender_addon.takes import panel as takes_panel

    bpy.context.scene.frame_set(9)
    add()
    bpy.ops.talksplat.duplicate_take()
    before = shown(talking).means
    talking.talksplat.performance = ""
    blend(talking, 1.0, 0.5)
    choose(talking, 0)
    np.testing.assert_array_equal(shown(talking).means, before)
    assert "Make Rig" in takes_panel.TALKSPLAT_PT_takes._note(talking)


def test_a_take_that_cannot_be_read_is_named_and_the_rest_goes_on(two, shown):
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.shot.jobs import shot_to_bake
    from talksplat.core.formats import UserError

    bpy.context.scene.frame_set(9)
    before = shown(two).means
    Path(two.talksplat.takes[1].performance).unlink()
    blend(two, 0.5, 0.5)
    bpy.context.scene.frame_set(10)
    bpy.context.scene.frame_set(9)
    np.testing.assert_array_equal(shown(two).means, before)
    assert playback.problem_of(two).startswith("Take 2 cannot be blended: ")
    with pytest.raises(UserError, match="Take 2 cannot be blended"):
        shot_to_bake(bpy.context.scene, two, range(1, 5))


def test_a_bake_that_ends_after_another_take_was_chosen_belongs_to_the_first(two, tmp_path, monkeypatch):
    from talksplat.blender_addon import running
    from talksplat.core.formats import UserError

    ends = []
    monkeypatch.setattr(running, "no_worker_reason", lambda: "")
    monkeypatch.setattr(running, "start_job", lambda _label, job, end: ends.append((job, end)))
    bpy.ops.talksplat.bake()
    choose(two, 1)
    job, end = ends[0]
    end({"frames": LENGTH, "new": LENGTH, "complete": True})
    assert two.talksplat.bake == ""
    choose(two, 0)
    assert two.talksplat.bake == job.out
    two.talksplat.takes[0].name = "Renamed"
    with pytest.raises(UserError, match="removed or renamed"):
        end({"frames": LENGTH, "new": LENGTH, "complete": True})


def test_a_sound_that_was_heard_after_another_take_was_chosen_is_attached_to_the_first(two, monkeypatch):
    from talksplat.blender_addon import running

    ends, kept = [], two.talksplat.takes[1].performance
    monkeypatch.setattr(running, "no_worker_reason", lambda: "")
    monkeypatch.setattr(running, "start_job", lambda _label, job, end: ends.append((job, end)))
    heard = read_performance(two.talksplat.performance)
    assert bpy.ops.talksplat.attach_strip() == {"FINISHED"}
    choose(two, 1)
    job, end = ends[0]
    write_performance(job.out, heard)
    end({"warnings": []})
    assert (two.talksplat.strip, two.talksplat.performance) == ("second", kept)
    choose(two, 0)
    assert (two.talksplat.strip, two.talksplat.performance) == ("voice", job.out)


def test_takes_are_saved_with_paths_beside_the_file_and_undo_brings_a_row_back(two, tmp_path, shown):
    bpy.context.scene.frame_set(12)
    before, name = shown(two).means, two.name
    choose(two, 1)
    second = shown(two).means
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    obj = bpy.data.objects[name]
    assert obj.talksplat.takes[0].sound.startswith("//")
    assert obj.talksplat.sound == "//second.wav"
    np.testing.assert_array_equal(shown(obj).means, second)
    bpy.ops.ed.undo_push(message="second")
    choose(obj, 0)
    np.testing.assert_array_equal(shown(obj).means, before)
    bpy.ops.ed.undo_push(message="first")
    bpy.ops.ed.undo()
    obj = bpy.data.objects[name]
    assert (obj.talksplat.active_take, obj.talksplat.strip) == (1, "second")
    np.testing.assert_array_equal(shown(obj).means, second)


def test_a_library_override_chooses_and_adds_and_leaves_the_library_as_it_is(two, tmp_path, shown):
    """Its paths stay those of the library's folder, whichever row they are chosen from."""
    from talksplat.blender_addon import head_paths

    bpy.context.scene.frame_set(12)
    choose(two, 1)
    second, name = shown(two).means, two.name
    choose(two, 0)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    library = (tmp_path / "library.blend").read_bytes()
    (tmp_path / "shot").mkdir()
    (tmp_path / "shot" / "second.wav").write_bytes(b"another file of that name, beside the shot")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot" / "shot.blend"))
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.scenes = ["Scene"]
    bpy.context.scene.collection.objects.link(bpy.data.objects[name])
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
    assert not bpy.ops.talksplat.add_take.poll(), "nothing is written into linked data"
    bpy.ops.talksplat.make_override()
    own = next(obj for obj in bpy.data.objects if obj.override_library and obj.type == "POINTCLOUD")
    own.talksplat.strip_scene = next(scene for scene in bpy.data.scenes if scene.library)
    choose(own, 1)
    own.talksplat.strip_scene = next(scene for scene in bpy.data.scenes if scene.library)
    bpy.context.scene.frame_set(12)
    np.testing.assert_array_equal(shown(own).means, second)
    assert not bpy.ops.talksplat.remove_take.poll()
    bpy.ops.talksplat.duplicate_take()
    assert bpy.ops.talksplat.remove_take.poll()
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot" / "shot.blend"))
    own = next(obj for obj in bpy.data.objects if obj.override_library and obj.type == "POINTCLOUD")
    assert [take.name for take in own.talksplat.takes] == ["Take 1", "Take 2", "Take 2.001"]
    assert own.talksplat.loaded_take == 2
    for row in (0, 2, 1):
        choose(own, row)
    assert head_paths.path_of(own, "sound") == str(tmp_path / "second.wav")
    bpy.context.scene.frame_set(12)
    np.testing.assert_array_equal(shown(own).means, second)
    assert (tmp_path / "library.blend").read_bytes() == library


def test_a_moved_weight_is_a_change_since_the_bake_and_comparing_is_none(two, changes):
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.shot.jobs import shot_to_bake

    scene, settings = bpy.context.scene, two.talksplat
    blend(two, 0.5, 0.5)
    job = replace(shot_to_bake(scene, two, range(1, LENGTH + 1)), out=settings.bake_out)
    begin_bake(job, read_performance(settings.performance).audio_hash)
    settings.bake = job.out
    open_files.bake(job.out)
    settings.compare_with = "Take 2"
    bpy.ops.talksplat.compare_takes()
    assert changes(scene, two) == []
    settings.takes[1].weight = 0.25
    assert changes(scene, two) == ["the curves, corrections or weights"]


def test_a_take_without_a_sound_is_the_head_at_rest_in_a_blend(two, shown):
    from talksplat.blender_addon.scene import versions

    blend(two, 0.5, 0.5)
    versions.top_strips(bpy.context.scene.sequence_editor).remove(strip_of("voice"))
    expected = 0.5 * own_pose(two, 1, 12)
    np.testing.assert_allclose(shown_pose(two, 12), expected, atol=2e-6)
    rig = HeadReplay(read_head(two.talksplat.head)).rig
    np.testing.assert_allclose(shown(two).means, rig.posed(expected).means, atol=1e-6)
    choose(two, 1)
    np.testing.assert_allclose(shown_pose(two, 12), expected, atol=2e-6)


@pytest.mark.parametrize("row", [-1, 2, 2**31 - 1])
def test_an_active_row_that_is_not_there_is_no_error(two, shown, row):
    """The library of an override had more takes once, or the file is from anybody."""
    from talksplat.blender_addon import operators
    from talksplat.blender_addon.takes import blend as take_blend

    settings = two.talksplat
    settings.loaded_take = row
    bpy.context.scene.frame_set(12)
    before = shown(two).means
    blend(two, 0.0, 0.0)
    np.testing.assert_array_equal(shown(two).means, before)
    assert take_blend.active_name(two) == ""
    reason = operators.takes.TALKSPLAT_OT_remove_take.disabled_reason(bpy.context)
    assert reason == "Choose a take first"
    assert not bpy.ops.talksplat.duplicate_take.poll()
    choose(two, 1)
    assert settings.strip == "second"
    assert bpy.ops.talksplat.remove_take() == {"FINISHED"}
