# SPDX-License-Identifier: GPL-3.0-or-later
"""Add Proxy Mesh: a mesh that stands where the head is and speaks with it, for shadows; and Remove Proxy Mesh."""

import shutil
import tempfile
from pathlib import Path

import bpy

from ...core.formats import UserError, read_quad_mesh
from ...core.jobs import MakeProxy
from .. import head_paths, open_files, playback, running
from ..blender_types import Context
from ..head_objects import head_of, locked_reason
from ..proxy.proxy_mesh import add_proxy, proxy_of, remove_proxy
from .job_result import edited_head
from .operator_base import UNDOABLE, JobOperator
from .remove_base import RemoveOperator


class TALKSPLAT_OT_add_proxy_mesh(JobOperator, bpy.types.Operator):
    """Make a mesh that stands where the head is and speaks with it: it casts and catches shadows and can be collided
    with, and the camera does not see it"""

    bl_idname = "talksplat.add_proxy_mesh"
    bl_label = "Add Proxy Mesh"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with a rig, which moves the mesh."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        head = open_files.head.cached(head_paths.path_of(obj, "head"))
        if head is None:
            return "The head is not loaded"
        if head.rig is None:
            return "The head has no rig to move the mesh: press Make Rig first"
        return running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Let the worker make the mesh, and the rest be done when it is there."""
        obj = head_of(context)
        if obj is None:
            return
        uid, head = obj.session_uid, head_paths.path_of(obj, "head")
        folder = tempfile.mkdtemp(dir=bpy.app.tempdir)
        out = Path(folder, "proxy.ply")

        def report(result: dict) -> str:
            mesh = read_quad_mesh(out)
            shutil.rmtree(folder)
            with edited_head(uid) as owner:
                opened = open_files.head(head)
                if opened.rig is None:
                    raise UserError(f"{head} has no rig any more; press Make Rig and add the proxy mesh again.")
                proxy = add_proxy(owner, opened, opened.rig, mesh)
                playback.forget()
                for scene in owner.users_scene:
                    playback.refresh(scene)
            return f"{proxy.name} has {result['vertices']:,} vertices and follows {owner.name}"

        running.start_job(self.bl_label, MakeProxy(head, str(out)), report)


class TALKSPLAT_OT_remove_proxy_mesh(RemoveOperator, bpy.types.Operator):
    """Delete the head's proxy mesh"""

    bl_idname = "talksplat.remove_proxy_mesh"
    bl_label = "Remove Proxy Mesh"
    bl_options = UNDOABLE
    nothing_there = "The head has no proxy mesh"

    @classmethod
    def is_there(cls, obj: bpy.types.Object) -> bool:
        """Whether there is something to remove."""
        return proxy_of(obj) is not None

    def remove(self, obj: bpy.types.Object) -> None:
        """Remove it."""
        remove_proxy(obj)


CLASSES = (TALKSPLAT_OT_add_proxy_mesh, TALKSPLAT_OT_remove_proxy_mesh)
