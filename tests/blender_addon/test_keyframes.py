# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech as keyframes: what an animator does with the curves moves the head, in every place where it is shown."""

from fractions import Fraction

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls
from talksplat.core.performance.head_replay import HeadReplay

FRAMES = range(1, 31)


@pytest.fixture
def keyed(talking, make, tmp_path):
    """The talking head with a rig, its speech not baked yet."""
    from talksplat.blender_addon import playback

    path = tmp_path / "rigged.head"
    write_head(path, make.rigged(read_head(talking.talksplat.head)))
    talking.talksplat.head, talking.talksplat.bake_out = str(path), str(tmp_path / "{head}_{version}.bake")
    bpy.context.scene.frame_end = FRAMES[-1]
    playback.forget_frames()
    playback.refresh(bpy.context.scene)
    return talking


def bake(**options):
    return bpy.ops.talksplat.bake_keyframes(**{"tolerance": 0.0, **options})


def head_of(obj):
    return HeadReplay(read_head(bpy.path.abspath(obj.talksplat.head)))


def live_pose(obj, frame, controls=None):
    controls = controls or Controls()
    performance = read_performance(bpy.path.abspath(obj.talksplat.performance))
    return head_of(obj).pose(performance.at(Fraction(frame - 1, 24), controls), controls)


def curve_of(obj, label="Lips Apart"):
    from talksplat.blender_addon.scene.versions import curves_of

    return next(curve for curve in curves_of(obj.animation_data) if curve.data_path == f'["{label}"]')


def assert_posed(obj, pose, shown):
    frame, expected = shown(obj), head_of(obj).rig.posed(pose)
    np.testing.assert_allclose(frame.means, expected.means, atol=1e-6)
    np.testing.assert_allclose(frame.scales, expected.scales, atol=1e-6)
    np.testing.assert_allclose(frame.quats, expected.quats, atol=1e-5)


def test_the_keys_are_the_live_speech_at_each_frame(keyed, shown):
    assert bake() == {"FINISHED"}
    assert [keyed.talksplat.follow, keyed.talksplat.use_bake] == ["CURVES", False]
    assert curve_of(keyed).group.name == "TalkSplat"
    for frame in (1, 8, 30):
        bpy.context.scene.frame_set(frame)
        pose = live_pose(keyed, frame)
        np.testing.assert_allclose([keyed["Lips Apart"], keyed["Mouth Width"], keyed["Blink"]], pose, atol=1e-5)
        assert_posed(keyed, pose, shown)


def test_sliders_are_in_the_keys_keyed_ones_too(keyed):
    sliders = keyed.talksplat.controls
    for frame, value in ((1, 0.0), (21, 2.0)):
        sliders.intensity = value
        sliders.keyframe_insert("intensity", frame=frame)
    sliders.mouth_open = 1.5
    bake()
    bpy.context.scene.frame_set(11)
    pose = live_pose(keyed, 11, sliders.values())
    assert [keyed["Lips Apart"], keyed["Mouth Width"], keyed["Blink"]] == pytest.approx(pose.tolist(), abs=1e-5)
    assert sliders.intensity == pytest.approx(1.0, abs=0.1), "the sliders' own keys stay in the action"


def test_thinned_keys_stay_within_the_tolerance_where_blender_evaluates_them(keyed):
    """Blender's own Bezier curves, not ours."""
    from talksplat.core.performance.key_fitting import PoseMetric

    bake(tolerance=0.03)
    live = np.array([live_pose(keyed, frame) for frame in FRAMES])
    curves = [curve_of(keyed, label) for label in ("Lips Apart", "Mouth Width", "Blink")]
    keyed_poses = np.array([[curve.evaluate(frame) for curve in curves] for frame in FRAMES])
    assert PoseMetric(head_of(keyed).rig.rig).rms(keyed_poses - live).max() <= 0.03 + 1e-4
    assert 6 < sum(len(curve.keyframe_points) for curve in curves) < live.size


def test_an_edited_key_moves_the_head_at_once_and_again_after_undo(keyed, shown):
    bake()
    bpy.context.scene.frame_set(8)
    bpy.ops.ed.undo_push(message="baked")
    before, name = shown(keyed).means, keyed.name
    curve_of(keyed).keyframe_points[7].co.y += 2.0
    curve_of(keyed).update()
    bpy.ops.ed.undo_push(message="edited")
    pose = live_pose(keyed, 8) + np.array([2.0, 0.0, 0.0], np.float32)
    assert_posed(keyed, pose, shown)
    bpy.ops.ed.undo()
    np.testing.assert_allclose(shown(bpy.data.objects[name]).means, before, atol=1e-7)


