# SPDX-License-Identifier: GPL-3.0-or-later
"""The passes of a render: images that a compositor knows, made from what the raster gives. A new one: a row in PASSES.

Light to import (numpy): Blender's panel shows this table. Knows no files; how pixels are written: exr_layers.py.

Letters: H x W pixels, C channels.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from ..formats import UserError
from .cryptomatte import header_attributes, layers_for, ranked
from .pass_picture import PassPicture

Heads = tuple[str, ...]  # names of the heads in a picture


class PassKind(Enum):
    """What a pass's pixels are, which decides how they are written."""

    COLOUR = "colour"  # [H,W,4] a rendering's colour, premultiplied, and alpha; written scene-linear, half float
    DEPTH = "depth"  # [H,W,1] metres along the camera's axis, 0: none; written float, far away where empty
    DATA = "data"  # [H,W,C] anything else; written float, as it is


@dataclass(frozen=True)
class PassLayer:
    """Where an EXR has channels of a pass."""

    name: str  # of the layer; channels are named NAME.LETTER, in a layer "" by the letter alone
    letters: str  # what the file calls them
    first: int = 0  # the first of them among the pass's channels
    factor: float = 1.0  # what the file's values are multiplied by


@dataclass(frozen=True)
class Pass:
    """One pass: all that the panel, the shell, the raster and the EXR writer need to know of it."""

    label: str  # in the panel
    description: str  # its tooltip: one sentence without a full stop
    kind: PassKind
    channels: str  # C letters, the order of `pixels`
    layers: dict[str, str | tuple[PassLayer, ...]]  # EXR layout -> the layer with all channels, or several
    needs_depth: bool  # whether the raster computes depth for it
    pixels: Callable[[PassPicture], np.ndarray]  # gives [H,W,C] float32
    blends: tuple[str, ...] = ()  # names in SPLAT_CHANNELS: what the raster blends for it
    blends_of_several: tuple[str, ...] | None = None  # those of a picture of several heads; None: the same
    # Of a pass of mattes, heads -> what they are called; () nothing in the file names a head.
    names: Callable[[Heads], tuple[str, ...]] = lambda _: ()

    def layers_in(self, layout: str, heads: Heads = ("head",)) -> tuple[PassLayer, ...]:
        """Where an EXR of this layout has the channels; of mattes LAYER00, and for further names LAYER01 …"""
        layers = self.layers[layout]
        if not isinstance(layers, str):
            return layers
        base, step = layers.removesuffix("00"), len(self.channels)
        count = layers_for(len(self.names(heads)))
        further = (PassLayer(f"{base}{i:02d}", self.channels, first=i * step) for i in range(1, count))
        return PassLayer(layers, self.channels), *further

    def attributes(self, layer: str, heads: Heads) -> dict[str, str]:
        """Of the EXR's header, where it has this layer."""
        names = self.names(heads)
        return header_attributes(layer[:-2], names) if names else {}


def parts_of(heads: Heads) -> tuple[str, ...]:
    """What Cryptomatte calls the parts of heads: of each its face, and the inside of its mouth."""
    return tuple(f"{head}/{part}" for head in heads for part in ("face", "mouth"))


def _cryptomatte(label: str, description: str, layer: str, names: Callable[[Heads], tuple[str, ...]], **row) -> Pass:
    """A pass of Cryptomatte layers, LAYER00 and on."""
    layers: dict[str, str | tuple[PassLayer, ...]] = {"blender": f"ViewLayer.{layer}00", "nuke": f"{layer}00"}
    return Pass(label, description, PassKind.DATA, "rgba", layers, needs_depth=False, names=names, **row)


