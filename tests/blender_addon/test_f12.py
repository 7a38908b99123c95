# SPDX-License-Identifier: GPL-3.0-or-later
"""F12 below Blender 5.3: our pictures of the heads in Blender's own render, by depth, without a click a frame."""

import shutil
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Euler

SIDE = 48
FRONT, BEHIND = (0.1, 0.6, 0.2), (0.5, 0.1, 0.1)  # scene-linear colours of the two cubes
INSIDE = (slice(21, 27), slice(21, 26))  # rows and columns that the cube in front covers wholly


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
def stage(talking, worker, tmp_path, monkeypatch):
    """A baked head of frames 1 to 3 with a cube before and a wall behind it, through a camera that moves."""
    from talksplat.blender_addon import running
    from talksplat.blender_addon.f12 import handlers as f12_handlers
    from talksplat.blender_addon.scene.versions import draws_splats

    if draws_splats():
        pytest.skip("Blender draws splats itself since 5.3")
    for module in (running, f12_handlers):
        monkeypatch.setattr(module, "_worker", worker)
    monkeypatch.setattr(worker, "stop", lambda: None)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 3
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.talksplat.bake()
    _add_cube("front", FRONT, (0, -0.3, 0), 0.03)
    _add_cube("behind", BEHIND, (0.1, 0.3, 0), 0.2)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = (0, -0.6, 0), Euler((np.pi / 2, 0, 0))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.keyframe_insert("location", frame=1)
    camera.location.x = 0.004
    camera.keyframe_insert("location", frame=3)
    render = scene.render
    render.engine, render.film_transparent = "CYCLES", True
    render.resolution_x, render.resolution_y = 2 * SIDE, 2 * SIDE
    render.resolution_percentage = 50
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    return talking


def _add_cube(name, colour, place, size):
    bpy.ops.mesh.primitive_cube_add(size=size, location=place)
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    emission.inputs[0].default_value = (*colour, 1)
    tree.links.new(emission.outputs[0], output.inputs[0])
    bpy.context.object.data.materials.append(material)
    bpy.context.object.name = name


def pixels_of(path):
    """[H,W,4] scene-linear, premultiplied."""
    image = bpy.data.images.load(str(path))
    array = np.array(image.pixels, np.float32).reshape(image.size[1], image.size[0], 4)[::-1]
    bpy.data.images.remove(image)
    return array


def press_f12(folder, frames=None):
    """What Blender renders: [H,W,4] of each frame."""
    scene, settings = bpy.context.scene, bpy.context.scene.render.image_settings
    if "media_type" in settings.bl_rna.properties:
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    scene.render.filepath = f"{folder}/"
    if frames is None:
        scene.render.filepath = f"{folder}/{scene.frame_current:04d}"
        bpy.ops.render.render(write_still=True)
        return pixels_of(f"{scene.render.filepath}.exr")
    bpy.ops.render.render(animation=True)
    return [pixels_of(Path(folder) / f"{frame:04d}.exr") for frame in frames]


def picture(folder, frame):
    """Ours of the frame, and its depth: as files, by another reader than the compositor."""
    f12 = folder / "render" / "tiny" / "f12"
    return pixels_of(f12 / f"tiny.{frame:04d}.exr"), pixels_of(f12 / f"tiny.depth.{frame:04d}.exr")[..., 0]


def over(front, back):
    return front + (1 - front[..., 3:]) * back


def test_f12_shows_the_head_between_what_is_before_and_behind_it(stage, tmp_path):
    """It showed nothing of a head."""
    scene = bpy.context.scene
    without = press_f12(tmp_path / "before", [1, 2, 3])
    bpy.ops.talksplat.show_in_f12()
    shown = press_f12(tmp_path / "after", [1, 2, 3])
    for frame, render, result in zip((1, 2, 3), without, shown):
        head, _ = picture(tmp_path, frame)
        is_cube = np.abs(render[..., :3] - FRONT).max(-1) < 1e-3
        expected = np.where(is_cube[..., None], over(render, head), over(head, render))
        assert is_cube[INSIDE].all()
        assert head[..., 3].max() > 0.9
        np.testing.assert_allclose(result, expected, atol=2e-3)
    assert np.abs(shown[0] - shown[2]).max() > 0.05, "each frame has its own picture"
    assert scene.frame_current == 1


