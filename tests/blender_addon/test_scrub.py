# SPDX-License-Identifier: GPL-3.0-or-later
"""What the evaluated cloud shows at a frame is the replay at that frame's own time."""

from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls
from talksplat.core.performance.replay import Replay


def replayed(obj, seconds, controls=None):
    """The same moment, from the files alone."""
    replay = Replay(read_head(obj.talksplat.head))
    performance = read_performance(obj.talksplat.performance)
    return replay.at(performance.at(seconds, controls or obj.talksplat.controls.values()))


def assert_same(frame, expected, tolerance=1e-6):
    for name, array in frame._asdict().items():
        np.testing.assert_allclose(array, getattr(expected, name), atol=tolerance, err_msg=name)


@pytest.mark.parametrize(("fps", "base"), [(24, 1.0), (24, 1.001), (60, 1.0)])
def test_a_frame_shows_the_replay_of_its_own_time(blender, talking, fps, base, shown):
    scene = blender.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    for frame, subframe in ((1, 0.0), (9, 0.0), (17, 0.5), (30, 0.0)):
        scene.frame_set(frame, subframe=subframe)
        seconds = (frame + Fraction(subframe) - 1) * Fraction(str(base)) / fps
        assert_same(shown(talking), replayed(talking, seconds))


def test_the_head_moves(blender, talking, shown):
    blender.context.scene.frame_set(5)
    first = shown(talking).means
    blender.context.scene.frame_set(12)
    assert np.abs(shown(talking).means - first).max() > 1e-3


def test_a_slider_acts_at_once_and_a_key_at_its_frame(blender, talking, shown):
    scene, sliders = blender.context.scene, talking.talksplat.controls
    scene.frame_set(13)
    sliders.intensity = 0.4
    assert_same(shown(talking), replayed(talking, Fraction(12, 24), Controls(intensity=sliders.intensity)))
    sliders.intensity = 0.0
    sliders.keyframe_insert("intensity", frame=1)
    sliders.intensity = 2.0
    sliders.keyframe_insert("intensity", frame=21)
    scene.frame_set(11)
    assert 0.9 < sliders.intensity < 1.1
    assert_same(shown(talking), replayed(talking, Fraction(10, 24), Controls(intensity=sliders.intensity)))


def test_a_driver_acts(blender, talking, shown):
    driver = talking.talksplat.controls.driver_add("blink").driver
    driver.expression = "0.25 * frame / 10"
    blender.context.scene.frame_set(20)
    assert_same(shown(talking), replayed(talking, Fraction(19, 24), Controls(blink=0.5)))


def test_moving_and_trimming_the_strip_moves_the_speech(blender, talking, place_strip, shown):
    scene = blender.context.scene
    strip = scene.sequence_editor.strips_all["voice"]
    scene.frame_set(20)
    place_strip(strip, start=8, trim_end=20)
    scene.frame_set(20)
    assert_same(shown(talking), replayed(talking, Fraction(12, 24)))
    scene.frame_set(48)  # well after the trimmed end
    assert_same(shown(talking), replayed(talking, Fraction(40, 24), Controls(intensity=0.0)))


def test_radiance_and_shape_are_the_heads(blender, talking, read_attribute):
    from talksplat.blender_addon.scene.versions import float4_type

    canonical = Replay(read_head(talking.talksplat.head)).canonical
    cloud = talking.data
    assert cloud.attributes["radiance:base"].data_type == float4_type()
    np.testing.assert_array_equal(read_attribute(cloud, "radiance:base"), np.c_[canonical.sh0, canonical.opacities])
    for k in range(canonical.shN.shape[1]):
        np.testing.assert_array_equal(read_attribute(cloud, f"radiance:sh_{k}"), canonical.shN[:, k])


def test_the_operator_and_the_api_give_the_same(blender, talking, head_path, read_attribute):
    from talksplat.blender_addon.operators.add_head import add_head

    by_api = add_head(blender.context, str(head_path))
    blender.ops.talksplat.add_head(filepath=str(head_path))
    by_operator = blender.context.object
    assert by_operator != by_api
    assert {a.name for a in by_api.data.attributes} == {a.name for a in by_operator.data.attributes}
    for name in ("position", "scale", "rotation", "radiance:base", "radius"):
        np.testing.assert_array_equal(read_attribute(by_api.data, name), read_attribute(by_operator.data, name))


def test_a_duplicate_moves_by_itself(blender, talking, shown):
    twin = talking.copy()
    blender.context.scene.collection.objects.link(twin)
    twin.talksplat.controls.intensity = 0.0
    blender.context.view_layer.update()
    blender.context.scene.frame_set(13)
    assert twin.data != talking.data
    assert_same(shown(talking), replayed(talking, Fraction(12, 24)))
    assert_same(shown(twin), replayed(twin, Fraction(12, 24), Controls(intensity=0.0)))


def test_what_is_shown_already_is_not_written_again(blender, talking, monkeypatch):
    from talksplat.blender_addon import playback

    blender.context.scene.frame_set(7)
    written = []
    monkeypatch.setattr(playback, "push", lambda cloud, frame: written.append(cloud.name))
    talking.location.x = 1.0
    blender.context.view_layer.update()
    assert not written
    blender.context.scene.frame_set(8)
    assert len(written) == 1


def test_f12_shows_each_frames_own_moment(blender, talking, tmp_path):
    """Final renders of an animation have a dependency graph of their own; the pictures must differ. (Points of
    some size, as our own have none where Blender knows no splats.)"""
    bpy, scene = blender, blender.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("lens"))
    camera.location, camera.rotation_euler = (0, -0.5, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.samples, scene.render.resolution_x, scene.render.resolution_y = 4, 48, 48
    talking.data.attributes["radius"].data.foreach_set("value", np.full(len(talking.data.points), 0.006, np.float32))
    pictures = []
    scene.frame_start, scene.frame_end = 5, 12
    scene.frame_step, scene.render.filepath = 7, str(tmp_path / "f12_")
    bpy.ops.render.render(animation=True)
    for frame in (5, 12):
        image = bpy.data.images.load(str(tmp_path / f"f12_{frame:04d}.png"))
        pictures.append(np.array(image.pixels[:]))
    assert np.abs(pictures[0] - pictures[1]).mean() > 1e-3
    assert pictures[0].std() > 0.01, "the cloud must be seen"
