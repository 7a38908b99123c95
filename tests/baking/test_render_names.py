# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a render as a studio takes them: names by tokens, versions that nobody overwrites, a manifest."""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from talksplat.core.baking.render import render
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Render
from talksplat.core.jobs.events import Finished

NAME = "{shot}_{head}_v###.####"


@pytest.fixture(scope="module")
def bakes(make, tmp_path_factory):
    """Two bakes of one name: the second is of another sound."""
    paths = []
    for sound in ("cd", "ef"):
        path = tmp_path_factory.mktemp(sound) / "sh010.bake"
        make.continue_bake(path, make.bake_card(3, audio_hash=sound * 32), make.gaussians(30))
        paths.append(path)
    return paths


@pytest.fixture
def job(bakes, tmp_path):
    return Render(str(bakes[0]), str(tmp_path / "out"), 16, exr=False, movie=False, name=NAME, device="cpu")


def run(job):
    *_, last = render(job)
    assert isinstance(last, Finished), last
    return last.result


def names(job):
    return sorted(path.name for path in Path(job.out).iterdir() if path.name != "lock")


def test_a_changed_shot_gets_the_next_version_and_the_same_one_goes_on(job, bakes):
    run(replace(job, last=0))
    assert names(job) == [f"sh010_anna_v001.{n}" for n in ("-0001.png", "0000.png", "rendered.txt")]
    assert run(job)["rendered"] == 1, "the same render goes on in its version"
    first = {path: path.read_bytes() for path in Path(job.out).glob("*.png")}
    changed = replace(job, bake=str(bakes[1]))
    assert run(changed)["rendered"] == 3
    assert {name[:15] for name in names(job) if "v001" not in name} == {"sh010_anna_v002"}
    assert run(replace(job, first=1))["rendered"] == 1, "v002 is of another shot, so v003 begins"
    assert {path: path.read_bytes() for path in first} == first
    with pytest.raises(UserError, match="never overwritten"):
        run(replace(changed, version=1))
    assert run(replace(changed, version=2))["rendered"] == 0


def test_the_version_may_be_the_folder(job, bakes, tmp_path):
    job = replace(job, out=str(tmp_path / "{shot}" / "v###" / "png"), name="{shot}.####")
    (tmp_path / "sh010" / "v004").mkdir(parents=True)
    assert Path(run(job)["folder"]) == tmp_path / "sh010" / "v005" / "png", "v004 holds somebody's files"
    assert run(job)["rendered"] == 0


def test_tokens_of_the_shell_and_what_is_none(job, tmp_path):
    run(replace(job, name="{scene}-{camera}_####", tokens=("scene=bar", "camera=wide"), frames="1"))
    assert (tmp_path / "out" / "bar-wide_0001.png").is_file()
    for wrong in (
        {"tokens": ("scenes=bar",)},
        {"name": "{Shot}.####"},
        {"name": "{scene}"},
        {"name": "x", "version": 2},
    ):
        with pytest.raises(UserError):
            run(replace(job, **wrong))


def test_names_of_0_1_0_are_as_they_were(job, tmp_path):
    """Also those with the signs that now mean something: a bake's own name is no template."""
    plain = tmp_path / "a {b} ##.bake"
    plain.write_bytes(Path(job.bake).read_bytes())
    run(replace(job, bake=str(plain), name=""))
    assert "a {b} ##.0001.png" in names(job)
    run(replace(job, name="anna.v1"))
    assert {"anna.v1.0001.png", "anna.v1.rendered.txt"} <= set(names(job))


def test_the_options_of_an_exr_are_in_it_and_in_its_version(job, tmp_path):
    """Another compression is another file, so that it gets the next version."""
    job = replace(job, png=False, exr=True, frames="1", passes=("beauty",), exr_layout="nuke")
    run(job)
    run(replace(job, exr_compression="dwaa", full_float=True, space="srgb_rec709_scene"))
    said = {}
    for version in (1, 2):
        with OpenEXR.File(str(Path(job.out) / f"sh010_anna_v00{version}.0001.exr"), separate_channels=True) as file:
            pixels = file.channels()["R"].pixels
            said[version] = file.parts[0].compression(), pixels.dtype, file.header()["colorInteropID"]
    assert said[1] == (OpenEXR.ZIP_COMPRESSION, np.float16, "lin_rec709_scene")
    assert said[2] == (OpenEXR.DWAA_COMPRESSION, np.float32, "srgb_rec709_scene")
    with pytest.raises(UserError, match="zips"):
        run(replace(job, exr_compression="piz"))


def test_what_is_published_can_be_checked_and_does_not_change(job, tmp_path):
    job = replace(job, exr=True, movie=True, publish=True, passes=("beauty",), supersampling="2x", filter_width=2.0)
    run(job)
    path = Path(job.out) / "sh010_anna_v001.publish.json"
    said = json.loads(path.read_text())
    made = {p.name: p for p in Path(job.out).iterdir() if p.suffix in (".png", ".exr", ".mp4")}
    assert {row["file"]: row["sha256"] for row in said["files"]} == {
        name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in made.items()
    }
    with BakeReader.open(job.bake) as bake:
        assert Fraction(said["fps"]) == bake.card.fps
        assert said["head"]["content_hash"] == bake.card.head_hash
        assert said["controls"] == bake.card.controls
        assert said["sound"]["content_hash"] == bake.card.audio_hash
        assert said["words"] == {"files": [], "content_hash": bake.card.words_hash}
    assert (said["supersampling"], said["pixel_filter"]) == ("2x", {"name": "box", "width": 2.0})
    assert (said["frames"], said["exr"]["colour_space"]) == ("-1-1", "lin_rec709_scene")
    assert str(tmp_path) not in path.read_text(), "nothing of the machine"
    before = path.read_bytes()
    run(job)
    assert path.read_bytes() == before
    part = replace(job, frames="-1", name="part_v###.####")
    run(part)
    assert run(replace(part, frames=""))["rendered"] == 3, "a published version gets no more frames"
    assert (Path(job.out) / "part_v002.0001.png").is_file()


def test_a_published_version_keeps_its_manifest_when_a_part_is_published_again(job):
    """It was written anew, and named the part alone; a movie of the part came beside the published one."""
    job = replace(job, movie=True, publish=True)
    run(job)
    folder = Path(job.out)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(replace(job, frames="0,1"))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if "v002" not in path.name} == before
    assert json.loads((folder / "sh010_anna_v002.publish.json").read_text())["frames"] == "0-1"
    part = replace(job, version=1, publish=False, movie=False, frames="0")
    assert run(part)["rendered"] == 0, "to ask for what is there is no other render"
    (folder / "sh010_anna_v001.publish.json").write_text('{"files": [3, {}]}')
    with pytest.raises(UserError, match="never overwritten"):
        run(part)