def links_of(tree):
    """Every link as it can be compared: node and socket on both sides, and whether it is muted."""
    return {
        (link.from_node.name, link.from_socket.name, link.to_node.name, link.to_socket.identifier, link.is_muted)
        for link in tree.links
    }


@pytest.fixture
def artists_tree(stage):
    """A compositor of the artist's own: a blurred picture and its depth go their ways; one link is muted."""
    from talksplat.blender_addon.compositing import scene_compositor

    scene = bpy.context.scene
    scene.view_layers[0].use_pass_z = True
    tree = scene_compositor.new_compositor(scene)
    del tree[scene_compositor.MARK]
    layer = next(node for node in tree.nodes if node.type == "R_LAYERS")
    output = next(node for node in tree.nodes if node.type in ("GROUP_OUTPUT", "COMPOSITE"))
    blur, normalize = tree.nodes.new("CompositorNodeBlur"), tree.nodes.new("CompositorNodeNormalize")
    tree.links.new(layer.outputs["Image"], blur.inputs[0])
    tree.links.new(layer.outputs["Depth"], normalize.inputs[0]).is_muted = True
    tree.links.new(blur.outputs[0], output.inputs[0])
    return tree


def test_the_artists_compositor_keeps_its_links_while_heads_are_in_it_and_after(artists_tree):
    """The group stands behind Render Layers: what blurs the render blurs the head; the same button takes it out."""
    from talksplat.blender_addon.f12 import pictures as f12_pictures

    scene, before, nodes = bpy.context.scene, links_of(artists_tree), len(artists_tree.nodes)
    assert bpy.ops.talksplat.show_in_f12() == {"FINISHED"}
    assert len(artists_tree.nodes) == nodes + 1
    fed = {(name, target) for name, _, target, _, _ in links_of(artists_tree) if target in ("Blur", "Normalize")}
    assert {name for name, _ in fed} == {"Group"}
    assert not bpy.ops.talksplat.show_in_f12.poll()
    bpy.data.objects["tiny"].talksplat.render_out = "//elsewhere/"
    assert not f12_pictures.is_current(scene), "the panel offers an update"
    bpy.ops.talksplat.show_in_f12()
    assert f12_pictures.is_current(scene)
    assert len(artists_tree.nodes) == nodes + 1
    bpy.ops.talksplat.remove_from_f12()
    assert links_of(artists_tree) == before
    assert len(artists_tree.nodes) == nodes
    assert not [group for group in bpy.data.node_groups if group.get("talksplat")]
    assert not [image for image in bpy.data.images if image.source == "SEQUENCE"]


def test_a_scene_without_a_compositor_has_none_when_the_heads_are_removed(stage):
    from talksplat.blender_addon.compositing.scene_compositor import compositor_of

    scene = bpy.context.scene
    scene.view_layers[0].use_pass_z = False
    bpy.ops.talksplat.show_in_f12()
    assert scene.view_layers[0].use_pass_z
    bpy.ops.talksplat.remove_from_f12()
    assert compositor_of(scene) is None
    assert not scene.view_layers[0].use_pass_z


def test_what_has_changed_since_is_rendered_again_and_seen(stage, tmp_path):
    """Blender keeps pictures that it has read: a second F12 showed the camera of the first."""
    scene = bpy.context.scene
    bpy.ops.talksplat.show_in_f12()
    first = press_f12(tmp_path)
    scene.camera.data.shift_x = 0.1
    scene.render.resolution_percentage = 75
    second = press_f12(tmp_path)
    head, _ = picture(tmp_path, 1)
    assert second.shape == head.shape != first.shape
    bpy.data.objects["front"].hide_render = bpy.data.objects["behind"].hide_render = True
    np.testing.assert_allclose(press_f12(tmp_path), head, atol=2e-3)


