# SPDX-License-Identifier: GPL-3.0-or-later
"""numba's kernels, kept in a folder that nobody else can write to, because numba unpickles what lies there."""

from .cached_njit import cached_njit, kernels_are_kept

__all__ = ["cached_njit", "kernels_are_kept"]
