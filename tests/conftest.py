# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test may ask for: the folder of real data, which is not part of the repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips, rig and weights: `../shared/data`, or $TALKSPLAT_SHARED_DATA."""
    folder = Path(os.environ.get("TALKSPLAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the shared real data is not here (set TALKSPLAT_SHARED_DATA to its folder)")
    return folder
