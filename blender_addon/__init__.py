# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on: Blender's side of talksplat. It sees bpy, numpy and the base packages, never torch.

    scene/          the Blender data we own: point cloud, sound strip, camera; what this version of Blender can do
    compositing/    node groups of ours in the scene's compositor
    viewport/       heads as splats in the 3D view
    speech_graph/   the sound, the lips and the words in the editors with a time axis
    link/           the worker process (no bpy in there)
    operators/      one button a file
    speech/         what a head hears: sounds, strips, their times; how late the mouth is
    takes/          a head's takes: the list, a blend of them, two compared, one heard alone
    keyframes/      a head's pose as channels with F-curves, and how it is put together with what it speaks
    corrections/    a change of the pose at a frame, made of what an artist sees
    shot/           what is baked, rendered, exported: the frames, the jobs, what has changed since, the panels
    f12/            heads in Blender's own renders before 5.3
    self_contained/ what of a head stays in the .blend for a Blender without the add-on: rig and curves, or frames
    proxy/          the mesh that follows a head
    head_objects    which objects are heads, and which of them the user means
    properties      what a head keeps in the .blend: paths, hashes, sliders
    open_files      heads, performances and bakes that are open; nothing of it goes into the .blend
    head_paths      where a head's files are: beside this .blend, a library or the one it was copied from
    head_cloud      a head object's cloud, made from its file
    playback        what the cloud shows at this moment: the best that the head's files allow
    moments         a head's Gaussians at one moment
    playback_handlers   when playback looks again: a frame, an update, undo, a file that came back
    demo_scene      the new file of Open Demo Scene
    sidebar         our tab in a 3D view, opened
    saving          what of a head reaches the .blend: a relative path and a hash
    migration       settings that an older version stored
    running         the running job, its progress, its end
    command_line    `blender -b SHOT.blend --command talksplat ...`
    job_status      the same in Blender's status bar
    shortcuts       Esc over our tab
    panels          the sidebar tab; panel_base: what its panels share; a part's own panel lies in its package
    control_sliders the sliders of the core's controls, and why one is grey; preset_panel: their presets
    head_state      what is wrong with a head, with the buttons that cure it
    panel_text      sentences over several lines

Nothing of bpy is imported before `register`, so that a shell may import this package.
"""

from types import ModuleType


def _modules() -> list[ModuleType]:
    from . import (
        command_line,
        demo_scene,
        job_status,
        operators,
        panels,
        playback_handlers,
        preferences,
        preset_panel,
        properties,
        running,
        saving,
        shortcuts,
        speech_graph,
    )
    from .f12 import handlers as f12_handlers
    from .shot import bake_state
    from .viewport import handler

    return [
        preferences,
        properties,
        operators,
        preset_panel,
        panels,
        playback_handlers,
        f12_handlers,
        saving,
        demo_scene,
        handler,
        running,
        bake_state,
        job_status,
        shortcuts,
        speech_graph,
        command_line,
    ]


def register() -> None:
    for module in _modules():
        module.register()


def unregister() -> None:
    for module in reversed(_modules()):
        module.unregister()
