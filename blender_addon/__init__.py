# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on: Blender's side of talksplat. It sees bpy, numpy and the base packages, never torch.

    scene/          the Blender data we own: point cloud, sound strip, camera; what this version of Blender can do
    compositing/    node groups of ours in the scene's compositor
    viewport/       heads as splats in the 3D view
    speech_graph/   the sound, the lips and the words in the editors with a time axis
    link/           the worker process (no bpy in there)
    operators/      one button a file
    head_objects    which objects are heads, and which of them the user means
    properties      what a head keeps in the .blend: paths, hashes, sliders
    open_files      heads, performances and bakes that are open; nothing of it goes into the .blend
    head_paths      where a head's files are: beside this .blend, a library or the one it was copied from
    head_cloud      a head object's cloud, made from its file
    takes           a head's list of takes, changed; take_blend: read, and blended; take_solo: heard; take_compare: seen
    spoken_moments  what a head or one of its takes speaks at a time of the scene
    head_keyframes  a head's speech as F-curves: its channels, its keys, the nodes that play them without the add-on
    curve_pose      what a head follows, speech or curves, and how the two are put together with its corrections
    corrections     a change of the pose at a frame, made of what an artist sees; correction_properties: as stored
    shot_keys       a shot's poses as few keys; pose_change: what the curves change in a bake
    playback        what the cloud shows at this moment: the best that the head's files allow
    moments         a head's Gaussians at one moment
    playback_handlers   when playback looks again: a frame, an update, undo, a file that came back
    shot_jobs       a scene's shot as jobs for the worker
    f12_pictures    heads in Blender's own renders before 5.3; f12_handlers: rendered while Blender renders
    movie_sound     what the sequencer plays, for the movie of an edited shot
    bake_plan       where Bake writes to, and what becomes of the bakes that are there
    bake_state      what has changed since the bake, found out between redraws
    demo_scene      the new file of Open Demo Scene
    sidebar         our tab in a 3D view, opened
    saving          what of a head reaches the .blend: a relative path and a hash
    self_contained  what more of it, for a Blender without the add-on: its rig and curves, or its frames
    migration       settings that an older version stored
    running         the running job, its progress, its end
    job_status      the same in Blender's status bar
    shortcuts       Esc over our tab
    panels          the sidebar tab; output_panels: render and export; panel_base: what its panels share
    control_sliders the sliders of the core's controls, and why one is grey; preset_panel: their presets
    takes_panel     the list of takes
    keyframes_panel what a head follows; corrections_panel: the list of its corrections
    head_state      what is wrong with a head, with the buttons that cure it
    panel_text      sentences over several lines
    speech_offset   how late a mouth is, and what moves it; offset_panel, words_panel: their rows in the panels

Nothing of bpy is imported before `register`, so that a shell may import this package.
"""

from types import ModuleType


def _modules() -> list[ModuleType]:
    from . import (
        bake_state,
        demo_scene,
        f12_handlers,
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
    ]


def register() -> None:
    for module in _modules():
        module.register()


def unregister() -> None:
    for module in reversed(_modules()):
        module.unregister()
