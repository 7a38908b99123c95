# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's whole way by the panel's operators and a real worker: attach, bake, play, render, export."""

import os
import signal
import time
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.ply import read_ply
from talksplat.core.jobs.events import Finished, Progress, Started
from talksplat.core.performance.controls import Controls

FRAMES = 12


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One worker and one cache for all tests of this file: importing torch takes its time."""
    from talksplat.blender_addon.link.find_python import find_python
    from talksplat.blender_addon.link.worker_process import WorkerProcess
    from talksplat.blender_addon.running import ROOT

    python = find_python("", ROOT)
    if python is None:
        pytest.skip("no Python for the worker here (a .venv in the checkout, or TALKSPLAT_PYTHON)")
    folder = tmp_path_factory.mktemp("own")
    worker = WorkerProcess(python, ROOT, folder / "worker.log")
    yield worker, folder
    worker.stop()


@pytest.fixture
def shot(blender, shared, head_path, sound_path, add_strip, tmp_path, monkeypatch):
    """A saved .blend with a head and a strip of its own, nothing attached."""
    from talksplat.blender_addon import preferences, running

    worker, folder = shared
    (folder / "performances").mkdir(exist_ok=True)
    monkeypatch.setattr(preferences, "own_folder", folder.joinpath)
    monkeypatch.setattr(running, "_worker", worker)
    monkeypatch.setattr(worker, "stop", lambda: None)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 3, 3 + FRAMES - 1
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    add_strip(bpy, sound_path, start=2)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return bpy.context.object


@pytest.fixture
def press(monkeypatch):
    """press("bake"): the button in a window, which does not wait for the end of its job."""
    from talksplat.blender_addon.operators import operator_base

    def click(name):
        with monkeypatch.context() as patch:
            patch.setattr(operator_base, "wait_and_print", lambda: None)
            getattr(bpy.ops.talksplat, name)()

    return click


def finish():
    from talksplat.blender_addon import running

    outcome = running.wait(120)
    assert outcome.level == "INFO", outcome.sentence
    return outcome


@pytest.fixture
def attached(shot):

    bpy.ops.talksplat.attach_strip()
    return shot


def test_the_whole_way(attached, tmp_path, shown):
    from talksplat.blender_addon import running

    scene, settings = bpy.context.scene, attached.talksplat
    assert settings.strip == "voice"
    scene.frame_set(5)
    first = shown(attached)
    scene.frame_set(11)
    scrubbed = shown(attached)
    assert np.abs(scrubbed.means - first.means).max() > 1e-5, "the head speaks"

    bpy.ops.talksplat.bake()
    assert running.now is None, "a script's call returns when the job has ended"
    assert settings.bake == "//bake/tiny_v001.bake"
    assert scene.frame_current == 11, "sampling must not move the user's frame"
    with BakeReader.open(tmp_path / "bake" / "tiny_v001.bake") as bake:
        assert bake.complete
        assert (bake.card.frame_start, bake.card.frame_count) == (3, FRAMES)
        for number in bake.card.span:
            scene.frame_set(number)
            for ours, baked in zip(shown(attached), bake.frame(number)):
                np.testing.assert_allclose(ours, baked, atol=1e-5)
    scene.frame_set(11)
    np.testing.assert_allclose(shown(attached).means, scrubbed.means, atol=1e-5, err_msg="bake and scrub agree")

    settings.export_out = "//ply/"
    bpy.ops.talksplat.export_sequence()
    files = sorted((tmp_path / "ply").glob("*.ply"))
    assert [f.name for f in files] == [f"tiny.{number:04d}.ply" for number in range(3, 3 + FRAMES)]
    scene.frame_set(7)
    np.testing.assert_allclose(read_ply(files[4]).means, shown(attached).means, atol=1e-6)

    bpy.ops.talksplat.remove_bake()
    assert settings.bake == ""
    assert (tmp_path / "bake" / "tiny_v001.bake").exists()


def test_attaching_again_takes_the_cache(attached):
    """Also when the scene is another one: the cache goes by the hashes of head and sound."""
    from talksplat.blender_addon import running

    attached.talksplat.performance = attached.talksplat.sound = ""
    bpy.ops.talksplat.attach_strip()
    assert running.now is None
    assert Path(attached.talksplat.performance).exists()


def test_keyed_sliders_are_baked_frame_by_frame(attached, tmp_path, shown):
    from talksplat.blender_addon.shot.jobs import bake_job
    from talksplat.blender_addon.shot.sampling import sample_controls

    sliders, scene = attached.talksplat.controls, bpy.context.scene
    for frame, value in ((3, 0.0), (14, 2.0)):
        sliders.intensity = value
        sliders.keyframe_insert("intensity", frame=frame)
    scene.frame_set(5)
    frames = range(3, 15)
    by_curve = sample_controls(scene, attached, frames)
    # A driver makes the other way necessary: walking through the shot.
    attached.talksplat.controls.driver_add("brows").driver.expression = "0"
    by_walk = sample_controls(scene, attached, frames)
    assert scene.frame_current == 5
    np.testing.assert_allclose([c.intensity for c in by_curve], [c.intensity for c in by_walk], atol=1e-6)
    assert by_curve[0].intensity == 0.0
    assert by_curve[-1].intensity == 2.0
    job = bake_job(scene, attached)
    assert [c.intensity for c in job.controls_per_frame] == pytest.approx([c.intensity for c in by_walk])
    bpy.ops.talksplat.bake()
    scene.frame_set(9)
    baked = shown(attached)
    attached.talksplat.use_bake = False
    for ours, replayed in zip(baked, shown(attached)):
        np.testing.assert_allclose(ours, replayed, atol=1e-5)


def test_where_the_strip_is_silent_the_bake_rests(attached, place_strip):
    from talksplat.blender_addon.scene.versions import strip_frames
    from talksplat.blender_addon.shot.jobs import bake_job

    strip = bpy.context.scene.sequence_editor.strips_all["voice"]
    place_strip(strip, trim_end=strip_frames(strip)[2] - 8)
    job = bake_job(bpy.context.scene, attached)
    assert job.offset == pytest.approx(-1 / 24)
    intensity = [c.intensity for c in job.controls_per_frame]
    assert intensity[:6] == [1.0] * 6  # frames 3 to 8
    assert intensity[-1] == 0.0


def test_cancel_keeps_what_is_baked_and_the_same_bake_continues(attached, tmp_path, press):
    from talksplat.blender_addon import running

    bpy.context.scene.frame_end = 6000
    press("bake")
    until = time.monotonic() + 60
    while running.now.done < 5:
        running.pump()
        assert time.monotonic() < until
        time.sleep(0.005)
    assert running.now.fraction > 0
    assert "6 of 5998" in running.now.text or "of 5998" in running.now.text
    bpy.ops.talksplat.cancel()
    assert "cancelling" in running.now.text
    assert running.wait(60).level == "WARNING"
    path = tmp_path / "bake" / "tiny_v001.bake"
    with BakeReader.open(path) as bake:
        kept = len(bake.frames)
    assert 5 <= kept < 5998
    press("bake")
    while running.now.done < kept + 1:
        running.pump()
        time.sleep(0.005)
        assert time.monotonic() < until + 60
    assert running.now.total == 5998
    bpy.ops.talksplat.cancel()
    running.wait(60)


def test_a_killed_worker_leaves_a_sentence_and_the_next_job_runs(attached, press):
    from talksplat.blender_addon import running

    bpy.context.scene.frame_end = 6000
    press("bake")
    while running.now.done < 3:
        running.pump()
        time.sleep(0.005)
    os.kill(running._worker.pid, signal.SIGKILL)
    outcome = running.wait(60)
    assert outcome.level == "ERROR"
    assert "Start the same job again" in outcome.sentence
    bpy.context.scene.frame_end = 8
    bpy.ops.talksplat.bake()


def test_another_shot_has_the_next_version_and_the_same_shot_its_own(attached, tmp_path):
    from talksplat.blender_addon.shot.jobs import bake_job

    scene, settings = bpy.context.scene, attached.talksplat
    first, second = (tmp_path / "bake" / f"tiny_v00{number}.bake" for number in (1, 2))
    bpy.ops.talksplat.bake()
    stored = first.read_bytes()
    assert bake_job(scene, attached).out == str(first), "finished: baking it again has nothing to do"
    settings.controls.brows = 0.25
    bpy.ops.talksplat.bake()
    assert settings.bake == "//bake/tiny_v002.bake"
    assert second.exists()
    assert first.read_bytes() == stored
    settings.controls.brows = 0.0
    assert bake_job(scene, attached).out.endswith("tiny_v003.bake"), "only the newest is continued"
    settings.bake_out = "//bake/{head}.bake"
    assert bake_job(scene, attached).out.endswith("tiny.bake"), "without {version}: one file"


def test_one_job_at_a_time(attached, press):
    from talksplat.blender_addon import running

    bpy.context.scene.frame_end = 6000
    press("bake")
    assert not bpy.ops.talksplat.bake.poll()
    assert not bpy.ops.talksplat.attach_strip.poll()
    with pytest.raises(RuntimeError, match="Bake is running"):
        bpy.ops.talksplat.bake()
    bpy.ops.talksplat.cancel()
    running.wait(60)


def test_the_head_may_be_gone_when_the_job_ends(attached, press):
    from talksplat.blender_addon import running

    press("bake")
    bpy.data.objects.remove(attached)
    outcome = running.wait(120)
    assert outcome.level == "ERROR"
    assert "deleted" in outcome.sentence


def test_a_render_through_the_scene_camera(attached, tmp_path):
    bpy.context.scene.frame_end = 5
    bpy.ops.talksplat.bake()
    assert not bpy.ops.talksplat.render_sequence.poll(), "the scene has no camera yet"
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    camera.location, camera.rotation_euler = (0, -0.6, 0), (np.pi / 2, 0, 0)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = 64, 48
    attached.talksplat.exr = attached.talksplat.movie = False
    bpy.ops.talksplat.render_sequence()
    pictures = sorted((tmp_path / "render" / "tiny").rglob("*.png"))
    assert len(pictures) == 3
    image = bpy.data.images.load(str(pictures[0]))
    assert tuple(image.size) == (64, 48)
    assert np.std(image.pixels[:]) > 0.01


def test_a_picture_for_the_scene_is_filtered_as_the_scene_is(attached):
    """The scene's camera: the scene's own pixel filter; the head's own view is nobody's scene."""
    from talksplat.blender_addon.shot.jobs import render_job

    scene, settings = bpy.context.scene, attached.talksplat
    scene.frame_end = 4
    bpy.ops.talksplat.bake()
    settings.view, settings.supersampling = "SCENE", "3x"
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    scene.render.filter_size = 2.5
    job = render_job(scene, attached)
    assert (job.supersampling, job.pixel_filter, job.filter_width) == ("3x", "blackman_harris", 2.5)
    scene.render.filter_size = 0.0
    assert render_job(scene, attached).filter_width == pytest.approx(0.01)
    if hasattr(scene, "cycles"):
        scene.render.engine = "CYCLES"
        scene.cycles.pixel_filter_type, scene.cycles.filter_width = "GAUSSIAN", 1.25
        job = render_job(scene, attached)
        assert (job.pixel_filter, job.filter_width) == ("gaussian", 1.25)
    settings.view = "HEAD"
    job = render_job(scene, attached)
    assert (job.supersampling, job.pixel_filter, job.filter_width) == ("3x", "box", 1.5)


def test_the_render_region_and_the_eyes_of_a_stereo_pair_are_rendered(attached, tmp_path):
    scene, settings, render = bpy.context.scene, attached.talksplat, bpy.context.scene.render
    scene.frame_start, scene.frame_end = 1, 2
    bpy.ops.talksplat.bake()
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    scene.collection.objects.link(scene.camera)
    scene.camera.location, scene.camera.rotation_euler = (0, -0.8, 0), (1.5708, 0, 0)
    scene.camera.data.stereo.convergence_distance = 0.8
    render.resolution_x, render.resolution_y, render.resolution_percentage = 40, 30, 100
    render.use_multiview = render.use_border = True
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = 0.0, 0.5, 0.0, 1.0
    settings.view, settings.movie, settings.exr, settings.render_name = "SCENE", False, False, "take.####"
    settings.render_out = str(tmp_path / "pair")
    attached.hide_render = True
    bpy.ops.talksplat.render_sequence()
    pictures = {path.name: pixels_of(path) for path in (tmp_path / "pair").rglob("*.png")}
    assert set(pictures) == {f"take_{eye}.000{frame}.png" for eye in "LR" for frame in (1, 2)}
    left, right = (pictures[f"take_{eye}.0001.png"] for eye in "LR")
    assert left[..., 3].max() > 0.9
    assert not left[:, 20:, 3].any()
    x = np.arange(40)
    seen = [(row[..., 3].sum(axis=0) * x).sum() / row[..., 3].sum() for row in (left, right)]
    assert np.abs(left - right).max() > 0.1, "the eyes see the same"
    assert seen[0] != seen[1]


def pixels_of(path):
    image = bpy.data.images.load(str(path))
    width, height = image.size
    return np.array(image.pixels[:]).reshape(height, width, 4)


def test_what_changes_a_render_is_told_before_it(attached):
    from talksplat.blender_addon.shot.render_notes import render_notes

    scene, settings = bpy.context.scene, attached.talksplat
    settings.view = "SCENE"
    assert render_notes(scene, attached) == []
    attached.hide_render = scene.render.use_border = scene.render.use_multiview = True
    settings.exr, settings.overscan = True, 5.0
    disabled, region, stereo = render_notes(scene, attached)
    assert "disabled in renders" in disabled
    assert "_L and _R" in stereo
    assert region.endswith("without overscan")
    scene.render.views_format = "MULTIVIEW"
    assert "Stereo 3D" in render_notes(scene, attached)[-1]
    settings.view = "HEAD"
    assert render_notes(scene, attached) == [disabled]


def test_motion_blur_is_the_scenes(attached, monkeypatch):
    """Shutter, position and curve, and what the camera sees meanwhile; a view that stands still is asked for once;
    where a marker cuts no frame is seen through the camera of the one before."""
    from talksplat.blender_addon.shot import sampling
    from talksplat.blender_addon.shot.jobs import render_job

    scene, settings = bpy.context.scene, attached.talksplat
    scene.frame_end = 12
    bpy.ops.talksplat.bake()
    settings.view, scene.render.use_motion_blur = "SCENE", False
    for name in ("still", "pan"):
        camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        scene.collection.objects.link(camera)
        marker = scene.timeline_markers.new(name, frame=1 if name == "still" else 6)
        marker.camera = camera
    for frame, angle in ((5, 0.0), (9, 0.4)):
        camera.rotation_euler.z = angle
        camera.keyframe_insert("rotation_euler", index=2, frame=frame)
    assert not render_job(scene, attached).motion_blur
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, 0.8
    scene.render.motion_blur_position = "START"
    curve = scene.render.motion_blur_shutter_curve
    curve.curves[0].points[-1].location.y = 0.0
    curve.update()
    visited, at_each_frame = [], sampling._at_each_frame
    monkeypatch.setattr(
        sampling,
        "_at_each_frame",
        lambda s, frames, read: at_each_frame(s, visited.append([*frames]) or visited[-1], read),
    )
    job = render_job(scene, attached)
    assert (job.motion_blur, job.shutter, job.shutter_position) == (True, pytest.approx(0.8), "start")
    assert len(job.shutter_curve) == 256
    assert job.shutter_curve[0] == pytest.approx(1.0)
    assert job.shutter_curve[-1] == pytest.approx(0.0, abs=1e-6)
    rows = dict(zip(range(scene.frame_start, 13), job.shutter_cameras))
    assert [number for number, row in rows.items() if row] == [5, 6, 7, 8, 9]
    assert [float(f) for f in visited[1]] == pytest.approx([n + t for n in (5, 6, 7, 8, 9) for t in (0.4, 0.8)])
    cameras = dict(zip(range(scene.frame_start - 1, 14), job.cameras))
    assert all(rows[n][0] == cameras[n] for n in (5, 6, 7, 8, 9))
    assert rows[5][2] == cameras[5], "the camera that stands still, to its end"
    ways = [np.linalg.norm(np.subtract(rows[n][2].viewmat, rows[n][0].viewmat)) for n in (6, 7, 8)]
    whole = np.linalg.norm(np.subtract(cameras[8].viewmat, cameras[7].viewmat))
    assert ways[1] == pytest.approx(0.8 * whole, rel=0.1)
    settings.motion_blur = False
    assert not render_job(scene, attached).motion_blur
    settings.motion_blur, settings.view = True, "HEAD"
    job = render_job(scene, attached)
    assert job.motion_blur
    assert job.shutter_cameras == ()


def test_the_camera_of_a_frame_is_blenders(blender):
    from talksplat.blender_addon.scene.scene_camera import camera_at

    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("own", bpy.data.cameras.new("own"))
    assert camera_at(scene, 3) == scene.camera
    for name, frame in (("b", 8), ("a", 4), ("none", 6)):
        marker = scene.timeline_markers.new(name, frame=frame)
        marker.camera = None if name == "none" else bpy.data.objects.new(name, bpy.data.cameras.new(name))
    for frame in (1, 4, 5, 7, 8, 20):
        scene.frame_set(frame)
        assert camera_at(scene, frame) == scene.camera


def test_passes_and_export_settings_reach_the_jobs(attached):
    from talksplat.blender_addon.operators.render_sequence import TALKSPLAT_OT_render_sequence as Render
    from talksplat.blender_addon.shot.jobs import export_job, render_job

    bpy.context.scene.frame_end = 4
    bpy.ops.talksplat.bake()
    settings = attached.talksplat
    settings.view = "HEAD"
    assert render_job(bpy.context.scene, attached).passes == ("beauty", "depth", "depth_median")
    settings.passes.depth = False
    assert render_job(bpy.context.scene, attached).passes == ("beauty", "depth_median")
    settings.passes.beauty = settings.passes.depth_median = False
    assert Render.disabled_reason(bpy.context) == "Choose a pass for the EXR files"
    job = export_job(bpy.context.scene, attached)
    assert (job.format, job.axes) == ("ply", "")
    settings.export_axes = "rdf"
    assert export_job(bpy.context.scene, attached).axes == "rdf"


def test_vector_sees_the_camera_beside_the_frames_that_are_rendered(attached):
    """A frame rendered alone stood still for Vector, however the camera moved."""
    from talksplat.blender_addon.shot.jobs import render_job

    scene, settings = bpy.context.scene, attached.talksplat
    scene.frame_end = 4
    bpy.ops.talksplat.bake()
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    scene.collection.objects.link(scene.camera)
    for frame, x in ((0, -1.0), (6, 5.0)):
        scene.camera.location = (x, -0.6, 0)
        scene.camera.keyframe_insert("location", frame=frame)
    settings.view = "SCENE"
    scene.frame_start = scene.frame_end = 3
    plain = render_job(scene, attached)
    settings.passes.vector = True
    job = render_job(scene, attached)
    assert (len(plain.cameras), plain.with_neighbours) == (1, False)
    assert (len(job.cameras), job.with_neighbours) == (3, True)
    before, now, after = (camera.centre[0] for camera in job.cameras)
    assert before < now < after
    assert job.cameras[1] == plain.cameras[0]


def test_the_frame_range_the_step_the_preview_range_and_the_current_frame_are_what_is_written(
    attached, tmp_path, changes
):
    """Render and Export wrote every frame of the bake, whatever the scene said."""
    from talksplat.blender_addon.operators.render_sequence import TALKSPLAT_OT_render_sequence as Render

    scene, settings = bpy.context.scene, attached.talksplat

    def exported(folder):
        settings.export_out = f"//{folder}/"
        bpy.ops.talksplat.export_sequence()
        return [int(file.name.split(".")[1]) for file in sorted((tmp_path / folder).glob("*.ply"))]

    scene.frame_end, scene.frame_step = 9, 3
    bpy.ops.talksplat.bake()
    with BakeReader.open(tmp_path / "bake" / "tiny_v001.bake") as bake:
        assert (bake.frames, list(bake.card.span)) == ((3, 6, 9), list(range(3, 10)))
    assert changes(scene, attached) == []
    assert exported("step") == [3, 6, 9]
    scene.frame_step = 1
    with pytest.raises(RuntimeError, match="4 of the 7 frames are not baked yet"):
        exported("unfinished")
    bpy.ops.talksplat.bake()
    assert settings.bake == "//bake/tiny_v001.bake", "the same shot continues"
    assert exported("all") == list(range(3, 10))
    scene.frame_start, scene.frame_end = 5, 7
    assert exported("range") == [5, 6, 7]
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 4, 6
    settings.export_frames = "PREVIEW"
    assert exported("preview") == [4, 5, 6]
    scene.frame_set(8)
    settings.export_frames = settings.render_frames = "CURRENT"
    assert exported("current") == [8]
    settings.view, settings.size, settings.exr = "HEAD", 16, False
    bpy.ops.talksplat.render_sequence()
    assert [path.name for path in (tmp_path / "render" / "tiny").glob("*.*g*")] == ["tiny_v001.0008.png"]
    settings.png = False
    assert Render.disabled_reason(bpy.context) == "Choose PNG or EXR for a single frame"
    scene.frame_end, settings.export_frames = 20, "SCENE"
    with pytest.raises(RuntimeError, match="holds frames 3 to 9, not 5 to 20: bake again"):
        exported("outside")


def test_where_nothing_can_be_written_the_button_says_so_in_one_sentence(attached, tmp_path, monkeypatch):
    """A full disk showed "A file: None" in the panel, and a file in the way a traceback in the console."""
    from talksplat.blender_addon import running
    from talksplat.core.formats import ply

    def shown(operator):
        with pytest.raises(RuntimeError) as caught:
            operator()
        return str(caught.value).strip()

    (tmp_path / "file").write_text("a")
    settings, bpy.context.scene.frame_end = attached.talksplat, 4
    settings.bake_out, settings.export_out = "//file/a.bake", "//file"
    sentence = f"Error: {tmp_path / 'file'}: this is a file, where a folder is needed; choose another place."
    assert shown(bpy.ops.talksplat.bake) == sentence
    settings.bake_out = "//a.bake"
    bpy.ops.talksplat.bake()
    monkeypatch.setattr(running, "core_python", lambda: None)  # inside Blender
    assert shown(bpy.ops.talksplat.export_sequence).startswith(f"Error: {tmp_path / 'file'}: is a file, where a folder")
    assert running.last.level == "ERROR"

    def cut_short(_gaussians):
        raise OSError("4810 requested and 311 written")  # numpy's error has no number

    settings.export_out = "//ply"
    monkeypatch.setattr(ply, "_stored_rows", cut_short)
    assert shown(bpy.ops.talksplat.export_sequence) == (
        f"Error: {tmp_path / 'ply' / 'tiny.0003.ply'}: 4810 requested and 311 written; check the path and the disk."
    )


def test_export_needs_no_worker(attached, tmp_path, monkeypatch, press):
    from talksplat.blender_addon import running

    bpy.context.scene.frame_end = 4
    bpy.ops.talksplat.bake()
    monkeypatch.setattr(running, "core_python", lambda: None)
    press("export_sequence")
    assert running.now.local_job is not None
    finish()
    assert len(list((tmp_path / "export" / "tiny").glob("*.ply"))) == 2


def test_cameras_follow_keys_and_markers(attached):
    from talksplat.blender_addon.shot.sampling import sample_views

    scene = bpy.context.scene
    for name, x in (("a", 0.0), ("b", 0.5)):
        camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        camera.location, camera.rotation_euler = (x, -1, 0), (np.pi / 2, 0, 0)
        scene.collection.objects.link(camera)
        scene.timeline_markers.new(name, frame=3 if name == "a" else 6).camera = camera
    attached.location.z = 0.0
    attached.keyframe_insert("location", index=2, frame=3)
    attached.location.z = 1.0
    attached.keyframe_insert("location", index=2, frame=5)
    scene.camera = bpy.data.objects["a"]
    scene.frame_set(4)
    cameras, worlds = sample_views(scene, attached, [Fraction(f) for f in (3, 4, 5, 6)])
    centres = np.array([c.centre for c in cameras])
    np.testing.assert_allclose(centres[:, 0], [0, 0, 0, 0.5], atol=1e-6)
    np.testing.assert_allclose(centres[:3, 2], [0, -0.5, -1.0], atol=1e-5)
    np.testing.assert_allclose([np.array(world)[2, 3] for world in worlds], [0, 0.5, 1, 1], atol=1e-5)
    assert scene.frame_current == 4


def test_a_bake_of_another_head_gives_a_sentence(attached, make_head, tmp_path):
    from talksplat.blender_addon import playback

    bpy.context.scene.frame_end = 4
    bpy.ops.talksplat.bake()
    bpy.ops.talksplat.add_head(filepath=str(make_head(tmp_path / "other.head", seed=3)))
    other = bpy.context.object
    other.talksplat.bake = attached.talksplat.bake
    bpy.context.scene.frame_set(4)
    assert "another head" in playback.problem_of(other)


def test_a_job_inside_blender_moves_a_little_at_each_call(blender):
    from talksplat.blender_addon import running

    def local_job():
        yield Started("Counting", 50)
        for done in range(1, 51):
            time.sleep(0.005)
            yield Progress(done, 50, 1.0)
        yield Finished({"sum": 1})

    running.start_local_job("Count", local_job(), lambda result: f"sum {result['sum']}")
    start = time.perf_counter()
    assert running.pump()
    assert 0 < running.now.done < 50, "a call must give the window back"
    assert running.wait(10).sentence == "sum 1"
    assert time.perf_counter() - start > 0.2


def test_the_mouth_rests_while_the_strip_is_muted(attached, shown):
    scene = bpy.context.scene
    scene.frame_set(11)
    speaking = shown(attached).means
    scene.sequence_editor.strips_all["voice"].mute = True
    scene.frame_set(12)
    scene.frame_set(11)
    assert np.abs(shown(attached).means - speaking).max() > 1e-6
    from talksplat.blender_addon.shot.jobs import bake_job

    assert bake_job(scene, attached).controls == Controls(intensity=0.0)


def test_what_has_changed_since_the_bake(attached, place_strip, changes):
    scene, sliders = bpy.context.scene, attached.talksplat.controls
    sliders.keyframe_insert("brows", frame=3)
    sliders.brows = 0.5
    sliders.keyframe_insert("brows", frame=9)
    bpy.ops.talksplat.bake()
    assert changes(scene, attached) == []
    sliders.keyframe_insert("brows", frame=11)
    sliders.brows = 0.1
    sliders.keyframe_insert("brows", frame=12)
    assert changes(scene, attached) == ["the sliders"]
    strip = scene.sequence_editor.strips_all["voice"]
    place_strip(strip, start=4)
    assert "the strip's position" in changes(scene, attached)
    scene.frame_end += 1
    scene.render.fps = 25
    assert changes(scene, attached)[:2] == ["the frame rate", "the frame range"]


def test_a_strip_in_another_scenes_sequencer(shot):
    """Blender 5's sequencer edits a scene of its own choice; the head still speaks by the clock."""
    other = bpy.context.scene
    mine = bpy.data.scenes.new("set")
    mine.collection.objects.link(shot)
    mine.render.fps = 12
    bpy.context.window.scene = mine
    if bpy.app.version >= (5, 0):
        bpy.context.workspace.sequencer_scene = other
    else:
        shot.talksplat.strip_scene = other
    bpy.context.view_layer.objects.active = shot
    bpy.ops.talksplat.attach_strip()
    from talksplat.blender_addon import playback
    from talksplat.blender_addon.scene import strip as strips

    assert shot.talksplat.strip_scene == other
    moment = playback.moment_of(shot, mine, Fraction(10), Controls())
    assert moment.time == Fraction(10, 12) - Fraction(2, 24)
    assert strips.frame_rate(other) == 24


