# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head's render is asked for, as the .blend keeps it. A setting's default is the job dataclass's own; the passes
are the core's table.
"""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ...core.baking import PASSES
from ...core.jobs import TOKENS, Render
from .frame_choice import CHOICES

RENDER = Render("", "")
FOLDER = {"subtype": "DIR_PATH", "options": {"PATH_SUPPORTS_BLEND_RELATIVE"}}
TOKEN_LIST = ", ".join(f"{{{token}}}" for token in TOKENS)  # as tooltips name them


def frames_property(verb: str):
    """The choice of frames of a button."""
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


class RenderSettings:
    """Fields of the head's settings."""

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
    render_frames: frames_property("render")
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
    nuke_script: BoolProperty(
        name="Nuke Script",
        default=RENDER.nuke_script,
        description="Write NAME.nk next to the files: nodes to paste into Nuke, with the files, their passes and the "
        "camera",
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