def test_a_slider_of_a_channel_without_keys_poses_by_hand(keyed, shown):
    bake(frames="CURRENT")
    from talksplat.blender_addon.scene.keyframes import remove_curves

    remove_curves(keyed, ['["Lips Apart"]', '["Mouth Width"]', '["Blink"]'])
    keyed["Lips Apart"], keyed["Mouth Width"], keyed["Blink"] = 1.5, -1.0, 0.0
    keyed.update_tag()
    assert_posed(keyed, np.array([1.5, -1.0, 0.0], np.float32), shown)


def test_weight_goes_from_speech_to_curves_and_can_be_keyed(keyed, shown):
    bake()
    for point in curve_of(keyed).keyframe_points:
        point.co.y += 3.0
    settings = keyed.talksplat
    settings.follow = "MIX"
    for frame, weight in ((1, 0.0), (11, 1.0)):
        settings.curve_weight = weight
        settings.keyframe_insert("curve_weight", frame=frame)
    for frame in (1, 6, 11):
        bpy.context.scene.frame_set(frame)
        pose = live_pose(keyed, frame) + np.array([3.0 * settings.curve_weight, 0, 0], np.float32)
        assert_posed(keyed, pose, shown)
    assert settings.curve_weight == 1.0


def test_corrections_go_on_top_of_live_speech_and_zeros_change_nothing(keyed, shown):
    bpy.context.scene.frame_set(9)
    before = shown(keyed)
    bake()
    for label in ("Lips Apart", "Mouth Width", "Blink"):
        for point in curve_of(keyed, label).keyframe_points:
            point.co.y = 0.0
    keyed.talksplat.follow = "ADD"
    keyed.update_tag()
    np.testing.assert_array_equal(shown(keyed).means, before.means)
    curve_of(keyed).keyframe_points[8].co.y = -1.0
    bpy.context.scene.frame_set(9)
    assert_posed(keyed, live_pose(keyed, 9) - np.array([1.0, 0, 0], np.float32), shown)
    bake()
    assert curve_of(keyed).evaluate(9) == pytest.approx(live_pose(keyed, 9)[0] - 1.0, abs=1e-4), "one curve of both"


def test_corrections_do_not_take_the_networks_away_where_the_rig_does_not_reach(keyed, shown, monkeypatch):
    from talksplat.core.performance import head_replay

    monkeypatch.setattr(head_replay, "MISFIT_LIMIT", -1.0)  # it reaches nothing
    bake()
    for label in ("Lips Apart", "Mouth Width", "Blink"):
        for point in curve_of(keyed, label).keyframe_points:
            point.co.y = -1.0 if label == "Lips Apart" else 0.0
    keyed.talksplat.follow = "ADD"
    bpy.context.scene.frame_set(9)
    condition = read_performance(keyed.talksplat.performance).at(Fraction(8, 24), Controls())
    exact = head_of(keyed).at(condition, Controls(), {"lips_apart": -1.0})
    np.testing.assert_allclose(shown(keyed).means, exact.means, atol=1e-6)


def test_a_bake_is_of_what_the_curves_show(keyed, shown):
    from talksplat.blender_addon.shot.jobs import bake_job

    scene = bpy.context.scene
    assert not bake_job(scene, keyed).pose_change.channels
    bake()
    assert bake_job(scene, keyed).pose_change.channels == (), "the speech itself changes nothing"
    curve_of(keyed).keyframe_points[7].co.y += 2.0
    job = bake_job(scene, keyed)
    assert job.pose_change.at(7)["lips_apart"] == pytest.approx(2.0, abs=1e-4)
    assert job.pose_change.at(6)["lips_apart"] == pytest.approx(0.0, abs=1e-4)
    keyed.talksplat.use_rig = False
    scene.frame_set(8)
    condition = read_performance(keyed.talksplat.performance).at(Fraction(7, 24), Controls())
    expected = head_of(keyed).at(condition, Controls(), job.pose_change.at(7))
    np.testing.assert_allclose(shown(keyed).means, expected.means, atol=1e-6)


def test_a_finished_bake_shows_the_curves_and_tells_that_a_key_has_changed(keyed, changes, shown):
    from talksplat.blender_addon.link.find_python import find_python
    from talksplat.blender_addon.running import ROOT

    if find_python("", ROOT) is None:
        pytest.skip("no Python for the worker here (a .venv in the checkout, or TALKSPLAT_PYTHON)")
    bpy.context.scene.frame_end = 10
    bake()
    curve_of(keyed).keyframe_points[7].co.y += 2.0
    keyed.talksplat.use_rig = False
    bpy.context.scene.frame_set(8)
    before = shown(keyed).means
    assert bpy.ops.talksplat.bake() == {"FINISHED"}
    assert keyed.talksplat.use_bake
    np.testing.assert_allclose(shown(keyed).means, before, atol=2e-5)
    assert changes(bpy.context.scene, keyed) == []
    curve_of(keyed).keyframe_points[7].co.y += 2.0
    assert changes(bpy.context.scene, keyed) == ["the curves, corrections or weights"]


