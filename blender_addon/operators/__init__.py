# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators, one button a file. Adding one: write the file, name it here."""

import bpy

from . import (
    adapt_head,
    add_head,
    add_proxy_mesh,
    add_sample_head,
    add_to_compositor,
    align_markers,
    align_words,
    attach_strip,
    bake_keyframes,
    bake_shot,
    cancel_job,
    choose_sound,
    choose_words,
    corrections,
    create_training_environment,
    exact_colour,
    export_jobs,
    export_sequence,
    import_head,
    make_override,
    make_rig,
    make_self_contained,
    open_demo_scene,
    open_help,
    performance_presets,
    relink_bake,
    relink_head,
    remove_bake,
    render_sequence,
    self_test,
    set_up_playback,
    show_in_f12,
    suggest_offset,
    takes,
    use_standard_view,
    use_suggested_opening,
)

MODULES = (
    adapt_head,
    add_head,
    add_sample_head,
    import_head,
    open_demo_scene,
    relink_head,
    make_override,
    make_rig,
    make_self_contained,
    add_proxy_mesh,
    attach_strip,
    choose_sound,
    takes,
    choose_words,
    align_words,
    align_markers,
    suggest_offset,
    set_up_playback,
    use_standard_view,
    use_suggested_opening,
    performance_presets,
    bake_keyframes,
    corrections,
    bake_shot,
    relink_bake,
    remove_bake,
    cancel_job,
    render_sequence,
    add_to_compositor,
    export_jobs,
    show_in_f12,
    exact_colour,
    export_sequence,
    self_test,
    create_training_environment,
    open_help,
)
CLASSES = tuple(cls for module in MODULES for cls in module.CLASSES)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.TOPBAR_MT_file_import.append(add_head.draw_import_menu)
    bpy.types.TOPBAR_MT_file_import.append(import_head.draw_import_menu)
    bpy.types.VIEW3D_MT_add.append(add_head.draw_add_menu)
    bpy.types.TOPBAR_MT_file_new.append(open_demo_scene.draw_new_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_new.remove(open_demo_scene.draw_new_menu)
    bpy.types.VIEW3D_MT_add.remove(add_head.draw_add_menu)
    bpy.types.TOPBAR_MT_file_import.remove(import_head.draw_import_menu)
    bpy.types.TOPBAR_MT_file_import.remove(add_head.draw_import_menu)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
