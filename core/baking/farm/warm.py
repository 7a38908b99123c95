# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Warm` job: the kernels of a render, compiled before a farm's first frame. They are kept for each user of each
machine (core/compiling), so that it is done once after an installation."""

from collections.abc import Generator

from ...jobs import Event, Finished, Started, Warm
from ..render_device import compile_render, is_render_compiled


def warm(_job: Warm) -> Generator[Event, None, None]:
    """Compile the kernels; at once where they are compiled."""
    was_compiled = is_render_compiled()
    if not was_compiled:
        yield Started("Compiling the renderer", 0)
        compile_render()
    yield Finished({"compiled": "now" if not was_compiled else "before"})
