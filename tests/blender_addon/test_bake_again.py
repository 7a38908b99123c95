# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake, change something or nothing, bake again: what the panel says, what is replaced, what is kept."""

import shutil
from pathlib import Path

import bpy
import pytest

from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.jobs import Bake
from talksplat.core.jobs.events import Finished

FRAMES = 12


@pytest.fixture
def shot(talking, tmp_path, monkeypatch):
    """A saved shot whose bakes are made at once, in this process and without a worker or torch."""
    from talksplat.blender_addon import running

    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 3, 3 + FRAMES - 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project" / "shot.blend"))

    def start_job(label, job, on_finished):
        running.start_local_job(label, pretend_bake(job), on_finished)

    monkeypatch.setattr(running, "start_job", start_job)
    monkeypatch.setattr(running, "core_python", lambda: Path("python"))
    return talking


@pytest.fixture(autouse=True)
def _folder(tmp_path):
    (tmp_path / "project").mkdir()


def pretend_bake(job: Bake):
    """A bake of the shot at rest: what is said of it is all that counts here."""
    import hashlib
    from fractions import Fraction

    from talksplat.core.baking.reuse import keyed_controls
    from talksplat.core.baking.shot import Shot
    from talksplat.core.formats import BakeCard, BakeWriter, read_head
    from talksplat.core.performance import Replay

    head = read_head(job.head)
    shot, replay = Shot.of(job, Fraction(2)), Replay(head)
    sound = hashlib.sha256(Path(job.audio).read_bytes()).hexdigest()
    card = BakeCard(
        "b", shot.rate, shot.frame_start, shot.frame_count, head.gaussians("face").sh_degree, head.card.content_hash,
        sound, offset=job.offset, controls=shot.controls_card(),
    )  # fmt: skip
    Path(job.out).parent.mkdir(exist_ok=True)
    with BakeWriter.open(job.out, card, replay.canonical, replay.branch, keyed_controls(shot)) as writer:
        new = [frame for frame in shot.span if frame not in writer.done]
        for frame in new:
            writer.append(frame, *replay.frame())
        writer.finish()
    yield Finished({"frames": shot.frame_count, "new": len(new), "complete": True})


def bake():
    from talksplat.blender_addon import running

    bpy.ops.talksplat.bake()
    assert running.last.level == "INFO", running.last.sentence
    return running.last.sentence


def plan():
    from talksplat.blender_addon.shot.jobs import bake_plan_of

    return bake_plan_of(bpy.context.scene, bpy.data.objects["tiny"])


def key_brows(head):
    sliders = head.talksplat.controls
    for frame, value in ((3, 0.0), (9, 0.7), (14, -0.2)):
        sliders.brows = value
        sliders.keyframe_insert("brows", frame=frame)


@pytest.mark.parametrize("keyed", [False, True], ids=["still", "keyed"])
def test_nothing_has_changed_by_saving_reloading_undoing_renaming_or_moving_the_project(shot, tmp_path, changes, keyed):
    if keyed:
        key_brows(shot)
    bake()
    scene = bpy.context.scene

    def is_unchanged():
        scene, head = bpy.context.scene, bpy.data.objects["tiny"]
        return changes(scene, head) == [] and plan().continues

    assert is_unchanged()
    scene.frame_set(7)
    assert is_unchanged(), "the frame that is shown is no part of the shot"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert is_unchanged()
    bpy.ops.ed.undo_push(message="before")
    bpy.context.scene.frame_end += 5
    bpy.ops.ed.undo_push(message="longer")
    assert not is_unchanged()
    bpy.ops.ed.undo()
    assert is_unchanged()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project" / "shot_renamed.blend"))
    assert is_unchanged()
    shutil.copytree(tmp_path / "project", tmp_path / "moved")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "moved" / "shot_renamed.blend"))
    assert is_unchanged()
    assert str(tmp_path / "moved") in plan().job.out


def test_a_camera_a_light_and_the_resolution_are_no_change_of_a_bake(shot, changes):
    bake()
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    scene.render.resolution_x = 4096
    shot.location.x = 1.0
    assert changes(scene, shot) == []


def test_each_thing_that_was_changed_is_named(shot, changes, place_strip):
    key_brows(shot)
    bake()
    scene, curves = bpy.context.scene, shot.animation_data
    from talksplat.blender_addon.scene.versions import curves_of

    key = next(iter(curves_of(curves))).keyframe_points[1]
    key.co[1] += 0.05
    assert changes(scene, shot) == ["the sliders"]
    key.co[1] -= 0.05
    assert changes(scene, shot) == []
    place_strip(scene.sequence_editor.strips_all["voice"], start=2)
    assert changes(scene, shot) == ["the strip's position"]
    scene.frame_end += 1
    assert changes(scene, shot) == ["the frame range", "the strip's position"]


