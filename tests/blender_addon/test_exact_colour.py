# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact Colour in Blender 5.3: Cycles blends light, and the compositor makes of it what blended codes would be."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from mathutils import Euler

SIDE = 40


@pytest.fixture
def stage(blender, head_path):
    """A head, a black cube before it; Cycles without denoising."""
    from talksplat.blender_addon.scene.versions import draws_splats

    if not draws_splats():
        pytest.skip("Blender draws splats itself since 5.3")
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    head, scene = bpy.context.object, bpy.context.scene
    head.data.materials.clear()
    head.data.materials.append(_material("radiance", None))
    _add_cube("cube", (0, 0, 0, 1), (0.01, -0.3, 0.01), 0.03)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = (0, -0.6, 0), Euler((np.pi / 2, 0, 0))
    scene.collection.objects.link(camera)
    scene.camera = camera
    render = scene.render
    render.engine, render.film_transparent = "CYCLES", True
    render.resolution_x = render.resolution_y = SIDE
    scene.cycles.samples, scene.cycles.use_denoising = 256, False
    scene.cycles.use_adaptive_sampling = False
    return head


def _material(attribute, colour):
    material = bpy.data.materials.new(attribute or "plain")
    tree = material.node_tree
    tree.nodes.clear()
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(emission.outputs[0], output.inputs[0])
    if attribute:
        node = tree.nodes.new("ShaderNodeAttribute")
        node.attribute_name = attribute
        tree.links.new(node.outputs["Color"], emission.inputs["Color"])
    else:
        emission.inputs["Color"].default_value = colour
    return material


def _add_cube(name, colour, place, size):
    bpy.ops.mesh.primitive_cube_add(size=size, location=place)
    bpy.context.object.name = name
    bpy.context.object.data.materials.append(_material("", colour))


def press_f12(folder):
    """[H,W,4] scene-linear, premultiplied, the first row on top."""
    scene = bpy.context.scene
    settings = scene.render.image_settings
    settings.media_type, settings.file_format = "IMAGE", "OPEN_EXR"
    settings.color_depth, settings.color_mode = "32", "RGBA"
    scene.render.filepath = f"{folder}/shot.exr"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath, check_existing=False)
    array = np.array(image.pixels, np.float32).reshape(image.size[1], image.size[0], 4)[::-1]
    bpy.data.images.remove(image)
    return array


def decoded(codes):
    """[H,W,4] premultiplied sRGB codes as premultiplied light."""
    alpha = codes[..., 3:]
    code = np.divide(codes[..., :3], alpha, out=np.zeros_like(codes[..., :3]), where=alpha > 0)
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.concatenate([light * alpha, alpha], -1)


def encode(material):
    """Let a material emit the codes of what it emits."""
    from talksplat.blender_addon.compositing.node_math import NodeMath

    tree = material.node_tree
    emission = next(node for node in tree.nodes if node.type == "EMISSION")
    maths = NodeMath(tree)
    channels = maths.channels("ShaderNodeSeparateColor", emission.inputs["Color"].links[0].from_socket)
    codes = [maths.srgb_encoded(maths("MAXIMUM", channel, 0.0)) for channel in channels]
    tree.links.new(maths.colour("ShaderNodeCombineColor", codes), emission.inputs["Color"])


def test_f12_is_what_blended_codes_give_and_what_stands_before_is_untouched(stage, tmp_path):
    """Blender blended light, in which heads were not trained; a film of codes, decoded, is the oracle."""
    cube = bpy.data.objects["cube"]
    with_cube = press_f12(tmp_path)
    cube.hide_render = True
    native = press_f12(tmp_path)
    assert bpy.ops.talksplat.exact_colour() == {"FINISHED"}
    exact = press_f12(tmp_path)
    cube.hide_render = False
    exact_with_cube = press_f12(tmp_path)
    bpy.ops.talksplat.remove_exact_colour()
    np.testing.assert_array_equal(press_f12(tmp_path), with_cube)
    cube.hide_render = True
    encode(stage.data.materials[0])
    oracle = decoded(press_f12(tmp_path))
    np.testing.assert_allclose(exact, oracle, atol=1e-3)
    assert np.abs(native - oracle).max() > 0.02
    is_cube = (with_cube[..., 3] == 1) & (with_cube[..., :3].max(-1) == 0)
    assert is_cube.sum() > 10
    np.testing.assert_allclose(exact_with_cube[is_cube], with_cube[is_cube], atol=1e-6)
    is_same = (with_cube == native).all(-1)
    assert np.abs(exact_with_cube - exact)[is_same].max() < 1e-3, "the head beside the cube is the same"


def test_removed_it_leaves_no_trace(stage):
    scene, material = bpy.context.scene, stage.data.materials[0]
    before = (len(material.node_tree.nodes), len(material.node_tree.links), len(bpy.data.node_groups))
    for _ in range(2):
        bpy.ops.talksplat.exact_colour()
        assert not bpy.ops.talksplat.exact_colour.poll()
        assert len(scene.view_layers[0].aovs) == 3
        bpy.ops.talksplat.remove_exact_colour()
    after = (len(material.node_tree.nodes), len(material.node_tree.links), len(bpy.data.node_groups))
    assert after == before
    assert not scene.view_layers[0].aovs
    assert scene.compositing_node_group is None


def test_a_material_without_a_colour_to_correct_is_said(stage):
    stage.data.materials[0].node_tree.links.clear()
    with pytest.raises(RuntimeError, match="Emission"):
        bpy.ops.talksplat.exact_colour()
    assert bpy.context.scene.compositing_node_group is None


def test_exposure_of_the_film_brightens_both_alike(stage, tmp_path):
    bpy.ops.talksplat.exact_colour()
    once = press_f12(tmp_path)
    bpy.context.scene.cycles.film_exposure = 2
    np.testing.assert_allclose(press_f12(tmp_path)[..., :3], 2 * once[..., :3], atol=1e-3)


def test_a_head_that_was_trained_for_linear_light_is_left_as_it_is(stage, head_path, tmp_path):
    """Blender blends it as it was trained: corrected, it would be wrong. Beside a head of codes that one alone is."""
    from talksplat.core.formats import read_head, write_head

    old = read_head(head_path)
    path = tmp_path / "linear.head"
    write_head(path, replace(old, card=replace(old.card, blend="linear")))
    bpy.ops.talksplat.add_head(filepath=str(path))
    linear = bpy.context.object
    own = linear.data.materials[0]
    assert own != stage.data.materials[0]
    stage.hide_render = bpy.data.objects["cube"].hide_render = True
    before = press_f12(tmp_path)
    bpy.ops.talksplat.exact_colour()
    np.testing.assert_array_equal(press_f12(tmp_path), before)
    bpy.ops.talksplat.remove_exact_colour()
    bpy.data.objects.remove(stage)
    assert not bpy.ops.talksplat.exact_colour.poll(), "there is nothing to correct"
