# SPDX-License-Identifier: GPL-3.0-or-later
"""USD by the panel's button, written by the library inside Blender, and opened by Blender's own importer where it knows
splats (5.3): every number is that of the bake."""

from fractions import Fraction

import bpy
import numpy as np
import pytest

from talksplat.core.formats.bake_file import BakeReader

FIRST, FRAMES = 3, 6


@pytest.fixture
def heads(blender, head_path, tmp_path):
    """Two baked heads and a camera, all of which move; the first head is active, the second's bake is longer."""
    from talksplat.blender_addon.link.blenders_usd import find_blenders_usd

    if not find_blenders_usd():
        pytest.skip("this Blender was built without USD")
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = FIRST, FIRST + FRAMES - 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    made = []
    for number in range(2):
        bpy.ops.talksplat.add_head(filepath=str(head_path))
        head = bpy.context.object
        head.talksplat.bake = str(bake_of(head_path, tmp_path / f"{number}.bake", FRAMES + 2 * number))
        for frame in (FIRST, FIRST + FRAMES - 1):
            head.location = (number - 0.5, 0.1 * frame, 0.2)
            head.keyframe_insert("location", frame=frame)
        made.append(head)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler, scene.camera = (0.2, -3, 0.4), (1.5, 0.1, 0), camera
    camera.data.shift_x = 0.1
    bpy.context.view_layer.objects.active = made[0]
    for head in made:
        head.select_set(True)
    bpy.context.view_layer.update()
    return made


def bake_of(head_path, path, count):
    from talksplat.core.formats.bake_header import BakeCard
    from talksplat.core.formats.bake_writer import BakeWriter
    from talksplat.core.formats.head_file import read_head
    from talksplat.core.performance import Replay

    head = read_head(head_path)
    replay = Replay(head)
    canonical, branch = replay.canonical, replay.branch
    card = BakeCard("tiny", Fraction(24), FIRST, count, canonical.sh_degree, head.card.content_hash, "cd" * 32)
    rng = np.random.default_rng(5)
    with BakeWriter.open(path, card, canonical, branch) as writer:
        for frame in range(FIRST, FIRST + count):
            means = canonical.means + 0.01 * rng.random(canonical.means.shape, np.float32)
            writer.append(frame, means, canonical.quats, canonical.scales)
        writer.finish()
    return path


def stage_of(tmp_path):
    from pxr import Usd

    [path] = tmp_path.rglob("*.usdc")
    return path, Usd.Stage.Open(str(path))


def test_the_button_writes_the_selected_heads_and_the_camera(heads, tmp_path):
    from pxr import UsdGeom

    heads[0].talksplat.export_format = "usd"
    assert bpy.ops.talksplat.export_sequence() == {"FINISHED"}
    path, stage = stage_of(tmp_path)
    assert path.parent == tmp_path / "export" / heads[0].name
    names = [bpy.path.clean_name(head.name).replace(".", "_") for head in heads]
    scene = bpy.context.scene
    assert stage.GetEndTimeCode() == FIRST + FRAMES - 1, "as long as the scene's range"
    for frame in (FIRST, FIRST + 2, FIRST + FRAMES - 1):
        scene.frame_set(frame)
        for name, head in zip(names, heads):
            place = np.array(stage.GetAttributeAtPath(f"/shot/{name}.xformOp:transform").Get(frame)).T
            np.testing.assert_allclose(place, np.array(head.matrix_world), atol=1e-6)
        place = np.array(stage.GetAttributeAtPath("/shot/camera.xformOp:transform").Get(frame)).T
        np.testing.assert_allclose(place, np.array(scene.camera.matrix_world), atol=1e-5)
    lens = UsdGeom.Camera(stage.GetPrimAtPath("/shot/camera")).GetCamera(float(FIRST))
    ours = scene.camera.data.sensor_width / scene.camera.data.lens
    assert lens.horizontalAperture / lens.focalLength == pytest.approx(ours)


def test_a_selected_head_without_a_bake_is_said(heads):
    from talksplat.blender_addon.operators.export_sequence import TALKSPLAT_OT_export_sequence as Export

    heads[0].talksplat.export_format = "usd"
    heads[1].talksplat.bake = ""
    assert Export.disabled_reason(bpy.context) == f"Bake {heads[1].name} first, or deselect it"
    heads[0].talksplat.export_format = "ply"
    assert Export.disabled_reason(bpy.context) == "", "a PLY holds one head"


def test_each_head_has_the_sound_that_the_sequencer_plays_for_it(heads, monkeypatch):
    from talksplat.blender_addon.shot import jobs as shot_jobs

    heads[0].talksplat.export_format = "usd"
    rows = {heads[0].name: ((0.0, 0.0, 0.5, 1.0), ()), heads[1].name: ((1.0, 2.0, 2.5, 1.0),)}
    files = {heads[0].name: ("a.wav",), heads[1].name: ("b.wav", "c.wav")}
    monkeypatch.setattr(shot_jobs, "movie_sound", lambda scene, head, card: (files[head.name], rows[head.name]))
    job = shot_jobs.export_job(bpy.context.scene, heads[0], heads[1:])
    assert job.sounds == ("a.wav", "b.wav", "c.wav")
    assert job.sound_per_frame == (((0.0, 0.0, 0.5, 1.0), ()), ((2.0, 2.0, 2.5, 1.0),))


