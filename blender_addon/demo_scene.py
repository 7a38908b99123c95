# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo scene, built in the new file that Open Demo Scene asked for."""

import bpy
from bpy.app.handlers import persistent

from ..core.formats import UserError
from . import running
from .blender_types import Context, current_context
from .operators.add_head import add_head
from .operators.add_sample_head import SAMPLE_HEAD
from .operators.open_demo_scene import MARK, TALKSPLAT_OT_open_demo_scene
from .scene import studio, view_transform
from .scene.versions import draws_splats
from .sidebar import show_tab

RATE = 24  # frames per second
SIZE, PERCENTAGE = (1920, 1080), 50  # of its pictures: half HD renders in a quarter of the time


@persistent
def after_reading(*_: object) -> None:
    """Build the scene where the file that was read asks for it."""
    # Blender numbers the mark where the file before has a text of that name.
    mark = next((text for text in bpy.data.texts if text.name.startswith(MARK)), None)
    if mark is None or bpy.data.filepath:  # somebody may have kept such a file
        return
    bpy.data.texts.remove(mark)
    try:
        build(current_context())
    except UserError as error:
        running.tell(TALKSPLAT_OT_open_demo_scene.bl_label, str(error))
        return
    if bpy.app.background:
        speak()
    else:  # an undo step, and Blender has no undo history while it reads a file
        bpy.app.timers.register(speak, first_interval=0.0)


def speak() -> float | None:
    """Press Sample Voice for the demo's head once no job runs; seconds until the next look."""
    if running.now:
        return 0.5
    with bpy.context.temp_override(window=current_context().window_manager.windows[0]):
        press = bpy.ops.talksplat.sample_voice  # pyright: ignore[reportAttributeAccessIssue]  (our own)
        if press.poll():  # the head may have been deleted while a job ran
            press("INVOKE_DEFAULT")
    return None


def build(context: Context) -> None:
    """The sample head, a camera, a light, the 3D view on them; the voice comes after. Raises UserError."""
    scene = context.scene
    scene.name = "Scene"  # Blender calls that of a file without any "Empty"
    scene.render.fps, scene.render.fps_base = RATE, 1.0
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.resolution_percentage = PERCENTAGE
    scene.frame_start = scene.frame_end = scene.frame_current = 1  # the end is the sound's
    view_transform.use_standard(scene)
    studio.add_world(scene)
    obj = add_head(context, str(SAMPLE_HEAD))
    context.view_layer.update()  # bounds
    studio.add_camera(scene, obj)
    studio.add_light(scene)
    show(context)


def show(context: Context) -> None:
    """The window's 3D view looks through the camera, shaded so that a head is as it was filmed, our tab beside it."""
    area = next((area for area in context.window.screen.areas if area.type == "VIEW_3D"), None)
    if area is None or not isinstance(space := area.spaces.active, bpy.types.SpaceView3D):
        return
    # Blender's own splats (5.3) are dark in Solid, which multiplies them by the material's colour.
    space.shading.type = "MATERIAL" if draws_splats() else "SOLID"
    if space.region_3d:
        space.region_3d.view_perspective = "CAMERA"
    show_tab(area)


def register() -> None:
    """Called by the add-on's own `register`."""
    bpy.app.handlers.load_post.append(after_reading)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    if bpy.app.timers.is_registered(speak):
        bpy.app.timers.unregister(speak)
    bpy.app.handlers.load_post.remove(after_reading)
