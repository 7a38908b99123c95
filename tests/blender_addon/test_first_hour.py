# SPDX-License-Identifier: GPL-3.0-or-later
"""The first hour: a sample head and a sound by one button each, help and the log."""

from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from talksplat.core.jobs import Perform


@pytest.fixture
def started(blender, monkeypatch):
    """The jobs that would go to the worker."""
    from talksplat.blender_addon import running

    jobs = []
    monkeypatch.setattr(running, "core_python", lambda: Path("python"))
    monkeypatch.setattr(running, "start_job", lambda label, job, on_finished: jobs.append((label, job)))
    return jobs


def test_the_sample_head_needs_no_file(blender):
    assert bpy.ops.talksplat.add_sample_head() == {"FINISHED"}
    obj = bpy.context.object
    assert len(obj.data.points) > 30_000
    assert Path(bpy.path.abspath(obj.talksplat.head)).name == "sample.head"


def test_a_chosen_sound_is_a_strip_at_the_current_frame_that_the_head_attaches(
    started, head_path, sound_path, add_strip
):
    from talksplat.blender_addon.scene.versions import strip_frames

    scene = bpy.context.scene
    add_strip(bpy, sound_path)  # music, say: it keeps its channel
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    scene.frame_end = 30
    scene.frame_set(25)
    assert bpy.ops.talksplat.choose_sound(filepath=str(sound_path)) == {"FINISHED"}
    settings = bpy.context.object.talksplat
    strip = scene.sequence_editor.strips_all[settings.strip]
    start, left, end = strip_frames(strip)
    assert (start, left) == (25, 25)
    assert scene.frame_end == end - 1
    assert len({other.channel for other in scene.sequence_editor.strips_all}) == 2
    assert (scene.sync_mode, scene.use_audio_scrub) == ("AUDIO_SYNC", True)
    [(label, job)] = started
    assert label == "Attach"
    assert isinstance(job, Perform)
    assert job.audio == str(sound_path)


def test_a_file_without_sound_is_one_sentence_and_leaves_no_strip(started, head_path, tmp_path):
    picture = tmp_path / "picture.txt"
    picture.write_text("no sound")
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    with pytest.raises(RuntimeError, match=r"picture\.txt"):
        bpy.ops.talksplat.choose_sound(filepath=str(picture))
    editor = bpy.context.scene.sequence_editor
    assert editor is None or not len(editor.strips_all)
    assert started == []


def test_help_and_the_log_are_files_that_are_there(blender, monkeypatch, tmp_path):
    from talksplat.blender_addon import running
    from talksplat.blender_addon.operators import open_help

    assert open_help.MANUAL.is_file()
    monkeypatch.setattr(running, "log_file", lambda: tmp_path / "worker.log")
    assert "nothing" in open_help.TALKSPLAT_OT_open_log.disabled_reason(bpy.context)
    (tmp_path / "worker.log").write_text("started")
    assert open_help.TALKSPLAT_OT_open_log.disabled_reason(bpy.context) == ""


def test_help_of_each_panel_is_a_page_that_is_there(blender):
    from talksplat.blender_addon.operators.open_help import HELP_PAGES, MANUAL, manual_page

    panels = {name for name in dir(bpy.types) if name.startswith("TALKSPLAT_PT_") and not name.endswith("_presets")}
    in_tab = {name for name in panels if hasattr(getattr(bpy.types, name), "draw_header_preset")}
    assert {"TALKSPLAT_PT_head", "TALKSPLAT_PT_bake"} <= in_tab
    assert in_tab <= set(HELP_PAGES)
    for panel, name in HELP_PAGES.items():
        assert (MANUAL.parent / "docs" / f"{name}.md").is_file()
        assert manual_page(panel).stem == name
    assert manual_page("").is_file()


def test_a_first_sound_that_cannot_be_chosen_says_why(blender, head_path, monkeypatch):
    """Both buttons were grey, and the panel asked for a strip that would not have helped."""
    from talksplat.blender_addon import panels, running

    said = []
    monkeypatch.setattr(running, "core_python", lambda: None)
    monkeypatch.setattr(panels, "draw_sentence", lambda _layout, _context, text, *_: said.append(text))
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    panels.TALKSPLAT_PT_speech._draw_first_sound(SimpleNamespace(operator=lambda *_, **__: None), bpy.context)
    assert said == [running.no_worker_reason()]
    assert "no Python" in said[0]


def sentences_of(panel, monkeypatch) -> list[str]:
    """What the panel says of the active head."""
    from talksplat.blender_addon import control_sliders, head_state, panel_base, panels
    from talksplat.blender_addon.shot import panels as output_panels

    class Layout:
        def __getattr__(self, name):
            return lambda *_, **__: self

        def panel(self, _name):
            return self, self

    said = []
    for module in (panels, panel_base, head_state, control_sliders, output_panels):
        monkeypatch.setattr(module, "draw_sentence", lambda _layout, _context, text, *_: said.append(text))
    methods = {name: getattr(panel, name) for name in dir(panel) if name.startswith("_draw")}
    stand_in = SimpleNamespace(layout=Layout(), **methods)
    if hasattr(panel, "draw_head"):
        panel.draw_head(stand_in, Layout(), bpy.context, bpy.context.object)
    else:
        panel.draw(stand_in, bpy.context)
    return said


def test_a_file_that_cannot_be_added_is_told_below_its_button_until_one_can(blender, head_path, tmp_path, monkeypatch):
    """A report is gone after seconds, and the panel looked as if nobody had pressed anything."""
    from talksplat.blender_addon.panels import TALKSPLAT_PT_head

    with pytest.raises(RuntimeError):
        bpy.ops.talksplat.add_head(filepath=str(tmp_path / "gone.head"))
    assert [said for said in sentences_of(TALKSPLAT_PT_head, monkeypatch) if "gone.head" in said]
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    assert not [said for said in sentences_of(TALKSPLAT_PT_head, monkeypatch) if "gone.head" in said]


@pytest.mark.parametrize("has_strip", [False, True])
def test_a_sound_that_cannot_be_chosen_is_told_below_its_button(
    started, head_path, sound_path, tmp_path, monkeypatch, add_strip, has_strip
):
    from talksplat.blender_addon import panels

    (tmp_path / "picture.txt").write_text("no sound")
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    if has_strip:
        add_strip(bpy, sound_path)
    with pytest.raises(RuntimeError):
        bpy.ops.talksplat.choose_sound(filepath=str(tmp_path / "picture.txt"))
    [said] = [said for said in sentences_of(panels.TALKSPLAT_PT_speech, monkeypatch) if "picture.txt" in said]
    assert "choose another file" in said


def test_a_rig_that_cannot_be_made_is_told_below_its_button(blender, head_path, monkeypatch):
    """The button was grey, or had failed, and the panel was silent."""
    from talksplat.blender_addon import panels, running

    bpy.ops.talksplat.add_head(filepath=str(head_path))
    running.tell("Make Rig", "a.head has changed.")
    assert "a.head has changed." in sentences_of(panels.TALKSPLAT_PT_performance, monkeypatch)
    monkeypatch.setattr(running, "core_python", lambda: None)
    assert running.no_worker_reason() in sentences_of(panels.TALKSPLAT_PT_performance, monkeypatch)
