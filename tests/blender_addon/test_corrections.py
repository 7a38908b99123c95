# SPDX-License-Identifier: GPL-3.0-or-later
"""At this frame, this pose: a correction over the speech, the same in every place where the head is shown."""

from fractions import Fraction

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls
from talksplat.core.performance.head_replay import HeadReplay

FRAMES = range(1, 31)
HERE = 12
LABELS = ("Lips Apart", "Mouth Width", "Blink")
FOLLOWS = ("SPEECH", "CURVES", "MIX", "ADD")


@pytest.fixture
def head(talking, make, tmp_path):
    """The talking head with a rig, at a frame in the middle of its speech."""
    from talksplat.blender_addon import playback

    path = tmp_path / "rigged.head"
    write_head(path, make.rigged(read_head(talking.talksplat.head)))
    talking.talksplat.head, talking.talksplat.bake_out = str(path), str(tmp_path / "{head}_{version}.bake")
    bpy.context.scene.frame_end = FRAMES[-1]
    playback.forget_frames()
    bpy.context.scene.frame_set(HERE)
    return talking


def follow(obj, choice):
    """Bake to Keyframes, edited by hand (every value 1 mm up), and follow them so."""
    from talksplat.blender_addon.scene.versions import curves_of

    if choice != "SPEECH":
        bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
        for curve in curves_of(obj.animation_data):
            for point in curve.keyframe_points:
                point.co.y += 1.0
            curve.update()
        obj.talksplat.follow, obj.talksplat.curve_weight = choice, 0.75
    bpy.context.scene.frame_set(HERE)


def add(obj, **changes):
    bpy.ops.talksplat.add_correction()
    item = obj.talksplat.corrections[-1]
    for name, value in (changes or {"lips_apart": -2.0, "mouth_width": 0.5}).items():
        item.changes[name].value = value
    return item


def pose_at(obj, frame):
    from talksplat.blender_addon.corrections import rows as corrections

    bpy.context.scene.frame_set(frame)
    return corrections.shown_pose(bpy.context.scene, obj)


def poses(obj):
    return np.array([pose_at(obj, frame) for frame in FRAMES])


def replay(obj):
    return HeadReplay(read_head(obj.talksplat.head))


def bake_job(obj):
    from talksplat.blender_addon.shot import jobs as shot_jobs

    return shot_jobs.bake_job(bpy.context.scene, obj)


@pytest.mark.parametrize("choice", FOLLOWS)
def test_the_pose_is_exact_at_its_frame_and_as_before_beyond_its_blending(head, shown, choice):
    follow(head, choice)
    before = poses(head)
    bpy.context.scene.frame_set(HERE)
    add(head)
    after = poses(head) - before
    np.testing.assert_allclose(after[HERE - 1], [-2.0, 0.5, 0.0], atol=1e-6)
    reach = [frame for frame in FRAMES if abs(frame - HERE) < 0.1 * 24]
    assert [frame for frame in FRAMES if after[frame - 1].any()] == reach
    bpy.context.scene.frame_set(HERE)
    expected = replay(head).rig.posed(before[HERE - 1] + after[HERE - 1])
    np.testing.assert_allclose(shown(head).means, expected.means, atol=1e-6)


@pytest.mark.parametrize("choice", FOLLOWS)
@pytest.mark.parametrize("leave_out", [{"strength": 0.0}, {"mute": True}])
def test_without_strength_or_muted_nothing_changes_to_the_bit(head, shown, choice, leave_out):
    follow(head, choice)
    before = shown(head)
    item = add(head)
    bpy.context.scene.frame_set(HERE)
    assert (shown(head).means != before.means).any()
    for name, value in leave_out.items():
        setattr(item, name, value)
    bpy.context.scene.frame_set(HERE)
    for one, two in zip(shown(head), before):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("choice", ["CURVES", "MIX", "ADD"])
def test_channels_moved_without_a_key_become_the_correction_and_the_pose_stays(head, choice):
    from talksplat.blender_addon.corrections import rows as corrections

    follow(head, choice)
    keyed = [head[label] for label in LABELS]
    head["Lips Apart"] -= 1.5
    head["Blink"] += 2.0
    wanted = corrections.shown_pose(bpy.context.scene, head)
    bpy.ops.talksplat.add_correction()
    assert [head[label] for label in LABELS] == keyed, "the channels are free again"
    np.testing.assert_allclose(pose_at(head, HERE), wanted, atol=1e-5)
    pose_at(head, HERE + 5)
    np.testing.assert_allclose(pose_at(head, HERE), wanted, atol=1e-5)


def test_a_slider_of_a_correction_moves_the_head_at_once_and_undo_takes_it_back(head, shown):
    before, name = shown(head).means, head.name
    bpy.ops.ed.undo_push(message="before")
    add(head)
    bpy.ops.ed.undo_push(message="corrected")
    assert (shown(head).means != before).any()
    bpy.ops.ed.undo()
    obj = bpy.data.objects[name]
    assert not obj.talksplat.corrections
    np.testing.assert_allclose(shown(obj).means, before, atol=1e-7)


