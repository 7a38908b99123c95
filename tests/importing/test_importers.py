# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of every row of IMPORTERS, and the page that tells artists of them."""

from pathlib import Path

import pytest

from talksplat.core.formats import UserError
from talksplat.core.importing import IMPORTERS, importer_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "importing.md"
SUFFIXES = [suffix for row in IMPORTERS.values() for suffix in row.suffixes]


@pytest.mark.parametrize("name", IMPORTERS)
def test_an_importer_is_found_by_its_files_and_says_what_is_wrong_with_them(name, tmp_path):
    importer = IMPORTERS[name]
    assert importer.suffixes or importer.folder
    for suffix in importer.suffixes:
        path = tmp_path / f"a{suffix.upper()}"
        path.write_bytes(b"hello")
        assert importer_of(path) is importer
        with pytest.raises(UserError) as raised:
            importer.read(path, "")
        assert path.name in str(raised.value)
        assert "\n" not in str(raised.value)
    for file in importer.folder:
        (tmp_path / file).write_bytes(b"hello")
    if importer.folder:
        assert importer_of(tmp_path) is importer
        with pytest.raises(UserError, match=tmp_path.name):
            importer.read(tmp_path, "")


def test_no_two_importers_want_the_same_file():
    assert len(set(SUFFIXES)) == len(SUFFIXES)
    assert all(suffix == suffix.lower() for suffix in SUFFIXES)


def test_a_file_of_no_importer_says_which_there_are(tmp_path):
    for path in (tmp_path / "a.obj", tmp_path):
        with pytest.raises(UserError) as raised:
            importer_of(path)
        assert "PLY" in str(raised.value) or ".ply" in str(raised.value) or "offset.ply" in str(raised.value)


def test_the_page_names_each_file():
    text = PAGE.read_text(encoding="utf-8")
    named = [*SUFFIXES, *(file for row in IMPORTERS.values() for file in row.folder)]
    assert [name for name in named if f"`{name}`" not in text] == []