@pytest.mark.parametrize("is_cropped", [True, False])
def test_a_render_region_shows_the_head_in_it_alone(stage, tmp_path, is_cropped):
    scene = bpy.context.scene
    bpy.ops.talksplat.show_in_f12()
    whole = press_f12(tmp_path)
    render = scene.render
    render.use_border, render.use_crop_to_border = True, is_cropped
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = 0.26, 0.71, 0.4, 0.93
    region = press_f12(tmp_path)
    left, right, bottom, top = (int(share * SIDE) for share in (0.26, 0.71, 0.4, 0.93))
    inside = (slice(SIDE - top, SIDE - bottom), slice(left, right))
    if is_cropped:
        np.testing.assert_allclose(region, whole[inside], atol=2e-2)
    else:
        np.testing.assert_allclose(region[inside], whole[inside], atol=2e-2)
        region[inside] = 0
        assert not region.any()


def test_a_head_that_is_hidden_or_beyond_its_bake_is_not_in_f12(stage, tmp_path):
    scene = bpy.context.scene
    without = press_f12(tmp_path)
    bpy.ops.talksplat.show_in_f12()
    assert np.abs(press_f12(tmp_path) - without).max() > 0.1
    stage.hide_render = True
    np.testing.assert_allclose(press_f12(tmp_path), without, atol=1e-6)
    stage.hide_render = False
    scene.frame_set(9)
    beyond = press_f12(tmp_path)
    bpy.ops.talksplat.remove_from_f12()
    np.testing.assert_allclose(beyond, press_f12(tmp_path), atol=1e-6)


def test_what_f12_could_not_show_stands_below_its_button(stage, tmp_path):
    from talksplat.blender_addon import running

    bpy.ops.talksplat.show_in_f12()
    stage.talksplat.bake = ""
    press_f12(tmp_path)
    assert running.last.label == "Show in F12"
    assert "has no bake" in running.last.sentence


def test_an_animation_says_once_what_every_frame_lacks(stage, tmp_path, monkeypatch, capfd):
    """It said the same sentence for each frame, and the render goes on."""
    from talksplat.blender_addon import running

    without = press_f12(tmp_path / "before", [1, 2, 3])
    bpy.ops.talksplat.show_in_f12()
    monkeypatch.setattr(running, "core_python", lambda: None)
    capfd.readouterr()
    for shown, expected in zip(press_f12(tmp_path / "after", [1, 2, 3]), without):
        np.testing.assert_allclose(shown, expected, atol=1e-6)
    assert capfd.readouterr().out.count("Show in F12: ") == 1
    assert running.last.sentence.startswith("Frame 1: The worker has no Python")


def test_a_worker_that_is_killed_ends_the_wait_in_one_sentence(stage, worker, tmp_path, monkeypatch):
    from talksplat.blender_addon import running

    bpy.ops.talksplat.show_in_f12()
    poll = worker.poll

    def kill_and_poll():
        if worker.pid:
            worker._process.kill()
        return poll()

    monkeypatch.setattr(worker, "poll", kill_and_poll)
    press_f12(tmp_path)
    assert running.last.sentence.startswith("Frame 1: The worker ")
    assert str(worker.log) in running.last.sentence


def test_pictures_that_were_deleted_come_back_and_a_folder_that_cannot_be_made_is_named(stage, tmp_path):
    """Blender keeps pictures that it has read, and a render in which they are missing goes on."""
    from talksplat.blender_addon import running

    without = press_f12(tmp_path)
    bpy.ops.talksplat.show_in_f12()
    first = press_f12(tmp_path)
    shutil.rmtree(tmp_path / "render")
    np.testing.assert_allclose(press_f12(tmp_path), first, atol=1e-6)
    shutil.rmtree(tmp_path / "render")
    (tmp_path / "render").write_text("a file in the folder's place")
    np.testing.assert_allclose(press_f12(tmp_path), without, atol=1e-6)
    assert str(tmp_path / "render") in running.last.sentence
    assert "\n" not in running.last.sentence


