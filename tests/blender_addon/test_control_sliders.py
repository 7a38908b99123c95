# SPDX-License-Identifier: GPL-3.0-or-later
"""The Performance panel: every control in its group, grey with the reason where the head does not follow; presets."""

from pathlib import Path

import bpy
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance.controls import CONTROLS, GROUPS, Controls
from talksplat.core.performance.pose_controls import POSED


class Layout:
    """Stands in for Blender's layout: what is drawn under which heading, and whether it is grey."""

    def __init__(self, page=None):
        self.page = {} if page is None else page
        self.active, self.heading = True, ""

    def panel(self, name):
        body = Layout(self.page)
        body.heading = name
        return Layout(self.page), body

    def row(self):
        row = Layout(self.page)
        row.heading = self.heading
        return row

    column = row

    def prop(self, _owner, name, **_settings):
        self.page[name] = (self.heading, self.active)

    def label(self, **_settings):
        pass


@pytest.fixture
def drawn(talking, monkeypatch):
    """drawn() -> ({control: (heading, whether it is live)}, the sentences)."""
    from talksplat.blender_addon import control_sliders

    def draw():
        said, layout = [], Layout()
        monkeypatch.setattr(control_sliders, "draw_sentence", lambda _layout, _context, text, *_: said.append(text))
        control_sliders.draw_controls(layout, bpy.context, talking)
        return layout.page, said

    return draw


def give_rig(obj, make, tmp_path, names):
    from talksplat.blender_addon import playback

    path = tmp_path / "rigged.head"
    write_head(path, make.rigged(read_head(obj.talksplat.head), lower=names))
    obj.talksplat.head = str(path)
    playback.forget_frames()
    playback.refresh(bpy.context.scene)


def test_every_control_is_drawn_in_its_group(drawn):
    page, _ = drawn()
    assert set(page) == set(CONTROLS)
    for name, control in CONTROLS.items():
        assert control.group in GROUPS
        assert page[name][0] == f"talksplat_{control.group.lower().replace(' ', '_')}"


def test_without_a_rig_the_sliders_of_the_mouth_are_grey_and_say_so(drawn):
    page, said = drawn()
    assert {name for name in POSED if page[name][1]} == set()
    assert page["intensity"][1]
    assert page["delay"][1]
    assert any("Mouth Open" in text and "rig" in text for text in said)
    assert not page["gaze_x"][1], "the head was trained without gaze"


def test_with_a_rig_those_of_its_channels_are_live(drawn, talking, make, tmp_path):
    give_rig(talking, make, tmp_path, ("lips_apart", "pucker"))
    page, said = drawn()
    assert {name for name in POSED if page[name][1]} == {"mouth_open", "closure", "pucker"}
    assert any("Mouth Width" in text and "by itself" in text for text in said)


def test_a_slider_moves_the_head_at_once_and_back(talking, make, tmp_path, shown):
    give_rig(talking, make, tmp_path, ("lips_apart", "pucker"))
    bpy.context.scene.frame_set(20)
    talking.talksplat.use_rig = False
    before = shown(talking)
    talking.talksplat.controls.pucker = 1.0
    assert abs(shown(talking).means - before.means).max() > 1e-3
    talking.talksplat.controls.pucker = 0.0
    for one, two in zip(shown(talking), before):
        assert (one == two).all()


def shipped() -> list[Path]:
    from talksplat.blender_addon.operators import performance_presets

    return sorted(Path(performance_presets.FOLDER, "presets", performance_presets.SUBDIR).glob("*.py"))


def execute(path):
    bpy.ops.talksplat.performance_preset(filepath=str(path))


def test_blender_finds_the_shipped_presets_and_each_sets_every_slider_that_it_may(talking):
    from talksplat.blender_addon.operators.performance_presets import OF_THE_SHOT, SUBDIR

    names = {path.stem for path in shipped()}
    assert names == {"Neutral", "Mumble", "Hyper-Articulated", "Whisper", "Shout"}
    found = {path.stem for folder in bpy.utils.preset_paths(SUBDIR) for path in Path(folder).glob("*.py")}
    assert names <= found
    controls, results = talking.talksplat.controls, {}
    for path in shipped():
        for name, control in CONTROLS.items():
            setattr(controls, name, control.low)
        execute(path)
        results[path.stem] = controls.values()
        for name, control in CONTROLS.items():
            value, given = getattr(controls, name), f"controls.{name} = " in path.read_text()
            assert given != (name in OF_THE_SHOT), f"{path.stem}: {name}"
            assert control.low <= value <= control.high
            assert given or value == pytest.approx(control.low)
    neutral = vars(results["Neutral"])
    assert {name: neutral[name] for name in neutral if name not in OF_THE_SHOT} == pytest.approx(
        {name: value for name, value in vars(Controls()).items() if name not in OF_THE_SHOT}
    )
    assert len(set(results.values())) == len(results)


def test_an_artists_preset_comes_back_for_the_scenes_only_head(talking, tmp_path, monkeypatch):
    """Also where another object is the active one: the panel shows the scene's only head then."""
    monkeypatch.setattr(bpy.utils, "user_resource", lambda *_args, path="", **_: str(tmp_path / path))
    bpy.context.view_layer.objects.active = None
    controls = talking.talksplat.controls
    controls.mouth_open, controls.delay = 1.75, 0.5
    (tmp_path / "presets/talksplat/performance").mkdir(parents=True)
    bpy.ops.talksplat.add_performance_preset(name="My Villain")
    [saved] = (tmp_path / "presets/talksplat/performance").glob("*.py")
    controls.mouth_open, controls.delay = 1.0, 0.25
    execute(saved)
    assert (controls.mouth_open, controls.delay) == (1.75, 0.25)


def test_what_came_with_the_add_on_cannot_be_removed_and_an_artists_own_can(talking, tmp_path, monkeypatch):
    monkeypatch.setattr(bpy.utils, "user_resource", lambda *_args, path="", **_: str(tmp_path / path))
    own = tmp_path / "presets/talksplat/performance"
    own.mkdir(parents=True)
    bpy.utils.register_preset_path(str(tmp_path))
    before = shipped()
    bpy.ops.talksplat.add_performance_preset(name="My Villain")
    bpy.ops.talksplat.add_performance_preset(name="Shout", remove_name=True)
    assert shipped() == before
    assert list(own.iterdir())
    bpy.ops.talksplat.add_performance_preset(name="My Villain", remove_name=True)
    assert not list(own.iterdir())
    bpy.utils.unregister_preset_path(str(tmp_path))
