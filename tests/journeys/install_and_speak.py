# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist does with a fresh Blender: install the zip, add a head, a sound, attach, scrub, bake, render, export.

python install_and_speak.py ZIP FOLDER        prints one line of JSON
"""

import json
import sys
import time

import bpy

# isort: split
import addon_utils  # on sys.path once bpy is imported

archive, folder = sys.argv[1:]
NAME = "bl_ext.user_default.talksplat"
said = {}


def seconds(what, operator, *arguments, **options):
    """Call an operator and note how long it took."""
    start = time.monotonic()
    assert operator(*arguments, **options) == {"FINISHED"}, what
    said[what] = round(time.monotonic() - start, 2)


bpy.ops.wm.read_factory_settings(use_empty=True)
addon_utils.enable("bl_pkg", default_set=True)
seconds("install", bpy.ops.extensions.package_install_files,
        filepath=archive, repo="user_default", enable_on_install=True)  # fmt: skip
running = sys.modules[f"{NAME}.blender_addon.running"]
said["python"] = str(running.core_python())

scene = bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")
seconds("add", bpy.ops.talksplat.add_sample_head)
obj = bpy.context.object
seconds("attach", bpy.ops.talksplat.sample_voice)
scene.frame_end = 6
for path in sys.modules[f"{NAME}.blender_addon.preferences"].own_folder("performances").iterdir():
    path.unlink()  # heard by a worker that is awake
seconds("attach, warm", bpy.ops.talksplat.attach_strip)


def positions():
    """[N,3] float32, flat."""
    cloud = obj.data
    values = bytearray(12 * len(cloud.points))
    cloud.attributes["position"].data.foreach_get("vector", memoryview(values).cast("f"))
    return bytes(values)


scene.frame_set(1)
closed = positions()
scene.frame_set(18)
said["moves"] = positions() != closed
settings = obj.talksplat
settings.view, settings.size, settings.movie = "HEAD", 64, True
settings.render_out = "//render/"
seconds("bake", bpy.ops.talksplat.bake)
seconds("render", bpy.ops.talksplat.render_sequence)
settings.render_out = "//again/"
seconds("render, warm", bpy.ops.talksplat.render_sequence)
seconds("export", bpy.ops.talksplat.export_sequence)
said["loaded"] = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "scipy", "librosa", "mediapipe"})
print("SAID", json.dumps(said))