def test_two_heads_stand_in_the_order_of_their_depth(stage, head_path, tmp_path):
    """Two pictures, and each view layer its own heads."""
    scene = bpy.context.scene
    for name in ("front", "behind"):
        bpy.data.objects[name].hide_render = True
    second = stage.copy()
    second.data = stage.data.copy()
    scene.collection.objects.link(second)
    second.name, second.location.y = "second", 0.3
    bpy.ops.talksplat.show_in_f12()
    near_first = press_f12(tmp_path)
    near = picture(tmp_path, 1)[0]
    far = pixels_of(tmp_path / "render" / "second" / "f12" / "second.0001.exr")
    np.testing.assert_allclose(near_first, over(near, far), atol=4e-3)


PLACES = [  # of two heads: location, turn around the vertical, scale
    ((0.07, 0.05, 0.01), 0.5, 0.7),
    ((-0.06, -0.1, -0.02), -0.3, 0.9),
]


def stand(obj, place):
    obj.location, turn, size = place
    obj.rotation_euler, obj.scale = (0, 0, turn), (size, size, size)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def leave_to_instances(head):
    """A collection with the head, in no scene."""
    collection = bpy.data.collections.new("cast")
    collection.objects.link(head)
    bpy.context.scene.collection.objects.unlink(head)
    return collection


def test_f12_shows_instanced_heads_where_linked_duplicates_would_stand(stage, tmp_path):
    """Instances were left out."""
    empty = press_f12(tmp_path)
    collection = leave_to_instances(stage)
    copies = [stand(stage.copy(), place) for place in PLACES]
    bpy.ops.talksplat.show_in_f12()
    expected = press_f12(tmp_path)
    for copy in copies:
        bpy.data.objects.remove(copy)
    instancers = [stand(bpy.data.objects.new("place", None), place) for place in PLACES]
    for instancer in instancers:
        instancer.instance_type, instancer.instance_collection = "COLLECTION", collection
    assert bpy.ops.talksplat.show_in_f12.poll(), "the panel offers an update"
    bpy.ops.talksplat.show_in_f12()
    assert not bpy.ops.talksplat.show_in_f12.poll()
    np.testing.assert_allclose(press_f12(tmp_path), expected, atol=2e-3)
    instancers[0].hide_render = instancers[1].hide_render = True
    np.testing.assert_allclose(press_f12(tmp_path), empty, atol=1e-6)
    assert np.abs(expected - empty).max() > 0.3


