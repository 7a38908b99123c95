# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads in F12 where Blender does not draw splats (before 5.3): our own pictures in the scene's compositor.

The pictures are files, NAME.0001.exr and NAME.depth.0001.exr in the folder f12 of the head's render folder, so that a
farm without the add-on composites them, too. `handlers` renders those that are missing.
"""

import os
from collections.abc import Iterator
from typing import Any

import bpy
from mathutils import Matrix

from ...core.formats import UserError, format_frames, frame_number
from ...core.jobs import Render, fill_tokens, folder_of_versions
from .. import head_paths, open_files
from ..compositing.over_by_depth import PURPOSE, Picture, over_by_depth
from ..compositing.scene_compositor import insert_groups, inserted_groups, remove_groups
from ..head_objects import settings_of
from ..scene import strip as strips
from ..scene.pixel_filter import pixel_filter_of
from ..scene.render_border import within_border
from ..scene.scene_camera import core_camera
from ..shot.output_paths import file_name_of, output_path, token_values, unsaved_reason
from .placements import Placement, evaluated_placements, matrices_in, placements_in

# Custom properties of the pictures' image: its `Placement`
OWNER, INSTANCER, NUMBER = "talksplat_head", "talksplat_instancer", "talksplat_number"
DEPTH_ADDED = "talksplat_depth"  # custom property of a view layer: we switched its depth pass on
FOLDER = "f12"


def is_shown(scene: bpy.types.Scene) -> bool:
    """Whether the scene's compositor lays our pictures over its renders."""
    return any(inserted_groups(scene, PURPOSE))


def is_current(scene: bpy.types.Scene) -> bool:
    """Whether it does so for each head of each view layer, from where its pictures are now."""
    images = [image for node in inserted_groups(scene, PURPOSE) for image in _images(node.node_tree)]
    shown = {image.filepath for image in images}
    needed = {name for layer in scene.view_layers for placed in placements_in(layer) for name in _names(placed)}
    unneeded = (_placement_of(image) for image in images if OWNER in image and image.filepath not in needed)
    return bool(shown) and needed <= shown and all(_may_be_made(scene, placed) for placed in unneeded)


def _may_be_made(scene: bpy.types.Scene, placed: Placement) -> bool:
    """Whether geometry nodes, or another instancer that has to be evaluated, may place the head there."""
    instancer = placed.instancer
    return instancer is not None and instancer.instance_type != "COLLECTION" and instancer.name in scene.objects


def unsaved_head_reason(scene: bpy.types.Scene) -> str:
    """Why there is no place for the pictures; "" where there is."""
    return next((reason for placed in placements_in(scene) if (reason := unsaved_reason(_folder(placed.head)))), "")


def show(scene: bpy.types.Scene) -> None:
    """Put the pictures of all heads into the compositor, in place of those before. Raises UserError."""
    for placed in placements_in(scene):
        output_path(_folder(placed.head), placed.head)
    hide(scene)

    def group_of(layer: bpy.types.ViewLayer) -> bpy.types.NodeTree | None:
        heads = evaluated_placements(layer)
        if not heads:
            return None
        if not layer.use_pass_z:
            layer.use_pass_z, layer[DEPTH_ADDED] = True, True
        return over_by_depth("Heads in F12", [_picture(placed) for placed in heads])

    insert_groups(scene, group_of)


def hide(scene: bpy.types.Scene) -> None:
    """Take the pictures out of the compositor; the files stay."""
    images = [image for node in inserted_groups(scene, PURPOSE) for image in _images(node.node_tree)]
    remove_groups(scene, PURPOSE)
    for layer in scene.view_layers:
        if DEPTH_ADDED in layer:
            layer.use_pass_z = False
            del layer[DEPTH_ADDED]
    for image in dict.fromkeys(images):
        if image.users == 0:
            bpy.data.images.remove(image)


