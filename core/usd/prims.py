# SPDX-License-Identifier: GPL-3.0-or-later
"""Prims and attributes of a layer, written through USD's scene description (Sdf), which knows types as texts: a library
that is older than a type writes it all the same."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from .library import usd_modules


def define_prim(layer: Any, path: str, kind: str) -> Any:
    """The prim at `path`, made with its parents where it is not there; kind: its type's name."""
    (sdf,) = usd_modules("Sdf")
    prim = sdf.CreatePrimInLayer(layer, path)
    prim.specifier, prim.typeName = sdf.SpecifierDef, kind
    return prim


def fixed(prim: Any, name: str, kind: str, value: object, uniform: bool = False) -> Any:
    """An attribute that stays the same, returned. kind: a name of Sdf.ValueTypeNames; value None: none yet. uniform:
    the schema allows no time samples."""
    (sdf,) = usd_modules("Sdf")
    variability = sdf.VariabilityUniform if uniform else sdf.VariabilityVarying
    attribute = sdf.AttributeSpec(prim, name, getattr(sdf.ValueTypeNames, kind), variability)
    if value is not None:
        attribute.default = value
    return attribute


def sampled(prim: Any, name: str, kind: str, values: Mapping[int, object]) -> None:
    """An attribute with a time sample a frame; one value for all where it stays the same. values: frame -> value."""
    first = next(iter(values.values()))
    if all(value == first for value in values.values()):
        fixed(prim, name, kind, first)
        return
    attribute = fixed(prim, name, kind, None)
    for frame, value in values.items():
        prim.layer.SetTimeSample(attribute.path, float(frame), value)


def write_header(layer: Any, root: Any, rate: Fraction | None, first: int = 0, last: int = 0) -> None:
    """What a stage says about itself: Blender's axes (Z up), metres, `root` as the prim to show; a time code a frame,
    of `rate` a second, where something moves (None: nothing does)."""
    layer.defaultPrim = root.name
    layer.documentation = "Made by talksplat."
    layer.pseudoRoot.SetInfo("upAxis", "Z")
    layer.pseudoRoot.SetInfo("metersPerUnit", 1.0)
    if rate is not None:
        layer.timeCodesPerSecond = layer.framesPerSecond = float(rate)
        layer.startTimeCode, layer.endTimeCode = float(first), float(last)
