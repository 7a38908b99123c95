# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot leaves Blender as a job file that says all that Blender knew of it; a render's files have their tokens."""

import json
from pathlib import Path

import bpy
import pytest

from talksplat.core.jobs.job_file import read_job_file


@pytest.fixture
def shot(talking, tmp_path):
    """A saved shot with a moving camera and a keyed slider."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 3, 8
    camera = bpy.data.objects.new("wide", bpy.data.cameras.new("wide"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    for frame, y in ((3, -1.0), (8, -1.5)):
        camera.location = (0, y, 0)
        camera.keyframe_insert("location", frame=frame)
        talking.talksplat.controls.intensity = -y
        talking.talksplat.controls.keyframe_insert("intensity", frame=frame)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "sh010.blend"))
    return bpy.data.objects["tiny"]


def test_the_job_is_what_bake_and_render_would_do(shot, tmp_path):
    from talksplat.blender_addon.shot.jobs import bake_job
    from talksplat.blender_addon.shot.sampling import sample_views

    scene = bpy.context.scene
    bpy.ops.talksplat.export_jobs(directory=str(tmp_path / "farm"))
    path = tmp_path / "farm" / "sh010_tiny_v001.job.json"
    job, wanted = read_job_file(path), bake_job(scene, shot)
    for name in ("fps", "frame_start", "frame_count", "offset", "controls", "controls_per_frame", "pose_change"):
        assert getattr(job.bake, name) == getattr(wanted, name)
    assert Path(job.bake.head).read_bytes() == Path(wanted.head).read_bytes()
    assert Path(job.bake.audio).read_bytes() == Path(wanted.audio).read_bytes()
    assert (job.render.cameras, job.render.head_to_world) == sample_views(scene, shot, range(3, 9))
    assert str(tmp_path) not in path.read_text(), "nothing of the machine"
    performance = Path(job.bake.out).with_suffix(".performance")
    assert performance.is_file(), "what the head has heard already is not listened to again"


def test_a_changed_shot_is_the_next_version_and_the_same_one_is_the_same(shot, tmp_path):
    def export():
        bpy.ops.talksplat.export_jobs(directory=str(tmp_path))
        return sorted(path.name for path in tmp_path.glob("*.job.json"))

    assert export() == export() == ["sh010_tiny_v001.job.json"]
    before = (tmp_path / "sh010_tiny_v001.job.json").read_bytes()
    shot.talksplat.controls.brows = 0.5
    assert export() == export() == ["sh010_tiny_v001.job.json", "sh010_tiny_v002.job.json"]
    assert (tmp_path / "sh010_tiny_v001.job.json").read_bytes() == before
    assert json.loads((tmp_path / "sh010_tiny_v002.job.json").read_text())["render"]["out"] == "sh010_tiny_v002"
    shot.talksplat.render_name = "{head}_{camera}_v###.####"
    assert len(export()) == 3
    assert read_job_file(tmp_path / "sh010_tiny_v003.job.json").render.name == "tiny_wide_v003.####"


def test_a_studios_script_asks_without_a_window(shot, tmp_path, capsys):
    """`blender -b shot.blend --command talksplat export-jobs FOLDER`."""
    from talksplat.blender_addon.command_line import execute

    assert execute(["export-jobs", str(tmp_path / "farm")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "farm" / "sh010_tiny_v001.job.json")]
    assert execute(["export-jobs", str(tmp_path), "--head", "bob"]) == 1
    assert "tiny" in capsys.readouterr().err, "the heads that are there"
    assert execute([]) == 2
    shot.talksplat.performance = ""
    assert execute(["export-jobs", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) > 0


def test_what_cannot_be_exported_is_said(shot, tmp_path):
    from talksplat.blender_addon.operators.export_jobs import TALKSPLAT_OT_export_jobs

    bpy.context.scene.camera = None
    assert not bpy.ops.talksplat.export_jobs.poll()
    shot.talksplat.view = "HEAD"
    assert bpy.ops.talksplat.export_jobs.poll()
    shot.talksplat.head = "//gone.head"
    assert "Relink" in TALKSPLAT_OT_export_jobs.disabled_reason(bpy.context), "as Bake says it"


def test_f12_has_its_pictures_in_front_of_the_versions(shot):
    """They are made anew with each render, and no version of what leaves."""
    from talksplat.blender_addon.f12.pictures import _names
    from talksplat.blender_addon.f12.placements import Placement

    shot.talksplat.render_out = "//{shot}/{head}/v###/exr/"
    assert _names(Placement(shot, None, 0))[0] == "//sh010/tiny/f12/tiny.0001.exr"


def test_the_tokens_of_a_render_and_of_a_bake(shot, tmp_path):
    from talksplat.blender_addon.shot.output_paths import output_path, token_values
    from talksplat.core.formats import UserError

    layer = bpy.context.view_layer.name
    template = "//{shot}/{scene}/{camera}/{view_layer}/{head}_{version}"
    assert output_path(template, shot) == str(tmp_path / "sh010" / "Scene" / "wide" / layer / "tiny_v###")
    assert token_values(shot)["camera"] == "wide"
    with pytest.raises(UserError, match="view_layer"):
        output_path("//{layer}/", shot)
