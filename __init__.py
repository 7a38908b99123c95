# SPDX-License-Identifier: GPL-3.0-or-later
"""talksplat: Gaussian-splat heads that talk, in Blender and in a shell.

The repository is this package and is the Blender extension (ARCHITECTURE.md, "One package"). Blender
imports this file and calls `register`; a shell or a worker imports `talksplat.core`. Nothing of
bpy is touched at import time, so that both can.
"""


def register() -> None:
    from . import blender_addon

    blender_addon.register()


def unregister() -> None:
    from . import blender_addon

    blender_addon.unregister()
