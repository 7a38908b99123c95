# SPDX-License-Identifier: GPL-3.0-or-later
"""What a farm runs, `blender -b --python render_and_quit.py`: head and sound to pictures in FOLDER, then the end.

python render_and_quit.py HEAD SOUND FOLDER RENDER_FOLDER...
"""

import importlib.util
import sys
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[2]
head, sound, folder, *render_folders = sys.argv[1:]

if importlib.util.find_spec("talksplat") is None:  # a Python in which the checkout is not installed
    spec = importlib.util.spec_from_file_location(
        "talksplat", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    sys.modules["talksplat"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["talksplat"])
from talksplat import blender_addon  # noqa: E402
from talksplat.blender_addon.scene import versions  # noqa: E402

assert bpy.app.background
bpy.ops.wm.read_factory_settings(use_empty=True)
blender_addon.register()
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 4
versions.top_strips(scene.sequence_editor_create()).new_sound("voice", sound, 1, 1)
bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")
bpy.ops.talksplat.add_head(filepath=head)
settings = bpy.context.object.talksplat
settings.view, settings.size, settings.exr, settings.movie = "HEAD", 32, False, False
bpy.ops.talksplat.attach_strip()
bpy.ops.talksplat.bake("INVOKE_DEFAULT")
for settings.render_out in render_folders:
    bpy.ops.talksplat.render_sequence()