def test_driven_sliders_are_never_called_changed_and_the_panel_says_that_it_cannot_know(shot, changes):
    from talksplat.blender_addon.shot import bake_state

    bake()
    scene, frame = bpy.context.scene, bpy.context.scene.frame_current
    shot.talksplat.controls.driver_add("brows").driver.expression = "0.3"
    assert changes(scene, shot) == []
    assert scene.frame_current == frame, "and nobody's frame is moved to find out"
    bake_state.state_of(scene, shot)
    while bake_state.step():
        pass
    assert bake_state.state_of(scene, shot).is_driven


def test_the_panel_says_which_version_bake_makes_or_continues(shot):
    from talksplat.blender_addon.shot import bake_state

    def sentence():
        bake_state.forget()
        bake_state.state_of(bpy.context.scene, shot)
        while bake_state.step():
            pass
        return bake_state.state_of(bpy.context.scene, shot).plan

    assert plan().sentence == "Bake makes tiny_v001.bake"
    bake()
    assert plan().continues  # has read the sound, as Attach does: the panel never does
    assert sentence() == "tiny_v001.bake is up to date: all 12 frames are baked"
    with BakeReader.open(plan().job.out) as reader:
        path, end = Path(reader.path), reader._frames[10].end
    path.write_bytes(path.read_bytes()[:end])  # as a kill leaves it
    assert sentence() == "Bake continues tiny_v001.bake: 8 of 12 frames are baked"
    bake()
    bpy.context.scene.frame_end += 6
    assert sentence() == "Bake makes tiny_v002.bake; frames that have not changed come from tiny_v001.bake"
    assert plan().job.reuse.endswith("tiny_v001.bake")
    shot.talksplat.bake_out = "//bake/tiny_v001.bake"
    assert sentence() == "Bake replaces tiny_v001.bake, which is another shot (the frame range)"


def test_the_panel_finds_nothing_out_while_a_job_shows_its_progress(shot, monkeypatch):
    """Ten redraws a second would sample the shot all the time."""
    from talksplat.blender_addon import running
    from talksplat.blender_addon.shot import bake_state

    monkeypatch.setattr(running, "now", running.Running("Bake", str))
    bake_state.state_of(bpy.context.scene, shot)
    assert not bake_state.step()


def test_what_is_replaced_is_asked_about_first_and_plays_on(shot, monkeypatch):
    from talksplat.blender_addon.operators import bake_shot

    shot.talksplat.bake_out = "//bake/{head}.bake"
    bake()
    assert not plan().replaces, "the same shot is continued, not replaced"
    shot.talksplat.controls.brows = 0.5
    replaced = plan()
    assert replaced.replaces == ("the sliders",)
    message = bake_shot.replaced_message(replaced)
    assert "the sliders changed" in message
    bake_shot.keep_performances(shot, replaced.job)
    assert shot.talksplat.bake == "//bake/tiny.bake", "until the new one is done, the old one plays"

    asked = []

    class Window:
        @staticmethod
        def invoke_confirm(operator, event, **texts):
            asked.append(texts)
            return {"RUNNING_MODAL"}

    class Pressed:
        invoke, _plan = bake_shot.TALKSPLAT_OT_bake.invoke, staticmethod(bake_shot.TALKSPLAT_OT_bake._plan)

    monkeypatch.setattr(bake_shot, "has_window", lambda: True)
    context = type("Context", (), {"scene": bpy.context.scene, "object": shot, "window_manager": Window})
    assert Pressed().invoke(context, None) == {"RUNNING_MODAL"}
    assert asked[0]["title"] == "Replace tiny.bake?"


def test_the_frames_that_a_bake_lacks_are_named(tmp_path, blender):
    from talksplat.blender_addon import open_files

    assert open_files.list_missing(range(1, 37), frozenset(range(1, 25))) == "25-36"
    assert open_files.list_missing(range(1, 4), frozenset(range(1, 4))) == ""
    ragged = frozenset(frame for frame in range(1, 90_000) if frame * 7919 % 13 > 5)
    assert len(open_files.list_missing(range(1, 90_000), ragged)) < 80


def test_a_bake_made_with_keys_is_continued_to_the_byte_although_the_curves_have_other_last_digits(shot, monkeypatch):
    from talksplat.blender_addon.shot import jobs as shot_jobs
    from talksplat.core.performance.controls import Controls

    key_brows(shot)
    bake()
    with BakeReader.open(plan().job.out) as reader:
        key_of_the_shot = reader.card.shot
    exact = shot_jobs.sample_controls

    def other_blender(*arguments):
        return [Controls(**{n: v * (1 + 2e-7) for n, v in vars(moment).items()}) for moment in exact(*arguments)]

    monkeypatch.setattr(shot_jobs.shot_to_bake, "__defaults__", (other_blender, True))
    assert plan().continues
    bake()
    with BakeReader.open(plan().job.out) as reader:
        assert reader.card.shot == key_of_the_shot
