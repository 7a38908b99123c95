# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on: Blender's side of the house. It sees bpy, numpy and the ground floor, never torch.

    scene/      the bpy data we own: point cloud, sound strip, space
    viewport/   heads as splats in the 3D view
    link/       the worker process (no bpy in there)
    operators/  one verb a file
    library     heads, performances and bakes that are open; nothing of it lies in the .blend
    playback    the frame-change handler: what the cloud shows at this moment
    saving      what of it reaches the .blend: a relative path and a hash
    running     the job that runs, its progress, its end
    panels      the sidebar tab

Nothing of bpy is imported before `register`, so that a shell may import this package.
"""


def _rooms() -> list:
    from . import operators, panels, playback, preferences, properties, running, saving
    from .viewport import handler

    return [preferences, properties, operators, panels, playback, saving, handler, running]


def register() -> None:
    for room in _rooms():
        room.register()


def unregister() -> None:
    for room in reversed(_rooms()):
        room.unregister()
