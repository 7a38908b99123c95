# SPDX-License-Identifier: GPL-3.0-or-later
"""Add to Compositor: the rendered sequence over the scene's own render, or in it by depth; no other node changes."""

import os
import subprocess
import sys

import bpy
import numpy as np
import pytest

from .test_f12 import FRONT, SIDE, _add_cube, over, press_f12

FIRST, LAST = 2, 4


@pytest.fixture
def stage(talking, tmp_path):
    """A baked and rendered head between a cube before it and a wall behind it."""
    scene = bpy.context.scene
    if not hasattr(scene, "cycles"):
        pytest.skip("this Blender has no Cycles")
    scene.frame_start, scene.frame_end = FIRST, LAST
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.talksplat.bake()
    _add_cube("front", FRONT, (0, -0.3, 0), 0.03)
    _add_cube("behind", (0.5, 0.1, 0.1), (0.1, 0.3, 0), 0.2)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = (0, -0.6, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera, render = camera, scene.render
    render.engine, render.film_transparent = "CYCLES", True
    render.resolution_x, render.resolution_y, render.resolution_percentage = SIDE, SIDE, 100
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    talking.hide_render = True
    bpy.context.view_layer.objects.active = talking
    settings = talking.talksplat
    settings.view, settings.movie, settings.png, settings.full_float = "SCENE", False, False, True
    settings.render_out, settings.passes.matte_mouth = str(tmp_path / "comp"), True
    bpy.ops.talksplat.render_sequence()
    return talking


def node_of(scene):
    from talksplat.blender_addon.compositing.scene_compositor import inserted_groups
    from talksplat.blender_addon.compositing.sequence_over import PURPOSE

    (node,) = inserted_groups(scene, PURPOSE)
    return node


def layers_of(stage, frame):
    """The head's colour and depth as files have them, by OpenEXR in the worker's Python."""
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.running import core_python

    first = open_files.absolute(stage.talksplat.rendered)
    path = first.replace(f"{FIRST:04d}.exr", f"{frame:04d}.exr")
    script = (
        "import sys, numpy as np, OpenEXR\n"
        "with OpenEXR.File(sys.argv[1], separate_channels=True) as f:\n"
        "    c = {n: x.pixels for p in f.parts for n, x in p.channels.items()}\n"
        "np.save(sys.argv[2], np.stack([c['ViewLayer.Combined.' + l] for l in 'RGBA'] + [c['ViewLayer.Depth.Z']], -1))"
    )
    out = f"{path}.npy"
    subprocess.run([str(core_python() or sys.executable), "-c", script, path, out], check=True, timeout=120)
    pixels = np.load(out).astype(np.float32)
    return pixels[..., :4], pixels[..., 4]


def test_an_empty_compositor_shows_it_by_depth_or_over_everything(stage, tmp_path):
    scene = bpy.context.scene
    scene.frame_set(3)
    without = press_f12(tmp_path / "before")
    assert bpy.ops.talksplat.add_to_compositor() == {"FINISHED"}
    node, (head, _) = node_of(scene), layers_of(stage, 3)
    by_depth = press_f12(tmp_path / "depth")
    cube = without[..., 1] > 0.55
    assert cube.sum() > 4
    np.testing.assert_allclose(by_depth[cube], over(without, head)[cube], atol=2e-3)
    rest = ~cube
    np.testing.assert_allclose(by_depth[rest], over(head, without)[rest], atol=2e-3)
    node.inputs["By Depth"].default_value = 0
    np.testing.assert_allclose(press_f12(tmp_path / "over"), over(head, without), atol=2e-3)
    assert "MatteMouth" in node.outputs


def test_beyond_its_frames_it_is_not_lost(stage, tmp_path):
    scene = bpy.context.scene
    bpy.ops.talksplat.add_to_compositor()
    node = node_of(scene)
    for frame in (FIRST - 1, LAST + 3):
        scene.frame_set(frame)
        press_f12(tmp_path / "beyond")
    assert "MatteMouth" in node.outputs
    assert node.outputs["Image"].links
    scene.frame_set(LAST)
    head, _ = layers_of(stage, LAST)
    node.inputs["By Depth"].default_value = 0
    shown = press_f12(tmp_path / "last")
    inside = head[..., 3] > 0.99
    np.testing.assert_allclose(shown[inside], head[inside], atol=2e-2)


def test_an_artists_nodes_stay_as_they_are(stage):
    from talksplat.blender_addon.compositing.scene_compositor import MARK, compositor_of, new_compositor

    scene = bpy.context.scene
    tree = new_compositor(scene)
    del tree[MARK]  # an artist's own
    blur = tree.nodes.new("CompositorNodeBlur")
    links = {(link.from_node.name, link.to_node.name) for link in tree.links}
    nodes = {node.name: tuple(node.location) for node in tree.nodes}
    bpy.ops.talksplat.add_to_compositor()
    node = node_of(scene)
    assert {(link.from_node.name, link.to_node.name) for link in compositor_of(scene).links} == links
    assert {name: tuple(tree.nodes[name].location) for name in nodes} == nodes
    assert node.parent is not None
    tree.links.new(node.outputs["Image"], blur.inputs["Image"])
    node.inputs["By Depth"].default_value = 0.25
    stage.talksplat.render_name = "again"
    bpy.ops.talksplat.render_sequence()
    bpy.ops.talksplat.add_to_compositor()
    assert node_of(scene) == node, "a newer sequence takes its place"
    assert blur.inputs["Image"].links[0].from_node == node
    assert node.inputs["By Depth"].default_value == 0.25
    (image,) = [inner.image for inner in node.node_tree.nodes if inner.type == "IMAGE"]
    assert "again" in image.filepath


def test_what_cannot_be_shown_is_told(stage):
    from talksplat.blender_addon import open_files
    from talksplat.blender_addon.operators.add_to_compositor import TALKSPLAT_OT_add_to_compositor as Add

    assert not Add.disabled_reason(bpy.context)
    path = open_files.absolute(stage.talksplat.rendered)
    os.rename(path.replace(f"{FIRST:04d}.exr", "0003.exr"), path + ".away")
    with pytest.raises(RuntimeError, match="frame 3 is missing"):
        bpy.ops.talksplat.add_to_compositor()
    os.rename(path, path + ".gone")
    assert "is not there" in Add.disabled_reason(bpy.context)
    stage.talksplat.rendered = ""
    assert "Render the sequence first" in Add.disabled_reason(bpy.context)
