# SPDX-License-Identifier: GPL-3.0-or-later
"""NAME.nk beside the files of a render, read by a small Tcl of our own: Nuke's grammar, its stack and its camera."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from talksplat.core.baking.render import render
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Render

CLASSES = {
    "StickyNote": set(),
    "Read": {"file_type", "file", "format", "first", "last", "origfirst", "origlast", "origset", "on_error"}
    | {"colorspace", "premultiplied"},
    "Camera3": {"useMatrix", "matrix", "projection_mode", "focal", "haperture", "vaperture", "win_translate"}
    | {"near", "far"},
    "ZDefocus2": {"z_channel", "math"},
    "VectorBlur2": {"uv", "scale"},
    "Cryptomatte": {"cryptoLayer", "matteList"},
    "Shuffle": {"in", "red", "green", "blue", "alpha"},
}
OF_ALL = {"inputs", "name", "label", "selected", "xpos", "ypos", "disable"}
SIZE = (41, 30)


class Script:
    """The nodes of a script by their names. Raises where Tcl would see no script, or a command that is not Nuke's."""

    def __init__(self, text):
        self.nodes, self.stack, self.named, self.layers = {}, [], {}, {}
        for words in commands(text):
            getattr(self, f"do_{words[0]}", self.add)(*words)

    def do_version(self, _, number, build):
        assert float(number) >= 13, "Cryptomatte is a node of Nuke's own since 13"
        assert build == "v1"

    def do_set(self, _, name, value):
        assert value == "[stack 0]"
        self.named[name] = self.stack[-1] if self.stack else None

    def do_push(self, _, value):
        self.stack.append(self.named[value.removeprefix("$")] if value != "0" else None)

    def do_add_layer(self, _, words):
        name, *channels = words.split()
        assert all(channel.startswith(f"{name}.") for channel in channels)
        self.layers[name] = channels

    def add(self, kind, body):
        assert kind in CLASSES, f"{kind} is no class of Nuke's that we write"
        knobs = {}
        for words in commands(body):
            assert len(words) == 2, f"{kind}: {words} is no knob with its value"
            assert words[0] in CLASSES[kind] | OF_ALL, f"{kind} has no knob {words[0]}"
            assert words[0] not in knobs
            knobs[words[0]] = words[1]
        count = int(knobs.get("inputs", 1))
        source = [self.stack.pop() for _ in range(count)]
        assert knobs["name"] not in self.nodes
        self.nodes[knobs["name"]] = SimpleNamespace(kind=kind, knobs=knobs, source=source)
        self.stack.append(knobs["name"])

    def of(self, kind):
        return [node for node in self.nodes.values() if node.kind == kind]


def commands(text):
    """Lists of words, as Tcl splits them; nothing but `[stack 0]` may be run."""
    words, at = [], 0
    while at <= len(text):
        sign = text[at] if at < len(text) else "\n"
        if sign == "#" and not words:
            at = text.index("\n", at)
        elif sign == "\n":
            if words:
                yield words
            words, at = [], at + 1
        elif sign.isspace():
            at += 1
        else:
            word, at = one_word(text, at)
            words.append(word)


def one_word(text, at):
    """(the word that begins there, where it ends)."""
    if text[at] == "{":
        depth, end = 0, at
        while True:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
            if not depth:
                return text[at + 1 : end - 1], end
    if text[at] == '"':
        end = text.index('"', at + 1)
        inner = text[at + 1 : end]
        assert not set(inner) & set("$\\{}[]"), f"Tcl would change or run {inner!r}"
        return inner, end + 1
    if text.startswith("[stack 0]", at):
        return "[stack 0]", at + len("[stack 0]")
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    word = text[at:end]
    assert not set(word[1:]) & set('$[]{}"\\'), f"Tcl would change or run {word!r}"
    return word, end


def value_at(word, frame):
    """A number, or that of `{curve x1 2 x2 3}` at a key."""
    if "curve" not in word:
        return float(word)
    kind, *keys = word.strip("{}").split()
    assert kind == "curve"
    return dict(zip((int(key[1:]) for key in keys[::2]), map(float, keys[1::2])))[frame]


def elements(word):
    """The elements of a Tcl list, their own braces taken off."""
    (words,) = commands(word.replace("\n", " "))
    return words


