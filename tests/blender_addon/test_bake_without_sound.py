# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads without a sound by the panel's buttons: bake, play, render, export, F12, a self-contained file."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats import BakeReader, read_head, rig_of, with_rig, write_head, write_ply
from talksplat.core.performance import rest_condition

FIRST, FRAMES = 3, 6
SHAPES = {"jawOpen": (np.array([1, 5]), np.array([[0, -0.02, 0], [0, -0.01, 0]], np.float32))}
TO_COMPARE = 1e-5  # metres


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """One worker for all tests of this file."""
    from talksplat.blender_addon.link.find_python import find_python
    from talksplat.blender_addon.link.worker_process import WorkerProcess
    from talksplat.blender_addon.running import ROOT

    python = find_python("", ROOT)
    if python is None:
        pytest.skip("no Python for the worker here (a .venv in the checkout, or TALKSPLAT_PYTHON)")
    worker = WorkerProcess(python, ROOT, tmp_path_factory.mktemp("own") / "worker.log")
    yield worker
    worker.stop()


@pytest.fixture
def scene(blender, worker, tmp_path, monkeypatch):
    """A saved .blend of a few frames."""
    from talksplat.blender_addon import running
    from talksplat.blender_addon.f12 import handlers as f12_handlers

    for module in (running, f12_handlers):
        monkeypatch.setattr(module, "_worker", worker)
    monkeypatch.setattr(worker, "stop", lambda: None)
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = FIRST, FIRST + FRAMES - 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return bpy.context.scene


@pytest.fixture
def avatar(scene, tmp_path, avatars):
    """An imported avatar that opens its jaw from the first to the last frame."""
    source = avatars.write_avatar(tmp_path / "anna.zip", shapes=SHAPES)
    bpy.ops.talksplat.import_head(filepath=str(source))
    obj = bpy.context.object
    for frame, value in ((FIRST, 0.0), (FIRST + FRAMES - 1, 1.0)):
        obj["jawOpen"] = value
        obj.keyframe_insert('["jawOpen"]', frame=frame)
    return obj


@pytest.fixture
def rigged(scene, head_path, make, tmp_path):
    """A head with a rig that could listen, and has nothing to listen to."""
    head = make.rigged(read_head(head_path))
    rig = replace(rig_of(head), rest=rest_condition(head).audio)  # as a rig that was made from a head has it
    write_head(tmp_path / "rigged.head", with_rig(head, rig))
    bpy.ops.talksplat.add_head(filepath=str(tmp_path / "rigged.head"))
    return bpy.context.object


@pytest.fixture
def still(scene, tmp_path, make):
    write_ply(tmp_path / "still.ply", make.gaussians(20))
    bpy.ops.talksplat.import_head(filepath=str(tmp_path / "still.ply"))
    return bpy.context.object


def seen(obj, shown):
    """What the viewport shows at each frame, without the bake."""
    obj.talksplat.use_bake, scene, frames = False, bpy.context.scene, {}
    for number in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(number)
        frames[number] = shown(obj)
    return frames


def assert_baked(obj, frames):
    """Bake by the button, and find in the file what was seen."""
    assert bpy.ops.talksplat.bake() == {"FINISHED"}
    path = bpy.path.abspath(obj.talksplat.bake)
    with BakeReader.open(path) as bake:
        assert bake.complete
        assert not bake.card.has_sound
        for number, frame in frames.items():
            np.testing.assert_allclose(bake.frame(number)[0], frame.means, atol=TO_COMPARE)
    return path


@pytest.mark.parametrize("kind", ["avatar", "still"])
def test_an_imported_head_is_baked_as_it_is_seen(request, scene, shown, kind):
    obj = request.getfixturevalue(kind)
    frames = seen(obj, shown)
    moved = np.abs(frames[FIRST + FRAMES - 1].means - frames[FIRST].means).max()
    assert (moved > 0.01) == (kind == "avatar")
    assert_baked(obj, frames)