# The name that `Render.passes` takes -> the pass; an EXR has them in this order.
PASSES: dict[str, Pass] = {
    "beauty": Pass(
        "Beauty",
        "Colour and alpha, premultiplied",
        PassKind.COLOUR,
        "RGBA",
        {"blender": "ViewLayer.Combined", "nuke": ""},
        needs_depth=False,
        pixels=lambda picture: np.concatenate([picture.rendering.color, picture.rendering.alpha[..., None]], axis=-1),
    ),
    "depth": Pass(
        "Depth",
        "Distance along the camera's axis in metres, blended over the Gaussians of a pixel",
        PassKind.DEPTH,
        "Z",
        {"blender": "ViewLayer.Depth", "nuke": "depth"},
        needs_depth=True,
        pixels=lambda picture: np.asarray(picture.rendering.depth_expected)[..., None],
    ),
    "depth_median": Pass(
        "Depth Median",
        "Distance in metres of the surface that covers half of a pixel, with hard edges",
        PassKind.DEPTH,
        "Z",
        {"blender": "ViewLayer.DepthMedian", "nuke": "depth_median"},
        needs_depth=True,
        pixels=lambda picture: np.asarray(picture.rendering.depth_median)[..., None],
    ),
    "position": Pass(
        "Position",
        "Where the surface is in the scene's world, in metres; 0 where there is none",
        PassKind.DATA,
        "XYZ",
        {"blender": "ViewLayer.Position", "nuke": "P"},
        needs_depth=True,
        pixels=lambda picture: picture.positions,
    ),
    "normal": Pass(
        "Normal",
        "Which way the surface faces in the scene's world, of length 1; 0 where there is none",
        PassKind.DATA,
        "XYZ",
        {"blender": "ViewLayer.Normal", "nuke": "N"},
        needs_depth=True,
        pixels=lambda picture: picture.normals,
        blends=("shortest_axis",),
    ),
    "vector": Pass(
        "Vector",
        "How many pixels the head moves from the frame before and to the next, for motion blur in the compositor",
        PassKind.DATA,
        "XYZW",
        {
            "blender": "ViewLayer.Vector",
            "nuke": (PassLayer("backward", "uv"), PassLayer("forward", "uv", first=2, factor=-1.0)),
        },
        needs_depth=False,
        pixels=lambda picture: picture.averaged("to_previous", "from_next"),
        blends=("to_previous", "from_next"),
    ),
    "matte_face": Pass(
        "Face Matte",
        "How much of a pixel is the head without the inside of its mouth, 0 to 1",
        PassKind.DATA,
        "A",
        {"blender": "ViewLayer.MatteFace", "nuke": "matte_face"},
        needs_depth=False,
        pixels=lambda picture: picture.blended["face"],
        blends=("face",),
    ),
    "matte_mouth": Pass(
        "Inside Mouth Matte",
        "How much of a pixel is the inside of the mouth, with teeth and tongue, 0 to 1",
        PassKind.DATA,
        "A",
        {"blender": "ViewLayer.MatteMouth", "nuke": "matte_mouth"},
        needs_depth=False,
        pixels=lambda picture: picture.blended["mouth"],
        blends=("mouth",),
    ),
    "cryptomatte": _cryptomatte(
        "Cryptomatte",
        "A matte of each head that the Cryptomatte node picks by the head's name",
        "CryptoObject",
        lambda heads: heads,
        pixels=lambda picture: ranked(picture.heads, picture.head_mattes),
        blends_of_several=("parts_by_head",),
    ),
    "cryptomatte_parts": _cryptomatte(
        "Cryptomatte Parts",
        "Mattes that the Cryptomatte node picks by part: the face, and the inside of the mouth",
        "CryptoPart",
        parts_of,
        pixels=lambda picture: ranked(parts_of(picture.heads), picture.part_mattes),
        blends=("face", "mouth"),
        blends_of_several=("parts_by_head",),
    ),
}


def select_passes(names: Sequence[str]) -> dict[str, Pass]:
    """The passes of these names, in the order of PASSES. Raises UserError for an unknown name and for none."""
    unknown = [name for name in names if name not in PASSES]
    if unknown or not names:
        problem = f"pass {unknown[0]!r} is unknown" if unknown else "an EXR needs at least one pass"
        raise UserError(f"{problem}; use {', '.join(PASSES)}.")
    return {name: row for name, row in PASSES.items() if name in names}


def blended_by(passes: Iterable[Pass], heads: int = 1) -> tuple[str, ...]:
    """Names in SPLAT_CHANNELS, each once: what the raster blends for these passes of a picture of so many heads."""

    def of(row: Pass) -> tuple[str, ...]:
        return row.blends if heads == 1 or row.blends_of_several is None else row.blends_of_several

    return tuple(dict.fromkeys(name for row in passes for name in of(row)))
