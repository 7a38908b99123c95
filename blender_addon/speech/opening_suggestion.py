# SPDX-License-Identifier: GPL-3.0-or-later
"""The Mouth Open that suits the loudness of what a head speaks; shown beside the slider, never set by itself."""

from __future__ import annotations

from functools import lru_cache

import bpy

from ...core.performance import suggested_opening
from .. import head_paths, open_files
from .attached_sounds import attached_sounds

LIVELIER = "This line is livelier than ordinary reading, by its loudness"


def opening_for(obj: bpy.types.Object) -> float | None:
    """Of the performances that the head speaks; None where there is nothing to suggest or one is not open yet."""
    paths = [head_paths.path_of(obj, "performance", item) for item in attached_sounds(obj).values()]
    return _opening_of(tuple((path, open_files.performance.stamp(path)) for path in paths)) if paths else None


@lru_cache(maxsize=64)
def _opening_of(files: tuple[tuple[str, tuple[int, int] | None], ...]) -> float | None:
    """Once for each state of the files, which it does not read: the panel asks at every redraw."""
    opened = [open_files.performance.cached(path) for path, _ in files]
    performances = [performance for performance in opened if performance is not None]
    return suggested_opening(performances) if len(performances) == len(files) else None
