# SPDX-License-Identifier: GPL-3.0-or-later
"""A .blend that 0.1.0 wrote opens with its settings, its keys, its head and its bake."""

import shutil
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats import BakeReader

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "v0_1_0"


@pytest.fixture
def old(blender, tmp_path):
    """The head of 0.1.0's shot, opened in a folder of its own."""
    for name in ("shot.blend", "tiny.head", "tiny.bake", "tiny.performance", "voice.wav"):
        shutil.copy(FOLDER / name, tmp_path / name)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    return bpy.data.objects["tiny"]


def test_settings_are_carried_over(old):
    settings = old.talksplat
    assert settings.render_out == "//comp/{head}/"
    assert settings.bake_out == "//bake/{head}_{version}.bake"
    assert settings.export_out == "//ply/{head}/", "0.1.0's default: the artist's files stay where they were"
    assert (settings.size, settings.exr_layout, settings.space, settings.view) == (
        300,
        "nuke",
        "lin_rec709_scene",
        "SCENE",
    )
    assert settings.controls.brows == pytest.approx(0.3)
    assert settings.passes.names() == ("beauty", "depth", "depth_median")
    assert (settings.strip, Path(bpy.path.abspath(settings.sound)).name) == ("voice", "voice.wav")


def test_the_keyed_slider_moves(old):
    for frame, intensity in ((1, 1.2), (20, 0.5)):
        bpy.context.scene.frame_set(frame)
        assert old.talksplat.controls.intensity == pytest.approx(intensity)


def test_the_head_is_there_and_its_bake_plays(old, shown, tmp_path):
    from talksplat.blender_addon import playback

    assert playback.problem_of(old) == ""
    with BakeReader.open(tmp_path / "tiny.bake") as bake:
        assert len(old.data.points) == len(bake.canonical)
        for frame in (1, 9, 29):
            bpy.context.scene.frame_set(frame)
            for ours, baked in zip(shown(old), bake.frame(frame)):
                np.testing.assert_allclose(ours, baked, atol=1e-5)


def test_only_what_has_changed_is_named(old, changes):
    scene = bpy.context.scene
    assert changes(scene, old) == ["the sliders"], "they were keyed after the bake"
    old.animation_data_clear()
    old.talksplat.controls.intensity = 1.2
    assert changes(scene, old) == []


def test_saved_again_the_new_settings_win(old, tmp_path):
    old.talksplat.render_out, old.talksplat.bake_out = "//elsewhere/", "//{head}.bake"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    settings = bpy.data.objects["tiny"].talksplat
    assert (settings.render_out, settings.bake_out) == ("//elsewhere/", "//{head}.bake")


def test_a_bake_of_0_1_0_is_of_the_same_shot(old, tmp_path):
    """Its controls are the same where only a control that 0.1.0 did not have is at its default."""
    from talksplat.blender_addon.shot.bake_plan import plan_bake
    from talksplat.core.jobs import Bake
    from talksplat.core.performance import Controls

    (tmp_path / "bake").mkdir()
    shutil.copy(FOLDER / "tiny.bake", tmp_path / "bake" / "tiny_v004.bake")
    head, sound = str(tmp_path / "tiny.head"), str(tmp_path / "voice.wav")
    job = Bake(head, sound, "", "24/1", 1, 29, 0.0, Controls(intensity=1.2, brows=0.3))
    assert Path(plan_bake(job, old).job.out).name == "tiny_v004.bake"
    for other in ({"frame_count": 30}, {"offset": 0.5}, {"controls": Controls()}, {"fps": "25"}):
        assert Path(plan_bake(Bake(**{**vars(job), **other}), old).job.out).name == "tiny_v005.bake"
    old.talksplat.bake_out = "//bake/{head}_{take}.bake"
    assert Path(plan_bake(job, old).job.out).name == "tiny_v004.bake", "0.1.0's word for it"


def test_unfinished_and_foreign_files_among_the_versions(old, tmp_path):
    from talksplat.blender_addon.shot.bake_plan import plan_bake
    from talksplat.core.formats import BakeWriter
    from talksplat.core.jobs import Bake, existing_versions
    from talksplat.core.performance import Controls

    folder = tmp_path / "bake"
    folder.mkdir()
    with BakeReader.open(FOLDER / "tiny.bake") as bake:
        BakeWriter.open(folder / "tiny_v009.bake", bake.card, bake.canonical, bake.branch).close()
    for name in ("tiny_v09.bake", "tiny_vx.bake", "tiny_0a1b2c3d.bake", "tiny_v010.performance"):
        (folder / name).write_bytes(b"no bake")
    job = Bake(
        str(tmp_path / "tiny.head"),
        str(tmp_path / "voice.wav"),
        "",
        frame_count=29,
        controls=Controls(intensity=1.2, brows=0.3),
    )
    assert Fraction(job.fps) == 24
    assert list(existing_versions(str(folder / "tiny_{version}.bake"))) == [9]
    assert Path(plan_bake(job, old).job.out).name == "tiny_v009.bake", "without a frame: continued"
    (folder / "tiny_v1000.bake").write_bytes(b"no bake")
    assert Path(plan_bake(job, old).job.out).name == "tiny_v1001.bake"