def test_keys_of_an_avatar_go_through_bake_render_and_usd_and_come_back(avatar, scene, shown, tmp_path):
    from talksplat.blender_addon.link.blenders_usd import find_blenders_usd

    settings, frames = avatar.talksplat, seen(avatar, shown)
    assert_baked(avatar, frames)
    settings.view, settings.size, settings.movie, settings.exr = "HEAD", 16, True, False
    assert bpy.ops.talksplat.render_sequence() == {"FINISHED"}
    assert len(list((tmp_path / "render").rglob("*.png"))) == FRAMES
    assert len(list((tmp_path / "render").rglob("*.mp4"))) == 1
    if not find_blenders_usd():
        pytest.skip("this Blender was built without USD")
    settings.export_format, settings.export_out = "usd", "//usd"
    assert bpy.ops.talksplat.export_sequence() == {"FINISHED"}
    from pxr import Usd

    stage = Usd.Stage.Open(str(next((tmp_path / "usd").glob("*.usd*"))))
    (splats,) = (p for p in stage.Traverse() if p.GetTypeName().startswith("ParticleField"))
    assert not [p for p in stage.Traverse() if p.GetTypeName() == "SpatialAudio"]
    for number, frame in frames.items():
        np.testing.assert_allclose(splats.GetAttribute("positions").Get(number), frame.means, atol=TO_COMPARE)


def test_a_head_that_could_listen_rests_blinks_and_follows_its_sliders(rigged, scene, shown):
    rigged.talksplat.use_rig = False
    sliders = rigged.talksplat.controls
    for frame, value in ((FIRST, 0.0), (FIRST + FRAMES - 1, 1.0)):
        sliders.blink = value
        sliders.keyframe_insert("blink", frame=frame)
    frames = seen(rigged, shown)
    assert np.abs(frames[FIRST + FRAMES - 1].means - frames[FIRST].means).max() > 5 * TO_COMPARE
    assert_baked(rigged, frames)


def test_hand_made_keys_need_no_sound(rigged, scene, shown):
    assert bpy.ops.talksplat.bake_keyframes() == {"FINISHED"}
    label = next(name for name in rigged.keys() if "Lips" in name)
    rigged[label] = 2.0
    rigged.keyframe_insert(f'["{label}"]', frame=FIRST + FRAMES - 1)
    frames = seen(rigged, shown)
    assert np.abs(frames[FIRST + FRAMES - 1].means - frames[FIRST].means).max() > 1e-3
    assert_baked(rigged, frames)


def test_nothing_has_changed_since_until_a_sound_comes(avatar, rigged, scene, changes, add_strip, sound_path):
    for obj in (avatar, rigged):
        bpy.context.view_layer.objects.active = obj
        bpy.ops.talksplat.bake()
        assert changes(scene, obj) == []
    avatar["jawOpen"] = 0.5
    avatar.keyframe_insert('["jawOpen"]', frame=FIRST + 2)
    assert changes(scene, avatar) == ["the curves, corrections or weights"]
    add_strip(bpy, sound_path)
    assert bpy.ops.talksplat.attach_strip() == {"FINISHED"}
    assert changes(scene, rigged) == ["the sound"]


def test_the_panel_says_that_the_bake_has_no_sound(rigged, scene):
    from talksplat.blender_addon.operators.bake_shot import TALKSPLAT_OT_bake
    from talksplat.blender_addon.shot.jobs import bake_plan_of

    assert TALKSPLAT_OT_bake.disabled_reason(bpy.context) == ""
    assert bake_plan_of(scene, rigged).sentence.endswith(".bake, without a sound")


def test_a_sound_that_came_after_the_bake_is_in_the_movie(rigged, scene, add_strip, sound_path):
    """Also where the strip starts at the second from which a bake without a sound counts."""
    from talksplat.blender_addon.shot.jobs import render_job

    rigged.talksplat.view = "HEAD"
    bpy.ops.talksplat.bake()
    assert render_job(scene, rigged).sounds == ()
    add_strip(bpy, sound_path, start=0)
    bpy.ops.talksplat.attach_strip()
    job = render_job(scene, rigged)
    assert job.sounds == (str(sound_path),)
    assert len(job.sound_per_frame) == FRAMES


