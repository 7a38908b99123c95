# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading back what was rendered."""

import numpy as np
import OpenEXR
import pytest


def channels_and_header(path) -> tuple[dict[str, np.ndarray], dict]:
    """({full name: [H,W]}, the first part's header) of an EXR."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}
        return channels, dict(file.parts[0].header)


@pytest.fixture(scope="session")
def read_exr():
    return channels_and_header
