# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy mesh of a head: a child of its object that stands where the head is and speaks with it."""

import bpy

from ...core.formats import QuadMesh
from ...core.performance import Frame, MeshCarrier, RigReplay
from .. import moments
from ..blender_types import current_context
from ..head_objects import settings_of
from ..open_files import OpenHead
from ..scene.pose_channels import label_of
from ..scene.proxy_object import (
    add_drivers,
    add_keys,
    has_drivers,
    key_labels,
    new_proxy_mesh,
    remove_drivers,
    set_pose,
)
from ..scene.rig_nodes import labels_of
from .uses import apply_use


def proxy_of(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The head's proxy mesh; None where it has none, or it was deleted, or it is that of the head this is a copy of."""
    proxy = settings_of(obj).proxy
    if proxy is None or proxy.type != "MESH" or proxy.parent != obj:
        return None
    return proxy if proxy.users_scene else None


def add_proxy(obj: bpy.types.Object, head: OpenHead, rig: RigReplay, mesh: QuadMesh) -> bpy.types.Object:
    """Give the head a proxy mesh, in place of one that it has."""
    remove_proxy(obj)
    moves = MeshCarrier(head.file, rig.frame(), mesh.vertices).channel_moves(rig.rig)
    proxy = bpy.data.objects.new(f"{obj.name} Proxy", new_proxy_mesh(f"{obj.name} Proxy", mesh))
    add_keys(proxy, [label_of(channel) for channel in rig.channels], moves)
    owners = [collection for collection in obj.users_collection if collection.library is None]
    (owners[0] if owners else current_context().scene.collection).objects.link(proxy)
    proxy.parent = obj
    settings_of(obj).proxy = proxy
    apply_use(proxy, settings_of(obj).proxy_use)
    return proxy


def remove_proxy(obj: bpy.types.Object) -> None:
    """Take the head's proxy mesh away."""
    proxy = proxy_of(obj)
    if proxy is not None and proxy.library is None:
        mesh = proxy.data
        bpy.data.objects.remove(proxy)
        if isinstance(mesh, bpy.types.Mesh) and mesh.users == 0:
            bpy.data.meshes.remove(mesh)
    settings_of(obj).proxy = None


def is_of_rig(proxy: bpy.types.Object, rig: RigReplay) -> bool:
    """Whether the mesh's shape keys are the rig's channels; a rig that was made again may have others."""
    return key_labels(proxy) == [label_of(channel) for channel in rig.channels]


def follow(obj: bpy.types.Object, rig: RigReplay | None, moment: moments.Moment, frame: Frame) -> None:
    """Let the head's proxy mesh show what the head shows: its pose, or of a bake's frame the pose that comes nearest.
    Nothing is written into linked data, nor into a mesh of another rig. Raises UserError."""
    proxy = proxy_of(obj)
    if proxy is None or rig is None or proxy.library or not proxy.data or proxy.data.library:
        return
    if is_of_rig(proxy, rig):
        remove_drivers(proxy)  # of a saved file, which knows the curves alone
        is_baked = moment.source and moment.controls is None
        set_pose(proxy, rig.pose_in(frame) if is_baked else moments.shown_pose(moment))


def drive_proxy(obj: bpy.types.Object) -> bpy.types.Object | None:
    """Let the curves of a head that follows them alone move its proxy mesh without the add-on: while a file is written.
    Returns the mesh that was given drivers; None where nothing was to do."""
    proxy = proxy_of(obj)
    if proxy is None or proxy.library is not None or settings_of(obj).follow != "CURVES" or has_drivers(proxy):
        return None
    if not labels_of(obj) or key_labels(proxy) != labels_of(obj):
        return None
    add_drivers(proxy, obj)
    return proxy
