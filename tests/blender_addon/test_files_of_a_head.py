# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's files go, come back, are replaced or damaged; heads are linked, appended, overridden and pasted."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head
from talksplat.core.performance.replay import Replay

FRAME = 12


def reopen(path):
    """Open the file with nothing in memory, as another Blender would."""
    from talksplat.blender_addon import playback

    bpy.ops.wm.read_factory_settings(use_empty=True)
    playback.forget_frames()
    bpy.ops.wm.open_mainfile(filepath=str(path))


def save(path):
    path.parent.mkdir(exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def at_frame(obj, frame=FRAME):
    """The moment that the head shows; timers, which need a window, are run by hand."""
    from talksplat.blender_addon import playback

    bpy.context.scene.frame_set(frame)
    playback.load_clouds()
    return playback.shown_of(obj)


def kind(shown):
    return Path(shown.moment.source).suffix if shown else None


@pytest.fixture
def library(talking, tmp_path, make_head):
    """library() -> lib/lib.blend with a talking head in the collection Cast, its head file beside it."""
    from talksplat.blender_addon import head_cloud

    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "anna.head").write_bytes(Path(talking.talksplat.head).read_bytes())
    head_cloud.load_head(talking, str(folder / "anna.head"))
    cast = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(cast)
    cast.objects.link(talking)
    talking.talksplat.controls.intensity = 0.5
    return save(folder / "lib.blend")


@pytest.fixture
def shot(library, add_strip, sound_path, tmp_path):
    """An empty .blend in another folder that plays the same sound; the library's path."""
    from talksplat.blender_addon import playback

    bpy.ops.wm.read_factory_settings(use_empty=True)
    playback.forget_frames()
    add_strip(bpy, sound_path)
    save(tmp_path / "shot" / "shot.blend")
    return library


def bring(library, kind, name, link):
    (bpy.ops.wm.link if link else bpy.ops.wm.append)(directory=f"{library}/{kind}/", filename=name)


def test_a_missing_performance_rests_the_mouth_and_comes_back(talking, tmp_path):
    from talksplat.blender_addon import playback, playback_handlers

    file = Path(talking.talksplat.performance)
    assert kind(at_frame(talking)) == ".performance"
    file.rename(tmp_path / "away")
    assert kind(at_frame(talking, 13)) == ""
    (problem,) = playback.problems_of(talking)
    assert problem.cure == "performance"
    assert "Attach" in problem.sentence
    (tmp_path / "away").rename(file)
    playback_handlers.watch()
    assert kind(playback.shown_of(talking)) == ".performance"
    assert not playback.problems_of(talking)


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_without_its_bake_the_head_is_live(talking, tmp_path, damage):
    from talksplat.blender_addon import playback

    talking.talksplat.bake = str(tmp_path / "shot.bake")
    if damage == "damaged":
        (tmp_path / "shot.bake").write_bytes(b"no bake")
    assert kind(at_frame(talking)) == ".performance"
    (problem,) = playback.problems_of(talking)
    assert problem.cure == "bake"
    assert "shot.bake" in problem.sentence
    bpy.ops.talksplat.remove_bake()
    assert not playback.problems_of(talking)


def test_a_head_whose_file_goes_goes_on_talking(talking, make_head, tmp_path):
    from talksplat.blender_addon import head_cloud, playback

    path = make_head(tmp_path / "anna.head")
    head_cloud.load_head(talking, str(path))
    before = at_frame(talking)
    path.rename(tmp_path / "away.head")
    after = at_frame(talking, FRAME + 3)
    assert np.abs(after.frame.means - before.frame.means).max() > 1e-4
    assert playback.problems_of(talking)[0].cure == "head"


@pytest.mark.parametrize("name", ["bake", "attach_strip"])
def test_a_job_that_needs_a_missing_head_says_before_it_starts_which_button_cures_it(
    talking, make_head, tmp_path, name
):
    from talksplat.blender_addon import head_cloud

    path = make_head(tmp_path / "anna.head")
    head_cloud.load_head(talking, str(path))
    path.rename(tmp_path / "away.head")
    with pytest.raises(RuntimeError, match=r"anna\.head is missing: press Relink Head first"):
        getattr(bpy.ops.talksplat, name)()


def test_a_head_that_was_missing_at_loading_comes_back_by_itself(blender, make_head, tmp_path):
    from talksplat.blender_addon import playback, playback_handlers

    path = make_head(tmp_path / "anna.head")
    bpy.ops.talksplat.add_head(filepath=str(path))
    file = save(tmp_path / "a.blend")
    path.rename(tmp_path / "away.head")
    reopen(file)
    obj = bpy.data.objects["tiny"]
    assert playback.problems_of(obj)[0].cure == "head"
    (tmp_path / "away.head").rename(path)
    playback_handlers.watch()
    playback.load_clouds()
    assert len(obj.data.points) == 240
    assert not playback.problems_of(obj)


