# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads in F12 where Blender does not draw splats (before 5.3): our own pictures in the scene's compositor.

The pictures are files, NAME.0001.exr and NAME.depth.0001.exr in the folder f12 of the head's render folder, so that a
farm without the add-on composites them, too. `handlers` renders those that are missing.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bpy

from ...core.formats import Camera, UserError, format_frames, frame_number
from ...core.jobs import Render
from .. import head_paths, open_files
from ..compositing.over_by_depth import PURPOSE, Picture, over_by_depth
from ..compositing.scene_compositor import insert_groups, inserted_groups, remove_groups
from ..head_objects import is_head, settings_of
from ..scene import strip as strips
from ..scene.scene_camera import core_camera
from ..shot.output_paths import file_name_of, output_path, unsaved_reason

OWNER = "talksplat_head"  # custom property of the pictures' image: the head
DEPTH_ADDED = "talksplat_depth"  # custom property of a view layer: we switched its depth pass on
FOLDER = "f12"


def heads_in(scene: bpy.types.Scene, layer: bpy.types.ViewLayer | None = None) -> list[bpy.types.Object]:
    """The heads that get a picture: the scene's own, of one view layer; not those that a collection instance places."""
    return [obj for obj in (layer or scene).objects if is_head(obj)]


def is_shown(scene: bpy.types.Scene) -> bool:
    """Whether the scene's compositor lays our pictures over its renders."""
    return any(inserted_groups(scene, PURPOSE))


def is_current(scene: bpy.types.Scene) -> bool:
    """Whether it does so for each head of each view layer, from where its pictures are now."""
    shown = {name for node in inserted_groups(scene, PURPOSE) for name in _made_of(node.node_tree)}
    return bool(shown) and shown == {
        name for layer in scene.view_layers for obj in heads_in(scene, layer) for name in _name(obj)
    }


def unsaved_head_reason(scene: bpy.types.Scene) -> str:
    """Why there is no place for the pictures; "" where there is."""
    return next((reason for obj in heads_in(scene) if (reason := unsaved_reason(_folder(obj)))), "")


def show(scene: bpy.types.Scene) -> None:
    """Put the pictures of all heads into the compositor, in place of those before. Raises UserError."""
    for obj in heads_in(scene):
        output_path(_folder(obj), obj)
    hide(scene)

    def group_of(layer: bpy.types.ViewLayer) -> bpy.types.NodeTree | None:
        heads = heads_in(scene, layer)
        if not heads:
            return None
        if not layer.use_pass_z:
            layer.use_pass_z, layer[DEPTH_ADDED] = True, True
        return over_by_depth("Heads in F12", [_picture(obj) for obj in heads])

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
    for node in inserted_groups(scene, PURPOSE):
        colours = [image for image in _images(node.node_tree) if OWNER in image]
        for image in colours:
            obj = image[OWNER]
            if obj.name in scene.objects and obj.evaluated_get(graph).is_evaluated:
                if job := _job(scene, obj, graph, image):
                    yield job, _images(node.node_tree)


def _job(
    scene: bpy.types.Scene, obj: bpy.types.Object, graph: bpy.types.Depsgraph, image: bpy.types.Image
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
        core_camera(scene.camera.evaluated_get(graph), obj.evaluated_get(graph), scene.render), scene.render
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
    )


def within_border(camera: Camera, render: bpy.types.RenderSettings) -> tuple[Camera, tuple[int, ...]]:
    """The camera of the picture that Blender renders, and the part of it that is not empty (`Render.region`): a render
    region is cut out where Crop to Render Region is on."""
    if not render.use_border:
        return camera, ()
    left, right = (int(side * camera.width) for side in (render.border_min_x, render.border_max_x))
    bottom, top = (int(side * camera.height) for side in (render.border_min_y, render.border_max_y))
    if not render.use_crop_to_border:
        return camera, (left, camera.height - top, right, camera.height - bottom)
    cx, cy = camera.cx - left, camera.cy - (camera.height - top)
    return replace(camera, width=right - left, height=top - bottom, cx=cx, cy=cy), ()


def _folder(obj: bpy.types.Object) -> str:
    return os.path.join(settings_of(obj).render_out, FOLDER)


def _name(obj: bpy.types.Object) -> tuple[str, str]:
    """The first files of the two sequences, as the .blend has their paths."""
    folder = _folder(obj).replace("{head}", file_name_of(obj))
    colour, depth = (f"{file_name_of(obj)}{kind}.{frame_number(1)}.exr" for kind in ("", ".depth"))
    return os.path.join(folder, colour), os.path.join(folder, depth)


def _picture(obj: bpy.types.Object) -> Picture:
    colour, depth = (_sequence(f"{obj.name} {kind}", path) for kind, path in zip(("F12", "F12 Depth"), _name(obj)))
    _spaces(colour).name, _spaces(depth).name = "Linear Rec.709", "Non-Color"
    colour.alpha_mode = "PREMUL"
    colour[OWNER] = obj
    return Picture(obj, colour, depth)


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


def _made_of(group: bpy.types.NodeTree | None) -> list[str]:
    return [image.filepath for image in _images(group)]