def nuke_pixels(camera, points, frame, width, height, aspect):
    """[N,2] of points in Nuke's world, y downwards as our pictures are. The formulas are those of
    `nukescripts.snap3d.cameraProjectionMatrix`, which comes with Nuke; the window is shifted after the projection."""
    knobs = camera.knobs
    assert knobs["useMatrix"] == "true"
    matrix = np.array([[value_at(cell, frame) for cell in elements(row)] for row in elements(knobs["matrix"])])
    seen = np.c_[points, np.ones(len(points))] @ np.linalg.inv(matrix).T
    focal = value_at(elements(knobs["focal"])[0], frame)
    lens = focal / float(knobs["haperture"])
    ndc = 2 * lens * seen[:, :2] / (1 if knobs.get("projection_mode") == "orthographic" else -seen[:, 2:3])
    ndc -= [value_at(cell, frame) for cell in elements(knobs["win_translate"])]
    x = (ndc[:, 0] + 1) * width / 2
    y = (ndc[:, 1] + height / width / aspect) * width / 2 * aspect
    return np.stack([x, height - y], 1)


@pytest.fixture
def job(make, tmp_path):
    """Of three frames with Nuke's layers; `job(**changes)`."""
    path = tmp_path / "sh010.bake"
    make.continue_bake(path, make.bake_card(3, frame_start=7), make.gaussians(30))
    plain = Render(str(path), str(tmp_path / "out"), 16, png=False, movie=False, exr_layout="nuke", device="cpu")
    return lambda **changes: replace(plain, **({"nuke_script": True} | changes))


def run(job):
    *_, last = render(job)
    return last.result


def script_of(job):
    return Script(Path(run(job)["nuke_script"]).read_text(encoding="utf-8"))


def read_of(script):
    (node,) = script.of("Read")
    return node.knobs


def moving_view(step):
    """A camera that pans, zooms and is shifted, with pixels that are not square."""
    view = Camera.looking_at([0.1 * step, -0.6, 0.05], [0, 0, 0.02], *SIZE, 0.5 + 0.1 * step)
    return replace(view, fx=view.fx / 1.25, cx=view.cx + 3 + step, cy=view.cy - 5)


def test_read_shows_the_files_that_are_there(job, tmp_path):
    script = script_of(job())
    knobs = read_of(script)
    assert [int(knobs[name]) for name in ("first", "last", "origfirst", "origlast")] == [7, 9, 7, 9]
    for frame in (7, 8, 9):
        assert Path(knobs["file"] % frame).is_file()
    assert knobs["format"].split()[:7] == ["16", "16", "0", "0", "16", "16", "1"]
    assert (knobs["colorspace"], knobs["premultiplied"]) == ("linear", "true")
    assert not script.of("Write")


@pytest.mark.parametrize(
    ("space", "name"),
    [("lin_ap1_scene", "ACEScg"), ("lin_ap0_scene", "ACES2065-1"), ("srgb_rec709_scene", "sRGB")],
)
def test_the_colour_space_is_that_of_the_files(job, space, name):
    assert read_of(script_of(job(space=space)))["colorspace"] == name


def test_a_name_with_more_digits_and_frames_left_out(job):
    knobs = read_of(script_of(job(name="{shot}_v###_######", frames="7,9", tokens=("shot=sh 1",))))
    assert Path(knobs["file"] % 9).name == "sh 1_v001_000009.exr"
    assert Path(knobs["file"] % 9).is_file()
    assert knobs["on_error"] == "nearest frame", "frame 8 is not there"


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_nukes_camera_sees_every_point_where_ours_does(job, kind):
    """Also of a head that is turned and scaled, with a shifted lens, wide pixels and a focal length that changes."""
    turned = np.array([[0.0, -2, 0, 0.3], [2, 0, 0, -0.1], [0, 0, 2, 1.5], [0, 0, 0, 1]])
    away = np.linalg.inv(np.array([[1, 0, 0, 0.3], [0, 1, 0, -0.1], [0, 0, 1, 1.5], [0, 0, 0, 1]]))
    worlds = [replace(moving_view(step), kind=kind) for step in range(3)]
    views = [replace(view, viewmat=(view.matrix @ away @ turned).tolist()) for view in worlds]
    script = script_of(job(cameras=tuple(views), head_to_world=(tuple(map(tuple, turned.tolist())),)))
    (camera,) = script.of("Camera3")
    points = np.random.default_rng(1).uniform(-0.1, 0.1, (200, 3))
    world = points @ turned[:3, :3].T + turned[:3, 3]
    nukes = np.stack([world[:, 0], world[:, 2], -world[:, 1]], 1)
    aspect = float(read_of(script)["format"].split()[6])
    for frame, view in zip((7, 8, 9), views):
        seen = points @ view.matrix[:3, :3].T + view.matrix[:3, 3]
        depth = seen[:, 2:] if kind == "perspective" else 1.0
        ours = seen[:, :2] / depth * [view.fx, view.fy] + [view.cx, view.cy]
        np.testing.assert_allclose(nuke_pixels(camera, nukes, frame, *SIZE, aspect), ours, atol=0.001)
    rotation = np.array([[value_at(c, 8) for c in elements(r)] for r in elements(camera.knobs["matrix"])])[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)


