# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a Blender of its own, without the add-on: what the heads of a .blend are at some frames,
and how F12 shows the last.

play_without_add_on.py FILE.blend OUT.npz FRAME... A frame may lie between two.
OUT.png is the picture, where the scene has a camera.
"""

import sys

import bpy
import numpy as np

ATTRIBUTES = {"position": ("vector", 3), "rotation": ("value", 4), "scale": ("vector", 3)}
blend, out, *frames = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=blend)
assert not hasattr(bpy.types.Object, "talksplat")
assert not bpy.context.preferences.filepaths.use_scripts_auto_execute
columns = {}
for frame in frames:
    bpy.context.scene.frame_set(int(float(frame)), subframe=float(frame) % 1)
    graph = bpy.context.evaluated_depsgraph_get()
    for obj in bpy.data.objects:
        cloud = obj.evaluated_get(graph).data if obj.type == "POINTCLOUD" else None
        if cloud and hasattr(cloud, "type"):  # since 5.3
            columns[f"{obj.name} type"] = cloud.type
        for name, (value, width) in ATTRIBUTES.items() if cloud and len(cloud.points) else ():
            array = np.empty(len(cloud.points) * width, np.float32)
            cloud.attributes[name].data.foreach_get(value, array)
            columns[f"{obj.name} {name} {frame}"] = array.reshape(-1, width)
np.savez(out, **columns)
if bpy.context.scene.camera:
    bpy.context.scene.render.filepath = out.replace(".npz", ".png")
    bpy.ops.render.render(write_still=True)
