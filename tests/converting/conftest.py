# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage of a turning head, and the dataset folder made of it."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from turning_head import run_convert, write_turning_head


@pytest.fixture(scope="package")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours")
    write_turning_head(folder)
    return folder


@pytest.fixture(scope="package")
def theirs(ours, tmp_path_factory):
    out = tmp_path_factory.mktemp("theirs") / "set"
    run_convert(ours, out)
    return out


@pytest.fixture
def copy(theirs, tmp_path):
    """A dataset folder to be damaged."""
    return shutil.copytree(theirs, tmp_path / "copy")