def test_only_our_keys_in_the_baked_frames_are_replaced(keyed):
    """The object's other animation, keys outside of the frames and another head's action stay."""
    keyed.location.x = 2.0
    keyed.keyframe_insert("location", frame=5)
    twin = keyed.copy()
    bpy.context.scene.collection.objects.link(twin)
    twin_action, count = twin.animation_data.action, lambda: len(list(curves_in(twin)))
    before = count()
    bake()
    assert (twin.animation_data.action, count()) == (twin_action, before)
    assert any(curve.data_path == "location" for curve in curves_in(keyed))
    scene = bpy.context.scene
    late = curve_of(keyed).keyframe_points[-1]
    late.co.y, kept = 9.0, curve_of(keyed).keyframe_points[9].co.y
    curve_of(keyed).keyframe_points[4].co.y += 5.0
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 3, 8
    bake(frames="PREVIEW")
    points = curve_of(keyed).keyframe_points
    assert [len(points), points[-1].co.y, points[9].co.y] == [30, 9.0, kept]
    assert points[4].co.y == pytest.approx(live_pose(keyed, 5)[0], abs=1e-5)


def curves_in(obj):
    from talksplat.blender_addon.scene.versions import curves_of

    return curves_of(obj.animation_data)


def test_a_property_of_the_artists_own_is_not_taken(keyed):
    keyed["Blink"] = "twice"
    with pytest.raises(RuntimeError, match="custom property Blink of its own"):
        bake()
    assert keyed["Blink"] == "twice"
    assert keyed.talksplat.follow == "SPEECH"


def test_remove_keyframes_takes_everything_away(keyed, shown):
    bpy.context.scene.frame_set(8)
    before, groups = shown(keyed).means, len(bpy.data.node_groups)
    bake()
    assert bpy.ops.talksplat.remove_keyframes() == {"FINISHED"}
    np.testing.assert_array_equal(shown(keyed).means, before)
    assert "TalkSplat Rig" not in keyed.modifiers
    assert not {"Lips Apart", "Mouth Width", "Blink"} & set(keyed.keys())
    assert not keyed.animation_data.drivers
    assert [len(bpy.data.node_groups), len(bpy.data.actions)] == [groups, 0]


def test_pushed_down_and_blended_in_the_nla(keyed, shown):
    """Two strips of one performance, the second with another action of corrections added."""
    bake()
    animation = keyed.animation_data
    action, slot = animation.action, animation.action_slot
    animation.action = None
    strip = animation.nla_tracks.new().strips.new("speech", 1, action)
    strip.action_slot = slot
    bpy.context.scene.frame_set(8)
    assert_posed(keyed, live_pose(keyed, 8), shown)
    keyed["Lips Apart"] = 2.0
    keyed.keyframe_insert('["Lips Apart"]', frame=8)
    corrections, its_slot = animation.action, animation.action_slot
    animation.action = None
    strip = animation.nla_tracks.new().strips.new("corrections", 8, corrections)
    strip.action_slot, strip.blend_type = its_slot, "ADD"
    bpy.context.scene.frame_set(8)
    assert_posed(keyed, live_pose(keyed, 8) + np.array([2.0, 0, 0], np.float32), shown)
    from talksplat.blender_addon.shot.jobs import bake_job

    change = bake_job(bpy.context.scene, keyed).pose_change
    assert change.at(7)["lips_apart"] == pytest.approx(2.0, abs=1e-4)


def test_offset_and_smoothing(keyed):
    bake()
    plain = [curve_of(keyed).evaluate(frame) for frame in FRAMES]
    bpy.ops.talksplat.remove_keyframes()
    bake(offset=2.0)
    assert [curve_of(keyed).evaluate(frame + 2) for frame in FRAMES] == pytest.approx(plain, abs=1e-5)
    bpy.ops.talksplat.remove_keyframes()
    bake(smoothing=300.0)
    smooth = [curve_of(keyed).evaluate(frame) for frame in FRAMES]
    assert np.abs(np.diff(smooth, 2)).max() < 0.5 * np.abs(np.diff(plain, 2)).max()


def test_time_stretching_moves_the_keys_with_it(keyed, shown):
    bpy.context.scene.render.frame_map_old, bpy.context.scene.render.frame_map_new = 100, 50
    bpy.context.scene.frame_set(8)
    before = live_pose_now(keyed)
    bake()
    bpy.context.scene.frame_set(8)
    assert_posed(keyed, before, shown)
    assert curve_of(keyed).range()[1] == 60.0