def test_attach_measures_what_blender_skips_of_a_sound_that_starts_late(shot, shared_cases, add_strip):
    strip = add_strip(bpy, shared_cases / "strip" / "late0.7.mp4", start=2)
    shot.talksplat.strip = strip.name
    bpy.ops.talksplat.attach_strip()
    assert shot.talksplat.sound_lag == pytest.approx(0.636, abs=0.01)


@pytest.mark.parametrize("named", ["a private file", "a link to one", "a head"])
def test_a_bake_copies_no_file_that_a_blend_only_calls_a_performance(named, attached, head_path, tmp_path):
    """A .blend from somebody else could name any file of this user, and have it put where others can read it."""
    from talksplat.blender_addon import running

    file = tmp_path / "id_private"
    file.write_text("secret")
    if named == "a link to one":
        (tmp_path / "x.performance").symlink_to(file)
        file = tmp_path / "x.performance"
    settings = attached.talksplat
    settings.performance = str(head_path if named == "a head" else file)
    with pytest.raises(RuntimeError, match=r"Attach"):
        bpy.ops.talksplat.bake()
    assert running.now is None
    assert not list(tmp_path.rglob("tiny_v*")), "nothing is written"
    bpy.ops.talksplat.attach_strip()
    bpy.ops.talksplat.bake()
    finish()


