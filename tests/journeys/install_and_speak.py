# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist does with a fresh Blender: install the zip, add a head, a sound, attach, scrub, bake, render, export.

python install_and_speak.py ZIP FOLDER        prints one line of JSON
"""

import json
import sys
import time
from pathlib import Path

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
voice = (running.ROOT / "samples" / "voice.wav").read_bytes()
line = Path(folder, "line.wav")
line.write_bytes(voice[:-2] + b"\1\0")  # another sound than the sample voice, whose performance comes along
seconds("attach", bpy.ops.talksplat.choose_sound, filepath=str(line))
scene.frame_end = 6
for path in sys.modules[f"{NAME}.blender_addon.preferences"].own_folder("performances").iterdir():
    path.unlink()  # heard by a worker that is awake
seconds("attach, warm", bpy.ops.talksplat.attach_strip)


def positions():
    """[N,3] float32, flat."""
    cloud = bpy.context.object.data
    values = bytearray(12 * len(cloud.points))
    cloud.attributes["position"].data.foreach_get("vector", memoryview(values).cast("f"))
    return bytes(values)


def moves():
    """Whether the head does something else at frame 18 than at frame 1."""
    bpy.context.scene.frame_set(1)
    closed = positions()
    bpy.context.scene.frame_set(18)
    return positions() != closed


said["moves"] = moves()
settings = obj.talksplat
settings.view, settings.size, settings.movie = "HEAD", 64, True
settings.render_out = "//render/"
seconds("bake", bpy.ops.talksplat.bake)
seconds("render", bpy.ops.talksplat.render_sequence)
settings.render_out = "//again/"
seconds("render, warm", bpy.ops.talksplat.render_sequence)
seconds("export", bpy.ops.talksplat.export_sequence)
seconds("demo scene", bpy.ops.talksplat.open_demo_scene)
said["demo moves"] = moves()
said["loaded"] = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "scipy", "librosa", "mediapipe"})
print("SAID", json.dumps(said))
