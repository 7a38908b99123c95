# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads as Blender's own splats: their colours and their motion in its own renders (5.3)."""

from dataclasses import replace

import bpy
import numpy as np
import pytest

from talksplat.core.formats.gaussians import SH_C0

native = pytest.mark.skipif("type" not in bpy.types.PointCloud.bl_rna.properties, reason="draws no splats: 5.3 does")
SIZE = 48


@pytest.fixture
def picture(blender, tmp_path):
    """picture(engine, samples=8) -> premultiplied display codes 0..1 [H,W,4] of the scene's frame, by F12."""

    def take(engine, samples=8):
        scene = bpy.context.scene
        scene.render.engine, scene.cycles.samples, scene.cycles.seed = engine, samples, 1
        scene.render.filepath = str(tmp_path / "f12.png")
        bpy.ops.render.render(write_still=True)
        return read(scene.render.filepath)

    return take


def read(path):
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
    pixels = np.array(image.pixels[:]).reshape(*image.size, 4)
    bpy.data.images.remove(image)
    return np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], axis=2)


def stand_camera(obj, distance=0.5):
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.camera.location, scene.camera.rotation_euler = (0, -distance, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(scene.camera)
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.film_transparent, scene.view_settings.view_transform = True, "Standard"
    scene.display.shading.light = "FLAT"
    return obj


@pytest.fixture
def filmed(talking):
    return stand_camera(talking)


def shout(obj):
    """Make it move so much that the blur is far above the samples' noise."""
    from talksplat.core.performance.condition import read_performance, write_performance

    path = obj.talksplat.performance
    performance = read_performance(path)
    write_performance(path, replace(performance, audio={b: 6 * codes for b, codes in performance.audio.items()}))


def psnr(one, other):
    return -10 * np.log10(np.square(one - other).mean())


def wall(blender, head_path, read_attribute):
    """The head's splats as an opaque wall in one colour, whose SH differs from it by direction: the colour, 0..1."""
    from talksplat.blender_addon.scene.attributes import AttributeColumn, write_attribute
    from talksplat.blender_addon.scene.versions import float4_type

    bpy.ops.talksplat.add_head(filepath=str(head_path))
    obj = stand_camera(bpy.context.object)
    n, dc, side = len(obj.data.points), np.float32([0.9, -0.2, -0.6]), np.float32([0.3, 0.2, 0.5])
    opaque = np.tile(np.append(dc, 1.0), (n, 1))
    columns = [("radiance:base", float4_type(), opaque), ("scale", "FLOAT_VECTOR", np.full((n, 3), 0.02))]
    columns += [(f"radiance:sh_{k}", "FLOAT_VECTOR", np.tile(side * (k == 0), (n, 1))) for k in range(3)]
    for column in columns:
        write_attribute(obj.data, AttributeColumn(*column))
    obj.data.update_tag()
    # The first band along y, -0.4886 y: seen from -y a splat in the middle of the picture is looked at along +y.
    return SH_C0 * dc + 0.5, -0.48860251 * side


@native
@pytest.mark.parametrize("engine", ["CYCLES", "BLENDER_WORKBENCH", "BLENDER_EEVEE"])
def test_f12_shows_the_heads_own_colours_as_seen_from_the_camera(blender, head_path, picture, read_attribute, engine):
    """Solid multiplied them by a brown viewport colour; our material showed the colour without direction."""
    dc, side = wall(blender, head_path, read_attribute)
    seen = picture(engine)[SIZE // 2 - 2 : SIZE // 2 + 2, SIZE // 2 - 2 : SIZE // 2 + 2].mean(axis=(0, 1))
    assert seen[3] > 0.98
    np.testing.assert_allclose(seen[:3], dc + side, atol=0.03)
    assert np.abs(side).min() > 0.06, "the two can be told apart"


@pytest.mark.parametrize("engine", ["CYCLES"])
def test_the_material_shows_the_head_where_blender_knows_no_splats(blender, head_path, picture, read_attribute, engine):
    """One material in every version: a file that one wrote is opened in another, perhaps without the add-on."""
    dc, _side = wall(blender, head_path, read_attribute)
    cloud = bpy.context.object.data
    if hasattr(cloud, "type"):
        cloud.type = "POINTS"
    cloud.attributes["radius"].data.foreach_set("value", np.full(len(cloud.points), 0.02, np.float32))
    seen = picture(engine)[SIZE // 2, SIZE // 2]
    np.testing.assert_allclose(seen[:3], dc, atol=0.03)


@native
def test_cycles_blurs_what_moves_as_the_average_of_its_sub_frames(filmed, picture):
    """A frame-change handler alone gave no motion blur at all."""
    shout(filmed)
    scene = bpy.context.scene
    scene.render.motion_blur_position, scene.render.motion_blur_shutter = "CENTER", 1.0
    scene.frame_set(9)
    sharp = picture("CYCLES", 256)
    steps = []
    for step in np.arange(-0.5, 0.51, 0.125):
        scene.frame_set(int(9 + step // 1), subframe=float(step % 1))
        steps.append(picture("CYCLES", 64))
    scene.frame_set(9)
    scene.render.use_motion_blur = True
    blurred, average = picture("CYCLES", 256), np.mean(steps, axis=0)
    assert psnr(sharp, average) < psnr(blurred, average) - 3


@native
def test_each_frame_of_an_animation_has_its_own_moment(filmed, picture, tmp_path):
    scene = bpy.context.scene
    scene.render.use_persistent_data = True
    scene.frame_start, scene.frame_end, scene.frame_step = 5, 19, 7
    scene.render.engine, scene.cycles.samples, scene.cycles.seed = "CYCLES", 8, 1
    scene.render.filepath = str(tmp_path / "shot_")
    bpy.ops.render.render(animation=True)
    rendered = [read(tmp_path / f"shot_{frame:04d}.png") for frame in (5, 12, 19)]
    scene.render.use_persistent_data = False
    for frame, one in zip((5, 12, 19), rendered):
        scene.frame_set(frame)
        np.testing.assert_array_equal(picture("CYCLES"), one)
    assert np.abs(rendered[0] - rendered[1]).max() > 0.05


@native
def test_sub_frames_show_the_moment_between(filmed, shown):
    scene = bpy.context.scene
    scene.frame_set(9)
    whole = shown(filmed).means
    scene.frame_set(9, subframe=0.5)
    assert np.abs(shown(filmed).means - whole).max() > 1e-5


@native
def test_set_up_playback_makes_solid_views_show_true_colours(talking):
    """Studio light darkens splats by 41 codes."""
    views = [space for screen in bpy.data.screens for area in screen.areas for space in area.spaces]
    shading = next(space for space in views if space.type == "VIEW_3D").shading
    shading.type, shading.light, shading.color_type = "SOLID", "STUDIO", "SINGLE"
    bpy.ops.talksplat.set_up_playback()
    assert (shading.type, shading.light, shading.color_type) == ("SOLID", "FLAT", "MATERIAL")
    assert not bpy.ops.talksplat.set_up_playback.poll()
    shading.light = "STUDIO"
    assert bpy.ops.talksplat.set_up_playback.poll()


def test_the_material_of_an_older_file_becomes_the_new_one_and_an_artists_own_stays(talking, tmp_path):
    from talksplat.blender_addon.scene import material

    kinds = []
    for change in (False, True):
        tree = talking.data.materials[0].node_tree
        tree.nodes.clear()
        for kind in material.BEFORE_5_3 + ["ShaderNodeRGB"] * change:
            tree.nodes.new(kind)
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
        talking = bpy.data.objects["tiny"]
        kinds.append([node.bl_idname for node in talking.data.materials[0].node_tree.nodes])
    assert "ShaderNodeMix" in kinds[0]
    assert kinds[1][-1] == "ShaderNodeRGB"
