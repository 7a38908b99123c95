# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as studios write them: `{shot}_{head}_v###.####`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs.name_tokens import (
    TOKENS,
    SequenceName,
    existing_versions,
    fill_path,
    fill_tokens,
    has_version,
    with_version,
)

VALUES = {"shot": "sh010", "head": "anna", "camera": "wide"}


def test_tokens_and_hashes_become_the_name_of_a_studio():
    filled = fill_tokens("{shot}_{head}_{camera}_v###.####", VALUES)
    assert filled == "sh010_anna_wide_v###.####"
    assert filled == fill_tokens("{shot}_{head}_{camera}_{version}.{frame}", VALUES)
    name = SequenceName.of(with_version(filled, 3))
    assert name.stem == "sh010_anna_wide_v003", "the movie and the manifest have no frame in their names"
    assert name.file(7, ".exr") == "sh010_anna_wide_v003.0007.exr"
    assert name.file(-7, ".exr", ".depth") == "sh010_anna_wide_v003.depth.-0007.exr"
    assert SequenceName.of("sh_######.exr").file(12, ".png") == "sh_000012.png"


@pytest.mark.parametrize("template", ["{shoot}_####", "{shot}_{view_layer}", "{}", "{shot.__class__}"])
def test_an_unknown_token_is_told_with_the_list(template):
    with pytest.raises(UserError) as error:
        fill_tokens(template, VALUES)
    assert template in str(error.value)
    if "view_layer" not in template:
        assert all(f"{{{token}}}" in str(error.value) for token in TOKENS)


@pytest.mark.parametrize("value", ["../up", "a/b", "..\\up", ".."])
def test_a_value_never_leaves_the_folder(value):
    with pytest.raises(UserError, match="no file name"):
        fill_tokens("{shot}", {"shot": value})


@pytest.mark.parametrize("name", ["a.####.b", "####_a", "####", "a_####.v###"])
def test_the_frame_comes_last(name):
    with pytest.raises(UserError, match="comes last"):
        SequenceName.of(name)


@given(st.text("abv#_.-{}0", max_size=12))
def test_names_without_tokens_keep_every_letter(name):
    """0.1.0 took any name: those stay to the byte."""
    if "##" not in name:
        assert SequenceName.of(name).file(1, ".exr") == f"{name}.0001.exr"
        if "{" not in name:
            assert fill_tokens(name, {}) == name


def test_a_folder_that_is_there_keeps_its_name(tmp_path):
    """A project in a folder called "{client} v###" renders as any other."""
    project = tmp_path / "{client} v###"
    project.mkdir()
    assert fill_path(str(project / "{shot}" / "v###"), VALUES) == str(project / "sh010" / "v###")
    with pytest.raises(UserError, match="unknown"):
        fill_path(str(tmp_path / "{customer}"), VALUES)


def test_versions_that_are_there(tmp_path):
    for name in ("a_v001.0001.exr", "a_v001.rendered.txt", "a_v012.mp4", "a_v2.0001.exr", "b_v099.mp4", "a_v0x7"):
        (tmp_path / name).touch()
    assert sorted(existing_versions(str(tmp_path / "a_v###"), is_beginning=True)) == [1, 12]
    assert sorted(existing_versions(str(tmp_path / "a_v##"), is_beginning=True)) == [1, 12]
    assert list(existing_versions(str(tmp_path / "a_{version}.mp4"))) == [12]
    (tmp_path / "v003" / "x_v003").mkdir(parents=True)
    (tmp_path / "v004" / "x_v003").mkdir(parents=True)
    assert list(existing_versions(str(tmp_path / "v###" / "x_v###"))) == [3], "both places are the same version"
    assert not has_version("prev###")
