# SPDX-License-Identifier: GPL-3.0-or-later
"""What this version of Blender can do and what it calls it. The only file that asks Blender such questions.

Blender 4.5 to 5.3 differ in what is below; each function names the version that brought the newer way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import bpy

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import AttributeTypeItems


def can_resize_clouds() -> bool:
    """Whether `PointCloud.resize` is there (5.1); before, a cloud is made by converting a mesh."""
    return "resize" in _rna(bpy.types.PointCloud).functions


def float4_type() -> AttributeTypeItems:
    """The attribute type of four floats: FLOAT4 (5.2), else the colour type, which holds the same."""
    new = _rna(bpy.types.AttributeGroupPointCloud).functions["new"]
    kinds = cast(bpy.types.EnumProperty, new.parameters["type"]).enum_items
    return cast("AttributeTypeItems", "FLOAT4" if "FLOAT4" in kinds else "FLOAT_COLOR")


def draws_splats() -> bool:
    """Whether Blender draws Gaussian splats itself (5.3)."""
    return "type" in _rna(bpy.types.PointCloud).properties


def version_name() -> str:
    """This Blender as people call it, such as "5.0"."""
    return "{}.{}".format(*bpy.app.version)


def set_splat_type(cloud: bpy.types.PointCloud) -> None:
    """Make it a cloud of splats, where there is such a thing (5.3)."""
    if draws_splats():
        setattr(cloud, "type", "GAUSSIAN_SPLAT")  # noqa: B010  (the stubs know older versions)


def drive_splat_type(cloud: bpy.types.PointCloud) -> None:
    """Make it a cloud of splats wherever a version that knows them opens the file of one that does not, by a driver
    that needs no Python: the older one passes over it, with a line in its console."""
    animation = None if draws_splats() else cloud.animation_data_create()
    if animation is not None:
        driver = animation.drivers.new("type").driver
        assert driver is not None
        driver.type, driver.expression = "SCRIPTED", "1"  # the number of GAUSSIAN_SPLAT


def use_nodes(material: bpy.types.Material) -> bpy.types.ShaderNodeTree:
    """The material's node tree; 5.0 makes one unasked and deprecates the switch."""
    if material.node_tree is None:
        material.use_nodes = True
    assert material.node_tree is not None
    return material.node_tree


def has_compositor_groups() -> bool:
    """Whether a scene's compositor is a node group that it names (5.0); before, nodes of its own that may be off."""
    return "compositing_node_group" in _rna(bpy.types.Scene).properties


def top_strips(editor: bpy.types.SequenceEditor) -> Any:
    """The strips outside of meta strips, with `new_sound` (the collection was `sequences` before 5.0)."""
    return editor.strips if hasattr(editor, "strips") else getattr(editor, "sequences")  # noqa: B009


def all_strips_property(editor: bpy.types.SequenceEditor) -> str:
    """The name of the collection that holds every strip, those inside of meta strips too (5.0 renamed it)."""
    return "strips_all" if hasattr(editor, "strips_all") else "sequences_all"


def all_strips(editor: bpy.types.SequenceEditor) -> Iterable[bpy.types.Strip]:
    """Every strip, those inside of meta strips too."""
    return getattr(editor, all_strips_property(editor))


def strips_in(owner: bpy.types.SequenceEditor | bpy.types.MetaStrip) -> Iterable[bpy.types.Strip]:
    """The strips directly in a sequencer or a meta strip (`sequences` before 5.0)."""
    return owner.strips if hasattr(owner, "strips") else getattr(owner, "sequences")  # noqa: B009


def channel_mute(owner: bpy.types.SequenceEditor | bpy.types.MetaStrip, channel: int) -> bool:
    """Whether the channel of that number is muted there."""
    return channel < len(owner.channels) and owner.channels[channel].mute


def volume_of(strip: bpy.types.Strip) -> float | None:
    """The strip's volume; None for one that has none (a meta strip before 5.2)."""
    return getattr(strip, "volume", None)


def is_retimed(strip: bpy.types.Strip) -> bool:
    """Whether the strip has retiming keys; up to 5.3 Python sees none of a meta strip."""
    return len(getattr(strip, "retiming_keys", ())) > 1


def keeps_pitch(strip: bpy.types.SoundStrip) -> bool:
    """Whether a retimed strip plays at its sound's own pitch (5.0 brought the choice)."""
    return getattr(strip, "pitch_correction", False)


def last_frame_index(length: int) -> int:
    """Frames between a strip's first and last retiming key at normal speed; before 5.0 one less than it has."""
    return length if bpy.app.version >= (5, 0) else max(length - 1, 1)


def curves_of(animation: bpy.types.AnimData) -> Iterator[bpy.types.FCurve]:
    """The F-curves of the action in use."""
    if animation.action is None or animation.action_slot is None:
        return
    for layer in animation.action.layers:
        for strip in layer.strips:
            bag = cast(bpy.types.ActionKeyframeStrip, strip).channelbag(animation.action_slot)
            yield from bag.fcurves if bag else ()


def modifier_input_path(modifier: bpy.types.NodesModifier, identifier: str) -> str:
    """The path of a node group's input, as F-curves and drivers name it; 5.2 gave the inputs a place of their own, and
    changes the paths of older files itself."""
    name = f'modifiers["{bpy.utils.escape_identifier(modifier.name)}"]'
    if "properties" in _rna(bpy.types.NodesModifier).properties:
        return f"{name}.properties.inputs.{identifier}.value"
    return f'{name}["{identifier}"]'


def strip_frames(strip: bpy.types.Strip) -> tuple[Fraction, int, int]:
    """(frame at which the content starts, first visible frame, first frame after it). 5.1 renamed the three."""
    names = ("content_start", "left_handle", "right_handle")
    if "left_handle" not in _rna(type(strip)).properties:
        names = ("frame_start", "frame_final_start", "frame_final_end")
    start, left, right = (getattr(strip, name) for name in names)
    return Fraction(start), left, right


def sequencer_scene(workspace: bpy.types.WorkSpace) -> bpy.types.Scene | None:
    """The scene that the sequencer editor shows, which 5.0 lets differ from the window's; None before."""
    return getattr(workspace, "sequencer_scene", None)


def sequencer_shows(workspace: bpy.types.WorkSpace, scene: bpy.types.Scene) -> bool:
    """Whether the sequencer editor shows the time of that scene of the window; before 5.0 it always did."""
    return sequencer_scene(workspace) == scene or not hasattr(workspace, "sequencer_scene")


def stored_properties(owner: bpy.types.ID) -> Mapping[str, Any]:
    """The values of registered properties as the file holds them, those that are registered no more too; 5.0 keeps
    them apart from custom properties."""
    if hasattr(owner, "bl_system_properties_get"):
        return owner.bl_system_properties_get() or {}  # pyright: ignore[reportReturnType]  (a mapping at run time)
    return owner  # pyright: ignore[reportReturnType]  (a mapping at run time)


def _rna(kind: type[bpy.types.bpy_struct]) -> bpy.types.Struct:
    """How Blender describes one of its types."""
    return cast(bpy.types.Struct, kind.bl_rna)