@pytest.mark.parametrize("choice", FOLLOWS)
def test_the_bake_stores_what_is_shown_and_reuses_the_frames_beyond(head, shown, choice):
    follow(head, choice)
    without = bake_job(head).pose_change
    add(head)
    change = bake_job(head).pose_change
    added = [{n: v - without.at(i).get(n, 0.0) for n, v in change.at(i).items()} for i in range(len(FRAMES))]
    assert added[HERE - 1]["lips_apart"] == pytest.approx(-2.0, abs=1e-4)
    assert [i + 1 for i, row in enumerate(added) if any(abs(v) > 1e-6 for v in row.values())] == [10, 11, 12, 13, 14]
    head.talksplat.use_rig = False
    bpy.context.scene.frame_set(HERE)
    condition = read_performance(head.talksplat.performance).at(Fraction(HERE - 1, 24), Controls())
    expected = replay(head).at(condition, Controls(), change.at(HERE - 1))
    np.testing.assert_allclose(shown(head).means, expected.means, atol=1e-6)


def test_a_finished_bake_shows_the_correction_and_tells_that_it_has_changed(head, changes, shown):
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.link.find_python import find_python
    from talksplat.blender_addon.running import ROOT

    if find_python("", ROOT) is None:
        pytest.skip("no Python for the worker here (a .venv in the checkout, or TALKSPLAT_PYTHON)")
    head.talksplat.use_rig = False
    bpy.context.scene.frame_end = 16
    assert bpy.ops.talksplat.bake() == {"FINISHED"}
    assert changes(bpy.context.scene, head) == []
    item = add(head)
    assert not head.talksplat.use_bake, "what was just made is seen"
    assert changes(bpy.context.scene, head) == ["the curves, corrections or weights"]
    bpy.context.scene.frame_set(HERE)
    before = shown(head).means
    assert bpy.ops.talksplat.bake() == {"FINISHED"}
    assert "v002" in head.talksplat.bake
    assert head.talksplat.use_bake
    np.testing.assert_allclose(shown(head).means, before, atol=2e-5)
    assert changes(bpy.context.scene, head) == []
    assert sorted(open_files.bake(head.talksplat.bake).reader.pose_change) == ["lips_apart", "mouth_width"]
    item.strength = 0.5
    assert changes(bpy.context.scene, head) == ["the curves, corrections or weights"]
    head.talksplat.use_bake = False
    open_files.clear()  # as in a file that was opened with Play from Bake off
    assert changes(bpy.context.scene, head) == ["the curves, corrections or weights"]


@pytest.mark.parametrize("choice", FOLLOWS)
def test_bake_to_keyframes_puts_it_into_the_keys_once(head, choice):
    """Again, too: what was corrected in the speech stays corrected when the keys are made again."""
    follow(head, choice)
    add(head)
    muted = add(head, lips_apart=9.0)
    muted.mute = True
    if choice == "CURVES":
        head.talksplat.follow = "SPEECH"  # Bake to Keyframes is of the speech, not of what was done to its keys
    expected = poses(head)
    for _ in range(2):
        bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
        np.testing.assert_allclose(poses(head), expected, atol=2e-5)
        head.talksplat.follow = "SPEECH"
        if choice == "SPEECH":
            np.testing.assert_allclose(poses(head), expected, atol=2e-5)
        else:
            break
    assert [item.is_keyed for item in head.talksplat.corrections] == [True, False]
    bpy.ops.talksplat.remove_keyframes()
    assert not any(item.is_keyed for item in head.talksplat.corrections)


def test_a_correction_beside_the_baked_frames_stays_on_top_of_the_keys(head):
    add(head)
    expected, scene = poses(head), bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, HERE + 1, 30
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0, frames="PREVIEW")
    assert not head.talksplat.corrections[0].is_keyed
    np.testing.assert_allclose(poses(head)[HERE:], expected[HERE:], atol=2e-5)


def test_close_lips_closes_them_at_this_frame_alone(head):
    """The tiny head has no landmarks: its lips are closed at rest."""
    opened = max(FRAMES, key=lambda frame: pose_at(head, frame)[0])
    before = pose_at(head, opened)
    assert bpy.ops.talksplat.close_lips() == {"FINISHED"}
    np.testing.assert_allclose(pose_at(head, opened), [0.0, *before[1:]], atol=1e-5)
    assert [item.name for item in head.talksplat.corrections] == ["Lips Closed"]
    with pytest.raises(RuntimeError, match="are closed at frame"):
        bpy.ops.talksplat.close_lips()
    assert len(head.talksplat.corrections) == 1


def test_closed_is_where_the_inner_lips_of_the_head_meet(blender, monkeypatch):
    """The sample head rests with its inner lips a little apart by its own landmarks."""
    from talksplat.blender_addon import moments
    from talksplat.blender_addon.corrections import rows as corrections

    bpy.ops.talksplat.add_sample_head()
    obj = bpy.context.object
    closed = corrections.closed_lips(obj)
    assert -1.0 < closed < 0.0
    rig, pose = corrections.rig_of(obj), np.zeros(len(corrections.rig_of(obj).channels))
    pose[[channel.name for channel in rig.channels].index("lips_apart")] = closed
    from talksplat.core.performance import LandmarkCarrier

    height = LandmarkCarrier(moments.loaded_head(obj.talksplat.head).file).of(rig.posed(pose))[:, 2]
    assert 1000 * np.mean(height[61:64] - height[65:68]) == pytest.approx(0.0, abs=0.1)


