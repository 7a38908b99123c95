# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching on and off leaves nothing behind, and every word the user reads is there."""

from dataclasses import fields

import bpy
import pytest

from talksplat.core.jobs.messages import Render
from talksplat.core.performance.controls import Controls


def traces() -> tuple:
    handlers = [h for name in dir(bpy.app.handlers) if isinstance(h := getattr(bpy.app.handlers, name), list)]
    ours = [f for h in handlers for f in h if "talksplat" in f.__module__]
    types = [name for name in dir(bpy.types) if name.startswith("TALKSPLAT_")]
    return ours, types, hasattr(bpy.types.Object, "talksplat")


def test_on_and_off_twice():
    from talksplat import blender_addon

    for _ in range(2):
        blender_addon.register()
        assert traces()[0]
        assert hasattr(bpy.types.Object, "talksplat")
        blender_addon.unregister()
        assert traces() == ([], [], False)


def test_every_slider_is_the_cores(blender):
    from talksplat.blender_addon.properties import SLIDERS

    body = blender.data.objects.new("head", blender.data.pointclouds.new("head"))
    assert set(SLIDERS) == {field.name for field in fields(Controls)}
    assert body.talksplat.controls.values() == Controls()
    for name, (_, least, most, *_) in SLIDERS.items():
        assert least <= getattr(Controls(), name) <= most


def test_a_setting_has_the_jobs_own_default(blender):
    body = blender.data.objects.new("head", blender.data.pointclouds.new("head"))
    for name in ("size", "png", "exr", "movie"):
        assert getattr(body.talksplat, name) == getattr(Render("", ""), name)


def test_every_verb_says_why_it_is_grey(blender):
    """In an empty scene nearly every button is grey; each has its sentence, and `poll` agrees with it."""
    from talksplat.blender_addon import operators

    grey = {
        cls.bl_idname: cls.disabled_reason(blender.context)
        for cls in operators.CLASSES
        if issubclass(cls, bpy.types.Operator)
    }
    for name, reason in grey.items():
        room, verb = name.split(".")
        assert getattr(getattr(bpy.ops, room), verb).poll() == (not reason)
    assert {name for name, reason in grey.items() if not reason} <= {
        "talksplat.add_head",
        "talksplat.set_up_playback",
        "talksplat.self_test",
    }
    assert all(reason[0].isupper() and not reason.endswith(".") for reason in grey.values() if reason)


@pytest.mark.parametrize("panel", ["head", "speech", "performance", "bake", "plates"])
def test_panels_are_in_one_tab(blender, panel):
    assert getattr(bpy.types, f"TALKSPLAT_PT_{panel}").bl_category == "TalkSplat"