def test_a_camera_that_stands_still_has_no_keys(job):
    (camera,) = script_of(job(cameras=(moving_view(1),))).of("Camera3")
    assert "curve" not in "".join(camera.knobs.values())


def test_the_frame_is_the_picture_also_with_overscan(job):
    plain, wide = (script_of(job(name=f"o{over}.####", overscan=float(over))) for over in (0, 25))
    assert read_of(plain)["format"] == read_of(wide)["format"]
    cameras = [{**script.of("Camera3")[0].knobs, "name": ""} for script in (plain, wide)]
    assert cameras[0] == cameras[1]


def test_each_pass_has_its_node_switched_off_and_none_that_the_files_lack(job):
    every = ("beauty", "depth", "vector", "matte_face", "matte_mouth", "cryptomatte", "cryptomatte_parts")
    script = script_of(job(passes=every))
    (read,) = [name for name, node in script.nodes.items() if node.kind == "Read"]
    (blur,), (defocus,) = script.of("VectorBlur2"), script.of("ZDefocus2")
    assert (blur.knobs["uv"], defocus.knobs["z_channel"]) == ("forward", "depth.Z")
    assert blur.knobs["disable"] == defocus.knobs["disable"] == "true"
    assert {node.knobs["cryptoLayer"] for node in script.of("Cryptomatte")} == {"CryptoObject", "CryptoPart"}
    assert {node.knobs["in"] for node in script.of("Shuffle")} == {"matte_face", "matte_mouth"}
    for node in script.of("Shuffle"):
        assert script.layers[node.knobs["in"]] == [f"{node.knobs['in']}.alpha"]
    branches = [node.source for kind in ("Shuffle", "Cryptomatte") for node in script.of(kind)]
    assert branches == [[read]] * 4
    plain = script_of(job(passes=("beauty",), name="plain"))
    assert {node.kind for node in plain.nodes.values()} == {"Read", "Camera3", "StickyNote"}


def test_pictures_that_are_blurred_already_get_no_vector_blur(job):
    blurred = job(passes=("beauty", "vector"), motion_blur=True, motion_samples=2)
    assert not script_of(blurred).of("VectorBlur2")


def test_it_changes_no_picture_and_renders_none_again(job, tmp_path):
    run(job(nuke_script=False))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "out").glob("*.exr")}
    assert not list((tmp_path / "out").glob("*.nk"))
    assert run(job())["rendered"] == 0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    assert [path.name for path in (tmp_path / "out").glob("*.nk")] == ["sh010.nk"]


def test_a_comp_that_an_artist_saved_over_it_stays(job):
    path = Path(run(job())["nuke_script"])
    ours = path.read_bytes()
    run(job(space="lin_ap1_scene"))
    assert path.read_bytes() != ours, "one of ours follows the render"
    path.write_bytes(theirs := path.read_bytes() + b"Grade {\n name Grade1\n}\n")
    *events, last = render(job())
    assert path.read_bytes() == theirs
    assert "nuke_script" not in last.result
    assert any("stays as it is" in getattr(event, "sentence", "") for event in events)


@pytest.mark.parametrize("sign", ["[python {print(1)}]", "$HOME", "a%d", 'q"q', "b}b", "h##h"])
def test_a_folder_whose_name_nuke_would_run_is_told_before_anything_is_drawn(job, tmp_path, sign):
    """Nuke runs what stands in brackets in a file's name: a job file from anybody could name its folder so."""
    place = tmp_path / sign
    place.mkdir()
    with pytest.raises(UserError, match="Nuke"):
        run(job(out=str(place)))
    assert not list(place.glob("*.exr"))


def test_what_has_no_script_is_told(job, make, tmp_path):
    for wrong in ({"exr_layout": "blender"}, {"exr": False, "png": True}):
        with pytest.raises(UserError, match="layout nuke"):
            run(job(**wrong))
    early = tmp_path / "early.bake"
    make.continue_bake(early, make.bake_card(3, frame_start=-1), make.gaussians(30))
    with pytest.raises(UserError, match="below 0"):
        run(job(bake=str(early)))
    run(job(bake=str(early), nuke_script=False))
