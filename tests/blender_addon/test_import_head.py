# SPDX-License-Identifier: GPL-3.0-or-later
"""Import Head in Blender: a file of another program stands in the scene, and its channels move it."""

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats import read_head, write_ply
from talksplat.core.performance import Performance, write_performance

SHAPES = {"jawOpen": (np.array([1, 5]), np.array([[0, -0.02, 0], [0, -0.01, 0]], np.float32))}
ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads((ROOT / "core/importing/shape_speech.json").read_text())  # its module wants more than Blender has
OPENING = TABLE["measures"].index("jaw_open")
VOICE = ROOT / "samples/voice.wav"


def import_avatar(tmp_path, avatars, shapes):
    source = avatars.write_avatar(tmp_path / "anna.zip", shapes=shapes)
    assert bpy.ops.talksplat.import_head(filepath=str(source)) == {"FINISHED"}
    return bpy.context.object


@pytest.fixture
def avatar(blender, tmp_path, avatars):
    return import_avatar(tmp_path, avatars, SHAPES)


@pytest.fixture
def winking(blender, tmp_path, avatars):
    """An avatar without a shape that speech uses."""
    return import_avatar(tmp_path, avatars, {"eyeBlinkLeft": SHAPES["jawOpen"]})


def positions(obj):
    points = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    found = np.empty(3 * len(points.points), np.float32)
    points.attributes["position"].data.foreach_get("vector", found)
    return found.reshape(-1, 3)


def test_a_shape_of_an_avatar_is_a_slider_that_can_be_keyed(avatar):
    rest = positions(avatar)
    assert (avatar.talksplat.follow, avatar["jawOpen"]) == ("ADD", 0.0)
    avatar["jawOpen"] = 1.0
    avatar.keyframe_insert('["jawOpen"]', frame=10)
    avatar["jawOpen"] = 0.0
    avatar.keyframe_insert('["jawOpen"]', frame=1)
    bpy.context.scene.frame_set(10)
    np.testing.assert_allclose((positions(avatar) - rest)[[1, 5]], [[0, 0, -0.02], [0, 0, -0.01]], atol=1e-5)
    bpy.context.scene.frame_set(1)
    np.testing.assert_allclose(positions(avatar), rest, atol=1e-6)


def test_its_channels_come_with_the_head_file_and_stay_without_keys(avatar):
    bpy.ops.talksplat.add_head(filepath=avatar.talksplat.head)
    again = bpy.context.object
    assert again != avatar
    again["jawOpen"] = 1.0
    again.keyframe_insert('["jawOpen"]', frame=1)
    assert bpy.ops.talksplat.remove_keyframes() == {"FINISHED"}
    assert (again["jawOpen"], again.talksplat.follow) == (0.0, "ADD")
    bpy.context.scene.frame_set(1)
    rest = positions(again)
    again["jawOpen"] = 1.0
    again.update_tag()
    np.testing.assert_allclose((positions(again) - rest)[[1, 5]], [[0, 0, -0.02], [0, 0, -0.01]], atol=1e-5)


