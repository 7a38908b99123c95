# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny head's rig, made once."""

import pytest

from talksplat.core.formats import read_head
from talksplat.core.rigging import with_measured_rig


def result(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="session")
def finish():
    """The value that a generator returns."""
    return result


@pytest.fixture(scope="session")
def rigged(tiny_head):
    """The tiny head with its rig."""
    return result(with_measured_rig(read_head(tiny_head), 0.1))
