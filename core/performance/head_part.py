# SPDX-License-Identifier: GPL-3.0-or-later
"""A few of a head's Gaussians as a head of its own: what they do costs a fraction of what the whole head costs."""

import numpy as np

from ..formats import BRANCHES, HeadFile


def part_of(head: HeadFile, rows: np.ndarray) -> HeadFile:
    """The head with only these rows of its joint table (ascending), in that order; its networks and card are shared.

    Conditions of the whole head drive it.
    """
    tensors, start = dict(head.tensors), 0
    for branch in (name for name in BRANCHES if name in head.card.branches):
        columns = head.part(f"{branch}.gaussians")
        end = start + len(columns["means"])
        own = rows[(rows >= start) & (rows < end)] - start
        tensors |= {f"{branch}.gaussians.{name}": column[own] for name, column in columns.items()}
        start = end
    return HeadFile(head.card, tensors, head.source)
