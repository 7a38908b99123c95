# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head object keeps in the .blend: paths, hashes and an animator's sliders; nothing large.

A setting's default is the job dataclass's own. Passes and export formats are the core's tables; the sliders are in
slider_properties.py.
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

from ..core.baking import PASSES
from ..core.exporting import EXPORTERS
from ..core.jobs import TOKENS, Export, Render
from .corrections import properties as correction_properties
from .corrections.properties import TalkSplatCorrection
from .proxy.uses import USES, apply_use
from .self_contained.properties import TalkSplatStored
from .shot.frame_choice import CHOICES
from .slider_properties import TalkSplatControls, show_now
from .speech.properties import FILE, Speech, TalkSplatSound
from .takes.properties import TakeList, TalkSplatTake

TAB = "TalkSplat"  # of the sidebar
SETTINGS_VERSION = 2  # 1: 0.1.0; raise it together with migration.py
RENDER, EXPORT = Render("", ""), Export("", "")
FOLDER = {"subtype": "DIR_PATH", "options": {"PATH_SUPPORTS_BLEND_RELATIVE"}}
AXES = {"blender": "Z Up (Blender)", "rdf": "Y Down, Z Forward (OpenCV)", "rub": "Y Up, Z Back (OpenGL)"}
DEFAULT_AXES = "DEFAULT"
TOKEN_LIST = ", ".join(f"{{{token}}}" for token in TOKENS)  # as tooltips name them
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


def _frames(verb: str):
    return EnumProperty(name="Frames", description=f"Which frames to {verb}", default="SCENE", items=CHOICES)


class TalkSplatPasses(bpy.types.PropertyGroup):
    """Which passes the EXR files hold."""

    __annotations__ = {
        name: BoolProperty(name=row.label, description=row.description, default=name in RENDER.passes)
        for name, row in PASSES.items()
    }

    def names(self) -> tuple[str, ...]:
        """The chosen ones, as `Render.passes` takes them."""
        return tuple(name for name in PASSES if getattr(self, name))


