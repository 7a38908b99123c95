# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a Python with bpy, with FILE.exr FOLDER W H: an EXR through Blender's compositor. FOLDER gets SOCKET.exr of
each socket of the Image node, and LAYER.NAME.exr for each matte that the Cryptomatte node picks (its "/" as "_")."""

import sys

import bpy


def new_tree(scene: bpy.types.Scene) -> tuple:
    if not hasattr(scene, "compositing_node_group"):  # before 5.0
        scene.use_nodes = True
        scene.node_tree.nodes.clear()
        return scene.node_tree, scene.node_tree.nodes.new("CompositorNodeComposite")
    tree = bpy.data.node_groups.new("comp", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    scene.compositing_node_group = tree
    return tree, tree.nodes.new("NodeGroupOutput")


def main(file: str, folder: str, size: tuple[int, int]) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    scene.render.resolution_x, scene.render.resolution_y = size
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    tree, end = new_tree(scene)

    def save(socket: bpy.types.NodeSocket, name: str) -> None:
        tree.links.new(socket, end.inputs[0])
        scene.render.filepath = f"{folder}/{name}.exr"
        bpy.ops.render.render(write_still=True)

    node = tree.nodes.new("CompositorNodeImage")
    node.image = bpy.data.images.load(file)
    for socket in list(node.outputs):
        save(socket, socket.name)
    prefix = "ViewLayer." if node.outputs.get("Depth") else ""
    for layer, pick in (("CryptoObject", "ball"), ("CryptoPart", "ball/face"), ("CryptoPart", "ball/mouth")):
        picker = tree.nodes.new("CompositorNodeCryptomatteV2")
        picker.source, picker.image = "IMAGE", node.image
        picker.layer_name, picker.matte_id = prefix + layer, pick
        save(picker.outputs["Matte"], f"{layer}.{pick.replace('/', '_')}")


if __name__ == "__main__":
    main(sys.argv[-4], sys.argv[-3], (int(sys.argv[-2]), int(sys.argv[-1])))
