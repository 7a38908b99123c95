# SPDX-License-Identifier: GPL-3.0-or-later
"""A redraw of the panel costs the same for a hundred frames and for an hour: no frame is looked at, no file is read.

It took 2.7 seconds: every frame of the shot was sampled, and a whole film hashed.
"""

import builtins
import functools
import inspect
import io
import os
import sys
from types import SimpleNamespace

import bpy
import pytest

HOUR = 86_400


class Frames(frozenset):
    """The stored frames of a bake: asked for their number and for one of them, never gone through."""

    def __iter__(self):
        raise AssertionError("the panel goes through the frames of a bake")


class Layout:
    """Takes whatever a panel draws."""

    def __init__(self):
        self.texts = []

    def __setattr__(self, name, value):
        self.__dict__[name] = value

    def label(self, text="", icon=""):
        self.texts.append(text)

    def panel(self, _name):
        return self, self

    def __getattr__(self, kind):
        return lambda *args, **kwargs: self


class Drawn:
    """A panel, which only Blender can make: its class's own methods over our layout."""

    def __init__(self, cls, layout):
        self._cls, self.layout = cls, layout

    def __getattr__(self, name):
        method = inspect.getattr_static(self._cls, name)
        return method.__func__ if isinstance(method, staticmethod) else functools.partial(method, self)


@pytest.fixture
def draw_all(talking, tmp_path, monkeypatch):
    """draw_all(count) -> texts: our whole tab, for a keyed shot of so many frames, all but one baked."""
    from talksplat.blender_addon import open_files, panels, running
    from talksplat.core.formats import BakeCard
    from talksplat.core.performance import controls_card

    scene, settings = bpy.context.scene, talking.talksplat
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    monkeypatch.setattr(running, "core_python", lambda: tmp_path)
    for frame, value in ((1, 0.0), (90, 0.7)):
        settings.controls.brows = value
        settings.controls.keyframe_insert("brows", frame=frame)
    settings.bake = str(tmp_path / "shot.bake")
    context = SimpleNamespace(
        scene=scene,
        object=talking,
        preferences=bpy.context.preferences,
        region=SimpleNamespace(width=400),
        window_manager=bpy.context.window_manager,
        workspace=bpy.context.workspace,
    )

    def draw(count):
        scene.frame_end = count
        card = BakeCard("b", 24, 1, count, 1, "h", "a", controls=controls_card([settings.controls.values()]))
        reader = SimpleNamespace(card=card, keyed_controls={}, pose_change={})
        bake = open_files.OpenBake(reader, Frames(range(2, count + 1)), "1")
        monkeypatch.setattr(open_files.bake, "cached", lambda _: bake)
        texts = []
        for cls in panels.CLASSES:
            layout = Layout()
            cls.draw(Drawn(cls, layout), context)
            texts += layout.texts
        return texts

    return draw


def calls_of(function) -> int:
    """How many functions are called, Python's and C's."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def test_a_redraw_does_as_much_for_an_hour_as_for_a_hundred_frames(draw_all):
    draw_all(100)
    short, long = (calls_of(lambda count=count: draw_all(count)) for count in (100, HOUR))
    assert abs(long - short) < 50, f"{short} calls for a hundred frames, {long} for an hour"


def test_a_redraw_reads_no_file(draw_all, monkeypatch):
    draw_all(100)

    def forbidden(path, *_args, **_kwargs):
        raise AssertionError(f"the panel reads {path}")

    for module, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "listdir"), (os, "scandir")):
        monkeypatch.setattr(module, name, forbidden)
    assert any("of 100 frames are baked" in text for text in draw_all(100))


def test_finding_out_about_an_hour_lets_the_window_live(talking, monkeypatch):
    """The same answer comes between redraws, a few hundred frames at a time."""
    from talksplat.blender_addon.shot import bake_state
    from talksplat.blender_addon.shot import jobs as shot_jobs

    blocks = []
    original = shot_jobs.sample_controls

    def sample(scene, obj, frames):
        blocks.append(len(frames))
        return original(scene, obj, frames)

    monkeypatch.setattr(bake_state, "sample_controls", sample)
    bpy.context.scene.frame_end = 2000
    bake_state.state_of(bpy.context.scene, talking)
    steps = 0
    while bake_state.step(1e-9) or bake_state._work:
        steps += 1
    assert sum(blocks) == 2000
    assert max(blocks) <= bake_state.BLOCK
    assert steps >= 2000 / bake_state.BLOCK


def test_a_head_that_goes_while_the_panel_finds_out_about_it_does_no_harm(talking):
    from talksplat.blender_addon.shot import bake_state

    bpy.context.scene.frame_end = 2000
    bake_state.state_of(bpy.context.scene, talking)
    bake_state.step(1e-9)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    while bake_state.step():
        pass