def test_the_list_jumps_and_removes(head):
    for frame in (5, HERE, 20):
        bpy.context.scene.frame_set(frame)
        add(head)
    assert [item.name for item in head.talksplat.corrections] == ["Correction", "Correction.001", "Correction.002"]
    bpy.ops.talksplat.jump_to_correction(index=0)
    assert [bpy.context.scene.frame_current, head.talksplat.active_correction] == [5, 0]
    bpy.ops.talksplat.remove_correction(index=1)
    assert [item.frame for item in head.talksplat.corrections] == [5, 20]
    bpy.ops.talksplat.remove_correction()
    bpy.ops.talksplat.remove_correction()
    assert not bpy.ops.talksplat.remove_correction.poll()


def test_saved_and_opened_again(head, tmp_path):
    add(head).blend_out = 0.3
    expected, name = poses(head), head.name
    path = str(tmp_path / "corrected.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    np.testing.assert_array_equal(poses(bpy.data.objects[name]), expected)


def test_an_override_of_a_linked_head_has_corrections_of_its_own(head, tmp_path):
    """On top of the library's; they are there when the file is opened again."""
    add(head)
    expected, name = pose_at(head, HERE), head.name
    library, shot = str(tmp_path / "library.blend"), str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(library, link=True) as (_, to):
        to.objects, to.scenes = [name], ["Scene"]
    linked, sequencer = to.objects[0], to.scenes[0]
    bpy.context.scene.collection.objects.link(linked)
    obj = linked.override_create(remap_local_usages=True)
    bpy.context.view_layer.objects.active = obj
    obj.talksplat.strip_scene = sequencer
    np.testing.assert_allclose(pose_at(obj, HERE), expected, atol=1e-6)
    add(obj, lips_apart=9.0)
    assert bpy.ops.talksplat.remove_correction() == {"FINISHED"}
    with pytest.raises(RuntimeError, match=r"Correction is the library's; mute it"):
        bpy.ops.talksplat.remove_correction(index=0)
    add(obj, lips_apart=0.75)
    obj.talksplat.corrections[0].strength = 0.0
    changed = pose_at(obj, HERE)
    assert changed[0] == pytest.approx(expected[0] + 2.75, abs=1e-5)
    bpy.ops.wm.save_as_mainfile(filepath=shot)
    bpy.ops.wm.open_mainfile(filepath=shot)
    again = next(o for o in bpy.context.scene.objects if o.name == name)
    assert [item.frame for item in again.talksplat.corrections] == [HERE, HERE]
    np.testing.assert_allclose(pose_at(again, HERE), changed, atol=1e-6)


def test_a_rig_of_other_channels_keeps_what_both_have(head, make):
    from talksplat.blender_addon import playback

    add(head, lips_apart=-2.0, blink=1.5)
    path = head.talksplat.head
    write_head(path, make.rigged(read_head(path), lower=("jaw_open",)))
    playback.forget_frames()
    head.talksplat.corrections[0].mute = True
    before = pose_at(head, HERE)
    head.talksplat.corrections[0].mute = False
    np.testing.assert_allclose(pose_at(head, HERE) - before, [0.0, 1.5], atol=1e-5)


def test_a_head_without_a_rig_says_what_to_do(head, talking, make):
    from talksplat.blender_addon import playback

    add(head)
    file = read_head(head.talksplat.head)
    bare = {name: array for name, array in file.tensors.items() if not name.startswith("rig.")}
    from dataclasses import replace

    write_head(head.talksplat.head, replace(file, tensors=bare, rig_card=""))
    playback.forget_frames()
    playback.refresh(bpy.context.scene)
    assert "no rig for the corrections" in playback.problem_of(head)
    assert not bpy.ops.talksplat.add_correction.poll()
    with pytest.raises(Exception, match="press Make Rig"):
        bake_job(head)


def test_channels_that_the_nla_moves_are_taken_too(head):
    follow(head, "CURVES")
    animation = head.animation_data
    action, slot, animation.action = animation.action, animation.action_slot, None
    animation.nla_tracks.new().strips.new("speech", 1, action).action_slot = slot
    bpy.context.scene.frame_set(HERE)
    head["Mouth Width"] += 1.25
    wanted = pose_now(head)
    bpy.ops.talksplat.add_correction()
    assert head.talksplat.corrections[0].changes["mouth_width"].value == pytest.approx(1.25, abs=1e-5)
    np.testing.assert_allclose(pose_at(head, HERE), wanted, atol=1e-5)


def pose_now(obj):
    from talksplat.blender_addon.corrections import rows as corrections

    return corrections.shown_pose(bpy.context.scene, obj)
