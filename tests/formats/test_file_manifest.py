# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest knows what is finished, whatever was cut off; frames are selected and numbered as Blender does."""

import pytest

from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.file_manifest import FileManifest, content_key
from talksplat.core.formats.shot_frames import frame_number, select_frames
from talksplat.core.formats.user_error import UserError


def test_a_file_is_finished_when_it_is_there_with_its_key(tmp_path):
    manifest, image, key = FileManifest(tmp_path / "new" / "m.txt"), tmp_path / "new" / "a.png", content_key("a", 1)
    manifest.add(image, key)
    assert not manifest.is_finished(image, key), "the file is missing"
    image.write_bytes(b"")
    assert not manifest.is_finished(image, key), "a crash of the machine left a name without bytes"
    image.write_bytes(b"image")
    with open(manifest.path, "a") as file:
        file.write(f"\n{key[:9]}")  # what a kill left
    again = FileManifest(manifest.path)
    assert again.is_finished(image, key)
    assert not again.is_finished(image, content_key("a", 2))
    again.add(image, content_key("a", 2))
    assert not FileManifest(manifest.path).is_finished(image, key), "the last line counts"
    assert FileManifest(manifest.path).is_finished(image, content_key("a", 2))


def test_frames_are_numbered_as_blender_does():
    assert [frame_number(n) for n in (1, 12345, -1, 0)] == ["0001", "12345", "-0001", "0000"]


def test_frames_are_those_of_the_shot(make, tmp_path):
    with BakeReader.open(make.write_bake(tmp_path / "a.bake")) as bake:
        assert select_frames(bake, None, None) == range(-1, 4)
        assert select_frames(bake, 0, 2) == range(0, 3)
        for first, last in ((-2, None), (None, 4), (2, 1)):
            with pytest.raises(UserError, match=r"a\.bake: holds frames -1 to 3"):
                select_frames(bake, first, last)