def test_heads_that_geometry_nodes_place_are_in_f12(stage, tmp_path):
    """One instancer, a head at each vertex; each is where the viewport draws it."""
    leave_to_instances(stage)
    copies = [stand(stage.copy(), (place, 0, 1)) for place, _, _ in PLACES]
    bpy.ops.talksplat.show_in_f12()
    expected = press_f12(tmp_path)
    for copy in copies:
        bpy.data.objects.remove(copy)
    mesh = bpy.data.meshes.new("crowd")
    mesh.from_pydata([place for place, _, _ in PLACES], [], [])
    crowd = bpy.data.objects.new("crowd", mesh)
    bpy.context.scene.collection.objects.link(crowd)
    tree = bpy.data.node_groups.new("crowd", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    kinds = ("NodeGroupInput", "GeometryNodeInstanceOnPoints", "GeometryNodeObjectInfo", "NodeGroupOutput")
    start, instances, info, end = map(tree.nodes.new, kinds)
    info.inputs["Object"].default_value, info.inputs["As Instance"].default_value = stage, True
    tree.links.new(start.outputs[0], instances.inputs["Points"])
    tree.links.new(info.outputs["Geometry"], instances.inputs["Instance"])
    tree.links.new(instances.outputs[0], end.inputs[0])
    crowd.modifiers.new("crowd", "NODES").node_group = tree
    bpy.context.scene.collection.objects.link(stage)
    stage.location.z = 5  # out of the picture
    bpy.ops.talksplat.show_in_f12()
    assert not bpy.ops.talksplat.show_in_f12.poll()
    np.testing.assert_allclose(press_f12(tmp_path), expected, atol=2e-3)


def test_a_view_layer_without_a_head_gets_none(stage):
    """A layer of the set alone stays as it is."""
    from talksplat.blender_addon.compositing.scene_compositor import compositor_of

    scene = bpy.context.scene
    collection = bpy.data.collections.new("heads")
    scene.collection.children.link(collection)
    collection.objects.link(stage)
    scene.collection.objects.unlink(stage)
    bpy.ops.talksplat.show_in_f12()
    bpy.ops.talksplat.remove_from_f12()
    scene.view_layers[0].layer_collection.children["heads"].exclude = True
    with pytest.raises(RuntimeError, match="no Render Layers node of a view layer with a head"):
        bpy.ops.talksplat.show_in_f12()
    assert compositor_of(scene) is None, "nothing is left of the attempt"


def test_undo_takes_the_heads_out_again(stage):
    from talksplat.blender_addon.f12 import pictures as f12_pictures

    bpy.ops.ed.undo_push(message="before")
    bpy.ops.talksplat.show_in_f12()
    bpy.ops.ed.undo_push(message="Show in F12")
    assert f12_pictures.is_shown(bpy.context.scene)
    bpy.ops.ed.undo()
    assert not f12_pictures.is_shown(bpy.context.scene)


FARM = """
import sys
import bpy

bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bpy.context.scene.render.filepath = sys.argv[2]
bpy.ops.render.render(write_still=True)
"""


def test_a_farm_without_the_add_on_shows_the_pictures_that_are_there(stage, tmp_path):
    bpy.ops.talksplat.show_in_f12()
    expected = press_f12(tmp_path)
    bpy.ops.wm.save_mainfile()
    subprocess.run(
        [sys.executable, "-c", FARM, tmp_path / "shot.blend", tmp_path / "farm.exr"], check=True, timeout=120
    )
    np.testing.assert_allclose(pixels_of(tmp_path / "farm.exr"), expected, atol=1e-6)


def test_the_proxy_mesh_casts_the_heads_shadow_on_what_f12_renders(stage, tmp_path):
    """The caster is not in the picture itself: where the head is, it is the same with and without it."""
    from talksplat.blender_addon.proxy.uses import apply_use

    scene = bpy.context.scene
    for name in ("front", "behind"):
        bpy.data.objects.remove(bpy.data.objects[name])
    bpy.ops.mesh.primitive_plane_add(size=2, location=(0, 0.25, 0), rotation=(np.pi / 2, 0, 0))
    wall = bpy.context.object
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3, (np.pi / 2 - 0.7, 0, 0.5)
    scene.collection.objects.link(sun)
    stage.talksplat.supersampling = "off"  # small as it is, no pixel would be wholly of the head
    bpy.ops.talksplat.show_in_f12()
    without = press_f12(tmp_path)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.08, location=(0, 0, 0))
    proxy = bpy.context.object
    proxy.parent = stage
    apply_use(proxy, "SHADOW")
    shadowed = press_f12(tmp_path)
    head, _ = picture(tmp_path, 1)
    darker = without[..., :3].mean(-1) - shadowed[..., :3].mean(-1)
    is_wall = head[..., 3] < 1e-3
    assert (is_wall & (darker > 0.1)).sum() > 20, "a shadow lies on the wall"
    is_head = head[..., 3] > 0.999
    assert is_head.sum() > 5
    np.testing.assert_allclose(shadowed[is_head], without[is_head], atol=4e-3)
    wall.hide_render = True
    np.testing.assert_allclose(press_f12(tmp_path), head, atol=2e-3)
