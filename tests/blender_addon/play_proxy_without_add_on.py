# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a Blender of its own, without the add-on: where the vertices of a file's mesh are at some frames.

play_proxy_without_add_on.py FILE.blend OUT.npz FRAME...
"""

import sys

import bpy
import numpy as np

blend, out, *frames = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=blend, use_scripts=False)
assert not hasattr(bpy.types.Object, "talksplat")
obj = next(obj for obj in bpy.data.objects if obj.type == "MESH")
columns = {}
for frame in frames:
    bpy.context.scene.frame_set(int(frame))
    mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    array = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", array)
    columns[frame] = array.reshape(-1, 3)
np.savez(out, **columns)