@pytest.mark.parametrize("kind", ["winking", "still"])
def test_no_panel_sends_a_head_that_speaks_nothing_to_a_sound(request, blender, tmp_path, make, kind):
    from talksplat.blender_addon.operators.attach_strip import TALKSPLAT_OT_attach_strip
    from talksplat.blender_addon.operators.bake_keyframes import TALKSPLAT_OT_bake_keyframes
    from talksplat.blender_addon.operators.bake_shot import TALKSPLAT_OT_bake
    from talksplat.blender_addon.operators.corrections import TALKSPLAT_OT_close_lips
    from talksplat.blender_addon.operators.export_sequence import TALKSPLAT_OT_export_sequence
    from talksplat.blender_addon.operators.render_sequence import TALKSPLAT_OT_render_sequence
    from talksplat.blender_addon.panels import TALKSPLAT_PT_performance, TALKSPLAT_PT_speech
    from talksplat.blender_addon.takes.panel import TALKSPLAT_PT_takes

    if kind == "winking":
        request.getfixturevalue("winking")
    else:
        write_ply(tmp_path / "still.ply", make.gaussians(20))
        bpy.ops.talksplat.import_head(filepath=str(tmp_path / "still.ply"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    for button in (TALKSPLAT_OT_bake, TALKSPLAT_OT_render_sequence, TALKSPLAT_OT_export_sequence):
        reason = button.disabled_reason(bpy.context).lower()
        assert not any(word in reason for word in ("sound", "strip", "attach", "imported"))
    for button in (TALKSPLAT_OT_attach_strip, *([TALKSPLAT_OT_bake_keyframes] if kind == "winking" else [])):
        assert "imported" in button.disabled_reason(bpy.context)
    assert TALKSPLAT_OT_close_lips.disabled_reason(bpy.context)
    assert TALKSPLAT_PT_speech.poll(bpy.context)
    assert not TALKSPLAT_PT_takes.poll(bpy.context)
    assert TALKSPLAT_PT_performance.poll(bpy.context) == (kind == "winking")


def test_a_second_import_writes_over_no_head(avatar, tmp_path):
    first = (tmp_path / "anna.head").read_bytes()
    assert bpy.ops.talksplat.import_head(filepath=str(tmp_path / "anna.zip")) == {"FINISHED"}
    assert (tmp_path / "anna.head").read_bytes() == first
    assert (tmp_path / "anna_2.head").is_file()


def test_a_still_head_stands_there(blender, tmp_path, make):
    stored = make.gaussians(20)
    write_ply(tmp_path / "still.ply", stored)
    assert bpy.ops.talksplat.import_head(filepath=str(tmp_path / "still.ply")) == {"FINISHED"}
    np.testing.assert_allclose(positions(bpy.context.object), stored.means, atol=1e-6)


USD = """#usda 1.0
( upAxis = "Z"
  metersPerUnit = 1 )
def ParticleField3DGaussianSplat "head" {
    point3f[] positions = [(0.1, 0.2, 0.3), (0, 0, 0)]
    float3[] scales = [(0.01, 0.01, 0.01), (0.02, 0.02, 0.02)]
    float3[] radiance:sphericalHarmonicsCoefficients = [(1, 0, 0), (0, 1, 0)]
    double3 xformOp:translate = (1, 0, 0)
    uniform token[] xformOpOrder = ["xformOp:translate"]
}
"""


def test_usd_is_read_by_blenders_own_library_which_may_not_know_splats(blender, tmp_path):
    from talksplat.blender_addon.link.blenders_usd import find_blenders_usd

    if not find_blenders_usd():
        pytest.skip("this Blender has no USD library")
    (tmp_path / "a.usda").write_text(USD)
    assert bpy.ops.talksplat.import_head(filepath=str(tmp_path / "a.usda")) == {"FINISHED"}
    np.testing.assert_allclose(positions(bpy.context.object), [[1.1, 0.2, 0.3], [1, 0, 0]], atol=1e-6)


def test_the_file_window_shows_every_file_that_can_be_imported(blender):
    from talksplat.core.importing import IMPORTERS

    shown = bpy.ops.talksplat.import_head.get_rna_type().properties["filter_glob"].default.split(";")
    assert shown == [f"*{suffix}" for row in IMPORTERS.values() for suffix in row.suffixes]


def test_a_file_that_is_no_head_is_one_sentence(blender, tmp_path):
    (tmp_path / "a.ply").write_text("hello")
    with pytest.raises(RuntimeError, match=r"a\.ply"):
        bpy.ops.talksplat.import_head(filepath=str(tmp_path / "a.ply"))
    assert bpy.context.object is None


def write_speech(avatar, path):
    """A performance of the avatar in which its first measure is at 1 all the time."""
    head = read_head(avatar.talksplat.head)
    codes = np.zeros((400, head.card.audio_code["face"]), np.float32)
    codes[:, OPENING] = 1.0
    names = head.card.expression
    rest = {"face": np.zeros(codes.shape[1], np.float32)}
    expression, loudness = np.zeros((400, len(names)), np.float32), np.zeros(400, np.float32)
    write_performance(
        path, Performance({"face": codes}, rest, expression, names, loudness, head.card.content_hash, "", duration=3.0)
    )


def test_an_avatar_speaks_in_a_shot_and_keys_of_its_shapes_come_on_top(avatar, tmp_path, add_strip):
    rest, strip = positions(avatar), add_strip(bpy, VOICE)
    write_speech(avatar, tmp_path / "a.performance")
    avatar.talksplat.sound, avatar.talksplat.strip = str(VOICE), strip.name
    avatar.talksplat.controls.blinks = 0
    avatar.talksplat.performance = str(tmp_path / "a.performance")
    bpy.context.scene.frame_set(20)
    jaw = TABLE["shapes"]["jawOpen"][OPENING]
    moved = np.array([[0, 0, -0.02], [0, 0, -0.01]])
    np.testing.assert_allclose((positions(avatar) - rest)[[1, 5]], jaw * moved, atol=1e-5)
    avatar["jawOpen"] = 0.5
    avatar.update_tag()
    np.testing.assert_allclose((positions(avatar) - rest)[[1, 5]], (jaw + 0.5) * moved, atol=1e-5)
    avatar["jawOpen"] = 0.0
    avatar.talksplat.controls.mouth_open = 0.0
    np.testing.assert_allclose(positions(avatar), rest, atol=1e-6)
