# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head object keeps in the .blend: paths, hashes and an animator's sliders; nothing large.

A setting's default is the job dataclass's own. The sliders are the fields of the core's `Controls`.
"""

from dataclasses import fields

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..core.jobs import Render
from ..core.performance import Controls

# Field of Controls -> label, least, most, digits, what it does
SLIDERS = {
    "intensity": ("Intensity", 0.0, 2.0, 2, "How far the speech moves the head; 0 keeps the mouth at rest"),
    "delay": ("Delay", -1.0, 1.0, 3, "Seconds; above 0 the head speaks later than the sound, below 0 earlier"),
    "blink": ("Blink", 0.0, 1.0, 2, "Closes the eyes, on top of what the performance does"),
    "blinks": ("Blinks/min", 0.0, 60.0, 1, "Natural blinks a minute; 0 switches them off"),
    "brows": ("Brows", -1.0, 1.0, 2, "Lowers or raises the brows"),
}
DEFAULTS = Controls()
FILE = {"subtype": "FILE_PATH", "options": {"PATH_SUPPORTS_BLEND_RELATIVE"}}
FOLDER = {"subtype": "DIR_PATH", "options": {"PATH_SUPPORTS_BLEND_RELATIVE"}}


def _moved(self, context) -> None:
    """A slider or a switch was touched: show it now, not at the next frame."""
    from . import playback

    playback.refresh(context.scene)


def _slider(field: str) -> FloatProperty:
    label, least, most, digits, description = SLIDERS[field]
    return FloatProperty(
        name=label,
        description=description,
        default=getattr(DEFAULTS, field),
        min=least,
        max=most,
        precision=digits,
        step=1 if most <= 1 else 5,
        update=_moved,
    )


class TalkSplatControls(bpy.types.PropertyGroup):
    """One moment's settings; every one can be keyframed and driven."""

    __annotations__ = {field.name: _slider(field.name) for field in fields(Controls)}

    def values(self) -> Controls:
        return Controls(**{name: getattr(self, name) for name in SLIDERS})


class TalkSplatHead(bpy.types.PropertyGroup):
    """All about one talking head; lives on its object as `object.talksplat`."""

    head: StringProperty(name="Head", description="The .head file", **FILE)
    head_hash: StringProperty(name="Hash", description="Content hash of the head this object was made from")

    strip: StringProperty(name="Strip", description="The sound strip that the head listens to", update=_moved)
    strip_scene: PointerProperty(
        name="Scene", description="The scene in whose sequencer the strip lies", type=bpy.types.Scene, update=_moved
    )
    performance: StringProperty(
        name="Performance", **FILE, description="What the head made of the sound; a file in the cache, made by Attach"
    )
    sound: StringProperty(name="Sound", **FILE, description="The sound the performance was made from")

    controls: PointerProperty(type=TalkSplatControls)

    bake: StringProperty(name="Bake", description="The .bake file that holds this shot", **FILE)
    use_bake: BoolProperty(
        name="Play from Bake",
        default=True,
        update=_moved,
        description="Show the baked frames; off: replay the performance with the sliders",
    )
    bake_out: StringProperty(
        name="File",
        default="//bake/{head}.bake",
        **FILE,
        description="Where to bake to: // is the .blend's folder, {head} the object's name. "
        "With {take} in it every change of sliders, sound or range has a file of "
        "its own; without, another take replaces the file",
    )

    plates_out: StringProperty(
        name="Folder",
        default="//plates/{head}/",
        **FOLDER,
        description="Where to render to; // is the .blend's folder, {head} the object's name",
    )
    view: EnumProperty(
        name="View",
        default="SCENE",
        items=[
            ("SCENE", "Scene Camera", "The scene's camera at the scene's resolution"),
            ("HEAD", "Head's Own", "The view the head was trained in, square"),
        ],
    )
    size: IntProperty(
        name="Size",
        default=Render("", "").size,
        min=16,
        max=8192,
        subtype="PIXEL",
        description="Height and width of the head's own view",
    )
    png: BoolProperty(name="PNG", default=Render("", "").png, description="Preview pictures")
    exr: BoolProperty(name="EXR", default=Render("", "").exr, description="Half-float plates with alpha and depth")
    exr_layout: EnumProperty(
        name="Layers",
        default=Render("", "").exr_layout,
        items=[
            ("blender", "Blender", "A part a pass, named as Blender names them"),
            ("nuke", "Nuke", "One part: R G B A, depth.Z"),
        ],
    )
    space: EnumProperty(
        name="Space",
        default=Render("", "").space,
        items=[
            ("lin_rec709_scene", "Linear Rec.709", "Blender's own scene-linear space"),
            ("lin_ap1_scene", "ACEScg", "Scene-linear AP1"),
            ("lin_ap0_scene", "ACES2065-1", "Scene-linear AP0"),
        ],
    )
    movie: BoolProperty(name="MP4", default=Render("", "").movie, description="A movie with the sound")

    ply_out: StringProperty(
        name="Folder",
        default="//ply/{head}/",
        **FOLDER,
        description="Where the PLY sequence goes; one 3DGS file a frame",
    )


def is_head(body: bpy.types.Object | None) -> bool:
    """Whether the object is a talking head."""
    return body is not None and body.type == "POINTCLOUD" and bool(body.talksplat.head)


def heads_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The scene's talking heads that can be changed (linked ones stay as they are)."""
    if not bpy.data.pointclouds:
        return []
    return [body for body in scene.objects if is_head(body) and body.library is None]


def head_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The head the user means: the active object when it is one, else the scene's only one."""
    if is_head(context.object):
        return context.object
    heads = heads_of(context.scene)
    return heads[0] if len(heads) == 1 else None


CLASSES = (TalkSplatControls, TalkSplatHead)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Object.talksplat = PointerProperty(type=TalkSplatHead)


def unregister() -> None:
    del bpy.types.Object.talksplat
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
