# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest knows what is finished, whatever was cut off; frames are selected and numbered as Blender does."""

import pytest

from talksplat.core.formats.atomic_write import atomic_write
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.file_manifest import FileManifest, content_key
from talksplat.core.formats.shot_frames import frame_number, select_frames
from talksplat.core.formats.user_error import UserError


def test_a_file_is_finished_when_it_is_complete_and_has_its_key(tmp_path):
    manifest, image, key = (
        FileManifest(tmp_path / "new" / "a.rendered.txt"),
        tmp_path / "new" / "a.png",
        content_key("a"),
    )
    assert not manifest.is_finished(image, key), "the file is missing"
    image.write_bytes(b"image")
    manifest.add(image, key)
    with open(manifest.path, "a") as file:
        file.write(f"\n{key[:9]}")  # what a kill left
    again = FileManifest(manifest.path)
    assert again.is_finished(image, key)
    assert not again.is_finished(image, content_key("b"))
    for truncated in (b"", b"imag"):
        image.write_bytes(truncated)
        assert not again.is_finished(image, key), "a crash of the machine or a full disk cut it off"
    image.write_bytes(b"image")
    again.add(image, content_key("b"))
    assert not FileManifest(manifest.path).is_finished(image, key), "the last line counts"
    assert FileManifest(manifest.path).is_finished(image, content_key("b"))


def test_a_line_without_a_size_does_not_count(tmp_path):
    """0.1.0 wrote such lines, and took a truncated file for a finished one."""
    (tmp_path / "a.png").write_bytes(b"image")
    (tmp_path / "a.rendered.txt").write_text(f"\n{content_key('a')}  a.png")
    assert not FileManifest(tmp_path / "a.rendered.txt").is_finished(tmp_path / "a.png", content_key("a"))


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path):
    left = [".a.0001.abc_12x9.exr", ".a.abcdefgh.mp4"]
    foreign = [".a.settings", ".b.0001.abc_12x9.exr", ".aa.abcdefgh.mp4", "a.0001.abc_12x9.exr", ".a.0001.exr"]
    for name in left + foreign:
        (tmp_path / name).write_bytes(b"part")
    with atomic_write(tmp_path / "a.0002.exr") as being_written:
        FileManifest(tmp_path / "a.rendered.txt")
        assert being_written.is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*foreign, "a.0002.exr"])


def test_frames_are_numbered_as_blender_does():
    assert [frame_number(n) for n in (1, 12345, -1, 0)] == ["0001", "12345", "-0001", "0000"]


def test_frames_are_those_of_the_shot(make, tmp_path):
    with BakeReader.open(make.write_bake(tmp_path / "a.bake")) as bake:
        assert select_frames(bake, None, None) == range(-1, 4)
        assert select_frames(bake, 0, 2) == range(0, 3)
        for first, last in ((-2, None), (None, 4), (2, 1)):
            with pytest.raises(UserError, match=r"a\.bake: holds frames -1 to 3"):
                select_frames(bake, first, last)