def live_pose_now(obj):
    from talksplat.blender_addon import moments, playback

    return moments.live_pose(playback.shown_of(obj).moment)


def test_a_rig_that_was_made_again_leaves_no_channel_of_the_old_one(keyed, make):
    from talksplat.blender_addon import playback

    bake()
    path = keyed.talksplat.head
    write_head(path, make.rigged(read_head(path), lower=("jaw_open",)))
    playback.forget_frames()
    bake()
    assert {"Jaw Open", "Blink"} <= set(keyed.keys())
    assert not {"Lips Apart", "Mouth Width"} & set(keyed.keys())
    assert sorted(curve.data_path for curve in curves_in(keyed)) == ['["Blink"]', '["Jaw Open"]']


def test_a_long_shot_shows_its_progress_and_is_written_at_its_end(keyed):
    from talksplat.blender_addon import running
    from talksplat.blender_addon.operators.bake_keyframes import start_long_bake
    from talksplat.blender_addon.shot.keys import KeyOptions, fit_shot, rig_of_head, shot_moments

    rig = rig_of_head(keyed.talksplat.head)
    shot = shot_moments(bpy.context.scene, keyed, FRAMES)
    start_long_bake(keyed, rig, fit_shot(shot, FRAMES, rig, KeyOptions(0.0)))
    assert [running.now.label, keyed.animation_data] == ["Bake to Keyframes", None]
    running.cancel()
    assert running.last.level == "WARNING"
    start_long_bake(keyed, rig, fit_shot(shot, FRAMES, rig, KeyOptions(0.0)))
    assert running.wait().level == "INFO"
    assert len(curve_of(keyed).keyframe_points) == len(FRAMES)


def test_a_head_without_a_rig_says_what_to_do(talking):
    from talksplat.blender_addon import playback

    with pytest.raises(RuntimeError, match="press Make Rig"):
        bake()
    talking.talksplat.follow = "CURVES"
    assert "press Make Rig" in playback.problem_of(talking)


@pytest.mark.slow
def test_an_hour_of_keys(keyed):
    """86,400 frames of 27 channels are written, and pushed down in the NLA, in seconds (printed, not asserted)."""
    from time import perf_counter

    from talksplat.blender_addon.scene.keyframes import LINEAR, CurveKeys, writable_bag, write_keys

    frames, rng = np.arange(86_400), np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=(27, len(frames))), axis=1)
    start = perf_counter()
    curves = {f'["channel {i}"]': CurveKeys(frames, v, np.zeros(len(v)), LINEAR) for i, v in enumerate(values)}
    write_keys(writable_bag(keyed, "hour"), "TalkSplat", curves)
    print(f"{values.size:,} keys written in {perf_counter() - start:.1f} s")
    assert curve_of(keyed, "channel 26").evaluate(50_000) == pytest.approx(values[26, 50_000], rel=1e-5)
    for i in range(27):
        keyed[f"channel {i}"] = 0.0
    start, animation = perf_counter(), keyed.animation_data
    action, slot, animation.action = animation.action, animation.action_slot, None
    animation.nla_tracks.new().strips.new("hour", 0, action).action_slot = slot
    bpy.context.scene.frame_set(50_000)
    print(f"pushed down and shown in {perf_counter() - start:.2f} s")
    assert keyed["channel 26"] == pytest.approx(values[26, 50_000], rel=1e-5)


def test_a_second_line_lets_the_one_that_was_pushed_down_speak_before_it(keyed):
    """Blender's own way is that a new action holds its first pose from the beginning of time."""
    bake()
    animation, scene = keyed.animation_data, bpy.context.scene
    action, slot, animation.action = animation.action, animation.action_slot, None
    animation.nla_tracks.new().strips.new("first line", 1, action).action_slot = slot
    first = live_pose(keyed, 8)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 20, 30
    bake(frames="PREVIEW")
    assert animation.action not in (None, action)
    scene.frame_set(8)
    assert [keyed["Lips Apart"], keyed["Mouth Width"], keyed["Blink"]] == pytest.approx(first.tolist(), abs=1e-5)
    scene.frame_set(25)
    assert keyed["Lips Apart"] == pytest.approx(live_pose(keyed, 25)[0], abs=1e-5)


def test_details_are_in_a_group_of_their_own_which_folds(keyed, make):
    from talksplat.blender_addon import playback

    path = keyed.talksplat.head
    write_head(path, make.rigged(read_head(path), lower=("lips_apart", "lower_detail_1")))
    playback.forget_frames()
    bake()
    groups = {curve.data_path: curve.group.name for curve in curves_in(keyed)}
    named, details = "TalkSplat", "TalkSplat Details"
    assert groups == {'["Lips Apart"]': named, '["Blink"]': named, '["Lower Detail 1"]': details}