def test_a_channel_of_two_files_is_attached_and_baked_as_it_is_scrubbed(shot, make_wave, tmp_path, shown):
    from talksplat.blender_addon.scene.versions import top_strips

    scene, settings = bpy.context.scene, shot.talksplat
    t = np.arange(16000) / 16000
    answer = make_wave(tmp_path / "answer.wav", 0.3 * np.sign(np.sin(2 * np.pi * 150 * t)) * (np.sin(20 * t) > 0))
    top_strips(scene.sequence_editor).new_sound("answer", str(answer), 1, 60)
    scene.frame_start, scene.frame_end = 45, 75
    settings.listen_to = "CHANNEL"
    bpy.ops.talksplat.attach_strip()
    from talksplat.blender_addon import running

    if running.now:
        finish()
    assert [Path(item.sound).name for item in settings.more_sounds] == ["answer.wav"]
    scrubbed = {}
    for frame in (46, 65, 70):
        scene.frame_set(frame)
        scrubbed[frame] = shown(shot).means
    bpy.ops.talksplat.bake()
    finish()
    for frame, means in scrubbed.items():
        scene.frame_set(frame)
        np.testing.assert_allclose(shown(shot).means, means, atol=1e-5)
    assert np.abs(scrubbed[65] - scrubbed[70]).max() > 1e-5, "the second file is spoken"


def test_a_silent_sound_is_attached_and_said_to_be_silent_also_from_the_cache(shot, make_wave, tmp_path):
    from talksplat.blender_addon import running

    strip = bpy.context.scene.sequence_editor.strips_all["voice"]
    strip.sound.filepath = str(make_wave(tmp_path / "silent.wav", np.zeros(16000)))
    for _ in range(2):
        bpy.ops.talksplat.attach_strip()
        if running.now:
            finish()
        assert "silent" in shot.talksplat.sound_note
        shot.talksplat.sound_note = ""