def jobs_at(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> Iterator[tuple[Render, list[bpy.types.Image]]]:
    """What gives the pictures of the scene's frame, seen as `graph` (of a render) has it, and the images that read
    them. Raises UserError."""
    matrices = matrices_in(graph)
    for node in inserted_groups(scene, PURPOSE):
        for image in _images(node.node_tree):
            matrix = matrices.get(_placement_of(image)) if OWNER in image else None
            if matrix and (job := _job(scene, image[OWNER], matrix, graph, image)):
                yield job, _images(node.node_tree)


def _job(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    matrix: Matrix,
    graph: bpy.types.Depsgraph,
    image: bpy.types.Image,
) -> Render | None:
    """None where the bake does not reach: then there is no head."""
    if not settings_of(obj).bake:
        raise UserError(f"{obj.name} has no bake, and F12 shows what is baked; bake the shot.")
    path = head_paths.path_of(obj, "bake")
    card = open_files.bake(path).card
    if strips.frame_rate(scene) != card.fps:
        raise UserError(f"{card.name} was baked at {float(card.fps):g} frames per second; bake again at the scene's.")
    if scene.frame_current not in card.span:
        return None
    if scene.camera is None:
        raise UserError("The scene has no camera; add one.")
    camera, region = within_border(
        core_camera(scene.camera.evaluated_get(graph), obj, scene.render, matrix), scene.render
    )
    folder, file = os.path.split(open_files.absolute(image.filepath))
    return Render(
        bake=path,
        out=folder,
        name=file.removesuffix(f".{frame_number(1)}.exr"),
        cameras=(camera,),
        region=region,
        frames=format_frames([scene.frame_current]),
        png=False,
        movie=False,
        passes=("beauty",),
        exr_layout="nuke",
        depth_file="depth",
        supersampling=settings_of(obj).supersampling,
        **pixel_filter_of(scene),
    )


def _folder(obj: bpy.types.Object) -> str:
    return os.path.join(folder_of_versions(settings_of(obj).render_out), FOLDER)


def _names(placed: Placement) -> tuple[str, str]:
    """The first files of the two sequences, as the .blend has their paths."""
    head, instancer, number = placed
    folder, name = fill_tokens(_folder(head), token_values(head)), file_name_of(head)
    if instancer is not None:
        name += f"@{file_name_of(instancer)}" + (f".{number + 1}" if number else "")
    colour, depth = (f"{name}{kind}.{frame_number(1)}.exr" for kind in ("", ".depth"))
    return os.path.join(folder, colour), os.path.join(folder, depth)


def _picture(placed: Placement) -> Picture:
    kinds = ("F12", "F12 Depth")
    colour, depth = (_sequence(f"{placed.head.name} {kind}", path) for kind, path in zip(kinds, _names(placed)))
    _spaces(colour).name, _spaces(depth).name = "Linear Rec.709", "Non-Color"
    colour.alpha_mode = "PREMUL"
    colour[OWNER] = placed.head
    if placed.instancer is not None:
        colour[INSTANCER], colour[NUMBER] = placed.instancer, placed.number
    return Picture(tuple(filter(None, (placed.head, placed.instancer))), colour, depth)


def _placement_of(image: bpy.types.Image) -> Placement:
    return Placement(image[OWNER], image.get(INSTANCER), image.get(NUMBER, 0))


def _spaces(image: bpy.types.Image) -> Any:
    """The stubs know no spaces, which are the colour configuration's."""
    return image.colorspace_settings


def _sequence(name: str, path: str) -> bpy.types.Image:
    """One image for all view layers that show the head."""
    image = next((image for image in bpy.data.images if image.filepath == path and image.library is None), None)
    if image is None:
        image = bpy.data.images.new(name, 1, 1)
        image.source, image.filepath = "SEQUENCE", path
    return image


def _images(group: bpy.types.NodeTree | None) -> list[bpy.types.Image]:
    nodes = [node for node in group.nodes if isinstance(node, bpy.types.CompositorNodeImage)] if group else []
    return [node.image for node in nodes if node.image]
