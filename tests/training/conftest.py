# SPDX-License-Identifier: GPL-3.0-or-later
"""The tiny footage (tests/tiny_footage.py), opened; sums that do not depend on the number of threads."""

import pytest
import torch

from talksplat.core.footage import Footage, encode_clips


@pytest.fixture(scope="module")
def footage(tiny_footage):
    return Footage.open(tiny_footage)


@pytest.fixture(scope="module")
def speech(footage):
    return encode_clips(footage, "train", "logmel")


@pytest.fixture(scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