def test_a_longer_shot_takes_over_the_frames_that_it_had(rigged, scene, capfd):
    bpy.ops.talksplat.bake()
    scene.frame_start, scene.frame_end = FIRST - 1, scene.frame_end + 2
    bpy.ops.talksplat.bake()
    assert rigged.talksplat.bake.endswith("v002.bake")
    assert f"{FRAMES} of them were there already" in capfd.readouterr().out


def test_a_strip_that_was_chosen_and_not_heard_is_still_asked_for(rigged, scene, add_strip, sound_path):
    from talksplat.blender_addon.operators.bake_shot import TALKSPLAT_OT_bake

    strip = add_strip(bpy, sound_path)
    rigged.talksplat.strip = strip.name
    assert "not attached yet" in TALKSPLAT_OT_bake.disabled_reason(bpy.context)
    bpy.ops.talksplat.attach_strip()
    rigged.talksplat.strip = "gone"
    assert TALKSPLAT_OT_bake.disabled_reason(bpy.context) == "", "renamed: its sound is still there"
    scene.sequence_editor_clear()
    assert "gone is not there any more" in TALKSPLAT_OT_bake.disabled_reason(bpy.context)
    rigged.talksplat.strip = ""
    assert TALKSPLAT_OT_bake.disabled_reason(bpy.context) == ""


def test_a_head_that_cannot_listen_says_so_at_attach(scene, head_path, tmp_path, add_strip, sound_path, shown):
    from talksplat.blender_addon.operators.attach_strip import TALKSPLAT_OT_attach_strip
    from talksplat.blender_addon.operators.choose_sound import TALKSPLAT_OT_choose_sound

    head = read_head(head_path)
    for name in [name for name in head.tensors if name.split(".")[1] == "audio"]:
        del head.tensors[name]
    write_head(tmp_path / "no_nets.head", head)
    bpy.ops.talksplat.add_head(filepath=str(tmp_path / "no_nets.head"))
    add_strip(bpy, sound_path)
    for button in (TALKSPLAT_OT_attach_strip, TALKSPLAT_OT_choose_sound):
        assert "no audio nets" in button.disabled_reason(bpy.context)
    assert_baked(bpy.context.object, seen(bpy.context.object, shown))


def test_f12_below_5_3_shows_an_imported_head(avatar, scene, tmp_path):
    from talksplat.blender_addon.scene.versions import draws_splats

    if draws_splats():
        pytest.skip("Blender draws splats itself since 5.3")
    bpy.ops.talksplat.bake()
    assert bpy.ops.talksplat.show_in_f12() == {"FINISHED"}
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler, scene.camera = (0, -1, 0), (np.pi / 2, 0, 0), camera
    scene.collection.objects.link(camera)
    scene.render.engine, scene.render.film_transparent = "CYCLES", True
    scene.render.resolution_x = scene.render.resolution_y = 32
    scene.cycles.samples, scene.render.image_settings.file_format = 1, "PNG"
    scene.render.filepath = str(tmp_path / "f12.png")
    scene.frame_set(FIRST + 1)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    assert np.array(image.pixels).reshape(32, 32, 4)[..., 3].max() > 0.2


def test_stored_frames_play_an_imported_head_without_the_add_on(avatar, scene, shown, tmp_path):
    frames = seen(avatar, shown)
    avatar.talksplat.stored.keep = "PACKED"
    assert bpy.ops.talksplat.make_self_contained() == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "alone.blend"))
    script = Path(__file__).with_name("play_without_add_on.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "alone.blend"), str(tmp_path / "played.npz"), *map(str, frames)],
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (tmp_path / "played.npz").is_file(), done.stderr
    with np.load(tmp_path / "played.npz") as played:
        for number, frame in frames.items():
            np.testing.assert_allclose(played[f"{avatar.name} position {number}"], frame.means, atol=1e-4)