def _use_proxy(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """The mesh is set up for its use."""
    from .proxy.proxy_mesh import proxy_of

    obj = settings.id_data
    if isinstance(obj, bpy.types.Object) and (proxy := proxy_of(obj)):
        apply_use(proxy, cast(TalkSplatHead, settings).proxy_use)


class TalkSplatHead(Speech, TakeList, bpy.types.PropertyGroup):
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

    key_frames: _frames("turn into keyframes")
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

    bake_frames: _frames("bake")

    render_out: StringProperty(
        name="Folder",
        default="//render/{head}/",
        **FOLDER,
        description=f"Where to render to: // is the folder of the .blend. Tokens: {TOKEN_LIST}",
    )
    render_name: StringProperty(
        name="Name",
        description="How the files are called, such as {shot}_{head}_v###.####: v### is a version that is never "
        f"overwritten, #### the frame; empty: as the bake. Tokens: {TOKEN_LIST}",
    )
    publish: BoolProperty(
        name="Publish",
        default=RENDER.publish,
        description="Write NAME.publish.json next to the files: each with its SHA-256, and what they were made of",
    )
    render_frames: _frames("render")
    view: EnumProperty(
        name="View",
        description="Which camera renders the head",
        default="SCENE",
        items=[
            ("SCENE", "Scene Camera", "The scene's camera at the scene's resolution"),
            ("HEAD", "Head's Own", "The view that the head was trained in, square"),
        ],
    )
    size: IntProperty(
        name="Size",
        default=RENDER.size,
        min=16,
        max=8192,
        subtype="PIXEL",
        description="Height and width of the head's own view",
    )
    all_heads: BoolProperty(
        name="All Heads",
        description="Draw the other heads that the scene renders into the same pictures, sorted splat by splat, so "
        "that they can touch and overlap. All of them are to be baked",
    )
    holdout: StringProperty(
        name="Holdout Depth",
        description="EXR sequence with the depth of what hides the head where it is nearer, such as "
        "//cg/depth.####.exr; from the scene's own camera, at the picture's size or several times it",
        subtype="FILE_PATH",
    )
    supersampling: EnumProperty(
        name="Supersampling",
        description="How many samples a pixel has. A head that is small in the picture needs several, or it grows fat "
        "and flickers",
        default=RENDER.supersampling,
        items=[
            (
                "auto",
                "Automatic",
                "As many as the pictures that the head was trained on had, up to 8 x 8: none close up",
            ),
            ("off", "Off", "One sample a pixel, at any distance"),
            ("2x", "2x", "2 x 2 samples a pixel"),
            ("3x", "3x", "3 x 3 samples a pixel"),
            ("4x", "4x", "4 x 4 samples a pixel"),
        ],
    )
    motion_blur: BoolProperty(
        name="Motion Blur",
        default=True,
        description="Blur what moves, head and camera, where Motion Blur is on in the scene's render properties, by "
        "their shutter, position and curve",
    )
    overscan: FloatProperty(
        name="Overscan",
        description="How much more than the picture EXR files hold beyond each edge, of its width and height: for lens "
        "distortion and stabilising in the compositor",
        default=RENDER.overscan,
        min=0.0,
        max=100.0,
        soft_max=20.0,
        precision=0,
        subtype="PERCENTAGE",
    )
    rendered: StringProperty()  # the first EXR file of the sequence that was rendered last
    rendered_space: StringProperty()  # its colour space, as `Render.space`
    png: BoolProperty(name="PNG", default=RENDER.png, description="Write PNG previews")
    exr: BoolProperty(name="EXR", default=RENDER.exr, description="Write EXR files for compositing")
    movie: BoolProperty(name="Movie", default=RENDER.movie, description="Write a movie with the sound")
    movie_format: EnumProperty(
        name="Movie Format",
        description="What the movie is for",
        default=RENDER.movie_format,
        items=[
            ("mp4", "MP4", "H.264 and AAC, which everything plays, before grey"),
            ("prores", "ProRes 4444", "For editing: 10 bits a channel, alpha, uncompressed sound and time code"),
        ],
    )
    wav: BoolProperty(
        name="WAV",
        default=RENDER.wav,
        description="Write the sound as a Broadcast Wave file with the time code of the pictures",
    )
    passes: PointerProperty(type=TalkSplatPasses)
    exr_layout: EnumProperty(
        name="Layers",
        description="How the EXR files name their layers",
        default=RENDER.exr_layout,
        items=[
            ("blender", "Blender", "One part for each pass, named as Blender names them"),
            ("nuke", "Nuke", "A single part with R, G, B, A and depth.Z"),
        ],
    )
    space: EnumProperty(
        name="Colour Space",
        description="Colour space of the EXR files",
        default=RENDER.space,
        items=[
            ("lin_rec709_scene", "Linear Rec.709", "Blender's own scene-linear space"),
            ("lin_ap1_scene", "ACEScg", "Scene-linear AP1"),
            ("lin_ap0_scene", "ACES2065-1", "Scene-linear AP0"),
            ("srgb_rec709_scene", "sRGB", "Encoded as sRGB, for programs that expect codes instead of light"),
        ],
    )
    exr_compression: EnumProperty(
        name="Codec",
        description="How the EXR files are compressed",
        default=RENDER.exr_compression,
        items=[
            ("zip", "ZIP", "Lossless, the smallest"),
            ("zips", "ZIPS", "Lossless, line by line: compositors read it faster"),
            ("dwaa", "DWAA (lossy)", "Far smaller; depth and other data stay lossless"),
        ],
    )
    full_float: BoolProperty(
        name="Float (Full)",
        default=RENDER.full_float,
        description="Colours with 32 bits instead of 16; depth and other data always have them",
    )

    export_out: StringProperty(
        name="Folder",
        default="//export/{head}/",
        **FOLDER,
        description=f"Where to export to: // is the folder of the .blend. Tokens: {TOKEN_LIST}",
    )
    export_frames: _frames("export")
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
for _group in (Speech, TakeList, *CLASSES):  # a library override of a head may change all of it
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
