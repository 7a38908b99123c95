# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching on and off leaves nothing behind, and every word the user reads is there."""

import re
from pathlib import Path

import bpy
import pytest

from talksplat import blender_addon
from talksplat.core.baking.render_sampling import SUPERSAMPLING
from talksplat.core.exporting import EXPORTERS
from talksplat.core.jobs import Export, Render
from talksplat.core.performance import CONTROLS, Controls


def traces() -> tuple:
    handlers = [h for name in dir(bpy.app.handlers) if isinstance(h := getattr(bpy.app.handlers, name), list)]
    ours = [f for h in handlers for f in h if "talksplat" in f.__module__]
    types = [name for name in dir(bpy.types) if name.startswith("TALKSPLAT_")]
    return ours, types, hasattr(bpy.types.Object, "talksplat")


def test_on_and_off_twice():
    for _ in range(2):
        blender_addon.register()
        assert traces()[0]
        assert hasattr(bpy.types.Object, "talksplat")
        blender_addon.unregister()
        assert traces() == ([], [], False)


def test_every_control_pass_and_format_of_the_core_is_there(blender):
    obj = blender.data.objects.new("head", blender.data.pointclouds.new("head"))
    settings = obj.talksplat
    assert settings.controls.values() == Controls()
    for name, control in CONTROLS.items():
        slider = settings.controls.bl_rna.properties[name]
        assert (slider.name, slider.hard_min, slider.hard_max) == (control.label, control.low, control.high)
        assert slider.is_animatable == control.keyable
    assert settings.passes.names() == Render("", "").passes
    assert {item.identifier for item in settings.bl_rna.properties["export_format"].enum_items} == set(EXPORTERS)
    assert {item.identifier for item in settings.bl_rna.properties["supersampling"].enum_items} == set(SUPERSAMPLING)


def test_a_setting_has_the_jobs_own_default(blender):
    obj = blender.data.objects.new("head", blender.data.pointclouds.new("head"))
    for name in ("size", "png", "exr", "movie", "supersampling"):
        assert getattr(obj.talksplat, name) == getattr(Render("", ""), name)
    assert obj.talksplat.export_format == Export("", "").format


def test_every_button_says_why_it_is_grey(blender):
    """In an empty scene nearly every button is grey; each has its sentence, and `poll` agrees with it."""
    from talksplat.blender_addon import operators

    grey = {
        cls.bl_idname: cls.disabled_reason(blender.context)
        for cls in operators.CLASSES
        if issubclass(cls, bpy.types.Operator)
    }
    for name, reason in grey.items():
        module, operator = name.split(".")
        assert getattr(getattr(bpy.ops, module), operator).poll() == (not reason)
    assert {name for name, reason in grey.items() if not reason} <= {
        "talksplat.add_head",
        "talksplat.add_sample_head",
        "talksplat.import_head",
        "talksplat.open_demo_scene",
        "talksplat.open_manual",
        "talksplat.set_up_playback",
        "talksplat.use_standard_view",
        "talksplat.self_test",
    }
    assert all(reason[0].isupper() and not reason.endswith(".") for reason in grey.values() if reason)


@pytest.mark.parametrize("panel", ["head", "speech", "performance", "bake", "render", "export"])
def test_panels_are_in_one_tab(blender, panel):
    assert getattr(bpy.types, f"TALKSPLAT_PT_{panel}").bl_category == "TalkSplat"


def test_only_one_file_asks_which_blender_this_is():
    """scene/versions.py; all others call its functions."""
    folder = Path(blender_addon.__file__).parent
    asks = re.compile(r"\bhasattr\(|\bbl_rna\b|bpy\.app\.version|getattr\([^()]*,[^()]*,[^()]*\)")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if asks.search(path.read_text())}
    assert found == {str(Path("scene", "versions.py"))}


def words_of(cls) -> list[str]:
    """What an artist reads of a class: the label, an operator's tooltip, those of its properties."""
    rna, tooltip = cls.bl_rna, ""
    if issubclass(cls, bpy.types.Operator):
        rna = getattr(bpy.ops.talksplat, cls.bl_idname.split(".")[1]).get_rna_type()
        tooltip = rna.description
    theirs = {p.identifier for base in cls.__bases__ if hasattr(base, "bl_rna") for p in base.bl_rna.properties}
    properties = [p for p in rna.properties if p.identifier not in theirs]  # also those of a mixin
    items = [item for p in properties if p.type == "ENUM" for item in p.enum_items]
    properties += items
    return [getattr(cls, "bl_label", ""), tooltip, *(text for p in properties for text in (p.name, p.description))]


def test_no_word_of_our_own_is_left_in_what_an_artist_reads(blender):
    kinds = (bpy.types.Operator, bpy.types.Panel, bpy.types.PropertyGroup, bpy.types.UIList, bpy.types.AddonPreferences)
    ours = [cls for kind in kinds for cls in kind.__subclasses__() if cls.__module__.startswith("talksplat.")]
    texts = [text for cls in ours if cls.is_registered for text in words_of(cls)]
    assert {"Lips Apart", "Weight", "Blend In", "Words", "Left/Right", "Python Environment"} <= set(texts)
    assert not [text for text in texts if re.search(r"plate|slate|beside|\black|\blies\b|listen", text.lower())]
    assert not [text for text in texts if text.endswith(".")], "Blender adds the full stop of a tooltip itself"
