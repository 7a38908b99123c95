# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy mesh of a head: it speaks with the head, is set up for its use, and a saved file moves it without the
add-on."""

import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance.mesh_carrier import MeshCarrier

PLAY = Path(__file__).with_name("play_proxy_without_add_on.py")
BLENDERS = [sys.executable, *filter(None, os.environ.get("TALKSPLAT_BLENDERS", "").split(os.pathsep))]
FRAMES = (1, 8, 20)


def vertices_of(mesh):
    array = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", array)
    return array.reshape(-1, 3)


def evaluated(proxy):
    return vertices_of(proxy.evaluated_get(bpy.context.evaluated_depsgraph_get()).data)


@pytest.fixture
def worker(monkeypatch):
    """Jobs are done at once, in this process, by a mesh that needs no picture."""
    from talksplat.blender_addon import running
    from talksplat.core.formats import QuadMesh, write_quad_mesh

    def start_job(label, job, on_finished):
        head = read_head(job.head)
        corners = head.gaussians("face").means[:100]
        quads = np.arange(100, dtype=np.int32).reshape(-1, 4)
        write_quad_mesh(job.out, QuadMesh(corners, quads))
        on_finished({"mesh": job.out, "vertices": 100, "faces": 25})

    monkeypatch.setattr(running, "start_job", start_job)
    monkeypatch.setattr(running, "no_worker_reason", lambda: "")


@pytest.fixture
def proxied(talking, worker, make, tmp_path):
    """A head with a rig that speaks, and its proxy mesh."""
    from talksplat.blender_addon import playback

    path = tmp_path / "rigged.head"
    write_head(path, make.rigged(read_head(talking.talksplat.head)))
    talking.talksplat.head = str(path)
    bpy.context.scene.frame_end = 30
    playback.forget_frames()
    playback.refresh(bpy.context.scene)
    bpy.ops.talksplat.add_proxy_mesh()
    return talking


def expected(obj, shown):
    """Where the Gaussians that carry each vertex take it, by the pose that is nearest to what the head shows."""
    from talksplat.blender_addon import open_files

    head = open_files.head(bpy.path.abspath(obj.talksplat.head))
    rest = head.rig.frame()
    proxy = obj.talksplat.proxy
    mesh = vertices_of(proxy.data)
    frame = head.rig.posed(head.rig.pose_in(shown(obj)))
    return mesh + MeshCarrier(head.file, rest, mesh).moves(frame)


def test_it_speaks_with_the_head(proxied, shown):
    proxy, seen = proxied.talksplat.proxy, []
    assert proxy.parent == proxied
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        seen.append(evaluated(proxy))
        np.testing.assert_allclose(seen[-1], expected(proxied, shown), atol=1e-5)
    assert np.abs(seen[0] - seen[1]).max() > 1e-4


def test_one_side_of_the_mouth_moves_one_side_of_the_mesh(blender, worker):
    bpy.ops.talksplat.add_sample_head()
    head = bpy.context.object
    bpy.ops.talksplat.sample_voice()
    bpy.ops.talksplat.add_proxy_mesh()
    keys = head.talksplat.proxy.data.shape_keys.key_blocks
    bpy.context.scene.frame_set(20)
    assert keys["Lips Apart Side"].value == 0.0
    head.talksplat.controls.mouth_side = 1.0
    assert keys["Lips Apart Side"].value == pytest.approx(0.4 * keys["Lips Apart"].value, rel=0.02)
    assert keys["Lips Apart"].value > 0.1


def test_its_shape_keys_are_the_channels(proxied):
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.scene.pose_channels import label_of

    rig = open_files.head(proxied.talksplat.head).rig
    keys = proxied.talksplat.proxy.data.shape_keys.key_blocks
    assert [key.name for key in keys] == ["Basis", *map(label_of, rig.channels)]
    head, rest = open_files.head(proxied.talksplat.head), vertices_of(proxied.talksplat.proxy.data)
    carrier = MeshCarrier(head.file, rig.frame(), rest)
    for index, key in enumerate(keys[1:]):
        pose = np.zeros(len(rig.channels), np.float32)
        pose[index] = 1.0
        at_one = np.empty(rest.size, np.float32)
        key.data.foreach_get("co", at_one)
        moved = (at_one.reshape(-1, 3) - rest) / 10.0  # a value of 1 is 10 mm
        np.testing.assert_allclose(moved, carrier.moves(rig.posed(pose)), atol=1e-5)


def test_each_use_sets_the_object_up(proxied):
    proxy, settings = proxied.talksplat.proxy, proxied.talksplat
    assert not proxy.visible_camera
    assert proxy.visible_shadow
    assert proxy.display_type == "BOUNDS"
    settings.proxy_use = "HOLDOUT"
    assert proxy.visible_camera
    assert proxy.is_holdout
    settings.proxy_use = "CATCHER"
    assert (proxy.is_shadow_catcher, proxy.is_holdout) == (True, False)
    settings.proxy_use = "GUIDE"
    assert proxy.hide_render
    assert proxy.display_type == "WIRE"  # what is snapped to is seen
    settings.proxy_use = "SHADOW"
    assert not (proxy.hide_render)
    assert not (proxy.is_shadow_catcher)
    assert not (proxy.visible_camera)


def test_the_selected_proxy_means_its_head_and_a_copy_of_the_head_has_none(proxied):
    from talksplat.blender_addon.head_objects import head_of
    from talksplat.blender_addon.proxy.proxy_mesh import proxy_of

    bpy.ops.talksplat.add_head(filepath=proxied.talksplat.head)  # two heads: the active object decides
    bpy.context.view_layer.objects.active = proxied.talksplat.proxy
    assert head_of(bpy.context) == proxied
    twin = proxied.copy()
    bpy.context.scene.collection.objects.link(twin)
    assert proxy_of(twin) is None


def test_added_again_it_is_replaced_and_removed_it_is_gone(proxied):
    bpy.ops.talksplat.add_proxy_mesh()
    assert len(proxied.children) == len(bpy.data.meshes) == 1
    bpy.ops.talksplat.remove_proxy_mesh()
    assert not proxied.children
    assert not bpy.data.meshes
    bpy.context.scene.frame_set(8)


def test_without_a_rig_the_button_says_what_to_press(talking, worker):
    from talksplat.blender_addon.operators.add_proxy_mesh import TALKSPLAT_OT_add_proxy_mesh

    assert "Make Rig" in TALKSPLAT_OT_add_proxy_mesh.disabled_reason(bpy.context)


def test_a_mesh_of_another_rig_stands_still(proxied):
    proxy = proxied.talksplat.proxy
    proxy.data.shape_keys.key_blocks[1].name = "Something"
    before = evaluated(proxy)
    bpy.context.scene.frame_set(20)
    np.testing.assert_array_equal(evaluated(proxy), before)


@pytest.mark.parametrize("python", BLENDERS, ids=lambda path: Path(path).parts[-3])
def test_a_saved_file_moves_it_without_the_add_on(proxied, tmp_path, python):
    """By drivers that need no trusted scripts; they are in the file alone, and with the add-on nothing moves twice."""
    if bpy.app.binary_path:
        pytest.skip("Blender's application is no Python to start")
    bpy.ops.talksplat.bake_keyframes(tolerance=0.0)
    proxy, seen = proxied.talksplat.proxy, {}
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        seen[frame] = evaluated(proxy)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "proxied.blend"))
    assert proxy.data.shape_keys.animation_data is None or not proxy.data.shape_keys.animation_data.drivers
    command = [python, str(PLAY), str(tmp_path / "proxied.blend"), str(tmp_path / "played.npz"), *map(str, FRAMES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    played = np.load(tmp_path / "played.npz")
    for frame in FRAMES:
        np.testing.assert_allclose(played[str(frame)], seen[frame], atol=1e-5)
    assert np.abs(seen[1] - seen[8]).max() > 1e-4
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "proxied.blend"))
    proxy = next(obj for obj in bpy.data.objects if obj.type == "MESH")
    bpy.context.scene.frame_set(8)
    np.testing.assert_allclose(evaluated(proxy), seen[8], atol=1e-5)


@pytest.mark.slow
def test_the_sample_head_gets_one_from_the_worker(blender, monkeypatch):
    """The whole way, but for the process in between."""
    pytest.importorskip("numba")
    from talksplat.blender_addon import running

    def start_job(label, job, on_finished):
        *_, last = run_job(job)
        on_finished(last.result)

    monkeypatch.setattr(running, "start_job", start_job)
    monkeypatch.setattr(running, "no_worker_reason", lambda: "")
    bpy.ops.talksplat.add_sample_head()
    obj = next(obj for obj in bpy.data.objects if obj.type == "POINTCLOUD")
    bpy.ops.talksplat.add_proxy_mesh()
    assert 2000 < len(obj.talksplat.proxy.data.vertices) < 10000
