# SPDX-License-Identifier: GPL-3.0-or-later
"""ARCHITECTURE.md's table of the public API is today's, and every name in it says what it is."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("api_table", Path(__file__).with_name("api_table.py"))
api_table = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(api_table)


def test_the_page_is_current():
    text = api_table.PAGE.read_text(encoding="utf-8")
    assert text == api_table.page(text), "run `make api`"


@pytest.mark.parametrize("package", api_table.packages(), ids=lambda path: path.name)
def test_every_exported_name_is_described(package):
    for name, file in api_table.exported(package).items():
        assert file.is_file(), f"{name}: {file} is not there"
        _, said = api_table.described(name, file)
        assert said, f"{package.name}.{name} has neither a docstring nor a comment"
