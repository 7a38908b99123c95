# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head object keeps in the .blend: paths, hashes and an animator's sliders; nothing large.

A setting's default is the job dataclass's own. Export formats are the core's table; the sliders are in
slider_properties.py, what a render is asked for in shot/render_properties.py.
"""

import zlib
from typing import cast

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.exporting import EXPORTERS
from ..core.jobs import Export
from .corrections import properties as correction_properties
from .corrections.properties import TalkSplatCorrection
from .proxy.uses import USES, apply_use
from .self_contained.properties import TalkSplatStored
from .shot.render_properties import FOLDER, TOKEN_LIST, RenderSettings, TalkSplatPasses, frames_property
from .slider_properties import TalkSplatControls, show_now
from .speech.properties import FILE, Speech, TalkSplatSound
from .takes.properties import TakeList, TalkSplatTake

TAB = "TalkSplat"  # of the sidebar
SETTINGS_VERSION = 2  # 1: 0.1.0; raise it together with migration.py
EXPORT = Export("", "")
AXES = {"blender": "Z Up (Blender)", "rdf": "Y Down, Z Forward (OpenCV)", "rub": "Y Up, Z Back (OpenGL)"}
DEFAULT_AXES = "DEFAULT"
TOLERANCE = {
    "name": "Tolerance (mm)",
    "description": "How far the head may be from the speech: a larger value gives fewer keys. 0 keys every frame",
    "min": 0.0,
    "soft_max": 0.5,
    "max": 10.0,
    "step": 1,
    "precision": 3,
}


def _enum_item(name: str, label: str, description: str) -> tuple[str, str, str, str, int]:
    """A choice from a registry. Its number, which the .blend stores, depends on its name alone: a new row of the
    registry must not change the choice of an old file."""
    return (name, label, description, "NONE", zlib.crc32(name.encode()) >> 1)


def _use_proxy(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """The mesh is set up for its use."""
    from .proxy.proxy_mesh import proxy_of

    obj = settings.id_data
    if isinstance(obj, bpy.types.Object) and (proxy := proxy_of(obj)):
        apply_use(proxy, cast(TalkSplatHead, settings).proxy_use)


class TalkSplatHead(Speech, TakeList, RenderSettings, bpy.types.PropertyGroup):
    """Everything about one talking head; `settings_of` gives it."""

    settings_version: IntProperty(default=1, options={"HIDDEN"})

    head: StringProperty(name="Head", description="The .head file", **FILE)
    head_hash: StringProperty(name="Hash", description="Content hash of the head that this object was made from")

    stored_in: StringProperty(
        name="Folder", description="The folder of the .blend that the paths were written in", options={"HIDDEN"}
    )

    controls: PointerProperty(type=TalkSplatControls)
    use_rig: BoolProperty(
        name="Fast Playback",
        default=True,
        update=show_now,
        description="Move the head by its rig while scrubbing and playing: several times as fast, and within the error "
        "that the rig states. Bakes and renders are exact all the same",
    )

    key_frames: frames_property("turn into keyframes")
    key_tolerance: FloatProperty(**TOLERANCE, default=0.1)
    follow: EnumProperty(
        name="Follow",
        description="What moves the head",
        default="SPEECH",
        update=show_now,
        items=[
            ("SPEECH", "Speech", "The sound and the sliders, live"),
            ("CURVES", "Curves", "The keyframes of its channels alone"),
            ("MIX", "Speech to Curves", "From live speech to the keyframes, as the weight says"),
            ("ADD", "Speech + Curves", "Live speech, and the keyframes on top as corrections"),
        ],
    )
    curve_weight: FloatProperty(
        name="Weight",
        description="How much the curves count",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=show_now,
    )

    stored: PointerProperty(type=TalkSplatStored)
    corrections: CollectionProperty(type=TalkSplatCorrection)
    active_correction: IntProperty(name="Correction", description="The correction that is chosen", options=set())

    proxy: PointerProperty(name="Proxy Mesh", type=bpy.types.Object, description="The mesh that follows the head")
    proxy_use: EnumProperty(
        name="Use",
        description="What the proxy mesh is for",
        default="SHADOW",
        update=_use_proxy,
        items=[(name, use.label, use.description) for name, use in USES.items()],
    )

    use_bake: BoolProperty(
        name="Play from Bake",
        default=True,
        update=show_now,
        description="Show the baked frames; when off, the sliders move the head",
    )
    bake_out: StringProperty(
        name="File",
        default="//bake/{head}_{version}.bake",
        **FILE,
        description="Where to bake to: // is the folder of the .blend, {version} a number (v001) that goes up when the "
        f"shot has changed, so that no bake is overwritten. Tokens: {TOKEN_LIST}",
    )

    bake_frames: frames_property("bake")

    export_out: StringProperty(
        name="Folder",
        default="//export/{head}/",
        **FOLDER,
        description=f"Where to export to: // is the folder of the .blend. Tokens: {TOKEN_LIST}",
    )
    export_frames: frames_property("export")
    export_format: EnumProperty(
        name="Format",
        description="File format to export to",
        default=EXPORT.format,
        items=[_enum_item(name, row.label, row.description) for name, row in EXPORTERS.items()],
    )
    export_half: BoolProperty(
        name="Half Precision",
        default=EXPORT.half,
        description="Numbers of 16 bits: half the size, positions exact to a tenth of a millimetre",
    )
    export_clip: IntProperty(
        name="Frames per File",
        default=EXPORT.clip,
        min=0,
        soft_max=1000,
        description="Cut a long shot into files of so many frames (USD's value clips), so that an export that was "
        "cancelled continues. 0: one file",
    )
    export_axes: EnumProperty(
        name="Axes",
        description="Which way is up in the exported files",
        default=DEFAULT_AXES,
        items=[
            _enum_item(DEFAULT_AXES, "Default Axes", "The axes that the format expects"),
            *(
                _enum_item(axes, AXES.get(axes, axes), "")
                for axes in dict.fromkeys(axes for row in EXPORTERS.values() for axes in row.axes)
            ),
        ],
    )


CLASSES = (
    TalkSplatControls,
    TalkSplatPasses,
    TalkSplatSound,
    TalkSplatTake,
    TalkSplatStored,
    *correction_properties.CLASSES,
    TalkSplatHead,
)
for _group in (Speech, TakeList, RenderSettings, *CLASSES):  # a library override of a head may change all of it
    for _deferred in _group.__annotations__.values():
        is_list = _deferred.function is CollectionProperty
        _deferred.keywords["override"] = {"LIBRARY_OVERRIDABLE", *(["USE_INSERTION"] if is_list else [])}


def register() -> None:
    """Called by the add-on's own `register`."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    setattr(bpy.types.Object, "talksplat", PointerProperty(type=TalkSplatHead, override={"LIBRARY_OVERRIDABLE"}))  # noqa: B010


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    delattr(bpy.types.Object, "talksplat")
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
