# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake finds its sound from its own folder on, and says nothing of the machine that it was made on."""

import shutil

import av
import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.baking.render import render
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.stored_path import found_path
from talksplat.core.jobs import Bake, Render
from talksplat.core.jobs.events import Warned


@pytest.fixture
def project(tiny_head, voice, tmp_path):
    """A folder with a head, a sound and a bake, each in a folder of its own; the bake's is reached by a link."""
    folder = tmp_path / "machine" / "project"
    for name, source in (("heads/tiny.head", tiny_head), ("sound/voice.wav", voice)):
        (folder / name).parent.mkdir(parents=True)
        shutil.copyfile(source, folder / name)
    (folder / "cache" / "deep").mkdir(parents=True)
    (folder / "bakes").symlink_to(folder / "cache" / "deep", target_is_directory=True)
    job = Bake(str(folder / "heads/tiny.head"), str(folder / "sound/voice.wav"), str(folder / "bakes/a.bake"))
    list(bake(job))
    return folder


def test_a_moved_project_still_finds_its_sound(project, tmp_path):
    file = project / "bakes" / "a.bake"
    assert str(tmp_path).encode() not in file.read_bytes(), "nobody learns where the artist's home is"
    with BakeReader.open(file) as baked:
        assert (baked.card.head, baked.card.audio) == ("../../heads/tiny.head", "../../sound/voice.wav")
    moved = tmp_path / "elsewhere"
    project.rename(moved)
    job = Render(str(moved / "cache/deep/a.bake"), str(moved / "p"), 16, png=False, exr=False)
    events = list(render(job))
    assert not [event for event in events if isinstance(event, Warned)]
    with av.open(str(moved / "p" / "a.mp4")) as movie:
        assert movie.streams.audio


def test_a_bake_of_0_1_0_has_absolute_paths():
    assert found_path("folder/a.bake", "/home/anna/voice.wav") == "/home/anna/voice.wav"
    assert found_path("folder/a.bake", "") == ""
