# SPDX-License-Identifier: GPL-3.0-or-later
"""The tiny footage (tests/tiny_footage.py), opened."""

import pytest

from talksplat.core.footage import Footage, encode_clips


@pytest.fixture(scope="module")
def footage(tiny_footage):
    return Footage.open(tiny_footage)


@pytest.fixture(scope="module")
def speech(footage):
    return encode_clips(footage, "train", "logmel")