@pytest.mark.skipif("type" not in bpy.types.PointCloud.bl_rna.properties, reason="Blender 5.3 is the first with splats")
@pytest.mark.parametrize("clip", [0, 2])
def test_blender_opens_it_and_every_number_is_the_bakes(heads, tmp_path, clip):
    heads[0].talksplat.export_format, heads[0].talksplat.export_clip = "usd", clip
    bakes = [head.talksplat.bake for head in heads]
    names = [bpy.path.clean_name(head.name).replace(".", "_") for head in heads]
    worlds, ours = {}, {}
    for frame in range(FIRST, FIRST + FRAMES):
        bpy.context.scene.frame_set(frame)
        worlds[frame] = [np.array(head.matrix_world) for head in heads]
        ours[frame] = [{name: column(head, name, *shape) for name, shape in shapes(head).items()} for head in heads]
    assert bpy.ops.talksplat.export_sequence() == {"FINISHED"}
    path = next(file for file in tmp_path.rglob("*.usdc") if "clips" not in str(file))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=str(path))
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end) == (FIRST, FIRST + FRAMES - 1)
    for index, (bake_path, name) in enumerate(zip(bakes, names)):
        imported = bpy.data.objects[name]
        assert imported.data.type == "GAUSSIAN_SPLAT"
        with BakeReader.open(bake_path) as bake:
            for frame in range(FIRST, FIRST + FRAMES):
                scene.frame_set(frame)
                cloud = imported.evaluated_get(bpy.context.evaluated_depsgraph_get())
                np.testing.assert_allclose(np.array(cloud.matrix_world), worlds[frame][index], atol=1e-6)
                means, quats, scales = bake.frame(frame)
                np.testing.assert_array_equal(column(cloud, "position", "vector", 3), means)
                np.testing.assert_array_equal(column(cloud, "scale", "vector", 3), scales)
                turned = column(cloud, "rotation", "value", 4)
                np.testing.assert_allclose(np.abs(np.sum(turned * quats, axis=1)), 1, atol=1e-6)
                assert set(ours[frame][index]) <= set(shapes(cloud)), "the head in the add-on has nothing more"
                for attribute, shape in shapes(cloud).items():
                    theirs, own = column(cloud, attribute, *shape), ours[frame][index][attribute]
                    if attribute == "rotation":  # q and -q are one
                        own = own * np.sign(np.sum(own * theirs, axis=1, keepdims=True))
                    np.testing.assert_allclose(theirs, own, atol=1e-6)
            base = column(cloud, "radiance:base", "vector", 4)
            np.testing.assert_array_equal(base, np.column_stack([bake.canonical.sh0, bake.canonical.opacities]))
            for i in range(bake.canonical.shN.shape[1]):
                np.testing.assert_array_equal(column(cloud, f"radiance:sh_{i}", "vector", 3), bake.canonical.shN[:, i])


def shapes(obj):
    """Attribute that splats are drawn by -> (key, width) of its values."""
    return {
        a.name: ("value", 4) if a.name == "rotation" else ("vector", 4 if a.name == "radiance:base" else 3)
        for a in obj.data.attributes
        if a.name in ("position", "scale", "rotation") or a.name.startswith("radiance:")
    }


def column(obj, name, key, width):
    data = obj.data
    values = np.empty(len(data.points) * width, np.float32)
    data.attributes[name].data.foreach_get(key, values)
    return values.reshape(-1, width)


def cycles_picture(path, seed):
    """[H,W,4] of the scene's frame, scene-linear and premultiplied."""
    scene = bpy.context.scene
    render, output = scene.render, scene.render.image_settings
    render.engine, render.film_transparent, render.filepath = "CYCLES", True, str(path)
    render.resolution_x, render.resolution_y, render.resolution_percentage = 64, 48, 100
    output.media_type, output.file_format, output.color_depth, output.color_mode = "IMAGE", "OPEN_EXR", "32", "RGBA"
    scene.cycles.samples, scene.cycles.seed, scene.cycles.use_denoising = 32, seed, False
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.array(image.pixels, np.float32).reshape(48, 64, 4)
    bpy.data.images.remove(image)
    return pixels


def psnr(one, other):
    return -10 * np.log10(np.square(one - other).mean())


@pytest.mark.skipif("type" not in bpy.types.PointCloud.bl_rna.properties, reason="Blender 5.3 is the first with splats")
def test_cycles_draws_it_as_it_draws_the_heads_themselves(heads, tmp_path):
    """As like as two pictures of the heads with other noise: camera, places, colours and the frame are the same."""
    scene, frame = bpy.context.scene, FIRST + 2
    scene.camera.location, scene.camera.data.shift_x = (0.1, -1.5, 0.3), 0
    heads[0].talksplat.export_format = "usd"
    scene.frame_set(frame)
    native, again = (cycles_picture(tmp_path / f"native{seed}.exr", seed) for seed in (1, 2))
    scene.frame_set(frame + 1)
    later = cycles_picture(tmp_path / "later.exr", 1)
    assert bpy.ops.talksplat.export_sequence() == {"FINISHED"}
    path, _ = stage_of(tmp_path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=str(path))
    scene = bpy.context.scene
    scene.camera = next(obj for obj in scene.objects if obj.type == "CAMERA")
    scene.frame_set(frame)
    imported = cycles_picture(tmp_path / "imported.exr", 1)
    assert native[..., 3].max() > 0.9
    assert psnr(imported, native) > psnr(again, native) - 1
    assert psnr(imported, native) > psnr(later, native) + 6