@pytest.mark.parametrize("count", [240, 300])
def test_a_head_that_was_replaced_is_seen_with_the_sentence(blender, make_head, tmp_path, count):
    from talksplat.blender_addon import playback

    path = make_head(tmp_path / "anna.head")
    bpy.ops.talksplat.add_head(filepath=str(path))
    file = save(tmp_path / "a.blend")
    make_head(path, count, seed=4)
    bpy.context.scene.frame_set(3)
    kept = playback.shown_of(bpy.context.object)
    assert len(kept.frame.means) == len(kept.canonical) == 240, "what is shown stays whole"
    reopen(file)
    obj = bpy.data.objects["tiny"]
    assert len(obj.data.points) == count, "never invisible"
    assert playback.problems_of(obj)[0].cure == "changed head"


def test_a_performance_made_on_another_machine_is_found_in_this_ones_cache(talking, tmp_path):
    from talksplat.blender_addon import playback, preferences

    file = Path(talking.talksplat.performance)
    file.rename(preferences.own_folder("performances") / file.name)
    for path in ("/home/other/" + file.name, "C:\\Users\\other\\" + file.name):
        talking.talksplat.performance = path
        assert kind(at_frame(talking)) == ".performance"
        assert not playback.problems_of(talking)


def test_an_appended_head_finds_its_files_from_its_new_file(shot):
    bring(shot, "Object", "tiny", link=False)
    obj = bpy.data.objects["tiny"]
    assert obj.talksplat.head == "//../lib/anna.head"
    assert kind(at_frame(obj)) == ".performance"
    assert len(obj.data.points) == 240
    reopen(save(Path(bpy.data.filepath)))
    assert kind(at_frame(bpy.data.objects["tiny"])) == ".performance"


def test_a_pasted_head_finds_its_files(library, tmp_path):
    def in_view():
        window = bpy.context.window
        area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
        region = next(region for region in area.regions if region.type == "WINDOW")
        return bpy.context.temp_override(window=window, area=area, region=region)

    with in_view():
        bpy.ops.view3d.copybuffer()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    save(tmp_path / "shot" / "shot.blend")
    with in_view():
        bpy.ops.view3d.pastebuffer()
    assert bpy.data.objects["tiny"].talksplat.head == "//../lib/anna.head"


@pytest.mark.parametrize("what", [("Object", "tiny"), ("Collection", "Cast"), ("Scene", "Scene")])
def test_a_linked_head_is_shown_and_talks(shot, what):
    from talksplat.blender_addon.head_objects import head_of, locked_reason

    bring(shot, *what, link=True)
    obj = next(obj for obj in bpy.data.objects if obj.name == "tiny")
    if what[0] == "Scene":
        bpy.context.window.scene = obj.users_scene[0]
    elif what[0] == "Object":
        bpy.context.view_layer.objects.active = obj
    moment = at_frame(obj)
    assert kind(moment) == ".performance"
    assert moment.moment.controls.intensity == 0.5
    assert head_of(bpy.context) == obj
    assert "Library Override" in locked_reason(obj)
    reopen(save(Path(bpy.data.filepath)))
    again = at_frame(next(obj for obj in bpy.data.objects if obj.name == "tiny"))
    np.testing.assert_array_equal(again.frame.means, moment.frame.means)


@pytest.mark.parametrize("what", [("Object", "tiny"), ("Collection", "Cast")])
def test_an_overridden_head_has_its_own_sliders_and_the_librarys_files(shot, what, shown):
    from talksplat.blender_addon.head_objects import locked_reason

    bring(shot, *what, link=True)
    linked = next(obj for obj in bpy.data.objects if obj.name == "tiny")
    bpy.context.view_layer.objects.active = bpy.context.scene.objects[0]
    bpy.ops.talksplat.make_override()
    obj = bpy.data.objects["tiny", None]
    assert obj.override_library.reference == linked
    assert not locked_reason(obj)
    obj.talksplat.controls.intensity = 2.0
    moment = at_frame(obj)
    assert kind(moment) == ".performance"
    np.testing.assert_array_equal(shown(obj).means, moment.frame.means)
    reopen(save(Path(bpy.data.filepath)))
    obj = bpy.data.objects["tiny", None]
    assert obj.talksplat.controls.intensity == 2.0, "an override keeps what was set"
    again = at_frame(obj)
    np.testing.assert_array_equal(again.frame.means, moment.frame.means)
    np.testing.assert_array_equal(shown(obj).means, moment.frame.means)


def test_an_override_that_was_relinked_beside_its_file_is_not_taken_for_the_librarys(shot, make_head):
    """Both folders hold an anna.head: the same words mean two files."""
    bring(shot, "Object", "tiny", link=True)
    bpy.context.view_layer.objects.active = bpy.data.objects["tiny"]
    bpy.ops.talksplat.make_override()
    mine = Path(bpy.data.filepath).parent / "anna.head"
    mine.write_bytes((shot.parent / "anna.head").read_bytes())
    bpy.ops.talksplat.relink_head(filepath=str(mine))
    (shot.parent / "anna.head").unlink()
    reopen(save(Path(bpy.data.filepath)))
    obj = bpy.data.objects["tiny", None]
    assert len(obj.data.points) == len(Replay(read_head(mine)).canonical)


def test_a_library_without_its_head_says_so(shot):
    from talksplat.blender_addon import playback

    (shot.parent / "anna.head").unlink()
    bring(shot, "Object", "tiny", link=True)
    obj = bpy.data.objects["tiny"]
    assert at_frame(obj) is None
    assert str(shot.parent / "anna.head") in playback.problem_of(obj)
